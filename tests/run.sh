#!/bin/bash
# Tests this project on this machine: unit tests, then the end-to-end cases in containers of
# Debian 12 and 13.  As root, which booting systemd needs; what is missing is installed by apt.
# (The same cases in virtual machines take longer: tests/e2e/run.sh --lane vm.)
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit
# shellcheck source=scripts/needs.sh
. scripts/needs.sh
scripts/setup.sh || exit
status=0
# As `precondition` of crates/trace has it; the kernels of the virtual machines can.
if [ ! -e /sys/kernel/btf/vmlinux ] || [ "$(readlink /proc/self/ns/pid)" != 'pid:[4026531836]' ]; then
    echo "this machine cannot trace (no BTF, or a container): tracing is tested in the virtual machines only"
    export SYSDIAG_NO_BPF=1
fi
cargo test --workspace --quiet || status=1
tests/e2e/run.sh --lane container || status=1
exit $status

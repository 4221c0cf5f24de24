#!/bin/bash
# Makes a machine that has the Rust toolchain ready to build and to test: rustc links with `cc`, some
# crates compile C, and what systemd writes is compared with what we read.  Installs nothing that
# is there already.
set -eu
# shellcheck source=scripts/needs.sh
. "$(dirname "$(readlink -f "$0")")/needs.sh"
# libc6-dev is only recommended by gcc, and nothing links without it.
need cc=gcc cc=libc6-dev
# Of use to the tests only: without it, or apt, the program builds.
need xz=xz-utils journalctl=systemd /lib/systemd/systemd-journal-remote=systemd-journal-remote ||
    echo "cargo test needs them, cargo build does not" >&2
command -v cargo >/dev/null || {
    echo "needed and not installed: the Rust toolchain (https://rustup.rs)" >&2
    exit 1
}

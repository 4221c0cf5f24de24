#!/bin/bash
# What a report costs, beside its peers in the same run: in a container, as root, with 500
# exited and with 500 running services.  Prints a table; asserts no duration.
#   bench.sh [--rounds N] [--binary FILE]      E2E_SUITE chooses the guest
set -u
# shellcheck source=tests/e2e/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/lib/common.sh"
# shellcheck source=tests/e2e/lib/tools.sh
. "$E2E/lib/tools.sh"

ROUNDS=5 BINARY=''
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) ROUNDS=${2:?} ;;
    --binary) BINARY=$(readlink -f "${2:?}") ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
    esac
    shift 2
done
cd "$E2E/../.." || die "no project"
need jq=jq || die "cannot read cargo's metadata"
if [ -z "$BINARY" ]; then
    cargo build --quiet --release --package sysdiag-analyzer || die "the build failed"
    BINARY=$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)/release/sysdiag-analyzer
fi
"$E2E/lib/container.sh" build || die "the guest could not be built"

# A peer from crates.io, built once.  Without it the table says so.
PEER=$CACHE/monitord/bin/monitord
if [ ! -x "$PEER" ]; then
    echo "building monitord, a peer to compare with" >&2
    cargo install --quiet --locked --root "$CACHE/monitord" monitord >"$CACHE/monitord.log" 2>&1 ||
        echo "monitord could not be built: $(grep -m1 '^error' "$CACHE/monitord.log")" >&2
fi

status=0
for what in exited running; do
    dir=$(mktemp -d) results=$(mktemp -d)
    mkdir "$dir/bin"
    cp "$BINARY" "$dir/bin/sysdiag-analyzer"
    cp "$TOOLS/usr/bin/prometheus-node-exporter" "$dir/bin/"
    [ ! -x "$PEER" ] || cp "$PEER" "$dir/bin/"
    cp "$E2E"/guest/{lib,bench}.sh "$dir/"
    echo "bash ./bench.sh $what $ROUNDS" >"$dir/main"
    E2E_TIMEOUT=600 "$E2E/lib/container.sh" run "$dir" "$results" || status=1
    cat "$results/output"
    echo
    rm -rf "$dir" "$results"
done
exit $status

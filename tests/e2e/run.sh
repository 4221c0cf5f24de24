#!/bin/bash
# Runs the cases of cases/ in booted Debian guests.
#   run.sh [--lane container|vm] [--suite bookworm|trixie] [--binary FILE] [--keep] [CASE...]
# Without --lane or --suite: all of them.  Without --binary the release build is made and used.
# The results of failures are kept in target/e2e (--keep: of all).  The last line is
# `N passed, N failed`.  A guest that cannot be built is a failure, never a skip.
#
# A case is a file with a comment `# lanes: container vm` (where it makes sense; `vm-bookworm`: in
# that suite only), perhaps
# `# boot: faults` (planted before systemd starts), `# image: servers` (the guest with more
# packages), `# example: agree` (a program of crates/journal/examples, put beside ours), `# test: kernel` (the tests in
# crates/trace/tests of that name, put there as `deps/kernel`, with the examples that they run) and `# boots: 3` (the guest boots
# up to so often, until guest() returns: it ends a boot itself, $BOOT is the number of this one), and two functions:
# guest() runs as root in the guest and saves outputs, check() runs on the host and judges them.
set -u
# shellcheck source=tests/e2e/lib/common.sh
. "$(dirname "$(readlink -f "$0")")/lib/common.sh"

PROJECT=$(cd "$E2E/../.." && pwd)
LANES=(container vm) SUITES=(bookworm trixie) CASES=() BINARY='' KEEP=''
while [ $# -gt 0 ]; do
    case $1 in
    --lane) LANES=("${2:?}"); shift ;;
    --suite) SUITES=("${2:?}"); shift ;;
    --binary) BINARY=$(readlink -f "${2:?}"); shift ;;
    --keep) KEEP=1 ;;
    -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
    *) CASES+=("$1") ;;
    esac
    shift
done
[ ${#CASES[@]} -gt 0 ] || mapfile -t CASES < <(cd "$E2E/cases" && ls -- *.sh)

need jq=jq python3=python3 || die "cannot check results"
cd "$PROJECT" || die "no project at $PROJECT"
TARGET=$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)
if [ -z "$BINARY" ]; then
    cargo build --quiet --release --package sysdiag-analyzer || die "the build failed"
    BINARY=$TARGET/release/sysdiag-analyzer
fi
[ -x "$BINARY" ] || die "no binary at $BINARY"
# It validates reports against the checked-in schema.
if [ -z "${XTASK:-}" ]; then
    cargo build --quiet --package xtask || die "the build of xtask failed"
    XTASK=$TARGET/debug/xtask
fi
export E2E BINARY PROJECT XTASK
KEPT=$TARGET/e2e
PASSED=0 FAILURES=0
declare -A BUILT

# header CASE KEY: a value of the comments at the top of a case.
header() { sed -n "s/^# $2: //p" "$E2E/cases/$1"; }

# stage_test NAME DIR: tests of crates/trace, without what only a debugger reads.
stage_test() {
    local built=(--quiet --package sysdiag-trace) file
    mkdir -p "$2"/{deps,examples}
    cargo build "${built[@]}" --examples || return
    file=$(cargo test "${built[@]}" --no-run --test "$1" --message-format json |
        jq -r --arg name "$1" 'select(.executable and .target.name == $name).executable')
    strip -o "$2/deps/$1" "$file" || return
    for file in "$TARGET"/debug/examples/*; do
        [[ ! -x $file || -d $file || ${file##*/} = *[-.]* ]] || strip -o "$2/examples/${file##*/}" "$file" || return
    done
}

# stage CASE DIR LANE: what becomes /e2e in the guest.
stage() {
    local example test
    mkdir -p "$2/bin"
    { cp "$BINARY" "$2/bin/sysdiag-analyzer" && cp "$E2E"/guest/{lib,faults,planted}.sh "$2/" &&
        cp "$E2E/cases/$1" "$2/case.sh"; } || die "cannot stage $1"
    example=$(header "$1" example)
    if [ -n "$example" ]; then
        { cargo build --quiet --release --package sysdiag-journal --example "$example" &&
            cp "$TARGET/release/examples/$example" "$2/bin/"; } || die "cannot build the example $example"
    fi
    test=$(header "$1" test)
    [ -z "$test" ] || stage_test "$test" "$2/bin" || die "cannot build the tests $test"
    cat >"$2/main" <<MAIN
set -u
LANE=$3
echo >>results/boots
BOOT=\$(wc -l <results/boots)
cp /sys/fs/cgroup/cgroup.controllers "\$RESULTS/controllers"
. ./lib.sh; . ./faults.sh; . ./planted.sh; . ./case.sh
[ $3 = container ] || patience
guest
MAIN
    [ "$(header "$1" boot)" != faults ] || (
        # shellcheck source=tests/e2e/guest/faults.sh
        . "$E2E/guest/faults.sh"
        faults_plant "$2/overlay"
    )
}

# judge CASE DIR: check() in the folder of the results; prints what does not hold.
judge() (
    cd "$2" || exit 1
    # shellcheck source=tests/e2e/lib/check.sh
    . "$E2E/lib/check.sh"
    # shellcheck source=/dev/null
    . "$E2E/cases/$1"
    check
    always
    exit $((FAILED > 0))
)

# one CASE: in lane $LANE and suite $SUITE.
one() {
    local name=${1%.sh} results rc=0 said started=$SECONDS staged
    results=$KEPT/$LANE-$SUITE/$name
    rm -rf "$results"
    mkdir -p "$results"
    staged=$(mktemp -d)
    stage "$1" "$staged" "$LANE"
    said=$("$E2E/lib/$LANE.sh" run "$staged" "$results" 2>&1) || rc=$?
    rm -rf "$staged"
    if [ $rc = 0 ]; then
        said=$(judge "$1" "$results" 2>&1) || rc=1
    else
        said="      the guest's script or the harness failed ($rc): $said"
    fi
    if [ $rc = 0 ]; then
        PASSED=$((PASSED + 1))
        echo "ok    $LANE $SUITE $name ($((SECONDS - started)) s)"
        [ -n "$KEEP" ] || rm -rf "$results"
    else
        FAILURES=$((FAILURES + 1))
        echo "FAIL  $LANE $SUITE $name ($((SECONDS - started)) s; see ${results#"$PROJECT"/})"
        echo "$said"
    fi
}

# built: makes the guest of $LANE, $SUITE and $E2E_IMAGE, tried once.
built() {
    local guest=$LANE-$SUITE-$E2E_IMAGE
    if [ -z "${BUILT[$guest]:-}" ]; then
        BUILT[$guest]=yes
        "$E2E/lib/$LANE.sh" build || BUILT[$guest]=no
        [ "${BUILT[$guest]}" = yes ] || echo "FAIL  $LANE $SUITE: the guest could not be built ($E2E_IMAGE)"
    fi
    [ "${BUILT[$guest]}" = yes ] || { FAILURES=$((FAILURES + 1)); return 1; }
}

# A function, read whole before it runs: this file may be edited meanwhile.
main() {
    local case
    for LANE in "${LANES[@]}"; do
        for SUITE in "${SUITES[@]}"; do
            export LANE SUITE E2E_SUITE=$SUITE
            for case in "${CASES[@]}"; do
                case=${case##*/} case=${case%.sh}.sh
                [ -f "$E2E/cases/$case" ] || die "no case ${case%.sh}"
                E2E_IMAGE=$(header "$case" image)
                export E2E_IMAGE=${E2E_IMAGE:-plain}
                E2E_BOOTS=$(header "$case" boots)
                export E2E_BOOTS=${E2E_BOOTS:-1}
                case " $(header "$case" lanes) " in
                *" $LANE "* | *" $LANE-$SUITE "*) built && one "$case" ;;
                esac
            done
        done
    done
    echo "$PASSED passed, $FAILURES failed"
    [ $FAILURES = 0 ] && [ $PASSED -gt 0 ]
    exit
}
main

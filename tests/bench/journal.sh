#!/bin/bash
# What our reader of journal files costs, beside libsystemd, journalctl and the crate sdjournal, in one
# run on one journal: a million entries of 22 fields, written by systemd-journal-remote.
# Prints CPU time (user and system, medians) and memory; asserts that all give the same answers,
# and no duration.
#   journal.sh [--rounds N] [--entries N] [--journal DIR]
# The journal is made once (a minute, 400 MB) and kept in ~/.cache/sysdiag-analyzer-bench (BENCH_CACHE).
set -u
HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/needs.sh
. "$HERE/../../scripts/needs.sh"
CACHE=${BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sysdiag-analyzer-bench}

die() { echo "journal.sh: $*" >&2; exit 125; }

# make: the journal, in files as they are rotated.
make() {
    mkdir -p "$JOURNAL.new" || die "cannot create $JOURNAL.new"
    echo "making a journal of $ENTRIES entries" >&2
    "$BIN/generate" "$ENTRIES" | SYSTEMD_JOURNAL_COMPACT=1 /lib/systemd/systemd-journal-remote \
        --output="$JOURNAL.new/server.journal" - >/dev/null 2>"$JOURNAL.log" ||
        die "systemd-journal-remote failed; see $JOURNAL.log"
    mv "$JOURNAL.new" "$JOURNAL"
}

# program PEER TASK: runs it; its answer is on standard output.
program() {
    case $1 in
    ours | sdjournal | libsystemd) "$BIN/$1" "$2" "$JOURNAL" "$BOOT" ;;
    # libsystemd has two ways to read fields: one by name, or all of them in turn.
    libsystemd-all) ENUMERATE=1 "$BIN/libsystemd" "$2" "$JOURNAL" "$BOOT" ;;
    # It cannot match by itself, so that this has to be done with what it prints.
    journalctl-json) if [ "$2" = catalogue ]; then ctl json "$2" | "$BIN/from-json" "$2" -; else ctl json "$2"; fi ;;
    journalctl-cat) ctl cat "$2" ;;
    esac
}

# ctl FORMAT TASK: journalctl cannot count, so that it prints what is to be counted.
ctl() {
    local fields=PRIORITY,_SYSTEMD_UNIT,MESSAGE select=()
    case $2 in
    counts) fields=PRIORITY ;;
    warnings) select=(--priority=warning) ;;
    messages) fields=MESSAGE select=("--boot=$BOOT") ;;
    catalogue) fields=$("$BIN/from-json" fields) select=("--boot=$BOOT") ;;
    esac
    journalctl --directory="$JOURNAL" --no-pager --quiet --output="$1" --output-fields="$fields" "${select[@]}"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# All of it is read before any is run: a benchmark takes minutes, in which this file may change.
main() {
    ROUNDS=5 ENTRIES=1000000 JOURNAL=''
    while [ $# -gt 0 ]; do
        case $1 in
        --rounds) ROUNDS=${2:?} ;;
        --entries) ENTRIES=${2:?} ;;
        --journal) JOURNAL=$(readlink -f "${2:?}") ;;
        *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 125 ;;
        esac
        shift 2
    done
    need journalctl=systemd /lib/systemd/systemd-journal-remote=systemd-journal-remote gcc=gcc ||
        die "cannot measure"
    # Not a program: it is what the peer is linked with.
    [ -e /usr/include/systemd/sd-journal.h ] || need sd-journal.h=libsystemd-dev || die "cannot measure"
    cd "$HERE/journal" || die "no $HERE/journal"
    TARGET=$(cd ../../.. && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    export CARGO_TARGET_DIR=$TARGET/journal-bench
    cargo build --quiet --locked --release || die "the build failed"
    BIN=$CARGO_TARGET_DIR/release

    if [ -z "$JOURNAL" ]; then
        JOURNAL=$CACHE/$ENTRIES-$(sha256sum src/bin/generate.rs | cut -c1-12)
        [ -d "$JOURNAL" ] || make
    fi
    # The last boot has half of the entries.
    BOOT=$(journalctl --directory="$JOURNAL" --output=export --lines=1 | sed -n 's/^_BOOT_ID=//p')
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT

    PEERS=(ours libsystemd libsystemd-all sdjournal journalctl-json journalctl-cat)
    status=0
    echo "$ENTRIES entries, $(find "$JOURNAL" -name '*.journal' | wc -l) files, $(du -sm "$JOURNAL" | cut -f1) MiB," \
        "systemd $(journalctl --version | awk 'NR == 1 { print $2 }'), CPU ms, medians of $ROUNDS rounds; behind it how many times ours"
    printf '%-10s' ''
    printf '%20s' "${PEERS[@]}"
    echo
    for task in counts warnings messages catalogue scan; do
        # Equal answers first: this also brings the journal into memory.
        program ours "$task" >"$WORK/answer" 2>"$WORK/cost" || die "our reader failed at $task"
        cp "$WORK/answer" "$WORK/answer.$task"
        for peer in "${PEERS[@]}"; do
            case $peer in
            journalctl-json) ctl json "$task" | "$BIN/from-json" "$task" - ;;
            # Its answer has no structure to be checked: as many lines as entries, at least.
            journalctl-cat) cat "$WORK/answer" ;;
            *) program "$peer" "$task" ;;
            esac >"$WORK/other" 2>/dev/null
            if ! cmp -s "$WORK/answer" "$WORK/other"; then
                echo "$task: $peer says $(cat "$WORK/other"), we say $(cat "$WORK/answer")"
                status=1
            fi
        done
        # In turn, so that what else the machine does hits all.
        TIMEFORMAT='%3U %3S'
        for ((round = 0; round < ROUNDS; round++)); do
            for peer in "${PEERS[@]}"; do
                { time program "$peer" "$task" >/dev/null 2>&1; } 2>&1 |
                    awk '{ print ($1 + $2) * 1000 }' >>"$WORK/$task.$peer"
            done
        done
        printf '%-10s' "$task"
        ours=$(median <"$WORK/$task.ours")
        for peer in "${PEERS[@]}"; do
            awk -v t="$(median <"$WORK/$task.$peer")" -v o="$ours" 'BEGIN {
                printf "%20s", sprintf("%.0f (%.1f)", t, o > 0 ? t / o : 0) }'
        done
        printf '   ours: %s\n' "$(cat "$WORK/cost")"
    done
    # What is there to be gained at all.
    entries=$(sed 's/ .*//' "$WORK/answer.warnings")
    for floor in pages "reads $entries"; do
        for ((round = 0; round < ROUNDS; round++)); do
            # shellcheck disable=SC2086 # A word and a number.
            { time "$BIN/floor" ${floor% *} "$JOURNAL" ${floor##* }; } 2>&1 | awk '{ print ($1 + $2) * 1000 }'
        done | median | sed "s/^/floor: $floor /; s/$/ ms/"
    done
    exit $status
}
main "$@"

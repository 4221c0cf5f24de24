# shellcheck shell=bash
# What the kernel and PAM say of real faults is found in the log, each with its unit and how often;
# what programs write in the same words is not.
# lanes: vm

# Pattern, count, units.
EXPECTED='auth.pam 12 e2e-guesser.service
disk.blk_io 3
kern.hung_task 1
oom.memcg_kill 1 e2e-oom.service
proc.coredump 1 e2e-crash.service
sd.unit_failed 2 e2e-crash.service e2e-oom.service'

guest() {
    plant_log
    journalctl --sync
    report logs analyze-logs
    report run run --no-save
    text logs-text sysdiag-analyzer analyze-logs
    capture logs
    # What is frozen could not be unmounted.
    fsfreeze --unfreeze /srv/e2e-still
}

# table REPORT: patterns of the catalogue that are bad, and log-ins.
table() {
    jq -r '.log_analysis.patterns[] | select(.severity == "error" or .severity == "critical" or .pattern_key == "auth.pam") |
        [.pattern_key, .count, (.units | sort)[]] | join(" ")' "$1.json" | sort
}

check() {
    local name
    exits logs-text 0
    exits capture-logs 0
    for name in logs run; do
        table "$name" >"$name.table"
        diff <(echo "$EXPECTED") "$name.table" >"$name.diff" || fail "$name: the log is told otherwise: $(grep '^[<>]' "$name.diff" | tr '\n' ';')"
        holds "$name" "the disk by its name" '.log_analysis.patterns[] | select(.pattern_key == "disk.blk_io") |
            (.resources | map(.count) == [3]) and (.resources[0].key | test("^loop[0-9]+$"))'
        holds "$name" "examples are the kernel's own words" '.log_analysis.patterns[] | select(.pattern_key == "oom.memcg_kill") |
            .examples[0].message | startswith("Memory cgroup out of memory: Killed process")'
        holds "$name" "the liar is nowhere" '[.log_analysis.patterns[] | select(.severity) | .units[]] | index("e2e-liar.service") == null'
    done
    says logs-text.txt 'oom\.memcg_kill  e2e-oom\.service'
}

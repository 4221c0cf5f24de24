# shellcheck shell=bash
# What the kernel and PAM say of real faults is found in the log, each with its unit and how often;
# what programs write in the same words is not.  Each is a finding, or the cause or effect of one.
# lanes: vm

# Pattern, count, units; of disks and file systems, the count of each.
EXPECTED='auth.pam 12 e2e-guesser.service
disk.blk_io loop2 3
kern.hung_task 1 e2e-still.service
oom.memcg_kill 2 e2e-gone.scope e2e-oom.service
proc.coredump 1 e2e-crash.service
proc.segfault 2 e2e-torn.service
sd.unit_failed 4 e2e-crash.service e2e-oom.service e2e-reader.service e2e-torn.service'

FINDINGS='
critical unit-oom-killed:e2e-oom.service
    error unit-failed:e2e-oom.service
error out-of-memory:e2e-gone.scope | oom\.memcg_kill\scount\s1
error unit-failed:e2e-crash.service | SIGSEGV
warning logged-trouble:e2e-torn.service | proc\.segfault\scount\s1
    error unit-failed:e2e-torn.service | SIGSEGV
warning logged-trouble:e2e-child | proc\.segfault\scount\s1
error disk-error:loop2 | disk\.blk_io\scount\s3
error disk-error:loop3 | disk\.blk_io
    critical file-system-error:loop3 | fs\.ext4_error
        error file-system-read-only:/srv/e2e-nested
            error unit-failed:e2e-reader.service | Input/output error
warning processes-uninterruptible:e2e-still.service
    error kernel-fault:e2e-still.service | kern\.hung_task\scount\s1
warning login-failures:su root | auth\.pam\scount\s12\s(.*\s)*e2e-guesser\.service
'

guest() {
    plant_log
    journalctl --sync
    report logs analyze-logs
    report run run --no-save
    text logs-text sysdiag-analyzer analyze-logs
    text run-text sysdiag-analyzer run --no-save
    capture logs
    # What is frozen could not be unmounted.
    fsfreeze --unfreeze /srv/e2e-still
}

# table REPORT: patterns of the catalogue that are bad; how often loop3 failed is up to the kernel.
table() {
    jq -r '.log_analysis.patterns[] | select(.severity and .severity != "info") |
        if .pattern_key | test("^(disk|fs)[.]") then
            "\(.pattern_key) \(.resources[] | select(.key != "loop3") | "\(.key) \(.count)")"
        else [.pattern_key, .count, (.units | sort)[]] | join(" ") end' "$1.json" | sort
}

check() {
    local name
    exits logs-text 1
    exits run-text 1
    exits capture-logs 0
    finds run "$FINDINGS"
    for name in logs run; do
        table "$name" >"$name.table"
        diff <(echo "$EXPECTED") "$name.table" >"$name.diff" || fail "$name: the log is told otherwise: $(grep '^[<>]' "$name.diff" | tr '\n' ';')"
        holds "$name" "examples are the kernel's own words" '.log_analysis.patterns[] | select(.pattern_key == "oom.memcg_kill") |
            .examples[0].message | startswith("Memory cgroup out of memory: Killed process")'
        holds "$name" "the liar is nowhere" '[.log_analysis.patterns[] | select(.severity) | .units[]] | index("e2e-liar.service") == null'
        holds "$name" "lines of an event are not told again" '[.log_analysis.patterns[] | select(.severity | not) | .examples[].message |
            select(test("Not tainted|hung_task_timeout_secs"))] == []'
    done
    says logs-text.txt 'oom\.memcg_kill  e2e-gone\.scope'
}

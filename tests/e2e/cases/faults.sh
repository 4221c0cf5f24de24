# shellcheck shell=bash
# Every planted fault is in the report, under the right unit, with the right result, time and
# last log line.
# lanes: container vm
# boot: faults

guest() {
    local unit
    faults_happened
    faults_foremost
    report run run
    text run-text sysdiag-analyzer run --no-save
    report unit analyze-unit e2e-failed.service
    report fail-on run --no-save --fail-on critical
    capture faults
    # Read afterwards: what is said of units that have come to rest cannot differ.
    for unit in e2e-failed.service e2e-segv.service e2e-oom.service e2e-badsock.socket \
        e2e-flap.service e2e-badtimer.timer; do
        props "$unit" "$unit"
        journalctl -b -o cat -n1 -u "$unit" >"$RESULTS/$unit.last"
    done
    pgrep -x tail >"$RESULTS/tail.pid"
    journalctl -b -o cat -t systemd >"$RESULTS/manager.log"
}

# rests UNIT LIST CONDITION: a unit that has come to rest is in the list as systemd describes it.
rests() {
    holds run "$1 in $2: $3" "unit(\$list; \$unit) | $3" --arg unit "$1" --arg list "$2"
    holds run "state and result of $1 as systemd has them" 'unit($list; $unit) |
        .load_state == "loaded" and .active_state == "failed" and .sub_state == $sub and .result == $result' \
        --arg unit "$1" --arg list "$2" --arg sub "$(prop "$1" SubState)" --arg result "$(prop "$1" Result)"
    holds run "$1 has failed since $(instant "$1" StateChangeTimestamp)" \
        'unit($list; $unit).since == $since' \
        --arg unit "$1" --arg list "$2" --arg since "$(instant "$1" StateChangeTimestamp)"
    holds run "last log line of $1: $(cat "$1.last")" \
        'unit($list; $unit).recent_logs[-1].message == $last' \
        --arg unit "$1" --arg list "$2" --arg last "$(cat "$1.last")"
}

check() {
    exits run 1
    exits run-text 1
    exits unit 1
    exits capture-faults 0
    exits fail-on "$(jq '[.findings[] | select(.severity == "critical")] | if length > 0 then 1 else 0 end' fail-on.json)"
    rests e2e-failed.service failed_units '.exit_status == 3 and (has("signal") | not)'
    holds run "its own last words" 'unit("failed_units"; "e2e-failed.service") | logged |
        contains("cannot open /etc/e2e.conf: No such file or directory")'
    rests e2e-segv.service failed_units '.signal == "SIGSEGV" and (has("exit_status") | not)'
    rests e2e-badsock.socket failed_units '.result == "resources"'
    rests e2e-badsock.socket problematic_sockets '.problem | length > 0'
    # It fails every minute anew, so only what stays the same can be compared.
    holds run "e2e-badtimer.service exited with 7" \
        'unit("failed_units"; "e2e-badtimer.service") | .exit_status == 7 and .result == "exit-code"'
    holds run "e2e-badtimer.timer, for its service" 'unit("problematic_timers"; "e2e-badtimer.timer") |
        .triggers == "e2e-badtimer.service" and (.problem | contains("failed"))'
    holds run "e2e-flap.service restarts" \
        'unit("flapping_units"; "e2e-flap.service") | .restarts_in_window >= 2 and (.recent_logs | length > 0)'
    holds run "no crash loop but that" '[.health_analysis.flapping_units[].name] == ["e2e-flap.service"]'
    holds run "nothing failed but that" '[.health_analysis.failed_units[].name] - $planted == []' --argjson planted \
        '["e2e-failed.service","e2e-segv.service","e2e-oom.service","e2e-badsock.socket","e2e-badtimer.service"]'
    holds run "a finding on each" '. as $r |
        ["e2e-failed.service", "e2e-segv.service", "e2e-flap.service", "e2e-badsock.socket"] |
        all(. as $u | $r | findings_on($u) | length > 0)'
    holds run "the timer's finding or its service's" \
        'findings_on("e2e-badtimer.timer") + findings_on("e2e-badtimer.service") | length > 0'
    holds run "every finding has a title, evidence and a next step" \
        'all(.findings[]; (.title | length > 0) and (.evidence | length > 0) and (.next | length > 0))'
    holds run "a finding's key is rule:subject" 'all(.findings[]; .key == "\(.rule):\(.subject)")'
    holds run "a cause is another finding" '[.findings[].key] as $keys |
        all(.findings[] | select(.cause); .cause as $c | $keys | index($c) != null)'
    resources
    holds run "dependencies of e2e-failed.service with states" '[.dependency_analysis[] |
        select(.unit == "e2e-failed.service").dependencies[] | select(.name == "sysinit.target" and
        .active_state == "active" and .load_state == "loaded" and (.problematic | not)).type] |
        contains(["Requires", "After"])'
    says run-text.txt 'e2e-failed\.service'
    says run-text.txt 'e2e-flap\.service'
    silent run-text.txt 'no problems'
    # The verdict's line is the second.
    sed -n 2p run-text.txt >verdict
    says verdict '^[0-9]+ (critical|errors?)'
}

# Figures of units and of the processes below them.
resources() {
    holds run "e2e-hog.service is first by CPU" '.resource_analysis.top_cpu_units[0] |
        .name == "e2e-hog.service" and .cpu_percent > 5 and .cpu_usage_usec > 0'
    holds run "tail below e2e-spawner.service" '.resource_analysis.child_process_groups[] |
        select(.parent_unit == "e2e-spawner.service" and .command_name == "tail") |
        .process_count == 1 and .memory_bytes > 0 and .pids == [$pid]' --argjson pid "$(cat tail.pid)"
    controller memory || [ "$LANE" != vm ] || fail "the machine has no memory controller"
    controller memory || return 0
    holds run "e2e-hog.service is first by memory" '.resource_analysis.top_memory_units[0] |
        .name == "e2e-hog.service" and .memory_current_bytes > 200e6'
    rests e2e-oom.service failed_units '.result == "oom-kill" and .signal == "SIGKILL"'
    holds run "a finding on the OOM kill" 'findings_on("e2e-oom.service") | length > 0'
    holds run "bytes written by e2e-io.service" 'usage("e2e-io.service").io_write_bytes >= 4194304'
    holds run "tasks of e2e-spawner.service" 'usage("e2e-spawner.service").tasks_current >= 2'
}

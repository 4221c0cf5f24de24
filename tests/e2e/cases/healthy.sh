# shellcheck shell=bash
# A fresh guest has no problem, and the report says so.
# lanes: container vm

guest() {
    journalctl -q -b -o json | wc -l >"$RESULTS/entries-before"
    report run run
    journalctl -q -b -o json | wc -l >"$RESULTS/entries-after"
    text run-text sysdiag-analyzer run
    report no-save run --no-save
    report health analyze-health
    report logs analyze-logs
    report unit analyze-unit e2e.service
    ls -l /var/lib/sysdiag-analyzer/history >"$RESULTS/history"
    stat -c '%a %n' /var/lib/sysdiag-analyzer/history{,/*} >"$RESULTS/modes"
    text show-history sysdiag-analyzer show-history
    tr -d - </proc/sys/kernel/random/boot_id >"$RESULTS/boot-id"
    # Whoever reads may leave early, or be unable to take it.
    sysdiag-analyzer run --no-save 2>"$RESULTS/closed.err" | head -c 1 >/dev/null
    echo "${PIPESTATUS[0]}" >"$RESULTS/closed"
    sysdiag-analyzer -o json run --no-save >/dev/full 2>"$RESULTS/no-room.err"
    echo $? >"$RESULTS/no-room.rc"
    # On a terminal of 80 columns, with colours.
    save terminal colour.txt script -qec 'stty cols 80; sysdiag-analyzer run --no-save' /dev/null
    capture healthy
    systemctl list-units --all --plain --no-legend | wc -l >"$RESULTS/units"
    cp /proc/sys/kernel/osrelease "$RESULTS/kernel"
}

check() {
    local name
    for name in run run-text no-save health logs unit show-history capture-healthy; do exits "$name" 0; done
    holds run "no finding" '.findings == []'
    says run-text.txt 'no problems'
    holds run "the host" '.hostname == "e2e" and .boot_id == $id and .host.kernel == $kernel
        and (.host.os | startswith("Debian GNU/Linux")) and .host.system_state == "running"' \
        --arg id "$(cat boot-id)" --arg kernel "$(cat kernel)"
    case $SUITE in bookworm) name=252 ;; trixie) name=257 ;; esac
    holds run "systemd $name" '.host.systemd_version | startswith($v)' --arg v "$name"
    holds run "about as many units as systemctl lists" \
        '.health_analysis.all_units_count - $n | fabs <= 5' --argjson n "$(cat units)"
    holds run "every section" '.boot_analysis and .health_analysis and .resource_analysis and .log_analysis'
    holds run "every source in time" '[.timings[].outcome] | length >= 5 and all(. == "complete" or . == "partial")'
    holds run "figures of units" 'usage("e2e.service").cpu_usage_usec > 0'
    holds run "figures of the system" '.resource_analysis.system_usage | length > 5'
    holds run "all log entries, $(cat entries-before) to $(cat entries-after)" \
        '.log_analysis.entries_analyzed | $a <= . and . <= $b' \
        --argjson a "$(cat entries-before)" --argjson b "$(cat entries-after)"
    for name in run logs; do
        holds "$name" "the log is well" \
            '[.log_analysis.patterns[] | select(.severity == "warning" or .severity == "error" or .severity == "critical")] == []'
    done
    holds health "its section only" '.health_analysis and (has("boot_analysis") or has("resource_analysis") | not)'
    holds unit "the unit's page" '.unit_analysis | tojson | contains("e2e.service")'
    # Two of the runs save; the others must not.
    says history "report-$(cat boot-id)-[0-9]{8}T[0-9]{6}\.[0-9]{6}Z\.jsonl\.gz$"
    [ "$(grep -c report- history)" = 2 ] || fail "history has not two reports: $(cat history)"
    says modes '^700 /var/lib/sysdiag-analyzer/history$'
    [ "$(grep -c '^600 .*/report-' modes)" = 2 ] || fail "others may read the history: $(cat modes)"
    # Killed by SIGPIPE as other filters are, or done.
    [[ $(cat closed) =~ ^(0|141)$ ]] || fail "a closed pipe ended it with $(cat closed)"
    exits no-room 4
    says no-room.err '[Nn]o space left'
    exits terminal 0
    says terminal.colour.txt 'no problems'
    if [ "$LANE" = vm ]; then
        holds run "memory of units" 'usage("e2e.service").memory_current_bytes > 0'
    fi
}

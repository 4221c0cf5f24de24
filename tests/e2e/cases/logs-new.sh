# shellcheck shell=bash
# In the second boot of a guest that keeps its disk, a service fails that was not there before: its
# lines are told as new, and hardly any others.  Of the first boot nothing can be said.
# lanes: container vm-bookworm
# boots: 2

# Its own words, on standard output, at no priority of its own.
WORDS='reading the ledger of tenant|ledger is torn at block'

guest() {
    if [ "$BOOT" = 2 ]; then
        service e2e-new.service <<'UNIT'
ExecStart=/bin/sh -c 'echo "reading the ledger of tenant 4711"; echo "ledger is torn at block 815, giving up"; exit 9'
UNIT
        begin e2e-new.service
        failed exit-code e2e-new.service
    fi
    # In both boots: what it says is no news in the second.
    service e2e-old.service <<'UNIT'
Type=oneshot
ExecStart=/bin/sh -c 'echo "swept the attic in 12 s"; echo "<4>no broom found"; exit 3'
UNIT
    begin e2e-old.service
    failed exit-code e2e-old.service
    journalctl --sync
    report "logs-$BOOT" analyze-logs
    report "run-$BOOT" run
    text "text-$BOOT" sysdiag-analyzer analyze-logs
    journalctl -q --list-boots >"$RESULTS/list-$BOOT"
    [ "$BOOT" = 2 ] || {
        journalctl -q -b -o cat >"$RESULTS/messages-1"
        systemctl poweroff
        exec sleep infinity     # until it is stopped
    }
}

check() {
    local name
    [ "$(wc -l <list-2)" = 2 ] || fail "the second boot knows $(wc -l <list-2) boots"
    for name in logs-1 run-1; do
        holds "$name" "nothing to compare with, and no claim" \
            '.log_analysis | [.compared_with, .new_templates, .spikes, .vanished, .rare] | all(. == null)'
        holds "$name" "and says so" '.log_analysis.not_compared == "no earlier boot to compare with"'
    done
    says text-1.txt 'which messages are new is not known: no earlier boot to compare with'
    for name in logs-2 run-2; do
        holds "$name" "one earlier boot" '.log_analysis.compared_with.boots == 1'
        holds "$name" "both lines of the new service" \
            '[.log_analysis.new_templates[] | select(.sender == "sh" and (.text | test($words))) | .count] == [1, 1]' \
            --arg words "$WORDS"
        holds "$name" "each with its unit, times and a message as it was logged" \
            '[.log_analysis.new_templates[] | select(.sender == "sh" and (.text | test($words)))
                | select(.units == ["e2e-new.service"] and .first == .last
                    and (.example.cursor | startswith("s="))) | .example.message] | sort
                == ["ledger is torn at block 815, giving up", "reading the ledger of tenant 4711"]' \
            --arg words "$WORDS"
        holds "$name" "not compared with nothing" '.log_analysis.not_compared == null'
        holds "$name" "no other of a service's" \
            '[.log_analysis.new_templates[] | select(.sender == "sh" and (.text | test($words) | not))] == []' \
            --arg words "$WORDS"
        # What PID 1 says before journald listens is lost in a container, now this and now that.
        holds "$name" "nothing else is new but what the first boot's journal has not" \
            '($before | split("\n") | map({key: ., value: 1}) | from_entries) as $before
                | [.log_analysis.new_templates[] | select(.sender != "sh")
                    | select(.sender != "systemd" or $before[.example.message])] == []' \
            --rawfile before messages-1
    done
    says text-2.txt 'new +1 ×  e2e-new\.service'
    says text-2.txt 'ledger is torn at block 815'
    silent text-2.txt 'swept the attic'
}

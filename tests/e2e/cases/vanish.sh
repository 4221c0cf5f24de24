# shellcheck shell=bash
# Units that come and go between two calls are never a failure.
# lanes: container vm

# Two loops that start units, let them end or stop them, and forget them.
churn() {
    local i=0
    while :; do
        i=$((i + 1))
        systemd-run --quiet --collect --unit="e2e-brief-$1-$i" true
        systemd-run --quiet --collect --unit="e2e-stopped-$1-$i" sleep 60 &&
            systemctl stop "e2e-stopped-$1-$i.service"
    done 2>/dev/null
}

guest() {
    local i runs=20
    [ "$LANE" = container ] || runs=5
    churn a & churn b &
    until_true 30 at_least 5 eval 'journalctl -q -u "e2e-brief-*" -o cat | grep -c Started'
    for i in $(seq $runs); do report "run-$i" run; done
    kill %1 %2
    wait
    # How many there were, to be sure that there was something to trip over.
    journalctl --sync
    journalctl -q -o cat -u 'e2e-brief-*' | grep -c Started >"$RESULTS/units"
}

check() {
    local file
    for file in run-*.rc; do
        exits "${file%.rc}" 0
        holds "${file%.rc}" "no finding" '.findings == []'
        holds "${file%.rc}" "systemd and cgroups were read" \
            'all(.timings[]; .outcome == "complete" or .outcome == "partial")'
        silent "${file%.rc}.err" '[Ee]rror'
    done
    [ "$(cat units)" -ge "$([ "$LANE" = vm ] && echo 5 || echo 20)" ] || fail "only $(cat units) units came and went"
}

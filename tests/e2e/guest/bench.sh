#!/bin/bash
# In the guest: what one report costs this host, beside what others cost it.
#   bench.sh exited|running ROUNDS     prints one line a program: name, medians
# CPU time is that of the program (with its children), of PID 1 and of dbus-daemon together:
# a program that makes others work is not cheap.  Read from schedstat, in nanoseconds.
set -u
# shellcheck source=tests/e2e/guest/lib.sh
. ./lib.sh
WANTED=$1 ROUNDS=$2 COUNT=500
UNITS=/run/systemd/system

# 500 services beside the guest's own, wanted by one target, which keeps them loaded.
plant() {
    local n wants=$UNITS/e2e-bench.target.wants
    mkdir -p $wants
    printf '[Unit]\nDescription=Units to look at\n' >$UNITS/e2e-bench.target
    for n in $(seq $COUNT); do
        case $WANTED:$((n % 2)) in
        running:*) printf '[Service]\nExecStart=/bin/sleep infinity\n' ;;
        # Half of them inactive (dead), half active (exited).
        exited:0) printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' ;;
        exited:1) printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' ;;
        esac >"$UNITS/e2e-bench-$n.service"
        ln -s "../e2e-bench-$n.service" "$wants/"
    done
    systemctl daemon-reload
    systemctl start e2e-bench.target
    until_true 120 planted
    # PID 1 still cleans up after them; it is idle when its CPU time stands still.
    until_true 60 idle
}

planted() {
    local sub=running
    [ "$WANTED" = running ] || sub='dead|exited'
    [ "$(systemctl list-units --all --plain --no-legend 'e2e-bench-*.service' | awk '{ print $4 }' |
        grep -cE "^($sub)$")" = "$COUNT" ] && [ -z "$(systemctl list-jobs --no-legend)" ]
}

idle() {
    local before
    before=$(cpu 1)
    sleep 0.5    # the interval that is measured
    [ $(($(cpu 1) - before)) -lt 2000000 ]
}

# cpu PID...: nanoseconds of CPU of all threads so far.
cpu() {
    local pid
    for pid; do cat "/proc/$pid"/task/*/schedstat; done 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# row NAME FILE: medians of lines `own pid1 dbus wall rss` (ms, KiB).
row() {
    local column cells=''
    for column in 1 2 3 4 5; do
        cells+=" $(awk -v c=$column '{ print $c }' "$2" | median)"
    done
    # shellcheck disable=SC2086 # five numbers
    set -- "$1" $cells
    awk -v n="$1" -v o="$2" -v p="$3" -v d="$4" -v w="$5" -v r="$6" 'BEGIN {
        printf "%-44s %9.1f %9.1f %9.1f %9.1f %9.1f %8.1f\n", n, o + p + d, o, p, d, w, r / 1024 }'
}

# measure NAME COMMAND...: a program that ends.
measure() {
    local name=$1 round pid1 dbus times
    shift
    : >/tmp/rows
    TIMEFORMAT='%3U %3S %3R'
    for round in $(seq 0 "$ROUNDS"); do
        pid1=$(cpu 1) dbus=$(cpu "$DBUS")
        times=$({ time /usr/bin/time -o /tmp/rss -f %M "$@" >/tmp/out 2>/tmp/err; } 2>&1)
        # time(1) also says that a command failed: findings are not a failure of ours.
        if [ ! -s /tmp/out ]; then
            echo "$name gave nothing: $(tail -n1 /tmp/err)"
            return 1
        fi
        [ "$round" != 0 ] || continue       # the first fills the caches
        echo "$times $pid1 $(cpu 1) $dbus $(cpu "$DBUS") $(tail -n1 /tmp/rss)" | awk '{
            print ($1 + $2) * 1000, ($5 - $4) / 1e6, ($7 - $6) / 1e6, $3 * 1000, $8 }' >>/tmp/rows
    done
    row "$name" /tmp/rows
}

# scrape: one answer of the exporter.
scrape() {
    exec 3<>/dev/tcp/127.0.0.1/9100 || return
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
    cat <&3
    exec 3>&-
}

# A program that stays: CPU time and wall time of one scrape.
measure_exporter() {
    local round pid own pid1 dbus wall
    ./bin/prometheus-node-exporter --collector.disable-defaults --collector.systemd \
        --collector.systemd.private --web.listen-address=127.0.0.1:9100 >/tmp/exporter.log 2>&1 &
    pid=$!
    until_true 30 scrape
    : >/tmp/rows
    for round in $(seq 0 "$ROUNDS"); do
        own=$(cpu $pid) pid1=$(cpu 1) dbus=$(cpu "$DBUS") wall=$(date +%s%N)
        scrape >/tmp/out
        [ "$(grep -c '^node_systemd_unit_state' /tmp/out)" -ge $COUNT ] || {
            echo "node_exporter gave nothing: $(tail -n1 /tmp/exporter.log)"
            kill $pid
            return 1
        }
        [ "$round" != 0 ] || continue
        echo "$(cpu $pid) $own $(cpu 1) $pid1 $(cpu "$DBUS") $dbus $(date +%s%N) $wall" \
            "$(awk '/VmHWM/ { print $2 }' /proc/$pid/status)" | awk '{
            print ($1 - $2) / 1e6, ($3 - $4) / 1e6, ($5 - $6) / 1e6, ($7 - $8) / 1e6, $9 }' >>/tmp/rows
    done
    kill $pid
    row "node_exporter, systemd collector, a scrape" /tmp/rows
}


plant
DBUS=$(systemctl show -P MainPID dbus.service)
echo "$COUNT $WANTED services, $(systemctl list-units --all --plain --no-legend | wc -l) units, systemd" \
    "$(systemctl --version | awk 'NR == 1 { print $2 }'), medians of $ROUNDS rounds"
printf '%-44s %9s %9s %9s %9s %9s %8s\n' '' 'CPU ms' own 'PID 1' 'bus' 'wall ms' 'MiB'
bad=0
measure "sysdiag-analyzer run" sysdiag-analyzer run --no-save -o json || bad=1
cp /tmp/out "$RESULTS/report.json"
measure "sysdiag-analyzer run --analyze-full-graph" \
    sysdiag-analyzer run --no-save --analyze-full-graph -o json || bad=1
# The peers differ in what they see; a missing one is said and is no failure of ours.
measure "systemd-analyze blame" systemd-analyze --no-pager blame
measure "systemctl show '*'" systemctl show '*'
measure_exporter
if [ -x bin/monitord ]; then
    cat >/tmp/monitord.conf <<'CONF'
[monitord]
dbus_address = unix:path=/run/dbus/system_bus_socket
dbus_timeout = 30
daemon = false
output_format = json-flat
[pid1]
enabled = true
[system-state]
enabled = true
[timers]
enabled = true
[units]
enabled = true
state_stats = true
state_stats_time_in_state = true
CONF
    measure monitord ./bin/monitord -l error -c /tmp/monitord.conf
else
    echo "monitord: not built here"
fi
exit $bad

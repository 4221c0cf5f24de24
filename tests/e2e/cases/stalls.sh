# shellcheck shell=bash
# Which unit makes which other one wait for the CPU; memory that goes to swap and comes back.
# lanes: vm

# pressure FILE LINE AVERAGE: a whole per cent.
pressure() { sed -n "s/^$2 .*$3=\([0-9]*\)\..*/\1/p" "$1"; }

# blames: the report's own load may be more than the greedy unit's for a moment; thrashes: pages may
# go one way only for a moment.
blames() {
    report cpu run --no-save
    grep -q ': e2e-greedy.service uses' "$RESULTS/cpu.json"
}
thrashes() {
    report swap run --no-save
    grep -q '"swap-thrashing:host"' "$RESULTS/swap.json"
}

guest() {
    patience
    # Less than by default: an emulated machine is slow, and five minutes would be long.
    printf '[analysis]\nunit_cpu_pressure_warning_percent = 12.0\nswap_thrashing_rate_bytes = 4096\n' >>/etc/sysdiag-analyzer/config.toml
    service e2e-greedy.service <<<$'CPUWeight=1000\nExecStart=/usr/bin/perl -e \'for (1..3) { fork or last } 1 while 1\''
    service e2e-starved.service <<<$'CPUWeight=1\nExecStart=/usr/bin/perl -e "1 while 1"'
    # Less than the greedy one, but enough to get on.
    systemctl set-property --runtime e2e.service CPUWeight=500
    begin e2e-{greedy,starved}.service
    until_true 240 at_least 7 pressure /sys/fs/cgroup/system.slice/e2e-starved.service/cpu.pressure full avg300
    until_true 240 blames
    text cpu sysdiag-analyzer run --no-save
    systemctl stop e2e-{greedy,starved}.service

    dd if=/dev/zero of=/srv/e2e.swap bs=1M count=256 2>/dev/null
    chmod 600 /srv/e2e.swap
    mkswap /srv/e2e.swap >/dev/null
    swapon /srv/e2e.swap
    service e2e-thrash.service <<UNIT
OOMScoreAdjust=1000
ExecStart=/usr/bin/perl -e '\$\$x .= "x" x 1048576 for 1..900; substr(\$\$x, int(rand(length \$\$x)), 1) = "y" while 1'
UNIT
    begin e2e-thrash.service
    # All of it is there, and what was swapped out comes back.
    until_true 240 at_least 943000000 total e2e-thrash.service
    until_true 240 at_least 5000 sed -n 's/^pswpin //p' /proc/vmstat
    until_true 240 at_least 20 pressure /proc/pressure/memory some avg10
    until_true 240 thrashes
    systemctl stop e2e-thrash.service
    swapoff /srv/e2e.swap
}

# total UNIT: bytes of memory and swap.
total() { cat "/sys/fs/cgroup/system.slice/$1"/memory.{current,swap.current} | awk '{ sum += $1 } END { print sum }'; }

check() {
    exits cpu 0
    holds cpu "who waits" '.findings[] | select(.key == "unit-pressure-high:e2e-starved.service") | .severity == "warning"'
    holds cpu "for whom" '.findings[] | select(.key == "unit-pressure-high:e2e-starved.service") |
        any(.evidence[]; .what == "likely cause" and .value == "e2e-greedy.service")'
    says cpu.txt 'e2e-starved\.service .*(waits|waited)'
    exits swap 1
    holds swap "the host thrashes" '.findings[] | select(.key == "swap-thrashing:host") | .severity == "error"'
    holds swap "by whom" '.findings[] | select(.key == "swap-thrashing:host") | any(.evidence[]; .what == "e2e-thrash.service")'
}

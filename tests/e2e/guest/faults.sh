# shellcheck shell=bash
# Plants real faults and waits until each has happened.  Sourced on the host to lay them under
# a guest before it boots (faults_plant DIR), and in the guest.  Every `$` meant for a program
# in ExecStart= is written `$$`: systemd expands `$x` itself.

# One unit file a call; its text comes on standard input.
plant_unit() { cat >"$UNITS/$1"; }

faults_plant() {
    local pair
    UNITS=$1/etc/systemd/system
    mkdir -p "$UNITS/multi-user.target.wants"
    # One target wants them all: one transaction, in which the ordering cycle has to be broken.
    ln -sf ../e2e-faults.target "$UNITS/multi-user.target.wants/e2e-faults.target"
    plant_unit e2e-faults.target <<'UNIT'
[Unit]
Description=Planted faults
Wants=e2e-failed.service e2e-flap.service e2e-badsock.socket e2e-badtimer.timer
Wants=e2e-needs-masked.service e2e-cycle-a.service e2e-cycle-b.service e2e-cycle-c.service
Wants=e2e-hog.service e2e-spawner.service e2e-segv.service e2e-oom.service
Wants=e2e-ioerr.service e2e-slow.service e2e-io.service
UNIT

    # Fails at once, with a reason in the log and a status of its own.
    plant_unit e2e-failed.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "cannot open /etc/e2e.conf: No such file or directory" >&2; exit 3'
UNIT
    # Restarts for ever: the start limit is off.
    plant_unit e2e-flap.service <<'UNIT'
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=300ms
ExecStart=/bin/sh -c 'sleep 0.2; exit 1'
UNIT
    # 192.0.2.1 (RFC 5737) is no address of this host: bind(2) fails.
    plant_unit e2e-badsock.socket <<'UNIT'
[Socket]
ListenStream=192.0.2.1:9999
UNIT
    plant_unit e2e-badsock.service <<'UNIT'
[Service]
ExecStart=/bin/cat
UNIT
    # The timer is well; what it starts is not.
    plant_unit e2e-badtimer.timer <<'UNIT'
[Timer]
OnActiveSec=1s
OnUnitInactiveSec=1min
AccuracySec=100ms
UNIT
    plant_unit e2e-badtimer.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exit 7'
UNIT
    # Requires what is masked: its start job fails, it stays inactive.
    ln -sf /dev/null "$UNITS/e2e-masked.service"
    plant_unit e2e-needs-masked.service <<'UNIT'
[Unit]
Requires=e2e-masked.service
After=e2e-masked.service

[Service]
ExecStart=/bin/sleep infinity
UNIT
    # a after b after c after a: systemd drops one job to break the ring.
    for pair in a:b b:c c:a; do
        plant_unit "e2e-cycle-${pair%:*}.service" <<UNIT
[Unit]
After=e2e-cycle-${pair#*:}.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
UNIT
    done
    # 200 MiB, then one CPU for ever; nice, so that the rest of the guest gets on.
    plant_unit e2e-hog.service <<'UNIT'
[Service]
Nice=19
MemoryAccounting=yes
CPUAccounting=yes
ExecStart=/usr/bin/perl -e '$$x .= "x" x 1048576 for 1..200; 1 while 1'
UNIT
    # A child that stays and children that come and go.
    plant_unit e2e-spawner.service <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'tail -f /dev/null & while :; do date >/dev/null; sleep 0.5; done'
UNIT
    # unpack "p" follows a pointer to address 1: a true page fault, not a mere kill -SEGV.
    plant_unit e2e-segv.service <<'UNIT'
[Service]
ExecStart=/usr/bin/perl -e 'print unpack("p", pack("Q", 1))'
UNIT
    # Killed by the kernel where there is a memory controller; else it ends well.
    plant_unit e2e-oom.service <<'UNIT'
[Service]
MemoryMax=40M
MemorySwapMax=0
ExecStart=/usr/bin/perl -e '$$x .= "x" x 1048576 for 1..400'
UNIT
    # Logs the words of a disk error without being the kernel: a decoy for rules on kernel messages.
    plant_unit e2e-ioerr.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "<3>read /dev/sdb1: Input/output error" >&2; echo "<2>EXT4-fs error (device sdb1): e2e" >&2'
UNIT
    # Debian has DefaultIOAccounting=no: without the line the unit has no io.stat.
    plant_unit e2e-io.service <<'UNIT'
[Service]
IOAccounting=yes
ExecStart=/bin/sh -c 'while :; do dd if=/dev/zero of=/var/tmp/e2e.io bs=1M count=4 conv=fsync; sleep 2; done'
UNIT
    # For blame.
    plant_unit e2e-slow.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/sleep 3
UNIT
}

# Starts them, unless they were there at boot.
faults_start() {
    systemctl -q is-active e2e-faults.target && return
    faults_plant /
    systemctl daemon-reload
    systemctl start --no-block e2e-faults.target
}

# Waits until every fault is there by systemd's own word.
faults_happened() {
    local io=/sys/fs/cgroup/system.slice/e2e-io.service/io.stat
    until_true 60 has Result exit-code e2e-failed.service
    until_true 60 at_least 3 systemctl show -P NRestarts e2e-flap.service
    until_true 60 has Result resources e2e-badsock.socket
    until_true 60 has ExecMainStatus 7 e2e-badtimer.service
    until_true 60 has ActiveState failed e2e-segv.service
    until_true 60 has ActiveState inactive e2e-slow.service
    until_true 60 has ActiveState inactive e2e-ioerr.service
    until_true 60 has ActiveState active e2e-hog.service
    until_true 60 pgrep -x tail
    if controller memory; then
        until_true 60 has Result oom-kill e2e-oom.service
        until_true 60 at_least 205000000 systemctl show -P MemoryCurrent e2e-hog.service
    fi
    if controller io; then until_true 60 grep -q 'wbytes=[1-9]' "$io"; fi
    # Its dependency is masked, so starting it must fail, visibly.
    systemctl start e2e-needs-masked.service 2>/dev/null && echo "e2e-needs-masked.service started"
    journalctl --sync
}

# An emulated machine is busy with the report itself: from here on the hog comes before that.
faults_foremost() { renice -n -10 -p "$(systemctl show -P MainPID e2e-hog.service)" >/dev/null; }

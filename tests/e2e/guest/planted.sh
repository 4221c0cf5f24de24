# shellcheck shell=bash
# More faults than those of faults.sh, by family, for the cases planted-*: each function plants
# some, makes them happen, and returns when systemd or the kernel says that they have.  Sourced
# in the guest.  `$` for a program in ExecStart= is written `$$`.

# service NAME <<LINES: the lines of [Service], or a whole unit file if it begins with [.
service() {
    local text
    text=$(cat)
    case $text in '['*) ;; *) text="[Service]"$'\n'"$text" ;; esac
    printf '%s\n' "$text" >"/etc/systemd/system/$1"
}

# begin UNIT...: starts them all in one transaction, as a boot would.
begin() {
    systemctl daemon-reload
    systemctl start --no-block "$@"
}

# failed RESULT UNIT...: waits until each has failed so.
failed() {
    local unit result=$1
    shift
    for unit; do
        until_true 60 has Result "$result" "$unit"
        until_true 60 has ActiveState failed "$unit"
    done
}

# What cannot be executed, by the statuses 200 to 243 of systemd.exec(5).
plant_exec() {
    service e2e-file.service <<<'ExecStart=/usr/local/bin/e2e-gone --serve'
    printf '#!/usr/bin/e2e-python\n' >/usr/local/bin/e2e-script
    chmod +x /usr/local/bin/e2e-script
    service e2e-interpreter.service <<<'ExecStart=/usr/local/bin/e2e-script'
    service e2e-user.service <<<$'User=e2e-who\nExecStart=/bin/true'
    service e2e-group.service <<<$'Group=e2e-crowd\nExecStart=/bin/true'
    service e2e-folder.service <<<$'WorkingDirectory=/srv/e2e-gone\nExecStart=/bin/true'
    service e2e-environment.service <<<$'EnvironmentFile=/etc/e2e-gone.env\nExecStart=/bin/true'
    begin e2e-{file,interpreter,user,group,folder,environment}.service
    failed exit-code e2e-{file,interpreter,user,group,folder}.service
    failed resources e2e-environment.service
}

# How a process ends.
plant_ends() {
    service e2e-exit.service <<<"ExecStart=/bin/sh -c 'echo \"<3>no licence\" >&2; exit 3'"
    service e2e-signal.service <<<"ExecStart=/bin/sh -c 'kill -USR1 \$\$\$\$'"
    # unpack "p" follows a pointer to address 1: a true page fault.
    service e2e-crash.service <<<"ExecStart=/usr/bin/perl -e 'print unpack(\"p\", pack(\"Q\", 1))'"
    # It runs on; a child of it crashed.
    service e2e-worker.service <<<"ExecStart=/usr/bin/perl -e 'fork or print unpack(\"p\", pack(\"Q\", 1)); wait; sleep 1 while 1'"
    service e2e-later.service <<<$'Restart=always\nRestartSec=1h\nExecStart=/bin/false'
    service e2e-jail.service <<<$'SystemCallFilter=~getdents64\nExecStart=/bin/ls'
    service e2e-overtime.service <<<$'RuntimeMaxSec=1\nExecStart=/bin/sleep infinity'
    service e2e-silent.service <<<$'Type=notify\nTimeoutStartSec=1\nExecStart=/bin/sleep infinity'
    service e2e-deaf.service <<UNIT
TimeoutStopSec=1
ExecStart=/bin/sh -c 'trap "" TERM; echo deaf; while :; do sleep 1; done'
UNIT
    service e2e-watchdog.service <<UNIT
Type=notify
NotifyAccess=all
WatchdogSec=1
LimitCORE=0
ExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep infinity'
UNIT
    service e2e-protocol.service <<<$'Type=notify\nExecStart=/bin/true'
    service e2e-limit.service <<'UNIT'
[Unit]
StartLimitIntervalSec=600
StartLimitBurst=3

[Service]
Restart=always
RestartSec=100ms
ExecStart=/bin/sh -c 'exit 4'
UNIT
    begin e2e-{exit,signal,crash,worker,later,jail,overtime,silent,deaf,watchdog,protocol,limit}.service
    until_true 60 logged deaf e2e-deaf.service
    systemctl stop e2e-deaf.service
    failed exit-code e2e-exit.service
    failed signal e2e-signal.service
    until_true 60 has SubState auto-restart e2e-later.service
    until_true 60 has ActiveState failed e2e-jail.service
    until_true 60 has ActiveState failed e2e-crash.service
    [ "$LANE" = container ] ||
        until_true 60 eval 'journalctl -q -b -o cat COREDUMP_UNIT=e2e-worker.service | grep -q .'
    failed timeout e2e-{overtime,silent,deaf}.service
    failed watchdog e2e-watchdog.service
    failed protocol e2e-protocol.service
    until_true 60 has ActiveState failed e2e-limit.service
    until_true 60 has NRestarts 3 e2e-limit.service
}

# logged WORD UNIT: a line of the unit's log says it.
logged() { journalctl -b -o cat -u "$2" | grep -q "$1"; }

# No fault: a service that takes secrets and logs them.  Every secret has the word canary in it,
# for the tests of captures.
plant_secrets() {
    service e2e-secrets.service <<'UNIT'
ExecStart=/bin/sh -c 'echo "<4>login at postgres://e2e:canary-1@db/e2e with password=canary-2" >&2; \
    echo "<4>Authorization: Bearer canary-3-0123456789abcdef" >&2; sleep infinity & wait' \
    e2e --api-key=canary-4 --password canary-5
UNIT
    begin e2e-secrets.service
    until_true 60 logged Authorization e2e-secrets.service
}

# What is required and cannot be had.
plant_requirements() {
    ln -sf /dev/null /etc/systemd/system/e2e-hidden.service
    # No ExecStart=: systemd refuses to load it.
    service e2e-wrong.service <<<'Type=simple'
    # A running unit that gets its requirement later.
    service e2e-bereft.service <<<'ExecStart=/bin/sleep infinity'
    begin e2e-bereft.service
    until_true 60 has ActiveState active e2e-bereft.service
    printf '[Unit]\nRequires=e2e-nowhere.service\n\n' |
        cat - /etc/systemd/system/e2e-bereft.service >/tmp/bereft
    mv /tmp/bereft /etc/systemd/system/e2e-bereft.service
    local pair
    for pair in masked:hidden missing:absent broken:wrong; do
        service "e2e-needs-${pair%:*}.service" <<UNIT
[Unit]
Requires=e2e-${pair#*:}.service
After=e2e-${pair#*:}.service

[Service]
ExecStart=/bin/sleep infinity
UNIT
    done
    # A boot would want them; systemctl start would log nothing.
    service e2e-needs.target <<<$'[Unit]\nWants=e2e-needs-masked.service e2e-needs-missing.service e2e-needs-broken.service'
    begin e2e-needs.target
    until_true 60 has ActiveState active e2e-needs.target
    service e2e-idle.service <<<'ExecStart=/bin/sleep infinity'
    service e2e-prim.service <<<$'[Unit]\nRequisite=e2e-idle.service\nAfter=e2e-idle.service\n[Service]\nExecStart=/bin/true'
    begin e2e-prim.service
    until_true 60 eval 'journalctl -q -o cat UNIT=e2e-prim.service JOB_RESULT=dependency | grep -q .'
}

# fails NAME SECONDS: a oneshot that works so long, then fails.
fails() { service "$1" <<<$'Type=oneshot\nExecStart=/bin/sh -c "sleep '"$2"'; exit 1"'; }

# needing NAME UNIT...: a oneshot that requires them.
needing() {
    service "$1" <<UNIT
[Unit]
Requires=${*:2}
After=${*:2}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
UNIT
}

# A chain of ten, a diamond, and a unit with two causes.
plant_causes() {
    local n
    fails e2e-chain-0.service 0.1
    for n in {1..9}; do needing "e2e-chain-$n.service" "e2e-chain-$((n - 1)).service"; done
    fails e2e-root.service 0.1
    needing e2e-left.service e2e-root.service
    needing e2e-right.service e2e-root.service
    needing e2e-foot.service e2e-left.service e2e-right.service
    fails e2e-one.service 0.1
    fails e2e-two.service 0.1
    needing e2e-of-one.service e2e-one.service
    needing e2e-of-two.service e2e-two.service
    begin e2e-chain-9.service e2e-foot.service e2e-of-one.service e2e-of-two.service
    failed exit-code e2e-{chain-0,root,one,two}.service
    until_true 60 eval '[ -z "$(systemctl list-jobs --no-legend "e2e-chain-*" "e2e-foot*" "e2e-of-*")" ]'
}

# What is stopped, and has not failed, because what it is bound to did.
plant_bound() {
    local wants=/etc/systemd/system/multi-user.target.wants
    service e2e-brittle.service <<<"ExecStart=/bin/sh -c 'until [ -e /run/e2e-break ]; do sleep 0.1; done; exit 6'"
    service e2e-bound.service <<UNIT
[Unit]
BindsTo=e2e-brittle.service
After=e2e-brittle.service
[Service]
ExecStart=/bin/sleep infinity
UNIT
    mkdir -p $wants
    ln -s ../e2e-bound.service $wants/
    begin e2e-bound.service
    until_true 60 has SubState running e2e-bound.service
    : >/run/e2e-break
    failed exit-code e2e-brittle.service
    until_true 60 has ActiveState inactive e2e-bound.service
}

# call PATH: connects to a socket and leaves.
call() { perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un($ARGV[0])) or die $!' "$1"; }

# What starts other units: sockets, timers, paths, mounts.
plant_triggers() {
    # The address of nobody (RFC 5737).
    service e2e-address.socket <<<$'[Socket]\nListenStream=192.0.2.1:9998'
    service e2e-address.service <<<'ExecStart=/bin/cat'
    # It never takes what comes, so it is started again at once.
    service e2e-storm.socket <<<$'[Socket]\nListenStream=/run/e2e-storm\nTriggerLimitIntervalSec=60\nTriggerLimitBurst=2'
    service e2e-storm.service <<<'ExecStart=/bin/true'
    # Its file is removed: nobody can reach it any more.
    service e2e-lost.socket <<<$'[Socket]\nListenStream=/run/e2e-lost'
    service e2e-lost.service <<<'ExecStart=/bin/cat'
    service e2e-past.timer <<<$'[Timer]\nOnCalendar=2020-01-01'
    service e2e-past.service <<<'ExecStart=/bin/true'
    service e2e-idle.timer <<<$'[Timer]\nOnCalendar=daily\nUnit=e2e-nothing.service'
    # Enabled, and nobody has started it yet.
    service e2e-new.socket <<<$'[Socket]\nListenStream=/run/e2e-new\n[Install]\nWantedBy=sockets.target'
    service e2e-new.service <<<'ExecStart=/bin/cat'
    systemctl -q enable e2e-new.socket
    # systemd forgets a unit that did not start, unless another refers to it.
    service e2e-idle.target <<<$'[Unit]\nWants=e2e-idle.timer'
    service e2e-flag.path <<<$'[Path]\nPathExists=/run/e2e-flag'
    service e2e-flag.service <<<$'Type=oneshot\nExecStart=/bin/true'
    service srv-e2e.mount <<<$'[Mount]\nWhat=/srv/e2e-gone.img\nWhere=/srv/e2e\nType=ext4'
    service mnt-e2e.automount <<<$'[Automount]\nWhere=/mnt/e2e'
    service mnt-e2e.mount <<<$'[Mount]\nWhat=/srv/e2e-lost.img\nWhere=/mnt/e2e\nType=ext4'
    # A file without the signature of swap space.
    head -c 1M /dev/zero >/srv/e2e.swap
    chmod 600 /srv/e2e.swap
    service srv-e2e.swap.swap <<<$'[Swap]\nWhat=/srv/e2e.swap'
    begin e2e-address.socket e2e-{storm,lost}.socket e2e-past.timer e2e-idle.target e2e-flag.path srv-e2e.mount
    until_true 60 test -S /run/e2e-storm
    call /run/e2e-storm
    until_true 60 test -S /run/e2e-lost
    rm /run/e2e-lost
    : >/run/e2e-flag
    failed resources e2e-address.socket
    failed trigger-limit-hit e2e-storm.socket
    failed unit-start-limit-hit e2e-flag.path
    failed exit-code srv-e2e.mount
    until_true 60 has ActiveState active e2e-past.timer
    until_true 60 has ActiveState active e2e-idle.target
    # systemd does neither in containers.
    if [ "$LANE" = vm ]; then
        begin srv-e2e.swap.swap mnt-e2e.automount
        until_true 60 has ActiveState active mnt-e2e.automount
        ls /mnt/e2e >/dev/null 2>&1
        failed exit-code mnt-e2e.mount srv-e2e.swap.swap
    fi
}

# Units and jobs on their way.
plant_states() {
    service e2e-coming.service <<<$'Type=notify\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity'
    service e2e-waiting.service <<<$'[Unit]\nAfter=e2e-coming.service\n[Service]\nExecStart=/bin/sleep infinity'
    service e2e-going.service <<UNIT
TimeoutStopSec=infinity
ExecStart=/bin/sh -c 'trap "" TERM; echo going; while :; do sleep 1; done'
UNIT
    service e2e-reloading.service <<UNIT
TimeoutStartSec=infinity
ExecStart=/bin/sleep infinity
ExecReload=/bin/sleep infinity
UNIT
    service e2e-deafened.service <<<$'ExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c "exit 5"'
    service e2e-edited.service <<<'ExecStart=/bin/sleep infinity'
    service e2e-messy.service <<UNIT
KillMode=process
ExecStart=/bin/sh -c 'sleep 1000 & echo messy; exec sleep infinity'
UNIT
    service e2e-again.service <<<"ExecStart=/bin/sh -c '[ -e /run/e2e-again ] || exit 4; exec sleep infinity'"
    # It waits for what comes after it.
    service e2e-knot.service <<<$'Type=oneshot\nExecStart=/bin/systemctl start e2e-late.service'
    service e2e-late.service <<<$'[Unit]\nAfter=e2e-knot.service\n[Service]\nExecStart=/bin/sleep infinity'
    begin e2e-{coming,going,reloading,deafened,edited,messy,again,knot}.service
    failed exit-code e2e-again.service
    : >/run/e2e-again
    systemctl start e2e-again.service
    until_true 60 logged going e2e-going.service
    until_true 60 logged messy e2e-messy.service
    until_true 60 has ActiveState active e2e-reloading.service
    until_true 60 has ActiveState active e2e-deafened.service
    until_true 60 has ActiveState active e2e-edited.service
    systemctl start --no-block e2e-waiting.service
    systemctl stop --no-block e2e-going.service
    systemctl reload --no-block e2e-reloading.service
    systemctl reload e2e-deafened.service 2>/dev/null
    systemctl stop e2e-messy.service
    service e2e-edited.service <<<'ExecStart=/bin/sleep 1d'
    until_true 60 has NeedDaemonReload yes e2e-edited.service
    until_true 60 has ActiveState reloading e2e-reloading.service
    until_true 60 has ActiveState deactivating e2e-going.service
    until_true 60 eval 'systemctl list-jobs e2e-late.service | grep -q waiting'
    local unit
    for unit in e2e-{coming,going,reloading,knot}.service; do until_true 60 rested 3 "$unit"; done
}

# rested SECONDS UNIT: it has been in its state for so long.
rested() {
    local since now
    since=$(systemctl show -P StateChangeTimestampMonotonic "$2")
    read -r now _ </proc/uptime
    [ $((${now%.*} - since / 1000000)) -gt "$1" ]
}

# What the kernel and the file systems say.
plant_host() {
    # Memory file systems are looked at where every host has one.
    mount -t tmpfs -o size=4m tmpfs /var/tmp
    mount -t tmpfs -o size=8m,nr_inodes=200 tmpfs /dev/shm
    local n
    for n in {1..300}; do : >"/dev/shm/$n"; done 2>/dev/null
    service e2e-writer.service <<UNIT
Type=oneshot
ExecStart=/bin/dd if=/dev/zero of=/var/tmp/data bs=64k
UNIT
    # Children that end and that nobody waits for.
    service e2e-parent.service <<<"ExecStart=/usr/bin/perl -e 'fork or exit for 1..30; sleep 1 while 1'"
    cp /bin/sleep /usr/local/bin/e2e-old
    service e2e-old.service <<<'ExecStart=/usr/local/bin/e2e-old infinity'
    begin e2e-{writer,parent,old}.service
    failed exit-code e2e-writer.service
    until_true 60 at_least 30 eval 'ps -o stat= --ppid "$(systemctl show -P MainPID e2e-parent.service)" | grep -c Z'
    until_true 60 has ActiveState active e2e-old.service
    rm /usr/local/bin/e2e-old
    : >/run/reboot-required
    printf 'linux-image-amd64\n' >/run/reboot-required.pkgs
}

# What only a machine with all controllers and disks of its own can show.
plant_limits() {
    service e2e-oom.service <<<$'MemoryMax=40M\nMemorySwapMax=0\nExecStart=/usr/bin/perl -e \'$$x .= "x" x 1048576 for 1..400\''
    # Its own limit would do, that of the slice it is in does not.
    service e2e-tight.slice <<<$'[Slice]\nMemoryMax=40M\nMemorySwapMax=0'
    service e2e-tenant.service <<<$'Slice=e2e-tight.slice\nMemoryMax=300M\nExecStart=/usr/bin/perl -e \'$$x .= "x" x 1048576 for 1..400\''
    service e2e-brim.service <<UNIT
MemoryMax=60M
MemorySwapMax=0
ExecStart=/usr/bin/perl -e 'while (1) { open F, "/sys/fs/cgroup/system.slice/e2e-brim.service/memory.current"; if (<F> < 58.5*1048576) { \$\$x[@x] = "x" x 131072 } else { sleep 1 } }'
UNIT
    service e2e-high.service <<UNIT
MemoryHigh=30M
MemorySwapMax=0
ExecStart=/usr/bin/perl -e '\$\$x .= "x" x 262144 for 1..1000; sleep 1 while 1'
UNIT
    service e2e-quota.service <<<$'CPUQuota=5%\nExecStart=/usr/bin/perl -e "1 while 1"'
    service e2e-forks.service <<UNIT
TasksMax=8
ExecStart=/usr/bin/perl -e 'while (1) { my \$\$pid = fork; if (defined \$\$pid and !\$\$pid) { sleep 1 while 1 } sleep 1 unless defined \$\$pid }'
UNIT
    begin e2e-{oom,tenant,brim,high,quota,forks}.service
    failed oom-kill e2e-{oom,tenant}.service
    until_true 60 at_least 60000000 systemctl show -P MemoryCurrent e2e-brim.service
    until_true 60 at_least 20 figure high memory.events e2e-high.service
    until_true 60 at_least 20 figure nr_throttled cpu.stat e2e-quota.service
    until_true 60 at_least 1 figure max pids.events e2e-forks.service
}

# figure KEY FILE UNIT: of the unit's cgroup.
figure() { sed -n "s/^$1 //p" "/sys/fs/cgroup/system.slice/$3/$2"; }

# A disk that goes bad, and one that does not answer.
plant_disks() {
    local disk
    for disk in bad still; do
        truncate -s 16M "/srv/e2e-$disk.img"
        mkfs.ext4 -q -F "/srv/e2e-$disk.img"
        mkdir -p "/srv/e2e-$disk"
        # The root file system must not be frozen below instead.
        mount -o loop,errors=remount-ro "/srv/e2e-$disk.img" "/srv/e2e-$disk" || return
    done
    echo e2e >"/sys/fs/ext4/$(basename "$(findmnt -no SOURCE /srv/e2e-bad)")/trigger_fs_error"
    # Some kernels leave the flags of the mount as they were.
    until_true 60 eval 'journalctl -k -o cat | grep -q "Remounting filesystem read-only"'
    fsfreeze --freeze /srv/e2e-still
    service e2e-still.service <<<'ExecStart=/bin/dd if=/dev/zero of=/srv/e2e-still/data bs=4k count=1'
    begin e2e-still.service
    until_true 60 eval 'ps -o stat= -p "$(systemctl show -P MainPID e2e-still.service)" | grep -q D'
    # A process of a moment is not called hanging yet.
    until_true 60 at_least 12 ps -o etimes:1= -p "$(systemctl show -P MainPID e2e-still.service)"
}

# What only the log tells: kills, crashes, a disk that fails, a process that hangs, passwords that
# are wrong; and programs that only write as the kernel does.
plant_log() {
    local disk nested n lies='Out of memory: Killed process 1 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB'
    service e2e-liar.service <<UNIT
Type=oneshot
ExecStart=/usr/bin/logger -p kern.crit "$lies"
ExecStart=/usr/bin/logger -p kern.crit -t kernel "$lies"
ExecStart=/bin/echo "<2>$lies"
ExecStart=/bin/sh -c 'echo "<3>I/O error, dev e2e, sector 7 op 0x0:(READ) flags 0x0" >/dev/kmsg'
UNIT
    service e2e-oom.service <<<$'MemoryMax=40M\nMemorySwapMax=0\nExecStart=/usr/bin/perl -e \'$$x .= "x" x 1048576 for 1..400\''
    service e2e-crash.service <<<"ExecStart=/usr/bin/perl -e 'print unpack(\"p\", pack(\"Q\", 1))'"
    # A scope that is unloaded once it is empty. (With Delegate= the kill is no failure of it.)
    # The shell would say that it was killed.
    { systemd-run --quiet --scope --collect --unit=e2e-gone -p MemoryMax=40M -p MemorySwapMax=0 -p Delegate=yes \
        perl -e '$x .= "x" x 1048576 for 1..400'; } 2>/dev/null
    # Each waits some seconds for the answer.
    service e2e-guesser.service <<'UNIT'
Type=oneshot
User=daemon
ExecStart=/bin/bash -c 'for n in {1..12}; do echo wrong | su root >/dev/null 2>&1 & done; wait; exit 0'
UNIT
    begin e2e-{liar,oom,crash,guesser}.service
    for disk in outer still; do
        truncate -s 16M "/srv/e2e-$disk.img"
        mkfs.ext4 -q -F -O ^has_journal "/srv/e2e-$disk.img"
        mkdir -p "/srv/e2e-$disk"
        mount -o loop "/srv/e2e-$disk.img" "/srv/e2e-$disk" || return
    done
    # Disks whose storage goes away (EXT4_IOC_SHUTDOWN without writing anything more): one that is
    # read as it is, and one with a file system.
    truncate -s 4M /srv/e2e-outer/inner.img
    disk=$(losetup -f --show /srv/e2e-outer/inner.img)
    truncate -s 4M /srv/e2e-outer/nested.img
    mkfs.ext4 -q -F -O ^has_journal /srv/e2e-outer/nested.img
    mkdir -p /srv/e2e-nested
    nested=$(losetup -f --show /srv/e2e-outer/nested.img)
    mount "$nested" /srv/e2e-nested || return
    mkdir /srv/e2e-nested/folder
    echo data >/srv/e2e-nested/folder/file
    # Of names that were just used the kernel keeps what it knows; nor may it read ahead by itself.
    umount /srv/e2e-nested
    mount -o noinit_itable,no_prefetch_block_bitmaps,errors=remount-ro "$nested" /srv/e2e-nested || return
    sync
    echo 3 >/proc/sys/vm/drop_caches
    perl -e 'open F, "<", "/srv/e2e-outer" or die $!; ioctl(F, 0x8004587d, my $how = pack "I", 2) or die $!'
    for n in 1 2 3; do
        dd if="$disk" of=/dev/null bs=4k count=1 skip=$((100 * n)) iflag=direct 2>/dev/null && echo "$disk works"
    done
    service e2e-reader.service <<<'ExecStart=/bin/cat /srv/e2e-nested/folder/file'
    begin e2e-reader.service
    failed exit-code e2e-reader.service
    # Told once: the same process would be told again every two seconds.
    echo 1 >/proc/sys/kernel/hung_task_warnings
    fsfreeze --freeze /srv/e2e-still
    service e2e-still.service <<<'ExecStart=/bin/dd if=/dev/zero of=/srv/e2e-still/data bs=4k count=1'
    begin e2e-still.service
    until_true 60 eval 'ps -o stat= -p "$(systemctl show -P MainPID e2e-still.service)" | grep -q D'
    echo 2 >/proc/sys/kernel/hung_task_timeout_secs
    until_true 60 eval 'journalctl -k -o cat | grep -q "^INFO: task dd:"'
    failed oom-kill e2e-oom.service
    until_true 60 has LoadState not-found e2e-gone.scope
    until_true 60 has ActiveState failed e2e-crash.service
    until_true 60 eval 'journalctl -q -b -o cat COREDUMP_UNIT=e2e-crash.service | grep -q .'
    until_true 60 has SubState dead e2e-guesser.service
    until_true 60 has SubState dead e2e-liar.service
    # Where nobody takes core dumps, the kernel alone says that a process crashed: the child of a
    # service that runs on, and the main process of another.
    echo core >/proc/sys/kernel/core_pattern
    service e2e-worker.service <<<$'LimitCORE=0\nExecStart=/usr/bin/perl -e \'fork or do { $$0 = "e2e-child"; print unpack("p", pack("Q", 1)) }; wait; sleep 1 while 1\''
    service e2e-torn.service <<<$'LimitCORE=0\nExecStart=/usr/bin/perl -e \'print unpack("p", pack("Q", 1))\''
    begin e2e-{worker,torn}.service
    failed signal e2e-torn.service
    until_true 60 at_least 3 eval 'journalctl -k -o cat | grep -c "]: segfault at 1 "'
}

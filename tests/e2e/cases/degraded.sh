# shellcheck shell=bash
# Whatever cannot be read, a report comes in time and names what is missing and why.
# lanes: container vm

# Mounts that take something away, for ELSEWHERE.
NO_BUS='mount --bind /dev/null /run/systemd/private; mount --bind /dev/null /run/dbus/system_bus_socket'
# over SOCKET: mounts that put another socket in the place of both of systemd's.
over() { echo "mount --bind $1 /run/systemd/private; mount --bind $1 /run/dbus/system_bus_socket"; }
HIDDEN_PROCESSES='mount -t proc -o hidepid=2 proc /proc'
# A hierarchy of v1 without controllers, as systemd mounts it on such hosts.
CGROUP_V1='umount --recursive --lazy /sys/fs/cgroup; mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd'
# Noise in the middle of every journal file.
BAD_JOURNAL='rm -rf /tmp/journal; cp -a /var/log/journal /tmp/journal
    find /tmp/journal -type f | while read -r file; do
        for at in 1 7 40 300 800; do
            dd if=/dev/urandom of="$file" bs=512 seek=$at count=1 conv=notrunc status=none
        done
    done
    mount --bind /tmp/journal /var/log/journal'
NO_JOURNAL='mount -t tmpfs tmpfs /var/log/journal; [ ! -d /run/log/journal ] || mount -t tmpfs tmpfs /run/log/journal'
# Another program is PID 1, and nothing of systemd is there.
NO_SYSTEMD='mount -t tmpfs tmpfs /run'

# degraded NAME SETUP [PREFIX...]: a report where SETUP took something away.
degraded() {
    save "$1" json "${ELSEWHERE[@]}" "$2" "${@:3}" sysdiag-analyzer -o json run --no-save
    save "$1" txt "${ELSEWHERE[@]}" "$2" "${@:3}" sysdiag-analyzer run --no-save
}

# false_bus NAME: listens on /tmp/NAME and is no good.  silent: accepts and never says a word.
# mute: lets the caller log in, then never answers.  noise: answers with noise.
false_bus() {
    perl -MSocket -e '
        my $kind = shift;
        socket(my $listener, AF_UNIX, SOCK_STREAM, 0) or die $!;
        bind($listener, pack_sockaddr_un("/tmp/$kind")) or die $!;
        listen($listener, 64) or die $!;
        chmod 0666, "/tmp/$kind";
        $SIG{PIPE} = "IGNORE";
        my @kept;
        while (accept(my $peer, $listener)) {
            push @kept, $peer;
            next if $kind eq "silent";
            sysread $peer, my $said, 4096;
            syswrite $peer, "OK 0123456789abcdef0123456789abcdef\r\n";
            next if $kind eq "mute";
            open my $random, "<", "/dev/urandom";
            sysread $random, my $noise, 65536;
            syswrite $peer, $noise;
        }
    ' "$1" &
    until_true 30 test -w "/tmp/$1"
}

guest() {
    local kind
    rm -f /etc/sysdiag-analyzer/config.toml     # the deadline as users have it
    for kind in silent mute noise; do false_bus $kind; done
    install -d -o 65534 /tmp/home
    export XDG_CONFIG_HOME=/tmp/home
    degraded user true "${AS_NOBODY[@]}"
    degraded no-bus "$NO_BUS"
    degraded no-bus-user "$NO_BUS" "${AS_NOBODY[@]}"
    for kind in silent mute noise; do
        degraded $kind-bus "$(over /tmp/$kind)"
        degraded $kind-bus-user "$(over /tmp/$kind)" "${AS_NOBODY[@]}"
    done
    degraded hidepid "$HIDDEN_PROCESSES" "${AS_NOBODY[@]}"
    degraded cgroup-v1 "$CGROUP_V1"
    capture cgroup-v1 "${ELSEWHERE[@]}" "$CGROUP_V1"
    degraded no-journal "$NO_JOURNAL"
    degraded bad-journal "$BAD_JOURNAL"
    save no-systemd json unshare --mount --pid --fork --mount-proc bash -ec \
        "$NO_SYSTEMD; set +e; sysdiag-analyzer -o json run --no-save; exit \$?"
    capture no-systemd unshare --mount --pid --fork --mount-proc bash -ec "$NO_SYSTEMD"'; exec "$@"' bash
    text capture-user "${AS_NOBODY[@]}" sysdiag-analyzer capture /tmp/home/user.cap
    cp /tmp/home/user.cap "$RESULTS/"
    # A history the user may not write: the report comes all the same.
    save user-saves json "${AS_NOBODY[@]}" sysdiag-analyzer -o json run
    kill %1 %2 %3
}

# missing NAME WHAT WHY: something not assessed is named so, for this reason.
missing() {
    holds "$1" "$2 is not assessed, $3" \
        'any(.not_assessed[]; (.what | ascii_downcase | test($what)) and (.why | test($why)) and (.hint | length > 0))' \
        --arg what "$2" --arg why "$3"
}

check() {
    local name
    for name in user cgroup-v1 no-systemd; do exits "capture-$name" 0; done
    exits user 0
    missing user journal 'not_permitted|absent'
    holds user "units, from the system bus" '.health_analysis.all_units_count > 50'
    holds user "boot figures, from the system bus" '.boot_analysis.times.userspace_usec > 0'
    exits user-saves 4
    holds user-saves "what was not saved is named" '.errors | length > 0'
    for name in {no,silent,mute,noise}-bus{,-user}; do
        exits "$name" 3
        missing "$name" systemd '.'
        holds "$name" "no health is claimed" '.health_analysis == null and .boot_analysis == null'
        holds "$name" "the system is still reported" '.resource_analysis.system_usage | length > 5'
        silent "$name.txt" 'no problems'
        says "$name.txt" '[Nn]ot assessed'
    done
    for name in {silent,mute}-bus{,-user}; do missing "$name" systemd timed_out; done
    exits hidepid 0
    missing hidepid process 'not_permitted|partial'
    exits cgroup-v1 0
    missing cgroup-v1 cgroup 'not_supported|absent'
    holds cgroup-v1 "no figure of units is made up" '.resource_analysis.unit_usage == null'
    exits no-journal 0
    missing no-journal journal absent
    exits bad-journal 0
    holds bad-journal "the rest is there" '.health_analysis and .boot_analysis and .resource_analysis'
    exits no-systemd 3
    missing no-systemd systemd 'absent|not_supported'
    for name in user hidepid cgroup-v1 no-journal; do
        says "$name.txt" '[Nn]ot assessed'
    done
}

# shellcheck shell=bash
# A manager that answers late, but in time: what it said after the others is still used, and
# what there was no time for is said to be missing, not to be empty.
# lanes: container

# slow_bus SECONDS: /tmp/slow-SECONDS passes everything on between its caller and systemd, and
# holds back the first answer after the login for so long.
slow_bus() {
    perl -MSocket -e '
        my ($delay, $path) = @ARGV;
        socket(my $listener, AF_UNIX, SOCK_STREAM, 0) or die $!;
        bind($listener, pack_sockaddr_un($path)) or die $!;
        listen($listener, 64) or die $!;
        $SIG{CHLD} = "IGNORE";
        while (accept(my $caller, $listener)) {
            next if fork;
            socket(my $systemd, AF_UNIX, SOCK_STREAM, 0) or die $!;
            connect($systemd, pack_sockaddr_un("/run/systemd/private")) or die $!;
            my $held = 0;
            while (1) {
                my $ready = "";
                vec($ready, fileno $_, 1) = 1 for $caller, $systemd;
                select($ready, undef, undef, undef);
                if (vec($ready, fileno $caller, 1)) {
                    sysread($caller, my $bytes, 65536) or exit;
                    syswrite $systemd, $bytes;
                }
                next unless vec($ready, fileno $systemd, 1);
                sysread($systemd, my $bytes, 65536) or exit;
                # The login is text; a message begins with its byte order.
                select(undef, undef, undef, $delay) if $bytes =~ /^[lB]/ and !$held++;
                syswrite $caller, $bytes;
            }
        }
    ' "$1" "/tmp/slow-$1" &
    until_true 30 test -S "/tmp/slow-$1"
}

guest() {
    local delay
    faults_plant /
    systemctl daemon-reload
    systemctl start e2e-failed.service 2>/dev/null
    journalctl --sync
    for delay in 0 3; do
        slow_bus $delay
        save "delay-$delay" json "${ELSEWHERE[@]}" "mount --bind /tmp/slow-$delay /run/systemd/private" \
            sysdiag-analyzer -o json run --no-save
    done
    # Without a journal nobody but systemd knows which units are in question.
    save blind json "${ELSEWHERE[@]}" "mount --bind /tmp/slow-3 /run/systemd/private
        mount -t tmpfs tmpfs /var/log/journal; [ ! -d /run/log/journal ] || mount -t tmpfs tmpfs /run/log/journal" \
        sysdiag-analyzer -o json run --no-save
    kill %1 %2
}

check() {
    local name
    for name in delay-0 delay-3 blind; do
        exits "$name" 1
        holds "$name" "the failed unit" 'unit("failed_units"; "e2e-failed.service").exit_status == 3'
        holds "$name" "its log lines, or that there was no time for them" '
            unit("failed_units"; "e2e-failed.service") as $unit |
            if $unit.recent_logs then $unit | logged | contains("cannot open /etc/e2e.conf")
            else gaps | test("timed_out|journal: absent") end'
        holds "$name" "its dependencies, or that there was no time for them" '
            if any(.dependency_analysis[]?; .unit == "e2e-failed.service" and (.dependencies | length > 5)) then true
            else gaps | contains("timed_out") end'
    done
}

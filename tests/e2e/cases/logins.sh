# shellcheck shell=bash
# A burst of log-ins over SSH that fail, with the words of a real sshd: one finding, about the address,
# with as many as sshd told of.
# lanes: container
# image: logins

# What sshd and PAM say of it, one finding for all.
EXPECTED='
warning login-failures:127.0.0.1 | auth\.ssh_fail\scount\s30\s(.*\s)*auth\.ssh_invalid_user\scount\s12\s(.*\s)*ssh\.service
'

# attempt USER TIMES: one connection, so many wrong passwords.
attempt() {
    SSH_ASKPASS=/tmp/wrong SSH_ASKPASS_REQUIRE=force ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o LogLevel=ERROR -o PreferredAuthentications=password -o NumberOfPasswordPrompts="$2" "$1@127.0.0.1" true \
        </dev/null >/dev/null 2>&1
}

guest() {
    printf '#!/bin/sh\necho wrong\n' >/tmp/wrong
    chmod +x /tmp/wrong
    useradd -m carol
    echo carol:right | chpasswd
    # All at once, and no address is turned away for failures before (OpenSSH 9.8 and later).
    printf 'MaxStartups 100\n' >/etc/ssh/sshd_config.d/e2e.conf
    ! /usr/sbin/sshd -t -o PerSourcePenalties=no 2>/dev/null ||
        printf 'PerSourcePenalties no\n' >>/etc/ssh/sshd_config.d/e2e.conf
    systemctl restart ssh.service
    until_true 60 eval 'journalctl -b -o cat -u ssh.service | grep -q "Server listening on 0.0.0.0"'
    report before run --no-save
    for _ in {1..12}; do attempt admin 1 & done
    for _ in {1..3}; do attempt carol 6 & done
    wait
    journalctl --sync
    journalctl -b -o cat -u ssh.service >"$RESULTS/sshd.log"
    report run run --no-save
    report logs analyze-logs
    text run-text sysdiag-analyzer run --no-save
}

# counts REPORT PATTERN NUMBER
counts() {
    holds "$1" "$3 times $2 from 127.0.0.1" '[.log_analysis.patterns[] | select(.pattern_key == $p) |
        select(.units == ["ssh.service"]) | .resources[].count] | add == $n' --arg p "$2" --argjson n "$3"
}

check() {
    local name
    exits run 0
    exits logs 0
    # What the tables rest on: each failure was told once, in these words.
    [ "$(grep -c '^Failed password for carol from 127.0.0.1 port' sshd.log)" = 18 ] || fail "sshd tells otherwise of carol"
    [ "$(grep -c '^Failed password for invalid user admin from 127.0.0.1 port' sshd.log)" = 12 ] || fail "sshd tells otherwise of admin"
    finds before ''
    finds run "$EXPECTED"
    finds logs "$EXPECTED"
    for name in run logs; do
        counts "$name" auth.ssh_fail 30
        counts "$name" auth.ssh_invalid_user 12
        counts "$name" auth.ssh_maxtries 3
        counts "$name" auth.pam 15
    done
    says run-text.txt 'Many log-ins over SSH'
}

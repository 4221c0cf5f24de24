# shellcheck shell=bash
# Where the address space is limited a large journal cannot be mapped: journalctl, which maps parts of it, is
# asked instead.  The report says so, and is that of who read the files.
# lanes: container

# Bytes of address space that are enough for both programs, and not for the file.
SPACE=$((700 << 20))

guest() {
    local machine n
    read -r machine </etc/machine-id
    mkdir -p /etc/systemd/journald.conf.d
    printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' >/etc/systemd/journald.conf.d/e2e.conf
    mkdir -p /var/log/journal
    systemctl restart systemd-journald.service
    journalctl --flush
    service e2e-speaker.service <<'UNIT'
Type=oneshot
ExecStart=/bin/sh -c 'for n in $$(seq 500); do echo "<3>ledger $$n is torn at block 815"; done; echo "<4>no broom found"; exit 7'
UNIT
    service e2e-binary.service <<'UNIT'
Type=oneshot
ExecStart=/bin/sh -c 'printf "two\\nlines\\001 and a byte \\377\\n" | systemd-cat -p warning -t e2e-binary'
UNIT
    begin e2e-speaker.service e2e-binary.service
    failed exit-code e2e-speaker.service
    until_true 60 has SubState dead e2e-binary.service
    journalctl --sync
    # Nobody writes to it any more, and it is as large as files can be: most of it is a hole.
    journalctl --rotate
    cp -a "/var/log/journal/$machine" /tmp/journal
    rm -f /tmp/journal/system.journal /tmp/journal/user-*.journal
    for n in /tmp/journal/system@*.journal; do cp --sparse=always "$n" /tmp/journal/system.journal; rm "$n"; done
    truncate -s 1G /tmp/journal/system.journal
    journalctl --quiet --directory=/tmp/journal -o export >"$RESULTS/export"
    report direct analyze-logs --directory /tmp/journal -p 7
    save instead json prlimit --as=$SPACE sysdiag-analyzer -o json analyze-logs --directory /tmp/journal -p 7
    text instead-text prlimit --as=$SPACE sysdiag-analyzer analyze-logs --directory /tmp/journal
    # Somebody else may have written it.
    chmod g+w /usr/bin/journalctl
    text refused prlimit --as=$SPACE sysdiag-analyzer -o json analyze-logs --directory /tmp/journal -p 7
    chmod g-w /usr/bin/journalctl
    printf '#!/bin/sh\nexec sleep 1000\n' >/tmp/sleeper
    chmod +x /tmp/sleeper
    text late "${ELSEWHERE[@]}" 'mount --bind /tmp/sleeper /usr/bin/journalctl' \
        prlimit --as=$SPACE sysdiag-analyzer -o json analyze-logs --directory /tmp/journal -p 7
    pgrep -f 'sleep 1000' >"$RESULTS/left"
    :
}

# The analysis without where it was read.
analysis() { jq -S '.log_analysis' "$1.json"; }

check() {
    local name
    exits direct 0
    exits instead 0
    holds direct "read by our own reader" 'gaps | test("journalctl") | not'
    holds direct "there is something to compare" '.log_analysis.entries_analyzed > 500 and
        ([.log_analysis.patterns[], .log_analysis.groups[]?] | length > 0)'
    holds instead "said, with the reason" 'gaps | test("journal file /tmp/journal/system.journal: not_supported: read by journalctl: Cannot allocate memory")'
    holds instead "all of it" '[.log_analysis.entries_analyzed] == [$count]' --argjson count "$(grep -ac '^__CURSOR=' export)"
    diff <(analysis direct) <(analysis instead) >instead.diff || fail "journalctl gives another analysis: $(head -n5 instead.diff)"
    tr -s ' \n' ' ' <instead-text.txt >instead.line
    says instead.line 'read by journalctl: Cannot allocate memory'
    for name in refused late; do
        exits $name 2
        [ ! -s $name.txt ] || fail "$name: a report of nothing"
    done
    # Who else may write to it is not run; one that says nothing is not waited for.
    says refused.err 'Cannot allocate memory; nor by journalctl: /usr/bin/journalctl is not root.s alone'
    says late.err 'nor by journalctl: only 0 entries were read before the deadline'
    [ ! -s left ] || fail "a program was left behind"
}

# shellcheck shell=bash
# Without a journal the kernel's ring buffer is read: what the kernel said is found, what programs wrote
# there in its name is not, and what therefore nobody knows is said.
# lanes: container vm

LIE='Out of memory: Killed process 1 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB'

# Stops journald for good and takes its files away.
no_journal() {
    local units=(systemd-journald{,-audit,-dev-log}.socket systemd-journald.service)
    systemctl --quiet mask --runtime "${units[@]}"
    systemctl stop "${units[@]}" 2>/dev/null
    until_true 60 has ActiveState inactive systemd-journald.service
    mkdir /srv/e2e-journal
    mv /var/log/journal /srv/e2e-journal/var 2>/dev/null
    mv /run/log/journal /srv/e2e-journal/run 2>/dev/null
    ! ls /var/log/journal /run/log/journal >/dev/null 2>&1
}

guest() {
    no_journal || echo "the journal is still there"
    if [ "$LANE" = container ]; then
        report gone analyze-logs
        # As some containers have it: a pipe that nobody writes to.
        save pipe json "${ELSEWHERE[@]}" 'mount -t tmpfs tmpfs /dev; mkfifo /dev/kmsg' \
            sysdiag-analyzer -o json analyze-logs
        return
    fi
    # All that programs write is to come through, for once.
    echo on >/proc/sys/kernel/printk_devkmsg
    service e2e-liar.service <<UNIT
Type=oneshot
ExecStart=/bin/sh -c 'echo "<2>$LIE" >/dev/kmsg; echo "<12>$LIE" >/dev/kmsg'
ExecStart=/bin/sh -c 'echo "<3>I/O error, dev e2e, sector 7 op 0x0:(READ) flags 0x0" >/dev/kmsg'
UNIT
    service e2e-oom.service <<<$'MemoryMax=40M\nMemorySwapMax=0\nExecStart=/usr/bin/perl -e \'$$x .= "x" x 1048576 for 1..400\''
    # A name that the kernel prints, with what it escapes: a tab and a byte that is no text.
    cp /usr/bin/perl "$(printf '/run/e2e\t\377')"
    service e2e-crash.service <<<"ExecStart=/bin/sh -c '/run/e2e* -e \"print unpack(q(p), pack(q(Q), 1))\"'"
    begin e2e-{liar,oom,crash}.service
    failed oom-kill e2e-oom.service
    until_true 60 eval 'dmesg | grep -q segfault'
    until_true 60 has SubState dead e2e-liar.service
    dmesg --raw | grep -c "$LIE" >"$RESULTS/lies"
    dmesg --raw | grep -c 'e2e.*segfault' >"$RESULTS/faults"
    local begun
    # In a later second than all that was said.
    begun=$(date +%s)
    until_true 5 eval "[ \$(date +%s) -gt $begun ]"
    begun=$(date +'%Y-%m-%d %H:%M:%S')
    report logs analyze-logs
    report run run --no-save
    text logs-text sysdiag-analyzer analyze-logs
    text run-text sysdiag-analyzer run --no-save
    report back analyze-logs -b -1
    report ago analyze-logs --until -3d
    report lately analyze-logs --since -1h
    report still analyze-logs --since "$begun"
    mkdir /tmp/empty
    text elsewhere sysdiag-analyzer analyze-logs --directory /tmp/empty
    # dmesg(1) is for root alone, unless the host says otherwise.
    echo 1 >/proc/sys/kernel/dmesg_restrict
    save nobody json "${AS_NOBODY[@]}" sysdiag-analyzer -o json analyze-logs
    echo 0 >/proc/sys/kernel/dmesg_restrict

    save anybody json "${AS_NOBODY[@]}" sysdiag-analyzer -o json analyze-logs
    flooded
}

# Somebody writes faster than anybody reads, until a reader has lost what it had not read yet.
flooded() {
    local writer
    perl -e 'my $line = "<12>" . "e2e " x 200; while (1) { syswrite(K, $line) if open(K, ">", "/dev/kmsg"); for (1..500) { syswrite(K, $line) } }' &
    writer=$!
    # All at once, by syslog(2): who reads on may never come to the end.
    until_true 60 eval 'dmesg -S | grep -q "e2e e2e" && ! dmesg -S | grep -q segfault'
    report flood analyze-logs
    kill $writer
    wait $writer 2>/dev/null || :
}

# counted KEY: how often it was found.
counted() { echo "[.log_analysis.patterns[] | select(.pattern_key == \"$1\") | .count]"; }

check() {
    local name read='journal: absent: no journal files' services="messages of services: absent: only the kernel's own messages were read, from its ring buffer"
    if [ "$LANE" = container ]; then
        for name in pipe gone; do
            exits $name 3
            holds $name "no messages, and no word that all is well" '.log_analysis == null'
        done
        holds pipe "a pipe is no buffer" 'gaps | test("nor can the kernel.s ring buffer be read: /dev/kmsg is no device")'
        holds gone "nothing there" 'gaps | test("nor can the kernel.s ring buffer be read: No such file")'
        return
    fi
    [ "$(cat lies)" = 2 ] || fail "the liar did not lie"
    [ "$(cat faults)" -ge 1 ] || fail "the kernel told of no segmentation fault"
    for name in logs run lately anybody; do
        holds $name "the OOM kill, once, and whose" "$(counted oom.memcg_kill) == [1] and
            [.log_analysis.patterns[] | select(.pattern_key == \"oom.memcg_kill\") | .units] == [[\"e2e-oom.service\"]]"
        holds $name "the segmentation fault" "$(counted proc.segfault) == [1]"
        holds $name "in the words of the kernel" '[.log_analysis.patterns[].examples[].message | select(test("segfault at 1 ip"))] == [.log_analysis.patterns[].examples[].message | select(startswith("e2e\t"))]'
        holds $name "what programs wrote is not the kernel's" "$(counted disk.blk_io) == [] and $(counted oom.kill) == []"
        holds $name "where it is from, and what is not known" 'gaps | test($read) and test($services)' --arg read "$read" --arg services "$services"
        holds $name "all of the boot was there" 'gaps | test("overwritten") | not'
    done
    exits logs-text 0
    says logs-text.txt 'oom\.memcg_kill  e2e-oom\.service'
    for name in logs-text run-text; do
        tr -s ' \n' ' ' <$name.txt >$name.line
        says $name.line 'not assessed: (journal|2 things)'
        says $name.line 'journal . absent: no journal files'
        says $name.line 'messages of services . absent'
        says $name.line "only the kernel's own messages were read, from its ring buffer"
    done
    # No other boot is in there, and none is made up.
    exits back 3
    holds back "no other boot" '.log_analysis == null and (gaps | test("ring buffer holds the current boot only"))'
    for name in ago still; do
        exits $name 0
        holds $name "nothing in the window" '.log_analysis.entries_analyzed == 0 and .log_analysis.patterns == []'
    done
    # Another machine's messages are not in this one's buffer.
    exits elsewhere 2
    says elsewhere.err 'no journal files in /tmp/empty'
    [ ! -s elsewhere.txt ] || fail "a report of an empty folder"
    exits nobody 3
    holds nobody "refused" '.log_analysis == null and (gaps | test("nor can the kernel.s ring buffer be read: Operation not permitted; run as root"))'
    exits flood 0
    holds flood "what was lost is counted" 'gaps | test("kernel ring buffer: absent: [0-9]+ messages of this boot were overwritten")'
    holds flood "what is gone is not found" "$(counted proc.segfault) == []"
}

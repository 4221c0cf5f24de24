# shellcheck shell=bash
# Reports are saved whole or not at all, the oldest go first, and what cannot be read or
# written is said and never costs a report.
# lanes: container

HISTORY=/var/lib/sysdiag-analyzer/history

guest() {
    local i boot
    report first run
    boot=$(tr -d - </proc/sys/kernel/random/boot_id)
    # A history of four: the oldest of the five goes.
    printf '[history]\nmax_files = 4\n' >/tmp/four.toml
    for i in 2 3 4 5; do report "run-$i" -c /tmp/four.toml run; done
    ls "$HISTORY" >"$RESULTS/kept"
    text show sysdiag-analyzer show-history
    report open show-history --open 1
    text open-text sysdiag-analyzer show-history --open 1

    # Damaged files of every kind, older and newer than the rest.
    head -c 300 /dev/urandom >"$HISTORY/report-$boot-20200101T000000.000001Z.jsonl.gz"
    : >"$HISTORY/report-$boot-20200101T000000.000002Z.jsonl.gz"
    set -- "$HISTORY/report-$boot"-2*.jsonl.gz
    head -c 200 "${!#}" >"$HISTORY/report-$boot-20200101T000000.000003Z.jsonl.gz"
    printf 'not JSON\n' | gzip >"$HISTORY/report-$boot-20200101T000000.000004Z.jsonl.gz"
    # The predecessor's: the same folder and name, another schema.
    printf '{"hostname":"e2e","timestamp":"2020-01-01T00:00:00+00:00","boot_id":"%s","errors":[]}\n' "$boot" |
        gzip >"$HISTORY/report-$boot-20200101T000000.000005Z.jsonl.gz"
    # 1 GiB of zeros in 1 MiB.
    head -c 1G /dev/zero | gzip -1 >"$HISTORY/report-$boot-20200101T000000.000006Z.jsonl.gz"
    mkdir "$HISTORY/report-$boot-20200101T000000.000007Z.jsonl.gz"
    (cd "$HISTORY" && sha256sum report-*-2020*[1-6]Z.jsonl.gz) >"$RESULTS/damaged"
    report among-damaged -c /tmp/four.toml run
    text show-damaged sysdiag-analyzer -v show-history -n 20
    report show-damaged-json show-history -n 20
    mv "$RESULTS/show-damaged-json.json" "$RESULTS/show-damaged-json.out"
    (cd "$HISTORY" && sha256sum report-*-2020*[1-6]Z.jsonl.gz) >"$RESULTS/damaged-after"
    ls "$HISTORY" >"$RESULTS/kept-among-damaged"
    text open-none sysdiag-analyzer show-history --open 999

    # Nothing can be written.
    save read-only json "${ELSEWHERE[@]}" "mount --bind $HISTORY $HISTORY; mount -o remount,ro,bind $HISTORY" \
        sysdiag-analyzer -o json run
    save read-only txt "${ELSEWHERE[@]}" "mount --bind $HISTORY $HISTORY; mount -o remount,ro,bind $HISTORY" \
        sysdiag-analyzer run
    # A file system with room for one report, then for a part of one.
    mkdir -p /tmp/full
    printf '[history]\ndirectory = "/tmp/full/h"\n' >/tmp/full.toml
    mount -t tmpfs -o size=64k tmpfs /tmp/full
    report room -c /tmp/full.toml run
    (cd /tmp/full/h && sha256sum report-*) >"$RESULTS/full-before"
    dd if=/dev/zero of=/tmp/full/filler bs=1k 2>/dev/null
    report full -c /tmp/full.toml run
    (cd /tmp/full/h && sha256sum report-*) >"$RESULTS/full-after"
    find /tmp/full/h -type f ! -name .digests.jsonl ! -name .messages.json >"$RESULTS/full-files"
    # Room for one page (4 KiB) of a report of several: long lines of noise do not compress.
    systemd-run --quiet --unit=e2e-noisy bash -c 'head -c 30000 /dev/urandom | base64 -w 2000; exit 1'
    until_true 30 has Result exit-code e2e-noisy.service
    journalctl --sync
    truncate -s -4096 /tmp/full/filler
    report half-full -c /tmp/full.toml run
    find /tmp/full/h -type f ! -name .digests.jsonl ! -name .messages.json >"$RESULTS/half-full-files"
    umount /tmp/full
    # The directory is a file.
    : >/tmp/file
    printf '[history]\ndirectory = "/tmp/file"\n' >/tmp/file.toml
    report not-a-directory -c /tmp/file.toml run
}

check() {
    local name
    for name in first run-2 run-3 run-4 run-5 show open open-text among-damaged show-damaged room; do
        exits "$name" 0
    done
    [ "$(wc -l <kept)" = 4 ] || fail "max_files = 4 kept $(wc -l <kept): $(cat kept)"
    holds open "a report of this boot is opened" '.schema_version == 1 and .hostname == "e2e"'
    # The first shown is the newest; it is what run-5 printed.
    holds open "the newest report is the first" '.timestamp == $t' --arg t "$(jq -r .timestamp run-5.json)"
    holds run-5 "the second report knows the first" '.findings == [] and (.resolved_findings // [] | length == 0)'
    cmp -s damaged damaged-after || fail "damaged files were changed or deleted: $(diff damaged damaged-after)"
    [ "$(wc -l <damaged)" = 6 ] || fail "only $(wc -l <damaged) damaged files were planted"
    for name in 1 2 3 4 5 6 7; do
        [ "$(cat show-damaged.txt show-damaged.err | grep -c "20200101T000000.00000${name}Z")" = 1 ] ||
            fail "show-history does not name damaged file $name once"
    done
    # They count neither as reports nor against the limit.
    [ "$(grep -vc 20200101 kept-among-damaged)" = 4 ] || fail "damaged files count: $(cat kept-among-damaged)"
    exits open-none 2
    for name in read-only full half-full not-a-directory; do
        exits "$name" 4
        holds "$name" "the report is printed all the same" .health_analysis
        holds "$name" "it says that it was not saved" '.errors | length > 0'
    done
    says read-only.err "$HISTORY"
    says read-only.txt 'no problems'
    cmp -s full-before full-after || fail "a full disk cost an older report"
    [ "$(wc -l <full-files)" = "$(wc -l <full-before)" ] || fail "left behind on the full disk: $(cat full-files)"
    [ "$(wc -l <half-full-files)" = "$(wc -l <full-before)" ] || fail "left behind: $(cat half-full-files)"
}

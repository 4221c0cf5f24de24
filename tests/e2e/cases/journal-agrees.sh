# shellcheck shell=bash
# The reader of journal files gives what journalctl gives, byte for byte, whatever journald writes: each
# format, files that are being written, archived, sealed, put aside; of users; of two boots.
# lanes: container
# boots: 2
# example: agree

# Questions to each journal.
QUESTIONS=100
# Formats by the environment of journald (systemd's docs/ENVIRONMENT.md). Neither version can be told
# to compress by LZ4 or XZ: such files are among those of the reader's own tests.
FORMATS=(
    "regular:COMPACT=0,KEYED_HASH=1"
    "unkeyed:COMPACT=0,KEYED_HASH=0"
    "compact:COMPACT=1,KEYED_HASH=1"
    "compact-unkeyed:COMPACT=1,KEYED_HASH=0"
)

# journald NAME VARIABLES LINES: restarts it with these variables, and these lines in its configuration.
journald() {
    local variable
    mkdir -p /run/systemd/system/systemd-journald.service.d /run/systemd/journald.conf.d
    {
        echo '[Service]'
        for variable in ${2//,/ }; do echo "Environment=SYSTEMD_JOURNAL_$variable"; done
    } >/run/systemd/system/systemd-journald.service.d/e2e.conf
    printf '[Journal]\nRateLimitIntervalSec=0\nStorage=persistent\n%b' "$3" >/run/systemd/journald.conf.d/e2e.conf
    systemctl daemon-reload
    systemctl restart systemd-journald.service
    # From /run, where it may have been before.
    journalctl --flush
    # What is there keeps its format: begin new files.
    journalctl --rotate
    journalctl --header --file="/var/log/journal/$MACHINE/system.journal" >"$RESULTS/header-$1"
}

# compare NAME SEED DIRECTORY [UNTIL]
compare() { PATIENCE=200 text "$1" agree compare "$2" $QUESTIONS "$3" ${4:+"$4"}; }

# written NAME SEED: entries of the system and of a user, in files that are open.
written() {
    text "write-$1" agree write "$2" 300
    text "write-user-$1" setpriv --reuid=1234 --regid=1234 --clear-groups /tmp/agree write "$(($2 + 100))" 100
    journalctl --sync
}

# killed: journald was, while its file was open; stopped before, or it may close it meanwhile.
killed() {
    agree write 35 20
    systemctl kill --signal=STOP systemd-journald.service
    if journalctl --header --file="/var/log/journal/$MACHINE/system.journal" | grep 'State: ONLINE'; then
        systemctl kill --signal=KILL systemd-journald.service
        return
    fi
    systemctl kill --signal=CONT systemd-journald.service
    return 1
}

guest() {
    local format name seed=$((BOOT * 10))
    install -m 755 bin/agree /tmp/agree
    read -r MACHINE </etc/machine-id
    for format in "${FORMATS[@]}"; do
        [ "$BOOT" = 1 ] || [ "${format%%:*}" = compact ] || continue
        seed=$((seed + 1)) name=${format%%:*}-$BOOT
        journald "$name" "${format#*:}" ''
        written "$name" $seed
        # As it is, and then as it is being written.
        rm -rf /tmp/copy
        cp -a "/var/log/journal/$MACHINE" /tmp/copy
        compare "copy-$name" $seed /tmp/copy
        compare "live-$name" $seed /var/log/journal "$(date +%s%6N)"
    done
    if [ "$BOOT" = 1 ]; then
        journald plain COMPACT=1 'Compress=no\n'
        written plain 30
        text keys journalctl --setup-keys --interval=10s --force
        journald sealed COMPACT=1 'Seal=yes\n'
        written sealed 31
        compare sealed 31 "/var/log/journal/$MACHINE" "$(date +%s%6N)"
        # Small files: many of them, rotated in the middle of the entries.
        journald many COMPACT=1 'SystemMaxFileSize=512K\nCompress=yes\n'
        written many 32
        journald volatile COMPACT=1 'Storage=volatile\n'
        written volatile 33
        compare volatile 33 /run/log/journal "$(date +%s%6N)"
        journald again COMPACT=1 ''
        # Killed: what it was writing to is put aside. A file that was synchronised is closed until the
        # next entry.
        written aside 34
        until_true 60 killed
        until_true 30 eval 'ls /var/log/journal/*/*.journal~'
        journalctl --sync
        ls "/var/log/journal/$MACHINE" >"$RESULTS/files"
        compare aside 34 /var/log/journal "$(date +%s%6N)"
        systemctl reboot
        exec sleep infinity     # until that has happened
    fi
    journalctl --list-boots >"$RESULTS/boots-listed"
    compare everything 50 /var/log/journal "$(date +%s%6N)"
    # As journals of other machines lie.
    mkdir -p /tmp/elsewhere/remote
    cp -a "/var/log/journal/$MACHINE/"*.journal /tmp/elsewhere/remote/
    compare elsewhere 51 /tmp/elsewhere/remote
}

check() {
    local file live
    for file in write-*.rc; do exits "${file%.rc}" 0; done
    for file in copy-*.rc live-*.rc sealed.rc volatile.rc aside.rc everything.rc elsewhere.rc; do
        exits "${file%.rc}" 0
        says "${file%.rc}.txt" '^[0-9]{3,} entries, [0-9]{2,} questions answered, [0-9]+ not$'
    done
    live=(live-*.rc)
    [ ${#live[@]} = 5 ] || fail "only ${#live[@]} formats were compared"
    # Each is what it is said to be.
    says header-regular-1 'flags: COMPRESSED-ZSTD KEYED-HASH$'
    says header-unkeyed-1 'flags: COMPRESSED-ZSTD$'
    says header-compact-1 'flags: COMPRESSED-ZSTD KEYED-HASH COMPACT$'
    says header-compact-unkeyed-1 'flags: COMPRESSED-ZSTD COMPACT$'
    says header-plain 'flags: KEYED-HASH COMPACT$'
    # Debian 13 has systemd without the cryptography that seals.
    [ "$SUITE" != bookworm ] || says header-sealed '^Compatible flags: SEALED'
    says files 'journal~$'
    says files 'user-1234@.*journal$'
    [ "$(grep -c '[0-9a-f]\{32\}' boots-listed)" -ge 2 ] || fail "only one boot was listed"
}

# shellcheck shell=bash
# How the boot before this one ended: cut off, cut off in the middle of a shutdown, well.
# lanes: container vm-bookworm
# boots: 4
# The emulated machine with Debian 13, reset in the middle of a shutdown, did not come back in two of four tries.

CUT_OFF='
warning previous-boot-unclean:host @vm          | ended without a shutdown
info previous-boot-unclean:host @container      | ended without a shutdown
'
UNFINISHED='
warning previous-boot-unclean:host @vm          | middle of a shutdown(.|\n)*is powering down
info previous-boot-unclean:host @container      | middle of a shutdown(.|\n)*is powering down
'

# cut_off: the end, without a shutdown.
cut_off() {
    journalctl --sync
    sync
    if [ "$LANE" = vm ]; then
        # The root has no journal (of ext4): nothing may be half written.
        fsfreeze --freeze /
        echo b >/proc/sysrq-trigger
    fi
    systemctl poweroff -ff 2>/dev/null
    exec sleep infinity     # until that has happened
}

guest() {
    report "boot-$BOOT" run --no-save
    text "text-$BOOT" sysdiag-analyzer run --no-save -v
    report "only-boot-$BOOT" analyze-boot
    report "only-health-$BOOT" analyze-health
    save "user-$BOOT" json "${AS_NOBODY[@]}" sysdiag-analyzer -o json analyze-boot
    # What the finding proposes.
    save "next-$BOOT" out bash -c "$(grep -o 'journalctl --boot=[^"]*' "$RESULTS/boot-$BOOT.json")"
    case $BOOT in
    1) cut_off ;;
    2)
        { echo "LANE=$LANE"; declare -f cut_off; echo cut_off; } >/root/cut-off
        systemd-run --quiet --unit=e2e-lingers --property=ExecStop='/bin/bash /root/cut-off' sleep infinity
        systemctl poweroff
        exec sleep infinity     # until it is stopped
        ;;
    3)
        systemctl poweroff
        exec sleep infinity
        ;;
    esac
}

check() {
    local number table
    [ "$(wc -l <boots)" = 4 ] || fail "the guest booted $(wc -l <boots) times"
    for number in 1 2 3 4; do
        case $number in
        2) table=$CUT_OFF ;;
        3) table=$UNFINISHED ;;
        *) table='' ;;
        esac
        exits "boot-$number" 0
        finds "boot-$number" "$table"
        finds "only-boot-$number" "$table"
        finds "only-health-$number" ''
        holds "boot-$number" "nothing of it is left open" '.not_assessed | map(select(.what | test("journal|boot"))) == []'
        holds "user-$number" "who cannot read it is told so" '.findings == [] and (gaps | test("journal: not_permitted"))'
    done
    for number in 2 3; do
        exits "next-$number" 0
        says "next-$number.out" 'e2e systemd\[1\]:'
    done
}

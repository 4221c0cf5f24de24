# shellcheck shell=bash
# A capture is a private file from which the same report comes again and again, elsewhere and
# without privileges; a damaged one is refused.
# lanes: container vm
# boot: faults

guest() {
    faults_happened
    local n size
    text capture sysdiag-analyzer capture "$RESULTS/host.sysdiag"
    stat -c %a "$RESULTS/host.sysdiag" >"$RESULTS/mode"
    size=$(stat -c %s "$RESULTS/host.sysdiag")
    report again-1 --from "$RESULTS/host.sysdiag" run
    report again-2 --from "$RESULTS/host.sysdiag" run
    for n in boot health resources logs; do report "$n" --from "$RESULTS/host.sysdiag" "analyze-$n"; done
    report unit --from "$RESULTS/host.sysdiag" analyze-unit e2e-failed.service
    report no-unit --from "$RESULTS/host.sysdiag" analyze-unit e2e-none.service
    rm -f "$RESULTS/no-unit.json"
    report other-boot --from "$RESULTS/host.sysdiag" analyze-logs -b -1
    rm -f "$RESULTS/other-boot.json"
    [ ! -e /var/lib/sysdiag-analyzer/history ] || ls /var/lib/sysdiag-analyzer/history >"$RESULTS/saved"
    # Cut short at several places, one bit turned, not a capture at all.
    for n in 0 1 10 100 1000 $((size / 2)) $((size - 1)); do
        head -c "$n" "$RESULTS/host.sysdiag" >/tmp/damaged
        text "cut-$n" sysdiag-analyzer --from /tmp/damaged run
    done
    cp "$RESULTS/host.sysdiag" /tmp/damaged
    printf '\xaa\x55\xaa\x55' | dd of=/tmp/damaged bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
    text flipped sysdiag-analyzer --from /tmp/damaged run
    head -c 100000 /dev/urandom >/tmp/damaged
    text random sysdiag-analyzer --from /tmp/damaged run
    # 1 GiB of zeros in 5 MiB; too slow to make where the CPU is emulated.
    if [ "$LANE" = container ]; then
        head -c 1G /dev/zero | gzip -1 >/tmp/damaged
        text bomb sysdiag-analyzer --from /tmp/damaged run
    fi
    text none sysdiag-analyzer --from /tmp/none run
    text folder sysdiag-analyzer --from /tmp run
    text into-nothing sysdiag-analyzer capture /no/such/folder/host.sysdiag
    # A capture holds what root can see: it must not follow a link someone left there.
    : >/tmp/precious
    ln -s /tmp/precious /tmp/link
    text link sysdiag-analyzer capture /tmp/link
    stat -c '%s %F' /tmp/precious >"$RESULTS/precious"
}

# On this host, as nobody, in a folder that nobody can reach.
elsewhere() (
    umask 022
    local dir
    dir=$(mktemp -d) && chmod 755 "$dir" && trap 'rm -rf "$dir"' EXIT
    cp "$BINARY" "$dir/sysdiag-analyzer"
    install -m 644 host.sysdiag "$dir/"
    cd "$dir" && setpriv --reuid=65534 --regid=65534 --clear-groups \
        env HOME="$dir" ./sysdiag-analyzer --from host.sysdiag -o json run
)

check() {
    local name
    exits capture 0
    [ "$(cat mode)" = 600 ] || fail "the capture has mode $(cat mode)"
    exits again-1 1
    cmp -s again-1.json again-2.json || fail "two reports of one capture differ"
    elsewhere >again-3.json 2>again-3.err
    echo $? >again-3.rc
    exits again-3 1
    cmp -s again-1.json again-3.json || fail "the report of the capture differs on another machine"
    holds boot "its section" .boot_analysis
    holds resources "its section" .resource_analysis
    holds logs "its section" .log_analysis
    for name in health unit; do exits "$name" 1; done
    holds again-1 "the faults are in it" 'unit("failed_units"; "e2e-failed.service").exit_status == 3'
    holds again-1 "and their logs" 'unit("failed_units"; "e2e-failed.service") | logged | contains("cannot open")'
    exits other-boot 2
    says other-boot.err '.'
    [ ! -s saved ] || fail "a replay was saved: $(cat saved)"
    [ "$LANE" = vm ] || refused bomb
    for name in cut-*.rc flipped.rc random.rc none.rc folder.rc; do refused "${name%.rc}"; done
    exits into-nothing 4
    [ "$(cut -d' ' -f1 precious)" = 0 ] || fail "a capture was written through a symbolic link"
}

# refused NAME: wrong usage or a failed action, with a reason, and no report.
refused() {
    case $(cat "$1.rc") in 2 | 4) ;; *) fail "$1: exit status $(cat "$1.rc")" ;; esac
    says "$1.err" '/tmp'
    [ ! -s "$1.txt" ] || fail "$1: a report of a damaged capture"
}

# shellcheck shell=bash
# Every line of `systemd-analyze time`, `blame` and `critical-chain` agrees with our figures to
# the digit it shows.
# lanes: container vm
# boot: faults

guest() {
    # Everything but what is meant to go on for ever has come to rest.
    faults_happened
    systemctl stop e2e-flap.service e2e-badtimer.timer e2e-hog.service
    text blame-before systemd-analyze --no-pager blame
    text chain-before systemd-analyze --no-pager critical-chain
    report boot analyze-boot
    report run run --no-save
    text time systemd-analyze --no-pager time
    text blame systemd-analyze --no-pager blame
    text chain systemd-analyze --no-pager critical-chain
}

check() {
    local name line
    for name in boot blame-before chain-before time blame chain; do exits "$name" 0; done
    exits run 1     # the faults are still there
    for name in boot run; do
        while read -r line; do fail "$name: $line"; done < <(
            python3 "$E2E/lib/boot_agrees.py" "$name.json" time.txt \
                blame-before.txt blame.txt chain-before.txt chain.txt 2>&1
        )
    done
}

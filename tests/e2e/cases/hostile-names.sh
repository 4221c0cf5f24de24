# shellcheck shell=bash
# Unit names and log lines are written by others: long ones, strange ones, and ones made to
# talk to a terminal come out as text.
# lanes: container vm

guest() {
    local escaped long evil
    # 255 bytes are the most a unit's name can have.
    long=$(printf 'e2e-%0243d.service' 0)
    escaped=e2e-$(systemd-escape $'\e[31m\ttab \n line \x7f bell\a "quoted" % $HOME').service
    # Sets the title, clears the screen, colours, moves up, returns; C1 controls; a word
    # that reverses direction.
    evil=$'\e]0;owned\a\e[2J\e[31mred\e[0m\e[5Aup\rback \xc2\x9b31m \xe2\x80\xae reversed \x01\x02'
    printf '%s' "$long" >"$RESULTS/long"
    printf '%s' "$escaped" >"$RESULTS/escaped"
    cat >/usr/local/bin/e2e-evil <<SCRIPT
#!/bin/bash
# A newline in the middle, so that a field of its own carries it in the journal.
printf 'evil %s\n' $(printf %q "$evil") | systemd-cat -t $(printf %q "$evil") -p err
printf 'evil %s\n' $(printf %q "$evil") >&2
printf 'no utf-8 \xff\xfe\xc0\x80\n' >&2
head -c 100000 /dev/zero | tr '\0' x >&2
exit 9
SCRIPT
    chmod +x /usr/local/bin/e2e-evil
    systemd-run --quiet --unit="$long" --description="$evil" /usr/local/bin/e2e-evil
    systemd-run --quiet --unit="$escaped" --description="$evil" /usr/local/bin/e2e-evil
    # A process below a service whose name is a control sequence.
    cp /bin/sleep $'/tmp/\e[31mkid'
    systemd-run --quiet --unit=e2e-parent bash -c $'/tmp/$\'\\e[31mkid\' infinity & wait'
    until_true 60 has ExecMainStatus 9 "$long"
    until_true 60 has ExecMainStatus 9 "$escaped"
    until_true 60 pgrep -f infinity
    journalctl --sync
    report run run --no-save
    text run-text sysdiag-analyzer run --no-save
    CLICOLOR_FORCE=1 save run-forced colour.txt sysdiag-analyzer run --no-save
    text logs sysdiag-analyzer analyze-logs
    report unit-long analyze-unit "$long"
    text unit-long sysdiag-analyzer analyze-unit "$long"
    report unit-escaped analyze-unit "$escaped"
    text unit-escaped sysdiag-analyzer analyze-unit "$escaped"
    # Names that no unit can have.
    save too-long out sysdiag-analyzer analyze-unit "$(printf '%0300d.service' 0)"
    save control out sysdiag-analyzer analyze-unit $'e2e\e[31m.service'
    save path out sysdiag-analyzer analyze-unit ../../etc/passwd
    save empty out sysdiag-analyzer analyze-unit ''
    text verbose sysdiag-analyzer -vv run --no-save
}

check() {
    local name
    for name in run run-text run-forced unit-long unit-escaped; do exits "$name" 1; done
    holds run "the long name, whole" 'unit("failed_units"; $u).exit_status == 9' --arg u "$(cat long)"
    holds run "the escaped name, as systemd writes it" 'unit("failed_units"; $u).exit_status == 9' --arg u "$(cat escaped)"
    # JSON has \u001b escapes for what was logged, and no raw byte of it.
    for name in run.json run-text.txt logs.txt unit-long.txt unit-escaped.txt ./*.err too-long.out control.out; do
        ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$name" ||
            fail "$name has raw control characters"
        ! LC_ALL=C grep -qP '\xe2\x80[\xaa-\xae]' "$name" || [ "${name%.json}" != "$name" ] ||
            fail "$name has characters that reverse the direction of text"
    done
    # In colour, the only sequences are those of colours, and none is the logs'.
    sed 's/\x1b\[[0-9;]*m//g' run-forced.colour.txt >plain
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' plain || fail "coloured output has raw control characters"
    silent run-forced.colour.txt $'\e\\[31mred'
    grep -q $'\e\\[' run-forced.colour.txt || fail "CLICOLOR_FORCE=1 gave no colour"
    for name in too-long control path empty; do exits "$name" 2; done
    for name in too-long control path; do says "$name.err" '.'; done
}

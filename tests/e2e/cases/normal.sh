# shellcheck shell=bash
# What systemd regards as normal is nothing to tell: conditions, ends that are agreed on, what
# somebody stopped, sessions that end, timers that catch up.
# lanes: container vm

EXPECTED='
info unit-failed:e2e-java.service | 143
'

# unit NAME LINES: a unit file below /etc.
unit() { printf '%s\n' "$2" >"/etc/systemd/system/$1"; }

guest() {
    local name
    patience
    unit e2e-condition.service $'[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep infinity'
    unit e2e-exec-condition.service $'[Service]\nExecCondition=/bin/false\nExecStart=/bin/sleep infinity'
    unit e2e-once.service $'[Service]\nType=oneshot\nExecStart=/bin/true'
    unit e2e-once-stays.service $'[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true'
    unit e2e-ignored.service $'[Service]\nType=oneshot\nExecStart=-/bin/false'
    unit e2e-agreed.service $'[Service]\nSuccessExitStatus=42\nExecStart=/bin/sh -c "exit 42"'
    unit e2e-agreed-signal.service $'[Service]\nSuccessExitStatus=SIGUSR1\nExecStart=/bin/sh -c "kill -USR1 $$$$"'
    unit e2e-no-restart.service $'[Service]\nRestart=always\nRestartPreventExitStatus=7\nSuccessExitStatus=7\nExecStart=/bin/sh -c "exit 7"'
    unit e2e-stopped.service $'[Service]\nRestart=always\nExecStart=/bin/sleep infinity'
    unit e2e-killed.service $'[Service]\nRestart=always\nRestartSec=100ms\nExecStart=/bin/sleep infinity'
    # As programs in Java end: 128 and the number of the signal.
    unit e2e-java.service $'[Service]\nExecStart=/bin/sh -c "trap \'exit 143\' TERM; while :; do sleep 0.1; done"'
    unit e2e-java-agreed.service $'[Service]\nSuccessExitStatus=143\nExecStart=/bin/sh -c "trap \'exit 143\' TERM; while :; do sleep 0.1; done"'
    unit e2e-late.timer $'[Timer]\nOnCalendar=daily\nPersistent=yes\nUnit=e2e-once.service'
    unit e2e-passed.timer $'[Timer]\nOnActiveSec=100ms\nAccuracySec=1ms\nUnit=e2e-once.service'
    unit e2e-off.timer $'[Timer]\nOnCalendar=hourly\nUnit=e2e-once.service'
    unit e2e-off.socket $'[Socket]\nListenStream=/run/e2e-off\nRemoveOnStop=yes\nService=e2e-stopped.service'
    unit e2e-off.path $'[Path]\nPathExists=/nonexistent\nUnit=e2e-once.service'
    # Persistent: it last elapsed days ago, and makes up for it.
    mkdir -p /var/lib/systemd/timers
    touch -d '3 days ago' /var/lib/systemd/timers/stamp-e2e-late.timer
    systemctl daemon-reload
    for name in condition exec-condition once once-stays ignored agreed agreed-signal no-restart; do
        systemctl start "e2e-$name.service" 2>/dev/null
    done
    systemctl start e2e-{stopped,killed,java,java-agreed}.service e2e-{late,passed,off}.timer e2e-off.path
    until_true 10 trapped e2e-java.service
    until_true 10 trapped e2e-java-agreed.service
    systemctl stop e2e-{stopped,java,java-agreed}.service e2e-off.timer e2e-off.path
    systemctl start e2e-off.socket
    systemctl stop e2e-off.socket
    kill -TERM "$(systemctl show -P MainPID e2e-killed.service)"
    until_true 10 has NRestarts 1 e2e-killed.service
    # Sessions: scopes that end by themselves, that are stopped, and a manager of a user.
    systemd-run --quiet --scope --unit=session-77.scope --slice=user.slice true
    systemd-run --quiet --scope --unit=session-78.scope --slice=user.slice sleep 60 &
    until_true 10 has ActiveState active session-78.scope
    systemctl stop session-78.scope
    # The guest has no logind that would make this folder.
    mkdir -p /etc/systemd/system/user@0.service.d
    unit user@0.service.d/e2e.conf $'[Service]\nRuntimeDirectory=user/0\nEnvironment=XDG_RUNTIME_DIR=/run/user/0'
    systemctl daemon-reload
    systemctl start user@0.service
    has ActiveState active user@0.service || echo "no manager of a user"
    systemctl stop user@0.service
    until_true 10 has SubState elapsed e2e-passed.timer
    journalctl --sync
    report normal run --no-save --analyze-full-graph
    text normal-text sysdiag-analyzer run --no-save
    for name in condition once agreed-signal java killed; do
        report "page-$name" analyze-unit "e2e-$name.service"
    done
    systemctl list-units --all --plain --no-legend 'e2e-*' 'user@*' 'session-*' >"$RESULTS/units"
    text capture sysdiag-analyzer capture "$RESULTS/normal.cap"
}

# trapped UNIT: its shell has set its trap and runs the loop.
trapped() { [ "$(wc -w <"/sys/fs/cgroup/system.slice/$1/cgroup.procs")" -ge 1 ] && pgrep -P "$(systemctl show -P MainPID "$1")" sleep; }

check() {
    local name
    finds normal "$EXPECTED"
    exits normal 0
    holds normal "the failure that systemd counts" '[.health_analysis.failed_units[].name] == ["e2e-java.service"]'
    for name in condition once agreed-signal killed; do
        exits "page-$name" 0
        holds "page-$name" "nothing to tell" '[.findings[] | select(.severity != "info")] == []'
    done
    says units '^e2e-java.service .*failed'
    says units '^e2e-killed.service .*running'
}

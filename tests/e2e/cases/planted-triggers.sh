# shellcheck shell=bash
# Sockets, timers, paths, mounts and swap that do not do their work.
# lanes: container vm

EXPECTED='
error socket-failed:e2e-address.socket           | 192\.0\.2\.1:9998
error socket-failed:e2e-storm.socket             | triggered too often
error socket-not-listening:e2e-lost.socket       | /run/e2e-lost
warning socket-not-listening:e2e-new.socket
error triggered-unit-missing:e2e-idle.timer      | e2e-nothing\.service
warning timer-never-elapses:e2e-past.timer
error unit-flapping:e2e-flag.service
    error unit-failed:e2e-flag.service
        error unit-failed:e2e-flag.path
error unit-failed:srv-e2e.mount                  | status 32
error unit-failed:mnt-e2e.mount @vm              | status 32
error unit-failed:srv-e2e.swap.swap @vm
'

guest() {
    plant_triggers
    journalctl --sync
    report run run
    text run-text sysdiag-analyzer run --no-save -v
    capture triggers
}

check() {
    exits run 1
    exits run-text 1
    exits capture-triggers 0
    finds run "$EXPECTED"
}

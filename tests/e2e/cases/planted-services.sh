# shellcheck shell=bash
# Services that fail, each for a reason of its own: each is found with that reason, nothing else is.
# lanes: container vm

# severity, rule:subject | what it says.  See lib/findings_agree.py.
EXPECTED='
error missing-file:/usr/local/bin/e2e-gone       | e2e-file\.service cannot start
    error unit-failed:e2e-file.service           | 203
error missing-file:/usr/bin/e2e-python           | /usr/local/bin/e2e-script
    error unit-failed:e2e-interpreter.service    | 203
error missing-user:e2e-who                       | user e2e-who
    error unit-failed:e2e-user.service           | 217.*USER
error missing-user:e2e-crowd                     | group e2e-crowd
    error unit-failed:e2e-group.service          | 216.*GROUP
error missing-file:/srv/e2e-gone                 | WorkingDirectory=
    error unit-failed:e2e-folder.service         | 200.*CHDIR
error missing-file:/etc/e2e-gone.env             | EnvironmentFile=
    error unit-failed:e2e-environment.service
error unit-failed:e2e-exit.service               | status 3
error unit-failed:e2e-signal.service             | SIGUSR1
error unit-failed:e2e-crash.service              | SIGSEGV
error unit-failed:e2e-silent.service             | ready within 1 s
error unit-failed:e2e-later.service              | tries again in 59 min
error unit-failed:e2e-jail.service               | SIGSYS.*SystemCallFilter=
error unit-failed:e2e-overtime.service           | longer than 1 s \(RuntimeMaxSec=
error unit-failed:e2e-deaf.service               | stop within 1 s
error unit-failed:e2e-watchdog.service           | watchdog
error unit-failed:e2e-protocol.service           | Type=notify
error unit-flapping:e2e-limit.service            | gave up
    error unit-failed:e2e-limit.service          | status 4
warning core-dump:e2e-worker.service @vm
'

guest() {
    plant_secrets
    plant_exec
    plant_ends
    journalctl --sync
    report run run
    text run-text sysdiag-analyzer run --no-save -v
    capture services
}

check() {
    exits run 1
    exits run-text 1
    exits capture-services 0
    finds run "$EXPECTED"
    zcat services.cap >services.json.txt
    says services.json.txt 'e2e-secrets\.service'
    silent services.json.txt canary
}

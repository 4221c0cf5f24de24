# shellcheck shell=bash
# Units and jobs that are on their way for ever, and what is left behind.
# lanes: container vm

EXPECTED='
warning unit-stuck:e2e-coming.service            | activating
warning unit-stuck:e2e-going.service             | deactivating
warning unit-stuck:e2e-reloading.service         | reloading
warning unit-reload-failed:e2e-deafened.service
info unit-changed-on-disk:e2e-edited.service
warning unit-left-over-processes:e2e-messy.service
info unit-recovered:e2e-again.service
warning jobs-stuck:host                          | e2e-late\.service
'

guest() {
    mkdir -p /etc/sysdiag-analyzer
    printf '[analysis]\nstuck_seconds = 1\n' >>/etc/sysdiag-analyzer/config.toml
    plant_states
    journalctl --sync
    report run run
    text run-text sysdiag-analyzer run --no-save -v
    capture states
}

check() {
    exits run 0
    exits run-text 0
    exits capture-states 0
    finds run "$EXPECTED"
}

# shellcheck shell=bash
# One cause, many effects: a chain of ten, a diamond, two causes; what is required and not to be had.
# lanes: container vm

EXPECTED='
error unit-failed:e2e-chain-0.service
    error dependency-failed:e2e-chain-1.service
    error dependency-failed:e2e-chain-2.service
    error dependency-failed:e2e-chain-3.service
    error dependency-failed:e2e-chain-4.service
    error dependency-failed:e2e-chain-5.service
    error dependency-failed:e2e-chain-6.service
    error dependency-failed:e2e-chain-7.service
    error dependency-failed:e2e-chain-8.service
    error dependency-failed:e2e-chain-9.service
error unit-failed:e2e-root.service
    error dependency-failed:e2e-left.service
    error dependency-failed:e2e-right.service
    error dependency-failed:e2e-foot.service
error unit-failed:e2e-one.service
    error dependency-failed:e2e-of-one.service
error unit-failed:e2e-two.service
    error dependency-failed:e2e-of-two.service
error dependency-failed:e2e-prim.service | e2e-idle\.service, which is not up
error unit-failed:e2e-brittle.service
    error bound-unit-stopped:e2e-bound.service
# Older systemd starts what a target wants without what that requires; a restart would fail.
warning requirement-unavailable:e2e-hidden.service @bookworm | masked.*e2e-needs-masked\.service
warning requirement-unavailable:e2e-absent.service @bookworm | not exist.*e2e-needs-missing\.service
warning requirement-unavailable:e2e-wrong.service @bookworm | error in its unit file
error requirement-unavailable:e2e-hidden.service @trixie | masked
    error dependency-failed:e2e-needs-masked.service @trixie
error requirement-unavailable:e2e-absent.service @trixie | does not exist
    error dependency-failed:e2e-needs-missing.service @trixie
error requirement-unavailable:e2e-wrong.service @trixie | error in its unit file
    error dependency-failed:e2e-needs-broken.service @trixie
warning requirement-unavailable:e2e-nowhere.service  | e2e-bereft\.service
'

guest() {
    plant_causes
    plant_requirements
    plant_bound
    journalctl --sync
    report run run
    text run-text sysdiag-analyzer run --no-save -v
    capture causes
}

check() {
    exits run 1
    exits run-text 1
    exits capture-causes 0
    finds run "$EXPECTED"
}

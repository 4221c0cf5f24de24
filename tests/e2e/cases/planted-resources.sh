# shellcheck shell=bash
# Full disks, zombies, deleted programs; on a machine of its own also limits that bite, a disk
# that turned read-only and one that does not answer.
# lanes: container vm

EXPECTED='
critical file-system-full:/var/tmp               | /var/tmp
    error unit-failed:e2e-writer.service
critical file-system-inodes:/dev/shm
warning zombie-processes:e2e-parent.service
warning deleted-programs:host                  | e2e-old\.service
warning reboot-required:host
critical unit-oom-killed:e2e-oom.service @vm
    error unit-failed:e2e-oom.service @vm
critical unit-oom-killed:e2e-tenant.service @vm | 40 MiB of e2e-tight\.slice
    error unit-failed:e2e-tenant.service @vm
warning unit-memory-near-limit:e2e-brim.service @vm
warning unit-cpu-throttled:e2e-quota.service @vm
warning unit-memory-throttled:e2e-high.service @vm
error unit-forks-refused:e2e-forks.service @vm
critical file-system-error:loop0 @vm | fs\.ext4_error\scount\s1
    error file-system-read-only:/srv/e2e-bad @vm
warning processes-uninterruptible:e2e-still.service @vm
'

guest() {
    plant_host
    if [ "$LANE" = vm ]; then
        plant_limits
        plant_disks
    fi
    journalctl --sync
    report run run
    text run-text sysdiag-analyzer run --no-save -v
    capture resources
    # What is frozen could not be unmounted.
    [ "$LANE" = container ] || fsfreeze --unfreeze /srv/e2e-still
}

check() {
    exits run 1
    exits run-text 1
    exits capture-resources 0
    finds run "$EXPECTED"
}

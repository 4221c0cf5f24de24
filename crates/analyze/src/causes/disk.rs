//! Which disk is below a file system that is in trouble, by what the kernel calls its devices.

use sysdiag_model::{Finding, Snapshot};

/// The place in `findings` of what explains a read-only file system: an error it found in itself, or
/// its disk.
pub(super) fn under_mount(
    snapshot: &Snapshot,
    findings: &[Finding],
    mount_point: &str,
) -> Option<usize> {
    let mounted = snapshot.system.value()?.file_systems.value()?;
    let device = mounted.iter().find(|mounted| mounted.mount_point == mount_point)?.kernel_name();
    let of = |rule: &str, subject: &str| {
        findings.iter().position(|finding| finding.rule == rule && finding.subject == subject)
    };
    of("file-system-error", &device).or_else(|| under_file_system(findings, &device))
}

/// The place in `findings` of the disk that `device` is, or that it is a part of.
pub(super) fn under_file_system(findings: &[Finding], device: &str) -> Option<usize> {
    findings
        .iter()
        .position(|finding| finding.rule == "disk-error" && is_part_of(device, &finding.subject))
}

/// Whether `device` is the disk, or a partition of it: `sda1` of `sda`, `nvme0n1p2` of `nvme0n1` and
/// of the controller `nvme0`.
fn is_part_of(device: &str, disk: &str) -> bool {
    let Some(rest) = device.strip_prefix(disk).filter(|_| !disk.is_empty()) else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if disk.ends_with(|c: char| c.is_ascii_digit()) {
        let is_namespace = disk.starts_with("nvme") && rest.starts_with('n');
        rest.is_empty() || rest.strip_prefix('p').is_some_and(number) || is_namespace
    } else {
        rest.is_empty() || number(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_part_of_its_disk_and_of_no_other() {
        for (device, disk) in [
            ("sda", "sda"),
            ("sda1", "sda"),
            ("vdb12", "vdb"),
            ("nvme0n1p2", "nvme0n1"),
            ("nvme0n1p2", "nvme0"),
            ("mmcblk0p1", "mmcblk0"),
            ("dm-1", "dm-1"),
        ] {
            assert!(is_part_of(device, disk), "{device} {disk}");
        }
        for (device, disk) in [
            ("sdaa1", "sda"),
            ("sdb1", "sda"),
            ("dm-12", "dm-1"),
            ("nvme10n1", "nvme1"),
            ("sda", ""),
        ] {
            assert!(!is_part_of(device, disk), "{device} {disk}");
        }
    }
}

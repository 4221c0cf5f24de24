//! A file system that nothing can be written to any more, because of an error.

use sysdiag_model::snapshot::{FileSystem, LogLine};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName, Value};

use super::support::kernel_lines;
use crate::{Context, Explanation, Need, Rule, Section, human};

/// File systems that turn themselves read-only when they find an error.
const TURN: [&str; 16] = [
    "ext2", "ext3", "ext4", "btrfs", "vfat", "msdos", "exfat", "f2fs", "jfs", "nilfs2", "ocfs2",
    "reiserfs", "ubifs", "bcachefs", "hfsplus", "ntfs3",
];
/// Where nearly everything writes.
const VITAL: [&str; 3] = ["/", "/var", "/usr"];
/// Where the options are.
const MOUNTS: &str = "/proc/self/mountinfo";
/// What kernels say when they do so: ext4, f2fs; fat; btrfs.
const WORDS: [&str; 3] = ["Remounting filesystem read-only", "set read-only", "forced readonly"];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "file-system-read-only",
    title: "A file system turned read-only",
    severity: Severity::Critical,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "A file system that is read-only while no mount of it is, as the kernel leaves it \
                 after an error (errors=remount-ro): whoever mounts or remounts it so makes both \
                 read-only. Where a mount is read-only as well, and for ext4, whose flags some \
                 kernels leave as they were, the kernel's own message decides, unless the mount is \
                 newer. \
                 Newer kernels say it in the options: emergency_ro, shutdown. Critical for /, /usr \
                 and /var.",
        matters: "Nothing can be written: databases and logs stop, and the disk below is likely to \
                  be failing.",
        todo: "Read what the kernel said first, save the data, check the disk (smartctl) and the \
               file system (fsck, unmounted). A remount without a check can destroy more.",
        references: &["ext4(5), errors=", "mount(8)", "proc_pid_mountinfo(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let system = context.snapshot.system.value();
    let mounted = system.and_then(|system| system.file_systems.value());
    mounted.into_iter().flatten().filter_map(|mounted| finding(context, mounted)).collect()
}

fn finding(context: &Context<'_>, mounted: &FileSystem) -> Option<Finding> {
    let lines = lines(context, mounted);
    let mut turned = lines.iter().filter(|line| WORDS.iter().any(|it| line.message.contains(it)));
    let told_at = turned.next_back().map(|line| line.time);
    let told = told_at.is_some();
    let fault = mounted.fault.as_deref();
    let silently = !mounted.super_read_only && keeps_flags(context, mounted, told_at);
    if fault.is_none() && !silently {
        let turns = TURN.contains(&mounted.fs_type.as_str());
        let any_mount = mounted.any_mount_read_only.unwrap_or(mounted.read_only);
        if !turns || !mounted.super_read_only || (any_mount && !told) {
            return None;
        }
    }
    let severity =
        if VITAL.contains(&mounted.mount_point.as_str()) { RULE.severity } else { Severity::Error };
    let title = match fault {
        Some("shutdown") => {
            format!("The file system at {} was shut down after an error", mounted.mount_point)
        }
        _ => format!(
            "The file system at {} was turned read-only after an error",
            mounted.mount_point
        ),
    };
    let mut finding = Finding::new(RULE.id, severity, &mounted.mount_point, title);
    if let Some(time) = lines.iter().map(|line| line.time).min() {
        finding = finding.since(Some(time));
    }
    let options = match fault {
        Some(fault) => fault.to_owned(),
        None if silently => "rw, which this kernel leaves as it was".to_owned(),
        None => format!("file system ro, mount {}", if mounted.read_only { "ro" } else { "rw" }),
    };
    finding = finding
        .because(Evidence::text("options", options, MOUNTS))
        .because(Evidence::text("type", &mounted.fs_type, MOUNTS))
        .because(Evidence::text("source", &mounted.source, MOUNTS));
    for line in lines.iter().take(3) {
        finding = finding.because(Evidence::new(
            "kernel",
            Value::Text(line.message.clone()),
            "journal, kernel log",
        ));
    }
    let word = human::shell_word(&mounted.kernel_name());
    Some(finding.next(format!("journalctl -b -k --grep={word}")))
}

/// Whether the file system refuses writes although it does not look so: some kernels after 5.10
/// leave the flags of ext4 as they were, and none lets it become writable again but by a new mount.
fn keeps_flags(context: &Context<'_>, mounted: &FileSystem, told: Option<Timestamp>) -> bool {
    let Some(told) = told.filter(|_| matches!(mounted.fs_type.as_str(), "ext2" | "ext3" | "ext4"))
    else {
        return false;
    };
    let unit = UnitName::of_mount_point(&mounted.mount_point);
    let systemd = context.snapshot.systemd.value();
    let times = systemd.and_then(|systemd| systemd.unit(unit.as_str())?.times);
    let since = times.and_then(|times| times.active_enter_usec);
    since.is_none_or(|usec| context.snapshot.clock.at_monotonic(usec) <= told)
}

/// Complaints of the kernel about this device, oldest first.
fn lines<'a>(context: &Context<'a>, mounted: &FileSystem) -> Vec<&'a LogLine> {
    let device = mounted.kernel_name();
    if device.is_empty() {
        return Vec::new();
    }
    // `EXT4-fs (sdb1): `, `EXT4-fs error (device sdb1): `, `BTRFS error (device dm-1 state EA): `.
    let names = [format!("({device})"), format!("(device {device})"), format!("(device {device} ")];
    let mut lines: Vec<&LogLine> = kernel_lines(context)
        .filter(|line| names.iter().any(|name| line.message.contains(name.as_str())))
        .filter(|line| {
            let message = line.message.to_ascii_lowercase();
            message.contains("error")
                || message.contains("read-only")
                || message.contains("readonly")
        })
        .collect();
    lines.sort_by_key(|line| line.time);
    lines
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, system_of, unit};
    use crate::testing_events::{ago, kernel_line};

    fn with(change: fn(&mut FileSystem)) -> Snapshot {
        let mut snapshot = healthy();
        change(&mut system_of(&mut snapshot).file_systems.value_mut().unwrap()[0]);
        snapshot
    }

    #[test]
    fn fires_once_when_only_the_file_system_is_read_only() {
        let mut snapshot = with(|mounted| mounted.super_read_only = true);
        kernel_line(&mut snapshot, 300, "EXT4-fs error (device vda1): ext4_find_entry: inode #2");
        kernel_line(&mut snapshot, 299, "EXT4-fs (vda1): Remounting filesystem read-only");
        kernel_line(&mut snapshot, 298, "EXT4-fs error (device vdb1): ext4_find_entry: inode #2");
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "The file system at / was turned read-only after an error");
        assert_eq!(found[0].severity, Severity::Critical);
        assert_eq!(found[0].since, Some(ago(300)));
        assert_eq!(found[0].evidence.iter().filter(|fact| fact.what == "kernel").count(), 2);
        assert_eq!(found[0].next.as_deref(), Some("journalctl -b -k --grep=vda1"));
    }

    #[test]
    fn fires_on_the_words_of_kernels_that_leave_the_flags() {
        let said = |change: fn(&mut FileSystem), device: &str| {
            let mut snapshot = with(change);
            let message = format!("EXT4-fs ({device}): Remounting filesystem read-only");
            kernel_line(&mut snapshot, 60, &message);
            snapshot
        };
        let mut snapshot = said(|_| (), "vda1");
        assert_eq!(findings(&RULE, &snapshot)[0].evidence[0].what, "options");
        let mapped = |mounted: &mut FileSystem| {
            "/dev/mapper/vg-root".clone_into(&mut mounted.source);
            "254:3".clone_into(&mut mounted.device);
        };
        assert_eq!(findings(&RULE, &said(mapped, "dm-3")).len(), 1);
        assert!(findings(&RULE, &said(mapped, "dm-4")).is_empty());
        assert!(findings(&RULE, &said(|it| "xfs".clone_into(&mut it.fs_type), "vda1")).is_empty());
        // Mounted anew since: checked and well.
        let mut mount = unit("-.mount", "active", "mounted");
        let half_a_minute_ago = snapshot.clock.monotonic_usec - 30_000_000;
        mount.times.as_mut().unwrap().active_enter_usec = Some(half_a_minute_ago);
        add_unit(&mut snapshot, mount);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn the_options_of_newer_kernels_say_it() {
        let found = findings(
            &RULE,
            &with(|mounted| {
                mounted.mount_point = "/srv".to_owned();
                mounted.fault = Some("shutdown".to_owned());
            }),
        );
        assert_eq!(found[0].title, "The file system at /srv was shut down after an error");
        assert_eq!(found[0].severity, Severity::Error);
    }

    #[test]
    fn silent_when_somebody_wanted_it_so() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let wanted = |mounted: &mut FileSystem| {
            mounted.super_read_only = true;
            mounted.any_mount_read_only = Some(true);
        };
        let mut snapshot = with(wanted);
        assert!(findings(&RULE, &snapshot).is_empty());
        // A read-only mount of a part of it does not hide the error.
        kernel_line(&mut snapshot, 299, "EXT4-fs (vda1): Remounting filesystem read-only");
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
    }

    #[test]
    fn silent_for_images_and_what_cannot_be_written_by_nature() {
        for kind in ["squashfs", "erofs", "iso9660", "overlay", "udf", "9p"] {
            let mut snapshot = with(|mounted| mounted.super_read_only = true);
            system_of(&mut snapshot).file_systems.value_mut().unwrap()[0].fs_type = kind.to_owned();
            assert!(findings(&RULE, &snapshot).is_empty(), "{kind}");
        }
    }
}

//! A file system has little space left.

use sysdiag_model::report::FileSystemUsage;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::resources::space_used_percent;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Types that are full by nature, or whose size says nothing.
const IMAGES: [&str; 12] = [
    "squashfs",
    "erofs",
    "iso9660",
    "udf",
    "cramfs",
    "romfs",
    "efivarfs",
    "devtmpfs",
    "autofs",
    "fuse.snapfuse",
    "fuse.squashfuse",
    "fuse.portal",
];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "file-system-full",
    title: "A file system is full or nearly full",
    severity: Severity::Critical,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Space in use as df(1) counts it: a warning from file_system_warning_percent (90) \
                 on, an error from file_system_critical_percent (97) on, critical when nothing is \
                 left. Silent above file_system_enough_bytes (20 GiB) of space left, on read-only \
                 file systems and on images.",
        matters: "Without space, services cannot write their data, logs and sockets: databases \
                  stop, logins and upgrades fail.",
        todo: "Find what fills it (du, journalctl --disk-usage), delete or move it, or enlarge the \
               file system. A deleted file that is still open keeps its space: lsof +L1.",
        references: &["df(1)", "journald.conf(5), SystemMaxUse=", "tmpfiles.d(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let usage = context.resources.system_usage.as_ref();
    let list = usage.and_then(|usage| usage.file_systems.as_ref());
    list.into_iter()
        .flatten()
        .filter(|mounted| can_fill(mounted))
        .filter_map(|mounted| finding(mounted, context))
        .collect()
}

/// Whether anybody could write to it.
pub(super) fn can_fill(mounted: &FileSystemUsage) -> bool {
    !mounted.read_only && !IMAGES.contains(&mounted.fs_type.as_str())
}

fn finding(mounted: &FileSystemUsage, context: &Context<'_>) -> Option<Finding> {
    let settings = context.settings;
    let percent = space_used_percent(mounted)?;
    let available = mounted.available_bytes?;
    if percent < settings.file_system_warning_percent
        || available > settings.file_system_enough_bytes
    {
        return None;
    }
    let severity = match available {
        0 => Severity::Critical,
        _ if percent >= settings.file_system_critical_percent => Severity::Error,
        _ => Severity::Warning,
    };
    let left = if available == 0 {
        "nothing is left".to_owned()
    } else {
        format!("{} left", amount::bytes(available))
    };
    let title = format!(
        "The file system at {} is {} full: {left}",
        mounted.mount_point,
        amount::percent(percent)
    );
    let source = format!("statfs {}", mounted.mount_point);
    let mut finding = Finding::new(RULE.id, severity, &mounted.mount_point, title)
        .because(Evidence::new("space in use", Value::Percent(percent), &source))
        .because(Evidence::new("space left", Value::Bytes(available), &source))
        .because(Evidence::text("source", &mounted.source, "/proc/self/mountinfo"))
        .next(format!(
            "du --one-file-system --human-readable --max-depth=2 {} | sort -h | tail -n 20",
            human::shell_word(&mounted.mount_point)
        ));
    if let Some(total) = mounted.total_bytes {
        finding = finding.because(Evidence::new("size", Value::Bytes(total), source));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Probe;

    use super::*;
    use crate::testing::{GIB, MIB, file_system, findings, healthy, system_of};

    #[test]
    fn fires_once_for_each_by_what_is_left() {
        let mut snapshot = healthy();
        system_of(&mut snapshot).file_systems = Probe::Known(vec![
            file_system("/", 100 * GIB, 60 * GIB),
            file_system("/var", 20 * GIB, GIB),
            file_system("/srv", 20 * GIB, 200 * MIB),
            file_system("/boot", GIB, 0),
        ]);
        let found = findings(&RULE, &snapshot);
        let lines: Vec<(Severity, &str)> =
            found.iter().map(|finding| (finding.severity, finding.title.as_str())).collect();
        assert_eq!(
            lines,
            [
                (Severity::Warning, "The file system at /var is 95 % full: 1 GiB left"),
                (Severity::Error, "The file system at /srv is 99 % full: 200 MiB left"),
                (Severity::Critical, "The file system at /boot is 100 % full: nothing is left"),
            ]
        );
        assert_eq!(found[0].subject, "/var");
    }

    #[test]
    fn silent_where_nothing_can_be_written_or_much_is_left() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let mut read_only = file_system("/usr", GIB, 0);
        read_only.read_only = true;
        let mut snap = file_system("/snap/core", GIB, 0);
        snap.fs_type = "squashfs".to_owned();
        system_of(&mut snapshot).file_systems =
            Probe::Known(vec![read_only, snap, file_system("/big", 10_000 * GIB, 100 * GIB)]);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

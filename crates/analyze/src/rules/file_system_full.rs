//! A file system has little space left.

use sysdiag_model::report::FileSystemUsage;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::growth::{Quantity, with_growth};
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
                 file systems and on images. Says how it grew in the reports of 30 days, and, if it \
                 grows steadily, when it will be full.",
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
    let space = Quantity {
        now: |mounted| mounted.used_bytes,
        then: |then| Some(then.used_bytes),
        value: Value::Bytes,
    };
    Some(with_growth(finding, context, mounted, space, available))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Probe;

    use super::*;
    use crate::testing::{GIB, MIB, file_system, findings, findings_after, healthy, system_of};
    use crate::testing_events::assessed;
    use crate::{Past, PastReport};

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

    /// Reports an hour apart with so many MiB left at /var, and the host an hour after them.
    fn after(left: &[u64], now: u64) -> Vec<Finding> {
        let at = |hour: u64, left: u64| {
            let mut snapshot = healthy();
            let realtime = snapshot.clock.realtime.plus_usec(hour * 3_600_000_000);
            snapshot.clock.realtime = realtime;
            let var = file_system("/var", 20 * GIB, left * MIB);
            system_of(&mut snapshot).file_systems = Probe::Known(vec![var]);
            snapshot
        };
        let reports =
            (0..).zip(left).map(|(hour, left)| PastReport::of(&assessed(&at(hour, *left))));
        let reports: Vec<PastReport> = reports.collect();
        let past = Past { reports: reports.into_iter().rev().collect(), ..Past::default() };
        findings_after(&RULE, past, &at(left.len() as u64, now))
    }

    fn said<'a>(finding: &'a Finding, what: &str) -> Option<&'a Value> {
        finding.evidence.iter().find(|fact| fact.what == what).map(|fact| &fact.value)
    }

    #[test]
    fn says_how_it_grew_and_when_it_is_full() {
        let found = after(&[2000, 1800, 1600, 1400, 1200], 1000);
        assert_eq!(
            found[0].title,
            "The file system at /var is 95 % full: 1000 MiB left, full in 5 h at the pace of \
             earlier reports"
        );
        assert_eq!(said(&found[0], "growth in 5 h"), Some(&Value::Bytes(1000 * MIB)));
        assert_eq!(said(&found[0], "full in"), Some(&Value::Usec(5 * 3_600_000_000)));
        // Grown, but not steadily, or too short a time: no forecast.
        for left in [vec![2000, 500, 2000, 500], vec![1500], vec![]] {
            let found = after(&left, 1000);
            assert_eq!(said(&found[0], "full in"), None);
            assert!(found[0].title.ends_with("1000 MiB left"), "{}", found[0].title);
        }
        assert_eq!(said(&after(&[1500], 1000)[0], "growth in 1 h"), Some(&Value::Bytes(500 * MIB)));
        assert_eq!(after(&[500, 600, 700, 800], 1000)[0].evidence.len(), 4, "it shrank");
    }
}

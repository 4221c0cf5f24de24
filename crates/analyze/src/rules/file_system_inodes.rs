//! A file system has few inodes left.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::file_system_full::can_fill;
use super::growth::{Quantity, with_growth};
use crate::resources::inodes_used_percent;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Types that make inodes as they need them: what they report is their free space once more.
const DYNAMIC: [&str; 5] = ["xfs", "btrfs", "zfs", "bcachefs", "f2fs"];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "file-system-inodes",
    title: "A file system runs out of inodes",
    severity: Severity::Critical,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Inodes in use, of file systems with a fixed number of them: a warning from \
                 file_system_warning_percent (90) on, an error from file_system_critical_percent \
                 (97) on, critical when none is left.",
        matters: "Without inodes no file can be made although there is space: \"No space left on \
                  device\" while df shows plenty.",
        todo: "Find the folder with very many small files (sessions, mail queues, caches) and \
               clean it up. The number of inodes of ext4 is fixed when it is made.",
        references: &["df(1), --inodes", "mkfs.ext4(8), -N"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let settings = context.settings;
    let usage = context.resources.system_usage.as_ref();
    let list = usage.and_then(|usage| usage.file_systems.as_ref());
    list.into_iter()
        .flatten()
        .filter(|mounted| can_fill(mounted) && !DYNAMIC.contains(&mounted.fs_type.as_str()))
        .filter_map(|mounted| {
            let percent = inodes_used_percent(mounted)?;
            let left = mounted.total_inodes?.checked_sub(mounted.used_inodes?)?;
            if percent < settings.file_system_warning_percent {
                return None;
            }
            let severity = match left {
                0 => Severity::Critical,
                _ if percent >= settings.file_system_critical_percent => Severity::Error,
                _ => Severity::Warning,
            };
            let title = format!(
                "The file system at {} has {} of its inodes in use: {left} left",
                mounted.mount_point,
                amount::percent(percent),
            );
            let source = format!("statfs {}", mounted.mount_point);
            let finding = Finding::new(RULE.id, severity, &mounted.mount_point, title)
                .because(Evidence::new("inodes in use", Value::Percent(percent), &source))
                .because(Evidence::new("inodes left", Value::Count(left), source))
                .because(Evidence::text("source", &mounted.source, "/proc/self/mountinfo"))
                .next(format!(
                    "du --inodes --one-file-system --max-depth=2 {} | sort -n | tail -n 20",
                    human::shell_word(&mounted.mount_point)
                ));
            let inodes = Quantity {
                now: |mounted| mounted.used_inodes,
                then: |then| then.used_inodes,
                value: Value::Count,
            };
            Some(with_growth(finding, context, mounted, inodes, left))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy, system_of};
    use sysdiag_model::Snapshot;

    fn with_free_inodes(free: u64, fs_type: &str) -> Snapshot {
        let mut snapshot = healthy();
        let mounted = &mut system_of(&mut snapshot).file_systems.value_mut().unwrap()[0];
        mounted.fs_type = fs_type.to_owned();
        mounted.usage.value_mut().unwrap().free_inodes = Some(free);
        snapshot
    }

    #[test]
    fn fires_once_when_inodes_are_short() {
        let found = findings(&RULE, &with_free_inodes(50_000, "ext4"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "The file system at / has 95 % of its inodes in use: 50000 left"
        );
        let found = findings(&RULE, &with_free_inodes(0, "ext4"));
        assert_eq!(found[0].severity, Severity::Critical);
    }

    #[test]
    fn silent_with_inodes_left_or_made_on_demand() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with_free_inodes(0, "xfs")).is_empty());
    }
}

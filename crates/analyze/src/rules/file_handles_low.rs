//! The kernel runs out of file handles.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{HOST, graded};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "file-handles-low",
    title: "File handles are short",
    severity: Severity::Error,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Allocated file handles from file_handles_warning_percent (90) of fs.file-max on; \
                 an error when none is left.",
        matters: "At the maximum no process but those of root can open a file or a socket: \
                  \"Too many open files in system\".",
        todo: "Find the process that leaks descriptors; raise fs.file-max if the load is real.",
        references: &["proc_sys_fs(5), file-nr, file-max", "sysctl.d(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(usage) = &context.resources.system_usage else { return Vec::new() };
    let (Some(allocated), Some(max)) =
        (usage.file_handles_allocated, usage.file_handles_max.filter(|max| *max > 0))
    else {
        return Vec::new();
    };
    let percent = allocated as f64 / max as f64 * 100.0;
    if percent < context.settings.file_handles_warning_percent {
        return Vec::new();
    }
    let title =
        format!("{allocated} of {max} file handles are in use ({})", amount::percent(percent));
    vec![
        Finding::new(RULE.id, graded(percent, 100.0), HOST, title)
            .because(Evidence::new("allocated", Value::Count(allocated), "/proc/sys/fs/file-nr"))
            .because(Evidence::new("maximum", Value::Count(max), "/proc/sys/fs/file-nr"))
            .next(
                "find /proc/[0-9]*/fd -type l 2>/dev/null | cut -d/ -f3 | sort | uniq -c | sort -n \
                 | tail",
            ),
    ]
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::FileHandles;

    use super::*;
    use crate::testing::{findings, healthy, system_of};

    #[test]
    fn fires_once_near_the_maximum() {
        let mut snapshot = healthy();
        *system_of(&mut snapshot).file_handles.value_mut().unwrap() =
            FileHandles { allocated: 950, max: 1_000 };
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "950 of 1000 file handles are in use (95 %)");
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_far_from_it() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        *system_of(&mut snapshot).file_handles.value_mut().unwrap() =
            FileHandles { allocated: 0, max: 0 };
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

//! The host has little memory left.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{HOST, graded, with_top};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "memory-low",
    title: "Memory is short",
    severity: Severity::Error,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "MemAvailable of /proc/meminfo below memory_available_warning_percent (5) of \
                 MemTotal; an error below half of that. Page cache that can be given back counts \
                 as available.",
        matters: "The kernel will soon reclaim at the cost of speed, then kill processes.",
        todo: "See which unit holds the memory and whether it grows; restart it, limit it with \
               MemoryMax=, or add memory.",
        references: &[
            "proc_meminfo(5)",
            "systemd.resource-control(5), MemoryMax=",
            "systemd-cgtop(1)",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(usage) = &context.resources.system_usage else { return Vec::new() };
    let (Some(total), Some(available)) =
        (usage.memory_total_bytes.filter(|bytes| *bytes > 0), usage.memory_available_bytes)
    else {
        return Vec::new();
    };
    let percent = available as f64 / total as f64 * 100.0;
    let threshold = context.settings.memory_available_warning_percent;
    if percent >= threshold {
        return Vec::new();
    }
    let title = format!(
        "Only {} of {} of memory are available ({})",
        amount::bytes(available),
        amount::bytes(total),
        amount::percent(percent),
    );
    let finding =
        Finding::new(RULE.id, graded(100.0 - percent, 100.0 - threshold / 2.0), HOST, title)
            .because(Evidence::new("MemAvailable", Value::Bytes(available), "/proc/meminfo"))
            .because(Evidence::new("MemTotal", Value::Bytes(total), "/proc/meminfo"))
            .next("systemd-cgtop --order=memory --iterations=1");
    let top = context.resources.top_memory_units.as_ref();
    vec![with_top(finding, top, "memory.current", |unit| {
        unit.memory_current_bytes.map(Value::Bytes)
    })]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GIB, MIB, findings, healthy, system_of};

    #[test]
    fn fires_once_and_names_the_largest() {
        let mut snapshot = healthy();
        let memory = system_of(&mut snapshot).memory.value_mut().unwrap();
        memory.available_bytes = Some(700 * MIB);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].title, "Only 700 MiB of 16 GiB of memory are available (4.2 %)");
        assert_eq!(found[0].evidence[2].what, "nginx.service");

        let memory = system_of(&mut snapshot).memory.value_mut().unwrap();
        memory.available_bytes = Some(300 * MIB);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Error);
    }

    #[test]
    fn silent_with_memory_left_or_unknown() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let memory = system_of(&mut snapshot).memory.value_mut().unwrap();
        (memory.available_bytes, memory.total_bytes) = (None, GIB);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

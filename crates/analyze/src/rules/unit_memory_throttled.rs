//! A unit is held back by its soft memory limit.

use sysdiag_model::report::UnitUsage;
use sysdiag_model::snapshot::Cgroup;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{change, file, units};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// A few hits are what the limit is for.
const MIN_HITS: u64 = 10;
/// At the limit: throttled tasks keep the figure a little below or above it.
const NEAR: f64 = 0.9;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-memory-throttled",
    title: "A unit is held back by its soft memory limit",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "A unit with memory.high whose memory.current is at it (90 % and more), that was \
                 throttled there (memory.events high, at least ten times), and whose own tasks \
                 waited for memory in at least unit_memory_throttled_percent (10) of the last \
                 minute. A limit that is full of page cache alone does not stall.",
        matters: "Above memory.high the kernel makes the unit reclaim memory before it goes on: \
                  it does not die, it crawls.",
        todo: "Raise MemoryHigh=, or find out why the unit grows.",
        references: &[
            "systemd.resource-control(5), MemoryHigh=",
            "Documentation/admin-guide/cgroup-v2.rst",
            "Documentation/accounting/psi.rst",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    units(context).filter_map(|(unit, group)| finding(context, unit, group)).collect()
}

fn finding(context: &Context<'_>, unit: &UnitUsage, group: &Cgroup) -> Option<Finding> {
    let high = group.memory_high_bytes.filter(|bytes| *bytes > 0)?;
    let current = group.memory_current_bytes?;
    let hits = hits(group)?;
    let stalls = group.memory_pressure?.some;
    if hits < MIN_HITS
        || (current as f64) < high as f64 * NEAR
        || stalls.avg60 < context.settings.unit_memory_throttled_percent
    {
        return None;
    }
    let title = format!(
        "{} is held back at its soft limit of {} of memory: it waited for memory in {} of the last \
         minute",
        unit.name,
        amount::bytes(high),
        amount::percent(stalls.avg60),
    );
    let pressure = file(group, "memory.pressure", Value::Percent(stalls.avg60));
    let finding = Finding::new(RULE.id, RULE.severity, unit.name.as_str(), title)
        .because(file(group, "memory.high", Value::Bytes(high)))
        .because(file(group, "memory.current", Value::Bytes(current)))
        .because(Evidence::new("high", Value::Count(hits), events_file(group)))
        .because(Evidence { what: "some avg60".to_owned(), ..pressure })
        .next(change(&unit.name, "MemoryHigh"));
    Some(finding)
}

/// How often tasks were throttled at this limit, not at one below it.
pub(super) fn hits(group: &Cgroup) -> Option<u64> {
    group.memory_events_local.or(group.memory_events)?.high
}

fn events_file(group: &Cgroup) -> String {
    let name =
        if group.memory_events_local.is_some() { "memory.events.local" } else { "memory.events" };
    format!("{}/{name}", group.path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::MemoryEvents;

    use super::*;
    use crate::testing::{MIB, cgroup_of, findings, healthy, pressure};

    fn with(current: u64, high: u64, waited: f64) -> Snapshot {
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, "/system.slice/nginx.service");
        group.memory_high_bytes = Some(100 * MIB);
        group.memory_current_bytes = Some(current);
        group.memory_events_local =
            Some(MemoryEvents { high: Some(high), ..MemoryEvents::default() });
        group.memory_pressure = Some(pressure(waited));
        snapshot
    }

    #[test]
    fn fires_once_when_it_stalls_at_the_limit() {
        let found = findings(&RULE, &with(99 * MIB, 5_000, 63.0));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "nginx.service is held back at its soft limit of 100 MiB of memory: it waited for \
             memory in 63 % of the last minute"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit nginx.service   # MemoryHigh="));
    }

    #[test]
    fn silent_below_it_without_hits_without_stalls_and_without_a_limit() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(50 * MIB, 5_000, 63.0)).is_empty());
        assert!(findings(&RULE, &with(99 * MIB, 3, 63.0)).is_empty());
        assert!(findings(&RULE, &with(99 * MIB, 5_000, 2.0)).is_empty());
        let mut snapshot = with(99 * MIB, 5_000, 63.0);
        cgroup_of(&mut snapshot, "/system.slice/nginx.service").memory_high_bytes = None;
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

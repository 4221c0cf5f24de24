//! A unit is about to hit its memory limit.

use sysdiag_model::snapshot::Cgroup;
use sysdiag_model::{Finding, Severity, Value};

use super::support::{change, file, units};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-memory-near-limit",
    title: "A unit is near its memory limit",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Memory of a unit that cannot be given back (anonymous, shared and kernel memory \
                 of memory.stat) from unit_memory_warning_percent (95) of memory.max on. Page \
                 cache does not count: a unit that reads files fills its limit with it and is \
                 well. Without memory.stat, memory.current counts once the limit was hit.",
        matters: "At the limit the kernel kills processes of the unit.",
        todo: "Raise MemoryMax=, or find out why the unit grows. MemoryHigh= below the limit slows \
               it down instead of killing it.",
        references: &[
            "systemd.resource-control(5), MemoryMax=",
            "Documentation/admin-guide/cgroup-v2.rst",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    units(context)
        .filter_map(|(unit, group)| {
            let max = group.memory_max_bytes.filter(|max| *max > 0)?;
            let (held, what) = held(group)?;
            let percent = held as f64 / max as f64 * 100.0;
            if percent < context.settings.unit_memory_warning_percent {
                return None;
            }
            let title = format!(
                "{} holds {} of memory, {} of its limit of {}",
                unit.name,
                amount::bytes(held),
                amount::percent(percent),
                amount::bytes(max),
            );
            let mut finding = Finding::new(RULE.id, RULE.severity, unit.name.as_str(), title)
                .because(file(group, "memory.max", Value::Bytes(max)))
                .because(file(group, what, Value::Bytes(held)))
                .next(change(&unit.name, "MemoryMax"));
            if let Some(hits) = limit_hits(group).filter(|hits| *hits > 0) {
                finding = finding.because(file(group, "memory.events", Value::Count(hits)));
            }
            Some(finding)
        })
        .collect()
}

/// Memory that the kernel cannot take back, and the file that says so.
fn held(group: &Cgroup) -> Option<(u64, &'static str)> {
    if let Some(stat) = group.memory_stat
        && let Some(anon) = stat.anon_bytes
    {
        // `kernel` is there since Linux 5.18; slab is most of it.
        let kernel = stat.kernel_bytes.or(stat.slab_bytes).unwrap_or(0);
        let shared = stat.shmem_bytes.unwrap_or(0);
        return Some((anon.saturating_add(shared).saturating_add(kernel), "memory.stat"));
    }
    let current = group.memory_current_bytes?;
    limit_hits(group).filter(|hits| *hits > 0).map(|_| (current, "memory.current"))
}

/// How often the unit was about to go over the limit.
fn limit_hits(group: &Cgroup) -> Option<u64> {
    group.memory_events_local.or(group.memory_events)?.max
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::MemoryEvents;

    use super::*;
    use crate::testing::{MIB, cgroup_of, findings, healthy};

    const NGINX: &str = "/system.slice/nginx.service";

    #[test]
    fn fires_once_for_memory_that_cannot_be_given_back() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).memory_stat.as_mut().unwrap().anon_bytes = Some(490 * MIB);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "nginx.service holds 494 MiB of memory, 96 % of its limit of 512 MiB"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit nginx.service   # MemoryMax="));
    }

    #[test]
    fn silent_when_the_limit_is_full_of_page_cache() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, NGINX);
        group.memory_current_bytes = Some(512 * MIB);
        group.memory_stat.as_mut().unwrap().file_bytes = Some(460 * MIB);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn without_details_the_limit_must_have_been_hit() {
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, NGINX);
        group.memory_current_bytes = Some(512 * MIB);
        group.memory_stat = None;
        assert!(findings(&RULE, &snapshot).is_empty());
        cgroup_of(&mut snapshot, NGINX).memory_events_local =
            Some(MemoryEvents { max: Some(3), ..MemoryEvents::default() });
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
    }
}

//! A unit has nearly as many tasks as it may have.

use sysdiag_model::report::UnitUsage;
use sysdiag_model::snapshot::Cgroup;
use sysdiag_model::{Finding, Severity, Value};

use super::support::{change, file, units};
use super::unit_forks_refused::is_refused;
use crate::{Context, Explanation, Need, Rule, Section};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-tasks-near-limit",
    title: "A unit is near its limit of tasks",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Tasks of a unit (pids.current) from unit_tasks_warning_percent (90) of pids.max \
                 on. Once a fork was refused, unit-forks-refused tells instead.",
        matters: "At the limit the unit cannot start a process or a thread: \"Resource temporarily \
                  unavailable\", workers missing, connections refused.",
        todo: "See whether tasks pile up (systemctl status shows them); raise TasksMax= if the \
               load is real.",
        references: &[
            "systemd.resource-control(5), TasksMax=",
            "Documentation/admin-guide/cgroup-v2.rst",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let threshold = context.settings.unit_tasks_warning_percent;
    units(context)
        // That forks were refused says more.
        .filter(|(unit, _)| !is_refused(context, &unit.name))
        .filter_map(|(unit, group)| finding(unit, group, threshold))
        .collect()
}

fn finding(unit: &UnitUsage, group: &Cgroup, threshold: f64) -> Option<Finding> {
    let (now, max) = group.pids_current.zip(group.pids_max.filter(|max| *max > 0))?;
    if (now as f64 / max as f64 * 100.0) < threshold {
        return None;
    }
    let title = format!("{} has {now} tasks of {max} that it may have", unit.name);
    let finding = Finding::new(RULE.id, RULE.severity, unit.name.as_str(), title)
        .because(file(group, "pids.current", Value::Count(now)))
        .because(file(group, "pids.max", Value::Count(max)))
        .next(change(&unit.name, "TasksMax"));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PidsEvents;

    use super::*;
    use crate::testing::{add_unit, cgroup_of, findings, healthy, unit};

    const NGINX: &str = "/system.slice/nginx.service";

    #[test]
    fn fires_once_near_the_limit() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_current = Some(95);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "nginx.service has 95 tasks of 100 that it may have");
    }

    #[test]
    fn silent_with_room_without_limit_and_when_forks_were_refused() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("system.slice", "active", "active"));
        cgroup_of(&mut snapshot, "/system.slice").pids_current = Some(u64::MAX);
        assert!(findings(&RULE, &snapshot).is_empty());
        cgroup_of(&mut snapshot, NGINX).pids_current = Some(95);
        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 1 });
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

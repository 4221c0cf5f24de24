//! A unit has nearly as many tasks as it may have, or was refused one.

use sysdiag_model::report::UnitUsage;
use sysdiag_model::snapshot::Cgroup;
use sysdiag_model::{Finding, Severity, Value};

use super::support::{change, file, is_slice, units};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-tasks-near-limit",
    title: "A unit is at or near its limit of tasks",
    severity: Severity::Error,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Tasks of a unit (pids.current) from unit_tasks_warning_percent (90) of pids.max \
                 on, or a fork that was refused at a limit since the unit started (pids.events); \
                 an error if both are true.",
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
    units(context).filter_map(|(unit, group)| finding(unit, group, threshold)).collect()
}

fn finding(unit: &UnitUsage, group: &Cgroup, threshold: f64) -> Option<Finding> {
    let limit = group.pids_current.zip(group.pids_max.filter(|max| *max > 0));
    let near = limit.filter(|(now, max)| *now as f64 / *max as f64 * 100.0 >= threshold);
    // Newer kernels add to a slice what its units were refused.
    let refused = group.pids_events.map(|events| events.max).filter(|count| *count > 0);
    let refused = refused.filter(|_| !is_slice(&unit.name));
    let forks = |count| amount::count(count, "fork was", "forks were");
    let (severity, says) = match (near, refused) {
        (None, None) => return None,
        (Some((now, max)), None) => {
            (Severity::Warning, format!("has {now} tasks of {max} that it may have"))
        }
        (Some((now, max)), Some(count)) => (
            Severity::Error,
            format!("has {now} tasks of {max} that it may have: {} refused", forks(count)),
        ),
        (None, Some(count)) => {
            (Severity::Warning, format!("was at its limit of tasks: {} refused", forks(count)))
        }
    };
    let title = format!("{} {says}", unit.name);
    let mut finding = Finding::new(RULE.id, severity, unit.name.as_str(), title)
        .next(change(&unit.name, "TasksMax"));
    for (name, value) in [
        ("pids.current", group.pids_current),
        ("pids.max", group.pids_max),
        ("pids.events", refused),
    ] {
        if let Some(value) = value {
            finding = finding.because(file(group, name, Value::Count(value)));
        }
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PidsEvents;

    use super::*;
    use crate::testing::{add_unit, cgroup_of, findings, healthy, unit};

    const NGINX: &str = "/system.slice/nginx.service";

    #[test]
    fn fires_once_near_the_limit_and_worse_if_forks_were_refused() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_current = Some(95);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].title, "nginx.service has 95 tasks of 100 that it may have");

        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 3 });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].title,
            "nginx.service has 95 tasks of 100 that it may have: 3 forks were refused"
        );
    }

    #[test]
    fn a_refused_fork_is_told_even_when_there_is_room_again() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 1 });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].title, "nginx.service was at its limit of tasks: 1 fork was refused");
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_with_room_without_limit_and_for_what_others_in_a_slice_did() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("system.slice", "active", "active"));
        let slice = cgroup_of(&mut snapshot, "/system.slice");
        slice.pids_current = Some(u64::MAX);
        slice.pids_events = Some(PidsEvents { max: 9 });
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

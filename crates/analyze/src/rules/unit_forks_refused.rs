//! A unit could not start a process or a thread: its limit of tasks was reached.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{Cgroup, CgroupTree};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName, Value};

use super::support::{change, file, kernel_lines};
use crate::resources::place;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-forks-refused",
    title: "A unit was refused new tasks",
    severity: Severity::Error,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Forks that were refused at pids.max since the unit started: pids.events.local of \
                 the cgroup with the limit (Linux 6.11 and later), else pids.events of the cgroup \
                 that forked, and then the nearest limit at or above it is named. An error while \
                 the limit is still nearly reached (unit_tasks_warning_percent, 90), else a \
                 warning: the counter does not say when. The kernel logs the first time.",
        matters: "The program saw \"Resource temporarily unavailable\": workers missing, \
                  connections refused, jobs that did not run.",
        todo: "See whether tasks pile up (systemctl status shows them); raise TasksMax= of the \
               unit or slice whose limit it was if the load is real.",
        references: &[
            "systemd.resource-control(5), TasksMax=",
            "Documentation/admin-guide/cgroup-v2.rst, PID",
        ],
    },
    check,
};

/// What was refused in one unit.
#[derive(Default)]
struct Refused<'a> {
    count: u64,
    /// The cgroup that counted most, and the file.
    counted: Option<(&'a Cgroup, u64)>,
    /// First time, if the kernel's log tells.
    first: Option<Timestamp>,
}

fn check(context: &Context<'_>) -> Vec<Finding> {
    refused(context)
        .into_iter()
        .filter_map(|(unit, refused)| finding(context, &unit, &refused))
        .collect()
}

/// Whether this rule speaks of `unit`.
pub(super) fn is_refused(context: &Context<'_>, unit: &UnitName) -> bool {
    refused(context).contains_key(unit)
}

fn refused<'a>(context: &Context<'a>) -> BTreeMap<UnitName, Refused<'a>> {
    let mut units: BTreeMap<UnitName, Refused<'_>> = BTreeMap::new();
    let Some(tree) = context.snapshot.cgroups.value() else { return units };
    for group in &tree.groups {
        let Some(count) = refusals(group).filter(|count| *count > 0) else { continue };
        let Some(place) = place(&tree.root, &group.path) else { continue };
        let unit = units.entry(place.unit).or_default();
        unit.count = unit.count.saturating_add(count);
        if unit.counted.is_none_or(|(_, most)| most < count) {
            unit.counted = Some((group, count));
        }
        let said = kernel_lines(context).filter(|line| {
            let told = line.message.split_once("fork rejected by pids controller in ");
            told.is_some_and(|(_, path)| path.trim_end() == group.path)
        });
        if let Some(time) = said.map(|line| line.time).min() {
            unit.first = Some(unit.first.map_or(time, |first| first.min(time)));
        }
    }
    units
}

/// Forks refused at the limit of `group`; on older kernels of processes in it.
fn refusals(group: &Cgroup) -> Option<u64> {
    group.pids_events_local.or(group.pids_events).map(|events| events.max)
}

fn finding(context: &Context<'_>, unit: &UnitName, refused: &Refused<'_>) -> Option<Finding> {
    let tree = context.snapshot.cgroups.value()?;
    let (group, _) = refused.counted?;
    let limited = limit(tree, group, context.settings.unit_tasks_warning_percent);
    let owner = limited.and_then(|group| place(&tree.root, &group.path)).map(|place| place.unit);
    let forks = amount::count(refused.count, "fork", "forks");
    let was = if refused.count == 1 { "was" } else { "were" };
    let at = match (limited.and_then(|group| group.pids_max), &owner) {
        (Some(max), Some(owner)) if owner != unit => {
            format!(" at the limit of {owner} ({max} tasks)")
        }
        (Some(max), _) => format!(" at the limit of {max} tasks"),
        (None, _) => " at a limit of tasks".to_owned(),
    };
    let now = context.snapshot.clock.realtime;
    let when = match (refused.first, refused.count) {
        (Some(first), 1) => format!(" {}", human::ago(first, now)),
        (Some(first), _) => format!(", the first {}", human::ago(first, now)),
        (None, _) => started(context, unit).map_or_else(String::new, |since| {
            format!(" since the unit started {}", human::ago(since, now))
        }),
    };
    let full =
        limited.is_some_and(|group| is_near(group, context.settings.unit_tasks_warning_percent));
    let severity = if full { RULE.severity } else { Severity::Warning };
    let title = format!("{forks} of {unit} {was} refused{at}{when}");
    let name = if group.pids_events_local.is_some() { "pids.events.local" } else { "pids.events" };
    let mut finding =
        Finding::new(RULE.id, severity, unit.as_str(), title).since(refused.first).because(
            Evidence { what: "max".to_owned(), ..file(group, name, Value::Count(refused.count)) },
        );
    if let Some(group) = limited {
        for (name, value) in [("pids.current", group.pids_current), ("pids.max", group.pids_max)] {
            if let Some(value) = value {
                finding = finding.because(file(group, name, Value::Count(value)));
            }
        }
    }
    if let Some(time) = refused.first {
        let source = "kernel log, fork rejected by pids controller";
        finding = finding.because(Evidence::new("first refused", Value::Time(time), source));
    }
    Some(finding.next(change(owner.as_ref().unwrap_or(unit), "TasksMax")))
}

/// The cgroup whose limit it was: the one that counted where the kernel counts there, else the
/// nearest at or above it that is nearly full, else the nearest with a limit.
fn limit<'a>(tree: &'a CgroupTree, group: &'a Cgroup, threshold: f64) -> Option<&'a Cgroup> {
    if group.pids_events_local.is_some() {
        return Some(group);
    }
    let limited = || {
        upwards(&group.path)
            .filter_map(|path| tree.group(path))
            .filter(|group| group.pids_max.is_some())
    };
    limited().find(|group| is_near(group, threshold)).or_else(|| limited().next())
}

/// `/a/b`, `/a`.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path).filter(|path| path.len() > 1), |path| {
        let (above, _) = path.rsplit_once('/')?;
        Some(above).filter(|above| !above.is_empty())
    })
}

fn is_near(group: &Cgroup, threshold: f64) -> bool {
    let full = group.pids_current.zip(group.pids_max.filter(|max| *max > 0));
    full.is_some_and(|(now, max)| now as f64 / max as f64 * 100.0 >= threshold)
}

/// When the unit became active: its cgroup, and so the counter, is not older.
fn started(context: &Context<'_>, unit: &UnitName) -> Option<Timestamp> {
    let units = Units::of(context.snapshot)?;
    units.since(units.systemd.unit(unit.as_str())?)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PidsEvents;

    use super::*;
    use crate::testing::{add_unit, cgroup_of, findings, healthy, unit};
    use crate::testing_events::{ago, kernel_line};

    const NGINX: &str = "/system.slice/nginx.service";

    #[test]
    fn fires_once_and_worse_while_the_limit_is_reached() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 3 });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "3 forks of nginx.service were refused at the limit of 100 tasks since the unit \
             started 59 min ago"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit nginx.service   # TasksMax="));
        cgroup_of(&mut snapshot, NGINX).pids_current = Some(99);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Error);
    }

    #[test]
    fn the_log_of_the_kernel_tells_the_first_time() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 3 });
        let message = "cgroup: fork rejected by pids controller in /system.slice/nginx.service";
        kernel_line(&mut snapshot, 120, message);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].since, Some(ago(120)));
        assert_eq!(
            found[0].title,
            "3 forks of nginx.service were refused at the limit of 100 tasks, the first 2 min ago"
        );
    }

    #[test]
    fn an_older_kernel_counts_where_the_fork_was_and_the_limit_may_be_above() {
        let mut snapshot = healthy();
        let nginx = cgroup_of(&mut snapshot, NGINX);
        nginx.pids_max = None;
        nginx.pids_events = Some(PidsEvents { max: 1 });
        let slice = cgroup_of(&mut snapshot, "/system.slice");
        (slice.pids_current, slice.pids_max) = (Some(50), Some(50));
        kernel_line(
            &mut snapshot,
            60,
            "cgroup: fork rejected by pids controller in /system.slice/nginx.service",
        );
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "1 fork of nginx.service was refused at the limit of system.slice (50 tasks) 1 min ago"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit system.slice   # TasksMax="));
    }

    #[test]
    fn a_newer_kernel_counts_where_the_limit_is() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("system.slice", "active", "active"));
        let slice = cgroup_of(&mut snapshot, "/system.slice");
        slice.pids_max = Some(50);
        // With what its units were refused at their own limits.
        slice.pids_events = Some(PidsEvents { max: 9 });
        slice.pids_events_local = Some(PidsEvents { max: 0 });
        let nginx = cgroup_of(&mut snapshot, NGINX);
        nginx.pids_events = Some(PidsEvents { max: 9 });
        nginx.pids_events_local = Some(PidsEvents { max: 9 });
        let found = findings(&RULE, &snapshot);
        let subjects: Vec<_> = found.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, ["nginx.service"]);
        assert_eq!(found[0].evidence[0].source, "/system.slice/nginx.service/pids.events.local");
    }

    #[test]
    fn what_happened_below_a_unit_is_the_units() {
        let mut snapshot = healthy();
        let below = cgroup_of(&mut snapshot, "/system.slice/nginx.service/worker");
        below.pids_events = Some(PidsEvents { max: 2 });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].subject, "nginx.service");
        assert_eq!(found[0].evidence[0].source, "/system.slice/nginx.service/worker/pids.events");
        assert_eq!(found[0].evidence[2].source, "/system.slice/nginx.service/pids.max");
    }

    #[test]
    fn silent_without_refusals() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, NGINX).pids_events = Some(PidsEvents { max: 0 });
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

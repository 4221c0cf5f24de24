//! Services that are down while processes of theirs go on.

use sysdiag_model::snapshot::{Process, Unit};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitType, Value};

use crate::amount::count;
use crate::human::{ago, systemctl};
use crate::members;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Processes that a finding names.
const MOST_PROCESSES: usize = 5;
const MOST_CHARACTERS: usize = 200;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-left-over-processes",
    title: "A service is down and processes of it still run",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Processes],
    explanation: Explanation {
        checks: "Services that are inactive or failed, with processes in their control group that \
                 were started before the service went down. Not: user managers, and services \
                 that are on their way.",
        matters: "Nobody supervises these processes. They keep ports, locks and memory, and the \
                  next start of the service runs beside them or fails for them.",
        todo: "KillMode=none or KillMode=process leaves them behind: take it out with systemctl \
               edit UNIT. End those that are there with systemctl kill UNIT, or by their PIDs.",
        references: &["systemd.kill(5), KillMode="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let snapshot = context.snapshot;
    let (Some(units), Some(members)) = (Units::of(snapshot), members::of_units(snapshot)) else {
        return Vec::new();
    };
    let left = members.iter().filter_map(|(name, processes)| {
        let unit = units.systemd.unit(name.as_str()).filter(|unit| is_down(unit))?;
        let down_usec = unit.times?.inactive_enter_usec?;
        // The same moment on the clock of processes.
        let ahead = snapshot.clock.boottime_usec.saturating_sub(snapshot.clock.monotonic_usec);
        let before = |process: &&&Process| {
            let started = members::started_usec(snapshot, process);
            started.is_some_and(|usec| usec <= down_usec.saturating_add(ahead))
        };
        let processes: Vec<&Process> = processes.iter().filter(before).copied().collect();
        let down = snapshot.clock.at_monotonic(down_usec);
        (!processes.is_empty()).then(|| finding(context, &units, unit, down, &processes))
    });
    left.collect()
}

/// A unit of a user manager has the cgroup of `user@UID.service`, which is not asked here.
fn is_down(unit: &Unit) -> bool {
    unit.name.unit_type() == Some(UnitType::Service)
        && !unit.name.as_str().starts_with("user@")
        && matches!(unit.active_state.as_str(), "inactive" | "failed")
        && unit.job_type.is_none()
}

fn finding(
    context: &Context<'_>,
    units: &Units<'_>,
    unit: &Unit,
    down: Timestamp,
    processes: &[&Process],
) -> Finding {
    let name = unit.name.as_str();
    let number = count(processes.len() as u64, "process", "processes");
    let verb = if processes.len() == 1 { "runs" } else { "run" };
    let how = if unit.is_failed() { "failed" } else { "ended" };
    let when = ago(down, context.snapshot.clock.realtime);
    let title = format!("{name} {how} {when}, and {number} of it still {verb}");
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(down))
        .next(systemctl("status", name));
    for process in processes.iter().take(MOST_PROCESSES) {
        let command = members::command(process, MOST_CHARACTERS);
        let what = format!("PID {}", process.pid);
        finding = finding.because(Evidence::text(what, command, "/proc/PID, cgroup.procs"));
    }
    let oldest = processes.iter().filter_map(|process| members::started(context.snapshot, process));
    if let Some(oldest) = oldest.min() {
        let fact = Evidence::new("oldest started", Value::Time(oldest), "/proc/PID/stat");
        finding = finding.because(fact);
    }
    let service = units.detail(name).and_then(|detail| detail.service.as_ref());
    if let Some(mode) = service.and_then(|service| service.kill_mode.as_deref()) {
        finding = finding.because(Evidence::text("KillMode", mode, "KillMode (D-Bus)"));
    }
    finding
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, process, unit};

    /// Two processes: one of before the end, a minute ago, and one of after it.
    fn left_over(name: &str, active: &str, sub: &str) -> Snapshot {
        let mut snapshot = healthy();
        let mut down = unit(name, active, sub);
        down.times.as_mut().unwrap().inactive_enter_usec = Some(NOW_USEC - 60_000_000);
        add_unit(&mut snapshot, down);
        let processes = snapshot.processes.value_mut().unwrap();
        let group = format!("/system.slice/{name}");
        for (pid, age) in [(700, 90), (701, 30)] {
            let mut process = process(pid, 1, "sleep", &group);
            process.start_ticks = (NOW_USEC / 1_000_000 - age) * processes.ticks_per_second;
            processes.list.push(process);
        }
        snapshot
    }

    #[test]
    fn fires_once_on_what_was_left_behind() {
        let found = findings(&RULE, &left_over("a.service", "inactive", "dead"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.service ended 1 min ago, and 1 process of it still runs");
        assert_eq!(found[0].evidence[0].what, "PID 700");
    }

    #[test]
    fn silent_about_units_on_their_way_and_those_of_users() {
        for (name, active, sub) in [
            ("a.service", "active", "running"),
            ("a.service", "deactivating", "stop-sigterm"),
            ("user@1000.service", "inactive", "dead"),
            ("session-1.scope", "inactive", "dead"),
        ] {
            assert!(findings(&RULE, &left_over(name, active, sub)).is_empty(), "{name} {active}");
        }
        let mut queued = unit("a.service", "inactive", "dead");
        queued.job_type = Some("start".to_owned());
        let mut snapshot = left_over("a.service", "inactive", "dead");
        queued.times = snapshot.systemd.value().unwrap().unit("a.service").unwrap().times;
        add_unit(&mut snapshot, queued);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn silent_about_processes_that_came_later() {
        let mut snapshot = left_over("a.service", "failed", "failed");
        snapshot.processes.value_mut().unwrap().list.retain(|process| process.pid != 700);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

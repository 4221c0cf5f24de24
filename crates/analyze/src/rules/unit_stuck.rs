//! Units that neither come up nor go down.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::Process;
use sysdiag_model::{Evidence, Finding, Severity};

use crate::amount::{count, duration};
use crate::health::queue::Queue;
use crate::human::systemctl;
use crate::members;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Processes and waiting units that a finding names.
const MOST_PROCESSES: usize = 5;
const MOST_JOBS: usize = 5;
const MOST_CHARACTERS: usize = 200;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-stuck",
    title: "A unit is activating, deactivating or reloading for too long",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that have been activating, deactivating or reloading for more than 5 \
                 minutes (configurable), with their processes and the jobs that wait for them. \
                 Not: a unit that waits for its next restart, and a oneshot that runs, unless the \
                 boot waits for it.",
        matters: "Jobs that are ordered behind it wait as long as it does; a boot or shutdown can \
                 hang on it.",
        todo: "See what its processes wait for (systemctl status UNIT). TimeoutStartSec= and \
                 TimeoutStopSec= set an end to it.",
        references: &["systemd.service(5), TimeoutStartSec=", "systemctl(1), list-jobs"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let queue = Queue::of(&units);
    let members = members::of_units(context.snapshot).unwrap_or_default();
    let stuck = health.stuck_units.iter();
    let of = |problem: &UnitProblem| members.get(&problem.name).map_or(&[][..], Vec::as_slice);
    stuck.map(|problem| finding(context, problem, &queue, of(problem))).collect()
}

fn finding(
    context: &Context<'_>,
    problem: &UnitProblem,
    queue: &Queue<'_>,
    processes: &[&Process],
) -> Finding {
    let name = problem.name.as_str();
    let now = context.snapshot.clock.realtime;
    let long = problem.since.map(|since| format!(" for {}", duration(now.usec_since(since))));
    let held_up = queue.held_up_by(&problem.name);
    let waiting = match held_up.len() as u64 {
        0 => String::new(),
        number => format!(", {} for it", count(number, "job waits", "jobs wait")),
    };
    let state = &problem.active_state;
    let title = format!("{name} has been {state}{}{waiting}", long.unwrap_or_default());
    let state = format!("{state} ({})", problem.sub_state);
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(problem.since)
        .because(Evidence::text("state", state, "ActiveState, SubState (D-Bus)"))
        .next(systemctl("status", name));
    for process in processes.iter().take(MOST_PROCESSES) {
        let what = match process.state {
            'D' => format!("PID {}, cannot be woken (state D)", process.pid),
            'T' | 't' => format!("PID {}, was stopped (state {})", process.pid, process.state),
            _ => format!("PID {}", process.pid),
        };
        let command = members::command(process, MOST_CHARACTERS);
        finding = finding.because(Evidence::text(what, command, "/proc/PID, cgroup.procs"));
    }
    if !held_up.is_empty() {
        let names: Vec<&str> = held_up.iter().take(MOST_JOBS).map(|unit| unit.as_str()).collect();
        let what = format!("{} for it", count(held_up.len() as u64, "job waits", "jobs wait"));
        finding =
            finding.because(Evidence::text(what, names.join(", "), "ListJobs, After (D-Bus)"));
    }
    finding
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::Job;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, process, systemd_of, unit};
    use crate::testing_events::depends;

    fn stopping_for(usec: u64) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        let mut stopping = unit("a.service", "deactivating", "stop-sigterm");
        stopping.times.as_mut().unwrap().active_exit_usec = Some(NOW_USEC - usec);
        add_unit(&mut snapshot, stopping);
        snapshot
    }

    #[test]
    fn fires_once_on_a_stop_without_end() {
        let found = findings(&RULE, &stopping_for(1_800_000_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.service has been deactivating for 30 min");
    }

    #[test]
    fn its_processes_and_what_waits_for_it_are_named() {
        let mut snapshot = stopping_for(1_800_000_000);
        let mut hangs = process(812, 1, "nfs", "/system.slice/a.service");
        hangs.state = 'D';
        snapshot.processes.value_mut().unwrap().list.push(hangs);
        for (id, (name, job_type, state)) in
            (1..).zip([("a.service", "stop", "running"), ("b.mount", "stop", "waiting")])
        {
            let (job_type, state) = (job_type.to_owned(), state.to_owned());
            systemd_of(&mut snapshot).jobs.push(Job { id, unit: name.into(), job_type, state });
        }
        depends(&mut snapshot, "a.service", "After", "b.mount");
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "a.service has been deactivating for 30 min, 1 job waits for it"
        );
        let whats: Vec<&str> = found[0].evidence.iter().map(|fact| fact.what.as_str()).collect();
        assert_eq!(whats, ["state", "PID 812, cannot be woken (state D)", "1 job waits for it"]);
    }

    #[test]
    fn silent_about_a_stop_that_takes_its_time() {
        assert!(findings(&RULE, &stopping_for(60_000_000)).is_empty());
    }
}

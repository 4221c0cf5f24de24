//! Crash loops: automatic restarts within a window of time, and start limits that were hit.
//!
//! Restarts are counted in the journal. `NRestarts` counts since the unit was last started by
//! hand, so it only says something about now while the unit waits for its next restart.

use sysdiag_model::Timestamp;
use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::{Unit, UnitEventKind};

use super::problem::set_ending;
use super::{RECENT_LINES, ending, of_unit};
use crate::Settings;
use crate::units::Units;

/// `Result` of a unit that was started too often within `StartLimitIntervalSec=`.
pub(crate) const START_LIMIT: &str = "start-limit-hit";

/// Automatic restarts of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Restarts {
    /// Within the window that ends now.
    /// None: the journal could not be read, or only in part and without a restart.
    pub(crate) in_window: Option<u64>,
    /// The first and last of them.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// `NRestarts` of a unit that gave up, or that waits for its next restart and changed state
    /// within the window.
    pub(crate) counter: Option<u64>,
}

impl Restarts {
    fn are_a_loop(self, unit: &Unit, settings: &Settings) -> bool {
        let too_many = |number: u64| number >= settings.crash_loop_restarts.max(1);
        match self.in_window {
            Some(number) if too_many(number) => true,
            // Where the journal was read, it knows better than the counter of a unit that waits.
            Some(_) if !unit.is_failed() => false,
            _ => self.counter.is_some_and(too_many),
        }
    }
}

/// What is known about the restarts of `unit`.
pub(crate) fn restarts(units: &Units<'_>, unit: &Unit, settings: &Settings) -> Restarts {
    let now = units.clock.realtime;
    let window = settings.crash_loop_window_seconds.saturating_mul(1_000_000);
    let from = now.minus_usec(window);
    let scheduled: Vec<Timestamp> = units
        .events(unit.name.as_str())
        .iter()
        .filter(|event| event.kind == UnitEventKind::RestartScheduled)
        .map(|event| event.time)
        .filter(|time| *time >= from)
        .collect();
    let seen = scheduled.len() as u64;
    let recent = units.since(unit).is_some_and(|since| since >= from);
    let counts = unit.is_failed() || (waits_for_restart(unit) && recent);
    Restarts {
        in_window: (units.journal_complete || seen > 0).then_some(seen),
        span: scheduled.first().copied().zip(scheduled.last().copied()),
        counter: if counts { counter(units, unit) } else { None },
    }
}

fn counter(units: &Units<'_>, unit: &Unit) -> Option<u64> {
    let name = unit.name.as_str();
    let detail = units.detail(name).and_then(|detail| detail.service.as_ref()?.n_restarts);
    detail.or_else(|| units.systemd.services.get(name)?.n_restarts).map(u64::from)
}

/// Whether the unit is between two runs (`auto-restart`, `auto-restart-queued`).
pub(crate) fn waits_for_restart(unit: &Unit) -> bool {
    unit.sub_state.starts_with("auto-restart")
}

/// Units that restarted too often, or hit their start limit.
pub(super) fn list(units: &Units<'_>, settings: &Settings) -> Vec<UnitProblem> {
    let flaps = |unit: &&Unit| {
        let name = unit.name.as_str();
        if unit.is_failed() && units.result(name).is_some_and(|fact| fact.value == START_LIMIT) {
            return true;
        }
        // Inactive: somebody stopped it, and it stayed so.
        unit.active_state != "inactive"
            && restarts(units, unit, settings).are_a_loop(unit, settings)
    };
    let flapping = units.systemd.units.iter().filter(flaps);
    flapping.map(|unit| problem(units, unit, settings)).collect()
}

/// While it runs again, how it ended the last time is still what matters.
fn problem(units: &Units<'_>, unit: &Unit, settings: &Settings) -> UnitProblem {
    let mut problem = of_unit(units, unit, settings, RECENT_LINES);
    if problem.result.as_deref() == Some("success") {
        let last = units.last_failure(unit.name.as_str());
        problem.result = last.map(|fact| fact.value.to_owned());
    }
    if problem.exit_status.is_none() && problem.signal.is_none() {
        let last = ending::of(units, unit.name.as_str(), problem.result.as_deref());
        set_ending(&mut problem, last.map(|ending| ending.how));
    }
    problem
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::ServiceState;
    use sysdiag_model::{Gap, Probe, Why};

    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};
    use crate::testing_events::{event, failed_service, journal_of};

    fn names(problems: &[UnitProblem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.name.as_str()).collect()
    }

    fn flapping(snapshot: &sysdiag_model::Snapshot) -> Vec<UnitProblem> {
        list(&Units::of(snapshot).unwrap(), &Settings::default())
    }

    #[test]
    fn counts_within_the_window_only() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        add_unit(&mut snapshot, unit("b.service", "active", "running"));
        for seconds in [5, 599, 601] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        for seconds in [5, 6, 7] {
            event(&mut snapshot, "b.service", UnitEventKind::RestartScheduled, seconds);
        }
        let flapping = flapping(&snapshot);
        assert_eq!(names(&flapping), ["b.service"]);
        assert_eq!(flapping[0].restarts_in_window, Some(3));
    }

    #[test]
    fn a_unit_that_gave_up_is_known_by_its_counter() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap().n_restarts = Some(2);
        assert!(flapping(&snapshot).is_empty());
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap().n_restarts = Some(5);
        let flapping = flapping(&snapshot);
        assert_eq!(names(&flapping), ["a.service"]);
        assert_eq!(flapping[0].restarts_in_window, Some(0));
    }

    #[test]
    fn without_a_journal_the_counter_counts_while_the_unit_waits() {
        let mut snapshot = healthy();
        snapshot.journal = Probe::Unknown(Gap::new("journal", Why::NotPermitted, "run as root"));
        let service = ServiceState {
            result: Some("exit-code".to_owned()),
            n_restarts: Some(40),
            exec_main_code: Some(1),
            exec_main_status: Some(1),
        };
        for (name, sub_state) in [("a.service", "auto-restart"), ("b.service", "running")] {
            let mut flapper = unit(name, "activating", sub_state);
            flapper.times.as_mut().unwrap().inactive_exit_usec =
                Some(snapshot.clock.monotonic_usec - 1_000_000);
            add_unit(&mut snapshot, flapper);
            systemd_of(&mut snapshot).services.insert(name.into(), service.clone());
        }
        let flapping = flapping(&snapshot);
        assert_eq!(names(&flapping), ["a.service"]);
        assert_eq!(flapping[0].restarts_in_window, None);
    }

    #[test]
    fn a_unit_that_runs_again_has_the_result_of_its_last_failure() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "success", 0, 0);
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        for seconds in [5, 6, 7] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        event(&mut snapshot, "a.service", UnitEventKind::Failed, 8).unit_result =
            Some("exit-code".to_owned());
        let exit = event(&mut snapshot, "a.service", UnitEventKind::ProcessExit, 8);
        exit.exit_code = Some("exited".to_owned());
        exit.exit_status = Some("4".to_owned());
        let flapping = flapping(&snapshot);
        assert_eq!(flapping[0].result.as_deref(), Some("exit-code"));
        assert_eq!(flapping[0].exit_status, Some(4));
    }

    #[test]
    fn events_of_another_boot_do_not_count() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        for seconds in [5, 6, 7] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        journal_of(&mut snapshot).boot_id = Some("00".repeat(16).parse().unwrap());
        assert!(flapping(&snapshot).is_empty());
    }
}

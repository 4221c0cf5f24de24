//! Crash loops: automatic restarts within a window of time, and start limits that were hit.
//!
//! Restarts are counted in the journal. `NRestarts` counts since the unit was last started by
//! hand, so it only says something about now while the unit waits for its next restart.

use sysdiag_model::Timestamp;
use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::{Unit, UnitEventKind};

use super::{RECENT_LINES, of_unit};
use crate::Settings;
use crate::units::Units;

/// `Result` of a unit that was started too often within `StartLimitIntervalSec=`.
pub(crate) const START_LIMIT: &str = "start-limit-hit";

/// Automatic restarts of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Restarts {
    /// Within the window that ends now; of a failed unit, that ends when it failed.
    /// None: the journal could not be read, or only in part and without a restart.
    pub(crate) in_window: Option<u64>,
    /// The first and last of them.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// `NRestarts`, where the unit waits for its next restart and changed state in the window.
    pub(crate) counter: Option<u64>,
}

impl Restarts {
    /// The figure to judge by: that of the journal, else the counter.
    pub(crate) fn best(self) -> Option<u64> {
        self.in_window.or(self.counter)
    }
}

/// What is known about the restarts of `unit`.
pub(crate) fn restarts(units: &Units<'_>, unit: &Unit, settings: &Settings) -> Restarts {
    let now = units.clock.realtime;
    let since = units.since(unit);
    let window = settings.crash_loop_window_seconds.saturating_mul(1_000_000);
    let end = if unit.is_failed() { since.unwrap_or(now) } else { now };
    // Half a second: the journal stamps a message a little after systemd stamps the state.
    let (from, to) = (end.minus_usec(window), end.plus_usec(500_000));
    let scheduled: Vec<Timestamp> = units
        .events(unit.name.as_str())
        .iter()
        .filter(|event| event.kind == UnitEventKind::RestartScheduled)
        .map(|event| event.time)
        .filter(|time| (from..=to).contains(time))
        .collect();
    let seen = scheduled.len() as u64;
    let recent = since.is_some_and(|since| now.usec_since(since) <= window);
    Restarts {
        in_window: (units.journal_complete || seen > 0).then_some(seen),
        span: scheduled.first().copied().zip(scheduled.last().copied()),
        counter: if waits_for_restart(unit) && recent { counter(units, unit) } else { None },
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
            && restarts(units, unit, settings)
                .best()
                .is_some_and(|restarts| restarts >= settings.crash_loop_restarts.max(1))
    };
    let flapping = units.systemd.units.iter().filter(flaps);
    flapping.map(|unit| of_unit(units, unit, settings, RECENT_LINES)).collect()
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
    fn the_window_of_a_failed_unit_ends_when_it_failed() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.state_change = Some(Timestamp::from_usec(1_790_000_000_000_000 - 1_800_000_000));
        for seconds in [1_801, 1_802, 1_803] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        assert_eq!(names(&flapping(&snapshot)), ["a.service"]);
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

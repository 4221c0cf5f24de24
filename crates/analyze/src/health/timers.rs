//! Timers that failed, are late, will never elapse, or start something that fails.

use sysdiag_model::report::TimerProblem;
use sysdiag_model::snapshot::{TimerState, Unit, UnitEventKind};
use sysdiag_model::{Timestamp, UnitType};

use super::{RECENT_LINES, of_unit};
use crate::Settings;
use crate::units::Units;

/// The timer itself is in the state failed.
pub(crate) const FAILED: &str = "failed";
/// What it starts failed when it last ran.
pub(crate) const SERVICE_FAILED: &str = "its service failed";
/// It should have elapsed long ago.
pub(crate) const OVERDUE: &str = "overdue";
/// It is up, has not elapsed in this boot, and has no next time.
pub(crate) const NEVER_ELAPSES: &str = "never elapses";

/// systemd stamps a change of state and logs it within this time.
const SAME_MOMENT_USEC: u64 = 1_000_000;

pub(super) fn list(units: &Units<'_>, settings: &Settings) -> Vec<TimerProblem> {
    let is_timer = |unit: &&Unit| unit.name.unit_type() == Some(UnitType::Timer);
    let timers = units.systemd.units.iter().filter(is_timer);
    timers.filter_map(|unit| problem(units, unit, settings)).collect()
}

fn problem(units: &Units<'_>, unit: &Unit, settings: &Settings) -> Option<TimerProblem> {
    let timer = units.systemd.timers.get(&unit.name);
    let problem = match timer {
        _ if unit.is_failed() => FAILED,
        Some(timer) if unit.active_state == "active" => {
            what_is_wrong(units, unit, timer, settings)?
        }
        _ => return None,
    };
    Some(TimerProblem {
        unit: of_unit(units, unit, settings, RECENT_LINES),
        problem: problem.to_owned(),
        triggers: timer.and_then(|timer| timer.unit.clone()),
        last_trigger: timer.and_then(|timer| timer.last_trigger),
        next_elapse: timer.and_then(|timer| next_elapse(units, timer)),
    })
}

fn what_is_wrong(
    units: &Units<'_>,
    unit: &Unit,
    timer: &TimerState,
    settings: &Settings,
) -> Option<&'static str> {
    let next = next_elapse(units, timer);
    if unit.sub_state == "waiting" && late_by(units, timer, settings).is_some() {
        return Some(OVERDUE);
    }
    // `elapsed` is the normal end of a timer that was to elapse once; one that never did so got
    // there because what it counts from has not happened (OnUnitActiveSec= alone).
    if unit.sub_state == "elapsed" && next.is_none() && timer.last_trigger.is_none() {
        return Some(NEVER_ELAPSES);
    }
    let service = timer.unit.as_ref()?;
    last_run_failed(units, service.as_str()).then_some(SERVICE_FAILED)
}

/// The earlier of the two times it waits for.
pub(crate) fn next_elapse(units: &Units<'_>, timer: &TimerState) -> Option<Timestamp> {
    let now = units.clock;
    let monotonic = timer.next_elapse_monotonic_usec.map(|usec| {
        let ahead = usec.saturating_sub(now.monotonic_usec);
        let behind = now.monotonic_usec.saturating_sub(usec);
        now.realtime.plus_usec(ahead).minus_usec(behind)
    });
    match (timer.next_elapse, monotonic) {
        (Some(calendar), Some(monotonic)) => Some(calendar.min(monotonic)),
        (calendar, monotonic) => calendar.or(monotonic),
    }
}

/// By how many microseconds more than it may the timer is late. None: it is not.
pub(crate) fn late_by(units: &Units<'_>, timer: &TimerState, settings: &Settings) -> Option<u64> {
    let late = units.clock.realtime.usec_since(next_elapse(units, timer)?);
    let allowed = settings
        .timer_overdue_seconds
        .saturating_mul(1_000_000)
        .saturating_add(timer.accuracy_usec.unwrap_or(0));
    (late > allowed).then_some(late)
}

/// Whether the unit's last run failed: it is in the state failed, or it was when it was started
/// again and has not come to an end since.
fn last_run_failed(units: &Units<'_>, service: &str) -> bool {
    let Some(unit) = units.systemd.unit(service) else { return false };
    if unit.is_failed() {
        return true;
    }
    let mut events = units.events(service).iter();
    let failed = events.rfind(|event| event.kind == UnitEventKind::Failed);
    // The failure was the end of the last run if both are of the same moment.
    let same = |ended: Timestamp, failed: Timestamp| {
        ended.usec_since(failed).max(failed.usec_since(ended)) < SAME_MOMENT_USEC
    };
    unit.active_state == "activating"
        && units
            .last_end(service)
            .zip(failed)
            .is_some_and(|(ended, failed)| same(ended, failed.time))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, healthy, systemd_of, unit};
    use crate::testing_events::{event, timer};

    const SECOND: u64 = 1_000_000;

    fn with_timer(sub_state: &str, state: TimerState) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", sub_state));
        add_unit(&mut snapshot, unit("a.service", "inactive", "dead"));
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), state);
        snapshot
    }

    fn said(snapshot: &Snapshot) -> Vec<String> {
        let timers = list(&Units::of(snapshot).unwrap(), &Settings::default());
        timers.into_iter().map(|timer| timer.problem).collect()
    }

    #[test]
    fn late_is_what_the_accuracy_and_the_threshold_do_not_allow() {
        for (late, accuracy, problems) in
            [(301, 0, vec![OVERDUE]), (299, 0, vec![]), (301, 60, vec![]), (361, 60, vec![OVERDUE])]
        {
            let mut state = timer("a.service");
            state.next_elapse_monotonic_usec = Some(NOW_USEC - late * SECOND);
            state.accuracy_usec = Some(accuracy * SECOND);
            assert_eq!(said(&with_timer("waiting", state.clone())), problems, "{late} {accuracy}");
            // While its service runs, the next time is that of the run.
            assert!(said(&with_timer("running", state)).is_empty());
        }
    }

    #[test]
    fn elapsed_once_is_normal_and_never_is_not() {
        let mut state = timer("a.service");
        state.next_elapse_monotonic_usec = None;
        state.last_trigger = None;
        assert_eq!(said(&with_timer("elapsed", state.clone())), [NEVER_ELAPSES]);
        state.last_trigger = Some(Timestamp::from_usec(1_789_999_000_000_000));
        assert!(said(&with_timer("elapsed", state)).is_empty());
    }

    #[test]
    fn a_run_that_has_begun_does_not_hide_the_one_that_failed() {
        let mut snapshot = with_timer("running", timer("a.service"));
        let mut running = unit("a.service", "activating", "start");
        running.times.as_mut().unwrap().inactive_enter_usec = Some(NOW_USEC - 60 * SECOND);
        add_unit(&mut snapshot, running);
        event(&mut snapshot, "a.service", UnitEventKind::Failed, 120);
        assert!(said(&snapshot).is_empty(), "it ended well after that");
        event(&mut snapshot, "a.service", UnitEventKind::Failed, 60);
        assert_eq!(said(&snapshot), [SERVICE_FAILED]);
    }
}

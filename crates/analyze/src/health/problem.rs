//! One unit that is not well, with everything known about how it came to that.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::Unit;

use super::ending::{self, How};
use super::flapping;
use crate::Settings;
use crate::units::Units;

/// The entry of `unit` in the lists of `health_analysis`, with its last `lines` log lines.
pub(crate) fn of_unit(
    units: &Units<'_>,
    unit: &Unit,
    settings: &Settings,
    lines: usize,
) -> UnitProblem {
    let name = unit.name.as_str();
    let result = units.result(name).map(|fact| fact.value);
    let how = ending::of(units, name, result).map(|ending| ending.how);
    let mut problem = UnitProblem {
        name: unit.name.clone(),
        load_state: unit.load_state.clone(),
        active_state: unit.active_state.clone(),
        sub_state: unit.sub_state.clone(),
        result: result.map(str::to_owned),
        exit_status: None,
        signal: None,
        core_dumped: false,
        since: units.since(unit),
        restarts_in_window: flapping::restarts(units, unit, settings).in_window,
        recent_logs: units.recent_logs(name, lines),
    };
    set_ending(&mut problem, how);
    problem
}

/// Exit status or signal, never both.
pub(super) fn set_ending(problem: &mut UnitProblem, how: Option<How>) {
    problem.core_dumped = matches!(how, Some(How::Dumped(_)));
    (problem.exit_status, problem.signal) = match how {
        Some(How::Exited(status)) => (Some(status), None),
        Some(How::Killed(signal) | How::Dumped(signal)) => (None, Some(signal)),
        None => (None, None),
    };
}

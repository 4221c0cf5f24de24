//! Sockets that failed, refused connections, or do not listen although they were asked to.

use sysdiag_model::report::SocketProblem;
use sysdiag_model::snapshot::{Unit, UnitEvent};
use sysdiag_model::{UnitName, UnitType};

use super::{RECENT_LINES, of_unit};
use crate::Settings;
use crate::units::Units;

/// The socket is in the state failed.
pub(crate) const FAILED: &str = "failed";
/// It turned connections away for `MaxConnections=`.
pub(crate) const REFUSED: &str = "refused connections";
/// Nobody can connect although the unit has not failed.
pub(crate) const NOT_LISTENING: &str = "not listening";

/// Why nobody can connect to a socket unit that has not failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deaf<'a> {
    /// These paths of an active socket are not in the file system any more.
    Gone(&'a [String]),
    /// This active unit wants it, and nothing ever started it in this boot.
    NeverStarted(&'a UnitName),
    /// Its last start job of this boot failed, and it is down.
    StartFailed(&'a UnitEvent),
}

pub(super) fn list(units: &Units<'_>, settings: &Settings) -> Vec<SocketProblem> {
    let sockets = units.systemd.units.iter().filter(|unit| is_socket(unit));
    sockets.filter_map(|unit| problem(units, unit, settings)).collect()
}

fn is_socket(unit: &Unit) -> bool {
    unit.name.unit_type() == Some(UnitType::Socket)
}

fn problem(units: &Units<'_>, unit: &Unit, settings: &Settings) -> Option<SocketProblem> {
    let name = unit.name.as_str();
    let refused = units.systemd.sockets.get(name).and_then(|socket| socket.n_refused);
    let problem = if unit.is_failed() {
        FAILED
    } else if refused.is_some_and(|refused| refused > 0) {
        REFUSED
    } else if deaf(units, unit).is_some() {
        NOT_LISTENING
    } else {
        return None;
    };
    Some(SocketProblem {
        unit: of_unit(units, unit, settings, RECENT_LINES),
        problem: problem.to_owned(),
        refused: refused.map(u64::from),
    })
}

/// Whether and why nobody can connect to `unit`, a socket that has not failed.
pub(crate) fn deaf<'a>(units: &Units<'a>, unit: &'a Unit) -> Option<Deaf<'a>> {
    let name = unit.name.as_str();
    match unit.active_state.as_str() {
        "active" => {
            let gone = units.systemd.sockets.get(name)?.missing_paths.as_deref()?;
            (!gone.is_empty()).then_some(Deaf::Gone(gone))
        }
        "inactive" => match units.failed_start(name) {
            Some(event) => Some(Deaf::StartFailed(event)),
            None => never_started(units, unit).map(Deaf::NeverStarted),
        },
        _ => None,
    }
}

/// The active unit that wants a socket which nothing ever started, though its conditions are met
/// or were not even tested. One that somebody stopped was started before.
fn never_started<'a>(units: &Units<'a>, unit: &Unit) -> Option<&'a UnitName> {
    let times = unit.times?;
    let socket = units.systemd.sockets.get(unit.name.as_str())?;
    let settled =
        matches!(units.systemd.manager.system_state.as_deref(), Some("running" | "degraded"));
    let started = times.inactive_exit_usec.is_some() || times.active_enter_usec.is_some();
    let refused = socket.condition_result == Some(false) && socket.condition_tested != Some(false);
    if !settled || started || refused || unit.job_type.is_some() || unit.load_state != "loaded" {
        return None;
    }
    let is_active = |name: &&UnitName| {
        units.systemd.unit(name.as_str()).is_some_and(|unit| unit.active_state == "active")
    };
    socket.wanted_by.as_ref()?.iter().find(is_active)
}

/// The service that a socket starts (`Triggers`, else by its name). None: one for each connection.
pub(crate) fn service(units: &Units<'_>, socket: &str) -> Option<String> {
    let triggers = units.detail(socket).and_then(|detail| detail.dependencies.get("Triggers"));
    if let Some(service) = triggers.and_then(|triggers| triggers.first()) {
        return Some(service.as_str().to_owned());
    }
    let service = format!("{}.service", socket.strip_suffix(".socket")?);
    units.systemd.unit(&service).map(|unit| unit.name.as_str().to_owned())
}

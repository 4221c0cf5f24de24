//! Sockets that failed, refused connections, or do not listen although they were asked to.

use sysdiag_model::UnitType;
use sysdiag_model::report::SocketProblem;
use sysdiag_model::snapshot::Unit;

use super::{RECENT_LINES, of_unit};
use crate::Settings;
use crate::units::Units;

/// The socket is in the state failed.
pub(crate) const FAILED: &str = "failed";
/// It turned connections away for `MaxConnections=`.
pub(crate) const REFUSED: &str = "refused connections";
/// Its start job failed in this boot and it is down.
pub(crate) const NOT_LISTENING: &str = "not listening";

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
    } else if unit.active_state == "inactive" && units.failed_start(name).is_some() {
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

/// The service that a socket starts (`Triggers`, else by its name). None: one for each connection.
pub(crate) fn service(units: &Units<'_>, socket: &str) -> Option<String> {
    let triggers = units.detail(socket).and_then(|detail| detail.dependencies.get("Triggers"));
    if let Some(service) = triggers.and_then(|triggers| triggers.first()) {
        return Some(service.as_str().to_owned());
    }
    let service = format!("{}.service", socket.strip_suffix(".socket")?);
    units.systemd.unit(&service).map(|unit| unit.name.as_str().to_owned())
}

//! The few properties that the checks of one kind of unit need: all sockets and timers, services
//! and mounts in question only.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{ServiceState, SocketState, Systemd, TimerState};
use sysdiag_model::{Timestamp, UnitName, UnitType};

use super::names::{MOUNT_UNIT, SERVICE_UNIT, SOCKET_UNIT, TIMER_UNIT, UNIT};
use super::properties::monotonic;
use super::units::Listed;
use crate::dbus::{Call, Connection, Error, MAX_WINDOW, Value};

const SERVICE: [&str; 4] = ["NRestarts", "Result", "ExecMainCode", "ExecMainStatus"];
const SOCKET: [&str; 5] = ["Result", "NAccepted", "NConnections", "NRefused", "Listen"];
/// Why a socket that was never started should have been, or need not.
const NEVER_STARTED: [&str; 4] =
    ["WantedBy", "RequiredBy", "ConditionResult", "ConditionTimestampMonotonic"];
const TIMER: [&str; 7] = [
    "Result",
    "Unit",
    "LastTriggerUSec",
    "NextElapseUSecRealtime",
    "NextElapseUSecMonotonic",
    "AccuracyUSec",
    "RandomizedDelayUSec",
];
const MOUNT: [&str; 1] = ["Result"];
/// The most addresses of one socket, and the most units that want it.
const MAX_LISTEN: usize = 1000;

/// Which properties of `unit` are asked for, on which interface.
fn questions(listed: &Listed) -> Option<(&'static str, &'static [&'static str])> {
    let unit = &listed.unit;
    if unit.load_state != "loaded" {
        return None;
    }
    match unit.name.unit_type()? {
        UnitType::Socket => Some((SOCKET_UNIT, &SOCKET)),
        UnitType::Timer => Some((TIMER_UNIT, &TIMER)),
        UnitType::Mount if unit.is_failed() => Some((MOUNT_UNIT, &MOUNT)),
        UnitType::Service => match (unit.active_state.as_str(), unit.sub_state.as_str()) {
            ("inactive", _) | ("active", "exited") => None,
            // Whether a running service was restarted is all there is to ask.
            ("active", _) => Some((SERVICE_UNIT, SERVICE.get(..1)?)),
            _ => Some((SERVICE_UNIT, &SERVICE)),
        },
        _ => None,
    }
}

/// What is asked on the interface of every unit besides.
fn common_questions(listed: &Listed) -> &'static [&'static str] {
    let unit = &listed.unit;
    let never_started = unit.times.is_some_and(|times| {
        times.inactive_exit_usec.is_none() && times.active_enter_usec.is_none()
    });
    let is_socket = unit.name.unit_type() == Some(UnitType::Socket);
    if is_socket && unit.load_state == "loaded" && unit.active_state == "inactive" && never_started
    {
        &NEVER_STARTED
    } else {
        &[]
    }
}

/// Asks, and files the answers by kind. A unit that vanished meanwhile is left out.
pub(super) fn read(
    connection: &mut Connection,
    units: &[Listed],
    systemd: &mut Systemd,
) -> Result<(), Error> {
    let asked: Vec<(&Listed, &str, &str)> = units
        .iter()
        .flat_map(|unit| [(unit, questions(unit)), (unit, Some((UNIT, common_questions(unit))))])
        .filter_map(|(unit, questions)| Some((unit, questions?)))
        .flat_map(|(unit, (interface, names))| {
            names.iter().map(move |name| (unit, interface, *name))
        })
        .collect();
    let calls = asked.iter().map(|(unit, interface, name)| Call::get(&unit.path, interface, name));
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let (Some((listed, _, property)), Ok(reply)) = (asked.get(call), reply) else { return };
        if let Ok(value) = reply.value() {
            file(systemd, &listed.unit.name, property, &value);
        }
    })?;
    Ok(())
}

fn file(systemd: &mut Systemd, name: &UnitName, property: &str, value: &Value<'_>) {
    match name.unit_type() {
        Some(UnitType::Socket) => socket(entry(&mut systemd.sockets, name), property, value),
        Some(UnitType::Timer) => timer(entry(&mut systemd.timers, name), property, value),
        Some(UnitType::Service) => service(entry(&mut systemd.services, name), property, value),
        Some(UnitType::Mount) => {
            entry(&mut systemd.mounts, name).result = text(value);
        }
        _ => {}
    }
}

fn entry<'a, T: Default>(map: &'a mut BTreeMap<UnitName, T>, name: &UnitName) -> &'a mut T {
    map.entry(name.clone()).or_default()
}

fn text(value: &Value<'_>) -> Option<String> {
    value.str().ok().map(str::to_owned)
}

fn service(state: &mut ServiceState, property: &str, value: &Value<'_>) {
    match property {
        "Result" => state.result = text(value),
        "NRestarts" => state.n_restarts = value.u32().ok(),
        "ExecMainCode" => state.exec_main_code = value.i32().ok(),
        "ExecMainStatus" => state.exec_main_status = value.i32().ok(),
        _ => {}
    }
}

fn socket(state: &mut SocketState, property: &str, value: &Value<'_>) {
    match property {
        "Result" => state.result = text(value),
        "NAccepted" => state.n_accepted = value.u32().ok(),
        "NConnections" => state.n_connections = value.u32().ok(),
        "NRefused" => state.n_refused = value.u32().ok(),
        "Listen" => {
            state.listen = value.decode().unwrap_or_default();
            state.listen.truncate(MAX_LISTEN);
        }
        "WantedBy" | "RequiredBy" => {
            let names = value.strings().unwrap_or_default();
            let names = names.into_iter().take(MAX_LISTEN).map(UnitName::new);
            state.wanted_by.get_or_insert_default().extend(names);
        }
        "ConditionResult" => state.condition_result = value.bool().ok(),
        "ConditionTimestampMonotonic" => {
            state.condition_tested = value.u64().ok().map(|usec| usec != 0);
        }
        _ => {}
    }
}

fn timer(state: &mut TimerState, property: &str, value: &Value<'_>) {
    let time = || value.u64().ok().and_then(Timestamp::from_property);
    match property {
        "Result" => state.result = text(value),
        "Unit" => state.unit = text(value).filter(|name| !name.is_empty()).map(UnitName::new),
        "LastTriggerUSec" => state.last_trigger = time(),
        "NextElapseUSecRealtime" => state.next_elapse = time(),
        "NextElapseUSecMonotonic" => state.next_elapse_monotonic_usec = monotonic(value),
        "AccuracyUSec" => state.accuracy_usec = value.u64().ok(),
        "RandomizedDelayUSec" => state.randomized_delay_usec = value.u64().ok(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{Unit, UnitTimes};

    use super::*;

    fn listed(name: &str, active_state: &str, started: Option<u64>) -> Listed {
        let times = UnitTimes {
            inactive_exit_usec: started,
            active_enter_usec: started,
            active_exit_usec: None,
            inactive_enter_usec: None,
        };
        let unit = Unit {
            name: name.into(),
            description: String::new(),
            load_state: "loaded".to_owned(),
            active_state: active_state.to_owned(),
            sub_state: String::new(),
            following: None,
            job_type: None,
            times: Some(times),
        };
        Listed { unit, path: String::new() }
    }

    #[test]
    fn only_sockets_that_never_started_are_asked_who_wants_them() {
        assert_eq!(common_questions(&listed("a.socket", "inactive", None)), NEVER_STARTED);
        for (name, active_state, started) in [
            ("a.socket", "inactive", Some(5)),
            ("a.socket", "active", Some(5)),
            ("a.socket", "failed", None),
            ("a.service", "inactive", None),
        ] {
            let questions = common_questions(&listed(name, active_state, started));
            assert!(questions.is_empty(), "{name} {active_state}");
        }
        let mut masked = listed("a.socket", "inactive", None);
        masked.unit.load_state = "masked".to_owned();
        assert!(common_questions(&masked).is_empty());
    }
}

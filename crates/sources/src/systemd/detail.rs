//! What one unit says of itself, property by property.

use sysdiag_model::snapshot::{AssertFact, ExecCommand, LoadError, ServiceDetail, UnitDetail};
use sysdiag_model::{Timestamp, UnitName, UnitType};

use super::needs;
use crate::dbus::Value;
use crate::mask::{mask_args, mask_text};

/// Properties that name other units, `org.freedesktop.systemd1(5)`.
pub(super) const DEPENDENCIES: [&str; 22] = [
    "Requires",
    "Requisite",
    "Wants",
    "BindsTo",
    "PartOf",
    "Upholds",
    "RequiredBy",
    "RequisiteOf",
    "WantedBy",
    "BoundBy",
    "UpheldBy",
    "ConsistsOf",
    "Conflicts",
    "ConflictedBy",
    "Before",
    "After",
    "OnFailure",
    "OnFailureOf",
    "OnSuccess",
    "OnSuccessOf",
    "Triggers",
    "TriggeredBy",
];

/// Properties that hold command lines of services.
const COMMANDS: [&str; 7] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];

/// Never shown: what programs are given in secret often travels here.
const SECRET: [&str; 3] = ["Environment", "PassEnvironment", "SetCredential"];

/// The most bytes of one property's text.
const MAX_TEXT: usize = 4096;
/// The most entries of one list: far above any unit's.
const MAX_LIST: usize = 20_000;
/// The most commands of one property.
const MAX_COMMANDS: usize = 64;

/// The properties of `org.freedesktop.systemd1.Unit` that every suspect is asked for, one by one:
/// `GetAll` would have PID 1 look up `UnitFileState` and `UnitFilePreset` on disk as well, which takes
/// it 3 ms a unit the first time, thirty times as long as all of these (measured with systemd 252).
pub(super) const OF_UNIT: [&str; 20] = [
    "Names",
    "FragmentPath",
    "DropInPaths",
    "SourcePath",
    "Documentation",
    "LoadError",
    "InvocationID",
    "StateChangeTimestamp",
    "InactiveExitTimestamp",
    "ActiveEnterTimestamp",
    "ActiveExitTimestamp",
    "InactiveEnterTimestamp",
    "ConditionResult",
    "AssertResult",
    "Asserts",
    "StartLimitIntervalUSec",
    "StartLimitBurst",
    "JobTimeoutUSec",
    "JobRunningTimeoutUSec",
    "TriggeredBy",
];

/// Takes in one property; one that has no field, or another type than it should, changes nothing.
pub(super) fn apply(
    detail: &mut UnitDetail,
    kind: Option<UnitType>,
    name: &str,
    value: &Value<'_>,
) {
    if DEPENDENCIES.contains(&name) {
        let others = units(value);
        if !others.is_empty() {
            detail.dependencies.insert(name.to_owned(), others);
        }
        return;
    }
    match name {
        "Names" => detail.names = units(value),
        "FragmentPath" => detail.fragment_path = filled(value),
        "DropInPaths" => detail.drop_in_paths = texts(value),
        "SourcePath" => detail.source_path = filled(value),
        "UnitFileState" => detail.unit_file_state = filled(value),
        "Documentation" => detail.documentation = texts(value),
        "NeedDaemonReload" => detail.need_daemon_reload = value.bool().ok(),
        "LoadError" => detail.load_error = load_error(value),
        "InvocationID" => detail.invocation_id = invocation_id(value),
        "StateChangeTimestamp" => detail.state_change = time(value),
        "InactiveExitTimestamp" => detail.inactive_exit = time(value),
        "ActiveEnterTimestamp" => detail.active_enter = time(value),
        "ActiveExitTimestamp" => detail.active_exit = time(value),
        "InactiveEnterTimestamp" => detail.inactive_enter = time(value),
        "ConditionResult" => detail.condition_result = value.bool().ok(),
        "AssertResult" => detail.assert_result = value.bool().ok(),
        "Asserts" => detail.asserts = asserts(value),
        "StartLimitIntervalUSec" => detail.start_limit_interval_usec = value.u64().ok(),
        "StartLimitBurst" => detail.start_limit_burst = value.u32().ok(),
        "JobTimeoutUSec" => detail.job_timeout_usec = limit(value),
        "JobRunningTimeoutUSec" => detail.job_running_timeout_usec = limit(value),
        "Result" => detail.result = filled(value),
        "ControlGroup" => detail.control_group = filled(value),
        "Slice" => detail.slice = filled(value).map(UnitName::new),
        "MemoryMax" => detail.memory_max_bytes = limit(value),
        "MemoryHigh" => detail.memory_high_bytes = limit(value),
        "TasksMax" => detail.tasks_max = limit(value),
        "Listen" => detail.listen = value.decode().unwrap_or_default(),
        "TriggerLimitIntervalUSec" => detail.trigger_limit_interval_usec = value.u64().ok(),
        "TriggerLimitBurst" => detail.trigger_limit_burst = value.u32().ok(),
        "Options" if matches!(kind, Some(UnitType::Mount | UnitType::Swap)) => {
            detail.mount_options = filled(value).map(|text| bounded(&mask_text(&text)));
        }
        "TimeoutUSec" if matches!(kind, Some(UnitType::Mount | UnitType::Swap)) => {
            detail.mount_timeout_usec = limit(value).filter(|usec| *usec != 0);
        }
        "What" => detail.mount_what = filled(value).map(|text| mask_text(&text).into_owned()),
        "Where" => detail.mount_where = filled(value),
        "Type" if kind == Some(UnitType::Mount) => detail.mount_type = filled(value),
        _ if kind == Some(UnitType::Service) => {
            needs::apply(detail, name, value);
            apply_to_service(detail.service.get_or_insert_default(), name, value);
        }
        _ => {}
    }
}

fn apply_to_service(service: &mut ServiceDetail, name: &str, value: &Value<'_>) {
    match name {
        "Type" => service.service_type = text(value),
        "Restart" => service.restart = text(value),
        "RestartUSec" => service.restart_usec = value.u64().ok(),
        "NRestarts" => service.n_restarts = value.u32().ok(),
        "MainPID" => service.main_pid = value.u32().ok(),
        "ControlPID" => service.control_pid = value.u32().ok(),
        "ExecMainPID" => service.exec_main_pid = value.u32().ok(),
        "ExecMainStartTimestamp" => service.exec_main_start = time(value),
        "ExecMainExitTimestamp" => service.exec_main_exit = time(value),
        "ExecMainCode" => service.exec_main_code = value.i32().ok(),
        "ExecMainStatus" => service.exec_main_status = value.i32().ok(),
        "ReloadResult" => service.reload_result = filled(value),
        "KillMode" => service.kill_mode = filled(value),
        "StatusText" => {
            service.status_text = filled(value).map(|text| bounded(&mask_text(&text)));
        }
        "StatusErrno" => service.status_errno = value.i32().ok().filter(|errno| *errno != 0),
        "TimeoutStartUSec" => service.timeout_start_usec = limit(value),
        "TimeoutStopUSec" => service.timeout_stop_usec = limit(value),
        "RuntimeMaxUSec" => service.runtime_max_usec = limit(value).filter(|usec| *usec != 0),
        "WatchdogUSec" => service.watchdog_usec = limit(value).filter(|usec| *usec != 0),
        "User" => service.user = filled(value),
        "Group" => service.group = filled(value),
        "SupplementaryGroups" => service.supplementary_groups = texts(value),
        "DynamicUser" => service.dynamic_user = value.bool().ok(),
        "WorkingDirectory" => service.working_directory = filled(value),
        "RootDirectory" => service.root_directory = filled(value),
        "RootImage" => service.root_image = filled(value),
        "PIDFile" => service.pid_file = filled(value),
        _ if COMMANDS.contains(&name) => {
            if let Some(commands) = commands(value) {
                service.exec.insert(name.to_owned(), commands);
            }
        }
        _ => {}
    }
}

/// Keeps a scalar property as text, as `systemctl show` would print it, for the page about one unit.
pub(super) fn keep_text(detail: &mut UnitDetail, name: &str, value: &Value<'_>) {
    if DEPENDENCIES.contains(&name) || SECRET.contains(&name) {
        return;
    }
    if let Some(text) = as_text(value).filter(|text| !text.is_empty()) {
        detail.properties.insert(name.to_owned(), text);
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    value.str().ok().map(str::to_owned)
}

/// A text that systemd leaves empty where there is none.
fn filled(value: &Value<'_>) -> Option<String> {
    text(value).filter(|text| !text.is_empty())
}

fn texts(value: &Value<'_>) -> Vec<String> {
    let texts = value.strings().unwrap_or_default();
    texts.into_iter().take(MAX_LIST).map(str::to_owned).collect()
}

fn units(value: &Value<'_>) -> Vec<UnitName> {
    texts(value).into_iter().map(UnitName::new).collect()
}

fn time(value: &Value<'_>) -> Option<Timestamp> {
    Timestamp::from_property(value.u64().ok()?)
}

/// A limit, where `UINT64_MAX` means none.
fn limit(value: &Value<'_>) -> Option<u64> {
    value.u64().ok().filter(|limit| *limit != u64::MAX)
}

fn commands(value: &Value<'_>) -> Option<Vec<ExecCommand>> {
    // (path, argv, ignore failure, start, start monotonic, exit, exit monotonic, pid, code, status)
    type Row = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);
    let rows = value.decode::<Vec<Row>>().ok().filter(|rows| !rows.is_empty())?;
    let commands = rows.into_iter().take(MAX_COMMANDS).map(|row| {
        let (path, argv, ignore_failure, started, _, exited, _, pid, code, status) = row;
        ExecCommand {
            path,
            argv: mask_args(argv.iter().map(|argument| bounded(argument)).collect()),
            ignore_failure,
            started: Timestamp::from_property(started),
            exited: Timestamp::from_property(exited),
            pid,
            code,
            status,
        }
    });
    Some(commands.collect())
}

fn asserts(value: &Value<'_>) -> Vec<AssertFact> {
    // (type, trigger, negate, parameter, state: 1 met, -1 not met, 0 not checked)
    type Row = (String, bool, bool, String, i32);
    let rows = value.decode::<Vec<Row>>().unwrap_or_default();
    rows.into_iter()
        .take(MAX_COMMANDS)
        .map(|(setting, _, negate, parameter, state)| AssertFact {
            setting,
            value: bounded(&format!("{}{parameter}", if negate { "!" } else { "" })),
            failed: state < 0,
        })
        .collect()
}

fn load_error(value: &Value<'_>) -> Option<LoadError> {
    let (name, message) = value.decode::<(String, String)>().ok()?;
    (!name.is_empty()).then_some(LoadError { name, message })
}

fn invocation_id(value: &Value<'_>) -> Option<String> {
    let bytes = value.decode::<Vec<u8>>().ok().filter(|bytes| bytes.len() == 16)?;
    // Sixteen bytes are a number of 128 bits.
    let id = bytes.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
    Some(format!("{id:032x}"))
}

fn as_text(value: &Value<'_>) -> Option<String> {
    let text = match value.signature() {
        "s" | "o" => mask_text(value.str().ok()?).into_owned(),
        "b" => if value.bool().ok()? { "yes" } else { "no" }.to_owned(),
        "t" => match value.u64().ok()? {
            u64::MAX => "infinity".to_owned(),
            number => number.to_string(),
        },
        "x" => value.i64().ok()?.to_string(),
        "u" => match value.u32().ok()? {
            u32::MAX => "infinity".to_owned(),
            number => number.to_string(),
        },
        "i" => value.i32().ok()?.to_string(),
        "as" => mask_text(&value.strings().ok()?.join(" ")).into_owned(),
        _ => return None,
    };
    Some(bounded(&text))
}

fn bounded(text: &str) -> String {
    match text.char_indices().find(|(index, c)| index + c.len_utf8() > MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "é".repeat(4000);
        assert_eq!(bounded(&long), format!("{}…", "é".repeat(2048)));
        assert_eq!(bounded("short"), "short");
    }
}

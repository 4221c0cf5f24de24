//! Everything one unit says of itself, from one `GetAll("")`.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{ExecCommand, LoadError, ServiceDetail, UnitDetail};
use sysdiag_model::{Timestamp, UnitName, UnitType};

use super::properties::PropertyMap;
use crate::dbus::{Malformed, Reply, Value};
use crate::mask::{mask_args, mask_text};

/// Properties that name other units, `org.freedesktop.systemd1(5)`.
const DEPENDENCIES: [&str; 22] = [
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
/// The most commands of one property.
const MAX_COMMANDS: usize = 64;

/// `every_property`: keep all other scalar properties as text, for the page about this unit.
pub(super) fn read(
    name: &UnitName,
    reply: &Reply<'_>,
    every_property: bool,
) -> Result<UnitDetail, Malformed> {
    let all = PropertyMap::read(reply)?;
    let dependencies = DEPENDENCIES
        .iter()
        .map(|name| ((*name).to_owned(), all.units(name)))
        .filter(|(_, units)| !units.is_empty())
        .collect();
    Ok(UnitDetail {
        names: all.units("Names"),
        fragment_path: all.filled_text("FragmentPath"),
        drop_in_paths: all.texts("DropInPaths"),
        source_path: all.filled_text("SourcePath"),
        unit_file_state: all.filled_text("UnitFileState"),
        documentation: all.texts("Documentation"),
        need_daemon_reload: all.bool("NeedDaemonReload"),
        load_error: all.get("LoadError").and_then(load_error),
        invocation_id: all.get("InvocationID").and_then(invocation_id),
        state_change: all.time("StateChangeTimestamp"),
        inactive_exit: all.time("InactiveExitTimestamp"),
        active_enter: all.time("ActiveEnterTimestamp"),
        active_exit: all.time("ActiveExitTimestamp"),
        inactive_enter: all.time("InactiveEnterTimestamp"),
        condition_result: all.bool("ConditionResult"),
        assert_result: all.bool("AssertResult"),
        start_limit_interval_usec: all.u64("StartLimitIntervalUSec"),
        start_limit_burst: all.u32("StartLimitBurst"),
        job_timeout_usec: all.limit("JobTimeoutUSec"),
        dependencies,
        result: all.filled_text("Result"),
        control_group: all.filled_text("ControlGroup"),
        slice: all.filled_text("Slice").map(UnitName::new),
        memory_max_bytes: all.limit("MemoryMax"),
        memory_high_bytes: all.limit("MemoryHigh"),
        tasks_max: all.limit("TasksMax"),
        service: (name.unit_type() == Some(UnitType::Service)).then(|| service(&all)),
        listen: all
            .get("Listen")
            .and_then(|value| value.decode::<Vec<(String, String)>>().ok())
            .unwrap_or_default(),
        mount_what: all.filled_text("What"),
        mount_where: all.filled_text("Where"),
        mount_type: all.filled_text("Type").filter(|_| name.unit_type() == Some(UnitType::Mount)),
        properties: if every_property { others(&all) } else { BTreeMap::new() },
    })
}

fn service(all: &PropertyMap<'_>) -> ServiceDetail {
    ServiceDetail {
        service_type: all.text("Type"),
        restart: all.text("Restart"),
        restart_usec: all.u64("RestartUSec"),
        n_restarts: all.u32("NRestarts"),
        main_pid: all.u32("MainPID"),
        control_pid: all.u32("ControlPID"),
        exec_main_pid: all.u32("ExecMainPID"),
        exec_main_start: all.time("ExecMainStartTimestamp"),
        exec_main_exit: all.time("ExecMainExitTimestamp"),
        exec_main_code: all.i32("ExecMainCode"),
        exec_main_status: all.i32("ExecMainStatus"),
        status_text: all.filled_text("StatusText").map(|text| bounded(&text)),
        status_errno: all.i32("StatusErrno").filter(|errno| *errno != 0),
        timeout_start_usec: all.limit("TimeoutStartUSec"),
        timeout_stop_usec: all.limit("TimeoutStopUSec"),
        watchdog_usec: all.limit("WatchdogUSec").filter(|usec| *usec != 0),
        user: all.filled_text("User"),
        working_directory: all.filled_text("WorkingDirectory"),
        root_directory: all.filled_text("RootDirectory"),
        pid_file: all.filled_text("PIDFile"),
        exec: COMMANDS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), commands(all.get(name)?)?)))
            .collect(),
    }
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

fn load_error(value: &Value<'_>) -> Option<LoadError> {
    let (name, message) = value.decode::<(String, String)>().ok()?;
    (!name.is_empty()).then(|| LoadError { name, message })
}

fn invocation_id(value: &Value<'_>) -> Option<String> {
    let bytes = value.decode::<Vec<u8>>().ok().filter(|bytes| bytes.len() == 16)?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Scalar properties that have no field of their own, as `systemctl show` would print them.
fn others(all: &PropertyMap<'_>) -> BTreeMap<String, String> {
    all.iter()
        .filter(|(name, _)| !DEPENDENCIES.contains(name) && !SECRET.contains(name))
        .filter_map(|(name, value)| Some((name.to_owned(), as_text(value)?)))
        .filter(|(_, text)| !text.is_empty())
        .collect()
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

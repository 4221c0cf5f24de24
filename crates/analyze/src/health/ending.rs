//! How the process ended that made a unit fail.
//!
//! `ExecMainStatus` alone is not it: it is 0, or that of an earlier run, when `ExecStartPre=` or
//! `ExecStop=` failed. So the `Result` says which kind of end to look for, and the sources are
//! asked from the most direct one on: the commands of the unit, its main process, the journal.

use sysdiag_model::signal_name;
use sysdiag_model::snapshot::{ExecCommand, UnitEvent, UnitEventKind};

use crate::units::Units;

/// The end of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) how: How,
    /// `ExecStart`, `ExecStartPre`, ... None: the main process, or not known which.
    pub(crate) command: Option<String>,
    /// The program that systemd was to execute, where it is known.
    pub(crate) path: Option<String>,
    /// Program and arguments, where they are known.
    pub(crate) argv: Option<Vec<String>>,
    /// For the evidence.
    pub(crate) source: &'static str,
}

/// The ways a process can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    /// With this exit status.
    Exited(i32),
    /// By this signal: `SIGKILL`.
    Killed(String),
    /// By this signal, and it dumped core.
    Dumped(String),
}

impl How {
    /// From `ExecMainCode` and `ExecMainStatus` (`sigaction(2)`). None: has not ended.
    pub(crate) fn from_wait(code: i32, status: i32) -> Option<Self> {
        let signal = || signal_name(status).unwrap_or_else(|| format!("signal {status}"));
        match code {
            1 => Some(Self::Exited(status)),
            2 => Some(Self::Killed(signal())),
            3 => Some(Self::Dumped(signal())),
            _ => None,
        }
    }

    /// From `EXIT_CODE` and `EXIT_STATUS` of the journal.
    fn from_journal(event: &UnitEvent) -> Option<Self> {
        let status = event.exit_status.as_deref()?;
        let signal = || {
            let name = status.strip_prefix("SIG").unwrap_or(status);
            status.parse().ok().and_then(signal_name).unwrap_or_else(|| format!("SIG{name}"))
        };
        match event.exit_code.as_deref()? {
            "exited" => status.parse().ok().map(Self::Exited),
            "killed" => Some(Self::Killed(signal())),
            "dumped" => Some(Self::Dumped(signal())),
            _ => None,
        }
    }

    /// Whether this end can be why the unit has this `Result`.
    fn explains(&self, result: Option<&str>) -> bool {
        match result {
            Some("success" | "resources" | "exec-condition") => false,
            Some("exit-code") => matches!(self, Self::Exited(status) if *status != 0),
            Some("signal") => matches!(self, Self::Killed(_)),
            Some("core-dump") => matches!(self, Self::Dumped(_)),
            _ => *self != Self::Exited(0),
        }
    }
}

/// How the process ended that explains the `result` of the unit.
pub(crate) fn of(units: &Units<'_>, name: &str, result: Option<&str>) -> Option<Ending> {
    from_commands(units, name, result)
        .or_else(|| from_main_process(units, name, result))
        .or_else(|| from_journal(units, name, result))
}

fn from_commands(units: &Units<'_>, name: &str, result: Option<&str>) -> Option<Ending> {
    let service = units.detail(name)?.service.as_ref()?;
    let failed = |command: &ExecCommand| {
        let how = How::from_wait(command.code, command.status)?;
        (!command.ignore_failure && how.explains(result)).then_some(how)
    };
    // The first failure is the one the result is of: what follows are ExecStop= and the like.
    service
        .exec
        .iter()
        .flat_map(|(property, commands)| commands.iter().map(move |command| (property, command)))
        .filter_map(|(property, command)| Some((property, command, failed(command)?)))
        .min_by_key(|(_, command, _)| command.exited)
        .map(|(property, command, how)| Ending {
            how,
            command: Some(property.clone()),
            path: Some(command.path.clone()),
            argv: Some(command.argv.clone()),
            source: "exec status of the command (D-Bus)",
        })
}

fn from_main_process(units: &Units<'_>, name: &str, result: Option<&str>) -> Option<Ending> {
    let detail = units.detail(name).and_then(|detail| detail.service.as_ref());
    let (code, status) = if let Some(service) = detail {
        (service.exec_main_code, service.exec_main_status)
    } else {
        let service = units.systemd.services.get(name)?;
        (service.exec_main_code, service.exec_main_status)
    };
    let how = How::from_wait(code?, status?)?;
    how.explains(result).then_some(Ending {
        how,
        command: None,
        path: None,
        argv: None,
        source: "ExecMainCode, ExecMainStatus (D-Bus)",
    })
}

/// As the journal tells it of the last of `events` that explains `result`.
pub(crate) fn of_event<'a>(
    events: impl Iterator<Item = &'a UnitEvent>,
    result: Option<&str>,
) -> Option<Ending> {
    let ends = events.filter(|event| event.kind == UnitEventKind::ProcessExit);
    let ends = ends.filter_map(|event| Some((event, How::from_journal(event)?)));
    let (event, how) = ends.filter(|(_, how)| how.explains(result)).last()?;
    Some(Ending {
        how,
        path: None,
        argv: None,
        command: event.command.clone().filter(|command| command != "n/a"),
        source: "journal EXIT_CODE, EXIT_STATUS",
    })
}

fn from_journal(units: &Units<'_>, name: &str, result: Option<&str>) -> Option<Ending> {
    let invocation = units.detail(name).and_then(|detail| detail.invocation_id.as_deref());
    let ends: Vec<(&UnitEvent, How)> = units
        .events(name)
        .iter()
        .filter(|event| event.kind == UnitEventKind::ProcessExit)
        .filter_map(|event| Some((*event, How::from_journal(event)?)))
        .filter(|(_, how)| how.explains(result))
        .collect();
    let of_last_run =
        |event: &UnitEvent| invocation.is_some() && event.invocation_id.as_deref() == invocation;
    let (event, how) = ends.iter().find(|(event, _)| of_last_run(event)).or_else(|| ends.last())?;
    // systemd has names for the commands of services only.
    let command = event.command.clone().filter(|command| command != "n/a");
    Some(Ending {
        how: how.clone(),
        path: None,
        argv: only_command(units, name, command.as_deref().unwrap_or("ExecStart")),
        command,
        source: "journal EXIT_CODE, EXIT_STATUS",
    })
}

/// Program and arguments of `property`, if there is one command only: the journal does not say
/// which of several it was.
pub(crate) fn only_command(units: &Units<'_>, name: &str, property: &str) -> Option<Vec<String>> {
    let service = units.detail(name)?.service.as_ref()?;
    match service.exec.get(property)?.as_slice() {
        [command] if !command.argv.is_empty() => Some(command.argv.clone()),
        _ => None,
    }
}

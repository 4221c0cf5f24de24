//! A trace of the healthy host of [`crate::testing`], to be filled.

use sysdiag_model::snapshot::{
    PeakRss, ProcessEnd, SignalSender, Snapshot, Trace, TraceCounts, TraceLosses, TraceOmitted,
    TracedExec, TracedExit, TracedProcess, TracedProgram, TracedSignal, UnitActivity,
};
use sysdiag_model::{Probe, UnitName};

use crate::testing_events::ago;

/// The trace of a snapshot, to be changed; made, five seconds long, if there is none.
pub(crate) fn trace_of(snapshot: &mut Snapshot) -> &mut Trace {
    if snapshot.trace.value().is_none() {
        snapshot.trace = Probe::Known(Trace {
            started: ago(5),
            ended: ago(0),
            duration_usec: 5_000_000,
            totals: TraceCounts::default(),
            units: Vec::new(),
            execs: Vec::new(),
            exits: Vec::new(),
            lost: TraceLosses::default(),
            omitted: TraceOmitted::default(),
        });
    }
    snapshot.trace.value_mut().unwrap()
}

/// What a unit did, to be changed; made if it is not there.
pub(crate) fn activity<'a>(snapshot: &'a mut Snapshot, unit: &str) -> &'a mut UnitActivity {
    let units = &mut trace_of(snapshot).units;
    let index = units.iter().position(|it| it.unit.as_ref().is_some_and(|name| name == unit));
    let index = index.unwrap_or_else(|| {
        units.push(UnitActivity {
            unit: Some(unit.into()),
            counts: TraceCounts::default(),
            programs: Vec::new(),
            programs_omitted: 0,
            endings: Vec::new(),
            endings_omitted: 0,
        });
        units.len() - 1
    });
    &mut units[index]
}

/// Where the processes of a unit are.
fn cgroup(unit: &str) -> String {
    match unit {
        "init.scope" => "/init.scope".to_owned(),
        _ if unit.starts_with("session-") => format!("/user.slice/user-0.slice/{unit}"),
        _ => format!("/system.slice/{unit}"),
    }
}

pub(crate) fn traced_process(pid: u32, unit: &str, command: &str) -> TracedProcess {
    TracedProcess {
        pid,
        parent: 1,
        uid: 0,
        command: command.to_owned(),
        cgroup: Some(cgroup(unit)),
        unit: Some(UnitName::from(unit)),
    }
}

pub(crate) fn program(line: &[&str]) -> TracedProgram {
    TracedProgram {
        file: line[0].to_owned(),
        interpreter: None,
        arguments: Some(line.iter().map(|word| (*word).to_owned()).collect()),
        arguments_cut: false,
    }
}

/// Adds the end of process 4711 of a unit a second ago, to be changed.
pub(crate) fn ended<'a>(
    snapshot: &'a mut Snapshot,
    unit: &str,
    command: &str,
    end: ProcessEnd,
) -> &'a mut TracedExit {
    let exits = &mut trace_of(snapshot).exits;
    exits.push(TracedExit {
        time: ago(1),
        process: traced_process(4711, unit, command),
        program: None,
        never_execed: false,
        end,
        lifetime_usec: 2_000,
        peak_rss: PeakRss { bytes: 4096, at_most: false },
        signal: None,
        oom_victim: false,
    });
    exits.last_mut().unwrap()
}

/// Adds a process that another one sent a signal of which it died, to be changed.
pub(crate) fn killed<'a>(
    snapshot: &'a mut Snapshot,
    unit: &str,
    signal: u8,
    by: &str,
    command: &str,
) -> &'a mut TracedExit {
    let exit = ended(snapshot, unit, "worker", ProcessEnd::Killed { signal, core: false });
    exit.signal = Some(TracedSignal {
        time: ago(1),
        number: signal,
        by_kernel: false,
        sender: SignalSender {
            pid: 812,
            uid: 0,
            command: command.to_owned(),
            cgroup: Some(cgroup(by)),
            unit: Some(by.into()),
        },
    });
    exit
}

/// Adds a program that was run, to be changed.
pub(crate) fn ran<'a>(snapshot: &'a mut Snapshot, unit: &str, file: &str) -> &'a mut TracedExec {
    let execs = &mut trace_of(snapshot).execs;
    let command = file.rsplit('/').next().unwrap();
    execs.push(TracedExec {
        time: ago(2),
        process: traced_process(4711, unit, command),
        program: program(&[file]),
        deleted: false,
        writable_by_all: false,
        folder_writable_by_all: false,
    });
    execs.last_mut().unwrap()
}

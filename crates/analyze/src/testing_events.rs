//! Ways in which the units of the healthy host of [`crate::testing`] break.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{
    BrokenCycle, ExecCommand, FileFact, FileState, JournalDigest, LogDigest, LogGroup, LogLine,
    Ordering, PatternHit, ServiceDetail, Snapshot, TimerState, UnitDetail, UnitEvent,
    UnitEventKind, UnitLine,
};
use sysdiag_model::{Probe, Report, Severity, Timestamp};

use crate::testing::{NOW_USEC, add_unit, healthy, systemd_of, unit};
use crate::{Past, Scope, Settings};

/// The journal of a snapshot, to be changed.
pub(crate) fn journal_of(snapshot: &mut Snapshot) -> &mut JournalDigest {
    snapshot.journal.value_mut().unwrap()
}

/// So many seconds before the clock of the snapshot.
pub(crate) fn ago(seconds: u64) -> Timestamp {
    healthy().clock.realtime.minus_usec(seconds * 1_000_000)
}

/// Adds an event of so many seconds ago, to be changed.
pub(crate) fn event<'a>(
    snapshot: &'a mut Snapshot,
    name: &str,
    kind: UnitEventKind,
    seconds: u64,
) -> &'a mut UnitEvent {
    let events = &mut journal_of(snapshot).unit_events;
    events.push(UnitEvent {
        unit: name.into(),
        kind,
        time: ago(seconds),
        job_type: None,
        job_result: None,
        unit_result: None,
        exit_code: None,
        exit_status: None,
        command: None,
        errno: None,
        executable: None,
        n_restarts: None,
        invocation_id: None,
        cursor: None,
    });
    events.sort_by_key(|event| event.time);
    let index = events
        .iter()
        .rposition(|event| event.time == ago(seconds) && event.unit == *name && event.kind == kind);
    &mut events[index.unwrap()]
}

/// Adds a cycle that systemd broke so many seconds ago by dropping the start of `dropped`; each
/// unit is ordered after the next.
pub(crate) fn broken_cycle(snapshot: &mut Snapshot, units: &[&str], dropped: &str, seconds: u64) {
    let cycles = &mut journal_of(snapshot).broken_cycles;
    cycles.push(BrokenCycle {
        time: ago(seconds),
        units: units.iter().map(|name| (*name).into()).collect(),
        whole: true,
        dropped: Some(dropped.into()),
        job_type: Some("start".to_owned()),
        through_kernel: false,
        cursor: None,
    });
    cycles.sort_by_key(|cycle| cycle.time);
}

/// Orders a unit after another, by a line of `file` if one is given, both loaded.
pub(crate) fn ordered(snapshot: &mut Snapshot, from: &str, to: &str, file: Option<&str>) {
    for name in [from, to] {
        if systemd_of(snapshot).unit(name).is_none() {
            add_unit(snapshot, unit(name, "active", "running"));
        }
    }
    if snapshot.ordering.value().is_none() {
        snapshot.ordering = Probe::Known(Ordering::default());
    }
    let ordering = snapshot.ordering.value_mut().unwrap();
    for name in [from, to] {
        ordering.after.entry(name.into()).or_default();
        ordering.origins.entry(name.into()).or_default().lines.get_or_insert_default();
    }
    ordering.after.get_mut(from).unwrap().push(to.into());
    let line = file.map(|file| UnitLine {
        directive: "After".to_owned(),
        value: to.to_owned(),
        file: file.to_owned(),
        line: Some(2),
    });
    let origin = ordering.origins.get_mut(from).unwrap();
    origin.lines.get_or_insert_default().extend(line);
}

/// A line of the unit's own process.
pub(crate) fn line(snapshot: &mut Snapshot, name: &str, message: &str) {
    journal_of(snapshot).recent.entry(name.into()).or_default().push(LogLine {
        time: ago(241),
        level: Some("ERR".to_owned()),
        identifier: Some("sh".to_owned()),
        pid: Some(4711),
        message: message.to_owned(),
        cursor: None,
        errno: None,
    });
}

/// A message of the kernel of so many seconds ago, in a group of its own.
pub(crate) fn kernel_line(snapshot: &mut Snapshot, seconds: u64, message: &str) {
    let time = ago(seconds);
    let group = LogGroup {
        known_bad: false,
        priority: 4,
        transport: Some("kernel".to_owned()),
        identifier: Some("kernel".to_owned()),
        message_id: None,
        units: Vec::new(),
        wording: message.to_owned(),
        count: 1,
        first: time,
        last: time,
        examples: vec![LogLine {
            time,
            level: Some("WARNING".to_owned()),
            identifier: Some("kernel".to_owned()),
            pid: None,
            message: message.to_owned(),
            cursor: None,
            errno: None,
        }],
    };
    let digest = LogDigest {
        entries: 0,
        by_priority: [0; 8],
        max_priority: 4,
        groups: Vec::new(),
        entries_not_grouped: 0,
        patterns: None,
        templates: None,
    };
    journal_of(snapshot).logs.get_or_insert(digest).groups.push(group);
}

/// A service that failed four minutes ago: its `ExecStart=` ended with this code and status.
pub(crate) fn failed_service(
    snapshot: &mut Snapshot,
    name: &str,
    result: &str,
    code: i32,
    status: i32,
) {
    let mut failed = unit(name, "failed", "failed");
    failed.times.as_mut().unwrap().inactive_enter_usec = Some(NOW_USEC - 240_000_000);
    add_unit(snapshot, failed);
    let start = ExecCommand {
        path: "/usr/bin/example".to_owned(),
        argv: vec!["/usr/bin/example".to_owned(), "--serve".to_owned()],
        ignore_failure: false,
        started: Some(ago(241)),
        exited: Some(ago(240)),
        pid: 4711,
        code,
        status,
    };
    let service = ServiceDetail {
        service_type: Some("simple".to_owned()),
        exec_main_code: Some(code),
        exec_main_status: Some(status),
        exec: BTreeMap::from([("ExecStart".to_owned(), vec![start])]),
        ..ServiceDetail::default()
    };
    let detail = UnitDetail {
        names: vec![name.into()],
        result: Some(result.to_owned()),
        state_change: Some(ago(240)),
        need_daemon_reload: Some(false),
        service: Some(service),
        ..UnitDetail::default()
    };
    systemd_of(snapshot).details.insert(name.into(), detail);
}

/// Adds a file that the unit cannot start without, to be changed.
pub(crate) fn needs_file<'a>(
    snapshot: &'a mut Snapshot,
    name: &str,
    setting: &str,
    path: &str,
    state: FileState,
) -> &'a mut FileFact {
    let detail = systemd_of(snapshot).details.entry(name.into()).or_default();
    detail.files.push(FileFact {
        path: path.to_owned(),
        setting: setting.to_owned(),
        interpreter_of: None,
        leads_to: None,
        state: Some(state),
    });
    detail.files.last_mut().unwrap()
}

/// Adds a dependency to the properties of a unit, which are made if it had none.
pub(crate) fn depends(snapshot: &mut Snapshot, name: &str, property: &str, other: &str) {
    let detail = systemd_of(snapshot).details.entry(name.into()).or_default();
    detail.dependencies.entry(property.to_owned()).or_default().push(other.into());
}

/// A timer that elapses in a minute and did so a minute ago.
pub(crate) fn timer(service: &str) -> TimerState {
    TimerState {
        result: Some("success".to_owned()),
        unit: Some(service.into()),
        last_trigger: Some(ago(60)),
        next_elapse: None,
        next_elapse_monotonic_usec: Some(NOW_USEC + 60_000_000),
        accuracy_usec: Some(60_000_000),
        randomized_delay_usec: Some(0),
    }
}

/// What `run` says about a host.
pub(crate) fn assessed(snapshot: &Snapshot) -> Report {
    crate::assess(snapshot, &Probe::Known(Past::default()), &Settings::default(), &Scope::run())
}

/// A hit of a pattern about `sda` of so many seconds ago.
pub(crate) fn logged(
    snapshot: &mut Snapshot,
    pattern: &str,
    severity: Severity,
    seconds: u64,
    count: u64,
) {
    kernel_line(snapshot, seconds, "I/O error, dev sda");
    let Some(logs) = &mut journal_of(snapshot).logs else { return };
    let examples = logs.groups.pop().map(|group| group.examples).unwrap_or_default();
    logs.patterns.get_or_insert_default().hits.push(PatternHit {
        pattern: pattern.to_owned(),
        title: "Reads or writes of a disk failed".to_owned(),
        severity,
        key: "sda".to_owned(),
        count,
        sum: None,
        first: ago(seconds),
        last: ago(seconds),
        peak_per_minute: count,
        burst_at: None,
        recovered_at: None,
        units: Vec::new(),
        details: BTreeMap::new(),
        frames: Vec::new(),
        oom: None,
        examples,
    });
}

/// The message that [`logged`] added last, to be changed.
pub(crate) fn hit_of(snapshot: &mut Snapshot) -> &mut PatternHit {
    let logs = journal_of(snapshot).logs.as_mut().unwrap();
    logs.patterns.as_mut().unwrap().hits.last_mut().unwrap()
}

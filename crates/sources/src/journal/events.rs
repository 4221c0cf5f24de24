//! What systemd itself logged about units, by message id.
//!
//! Anyone may send a message with any `MESSAGE_ID` and `UNIT=`. Believed are entries of PID 1
//! (`_PID=1`, `_UID=0`, over the journal's own protocol), fields that journald sets from the
//! sender's credentials and that no sender can set; what root, or a process within the unit itself,
//! tells of a process that could not be started (PID 1 has forked by then); and core dumps of which root or the service
//! `systemd-coredump@` tells (it gives up root before it logs, its unit is set by journald, too).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Instant;

use sysdiag_model::snapshot::{UnitEvent, UnitEventKind};
use sysdiag_model::{Gap, Timestamp, UnitName, Why};

use super::line::{cut, lossy};
use super::messages::{
    COREDUMP, FAILURES, JOB_RESULTS_NOT_DONE, SPAWN_FAILED, UNIT_RELOADED, UNIT_RESTART_SCHEDULED,
    UNIT_STARTED, UNIT_STOPPED,
};
use super::reader::{Entry, Faults, Match, Reader, Select};

/// Newest events of one kind kept of one unit; scheduled restarts are all kept.
const PER_UNIT: u32 = 16;
/// Entries of one kind that are read at most, newest first.
const PER_KIND: usize = 1000;
/// Scheduled restarts that are read at most, newest first.
const RESTARTS: usize = 2000;
/// Units whose start failed that are looked up once more: whether they were started after all.
const STARTED_LATER: usize = 200;
/// Longest field kept, in bytes; a unit's name has at most 255.
const MAX_FIELD: usize = 256;

/// The events of the boot, oldest first: restarts since `restarts_since`, failures of all of it.
pub(super) fn read(
    reader: &Reader,
    boot_id: &str,
    restarts_since: Timestamp,
    deadline: Instant,
) -> (Vec<UnitEvent>, Vec<Gap>) {
    let mut search = Search {
        reader,
        boot_id,
        deadline,
        events: Vec::new(),
        faults: Faults::default(),
        cut_at: None,
    };
    for (id, kind) in FAILURES {
        search.of_pid_1(kind, id, &[], PER_KIND, None);
    }
    for (id, kind) in [
        (UNIT_STARTED, UnitEventKind::Started),
        (UNIT_STOPPED, UnitEventKind::Stopped),
        (UNIT_RELOADED, UnitEventKind::Reloaded),
    ] {
        search.of_pid_1(kind, id, &JOB_RESULTS_NOT_DONE, PER_KIND, None);
    }
    let since = Some(restarts_since);
    search.of_pid_1(UnitEventKind::RestartScheduled, UNIT_RESTART_SCHEDULED, &[], RESTARTS, since);
    search.not_spawned();
    search.core_dumps();
    search.started_later();
    search.finish()
}

struct Search<'a> {
    reader: &'a Reader,
    boot_id: &'a str,
    deadline: Instant,
    events: Vec<UnitEvent>,
    faults: Faults,
    /// There were more than are read: what is older than this was left out.
    cut_at: Option<Timestamp>,
}

impl<'a> Search<'a> {
    /// Messages `id` of PID 1, if `results` are given only with one of these job results.
    fn of_pid_1(
        &mut self,
        kind: UnitEventKind,
        id: &'a str,
        results: &[&'a str],
        most: usize,
        since: Option<Timestamp>,
    ) {
        let select = Select {
            all: vec![("_BOOT_ID", self.boot_id), ("MESSAGE_ID", id), ("_PID", "1")],
            any: results.iter().map(|result| vec![("JOB_RESULT", *result)]).collect(),
            since,
            until: None,
        };
        let per_unit = if kind == UnitEventKind::RestartScheduled { u32::MAX } else { PER_UNIT };
        self.run(&select, kind, most, per_unit, |entry| {
            entry.is("_UID", "0") && entry.is("_TRANSPORT", "journal")
        });
    }

    fn not_spawned(&mut self) {
        let all = vec![("_BOOT_ID", self.boot_id), ("MESSAGE_ID", SPAWN_FAILED)];
        let select = Select { all, ..Select::default() };
        self.run(&select, UnitEventKind::SpawnFailed, PER_KIND, PER_UNIT, |entry| {
            // Less than an error: one whose failure is ignored, or said again as an error.
            entry.is("PRIORITY", "3")
                && (entry.is("_UID", "0")
                    || entry.text("UNIT").is_some_and(|unit| entry.is("_SYSTEMD_UNIT", unit)))
        });
    }

    /// Of units whose start job failed, the start that went well since: systemd may have unloaded
    /// them again, so that nothing else tells.
    fn started_later(&mut self) {
        let mut failed: HashMap<UnitName, Timestamp> = HashMap::new();
        for event in &self.events {
            if event.kind == UnitEventKind::StartFailed {
                let last = failed.entry(event.unit.clone()).or_insert(event.time);
                *last = (*last).max(event.time);
            }
        }
        let mut failed: Vec<(UnitName, Timestamp)> = failed.into_iter().collect();
        failed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (unit, since) in failed.iter().take(STARTED_LATER) {
            let select = Select {
                all: vec![
                    ("_BOOT_ID", self.boot_id),
                    ("MESSAGE_ID", UNIT_STARTED),
                    ("UNIT", unit.as_str()),
                    ("_PID", "1"),
                    ("JOB_RESULT", "done"),
                ],
                since: Some(*since),
                ..Select::default()
            };
            let events = &mut self.events;
            self.reader.newest_first(&select, self.deadline, &mut self.faults, |entry| {
                if !entry.is("_UID", "0") || !entry.is("_TRANSPORT", "journal") {
                    return ControlFlow::Continue(());
                }
                events.extend(event(entry, UnitEventKind::Started));
                ControlFlow::Break(())
            });
        }
    }

    fn core_dumps(&mut self) {
        let all: Vec<Match<'_>> = vec![("_BOOT_ID", self.boot_id), ("MESSAGE_ID", COREDUMP)];
        let select = Select { all, ..Select::default() };
        self.run(&select, UnitEventKind::CoreDump, PER_KIND, PER_UNIT, tells_of_core_dumps);
    }

    fn run(
        &mut self,
        select: &Select<'_>,
        kind: UnitEventKind,
        most: usize,
        per_unit: u32,
        believed: impl Fn(&Entry<'_>) -> bool,
    ) {
        let (mut read, mut of_unit) = (0, HashMap::<UnitName, u32>::new());
        let (events, cut_at) = (&mut self.events, &mut self.cut_at);
        self.reader.newest_first(select, self.deadline, &mut self.faults, |entry| {
            read += 1;
            if read > most {
                *cut_at = (*cut_at).max(Some(entry.received()));
                return ControlFlow::Break(());
            }
            if let Some(event) = believed(entry).then(|| event(entry, kind)).flatten() {
                let seen = of_unit.entry(event.unit.clone()).or_default();
                *seen += 1;
                if *seen <= per_unit {
                    events.push(event);
                }
            }
            ControlFlow::Continue(())
        });
    }

    fn finish(mut self) -> (Vec<UnitEvent>, Vec<Gap>) {
        // Stable: of one moment, those of one kind stay in the journal's order.
        self.events.reverse();
        self.events.sort_by_key(|event| event.time);
        let mut gaps = self.faults.into_gaps("unit events in the journal");
        if let Some(time) = self.cut_at {
            gaps.push(Gap::new(
                format!("unit events before {time}"),
                Why::Disabled,
                format!("only the newest {PER_KIND} of a kind and {RESTARTS} restarts are read"),
            ));
        }
        (self.events, gaps)
    }
}

/// Whether this entry comes from systemd-coredump: see the head of this module.
pub(super) fn tells_of_core_dumps(entry: &Entry<'_>) -> bool {
    entry.is("_UID", "0")
        || entry.text("_SYSTEMD_UNIT").is_some_and(|unit| unit.starts_with("systemd-coredump@"))
}

/// None: it names no unit.
fn event(entry: &Entry<'_>, kind: UnitEventKind) -> Option<UnitEvent> {
    let field = |name| entry.bytes(name).map(|value| cut(&lossy(value, MAX_FIELD), MAX_FIELD));
    let (unit, exit_status) = if kind == UnitEventKind::CoreDump {
        ("COREDUMP_UNIT", "COREDUMP_SIGNAL")
    } else {
        ("UNIT", "EXIT_STATUS")
    };
    Some(UnitEvent {
        unit: UnitName::new(field(unit)?),
        kind,
        time: entry.time(),
        job_type: field("JOB_TYPE"),
        job_result: field("JOB_RESULT"),
        unit_result: field("UNIT_RESULT"),
        exit_code: field("EXIT_CODE"),
        exit_status: field(exit_status),
        command: field("COMMAND"),
        errno: entry.text("ERRNO").and_then(|errno| errno.parse().ok()),
        executable: field("EXECUTABLE").filter(|_| kind == UnitEventKind::SpawnFailed),
        n_restarts: entry.text("N_RESTARTS").and_then(|count| count.parse().ok()),
        invocation_id: field("INVOCATION_ID"),
        cursor: Some(entry.cursor()),
    })
}

//! What was traced, as the report has it: signals by name, rates, and nothing that was not seen.

#[cfg(test)]
mod any;
pub(crate) mod ends;
pub(crate) mod who;

use sysdiag_model::report::{EbpfAnalysis, EbpfEnding, EbpfExec, EbpfExit, EbpfSignal, EbpfUnit};
use sysdiag_model::snapshot::{
    ProcessEnd, RepeatedEnding, Trace, TraceOmitted, TracedExec, TracedExit, TracedSignal,
    UnitActivity,
};
use sysdiag_model::{Gap, Snapshot, Why, signal_name};

/// Events of a kind, and units, that a report has; a capture may have any number.
const MOST_EVENTS: usize = 2_000;
const MOST_UNITS: usize = 1_000;
/// A rate over a shorter time than this says nothing.
const LEAST_USEC: u64 = 100_000;

/// The section `ebpf_analysis`. None: nothing was traced.
pub(crate) fn analyze(snapshot: &Snapshot) -> Option<EbpfAnalysis> {
    let trace = snapshot.trace.value()?;
    let counts = trace.totals;
    Some(EbpfAnalysis {
        started: trace.started,
        ended: trace.ended,
        duration_usec: trace.duration_usec,
        forks: counts.forks,
        execs: counts.execs,
        exits: counts.exits,
        failures: counts.failures,
        killed: counts.killed,
        short_lived: counts.short_lived,
        lost: trace.lost.total(),
        lost_by_kind: trace.lost,
        exec_events: trace.execs.iter().take(MOST_EVENTS).map(exec).collect(),
        exit_events: trace.exits.iter().take(MOST_EVENTS).map(exit).collect(),
        per_unit: trace.units.iter().take(MOST_UNITS).map(|unit| activity(trace, unit)).collect(),
        omitted: omitted(trace),
    })
}

/// That events were lost, for the list of what is not known.
pub(crate) fn lost(snapshot: &Snapshot) -> Option<Gap> {
    let lost = snapshot.trace.value().map(|trace| trace.lost.total()).filter(|lost| *lost > 0)?;
    let what = crate::amount::count(lost, "process event", "process events");
    let hint =
        "lost, since they came faster than they could be read: counts are at least what they say";
    Some(Gap::new(what, Why::Absent, hint))
}

/// Events in a second. None: the time is too short to tell.
pub(crate) fn per_second(events: u64, duration_usec: u64) -> Option<f64> {
    (duration_usec >= LEAST_USEC).then(|| events as f64 * 1e6 / duration_usec as f64)
}

/// `SIGKILL`; of a number that has no name, the number.
pub(crate) fn signal(number: u8) -> String {
    signal_name(number.into()).unwrap_or_else(|| format!("signal {number}"))
}

fn omitted(trace: &Trace) -> TraceOmitted {
    let more = |all: usize, most: usize| all.saturating_sub(most) as u64;
    let left_out = trace.units.iter().skip(MOST_UNITS).map(|unit| {
        let counts = unit.counts;
        counts.forks.saturating_add(counts.execs).saturating_add(counts.exits)
    });
    let TraceOmitted { execs, exits, unit_events } = trace.omitted;
    TraceOmitted {
        execs: execs.saturating_add(more(trace.execs.len(), MOST_EVENTS)),
        exits: exits.saturating_add(more(trace.exits.len(), MOST_EVENTS)),
        unit_events: left_out.fold(unit_events, u64::saturating_add),
    }
}

fn activity(trace: &Trace, unit: &UnitActivity) -> EbpfUnit {
    let counts = unit.counts;
    EbpfUnit {
        unit: unit.unit.clone(),
        forks: counts.forks,
        execs: counts.execs,
        exits: counts.exits,
        failures: counts.failures,
        killed: counts.killed,
        short_lived: counts.short_lived,
        forks_per_second: per_second(counts.forks, trace.duration_usec),
        execs_per_second: per_second(counts.execs, trace.duration_usec),
        programs: unit.programs.clone(),
        programs_omitted: unit.programs_omitted,
        endings: unit.endings.iter().map(ending).collect(),
        endings_omitted: unit.endings_omitted,
    }
}

/// Exit status, signal, core dump.
fn parts(end: ProcessEnd) -> (Option<u8>, Option<String>, bool) {
    match end {
        ProcessEnd::Exited { status } => (Some(status), None, false),
        ProcessEnd::Killed { signal: number, core } => (None, Some(signal(number)), core),
    }
}

fn ending(ending: &RepeatedEnding) -> EbpfEnding {
    let (exit_status, signal, core_dumped) = parts(ending.end);
    EbpfEnding {
        command: ending.command.clone(),
        exit_status,
        signal,
        core_dumped,
        count: ending.count,
        first: ending.first,
        last: ending.last,
    }
}

/// As a report tells it.
pub fn exec(event: &TracedExec) -> EbpfExec {
    let (process, program) = (&event.process, &event.program);
    EbpfExec {
        time: event.time,
        pid: process.pid,
        ppid: process.parent,
        uid: process.uid,
        unit: process.unit.clone(),
        cgroup_path: process.cgroup.clone(),
        command: process.command.clone(),
        file: program.file.clone(),
        interpreter: program.interpreter.clone(),
        arguments: program.arguments.clone(),
        arguments_cut: program.arguments_cut,
        deleted: event.deleted,
        writable_by_all: event.writable_by_all,
        folder_writable_by_all: event.folder_writable_by_all,
    }
}

/// As a report tells it.
pub fn exit(event: &TracedExit) -> EbpfExit {
    let (process, program) = (&event.process, event.program.as_ref());
    let (exit_status, signal, core_dumped) = parts(event.end);
    EbpfExit {
        time: event.time,
        pid: process.pid,
        ppid: process.parent,
        uid: process.uid,
        unit: process.unit.clone(),
        cgroup_path: process.cgroup.clone(),
        command: process.command.clone(),
        file: program.map(|program| program.file.clone()),
        arguments: program.and_then(|program| program.arguments.clone()),
        arguments_cut: program.is_some_and(|program| program.arguments_cut),
        never_execed: event.never_execed,
        duration_usec: event.lifetime_usec,
        exit_status,
        signal,
        core_dumped,
        oom_victim: event.oom_victim,
        peak_rss_bytes: event.peak_rss.bytes,
        peak_rss_at_most: event.peak_rss.at_most,
        sent: event.signal.as_ref().map(sent),
    }
}

fn sent(event: &TracedSignal) -> EbpfSignal {
    let sender = &event.sender;
    EbpfSignal {
        time: event.time,
        signal: signal(event.number),
        by_kernel: event.by_kernel,
        pid: sender.pid,
        uid: sender.uid,
        command: sender.command.clone(),
        unit: sender.unit.clone(),
        cgroup_path: sender.cgroup.clone(),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Probe;

    use super::*;
    use crate::testing::healthy;
    use crate::testing_trace::{activity, ended, killed, trace_of};
    use crate::{Past, Scope, Settings, assess};

    fn assessed(snapshot: &Snapshot, trace: bool) -> sysdiag_model::Report {
        let scope = Scope { trace, ..Scope::run() };
        assess(snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope)
    }

    #[test]
    fn signals_have_names_and_counts_a_rate() {
        let mut snapshot = healthy();
        activity(&mut snapshot, "a.service").counts.execs = 50;
        ended(&mut snapshot, "a.service", "sh", ProcessEnd::Exited { status: 3 });
        killed(&mut snapshot, "a.service", 9, "b.service", "pkill");
        let section = assessed(&snapshot, true).ebpf_analysis.unwrap();
        assert_eq!(section.per_unit[0].execs_per_second, Some(10.0));
        assert_eq!(section.exit_events[0].exit_status, Some(3));
        assert_eq!(section.exit_events[0].signal, None);
        let killed = &section.exit_events[1];
        assert_eq!((killed.exit_status, killed.signal.as_deref()), (None, Some("SIGKILL")));
        let sent = killed.sent.as_ref().unwrap();
        assert_eq!((sent.signal.as_str(), sent.command.as_str()), ("SIGKILL", "pkill"));
    }

    #[test]
    fn only_who_asks_for_a_trace_hears_of_it() {
        let mut snapshot = healthy();
        let not_asked = assessed(&snapshot, false);
        assert!(
            not_asked.ebpf_analysis.is_none()
                && not_asked.not_assessed.iter().all(|gap| gap.what != "process events")
        );
        let asked = assessed(&snapshot, true);
        assert!(asked.ebpf_analysis.is_none());
        assert!(asked.not_assessed.iter().any(|gap| gap.what == "process events"));
        trace_of(&mut snapshot);
        assert!(assessed(&snapshot, false).ebpf_analysis.is_none());
        assert!(assessed(&snapshot, true).ebpf_analysis.is_some());
    }

    #[test]
    fn what_was_lost_is_told() {
        let mut snapshot = healthy();
        trace_of(&mut snapshot).lost.exits = 7;
        let report = assessed(&snapshot, true);
        assert_eq!(report.ebpf_analysis.unwrap().lost, 7);
        assert!(report.not_assessed.iter().any(|gap| gap.what == "7 process events"));
        trace_of(&mut snapshot).lost.exits = 0;
        assert!(lost(&snapshot).is_none());
    }

    #[test]
    fn a_capture_with_any_number_of_events_makes_a_report_of_a_bounded_one() {
        let mut snapshot = healthy();
        ended(&mut snapshot, "a.service", "sh", ProcessEnd::Exited { status: 3 });
        let exits = &mut trace_of(&mut snapshot).exits;
        let one = exits[0].clone();
        exits.resize(MOST_EVENTS + 5, one);
        let section = analyze(&snapshot).unwrap();
        assert_eq!((section.exit_events.len(), section.omitted.exits), (MOST_EVENTS, 5));
    }

    #[test]
    fn a_moment_has_no_rate() {
        assert_eq!(per_second(7, 0), None);
        assert_eq!(per_second(7, 2_000_000), Some(3.5));
    }
}

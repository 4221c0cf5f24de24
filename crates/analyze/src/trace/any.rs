//! Whatever a trace says, the report of it is whole: a capture is untrusted input.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sysdiag_model::snapshot::{
    ProcessEnd, ProgramActivity, RepeatedEnding, Snapshot, TraceCounts, TracedExit, UnitActivity,
};
use sysdiag_model::{Probe, Report, Timestamp, UnitName};

use crate::testing::{healthy, systemd_of};
use crate::testing_events::failed_service;
use crate::testing_trace::{ended, killed, program, ran, trace_of};
use crate::{Past, Scope, Settings, assess};

const UNITS: [&str; 6] =
    ["nginx.service", "a.service", "session-3.scope", "init.scope", "", "\u{1b}[31m\0.service"];
const NAMES: [&str; 6] = ["sh", "grep", "runc:[2:INIT]", "", "/", "\u{202e}\n"];
const FILES: [&str; 7] =
    ["/bin/sh", "/proc/self/exe", "/proc/self/fd/3", "/tmp/x", "", "x", "/opt/run"];

fn end() -> impl Strategy<Value = ProcessEnd> {
    prop_oneof![
        any::<u8>().prop_map(|status| ProcessEnd::Exited { status }),
        prop::sample::select(vec![0_u8, 126, 127, 203])
            .prop_map(|status| ProcessEnd::Exited { status }),
        (any::<u8>(), any::<bool>()).prop_map(|(signal, core)| ProcessEnd::Killed { signal, core }),
    ]
}

/// A number that is small, or as large as it can be.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_u64, Just(u64::MAX), any::<u64>()]
}

prop_compose! {
    fn activity()(
        unit in prop::option::of(0..UNITS.len()),
        numbers in prop::array::uniform6(number()),
        endings in prop::collection::vec((0..NAMES.len(), end(), number(), number()), 0..4),
        file in 0..FILES.len(),
    ) -> UnitActivity {
        let [forks, execs, exits, failures, killed, short_lived] = numbers;
        let ending = |(name, end, count, time): (usize, ProcessEnd, u64, u64)| RepeatedEnding {
            command: NAMES[name].to_owned(),
            end,
            count,
            first: Timestamp::from_usec(time),
            last: Timestamp::from_usec(count),
        };
        UnitActivity {
            unit: unit.map(|unit| UNITS[unit].into()),
            counts: TraceCounts { forks, execs, exits, failures, killed, short_lived },
            programs: vec![ProgramActivity { file: FILES[file].to_owned(), execs }],
            programs_omitted: forks,
            endings: endings.into_iter().map(ending).collect(),
            endings_omitted: exits,
        }
    }
}

type Ended = (usize, usize, ProcessEnd, (usize, usize, u8, bool), (u32, u64, bool, usize));

fn exit() -> impl Strategy<Value = Ended> {
    (
        0..UNITS.len(),
        0..NAMES.len(),
        end(),
        (0..UNITS.len(), 0..NAMES.len(), any::<u8>(), any::<bool>()),
        (0..5_u32, number(), any::<bool>(), 0..FILES.len()),
    )
}

fn add(snapshot: &mut Snapshot, (unit, name, end, sent, rest): Ended) {
    let (by, command, signal, by_kernel) = sent;
    let (pid, time, never_execed, file) = rest;
    let exit: &mut TracedExit = if by_kernel == never_execed {
        killed(snapshot, UNITS[unit], signal, UNITS[by], NAMES[command])
    } else {
        ended(snapshot, UNITS[unit], NAMES[name], end)
    };
    exit.process.pid = pid;
    exit.lifetime_usec = time;
    exit.never_execed = never_execed;
    if file % 2 == 0 {
        exit.time = Timestamp::from_usec(time);
        exit.program = Some(program(&[FILES[file], "-c", FILES[file]]));
    }
    if let Some(sent) = &mut exit.signal {
        sent.by_kernel = by_kernel;
        sent.time = Timestamp::from_usec(time);
        if file == 0 {
            (sent.sender.unit, sent.sender.cgroup) = (None, None);
        }
    }
    if file == 1 {
        exit.process.unit = None::<UnitName>;
    }
}

fn report(snapshot: &Snapshot) -> Report {
    let scope = Scope { trace: true, ..Scope::run() };
    assess(snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_report_is_whole_and_the_same_again(
        units in prop::collection::vec(activity(), 0..6),
        exits in prop::collection::vec(exit(), 0..12),
        execs in prop::collection::vec((0..UNITS.len(), 0..FILES.len(), any::<[bool; 3]>()), 0..6),
        (duration, code, status) in (number(), 1..4_i32, 0..256_i32),
    ) {
        let mut snapshot = healthy();
        let result = if code == 1 { "exit-code" } else { "signal" };
        failed_service(&mut snapshot, "a.service", result, code, status);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap().exec_main_pid = Some(3);
        for (unit, file, [deleted, file_writable, folder]) in execs {
            let exec = ran(&mut snapshot, UNITS[unit], FILES[file]);
            exec.deleted = deleted;
            exec.writable_by_all = file_writable;
            exec.folder_writable_by_all = folder;
        }
        for event in exits {
            add(&mut snapshot, event);
        }
        let trace = trace_of(&mut snapshot);
        (trace.units, trace.duration_usec) = (units, duration);
        let found = report(&snapshot);
        let mut seen = BTreeSet::new();
        for finding in &found.findings {
            prop_assert!(finding.cause.as_ref().is_none_or(|cause| seen.contains(cause)));
            prop_assert!(seen.insert(finding.key.clone()), "{} twice", finding.key);
            prop_assert!(!finding.evidence.is_empty() && !finding.title.is_empty());
        }
        let text = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Report>(&text).unwrap(), &found);
        prop_assert_eq!(&report(&snapshot), &found);
    }
}

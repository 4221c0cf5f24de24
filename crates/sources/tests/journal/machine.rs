//! What only a machine with a kernel of its own logs: OOM kills, core dumps, kernel messages.

use std::time::Duration;

use sysdiag_model::snapshot::UnitEventKind as Kind;
use sysdiag_model::{UnitName, Why};
use sysdiag_sources::LogOptions;

use crate::fixture::{Entry, Fixture, MACHINE};

#[test]
fn a_core_dump_is_told_of_by_systemd_coredump() {
    let fixture = Fixture::unpack(MACHINE);
    let source = fixture.open(fixture.boots[0]);
    let (events, gaps) = source.unit_events(Duration::from_mins(10));
    assert_eq!(gaps, []);
    let dumps: Vec<_> = events.iter().filter(|event| event.kind == Kind::CoreDump).collect();
    let [dump] = dumps.as_slice() else { panic!("{dumps:?}") };
    assert_eq!(dump.unit.as_str(), "e2e-segv.service");
    assert_eq!(dump.exit_status.as_deref(), Some("11"));
    let entry = fixture.entries.iter().find(|entry| entry.is("COREDUMP_SIGNAL", "11")).unwrap();
    // It had given up root: the unit it ran in is what it is believed for.
    assert!(!entry.is("_UID", "0"));
    assert_eq!(dump.cursor, Some(entry.cursor()));
    let unit = UnitName::new("e2e-segv.service");
    let (lines, _) = source.recent(&[unit], 20);
    let message = entry.text("MESSAGE").unwrap();
    assert!(lines[0].1.iter().any(|line| message.starts_with(&line.message)), "{lines:?}");
}

#[test]
fn an_oom_kill_is_an_event_of_its_unit() {
    let fixture = Fixture::unpack(MACHINE);
    let (events, _) = fixture.open(fixture.boots[0]).unit_events(Duration::from_mins(10));
    let of_unit: Vec<_> = events
        .iter()
        .filter(|event| event.unit.as_str() == "e2e-oom.service")
        .map(|event| event.kind)
        .collect();
    assert!(of_unit.contains(&Kind::OutOfMemory), "{of_unit:?}");
    let result = events
        .iter()
        .find(|event| event.kind == Kind::Failed && event.unit.as_str() == "e2e-oom.service");
    assert_eq!(result.unwrap().unit_result.as_deref(), Some("oom-kill"));
}

#[test]
fn the_kernels_faults_are_grouped_at_any_priority_its_greetings_are_not() {
    let fixture = Fixture::unpack(MACHINE);
    let options = LogOptions { max_priority: 4, ..LogOptions::default() };
    let (logs, gaps) = fixture.open(fixture.boots[0]).logs(&options).unwrap();
    let of_kernel = |wording: &str| {
        let group = logs.digest.groups.iter().find(|group| group.wording.starts_with(wording));
        let group = group.unwrap_or_else(|| panic!("no {wording}: {:#?}", logs.digest.groups));
        assert_eq!(group.transport.as_deref(), Some("kernel"));
        (group.priority, group.count)
    };
    assert_eq!(of_kernel("perl[#]: segfault at # ip # sp # error #"), (6, 1));
    assert_eq!(of_kernel("oom-kill:constraint=CONSTRAINT_MEMCG"), (6, 1));
    assert_eq!(of_kernel("Memory cgroup out of memory: Killed process #"), (3, 1));
    assert!(!logs.digest.groups.iter().any(|group| group.wording.starts_with("Linux version")));
    let greetings = |entry: &&Entry| {
        entry.is("_TRANSPORT", "kernel")
            && entry.text("MESSAGE").is_some_and(|text| text.starts_with("Linux version"))
    };
    assert_eq!(fixture.entries.iter().filter(greetings).count(), 1);
    // Every entry is counted, also the one whose message is too long to be read.
    assert_eq!(logs.digest.entries, fixture.entries.len() as u64);
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert_eq!((gap.what.as_str(), gap.why), ("1 long value in the journal", Why::NotSupported));
    let urgent = fixture.entries.iter().filter(|entry| entry.priority().is_some_and(|p| p <= 4));
    let grouped: u64 = logs
        .digest
        .groups
        .iter()
        .filter(|group| group.priority <= 4)
        .map(|group| group.count)
        .sum();
    assert_eq!(grouped + 1, urgent.count() as u64);
}

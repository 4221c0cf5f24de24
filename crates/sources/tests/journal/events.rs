//! Unit events: the ones systemd logged, none that another logged in its name.

use std::collections::BTreeMap;
use std::time::Duration;

use sysdiag_model::snapshot::UnitEventKind as Kind;

use crate::fixture::{Entry, Fixture, SUITES};

/// The kind of event that an entry is, by the rules that the model states.
fn kind(entry: &Entry) -> Option<Kind> {
    let kind = match entry.text("MESSAGE_ID")?.as_str() {
        "be02cf6855d2428ba40df7e9d022f03d" => Kind::StartFailed,
        "d9b373ed55a64feb8242e02dbe79a49c" => Kind::Failed,
        "98e322203f7a4ed290d09fe03c09fe15" => Kind::ProcessExit,
        "5eb03494b6584870a536b337290809b3" => Kind::RestartScheduled,
        _ => return None,
    };
    let of_manager = entry.is("_PID", "1") && entry.is("_TRANSPORT", "journal");
    of_manager.then_some(kind)
}

#[test]
fn every_event_of_the_manager_is_there_and_no_other() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        for &boot in &fixture.boots {
            let (events, gaps) = fixture.open(boot).unit_events(Duration::from_hours(24));
            assert_eq!(gaps, [], "{suite}");
            // Oldest first: the last 16 of a kind of each unit are kept, all restarts.
            let mut of_unit = BTreeMap::<_, Vec<_>>::new();
            for entry in fixture.of(boot) {
                let Some(kind) = kind(entry) else { continue };
                let key = (entry.text("UNIT").unwrap(), kind);
                of_unit.entry(key).or_default().push(entry);
            }
            let mut expected = Vec::new();
            for ((unit, kind), entries) in &of_unit {
                let most = if *kind == Kind::RestartScheduled { usize::MAX } else { 16 };
                for entry in entries.iter().rev().take(most) {
                    expected.push((
                        entry.time(),
                        unit.clone(),
                        *kind,
                        entry.text("JOB_RESULT"),
                        entry.text("UNIT_RESULT"),
                        entry.text("EXIT_STATUS"),
                        entry.text("N_RESTARTS"),
                        entry.cursor(),
                    ));
                }
            }
            let mut found: Vec<_> = events
                .iter()
                .map(|event| {
                    (
                        event.time,
                        event.unit.as_str().to_owned(),
                        event.kind,
                        event.job_result.clone(),
                        event.unit_result.clone(),
                        event.exit_status.clone(),
                        event.n_restarts.map(|count| count.to_string()),
                        event.cursor.clone().unwrap(),
                    )
                })
                .collect();
            assert!(found.is_sorted_by_key(|event| event.0), "{suite}");
            expected.sort();
            found.sort();
            assert!(!expected.is_empty());
            assert_eq!(found, expected, "{suite} {boot}");
        }
    }
}

#[test]
fn planted_faults_are_seen_forged_ones_are_not() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let (events, _) = fixture.open(fixture.boots[0]).unit_events(Duration::from_hours(24));
        let has =
            |unit: &str, kind| events.iter().any(|event| event.unit == *unit && event.kind == kind);
        for (unit, kind) in [
            ("e2e-failed.service", Kind::Failed),
            ("e2e-failed.service", Kind::ProcessExit),
            ("e2e-failed.service", Kind::StartFailed),
            ("e2e-flap.service", Kind::RestartScheduled),
            ("e2e-segv.service", Kind::Failed),
            ("e2e-badsock.socket", Kind::Failed),
            ("e2e-badtimer.service", Kind::Failed),
        ] {
            assert!(has(unit, kind), "{suite}: {unit} {kind:?}");
        }
        // It never started, because of its dependency: no other event tells of it.
        let dependency = events.iter().find(|event| event.unit == *"e2e-needs-failed.service");
        let dependency = dependency.unwrap();
        assert_eq!(dependency.kind, Kind::StartFailed);
        assert_eq!(dependency.job_result.as_deref(), Some("dependency"));
        // The fixture holds messages with systemd's ids about this unit, from a user and from root.
        assert!(fixture.entries.iter().any(|entry| entry.is("UNIT", "forged.service")));
        assert!(!events.iter().any(|event| event.unit == *"forged.service"), "{suite}");
    }
}

#[test]
fn restarts_before_the_window_are_left_out() {
    let fixture = Fixture::unpack("bookworm");
    let source = fixture.open(fixture.boots[0]);
    let window = Duration::from_secs(2);
    let (events, _) = source.unit_events(window);
    let last = fixture.of(fixture.boots[0]).map(Entry::received).max().unwrap();
    let since = last.minus_usec(2_000_000);
    let restarts = |entry: &&Entry| kind(entry) == Some(Kind::RestartScheduled);
    let all = fixture.of(fixture.boots[0]).filter(restarts).count();
    let within = fixture
        .of(fixture.boots[0])
        .filter(restarts)
        .filter(|entry| entry.received() >= since)
        .count();
    assert!(within > 0 && within < all);
    let found = events.iter().filter(|event| event.kind == Kind::RestartScheduled).count();
    assert_eq!(found, within);
}

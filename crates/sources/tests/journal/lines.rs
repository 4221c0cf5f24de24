//! The last lines of units, as `journalctl -u` prints them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sysdiag_model::UnitName;
use sysdiag_model::snapshot::LogLine;

use crate::fixture::{Fixture, SUITES, recorded};

/// What `journalctl -b -1 -u UNIT -n 5` printed: cursors by unit.
fn printed(suite: &str) -> BTreeMap<UnitName, Vec<String>> {
    let text = fs::read_to_string(recorded(suite).join("last-lines.json")).unwrap();
    let mut units = BTreeMap::<UnitName, Vec<String>>::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let unit = UnitName::new(line["unit"].as_str().unwrap());
        units.entry(unit).or_default().push(line["cursor"].as_str().unwrap().to_owned());
    }
    units
}

fn cursors(lines: &[(UnitName, Vec<LogLine>)]) -> BTreeMap<UnitName, Vec<String>> {
    let of_unit = |lines: &[LogLine]| {
        lines.iter().map(|line| line.cursor.clone().unwrap()).collect::<Vec<_>>()
    };
    lines.iter().map(|(unit, lines)| (unit.clone(), of_unit(lines))).collect()
}

#[test]
fn they_are_those_that_journalctl_prints() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let source = fixture.open(fixture.boots[0]);
        let expected = printed(suite);
        assert_eq!(expected.len(), 5);
        // One by one: a search for each.
        for (unit, cursor) in &expected {
            let (lines, gaps) = source.recent(std::slice::from_ref(unit), 5);
            assert_eq!(gaps, []);
            assert_eq!(cursors(&lines)[unit], *cursor, "{suite} {unit}");
        }
        // Among so many that all entries are gone through once.
        let mut units: Vec<UnitName> = expected.keys().cloned().collect();
        units.extend((0..500).map(|n| UnitName::new(format!("none-{n}.service"))));
        let (lines, gaps) = source.recent(&units, 5);
        assert_eq!(gaps, []);
        let mut found = cursors(&lines);
        assert_eq!(found.len(), units.len());
        found.retain(|_, lines| !lines.is_empty());
        assert_eq!(found, expected, "{suite}");
    }
}

#[test]
fn what_a_unit_logged_in_an_earlier_boot_is_found() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let source = fixture.open(fixture.boots[1]);
        let unit = UnitName::new("e2e-odd.service");
        let (lines, _) = source.recent(std::slice::from_ref(&unit), 5);
        assert_eq!(lines[0].1, [], "{suite}: it did not run in this boot");
        let (earlier, gaps) = source.recent_of_any_boot(&unit, 5);
        assert_eq!(gaps, []);
        let earlier = [(unit.clone(), earlier)];
        assert_eq!(cursors(&earlier)[&unit], printed(suite)[&unit], "{suite}");
    }
}

#[test]
fn odd_lines_are_whole_bounded_and_masked() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let unit = UnitName::new("e2e-odd.service");
        let (lines, _) = fixture.open(fixture.boots[0]).recent(std::slice::from_ref(&unit), 100);
        let messages: Vec<&str> = lines[0].1.iter().map(|line| line.message.as_str()).collect();
        assert!(messages.contains(&"red \u{1b}[31m bell \u{7} back"), "{suite}: {messages:?}");
        assert!(messages.contains(&"not UTF-8: \u{fffd}\u{fffd}"), "{suite}: {messages:?}");
        assert!(!messages.iter().any(|text| text.contains("hunter2secret")), "{messages:?}");
        assert!(messages.iter().any(|text| text.contains("password=")), "{messages:?}");
        let long = messages.iter().find(|text| text.starts_with("xxxx")).unwrap();
        assert!(long.len() <= 2048 && long.ends_with('…'));
        let words = lines[0].1.iter().find(|line| line.message == "last words").unwrap();
        assert_eq!(words.level.as_deref(), Some("ERR"));
        assert_eq!(words.identifier.as_deref(), Some("sh"));
        assert!(words.pid.is_some());
        // From another user, with UNIT= and OBJECT_SYSTEMD_UNIT= of this one.
        assert!(fixture.entries.iter().any(|entry| entry.is("MESSAGE", "about another unit")));
        assert!(!messages.contains(&"about another unit"));
    }
}

#[test]
fn why_a_socket_could_not_listen_is_told_with_its_error_number() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let unit = UnitName::new("e2e-badsock.socket");
        let (lines, _) = fixture.open(fixture.boots[0]).recent(std::slice::from_ref(&unit), 100);
        // By the process that PID 1 had listen, not by PID 1.
        let told = lines[0].1.iter().find(|line| line.errno == Some(99)).unwrap();
        assert_eq!(told.identifier.as_deref(), Some("(sd-listen)"), "{suite}");
        assert_ne!(told.pid, Some(1), "{suite}");
        assert!(lines[0].1.iter().any(|line| line.errno.is_none()), "{suite}");
    }
}

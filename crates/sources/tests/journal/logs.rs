//! Messages in groups, and the boots of a journal.

use sysdiag_model::Timestamp;
use sysdiag_sources::journal::missing_boot;
use sysdiag_sources::{LogOptions, Options};

use crate::fixture::{Entry, Fixture, SUITES};

fn options(boot: i32) -> LogOptions {
    LogOptions { boot, max_priority: 4, ..LogOptions::default() }
}

fn by_priority<'a>(entries: impl Iterator<Item = &'a Entry>) -> [u64; 8] {
    let mut counts = [0; 8];
    for entry in entries {
        if let Some(priority) = entry.priority() {
            counts[usize::from(priority)] += 1;
        }
    }
    counts
}

#[test]
fn counts_are_those_of_journalctl() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let source = fixture.open(fixture.boots[1]);
        for (number, boot) in [(0, 1), (-1, 0), (1, 0), (2, 1)] {
            let boot = fixture.boots[boot];
            let (logs, gaps) = source.logs(&options(number)).unwrap();
            assert_eq!(gaps, []);
            assert_eq!(logs.boot_id, Some(boot), "{suite} {number}");
            assert_eq!(logs.digest.entries, fixture.of(boot).count() as u64, "{suite} {number}");
            assert_eq!(logs.digest.by_priority, by_priority(fixture.of(boot)), "{suite} {number}");
            let grouped: u64 = logs.digest.groups.iter().map(|group| group.count).sum();
            let urgent = fixture.of(boot).filter(|entry| entry.priority().is_some_and(|p| p <= 4));
            assert_eq!(grouped, urgent.count() as u64, "{suite} {number}");
            assert_eq!(logs.digest.entries_not_grouped, 0);
        }
    }
}

#[test]
fn a_window_of_time_goes_over_all_boots() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let source = fixture.open(fixture.boots[1]);
        let count = fixture.entries.len();
        // Within the first boot, and into the second.
        for (from, to) in [(count / 4, count / 2), (count / 2, count - 5), (0, count - 1)] {
            let since = fixture.entries[from].received();
            let until = fixture.entries[to].received();
            let window = LogOptions { since: Some(since), until: Some(until), ..options(0) };
            let (logs, gaps) = source.logs(&window).unwrap();
            assert_eq!(gaps, []);
            assert_eq!(logs.boot_id, None);
            let within = || {
                let is_within = |entry: &&Entry| (since..=until).contains(&entry.received());
                fixture.entries.iter().filter(is_within)
            };
            assert_eq!(logs.digest.entries, within().count() as u64, "{suite} {from}..{to}");
            assert_eq!(logs.digest.by_priority, by_priority(within()), "{suite} {from}..{to}");
            let grouped: u64 = logs.digest.groups.iter().map(|group| group.count).sum();
            let urgent = within().filter(|entry| entry.priority().is_some_and(|p| p <= 4));
            assert_eq!(grouped, urgent.count() as u64, "{suite} {from}..{to}");
        }
        let never = LogOptions {
            since: Some(Timestamp::from_usec(1)),
            until: Some(Timestamp::from_usec(2)),
            ..options(0)
        };
        assert_eq!(source.logs(&never).unwrap().0.digest.entries, 0);
    }
}

#[test]
fn messages_that_differ_in_numbers_are_one_group() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let (logs, _) = fixture.open(fixture.boots[1]).logs(&options(-1)).unwrap();
        let groups = &logs.digest.groups;
        assert!(groups.is_sorted_by_key(|group| group.priority));
        let of_pool: Vec<_> =
            groups.iter().filter(|group| group.identifier.as_deref() == Some("pool")).collect();
        assert_eq!(of_pool.len(), 1, "{suite}: {of_pool:?}");
        let pool = of_pool[0];
        assert_eq!(pool.wording, "worker # of # lost # connection #.#.#.#");
        assert_eq!((pool.count, pool.priority), (30, 4));
        assert_eq!(pool.transport.as_deref(), Some("stdout"));
        let examples: Vec<&str> = pool.examples.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(
            examples,
            [28, 29, 30].map(|n| format!("worker {n} of 30 lost 0x{n}f connection 10.0.0.{n}"))
        );
        let entries: Vec<&Entry> =
            fixture.entries.iter().filter(|entry| entry.is("SYSLOG_IDENTIFIER", "pool")).collect();
        assert_eq!(pool.first, entries[0].time());
        assert_eq!(pool.last, entries[29].time());
        assert_eq!(pool.examples[2].cursor, Some(entries[29].cursor()));
        // PID 1's messages are of the unit that they are about.
        let failed = groups.iter().find(|group| {
            group.message_id.as_deref() == Some("d9b373ed55a64feb8242e02dbe79a49c")
                && group.wording.contains("e#e-failed.service")
        });
        let failed = failed.unwrap();
        assert_eq!(failed.units.len(), 1);
        assert_eq!(failed.units[0].as_str(), "e2e-failed.service");
        assert!(failed.known_bad);
        // The same message id, of an ordinary user: nobody's word but his.
        let forged = groups.iter().find(|group| group.wording == "forged dump").unwrap();
        assert!(!forged.known_bad, "{suite}: {forged:?}");
        let patterns = logs.digest.patterns.as_ref().unwrap();
        assert!(patterns.hits.iter().all(|hit| hit.pattern != "proc.coredump"), "{patterns:?}");
    }
}

#[test]
fn boots_are_those_of_list_boots() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let source = fixture.open(fixture.boots[1]);
        for (number, expected) in [(0, 1), (-1, 0), (1, 0), (2, 1)] {
            let boot = source.boot(number).unwrap();
            assert_eq!(boot.id, fixture.boots[expected], "{suite} {number}");
            let of_boot: Vec<&Entry> = fixture.of(boot.id).collect();
            assert_eq!(boot.entries, of_boot.len() as u64);
            assert_eq!(boot.first, of_boot.iter().map(|entry| entry.received()).min().unwrap());
            assert_eq!(boot.last, of_boot.iter().map(|entry| entry.received()).max().unwrap());
        }
        for number in [-2, 3] {
            let error = source.logs(&options(number)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("boot {number} is not in the journal: it holds boots -1..0")
            );
        }
        let asked = |boot| Options { logs: Some(options(boot)), ..Options::default() };
        let digest = source.digest(&asked(-2));
        assert_eq!(digest.value().unwrap().logs, None);
        let why = "boot -2 is not in the journal: it holds boots -1..0";
        assert_eq!(missing_boot(&digest, -2), Some(why));
        assert_eq!(missing_boot(&source.digest(&asked(-1)), -1), None);
        let other = fixture.open("00000000000000000000000000000001".parse().unwrap());
        assert_eq!(
            other.logs(&options(0)).unwrap_err().to_string(),
            "boot 0 is not in the journal: it holds boots -2..-1"
        );
    }
}

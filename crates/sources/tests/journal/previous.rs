//! How the boot before this one ended.

use std::fs::{self, File, OpenOptions};
use std::time::{Duration, Instant, UNIX_EPOCH};

use sysdiag_model::Why;
use sysdiag_model::snapshot::BootEnd;
use sysdiag_sources::journal::Source;

use crate::fixture::{Entry, Fixture, MACHINE, REBOOTS, SUITES};

const JOURNAL_STOP: &str = "d93fb3c9c24d451a97cea615ce59c00b";
const PUT_ASIDE: &str = "system@first-boot.journal~";

#[test]
fn a_boot_that_was_cut_off_ended_suddenly() {
    for suite in SUITES {
        let fixture = Fixture::unpack(suite);
        let (previous, gaps) = fixture.open(fixture.boots[1]).previous_boot();
        assert_eq!(gaps, [], "{suite}");
        let previous = previous.unwrap();
        assert_eq!((previous.boot_id, previous.end), (fixture.boots[0], BootEnd::Sudden));
        let entries: Vec<&Entry> = fixture.of(fixture.boots[0]).collect();
        let last = entries.iter().map(|entry| entry.received()).max().unwrap();
        assert_eq!(previous.last_entry, last, "{suite}");
        let expected: Vec<String> =
            entries[entries.len() - 5..].iter().map(|entry| entry.cursor()).collect();
        let cursors = previous.last_lines.iter().map(|line| line.cursor.clone().unwrap());
        assert_eq!(cursors.collect::<Vec<_>>(), expected, "{suite}");
        assert_eq!((previous.told_by, previous.put_aside), (None, None));
    }
}

#[test]
fn journald_says_that_it_stops_when_there_is_a_shutdown() {
    for suite in REBOOTS {
        let fixture = Fixture::unpack(suite);
        let (previous, gaps) = fixture.open(fixture.boots[2]).previous_boot();
        assert_eq!(gaps, [], "{suite}");
        let previous = previous.unwrap();
        assert_eq!((previous.boot_id, previous.end), (fixture.boots[1], BootEnd::Shutdown));
        let mut entries = fixture.of(fixture.boots[1]);
        let stop = entries.find(|entry| entry.is("MESSAGE_ID", JOURNAL_STOP)).unwrap();
        assert_eq!(previous.told_by.unwrap().cursor, Some(stop.cursor()));
        assert!(previous.last_lines.is_empty() && previous.trouble.is_empty());
    }
}

#[test]
fn a_file_that_was_put_aside_is_named() {
    let fixture = Fixture::unpack(MACHINE);
    let earlier = Fixture::unpack("bookworm");
    let path = fixture.journal_file(PUT_ASIDE);
    fs::copy(earlier.journal_file("system.journal"), &path).unwrap();
    let previous = fixture.open(fixture.boots[0]).previous_boot().0.unwrap();
    assert_eq!((previous.boot_id, previous.end), (earlier.boots[1], BootEnd::Sudden));
    assert_eq!(previous.put_aside, Some(path.display().to_string()));
}

#[test]
fn without_an_earlier_boot_there_is_nothing_to_say() {
    let fixture = Fixture::unpack(MACHINE);
    assert_eq!(fixture.open(fixture.boots[0]).previous_boot(), (None, Vec::new()));
    // An image that nobody runs.
    let fixture = Fixture::unpack("bookworm");
    let deadline = Instant::now() + Duration::from_mins(1);
    let source = Source::open(&fixture.root(), None, deadline).unwrap();
    assert_eq!(source.previous_boot(), (None, Vec::new()));
}

#[test]
fn a_user_s_journal_alone_says_nothing() {
    let fixture = Fixture::unpack("bookworm");
    fs::remove_file(fixture.journal_file("system.journal")).unwrap();
    assert_eq!(fixture.open(fixture.boots[1]).previous_boot(), (None, Vec::new()));
}

#[test]
fn where_this_boot_is_not_kept_others_may_be_missing() {
    let fixture = Fixture::unpack("bookworm");
    let elsewhere = "0123456789abcdef0123456789abcdef".parse().unwrap();
    assert_eq!(fixture.open(elsewhere).previous_boot(), (None, Vec::new()));
}

#[test]
fn a_file_that_cannot_be_read_may_hold_a_newer_boot() {
    let fixture = Fixture::unpack(REBOOTS[0]);
    let path = fixture.journal_file(PUT_ASIDE);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let source = fixture.open(fixture.boots[2]);
    let (None, gaps) = source.previous_boot() else { panic!() };
    assert_eq!(gaps[0].why, Why::Malformed);
    // Not if it was last written to before the boot that was found ended.
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    assert!(fixture.open(fixture.boots[2]).previous_boot().0.is_some());
}

#[test]
fn a_clock_that_was_set_back_leaves_it_open() {
    let fixture = Fixture::unpack(MACHINE);
    let later = Fixture::unpack(REBOOTS[1]);
    fs::copy(later.journal_file("system.journal"), fixture.journal_file(PUT_ASIDE)).unwrap();
    let (previous, gaps) = fixture.open(fixture.boots[0]).previous_boot();
    assert_eq!(previous, None);
    assert_eq!(gaps[0].what, "how the previous boot ended");
}

#[test]
fn an_end_that_was_not_read_is_not_a_sudden_one() {
    let fixture = Fixture::unpack("bookworm");
    let source = Source::open(&fixture.root(), Some(fixture.boots[1]), Instant::now()).unwrap();
    let (previous, gaps) = source.previous_boot();
    assert_eq!((previous, gaps[0].why), (None, Why::TimedOut));
}

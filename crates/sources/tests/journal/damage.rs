//! Journals that are not there, refused, cut short or damaged: a gap, and the rest is read.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sysdiag_model::{Gap, Probe, UnitName, Why};
use sysdiag_sources::journal::{Source, ring_buffer};
use sysdiag_sources::{LogOptions, Options, Root};

use crate::fixture::{Fixture, soon};

fn everything() -> Options {
    let logs = LogOptions { max_priority: 7, ..LogOptions::default() };
    Options { logs: Some(logs), ..Options::default() }
}

#[test]
fn no_journal_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let gap = Source::open(&Root::at(folder.path()), None, soon()).err().unwrap();
    assert_eq!(gap.why, Why::Absent);
    // This machine's ring buffer tells nothing of another's.
    let probe = ring_buffer(&Root::at(folder.path()), &everything(), None, gap.clone());
    assert_eq!(probe, Probe::Unknown(gap));
}

#[test]
fn a_truncated_file_is_named_and_the_others_are_read() {
    let fixture = Fixture::unpack("bookworm");
    let path = fixture.journal_file("system.journal");
    OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    let source = fixture.open(fixture.boots[0]);
    // What the ordinary user logged is in the other file.
    let Probe::Partial(digest, gaps) = source.digest(&everything()) else { panic!() };
    let cut = |gap: &&Gap| gap.what.ends_with("system.journal");
    let gap = gaps.iter().find(cut).unwrap();
    assert_eq!(gap.why, Why::Malformed);
    assert!(gap.hint.as_ref().unwrap().contains("at offset 1048576: truncated"), "{gap:?}");
    let logs = digest.logs.unwrap();
    assert!(logs.groups.iter().any(|group| group.wording == "forged dump"), "{logs:?}");
    fs::write(&path, "").unwrap();
    assert_eq!(fixture.open(fixture.boots[0]).gaps()[0].why, Why::Malformed);
}

#[test]
fn nothing_but_damaged_files_says_so() {
    let fixture = Fixture::unpack("bookworm");
    fs::remove_file(fixture.journal_file("user-1000.journal")).unwrap();
    fs::write(fixture.journal_file("system.journal"), vec![b'x'; 4096]).unwrap();
    let gap = Source::open(&fixture.root(), None, soon()).err().unwrap();
    assert_eq!(gap.why, Why::Malformed);
    assert!(gap.what.ends_with("system.journal"), "{gap:?}");
}

#[test]
fn features_of_later_versions_are_not_supported() {
    let fixture = Fixture::unpack("trixie");
    let file = OpenOptions::new().write(true).open(fixture.journal_file("system.journal")).unwrap();
    file.write_all_at(&[0x80], 15).unwrap();
    let gap = fixture.open(fixture.boots[0]).gaps()[0].clone();
    assert_eq!(gap.why, Why::NotSupported);
    // A journalctl of later versions would know them; this one does not.
    let hint = gap.hint.unwrap();
    assert!(hint.starts_with("features 0x80000000 are not known; nor by journalctl: "), "{hint}");
}

#[test]
fn after_the_deadline_nothing_more_is_read() {
    let fixture = Fixture::unpack("trixie");
    let source = Source::open(&fixture.root(), Some(fixture.boots[0]), Instant::now()).unwrap();
    let Probe::Partial(digest, gaps) = source.digest(&everything()) else { panic!() };
    assert!(digest.unit_events.is_empty());
    assert!(gaps.iter().all(|gap| gap.why == Why::TimedOut) && !gaps.is_empty(), "{gaps:?}");
    let (lines, gaps) = source.recent(&[UnitName::new("e2e-failed.service")], 5);
    assert!(lines[0].1.is_empty());
    assert_eq!(gaps[0].why, Why::TimedOut);
}

/// Whatever stands in the file: no panic, no endless loop, something comes.
#[test]
fn any_damage_leaves_a_digest_or_a_gap() {
    let fixture = Fixture::unpack("trixie");
    let path = fixture.journal_file("system.journal");
    let whole = fs::read(&path).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let units = [UnitName::new("e2e-failed.service"), UnitName::new("e2e-odd.service")];
    let spots = prop::collection::vec((0..used as u64, any::<u8>(), 1..64_usize), 1..40);
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    runner
        .run(&spots, |spots| {
            fs::write(&path, &whole).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            for (at, byte, length) in spots {
                file.write_all_at(&vec![byte; length], at).unwrap();
            }
            let begin = Instant::now();
            let deadline = begin + Duration::from_secs(2);
            if let Ok(source) = Source::open(&fixture.root(), Some(fixture.boots[0]), deadline) {
                let probe = source.digest(&everything());
                prop_assert!(probe.value().is_some());
                let (lines, _) = source.recent(&units, 20);
                prop_assert_eq!(lines.len(), 2);
                let _ = source.boot(-1);
            }
            prop_assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
            Ok(())
        })
        .unwrap();
}

//! Files that change while they are read.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sysdiag_journal::{Cause, Direction, Follower, Journal, Options, Select};
use tempfile::TempDir;

use super::export::Entry;
use super::{journalctl, synthetic};

fn open(path: &Path) -> Journal {
    Journal::open(&[path], &Options::default())
}

fn small(seed: u64, phase: u64, count: u64) -> Vec<Entry> {
    let mut entries = synthetic::entries(seed, phase, count);
    for entry in &mut entries {
        entry.fields.retain(|(_, value)| value.len() < 10_000);
    }
    entries
}

#[test]
fn a_file_that_is_cut_under_the_map_ends_there() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.journal");
    journalctl::import(&path, &[], &synthetic::stream(&small(30, 0, 2000))).unwrap();
    let journal = open(&path);
    let all = Select::default();
    let whole = journal.entries(&all, Direction::Forward).count();
    assert_eq!((whole, journal.damage().len()), (2000, 0));
    let read = |entry: sysdiag_journal::Entry<'_>| entry.fields().count() > 0;
    let mut entries = journal.entries(&all, Direction::Forward);
    assert_eq!(entries.by_ref().take(100).filter(|entry| read(*entry)).count(), 100);
    // Behind the hash tables, in the middle of the entries.
    let file = File::options().write(true).open(&path).unwrap();
    let end = file.metadata().unwrap().len();
    file.set_len(4 << 20).unwrap();
    assert!(end > 5 << 20);
    let left = entries.filter(|entry| read(*entry)).count();
    assert!(left < 1900, "{left} entries of a file that is not there any more");
    journal.entries(&all, Direction::Backward).for_each(|entry| {
        read(entry);
    });
    assert!(journal.distinct("MESSAGE", &all.window, usize::MAX).is_some());
    let damage = journal.damage();
    assert!(damage.iter().any(|damage| matches!(damage.cause, Cause::Truncated)), "{damage:?}");
}

/// `systemd-journal-remote` at work: what is sent to it is in the file a moment later.
struct Writer(Child);

impl Writer {
    fn new(path: &Path) -> Self {
        let mut run = Command::new("/lib/systemd/systemd-journal-remote");
        run.arg("--output").arg(path).arg("-").stdin(Stdio::piped());
        Self(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn send(&mut self, entries: &[Entry]) {
        let text = synthetic::stream(entries);
        self.0.stdin.as_mut().unwrap().write_all(&text).unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_appended_is_followed_and_not_seen_by_who_opened_before() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.journal");
    let (first, second) = (small(31, 0, 300), small(32, 0, 3000));
    let mut writer = Writer::new(&path);
    writer.send(&first);
    let all = Select::default();
    let count = |journal: &Journal| journal.entries(&all, Direction::Forward).count();
    // The last entry waits for the next one to begin.
    until("the first entries", || path.exists() && count(&open(&path)) >= 299);
    let before = open(&path);
    let seen = count(&before);
    let mut follower =
        Follower::new(&[directory.path()], &Options::default(), all.clone()).unwrap();
    writer.send(&second);
    let (mut followed, mut last) = (0, 0);
    until("what was appended", || {
        let more = follower.wait(Duration::from_secs(1), |entry| {
            assert!(entry.seqnum() > last, "an entry came twice or out of order");
            last = entry.seqnum();
        });
        followed += more.unwrap();
        assert_eq!(count(&before), seen, "a snapshot grew");
        followed + seen as u64 >= 3299
    });
    drop(writer);
    assert_eq!(count(&open(&path)), 3300);
    assert!(before.damage().is_empty(), "{:?}", before.damage());
}

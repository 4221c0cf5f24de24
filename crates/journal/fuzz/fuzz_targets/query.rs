//! Any selection, of a sound file: what is given fits, in order, and no entry is left out that fits.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sysdiag_journal::{Direction, Entry, Journal, Match, Options, Select, Window};

#[allow(dead_code)]
#[path = "../../tests/golden/export.rs"]
mod export;
#[allow(dead_code)]
#[path = "../../tests/golden/journalctl.rs"]
mod journalctl;
#[allow(dead_code)]
#[path = "../../tests/golden/rng.rs"]
mod rng;
#[allow(dead_code)]
#[path = "../../tests/golden/synthetic.rs"]
mod synthetic;

static JOURNAL: LazyLock<Journal> = LazyLock::new(|| {
    let directory: PathBuf = tempfile::tempdir_in("/dev/shm").unwrap().keep();
    for phase in 0..2 {
        let mut entries = synthetic::entries(2, phase, 60);
        for entry in &mut entries {
            entry.fields.retain(|(_, value)| value.len() < 3000);
        }
        let path = directory.join(format!("{phase}.journal"));
        journalctl::import(&path, &[], &synthetic::stream(&entries)).unwrap();
    }
    Journal::open(&[directory], &Options::default())
});

fn fits(entry: &Entry<'_>, select: &Select, groups: &[Vec<(String, String)>]) -> bool {
    let time = entry.realtime_usec();
    let window = &select.window;
    window.boot.is_none_or(|boot| boot == entry.boot_id())
        && window.since_usec.is_none_or(|since| since <= time)
        && window.until_usec.is_none_or(|until| time <= until)
        && (groups.is_empty()
            || groups.iter().any(|group| {
                group.iter().all(|(field, _)| {
                    let same = group.iter().filter(|(other, _)| other == field);
                    same.into_iter().any(|(field, value)| entry.has(field, value.as_bytes()))
                })
            }))
}

fuzz_target!(|input: &[u8]| {
    let journal = &*JOURNAL;
    let mut bytes = input.iter().map(|byte| usize::from(*byte));
    let mut next = || bytes.next().unwrap_or(0);
    let all: Vec<Entry<'_>> = journal.entries(&Select::default(), Direction::Forward).collect();
    let time = |n: usize| all.get(n % (all.len() + 40)).map(Entry::realtime_usec);
    let boots = journal.boots();
    let window = Window {
        boot: boots.get(next() % 8).map(|boot| boot.id),
        since_usec: time(next()),
        until_usec: time(next()),
    };
    let fields = ["PRIORITY", "_SYSTEMD_UNIT", "REPEATED", "_PID"];
    let values = ["6", "3", "unit-1.service", "value 2", "value 3", "110", "121", "none"];
    let groups: Vec<Vec<(String, String)>> = (0..next() % 4)
        .map(|_| {
            let count = 1 + next() % 4;
            (0..count)
                .map(|_| (fields[next() % 4].to_owned(), values[next() % 8].to_owned()))
                .collect()
        })
        .collect();
    let matches = |group: &Vec<(String, String)>| {
        group.iter().map(|(field, value)| Match::new(field, value)).collect()
    };
    let select = Select { window, groups: groups.iter().map(matches).collect() };
    let expected: Vec<String> =
        all.iter().filter(|entry| fits(entry, &select, &groups)).map(Entry::cursor).collect();
    let forward: Vec<String> =
        journal.entries(&select, Direction::Forward).map(|entry| entry.cursor()).collect();
    let mut backward: Vec<String> =
        journal.entries(&select, Direction::Backward).map(|entry| entry.cursor()).collect();
    backward.reverse();
    assert_eq!(forward, expected);
    assert_eq!(backward, expected);
});

//! Every way to read a journal.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sysdiag_journal::{
    Cursor, Direction, Follower, Id128, Journal, Match, Options, Select, Window,
};

/// What was read; how much says that something was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) entries: u64,
    pub(crate) fields: u64,
    pub(crate) damage: usize,
}

/// Reads `path` in all ways. `bound`: no list that is given can be longer than that.
pub(crate) fn everything(path: &Path, bound: u64) -> Read {
    let journal = Journal::open(&[path], &Options::default());
    let mut read = Read::default();
    let mut windows = vec![Window::default()];
    let mut cursor = None;
    let mut times = Vec::new();
    for boot in journal.boots().into_iter().take(4) {
        windows.push(Window { boot: Some(boot.id), ..Window::default() });
        times.push(boot.first_usec / 2 + boot.last_usec / 2);
    }
    for direction in [Direction::Forward, Direction::Backward] {
        let mut entries = 0;
        for entry in journal.entries(&Select::all(windows[0]), direction) {
            entries += 1;
            cursor.get_or_insert_with(|| entry.cursor());
            for field in entry.fields() {
                read.fields += 1;
                assert!(!field.name().contains(&b'='));
            }
            let message = entry.get("MESSAGE");
            assert!(message.is_none_or(|value| entry.has("MESSAGE", &value)));
        }
        assert!(entries <= bound, "{entries} entries");
        read.entries += entries;
    }
    if let Some(time) = times.first() {
        windows.push(Window { since_usec: Some(*time), ..Window::default() });
        windows.push(Window {
            until_usec: Some(*time),
            boot: windows.get(1).and_then(|w| w.boot),
            ..Window::default()
        });
    }
    windows.push(Window { boot: Some(Id128::from_u128(1)), ..Window::default() });
    for window in &windows {
        assert!(journal.count(window) <= bound);
        for field in ["PRIORITY", "MESSAGE", "_BOOT_ID", "BINARY_LONG", "NONE"] {
            let values = journal.distinct(field, window, 1 << 20).unwrap_or_default();
            assert!(values.len() as u64 <= bound);
        }
    }
    let one = |field: &str, value: &str| Match::new(field, value);
    let groups = vec![
        vec![one("PRIORITY", "3"), one("PRIORITY", "6"), one("_SYSTEMD_UNIT", "unit-1.service")],
        vec![one("_TRANSPORT", "kernel")],
    ];
    for direction in [Direction::Forward, Direction::Backward] {
        for window in &windows {
            let select = Select { window: *window, groups: groups.clone() };
            let count = journal.entries(&select, direction).count() as u64;
            assert!(count <= bound, "{count} entries");
        }
        let cursor: Option<Cursor> = cursor.as_ref().and_then(|cursor| cursor.parse().ok());
        if let Some(cursor) = cursor {
            let select = Select { window: windows[0], groups: groups.clone() };
            let count = journal.entries_from(&cursor, &select, direction).count() as u64;
            assert!(count <= bound, "{count} entries");
        }
        let fields = ["PRIORITY", "MESSAGE", "BINARY_LONG"];
        // All of them, and few, which are read in another way.
        let few = Select { window: windows[0], groups: groups.clone() };
        for select in [Select::all(windows[0]), few] {
            journal.columns(&select, direction, &fields, |row| {
                read.fields += row.values.iter().flatten().count() as u64;
                ControlFlow::Continue(())
            });
        }
    }
    read.damage = journal.damage().len();
    assert!(read.damage <= 20, "{} faults of one file", read.damage);
    read
}

/// Waits for entries that do not come. Not each time: the kernel takes milliseconds to forget that a
/// file was watched.
pub(crate) fn follow(path: &Path) {
    let follower = Follower::new(&[path], &Options::default(), Select::default());
    if let Ok(mut follower) = follower {
        assert_eq!(follower.wait(Duration::ZERO, |_| ()).unwrap_or(0), 0, "nothing was written");
    }
}

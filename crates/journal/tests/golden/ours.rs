//! The reader under test, asked as `journalctl` is and printed as it prints.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use sysdiag_journal::{Cursor, Direction, Entry, Journal, Match, Options, Select, Window};

use super::export;
use super::query::{Query, Start};

/// What `journalctl -o export` of version `systemd` should print for this.
pub(crate) fn export(directory: &Path, query: &Query, systemd: u32) -> io::Result<Vec<u8>> {
    let journal = Journal::open(&[directory], &Options::default());
    let text = print(&journal, query, systemd)?;
    columns(&journal, query)?;
    match journal.damage().first() {
        Some(damage) => Err(io::Error::other(damage.to_string())),
        None => Ok(text),
    }
}

/// The same of a journal that may be damaged.
pub(crate) fn print(journal: &Journal, query: &Query, systemd: u32) -> io::Result<Vec<u8>> {
    let select = select(query)?;
    let direction = if query.reverse { Direction::Backward } else { Direction::Forward };
    let mut text = Vec::new();
    let mut write = |entry: Entry<'_>| write(&entry, systemd, &mut text);
    match &query.start {
        None => journal.entries(&select, direction).for_each(&mut write),
        Some(Start::At(text) | Start::After(text)) => {
            let cursor: Cursor = text.parse().map_err(io::Error::other)?;
            let entries = journal.entries_from(&cursor, &select, direction);
            let mut entries = entries.peekable();
            if let Some(Start::After(cursor)) = &query.start {
                // The older journalctl passes over an entry, whether it is that of the cursor or not.
                entries.next_if(|entry| systemd < 254 || entry.cursor() == *cursor);
            }
            entries.for_each(&mut write);
        }
    }
    Ok(text)
}

/// Columns are the fields of entries, whichever way they are read.
fn columns(journal: &Journal, query: &Query) -> io::Result<()> {
    const FIELDS: [&str; 5] =
        ["MESSAGE", "PRIORITY", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER", "_SOURCE_REALTIME_TIMESTAMP"];
    let select = select(query)?;
    let direction = if query.reverse { Direction::Backward } else { Direction::Forward };
    let mut entries = journal.entries(&select, direction);
    let mut wrong = None;
    journal.columns(&select, direction, &FIELDS, |row| {
        let entry = entries.next();
        let expected: Vec<_> =
            FIELDS.iter().map(|field| entry.as_ref().and_then(|entry| entry.get(field))).collect();
        let same = entry.is_some_and(|entry| entry.cursor() == row.entry.cursor());
        if same && row.values == expected {
            return ControlFlow::Continue(());
        }
        wrong = Some(row.entry.cursor());
        ControlFlow::Break(())
    });
    let missing = || entries.next().map(|entry| entry.cursor());
    match wrong.or_else(missing) {
        Some(cursor) => Err(io::Error::other(format!("columns differ from the entry {cursor}"))),
        None => Ok(()),
    }
}

/// The same selection in terms of the reader.
pub(crate) fn select(query: &Query) -> io::Result<Select> {
    let boot = query.boot.as_ref().map(|boot| boot.parse()).transpose();
    let window = Window {
        boot: boot.map_err(io::Error::other)?,
        since_usec: query.since,
        until_usec: query.until,
    };
    let group = |group: &Vec<(String, Vec<u8>)>| {
        group.iter().map(|(name, value)| Match::new(name, value)).collect()
    };
    Ok(Select { window, groups: query.groups.iter().map(group).collect() })
}

fn write(entry: &Entry<'_>, systemd: u32, into: &mut Vec<u8>) {
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = export::Entry {
        cursor: entry.cursor(),
        realtime: entry.realtime_usec(),
        monotonic: entry.monotonic_usec(),
        boot: entry.boot_id().to_string(),
        fields: entry.fields().map(|field| (name(field.name()), field.value().to_vec())).collect(),
    };
    let id = entry.seqnum_id().to_string();
    let seqnum = (systemd >= 254).then_some((entry.seqnum(), id.as_str()));
    export::write(&all, seqnum, into);
}

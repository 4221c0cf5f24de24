//! Asks `journalctl` and the reader the same questions and says where they differ.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use sysdiag_journal::{Journal, Options, Window};

use super::query::{Pool, Query};
use super::rng::Rng;
use super::{export, journalctl, ours};

/// What was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Entries of the whole journal.
    pub(crate) entries: usize,
    /// Questions that some entries answered.
    pub(crate) answered: usize,
    /// Questions that none did.
    pub(crate) empty: usize,
}

/// Entries, and counts from the index. `until`, in microseconds since 1970, leaves out what is
/// being written while we compare.
pub(crate) fn all(
    directory: &Path,
    seed: u64,
    queries: usize,
    until: Option<u64>,
) -> io::Result<Compared> {
    let text = journalctl::export(directory, &Query { until, ..Query::default() }.arguments())?;
    index(directory, &export::read(&text).ok_or_else(malformed)?, until)?;
    entries(directory, seed, queries, until)
}

fn malformed() -> io::Error {
    io::Error::other("journalctl printed what is not in the export format")
}

/// Everything of a journal, then `queries` questions that `seed` chooses.
pub(crate) fn entries(
    directory: &Path,
    seed: u64,
    queries: usize,
    until: Option<u64>,
) -> io::Result<Compared> {
    let systemd = journalctl::version()?;
    let text = one(directory, &Query { until, ..Query::default() }, systemd)?;
    one(directory, &Query { reverse: true, until, ..Query::default() }, systemd)?;
    let entries = export::read(&text).ok_or_else(malformed)?;
    let mut compared = Compared { entries: entries.len(), ..Compared::default() };
    let pool = Pool::new(entries);
    let mut rng = Rng::new(seed);
    for number in 0..queries {
        let mut query = pool.query(&mut rng);
        query.until = query.until.or(until);
        // Beginning at a cursor and going back, journalctl does not look at --until.
        query.reverse &= query.until.is_none() || query.start.is_none();
        let text = one(directory, &query, systemd).map_err(|difference| {
            io::Error::other(format!("seed {seed}, question {number}: {difference}"))
        })?;
        *(if text.is_empty() { &mut compared.empty } else { &mut compared.answered }) += 1;
    }
    Ok(compared)
}

/// One question; gives the answer if it is the same.
fn one(directory: &Path, query: &Query, systemd: u32) -> io::Result<Vec<u8>> {
    let arguments = query.arguments();
    let theirs = journalctl::export(directory, &arguments)?;
    let ours = ours::export(directory, query, systemd)?;
    if ours == theirs {
        return Ok(ours);
    }
    let (a, b) = (lines(&theirs), lines(&ours));
    Err(io::Error::other(format!(
        "journalctl --directory={} {arguments:?}: {} bytes, the reader gives {}\n{}",
        directory.display(),
        theirs.len(),
        ours.len(),
        first_difference(&a, &b),
    )))
}

fn lines(text: &[u8]) -> Vec<String> {
    let line = |line: &[u8]| String::from_utf8_lossy(line.get(..200).unwrap_or(line)).into_owned();
    text.split(|&byte| byte == b'\n').map(line).collect()
}

fn first_difference(theirs: &[String], ours: &[String]) -> String {
    let same = theirs.iter().zip(ours).take_while(|(a, b)| a == b).count();
    let around = |lines: &[String]| {
        let lines = lines.iter().skip(same.saturating_sub(3)).take(8).map(String::as_str);
        lines.collect::<Vec<_>>().join("\n    ")
    };

    format!(
        "from line {same} on\n  journalctl:\n    {}\n  the reader:\n    {}",
        around(theirs),
        around(ours)
    )
}

/// What comes from the index equals what entries say: boots, values and their counts.
fn index(directory: &Path, entries: &[export::Entry], until: Option<u64>) -> io::Result<()> {
    let journal = Journal::open(&[directory], &Options::default());
    let mut boots = HashMap::<String, u64>::new();
    let mut values = HashMap::<(Option<&str>, &str), HashMap<&[u8], u64>>::new();
    for entry in entries {
        *boots.entry(entry.boot.clone()).or_default() += 1;
        for (name, value) in &entry.fields {
            for boot in [None, Some(entry.boot.as_str())] {
                *values.entry((boot, name)).or_default().entry(value).or_default() += 1;
            }
        }
    }
    let found: HashMap<String, u64> =
        journal.boots().iter().map(|boot| (boot.id.to_string(), boot.entries)).collect();
    if until.is_none() {
        same("boots", &boots, &found)?;
    }
    for ((boot, name), counts) in values {
        let window = Window {
            boot: boot.map(str::parse).transpose().map_err(io::Error::other)?,
            until_usec: until,
            ..Window::default()
        };
        let distinct = journal.distinct(name, &window, usize::MAX).unwrap_or_default();
        let found: HashMap<&[u8], u64> =
            distinct.iter().map(|value| (value.value.as_slice(), value.entries)).collect();
        same(&format!("values of {name} in {boot:?}"), &counts, &found)?;
    }
    Ok(())
}

fn same<K: std::hash::Hash + Eq + std::fmt::Debug>(
    what: &str,
    expected: &HashMap<K, u64>,
    found: &HashMap<K, u64>,
) -> io::Result<()> {
    let wrong = |(key, count): (&K, &u64)| {
        (found.get(key) != Some(count))
            .then(|| format!("{key:.100?}: {count}, {:?}", found.get(key)))
    };
    let wrong: Vec<String> = expected.iter().filter_map(wrong).take(3).collect();
    if wrong.is_empty() && expected.len() == found.len() {
        return Ok(());
    }
    let (many, some) = (expected.len(), found.len());
    Err(io::Error::other(format!("{what}: {many} expected, {some} found: {wrong:?}")))
}

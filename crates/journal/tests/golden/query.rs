//! What can be asked of a journal, as arguments of `journalctl`; made at random out of what it holds.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::export::Entry;
use super::rng::Rng;

/// Where a query begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// At this entry.
    At(String),
    /// Behind it.
    After(String),
}

/// One question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Any of the groups; in a group every field; of a field any value.
    pub(crate) groups: Vec<Vec<(String, Vec<u8>)>>,
    /// 32 hexadecimal digits.
    pub(crate) boot: Option<String>,
    /// Microseconds since 1970, inclusive.
    pub(crate) since: Option<u64>,
    /// Microseconds since 1970, inclusive.
    pub(crate) until: Option<u64>,
    pub(crate) start: Option<Start>,
    pub(crate) reverse: bool,
}

impl Query {
    /// The same for `journalctl`.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut option = |text: String| arguments.push(text.into());
        if let Some(boot) = &self.boot {
            option(format!("--boot={boot}"));
        }
        if let Some(since) = self.since {
            option(format!("--since={}", time(since)));
        }
        if let Some(until) = self.until {
            option(format!("--until={}", time(until)));
        }
        match &self.start {
            Some(Start::At(cursor)) => option(format!("--cursor={cursor}")),
            Some(Start::After(cursor)) => option(format!("--after-cursor={cursor}")),
            None => {}
        }
        if self.reverse {
            option("--reverse".to_owned());
        }
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                arguments.push("+".into());
            }
            for (name, value) in group {
                let mut argument = name.clone().into_bytes();
                argument.push(b'=');
                argument.extend_from_slice(value);
                arguments.push(OsString::from_vec(argument));
            }
        }
        arguments
    }
}

/// As `systemd.time(7)`: seconds since 1970, with a fraction.
fn time(usec: u64) -> String {
    format!("@{}.{:06}", usec / 1_000_000, usec % 1_000_000)
}

/// What queries are made of.
pub(crate) struct Pool {
    /// Values of each field that can be an argument, each once.
    values: Vec<(String, Vec<Vec<u8>>)>,
    entries: Vec<Entry>,
    boots: Vec<String>,
}

/// Longer values are no arguments (`MAX_ARG_STRLEN` of execve(2) is 128 KiB).
const LONGEST_ARGUMENT: usize = 100_000;

impl Pool {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut values = BTreeMap::<String, Vec<Vec<u8>>>::new();
        let mut boots: Vec<String> = entries.iter().map(|entry| entry.boot.clone()).collect();
        boots.sort_unstable();
        boots.dedup();
        for (name, value) in entries.iter().flat_map(|entry| &entry.fields) {
            if value.len() < LONGEST_ARGUMENT && !value.contains(&0) {
                values.entry(name.clone()).or_default().push(value.clone());
            }
        }
        for of_field in values.values_mut() {
            of_field.sort_unstable();
            of_field.dedup();
        }
        Self { values: values.into_iter().collect(), entries, boots }
    }

    /// A question that some entries answer, or none does.
    pub(crate) fn query(&self, rng: &mut Rng) -> Query {
        let mut query = Query { reverse: rng.once_in(4), ..Query::default() };
        if !rng.once_in(12) {
            let groups = 1 + rng.pick(&[0, 0, 0, 1, 2]).unwrap_or(&0);
            query.groups = (0..groups).map(|_| self.group(rng)).collect();
            query.groups.retain(|group| !group.is_empty());
        }
        if rng.once_in(3) {
            query.boot = rng.pick(&self.boots).cloned();
        }
        // A time on or next to that of an entry.
        let near = |rng: &mut Rng| {
            let time = rng.pick(&self.entries).map_or(0, |entry| entry.realtime);
            (time + rng.below(3)).saturating_sub(1)
        };
        if rng.once_in(8) {
            let cursor = rng.pick(&self.entries).map(|entry| entry.cursor.clone());
            query.start = cursor.map(if rng.once_in(2) { Start::At } else { Start::After });
        } else if rng.once_in(3) {
            query.since = Some(near(rng));
        }
        if rng.once_in(3) {
            let until = near(rng);
            // journalctl refuses a period that ends before it begins.
            query.until = Some(until.max(query.since.unwrap_or(0)));
        }
        query
    }

    /// A field that many entries have, or one that few have, with its values.
    fn field(&self, rng: &mut Rng) -> Option<&(String, Vec<Vec<u8>>)> {
        if rng.once_in(3) {
            return rng.pick(&self.values);
        }
        let entry = rng.pick(&self.entries)?;
        let (name, _) = rng.pick(&entry.fields)?;
        let at = self.values.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        self.values.get(at)
    }

    /// Matches that hold together: most often those of one entry, so that something is found.
    fn group(&self, rng: &mut Rng) -> Vec<(String, Vec<u8>)> {
        let mut group = Vec::new();
        if rng.once_in(2) {
            let Some(entry) = rng.pick(&self.entries) else { return group };
            for _ in 0..=rng.below(3) {
                let Some((name, value)) = rng.pick(&entry.fields) else { continue };
                if value.len() < LONGEST_ARGUMENT && !value.contains(&0) {
                    group.push((name.clone(), value.clone()));
                }
            }
        }
        // Any values, several of one field among them.
        for _ in 0..=rng.below(2) {
            let Some((name, values)) = self.field(rng) else { break };
            for _ in 0..=rng.below(4) {
                group.extend(rng.pick(values).map(|value| (name.clone(), value.clone())));
            }
        }
        if rng.once_in(10) {
            let name = if rng.once_in(2) { "NOT_A_FIELD" } else { "PRIORITY" };
            group.push((name.to_owned(), b"no such value".to_vec()));
        }
        group
    }
}

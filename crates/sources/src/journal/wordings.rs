//! Templates of the messages of a boot or window: from the distinct messages, with their counts.
//!
//! Who sent a message, for which unit, and how important it is, is read of its first and its last entry;
//! if they differ, of every one. When it came is read from the index.

use std::collections::HashMap;

use sysdiag_journal::{Entry, Value};
use sysdiag_logs::PatternIndex;
use sysdiag_logs::templates::{Mined, Miner, Seen, Settings};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates, TemplateId};
use sysdiag_model::{BootId, Timestamp};

use super::examples::{self, Places};
use super::line::{identifier, priority};
use super::logs;
use super::reader;
use crate::mask::mask_text;

/// Messages for debugging come and go with the settings of programs.
const LEAST_IMPORTANT: u8 = 6;
/// As much of a message is looked at.
const MOST_BYTES: usize = 4096;
const HOUR_USEC: u64 = 3_600_000_000;
/// Units that are told apart.
const MOST_UNITS: usize = 4096;
/// Entries that are read only because one message comes from several units.
const MOST_READ_FOR_UNITS: u64 = 20_000;

/// Messages of which it is kept that they are known to be bad, and as much of each.
const MOST_KNOWN: usize = 4096;

/// Finds templates.
pub(super) struct Wordings {
    miner: Miner,
    until: Timestamp,
    units: Units,
    /// What is left of [`MOST_READ_FOR_UNITS`].
    budget: u64,
    /// Messages that patterns mean.
    known: Vec<Known>,
}

/// A message that patterns mean.
struct Known {
    sender: String,
    text: String,
    patterns: Vec<PatternIndex>,
}

/// Names of units, each once.
#[derive(Default)]
struct Units {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Units {
    /// None: there are too many.
    fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.names.len()).ok()?;
        if self.names.len() >= MOST_UNITS || name.len() > 256 {
            return None;
        }
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }
}

/// What the messages are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) boot_id: Option<BootId>,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) from_boot: bool,
}

/// Who says it, how important it is, and for which unit.
#[derive(Clone, PartialEq, Eq)]
struct Sender {
    name: String,
    priority: u8,
    unit: Option<u32>,
}

impl Sender {
    fn of(entry: Entry<'_>, units: &mut Units) -> Self {
        let entry = reader::Entry::new(entry);
        let unit = logs::units(&entry).next().and_then(|name| units.number(name));
        // journald takes a message without one for information.
        let priority = priority(&entry).unwrap_or(6);
        Self { name: identifier(&entry).unwrap_or_default(), priority, unit }
    }
}

/// Entries of one sender, one after the other.
struct Run {
    of: Sender,
    count: u64,
    from: u64,
    to: u64,
    /// Of the last.
    place: u64,
}

impl Wordings {
    pub(super) fn new(until: Timestamp, known: &[LogTemplate]) -> Self {
        let miner = Miner::with_known(Settings::default(), Some(until), known);
        Self {
            miner,
            until,
            units: Units::default(),
            budget: MOST_READ_FOR_UNITS,
            known: Vec::new(),
        }
    }

    /// Whether more can be known of messages.
    pub(super) const fn wants_known(&self) -> bool {
        self.known.len() < MOST_KNOWN
    }

    /// Remembers that `patterns` mean the message of this entry.
    pub(super) fn know(&mut self, message: &[u8], entry: Entry<'_>, patterns: Vec<PatternIndex>) {
        let bytes = message.get(..MOST_BYTES).unwrap_or(message);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let sender = Sender::of(entry, &mut self.units).name;
        self.known.push(Known { sender, text, patterns });
    }

    /// Takes in all entries that have one message, of the file of that number.
    pub(super) fn add(&mut self, message: &[u8], value: &Value<'_>, file: usize) {
        let bytes = message.get(..MOST_BYTES).unwrap_or(message);
        let text = String::from_utf8_lossy(bytes);
        let Some(first) = value.first() else { return };
        let sender = Sender::of(first, &mut self.units);
        let run = |of: Sender, entry: Entry<'_>| {
            let time = entry.realtime_usec();
            Run { of, count: 1, from: time, to: time, place: examples::place(file, entry) }
        };
        if value.count() == 1 {
            return self.see(&text, &run(sender, first));
        }
        // None: it is to be read of every entry.
        let all = self.of_all(sender, value);
        // Entries of one hour and one sender at a time.
        let mut last: Option<Run> = None;
        value.entries(|entry| {
            let time = entry.realtime_usec();
            let who = if all.is_some() { None } else { Some(Sender::of(entry, &mut self.units)) };
            if let Some(run) = &mut last
                && self.hour(run.from) == self.hour(time)
                && who.as_ref().is_none_or(|who| *who == run.of)
            {
                run.count += 1;
                run.to = time;
                run.place = examples::place(file, entry);
                return true;
            }
            if let Some(run) = last.take() {
                self.see(&text, &run);
            }
            last = who.or_else(|| all.clone()).map(|of| run(of, entry));
            true
        });
        if let Some(run) = last {
            self.see(&text, &run);
        }
    }

    /// The sender of all entries of a message, if the last is of the same as the `first`.
    fn of_all(&mut self, first: Sender, value: &Value<'_>) -> Option<Sender> {
        let last = Sender::of(value.last()?, &mut self.units);
        if first == last {
            return Some(first);
        }
        let one = Sender { unit: None, ..first };
        if one != (Sender { unit: None, ..last }) {
            return None;
        }
        // To know the units is worth some entries, not any number.
        let Some(left) = self.budget.checked_sub(value.count()) else { return Some(one) };
        self.budget = left;
        None
    }

    fn hour(&self, time: u64) -> u64 {
        self.until.as_usec().saturating_sub(time) / HOUR_USEC
    }

    fn see(&mut self, text: &str, run: &Run) {
        let Sender { name, priority, unit } = &run.of;
        if *priority <= LEAST_IMPORTANT {
            let first = Timestamp::from_usec(run.from);
            let last = Timestamp::from_usec(run.to.max(run.from));
            let seen = Seen { count: run.count, first, last, place: run.place, unit: *unit };
            self.miner.add(name, *priority, text, seen);
        }
    }

    /// The templates; secrets that are the same in all messages of one are masked. `is_told`: whether
    /// what a pattern means is told of by itself.
    pub(super) fn finish(
        self,
        period: Period,
        is_told: impl Fn(PatternIndex) -> bool,
    ) -> (LogTemplates, Places) {
        let mined = self.miner.finish();
        let told = self.known.iter().filter(|known| known.patterns.iter().any(|it| is_told(*it)));
        let of = |known: &Known| Some(mined.template_of(&known.sender, &known.text)?.id);
        let mut known_bad: Vec<TemplateId> = told.filter_map(of).collect();
        known_bad.sort_unstable();
        known_bad.dedup();
        let Mined { mut templates, entries, dropped_templates, dropped_entries, whence, .. } =
            mined;
        for template in &mut templates {
            template.text = mask_text(&template.text).into_owned();
        }
        let Period { boot_id, since, until, from_boot } = period;
        let templates = LogTemplates {
            boot_id,
            since,
            until,
            from_boot,
            entries,
            templates,
            dropped_templates,
            dropped_entries,
            suppressed: std::collections::BTreeMap::new(),
            known_bad,
        };
        (templates, Places { whence, units: self.units.names })
    }
}

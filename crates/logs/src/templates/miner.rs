//! Takes messages in and counts them by what is left when their values are masked.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::{LogTemplate, TemplateId};

use super::lexer::{self, Kind, Piece, WILDCARD};
use super::mined::{self, Mined};

/// Hours before the end of the window that are counted one by one.
const HOURS: u64 = 48;

const HOUR_USEC: u64 = 3_600_000_000;

/// Longest name of a sender, in bytes.
const MAX_SENDER: usize = 64;

/// Units that are told apart for one template.
const MAX_UNITS: usize = 64;

/// When words are variable, and how much is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// So many different words at one place, states not counted, make the place variable.
    pub variable_from: usize,
    /// So many different words make it variable even if they are states (`opened`, `FAILED`).
    pub many_states: usize,
    /// Words that must be the same beside a variable one.
    pub constants: usize,
    /// As `constants`, where the variable word is the first one.
    pub constants_first: usize,
    /// Passes of merging.
    pub rounds: usize,
    /// Distinct masked messages held at a time. When there are more they are made into templates, and
    /// if that does not help, the least important are dropped and counted.
    pub max_held: usize,
    /// Bytes of distinct masked messages held at a time; as `max_held`.
    pub max_held_bytes: usize,
    /// Templates in the result; the least important beyond are dropped and counted.
    pub max_templates: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            variable_from: 5,
            many_states: 16,
            constants: 2,
            constants_first: 3,
            rounds: 3,
            max_held: 10_000,
            max_held_bytes: 2 << 20,
            max_templates: 2_000,
        }
    }
}

/// How often and when a message was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Entries; 0 is no message.
    pub count: u64,
    /// Time of the first.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// Where the last one is, whatever that means to the caller.
    pub place: u64,
    /// What it was logged for, whatever that means to the caller. None: not known.
    pub unit: Option<u32>,
}

/// What is known of a masked message, or of a template.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub count: u64,
    pub priority: Option<u8>,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub hours: BTreeMap<u8, u64>,
    /// Some of it was not told by the hour.
    pub unplaced: bool,
    /// Where the last one is: of two at the same time the one of the larger number.
    pub place: u64,
    /// How often for each unit, of [`MAX_UNITS`] at most.
    pub units: Vec<(u32, u64)>,
    pub known: Option<TemplateId>,
}

impl Tally {
    pub(super) fn join(&mut self, other: Self) {
        self.stand(other.last, other.place);
        for (unit, count) in other.units {
            self.add_unit(unit, count);
        }
        self.count = self.count.saturating_add(other.count);
        self.priority = self.priority.into_iter().chain(other.priority).min();
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        for (hour, count) in other.hours {
            let held = self.hours.entry(hour).or_default();
            *held = held.saturating_add(count);
        }
        self.unplaced |= other.unplaced;
        self.known = self.known.into_iter().chain(other.known).min();
    }

    /// Moves on to the place of what came last. To be called before `last` is changed.
    fn stand(&mut self, last: Option<Timestamp>, place: u64) {
        if last.is_some() && (last, place) > (self.last, self.place) {
            self.place = place;
        }
    }

    fn add_unit(&mut self, unit: u32, count: u64) {
        if let Some((_, held)) = self.units.iter_mut().find(|(known, _)| *known == unit) {
            *held = held.saturating_add(count);
        } else if self.units.len() < MAX_UNITS {
            self.units.push((unit, count));
        }
    }

    fn see(&mut self, priority: u8, seen: Seen, until: Option<Timestamp>) {
        self.stand(Some(seen.last), seen.place);
        if let Some(unit) = seen.unit {
            self.add_unit(unit, seen.count);
        }
        self.count = self.count.saturating_add(seen.count);
        self.priority = Some(self.priority.map_or(priority, |known| known.min(priority)));
        self.first = Some(self.first.map_or(seen.first, |known| known.min(seen.first)));
        self.last = Some(self.last.map_or(seen.last, |known| known.max(seen.last)));
        let hour = |time: Timestamp| until.map(|until| until.usec_since(time) / HOUR_USEC);
        let (first, last) = (hour(seen.first), hour(seen.last));
        // Before the hours that are counted, or all of it in one of them.
        match last {
            Some(last) if last >= HOURS => {}
            Some(last) if first == Some(last) => {
                if let Ok(hour) = u8::try_from(last) {
                    let held = self.hours.entry(hour).or_default();
                    *held = held.saturating_add(seen.count);
                }
            }
            _ => self.unplaced = true,
        }
    }
}

pub(super) type Tallies = HashMap<Box<str>, Tally>;

/// Finds the templates of messages.
///
/// Give it each distinct message with its count, or each entry by itself: the outcome is the same,
/// in whatever order. To count by the hour, give it each distinct message once an hour.
#[derive(Debug)]
pub struct Miner {
    pub(super) settings: Settings,
    until: Option<Timestamp>,
    pub(super) senders: HashMap<Box<str>, Tallies>,
    pub(super) held: usize,
    pub(super) held_bytes: usize,
    entries: u64,
    dropped_templates: u64,
    dropped_entries: u64,
    pieces: Vec<Piece>,
    text: String,
}

impl Miner {
    /// A miner that knows no templates. Hours are counted back from `until`, if that is given.
    pub fn new(settings: Settings, until: Option<Timestamp>) -> Self {
        Self {
            settings,
            until,
            senders: HashMap::new(),
            held: 0,
            held_bytes: 0,
            entries: 0,
            dropped_templates: 0,
            dropped_entries: 0,
            pieces: Vec::new(),
            text: String::new(),
        }
    }

    /// A miner that keeps the ids of the templates of earlier boots, also where they become more
    /// general now. Of two that become one the smaller id is kept. Their counts are not taken over,
    /// and those that do not come again are not in the result. Those beyond half of
    /// `max_held` are not looked at.
    pub fn with_known(settings: Settings, until: Option<Timestamp>, known: &[LogTemplate]) -> Self {
        let mut miner = Self::new(settings, until);
        for template in known {
            miner.mask(&template.text);
            if miner.held >= miner.settings.max_held / 2
                || miner.held_bytes + miner.text.len() > miner.settings.max_held_bytes / 2
            {
                break;
            }
            let sender = sender_name(&template.sender);
            let tallies = miner.senders.entry(sender.as_ref().into()).or_default();
            let tally = tallies.entry(miner.text.as_str().into()).or_insert_with(|| {
                miner.held += 1;
                miner.held_bytes += miner.text.len();
                Tally::default()
            });
            tally.known = tally.known.into_iter().chain([template.id]).min();
        }
        miner
    }

    /// Takes a message in. `sender`: `SYSLOG_IDENTIFIER`, else `_COMM`; `priority`: 0..=7.
    pub fn add(&mut self, sender: &str, priority: u8, message: &str, seen: Seen) {
        if seen.count == 0 {
            return;
        }
        self.entries = self.entries.saturating_add(seen.count);
        self.mask(message);
        let sender = sender_name(sender);
        let held = self
            .senders
            .get_mut(sender.as_ref())
            .and_then(|tallies| tallies.get_mut(self.text.as_str()));
        if let Some(tally) = held {
            tally.see(priority, seen, self.until);
            return;
        }
        if self.held >= self.settings.max_held.max(1)
            || self.held_bytes + self.text.len() > self.settings.max_held_bytes
        {
            self.compact();
        }
        let mut tally = Tally::default();
        tally.see(priority, seen, self.until);
        self.senders
            .entry(sender.as_ref().into())
            .or_default()
            .insert(self.text.as_str().into(), tally);
        self.held += 1;
        self.held_bytes += self.text.len();
    }

    /// Templates of all that was taken in.
    pub fn finish(mut self) -> Mined {
        let senders = std::mem::take(&mut self.senders);
        mined::finish(
            senders,
            &self.settings,
            self.entries,
            self.dropped_templates,
            self.dropped_entries,
        )
    }

    /// Leaves the masked form of a message in `text`: masking that again changes nothing.
    fn mask(&mut self, message: &str) {
        lexer::cut(message, &mut self.pieces);
        render(message, &self.pieces, &mut self.text);
    }

    /// Makes templates of what is held; drops the least important half if they are too many still.
    fn compact(&mut self) {
        let mut all: Vec<(Box<str>, Box<str>, Tally)> = Vec::new();
        let mut senders: Vec<(Box<str>, Tallies)> = self.senders.drain().collect();
        senders.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (sender, tallies) in senders {
            for found in mined::templates(tallies, &self.settings) {
                all.push((sender.clone(), found.text.into(), found.tally));
            }
        }
        let mut bytes = 0_usize;
        let mut fits = |text: &str| {
            bytes += text.len();
            bytes <= self.settings.max_held_bytes / 2
        };
        all.sort_by_key(|(_, _, tally)| importance(tally));
        let keep = all
            .iter()
            .take(self.settings.max_held / 2)
            .take_while(|(_, text, _)| fits(text))
            .count();
        for (_, _, tally) in all.drain(keep..) {
            if tally.count > 0 {
                self.dropped_templates += 1;
                self.dropped_entries = self.dropped_entries.saturating_add(tally.count);
            }
        }
        (self.held, self.held_bytes) = (0, 0);
        for (sender, text, tally) in all {
            let held = self.senders.entry(sender).or_default().entry(text);
            if let Entry::Vacant(vacant) = &held {
                self.held += 1;
                self.held_bytes += vacant.key().len();
            }
            held.or_default().join(tally);
        }
    }
}

/// Smaller is more important: severe, then frequent; what was not seen at all is last.
pub(super) fn importance(tally: &Tally) -> (bool, u8, std::cmp::Reverse<u64>) {
    (tally.count == 0, tally.priority.unwrap_or(u8::MAX), std::cmp::Reverse(tally.count))
}

/// Writes a message that was cut, its values as `<*>`, its white space as single spaces.
pub(super) fn render(message: &str, pieces: &[Piece], text: &mut String) {
    text.clear();
    for piece in pieces {
        if piece.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(if piece.kind == Kind::Value { WILDCARD } else { piece.text(message) });
    }
}

/// The name of a sender, bounded; identifiers in it, as containers have, are no part of it.
pub(super) fn sender_name(sender: &str) -> Cow<'_, str> {
    let is_id = |part: &str| {
        part.len() >= 8
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    let mut end = sender.len().min(MAX_SENDER);
    while !sender.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let sender = sender.get(..end).unwrap_or_default();
    let between = |c: char| !c.is_ascii_alphanumeric();
    if !sender.split(between).any(is_id) {
        return Cow::Borrowed(sender);
    }
    let named = sender.split_inclusive(between).map(|part| {
        let name = part.trim_end_matches(between);
        let rest = part.get(name.len()..).unwrap_or_default();
        format!("{}{rest}", if is_id(name) { WILDCARD } else { name })
    });
    Cow::Owned(named.collect())
}

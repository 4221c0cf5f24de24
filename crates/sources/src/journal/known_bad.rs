//! Messages known to be bad: the catalogue over the distinct messages of a boot or window.
//!
//! A journal stores each distinct message once. So texts are matched once each, whatever number of
//! entries has them; only of those that match are the entries read, in the order of time.

use std::time::Instant;

use sysdiag_journal::{Cursor, Direction, Entry, Journal, Match, Select, Window};
use sysdiag_logs::{Catalogue, Folder, Origin, PatternIndex};
use sysdiag_model::snapshot::{LogGroup, PatternHits};
use sysdiag_model::{Gap, Why};

use super::event::Read;
use crate::mask::mask_text;

/// Entries that are put together. Each takes some 100 bytes of memory.
const MOST_EVENTS: usize = 250_000;
/// Lists of candidates that are told apart; there are some hundred patterns.
const MOST_LISTS: usize = 4096;

/// Entries whose message or message id may be one of the catalogue's.
pub(super) struct Suspects<'j> {
    events: Vec<Suspect<'j>>,
    /// Candidates by the number that events have.
    lists: Vec<Vec<PatternIndex>>,
    left_out: u64,
}

struct Suspect<'j> {
    entry: Entry<'j>,
    list: u16,
}

impl<'j> Suspects<'j> {
    pub(super) fn new() -> Self {
        // The first list is empty: an entry that is known by its message id.
        Self { events: Vec::new(), lists: vec![Vec::new()], left_out: 0 }
    }

    /// The number of a list of candidates. None: there are too many lists.
    pub(super) fn list(&mut self, candidates: &[PatternIndex]) -> Option<u16> {
        let known = self.lists.iter().position(|list| list == candidates);
        let place = known.or_else(|| {
            self.lists.push(candidates.to_vec());
            (self.lists.len() <= MOST_LISTS).then(|| self.lists.len() - 1)
        });
        place.and_then(|place| u16::try_from(place).ok())
    }

    pub(super) fn add(&mut self, entry: Entry<'j>, list: u16) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(Suspect { entry, list });
        } else {
            self.left_out += 1;
        }
    }

    /// Adds the entries that are known by their message id.
    pub(super) fn add_by_id(
        &mut self,
        journal: &'j Journal,
        catalogue: &Catalogue,
        window: Window,
        deadline: Instant,
    ) {
        let ids = catalogue.message_ids().map(|id| Match::new("MESSAGE_ID", id)).collect();
        for entry in journal.entries(&Select::matching(window, ids), Direction::Backward) {
            if Instant::now() >= deadline {
                return;
            }
            self.add(entry, 0);
        }
    }

    /// Puts them together. Patterns that any program's message may be are for messages of
    /// `max_priority` and worse; those that say who says it are for all: the priority is the
    /// sender's choice (a segmentation fault and a failed login are information).
    pub(super) fn fold(
        mut self,
        catalogue: &Catalogue,
        window: Window,
        max_priority: u8,
        deadline: Instant,
    ) -> (PatternHits, Vec<Gap>) {
        let of_one_boot = window.boot.is_some();
        self.events.sort_unstable_by_key(|suspect| {
            let entry = &suspect.entry;
            let time = if of_one_boot { entry.monotonic_usec() } else { entry.realtime_usec() };
            // The one that has candidates before the same with none.
            (time, entry.seqnum(), entry.realtime_usec(), suspect.list == 0)
        });
        // The same entry by its text and by its id, or from two files.
        self.events.dedup_by_key(|suspect| {
            (suspect.entry.seqnum_id(), suspect.entry.seqnum(), suspect.entry.boot_id())
        });
        let mut gaps = Vec::new();
        if self.left_out > 0 {
            let hint =
                format!("only {MOST_EVENTS} messages that are known to be bad are looked at");
            gaps.push(Gap::new(format!("{} log messages", self.left_out), Why::Disabled, hint));
        }
        let mut folder = Folder::new(catalogue);
        for (done, suspect) in self.events.iter().enumerate() {
            if done % 64 == 0 && Instant::now() >= deadline {
                let hint = "only the oldest were read before the deadline";
                gaps.push(Gap::new("messages known to be bad", Why::TimedOut, hint));
                break;
            }
            let read = Read::new(suspect.entry);
            let event = read.event();
            let list = self.lists.get(usize::from(suspect.list)).map_or(&[][..], Vec::as_slice);
            let important = event.priority.is_none_or(|priority| priority <= max_priority);
            if important {
                folder.push(&event, list);
            } else {
                let says_who = |index: &PatternIndex| says_who(catalogue, *index);
                let list: Vec<PatternIndex> = list.iter().copied().filter(says_who).collect();
                folder.push(&event, &list);
            }
        }
        (folder.finish_masked(&|text| mask_text(text).into_owned()), gaps)
    }
}

/// Whether a pattern names its sender, or a field that such messages have.
fn says_who(catalogue: &Catalogue, index: PatternIndex) -> bool {
    catalogue.spec(index).is_some_and(|spec| {
        let anyone = |from: &Origin| matches!(from, Origin::Any | Origin::Services);
        !spec.identifiers.is_empty()
            || !spec.message_ids.is_empty()
            || !spec.when.is_empty()
            || !spec.from.is_empty() && !spec.from.iter().any(anyone)
    })
}

/// Marks the groups whose messages the catalogue knows, by the entry of their last example: who
/// said it is not to be told from what a group keeps.
pub(super) fn mark(groups: &mut [LogGroup], journal: &Journal, catalogue: &Catalogue) {
    let mut candidates = Vec::new();
    for group in groups {
        let Some(example) = group.examples.last() else { continue };
        candidates.clear();
        catalogue.candidates(example.message.as_bytes(), &mut candidates);
        let id = group.message_id.as_deref().map(str::to_ascii_lowercase);
        let by_id = id.map_or(&[][..], |id| catalogue.by_message_id(&id));
        if candidates.is_empty() && by_id.is_empty() {
            continue;
        }
        let cursor = example.cursor.as_deref().and_then(|cursor| cursor.parse().ok());
        let Some(cursor): Option<Cursor> = cursor else { continue };
        let everything = Select::default();
        let entry = journal.entries_from(&cursor, &everything, Direction::Forward).next();
        let Some(entry) = entry.filter(|entry| Some(&entry.cursor()) == example.cursor.as_ref())
        else {
            continue;
        };
        let read = Read::new(entry);
        let event = read.event();
        let mut patterns = by_id.iter().chain(&candidates);
        group.known_bad = patterns.any(|index| catalogue.confirm(*index, &event).is_some());
    }
}

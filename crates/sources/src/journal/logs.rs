//! Messages of one boot, or of a window of time, in groups of the same wording.
//!
//! Entries are counted from the index; read are those of the kernel and of the asked-for
//! priorities. The kernel comes first, whom nobody else can crowd out, then the most important:
//! when there are more groups than are kept, or the deadline comes, the least important and oldest
//! are missing.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::ops::ControlFlow;
use std::time::Instant;

use sysdiag_model::snapshot::{LogDigest, LogGroup};
use sysdiag_model::{Gap, Timestamp, UnitName, Why};

use super::boots::Counts;
use super::kernel::matters;
use super::line::{cut, identifier, line, lossy, priority};
use super::reader::{Entry, Faults, Match, Reader, Select};
use super::recent::about;
use super::wording::{MAX_WORDING, wording};
use crate::mask::mask_text;

/// Groups that are kept.
const MAX_GROUPS: usize = 500;
/// Of these, groups of the kernel.
const MAX_KERNEL_GROUPS: usize = 200;
/// Examples of a group.
const MAX_EXAMPLES: usize = 3;
/// Units of a group.
const MAX_UNITS: usize = 16;
/// As much of a message is compared.
const MAX_COMPARED: usize = 1024;

/// What to group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// None: all boots.
    pub(super) boot_id: Option<&'a str>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// 0..=7.
    pub(super) max_priority: u8,
}

/// Messages that are the same but for numbers, of one sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    priority: u8,
    transport: Option<String>,
    identifier: Option<String>,
    message_id: Option<String>,
    wording: String,
}

/// Groups the messages of `window`; `counts` are the entries in it.
pub(super) fn read(
    reader: &Reader,
    window: Window<'_>,
    counts: &Counts,
    deadline: Instant,
) -> (LogDigest, Vec<Gap>) {
    let max_priority = window.max_priority.min(7);
    let mut groups = Groups::default();
    let mut faults = Faults::default();
    let kernel = select(window, ("_TRANSPORT", "kernel"));
    reader.newest_first(&kernel, deadline, &mut faults, |entry| {
        let priority = priority(entry).unwrap_or(7);
        let matters =
            || entry.bytes("MESSAGE").is_some_and(|text| matters(&lossy(text, MAX_COMPARED)));
        if priority <= max_priority || matters() {
            groups.add(priority, entry, MAX_KERNEL_GROUPS);
        }
        ControlFlow::Continue(())
    });
    for priority in 0..=max_priority {
        let text = priority.to_string();
        let select = select(window, ("PRIORITY", &text));
        reader.newest_first(&select, deadline, &mut faults, |entry| {
            if !entry.is("_TRANSPORT", "kernel") {
                groups.add(priority, entry, MAX_GROUPS);
            }
            ControlFlow::Continue(())
        });
    }
    let (groups, entries_not_grouped) = groups.finish();
    let mut gaps = faults.into_gaps("log messages");
    if entries_not_grouped > 0 {
        let what = format!("{entries_not_grouped} log messages");
        let hint = format!("only {MAX_GROUPS} different messages are told apart");
        gaps.push(Gap::new(what, Why::Disabled, hint));
    }
    let digest = LogDigest {
        entries: counts.entries,
        by_priority: counts.by_priority,
        max_priority,
        groups,
        entries_not_grouped,
        patterns: None,
        templates: None,
    };
    (digest, gaps)
}

fn select<'a>(window: Window<'a>, only: Match<'a>) -> Select<'a> {
    let mut all: Vec<Match<'a>> = window.boot_id.map(|id| ("_BOOT_ID", id)).into_iter().collect();
    all.push(only);
    Select { all, any: Vec::new(), since: window.since, until: window.until }
}

#[derive(Default)]
struct Groups {
    by_key: HashMap<Key, LogGroup>,
    not_grouped: u64,
}

impl Groups {
    /// Entries come newest first. A new group is made if there are less than `most`.
    fn add(&mut self, priority: u8, entry: &Entry<'_>, most: usize) {
        let Some(message) = entry.bytes("MESSAGE") else { return };
        let message = lossy(message, MAX_COMPARED);
        let field = |name| entry.bytes(name).map(|value| cut(&lossy(value, 64), 64));
        let key = Key {
            priority,
            transport: field("_TRANSPORT"),
            identifier: identifier(entry),
            message_id: field("MESSAGE_ID"),
            wording: wording(&message),
        };
        let full = self.by_key.len() >= most;
        let group = match self.by_key.entry(key) {
            Place::Occupied(group) => group.into_mut(),
            Place::Vacant(_) if full => {
                self.not_grouped += 1;
                return;
            }
            Place::Vacant(place) => {
                let key = place.key();
                let group = LogGroup {
                    known_bad: false,
                    priority: key.priority,
                    transport: key.transport.clone(),
                    identifier: key.identifier.clone(),
                    message_id: key.message_id.clone(),
                    units: Vec::new(),
                    // Secrets first: a secret without its digits is not recognised.
                    wording: cut(&wording(&mask_text(&message)), MAX_WORDING),
                    count: 0,
                    first: entry.time(),
                    last: entry.time(),
                    examples: Vec::new(),
                };
                place.insert(group)
            }
        };
        group.count += 1;
        group.first = group.first.min(entry.time());
        group.last = group.last.max(entry.time());
        if group.examples.len() < MAX_EXAMPLES {
            group.examples.extend(line(entry));
        }
        for unit in units(entry) {
            if group.units.len() < MAX_UNITS && !group.units.iter().any(|known| known == unit) {
                group.units.push(UnitName::new(cut(unit, 256)));
            }
        }
    }

    /// Most important first, then the most frequent, then the latest.
    fn finish(self) -> (Vec<LogGroup>, u64) {
        let mut groups: Vec<LogGroup> = self.by_key.into_values().collect();
        for group in &mut groups {
            group.examples.reverse();
            group.units.sort();
        }
        groups.sort_by(|a, b| {
            (a.priority, b.count, b.last)
                .cmp(&(b.priority, a.count, a.last))
                .then_with(|| a.wording.cmp(&b.wording))
                .then_with(|| a.identifier.cmp(&b.identifier))
                .then_with(|| a.message_id.cmp(&b.message_id))
                .then_with(|| a.transport.cmp(&b.transport))
        });
        (groups, self.not_grouped)
    }
}

/// The units that a message is about; the manager's own unit only if it is about no other.
pub(super) fn units<'a>(entry: &'a Entry<'_>) -> impl Iterator<Item = &'a str> {
    let others = about(entry).any(|unit| unit != "init.scope");
    about(entry).filter(move |unit| !others || *unit != "init.scope")
}

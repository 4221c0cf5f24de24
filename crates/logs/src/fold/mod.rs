//! Hits become problems: one for each pattern and resource, with how often, when and what was said.
//!
//! Everything is bounded, since anyone can write a log: problems, keys, examples, blocks that are open,
//! lines that wait for the event they belong to. What is beyond is counted under the key `…`.

mod cgroup;
mod joins;
mod live;
mod oom;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sysdiag_model::snapshot::{PatternHit, PatternHits, SuppressedMessages};
use sysdiag_model::{BootId, UnitName, UnitType};

use crate::bounded;
use crate::catalogue::{Aggregate, Captures, Catalogue, OomPart, Order, PatternIndex, PatternSpec};
use crate::event::Event;
use joins::{Joins, Place};
use live::{Live, Seen, get};

/// Problems in what is given in the end.
const MOST_HITS: usize = 500;
/// Problems that are kept apart while messages come in, of all patterns and of one.
const MOST_LIVE: usize = 2_000;
const MOST_OF_PATTERN: usize = 400;
/// Senders of suppressed messages.
const MOST_SUPPRESSED: usize = 500;
/// Key of resources beyond those that are kept apart.
const OTHERS: &str = "…";
/// The pattern of journald's messages about messages that it left out.
const SUPPRESSED: &str = "journal.pressure";
/// systemd says that a unit lost a process this long after the kernel did.
const OOM_UNIT_SECONDS: u32 = 120;

/// Puts the events of one boot or window together.
///
/// Events have to come in the order of time. For each, the patterns that its text may be come from
/// [`Catalogue::candidates`]; those of its message id are found here.
#[derive(Debug)]
pub struct Folder<'c> {
    catalogue: &'c Catalogue,
    boot: Option<BootId>,
    live: Vec<(PatternIndex, String, Live)>,
    places: HashMap<(PatternIndex, String), Place>,
    of_pattern: BTreeMap<PatternIndex, usize>,
    joins: Joins,
    oom: oom::Report,
    suppressed: BTreeMap<String, u64>,
    /// Patterns that others say more about.
    targets: BTreeSet<PatternIndex>,
    /// Patterns of the OOM killer's kills.
    kills: Vec<PatternIndex>,
}

impl<'c> Folder<'c> {
    /// Nothing yet.
    pub fn new(catalogue: &'c Catalogue) -> Self {
        let mut targets = BTreeSet::new();
        let mut kills = Vec::new();
        for (index, spec) in catalogue.specs() {
            match &spec.aggregate {
                Aggregate::Attach { to, .. } => {
                    targets.extend(to.iter().filter_map(|id| catalogue.by_id(id)));
                }
                Aggregate::Oom { part: OomPart::Kill } => kills.push(index),
                _ => {}
            }
        }
        Self {
            catalogue,
            boot: None,
            live: Vec::new(),
            places: HashMap::new(),
            of_pattern: BTreeMap::new(),
            joins: Joins::default(),
            oom: oom::Report::default(),
            suppressed: BTreeMap::new(),
            targets,
            kills,
        }
    }

    /// Takes one event. True: it is what some pattern means.
    ///
    /// `candidates` are those of its text; none are needed for an event that is known by its message id.
    /// Where the id says what it is, the text is not asked.
    pub fn push(&mut self, event: &Event<'_>, candidates: &[PatternIndex]) -> bool {
        if event.boot_id.is_some() && event.boot_id != self.boot {
            if self.boot.is_some() {
                self.next_boot();
            }
            self.boot = event.boot_id;
        }
        let id = event.message_id.map(str::to_ascii_lowercase);
        let by_id = id.map_or(&[][..], |id| self.catalogue.by_message_id(&id));
        self.push_each(event, by_id) || self.push_each(event, candidates)
    }

    fn push_each(&mut self, event: &Event<'_>, patterns: &[PatternIndex]) -> bool {
        let mut any = false;
        for index in patterns {
            let Some(hit) = self.catalogue.confirm(*index, event) else { continue };
            let Some(spec) = self.catalogue.spec(*index) else { continue };
            let unit = unit_of(event, &hit.captures);
            let mut captures = hit.captures;
            if let Some(unit) = &unit
                && get(&captures, "cgroup").is_some()
                && get(&captures, "unit").is_none()
            {
                captures.push(("unit".to_owned(), unit.as_str().to_owned()));
            }
            self.take(*index, spec, Seen::of(event, captures, unit));
            any = true;
        }
        any
    }

    fn take(&mut self, index: PatternIndex, spec: &PatternSpec, seen: Seen) {
        for (index, seen) in self.joins.expired(seen.when) {
            self.alone(index, seen);
        }
        match &spec.aggregate {
            Aggregate::Oom { part } => self.oom(index, spec, *part, seen),
            Aggregate::Attach { .. } => self.attach(index, spec, seen),
            _ => self.event(index, spec, seen),
        }
    }

    /// A line that says more about an event: one that is open, one that was, or one that is to come.
    fn attach(&mut self, index: PatternIndex, spec: &PatternSpec, seen: Seen) {
        let Aggregate::Attach { to, seconds, order, by, alone } = &spec.aggregate else { return };
        let to: Vec<PatternIndex> = to.iter().filter_map(|id| self.catalogue.by_id(id)).collect();
        let by = by.as_deref();
        let is_block = |index: &PatternIndex| {
            let spec = self.catalogue.spec(*index);
            spec.is_some_and(|spec| matches!(spec.aggregate, Aggregate::Block { .. }))
        };
        if to.iter().any(is_block) {
            // Lines of a block whose first line is missing are nothing.
            let place = self.joins.block_of(&to, by, &seen);
            self.say_more(place, &seen);
            return;
        }
        if *order == Order::Before {
            for (index, seen) in self.joins.wait(index, to, *seconds, by, *alone, seen) {
                self.alone(index, seen);
            }
            return;
        }
        let place = self.joins.event_of(&to, *seconds, by, &seen);
        if place.is_some() {
            self.say_more(place, &seen);
        } else if *alone {
            self.alone(index, seen);
        }
    }

    fn say_more(&mut self, place: Option<Place>, seen: &Seen) {
        if let Some((.., live)) = place.and_then(|place| self.live.get_mut(place)) {
            live.say_more(&seen.captures);
        }
    }

    /// An event of its own, or a part of a block that is open.
    fn event(&mut self, index: PatternIndex, spec: &PatternSpec, mut seen: Seen) {
        if let Some(place) = self.joins.block_with(index, seen.when) {
            self.say_more(Some(place), &seen);
            return;
        }
        if let Some(recovery) = &spec.recovery
            && let Some(state) = seen.capture(&recovery.capture)
            && recovery.values.iter().any(|value| value == state)
        {
            let place = self.places.get(&(index, key(spec, &seen)));
            if let Some((.., live)) = place.and_then(|place| self.live.get_mut(*place)) {
                live.recover(seen.when);
            }
            return;
        }
        let place = self.place(index, spec, &seen);
        if spec.id == SUPPRESSED {
            self.suppress(&seen);
        }
        self.count(place, spec, &mut seen);
        if let Aggregate::Block { seconds, lines, joins } = &spec.aggregate {
            let joins = joins.iter().filter_map(|id| self.catalogue.by_id(id)).collect();
            self.joins.open(index, place, joins, (*seconds, *lines), &seen);
        }
        if self.targets.contains(&index) {
            for said in self.joins.counted(index, place, &seen) {
                self.say_more(Some(place), &said);
            }
        }
    }

    fn oom(&mut self, index: PatternIndex, spec: &PatternSpec, part: OomPart, mut seen: Seen) {
        match part {
            OomPart::Kill => {
                let kill = self.oom.kill(&seen);
                if let Some(unit) = &kill.unit {
                    seen.unit = Some(unit.clone());
                    seen.captures.push(("unit".to_owned(), unit.as_str().to_owned()));
                }
                let place = self.place(index, spec, &seen);
                self.count(place, spec, &mut seen);
                self.joins.counted(index, place, &seen);
                if let Some((.., live)) = self.live.get_mut(place) {
                    live.oom = Some(kill);
                }
            }
            OomPart::Unit => {
                let place = self.joins.event_of(&self.kills, OOM_UNIT_SECONDS, Some("unit"), &seen);
                if let Some(live) = place.and_then(|place| self.live.get_mut(place)) {
                    if let Some(kill) = &mut live.2.oom {
                        kill.told_by_systemd = true;
                    }
                    return;
                }
                if seen.unit.as_ref().is_some_and(|unit| self.is_slice_of_kill(unit)) {
                    return;
                }
                let place = self.place(index, spec, &seen);
                self.count(place, spec, &mut seen);
            }
            _ => self.oom.take(part, &seen),
        }
    }

    /// Whether a process beneath a slice was killed. Counts of cgroups are those of all beneath, so
    /// systemd says of the slice, too, that it lost a process: as late as when it is next reloaded.
    fn is_slice_of_kill(&self, unit: &UnitName) -> bool {
        let kills = self.live.iter().filter_map(|(.., live)| live.oom.as_ref()?.cgroup.as_deref());
        unit.unit_type() == Some(UnitType::Slice)
            && kills.flat_map(|path| path.split('/')).any(|part| part == unit.as_str())
    }

    /// What waited for an event in vain and is one by itself.
    fn alone(&mut self, index: PatternIndex, mut seen: Seen) {
        let Some(spec) = self.catalogue.spec(index) else { return };
        let place = self.place(index, spec, &seen);
        self.count(place, spec, &mut seen);
    }

    fn count(&mut self, place: Place, spec: &PatternSpec, seen: &mut Seen) {
        if let Some((.., live)) = self.live.get_mut(place) {
            live.count(spec, seen);
        }
    }

    fn suppress(&mut self, seen: &Seen) {
        let more = seen.capture("messages").and_then(|text| text.parse::<u64>().ok());
        let (Some(sender), Some(more)) = (seen.capture("sender"), more) else { return };
        let known = self.suppressed.contains_key(sender);
        let key = if known || self.suppressed.len() < MOST_SUPPRESSED { sender } else { OTHERS };
        let sum = self.suppressed.entry(key.to_owned()).or_default();
        *sum = sum.saturating_add(more);
    }

    /// Where the problem is that the event is of; a new one if there is none yet.
    fn place(&mut self, index: PatternIndex, spec: &PatternSpec, seen: &Seen) -> Place {
        let mut key = key(spec, seen);
        let of_pattern = self.of_pattern.get(&index).copied().unwrap_or(0);
        if let Some(place) = self.places.get(&(index, key.clone())) {
            return *place;
        }
        if of_pattern >= MOST_OF_PATTERN || self.live.len() >= MOST_LIVE {
            OTHERS.clone_into(&mut key);
            if let Some(place) = self.places.get(&(index, key.clone())) {
                return *place;
            }
        }
        let place = self.live.len();
        self.live.push((index, key.clone(), Live::new(seen.when)));
        self.places.insert((index, key), place);
        self.of_pattern.insert(index, of_pattern.saturating_add(1));
        place
    }

    /// Nothing goes on from one boot to the next.
    fn next_boot(&mut self) {
        for (index, seen) in self.joins.close() {
            self.alone(index, seen);
        }
        self.oom = oom::Report::default();
        for (.., live) in &mut self.live {
            live.forget_window();
        }
    }

    /// What it all amounts to.
    pub fn finish(self) -> PatternHits {
        self.finish_masked(&str::to_owned)
    }

    /// The same, every text of a message taken through `mask`, which replaces secrets.
    pub fn finish_masked(mut self, mask: &dyn Fn(&str) -> String) -> PatternHits {
        self.next_boot();
        let mut hits: Vec<PatternHit> = self
            .live
            .into_iter()
            .filter(|(.., live)| live.has_events())
            .filter_map(|(index, key, live)| {
                Some(live.finish(self.catalogue.spec(index)?, &key, mask))
            })
            .collect();
        hits.sort_by(|a, b| {
            let rank = |hit: &PatternHit| (std::cmp::Reverse((hit.severity, hit.count)), hit.first);
            rank(a).cmp(&rank(b))
        });
        let dropped = hits.len().saturating_sub(MOST_HITS);
        hits.truncate(MOST_HITS);
        let mut suppressed: Vec<SuppressedMessages> = self
            .suppressed
            .into_iter()
            .map(|(sender, messages)| SuppressedMessages { sender, messages })
            .collect();
        suppressed.sort_by_key(|of| std::cmp::Reverse(of.messages));
        PatternHits { hits, hits_dropped: u64::try_from(dropped).unwrap_or(u64::MAX), suppressed }
    }
}

/// The unit that an event is about, else the one that logged it. PID 1 logs about others.
fn unit_of(event: &Event<'_>, captures: &Captures) -> Option<UnitName> {
    if let Some(unit) = get(captures, "unit") {
        return Some(UnitName::new(unit));
    }
    if let Some(path) = get(captures, "cgroup") {
        return cgroup::units(path).system;
    }
    if event.pid == Some(1) {
        let unit = event.fields.field("UNIT")?;
        return Some(UnitName::new(bounded::text(&unit, bounded::MOST_VALUE)));
    }
    Some(UnitName::new(bounded::text(event.unit?.as_bytes(), bounded::MOST_VALUE)))
}

/// What tells one problem of a pattern from another.
fn key(spec: &PatternSpec, seen: &Seen) -> String {
    let mut key = String::new();
    for name in &spec.key {
        let value = match seen.capture(name) {
            None if name == "unit" => seen.unit.as_ref().map(UnitName::as_str),
            value => value,
        };
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(value);
    }
    bounded::cut(&mut key, bounded::MOST_VALUE);
    key
}

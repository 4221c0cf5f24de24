//! The catalogue of known-bad messages over what a reader gives: the same matching for all peers.
//!
//! As the program does it: a text is asked once, and only of entries whose text or message id may be
//! meant are the other fields read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use sysdiag_logs::{Catalogue, Event, Fields, PatternIndex};

/// How many entries each pattern means.
pub struct Hits {
    /// The patterns.
    pub catalogue: Catalogue,
    messages: u64,
    counts: BTreeMap<PatternIndex, u64>,
}

/// What a pattern may ask of an entry.
struct Entry<'g, 'e>(&'g dyn Fn(&str) -> Option<Cow<'e, [u8]>>);

impl Fields for Entry<'_, '_> {
    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        (self.0)(name)
    }

    fn cursor(&self) -> Option<String> {
        None
    }
}

impl Hits {
    /// Nothing yet.
    pub fn new() -> Self {
        let catalogue = Catalogue::with(Vec::new()).expect("the catalogue is good");
        Self { catalogue, messages: 0, counts: BTreeMap::new() }
    }

    /// So many entries have a message.
    pub fn messages(&mut self, count: u64) {
        self.messages += count;
    }

    /// Every field that `confirm` may ask for.
    pub fn fields(&self) -> BTreeSet<&str> {
        let own = [
            "MESSAGE",
            "MESSAGE_ID",
            "PRIORITY",
            "SYSLOG_IDENTIFIER",
            "SYSLOG_PID",
            "_COMM",
            "_PID",
            "_SYSTEMD_UNIT",
            "_TRANSPORT",
            "_UID",
        ];
        let of_spec = self.catalogue.specs().flat_map(|(_, spec)| {
            spec.when.keys().chain(spec.fields.values().flatten()).map(String::as_str)
        });
        own.into_iter().chain(of_spec).collect()
    }

    /// An entry whose text may be meant. Those that a message id explains come by [`Hits::by_id`].
    pub fn by_text<'e>(
        &mut self,
        candidates: &[PatternIndex],
        get: impl Fn(&str) -> Option<Cow<'e, [u8]>>,
    ) {
        if self.of_id(&get).is_empty() {
            self.confirm(candidates, get);
        }
    }

    /// An entry that has one of the message ids.
    pub fn by_id<'e>(&mut self, get: impl Fn(&str) -> Option<Cow<'e, [u8]>>) {
        let patterns = self.of_id(&get);
        if self.confirm(&patterns, &get) {
            return;
        }
        let mut candidates = Vec::new();
        if let Some(message) = get("MESSAGE") {
            self.catalogue.candidates(&message, &mut candidates);
        }
        self.confirm(&candidates, get);
    }

    fn of_id<'e>(&self, get: &impl Fn(&str) -> Option<Cow<'e, [u8]>>) -> Vec<PatternIndex> {
        let id = get("MESSAGE_ID");
        let id = id.as_deref().and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default();
        self.catalogue.by_message_id(&id.to_ascii_lowercase()).to_vec()
    }

    fn confirm<'e>(
        &mut self,
        patterns: &[PatternIndex],
        get: impl Fn(&str) -> Option<Cow<'e, [u8]>>,
    ) -> bool {
        let bytes =
            ["_TRANSPORT", "SYSLOG_IDENTIFIER", "_COMM", "_SYSTEMD_UNIT", "MESSAGE_ID"].map(&get);
        let [transport, identifier, comm, unit, message_id] =
            bytes.each_ref().map(|value| std::str::from_utf8(value.as_deref()?).ok());
        let number = |name| std::str::from_utf8(&get(name)?).ok()?.parse::<u32>().ok();
        let message = get("MESSAGE").unwrap_or_default();
        let event = Event {
            realtime_usec: 0,
            monotonic_usec: None,
            boot_id: None,
            message: &message,
            transport,
            identifier,
            comm,
            unit,
            pid: number("_PID"),
            priority: number("PRIORITY").and_then(|priority| u8::try_from(priority).ok()),
            message_id,
            fields: &Entry(&get),
        };
        let mut any = false;
        for index in patterns {
            if self.catalogue.confirm(*index, &event).is_some() {
                *self.counts.entry(*index).or_default() += 1;
                any = true;
            }
        }
        any
    }

    /// The answer.
    pub fn line(&self) -> String {
        let mut line = format!("{} messages", self.messages);
        for (index, count) in &self.counts {
            let id = self.catalogue.spec(*index).map_or("", |spec| spec.id.as_str());
            let _ = write!(line, ", {id} {count}");
        }
        line
    }
}

/// Texts and what each may be, for peers that see the same text in many entries.
#[derive(Default)]
pub struct Texts(HashMap<Vec<u8>, Vec<PatternIndex>>);

impl Texts {
    /// The patterns that a text may be.
    pub fn candidates(&mut self, hits: &mut Hits, text: &[u8]) -> &[PatternIndex] {
        hits.messages(1);
        if !self.0.contains_key(text) {
            let mut candidates = Vec::new();
            hits.catalogue.candidates(text, &mut candidates);
            self.0.insert(text.to_vec(), candidates);
        }
        &self.0[text]
    }
}

//! Templates out of masked messages, and which template a message belongs to.

use std::collections::HashMap;

use siphasher::sip::SipHasher13;
use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::{LogTemplate, TemplateId};

use super::group;
use super::lexer::{self, Kind, WILDCARD};
use super::merge::{self, Merged};
use super::miner::{self, Settings, Tallies, Tally};
use super::words::{VALUE, Words};

/// The templates of messages.
#[derive(Debug, Clone)]
pub struct Mined {
    /// Most severe first, of one severity the most frequent first.
    pub templates: Vec<LogTemplate>,
    /// Messages that were taken in.
    pub entries: u64,
    /// Templates that were dropped because there were too many.
    pub dropped_templates: u64,
    /// Messages of theirs.
    pub dropped_entries: u64,
    /// Where the templates were met, in their order.
    pub whence: Vec<Whence>,
    /// Sender and masked message to the index of its template.
    index: HashMap<Box<str>, HashMap<Box<str>, usize>>,
}

/// Where a template was met, in the terms of who gave its messages ([`Seen`](super::Seen)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whence {
    /// Where its last message is.
    pub place: u64,
    /// What it was logged for, the most frequent first; at most 64 are told apart.
    pub units: Vec<u32>,
}

impl Mined {
    /// The template of a message that was taken in. None: its template was dropped, or it was taken
    /// in before there were so many that they had to be made into templates on the way.
    pub fn template_of(&self, sender: &str, message: &str) -> Option<&LogTemplate> {
        let (mut pieces, mut text) = (Vec::new(), String::new());
        lexer::cut(message, &mut pieces);
        miner::render(message, &pieces, &mut text);
        let index = self.index.get(miner::sender_name(sender).as_ref())?.get(text.as_str())?;
        self.templates.get(*index)
    }
}

/// One template of one sender.
pub(super) struct Found {
    pub id: TemplateId,
    pub text: String,
    pub tally: Tally,
    /// The masked messages it is of.
    pub masked: Vec<Box<str>>,
}

/// The templates of one sender, in an order that depends on their texts only.
pub(super) fn templates(tallies: Tallies, settings: &Settings) -> Vec<Found> {
    let mut masked: Vec<(Box<str>, Tally)> = tallies.into_iter().collect();
    masked.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut words = Words::new();
    let mut pieces = Vec::new();
    let lines: Vec<group::Line> = masked
        .iter()
        .map(|(text, _)| {
            lexer::cut(text, &mut pieces);
            words.line(text, &pieces)
        })
        .collect();
    let groups = group::grow(&lines, &words, settings);
    let merged = merge::merge(groups, &words, settings);
    let mut masked: Vec<Option<(Box<str>, Tally)>> = masked.into_iter().map(Some).collect();
    let mut found: Vec<Found> = Vec::with_capacity(merged.len());
    for one in merged {
        let text = text_of(&one, &masked);
        let mut tally = Tally::default();
        let mut texts = Vec::with_capacity(one.lines.len());
        for line in &one.lines {
            if let Some((text, part)) = masked.get_mut(*line).and_then(Option::take) {
                tally.join(part);
                texts.push(text);
            }
        }
        found.push(Found { id: id_of(&one, &words), text, tally, masked: texts });
    }
    found
}

/// The text of a template: its first line, without what was folded and with what is variable masked.
fn text_of(merged: &Merged, masked: &[Option<(Box<str>, Tally)>]) -> String {
    let Some(Some((line, _))) = merged.lines.first().and_then(|line| masked.get(*line)) else {
        return String::new();
    };
    let mut pieces = Vec::new();
    lexer::cut(line, &mut pieces);
    let mut text = String::new();
    for (column, token) in merged.kept.iter().zip(&merged.tokens) {
        let Some(piece) = pieces.get(*column) else { continue };
        if piece.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(if *token == VALUE || piece.kind == Kind::Value {
            WILDCARD
        } else {
            piece.text(line)
        });
    }
    text
}

/// White space is no part of it: it differs between lines of one template.
fn id_of(merged: &Merged, words: &Words) -> TemplateId {
    let mut hasher = SipHasher13::new();
    for token in &merged.tokens {
        std::hash::Hasher::write(&mut hasher, words.text(*token).as_bytes());
        std::hash::Hasher::write(&mut hasher, &[0]);
    }
    TemplateId::new(std::hash::Hasher::finish(&hasher))
}

/// The id of a template of a sender.
fn with_sender(sender: &str, id: TemplateId) -> TemplateId {
    let mut hasher = SipHasher13::new();
    std::hash::Hash::hash(&(sender, id), &mut hasher);
    TemplateId::new(std::hash::Hasher::finish(&hasher))
}

/// Templates of all senders, the most important of them.
pub(super) fn finish(
    senders: HashMap<Box<str>, Tallies>,
    settings: &Settings,
    entries: u64,
    mut dropped_templates: u64,
    mut dropped_entries: u64,
) -> Mined {
    let mut all: Vec<(Box<str>, Found)> = Vec::new();
    for (sender, tallies) in senders {
        for found in templates(tallies, settings) {
            if found.tally.count > 0 {
                all.push((sender.clone(), found));
            }
        }
    }
    all.sort_unstable_by(|(sender_a, a), (sender_b, b)| {
        let key = |tally| miner::importance(tally);
        key(&a.tally)
            .cmp(&key(&b.tally))
            .then_with(|| (sender_a, &a.text, a.id).cmp(&(sender_b, &b.text, b.id)))
    });
    for (_, found) in all.iter().skip(settings.max_templates) {
        dropped_templates = dropped_templates.saturating_add(1);
        dropped_entries = dropped_entries.saturating_add(found.tally.count);
    }
    all.truncate(settings.max_templates);
    let mut index: HashMap<Box<str>, HashMap<Box<str>, usize>> = HashMap::new();
    let mut templates = Vec::with_capacity(all.len());
    let mut whence = Vec::with_capacity(all.len());
    for (at, (sender, found)) in all.into_iter().enumerate() {
        let Found { id, text, mut tally, masked } = found;
        tally.units.sort_by_key(|(unit, count)| (std::cmp::Reverse(*count), *unit));
        let units = tally.units.iter().map(|(unit, _)| *unit).collect();
        whence.push(Whence { place: tally.place, units });
        templates.push(LogTemplate {
            id: tally.known.unwrap_or_else(|| with_sender(&sender, id)),
            sender: sender.to_string(),
            text,
            priority: tally.priority.unwrap_or(7),
            count: tally.count,
            first: tally.first.unwrap_or(Timestamp::from_usec(0)),
            last: tally.last.unwrap_or(Timestamp::from_usec(0)),
            recent_hours: (!tally.unplaced).then_some(tally.hours),
            example: None,
        });
        index.entry(sender).or_default().extend(masked.into_iter().map(|text| (text, at)));
    }
    Mined { templates, entries, dropped_templates, dropped_entries, whence, index }
}

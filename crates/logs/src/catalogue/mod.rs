//! Messages known to be bad, as data: the files in `data/` and what the user adds.
//!
//! Two steps, since a journal stores each distinct message once: [`Catalogue::candidates`] decides by
//! the text alone, once for each distinct text; [`Catalogue::confirm`] decides who said it, for each
//! entry that has such a text. Nothing is put together here: that is [`crate::Folder`].

mod error;
mod pattern;
mod required;
mod spec;

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;

pub use error::PatternError;
pub(crate) use pattern::Captures;
use pattern::{MOST_TEXT, Pattern};
pub use spec::{Aggregate, OomPart, Order, Origin, PatternSpec, Recovery, SeverityBy};

use crate::event::Event;

/// The files of the catalogue.
const FILES: [(&str, &str); 10] = [
    ("auth.toml", include_str!("data/auth.toml")),
    ("disk.toml", include_str!("data/disk.toml")),
    ("fs.toml", include_str!("data/fs.toml")),
    ("hardware.toml", include_str!("data/hardware.toml")),
    ("kernel.toml", include_str!("data/kernel.toml")),
    ("limits.toml", include_str!("data/limits.toml")),
    ("memory.toml", include_str!("data/memory.toml")),
    ("network.toml", include_str!("data/network.toml")),
    ("services.toml", include_str!("data/services.toml")),
    ("systemd.toml", include_str!("data/systemd.toml")),
];

/// Patterns that a user may add.
const MOST_EXTRA: usize = 1000;

/// A pattern of one [`Catalogue`], by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatternIndex(usize);

/// An event that is what a pattern means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The pattern.
    pub pattern: PatternIndex,
    /// Values by name, each of at most 256 bytes.
    pub captures: Vec<(String, String)>,
}

/// All patterns, ready to match.
#[derive(Debug)]
pub struct Catalogue {
    patterns: Vec<Pattern>,
    by_id: BTreeMap<String, PatternIndex>,
    by_message_id: BTreeMap<String, Vec<PatternIndex>>,
    literals: AhoCorasick,
    /// The patterns of each literal.
    of_literal: Vec<Vec<PatternIndex>>,
    /// Patterns that have to be tried with every text.
    without_literal: Vec<PatternIndex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pattern: Vec<PatternSpec>,
}

impl Catalogue {
    /// The built-in patterns and `extra` ones. An id that is taken is an error, as is a pattern that
    /// cannot be used: a regex that is wrong or too large, a name that nothing captures.
    pub fn with(extra: Vec<PatternSpec>) -> Result<Self, PatternError> {
        let mut patterns = Vec::new();
        for (name, text) in FILES {
            let file: File = toml::from_str(text)
                .map_err(|error| PatternError::new(name, "file", error.message()))?;
            for spec in file.pattern {
                patterns.push(Pattern::new(spec, false)?);
            }
        }
        if extra.len() > MOST_EXTRA {
            let why = format!("{} patterns, at most {MOST_EXTRA} are allowed", extra.len());
            return Err(PatternError::new("logs.patterns", "file", why));
        }
        for spec in extra {
            patterns.push(Pattern::new(spec, true)?);
        }
        Self::of(patterns)
    }

    fn of(patterns: Vec<Pattern>) -> Result<Self, PatternError> {
        let mut by_id = BTreeMap::new();
        let mut by_message_id: BTreeMap<String, Vec<PatternIndex>> = BTreeMap::new();
        let mut of_literal: BTreeMap<&[u8], Vec<PatternIndex>> = BTreeMap::new();
        let mut without_literal = Vec::new();
        for (place, pattern) in patterns.iter().enumerate() {
            let index = PatternIndex(place);
            if by_id.insert(pattern.spec.id.clone(), index).is_some() {
                return Err(PatternError::new(&pattern.spec.id, "id", "there is one with this id"));
            }
            for id in &pattern.spec.message_ids {
                by_message_id.entry(id.to_ascii_lowercase()).or_default().push(index);
            }
            if pattern.is_by_text() && pattern.literals.is_empty() {
                without_literal.push(index);
            }
            for literal in pattern.literals.iter().filter(|_| pattern.is_by_text()) {
                of_literal.entry(literal).or_default().push(index);
            }
        }
        for pattern in &patterns {
            let (key, named) = match &pattern.spec.aggregate {
                Aggregate::Attach { to, .. } => ("aggregate.to", to),
                Aggregate::Block { joins, .. } => ("aggregate.joins", joins),
                _ => continue,
            };
            if let Some(unknown) = named.iter().find(|id| !by_id.contains_key(*id)) {
                let why = format!("there is no pattern '{unknown}'");
                return Err(PatternError::new(&pattern.spec.id, key, why));
            }
        }
        let literals = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(of_literal.keys())
            .map_err(|error| PatternError::new("catalogue", "regex", error.to_string()))?;
        let of_literal = of_literal.into_values().collect();
        Ok(Self { patterns, by_id, by_message_id, literals, of_literal, without_literal })
    }

    /// Appends the patterns that `text` may be by itself, whoever said it; each once. Linear in the text,
    /// of which the first 16 KiB are looked at.
    pub fn candidates(&self, text: &[u8], out: &mut Vec<PatternIndex>) {
        let text = text.get(..MOST_TEXT).unwrap_or(text);
        let start = out.len();
        for found in self.literals.find_overlapping_iter(text) {
            for index in self.of_literal.get(found.pattern().as_usize()).into_iter().flatten() {
                if !out.iter().skip(start).any(|known| known == index) {
                    out.push(*index);
                }
            }
        }
        out.extend(&self.without_literal);
        let mut place = start;
        while let Some(index) = out.get(place) {
            if self.pattern(*index).is_some_and(|pattern| pattern.matches_text(text)) {
                place += 1;
            } else {
                out.swap_remove(place);
            }
        }
        out.get_mut(start..).into_iter().for_each(<[PatternIndex]>::sort_unstable);
    }

    /// The pattern and the captures, if the event is what the pattern means: by message id, or by text
    /// and sender.
    pub fn confirm(&self, index: PatternIndex, event: &Event<'_>) -> Option<Hit> {
        let captures = self.pattern(index)?.confirm(event)?;
        Some(Hit { pattern: index, captures })
    }

    /// Every message id that is looked for, 32 lower-case hexadecimal digits each.
    pub fn message_ids(&self) -> impl Iterator<Item = &str> {
        self.by_message_id.keys().map(String::as_str)
    }

    /// The patterns of a message id in lower case.
    pub fn by_message_id(&self, id: &str) -> &[PatternIndex] {
        self.by_message_id.get(id).map_or(&[], Vec::as_slice)
    }

    /// The pattern of an id.
    pub fn by_id(&self, id: &str) -> Option<PatternIndex> {
        self.by_id.get(id).copied()
    }

    /// What is written down about a pattern. None: the index is of another catalogue.
    pub fn spec(&self, index: PatternIndex) -> Option<&PatternSpec> {
        self.pattern(index).map(|pattern| &pattern.spec)
    }

    /// All patterns, the user's last.
    pub fn specs(&self) -> impl Iterator<Item = (PatternIndex, &PatternSpec)> {
        self.patterns.iter().enumerate().map(|(place, known)| (PatternIndex(place), &known.spec))
    }

    fn pattern(&self, index: PatternIndex) -> Option<&Pattern> {
        self.patterns.get(index.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One without would cost each message a regex.
    #[test]
    fn every_built_in_text_has_literals() {
        let catalogue = Catalogue::with(Vec::new()).unwrap();
        let without: Vec<&str> = catalogue
            .without_literal
            .iter()
            .filter_map(|index| Some(catalogue.spec(*index)?.id.as_str()))
            .collect();
        assert!(without.is_empty(), "{without:?}");
    }
}

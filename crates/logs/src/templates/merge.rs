//! Merges templates that the tree kept apart: those that differ in the length of a list, and those
//! that differ in one word that has many forms.

use std::collections::BTreeMap;

use super::Settings;
use super::group::{Column, Group, Line};
use super::words::{Token, VALUE, Words};

/// The longest thing whose repetition is a list.
const PERIOD: usize = 6;

/// A template, and which of the tokens of its first line it has left.
#[derive(Debug)]
pub(super) struct Merged {
    /// Indices of lines, the first of which is the model of the text.
    pub lines: Vec<usize>,
    /// What the template is told by: tokens, lists folded.
    pub tokens: Line,
    /// Columns of the first line that `tokens` are.
    pub kept: Vec<usize>,
}

/// Merges `groups`; the outcome does not depend on their order.
pub(super) fn merge(groups: Vec<Group>, words: &Words, settings: &Settings) -> Vec<Merged> {
    let mut merged = same(groups.into_iter().map(|group| {
        let kept = fold(&group.tokens, words);
        let tokens = kept.iter().filter_map(|at| group.tokens.get(*at)).copied().collect();
        Merged { lines: group.lines, tokens, kept }
    }));
    for _ in 0..settings.rounds {
        let before = merged.len();
        merged = same(one_word(merged, words, settings).into_iter());
        if merged.len() == before {
            break;
        }
    }
    merged
}

/// Joins what has the same tokens.
fn same(all: impl Iterator<Item = Merged>) -> Vec<Merged> {
    let mut by_tokens: BTreeMap<Line, Merged> = BTreeMap::new();
    for one in all {
        match by_tokens.get_mut(&one.tokens) {
            None => {
                by_tokens.insert(one.tokens.clone(), one);
            }
            Some(other) => {
                // The model of the text is the line that sorts first.
                let (mut lead, mut rest) = if one.lines.first() < other.lines.first() {
                    (
                        one,
                        std::mem::replace(
                            other,
                            Merged { lines: vec![], tokens: vec![], kept: vec![] },
                        ),
                    )
                } else {
                    (
                        std::mem::replace(
                            other,
                            Merged { lines: vec![], tokens: vec![], kept: vec![] },
                        ),
                        one,
                    )
                };
                lead.lines.append(&mut rest.lines);
                *other = lead;
            }
        }
    }
    by_tokens.into_values().collect()
}

/// Columns that are left when adjacent values are one, `1, 2, 3` is one, and what repeats with a
/// value in it (`1 <ok> 2 <ok>`) is there once.
fn fold(tokens: &[Token], words: &Words) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(tokens.len());
    let at = |kept: &[usize], back: usize| -> Option<Token> {
        kept.len().checked_sub(back).and_then(|i| kept.get(i)).and_then(|i| tokens.get(*i)).copied()
    };
    for (index, token) in tokens.iter().enumerate() {
        if *token == VALUE {
            if at(&kept, 1) == Some(VALUE) {
                continue;
            }
            let listed =
                at(&kept, 1).is_some_and(|mark| matches!(words.text(mark), "," | "|" | ";"));
            if listed && at(&kept, 2) == Some(VALUE) {
                kept.pop();
                continue;
            }
        }
        kept.push(index);
        for period in 2..=PERIOD {
            let Some(second) = kept.len().checked_sub(period) else { break };
            let Some(first) = second.checked_sub(period) else { break };
            let pick = |range: std::ops::Range<usize>| {
                kept.get(range).unwrap_or_default().iter().map(|i| tokens.get(*i))
            };
            let valued = pick(second..kept.len()).any(|token| token == Some(&VALUE));
            if valued && pick(first..second).eq(pick(second..kept.len())) {
                kept.truncate(second);
                break;
            }
        }
    }
    kept
}

/// Joins templates that are equal but for one word, if that word is variable.
fn one_word(mut all: Vec<Merged>, words: &Words, settings: &Settings) -> Vec<Merged> {
    // Where each template would land if one column were a value: templates that land together are
    // equal but for that column.
    let mut places: Vec<(u64, usize, usize)> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let each = |at: usize, token: Token| mix((at as u64) << 32 | u64::from(token));
        let whole =
            one.tokens.iter().enumerate().fold(mix(one.tokens.len() as u64), |sum, (at, token)| {
                sum.wrapping_add(each(at, *token))
            });
        for (at, token) in one.tokens.iter().enumerate() {
            if !words.is_mark(*token) {
                places.push((whole.wrapping_sub(each(at, *token)), at, index));
            }
        }
    }
    places.sort_unstable();
    let mut places: Vec<(usize, Vec<usize>)> = places
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .filter(|together| together.len() > 1)
        .filter_map(|together| {
            Some((together.first()?.1, together.iter().map(|place| place.2).collect()))
        })
        .collect();
    // The widest first; ties by the templates, which are sorted by their tokens.
    places.sort_unstable_by(|a, b| {
        b.1.len().cmp(&a.1.len()).then_with(|| (&a.1, a.0).cmp(&(&b.1, b.0)))
    });
    let mut done = vec![false; all.len()];
    for (column, members) in places {
        let members: Vec<usize> =
            members.into_iter().filter(|i| done.get(*i) == Some(&false)).collect();
        let Some(model) = members.first().and_then(|i| all.get(*i)) else { continue };
        let constants = model
            .tokens
            .iter()
            .enumerate()
            .filter(|(at, token)| *at != column && **token != VALUE && !words.is_mark(**token))
            .count();
        let cue = column
            .checked_sub(1)
            .and_then(|at| model.tokens.get(at))
            .is_some_and(|t| words.is_cue(*t));
        let mut held = Column::default();
        for one in members.iter().filter_map(|i| all.get(*i)) {
            if let Some(token) = one.tokens.get(column) {
                held.add(*token, cue, words, settings);
            }
        }
        if members.len() < 2 || !held.is_variable(column == 0, constants, settings) {
            continue;
        }
        for index in members {
            if let Some(flag) = done.get_mut(index) {
                *flag = true;
            }
            if let Some(token) = all.get_mut(index).and_then(|one| one.tokens.get_mut(column)) {
                *token = VALUE;
            }
        }
    }
    for one in &mut all {
        let left = fold(&one.tokens, words);
        if left.len() < one.tokens.len() {
            one.tokens = left.iter().filter_map(|at| one.tokens.get(*at)).copied().collect();
            one.kept = left.iter().filter_map(|at| one.kept.get(*at)).copied().collect();
        }
    }
    all
}

/// Spreads a number over 64 bits (the finalizer of `SplitMix64`, Steele et al., 2014). Two templates
/// that were made to have equal sums become one: nothing worse comes of it.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

//! Finds which words of masked messages are variable: a tree keyed by length and punctuation.
//!
//! After "Brain: Log Parsing With Bidirectional Parallel Tree" (Yu et al., IEEE Transactions on
//! Services Computing, 2023): words of one message that occur equally often in their columns belong
//! together; they are the root under which the other columns are told constant or variable. The
//! conditions for that are this project's own. The outcome does not depend on the order of messages,
//! and every step is linear in the tokens.

use std::collections::BTreeMap;

use super::Settings;
use super::names::Sense;
use super::words::{Token, VALUE, Words};

/// One masked message: its tokens, marks among them.
pub(super) type Line = Vec<Token>;

/// Lines of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Indices of lines.
    pub lines: Vec<usize>,
    /// The first of them, its variable columns as [`VALUE`].
    pub tokens: Line,
}

/// Levels of the tree; what is still together below is left apart, each line by itself.
const DEPTH: usize = 24;

/// Groups lines of one sender by length, punctuation and words.
pub(super) fn grow(lines: &[Line], words: &Words, settings: &Settings) -> Vec<Group> {
    let mut buckets: BTreeMap<Line, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let layout =
            line.iter().map(|token| if words.is_mark(*token) { *token } else { VALUE }).collect();
        buckets.entry(layout).or_default().push(index);
    }
    let mut groups = Vec::new();
    let tree = Tree { lines, words, settings };
    for (layout, members) in buckets {
        let columns: Vec<usize> =
            (0..).zip(&layout).filter(|(_, token)| **token == VALUE).map(|(at, _)| at).collect();
        tree.grow(members, &columns, 0, &mut groups);
    }
    groups
}

/// What the column of some lines or templates holds.
#[derive(Debug, Default, Clone)]
pub(super) struct Column {
    distinct: Vec<Token>,
    valued: bool,
    states: usize,
    capitals: usize,
    names: usize,
}

impl Column {
    /// Counts a token.
    pub(super) fn add(
        &mut self,
        token: Token,
        after_cue: bool,
        words: &Words,
        settings: &Settings,
    ) {
        if self.is_full(settings) || self.distinct.contains(&token) {
            return;
        }
        self.distinct.push(token);
        if token == VALUE {
            self.valued = true;
            return;
        }
        match words.sense(token) {
            Sense::State => self.states += 1,
            Sense::Capitals => self.capitals += 1,
            Sense::Name => self.names += 1,
            Sense::Plain if after_cue => self.names += 1,
            Sense::Plain => {}
        }
    }

    fn is_full(&self, settings: &Settings) -> bool {
        self.distinct.len() >= settings.many_states
    }

    /// Its words differ.
    pub(super) fn differs(&self) -> bool {
        self.distinct.len() > 1
    }

    /// It is a word, the same in all.
    fn is_constant(&self) -> bool {
        self.distinct.len() == 1 && !self.valued
    }

    /// It is variable, among `constants` words that all have in common.
    pub(super) fn is_variable(&self, first: bool, constants: usize, settings: &Settings) -> bool {
        let others = self.others();
        // The first word is the one that says most often what happened.
        let enough =
            if first && !self.is_named() { settings.constants_first } else { settings.constants };
        constants >= enough
            && self.differs()
            && ((self.valued && others > 0) || self.is_open(settings))
    }

    /// It has so many words, or such, that it is variable also where only one of them comes.
    fn is_open(&self, settings: &Settings) -> bool {
        (self.is_named() && self.states == 0)
            || self.others() >= settings.variable_from
            || self.is_full(settings)
    }

    fn is_named(&self) -> bool {
        self.names > 0 && self.others() == self.names
    }

    /// Words that tell no state.
    fn others(&self) -> usize {
        let told = usize::from(self.valued) + self.states + self.capitals;
        self.distinct.len().saturating_sub(told)
    }
}

struct Tree<'a> {
    lines: &'a [Line],
    words: &'a Words,
    settings: &'a Settings,
}

impl Tree<'_> {
    fn token(&self, line: usize, column: usize) -> Token {
        self.lines.get(line).and_then(|line| line.get(column)).copied().unwrap_or(VALUE)
    }

    fn column(&self, members: &[usize], at: usize) -> Column {
        let mut column = Column::default();
        for line in members {
            let cue = at
                .checked_sub(1)
                .is_some_and(|before| self.words.is_cue(self.token(*line, before)));
            column.add(self.token(*line, at), cue, self.words, self.settings);
            if column.is_full(self.settings) {
                break;
            }
        }
        column
    }

    /// Groups lines of one layout by their roots.
    fn grow(&self, members: Vec<usize>, columns: &[usize], depth: usize, groups: &mut Vec<Group>) {
        if members.len() == 1 || depth > DEPTH {
            groups.extend(members.into_iter().map(|line| self.leaf(vec![line], &[])));
            return;
        }
        // For each column, how many lines have a word: sorted by word.
        let support: Vec<Vec<(Token, u32)>> = columns
            .iter()
            .map(|at| occurrences(members.iter().map(|line| self.token(*line, *at)).collect()))
            .collect();
        let mut roots: BTreeMap<Vec<(usize, Token)>, Vec<usize>> = BTreeMap::new();
        let mut counts = Vec::new();
        for line in members {
            counts.clear();
            counts.extend(columns.iter().zip(&support).filter_map(|(column, words)| {
                let token = self.token(line, *column);
                let at = words.binary_search_by_key(&token, |(word, _)| *word).ok()?;
                words.get(at).filter(|_| token != VALUE).map(|(_, count)| (*count, *column, token))
            }));
            roots.entry(root(&mut counts)).or_default().push(line);
        }
        for members in roots.into_values() {
            self.branch(members, columns, depth, groups);
        }
    }

    /// Tells constant from variable columns among lines of one root.
    fn branch(
        &self,
        members: Vec<usize>,
        columns: &[usize],
        depth: usize,
        groups: &mut Vec<Group>,
    ) {
        if members.len() == 1 {
            groups.push(self.leaf(members, &[]));
            return;
        }
        let held: Vec<(usize, Column)> =
            columns.iter().map(|at| (*at, self.column(&members, *at))).collect();
        let constants = held.iter().filter(|(_, column)| column.is_constant()).count();
        let first = columns.first().copied();
        let variable: Vec<usize> = held
            .iter()
            .filter(|(at, column)| column.is_variable(Some(*at) == first, constants, self.settings))
            .map(|(at, _)| *at)
            .collect();
        if variable.len() * 2 <= constants + 1 {
            // Words that are few tell templates apart.
            let rest: Vec<usize> = held
                .iter()
                .filter(|(at, column)| column.differs() && !variable.contains(at))
                .map(|(at, _)| *at)
                .collect();
            let mut parts: BTreeMap<Line, Vec<usize>> = BTreeMap::new();
            for line in members {
                parts
                    .entry(rest.iter().map(|at| self.token(line, *at)).collect())
                    .or_default()
                    .push(line);
            }
            let open: Vec<usize> = held
                .iter()
                .filter(|(at, column)| variable.contains(at) && column.is_open(self.settings))
                .map(|(at, _)| *at)
                .collect();
            for part in parts.into_values() {
                let differs = |at: &usize| open.contains(at) || self.column(&part, *at).differs();
                let variable: Vec<usize> = variable.iter().copied().filter(differs).collect();
                groups.push(self.leaf(part, &variable));
            }
            return;
        }
        // Too little in common: the column with the fewest words splits them.
        let by = held
            .iter()
            .filter(|(_, c)| c.differs())
            .min_by_key(|(at, c)| (c.distinct.len(), *at))
            .map(|(at, _)| *at);
        let mut parts: BTreeMap<Option<Token>, Vec<usize>> = BTreeMap::new();
        for line in members {
            parts.entry(by.map(|at| self.token(line, at))).or_default().push(line);
        }
        for part in parts.into_values() {
            self.grow(part, columns, depth + 1, groups);
        }
    }

    fn leaf(&self, members: Vec<usize>, variable: &[usize]) -> Group {
        let mut tokens =
            members.first().and_then(|line| self.lines.get(*line)).cloned().unwrap_or_default();
        for column in variable {
            if let Some(token) = tokens.get_mut(*column) {
                *token = VALUE;
            }
        }
        Group { lines: members, tokens }
    }
}

/// Each word and how often it occurs, sorted by word.
fn occurrences(mut tokens: Vec<Token>) -> Vec<(Token, u32)> {
    tokens.sort_unstable();
    tokens
        .chunk_by(|a, b| a == b)
        .filter_map(|same| Some((*same.first()?, u32::try_from(same.len()).unwrap_or(u32::MAX))))
        .collect()
}

/// The words of a line that occur equally often; of several such sets the largest, then the one
/// that occurs most.
fn root(counts: &mut [(u32, usize, Token)]) -> Vec<(usize, Token)> {
    counts.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let most = counts.first().map_or(0, |first| first.0);
    counts
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.first().is_some_and(|first| first.0.saturating_mul(2) >= most))
        .reduce(|best, same| if same.len() > best.len() { same } else { best })
        .map(|same| same.iter().map(|(_, column, token)| (*column, *token)).collect())
        .unwrap_or_default()
}

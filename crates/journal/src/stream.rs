//! Entries of one file that fit a selection, by the lists of their values.
//!
//! A list is never read from its beginning: each jumps to the next entry that all others can still
//! have, by steps that double.

use std::collections::BTreeMap;

use crate::chain::Chain;
use crate::file::File;
use crate::range::Range;
use crate::select::{Direction, Match, Select};

/// The entries of a file that fit, as places in it.
#[derive(Debug)]
pub(crate) enum Stream {
    List(List),
    /// In one at least.
    Any(Vec<Stream>),
    /// In every one.
    All(Vec<Stream>),
}

/// A list of entries, and what is left of it: the places `from..to`.
#[derive(Debug)]
pub(crate) struct List {
    chain: Chain,
    from: u64,
    to: u64,
    /// What was found last, and is at `from`: the next is one further, as a rule. 0: nothing yet.
    found: u64,
}

impl Stream {
    /// What of `file` fits `select`. None: nothing.
    pub(crate) fn new(file: &File, select: &Select) -> Option<Self> {
        let range = file.range(&select.window)?;
        if select.groups.is_empty() {
            return Self::window(file, select, &range);
        }
        let mut groups = Vec::new();
        for group in &select.groups {
            groups.extend(Self::group(file, select, group, &range));
        }
        match groups.len() {
            0 => None,
            1 => groups.pop(),
            _ => Some(Self::Any(groups)),
        }
    }

    /// No more entries than this are in it.
    pub(crate) fn most(&self) -> u64 {
        match self {
            Self::List(list) => list.to - list.from,
            Self::Any(any) => any.iter().fold(0, |sum, stream| sum.saturating_add(stream.most())),
            Self::All(all) => all.iter().map(Self::most).min().unwrap_or(0),
        }
    }

    /// All entries of the window.
    fn window(file: &File, select: &Select, range: &Range) -> Option<Self> {
        match select.window.boot.filter(|_| range.only.is_some()) {
            Some(boot) => {
                let value = format!("_BOOT_ID={boot}");
                let (_, object) = file.find_data(value.as_bytes())?;
                List::new(file, Chain::of_data(file, object), range)
            }
            None => List::new(file, file.all().clone(), range),
        }
    }

    fn group(file: &File, select: &Select, group: &[Match], range: &Range) -> Option<Self> {
        let mut fields = BTreeMap::<&[u8], Vec<&Match>>::new();
        for term in group {
            fields.entry(term.field()).or_default().push(term);
        }
        let mut all = Vec::with_capacity(fields.len() + 1);
        for terms in fields.values() {
            let mut any = Vec::new();
            for term in terms {
                if let Some((_, object)) = file.find_data(term.bytes()) {
                    any.extend(List::new(file, Chain::of_data(file, object), range));
                }
            }
            all.push(match any.len() {
                0 => return None,
                1 => any.pop()?,
                _ => Self::Any(any),
            });
        }
        if range.only.is_some() || all.is_empty() {
            all.push(Self::window(file, select, range)?);
        }
        if all.len() == 1 { all.pop() } else { Some(Self::All(all)) }
    }

    /// The entries that come after the one that was found last, as far as that is known without looking.
    pub(crate) fn upcoming<'s>(
        &'s self,
        file: &'s File,
        direction: Direction,
        count: usize,
    ) -> impl Iterator<Item = u64> + use<'s> {
        let list = match self {
            Self::List(list) if direction == Direction::Forward => Some(list),
            _ => None,
        };
        list.into_iter().flat_map(move |list| {
            let places = (list.from + 1)..list.to;
            places.take(count).filter_map(|place| list.chain.nth(file, place))
        })
    }

    /// The first entry at `offset` or after it. To be asked with offsets that rise.
    pub(crate) fn at_or_after(&mut self, file: &File, offset: u64) -> Option<u64> {
        match self {
            Self::List(list) => list.at_or_after(file, offset),
            Self::Any(any) => {
                any.iter_mut().filter_map(|stream| stream.at_or_after(file, offset)).min()
            }
            Self::All(all) => agree(all, offset, |stream, at| stream.at_or_after(file, at)),
        }
    }

    /// The last entry at `offset` or before it. To be asked with offsets that fall.
    pub(crate) fn at_or_before(&mut self, file: &File, offset: u64) -> Option<u64> {
        match self {
            Self::List(list) => list.at_or_before(file, offset),
            Self::Any(any) => {
                any.iter_mut().filter_map(|stream| stream.at_or_before(file, offset)).max()
            }
            Self::All(all) => agree(all, offset, |stream, at| stream.at_or_before(file, at)),
        }
    }
}

/// The next place that all have.
fn agree(
    all: &mut [Stream],
    mut at: u64,
    next: impl Fn(&mut Stream, u64) -> Option<u64>,
) -> Option<u64> {
    // The number of streams in a row that have `at`.
    let mut same = 0;
    let mut turn = 0;
    let count = all.len();
    while same < count {
        let found = next(all.get_mut(turn)?, at)?;
        same = if found == at { same + 1 } else { 1 };
        at = found;
        turn = (turn + 1) % count;
    }
    Some(at)
}

impl List {
    #[expect(clippy::new_ret_no_self, reason = "a list is only ever a stream")]
    fn new(file: &File, chain: Chain, range: &Range) -> Option<Stream> {
        let (from, to) = range.clip(file, &chain);
        (from < to).then_some(Stream::List(Self { chain, from, to, found: 0 }))
    }

    fn at_or_after(&mut self, file: &File, offset: u64) -> Option<u64> {
        let next = self.from + 1;
        if self.found != 0
            && self.found < offset
            && next < self.to
            && let Some(at) = self.chain.nth(file, next)
            && at >= offset
        {
            (self.from, self.found) = (next, at);
            return Some(at);
        }
        let before = |place| self.chain.nth(file, place).is_none_or(|at| at < offset);
        let (mut low, mut probe, mut step) = (self.from, self.from, 1);
        while probe < self.to && before(probe) {
            low = probe + 1;
            probe = probe.saturating_add(step);
            step *= 2;
        }
        let high = probe.min(self.to);
        self.from = self.chain.partition_in(file, low, high, |at| at < offset);
        self.found = 0;
        if self.from >= self.to {
            return None;
        }
        let found = self.chain.nth(file, self.from)?;
        self.found = found;
        Some(found)
    }

    fn at_or_before(&mut self, file: &File, offset: u64) -> Option<u64> {
        let after = |place| self.chain.nth(file, place).is_none_or(|at| at > offset);
        // `high` and all beyond are after; `probe` is one below the place that is tried.
        let (mut high, mut probe, mut step) = (self.to, self.to, 1);
        while probe > self.from && after(probe - 1) {
            high = probe - 1;
            probe = probe.saturating_sub(step).max(self.from);
            step *= 2;
        }
        let low = probe.min(high);
        self.to = self.chain.partition_in(file, low.max(self.from), high, |at| at <= offset);
        // What cannot be read counts as before.
        while self.to > self.from {
            match self.chain.nth(file, self.to - 1) {
                Some(at) if at <= offset => return Some(at),
                _ => self.to -= 1,
            }
        }
        None
    }
}

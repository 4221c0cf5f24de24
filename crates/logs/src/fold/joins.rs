//! What belongs together in time: blocks that are open, lines that say more about an event that was,
//! and lines that wait for the event to come.

use std::collections::VecDeque;

use super::live::{Seen, get};
use crate::catalogue::{Captures, PatternIndex};
use crate::event::When;

/// Place of a problem in the folder.
pub(super) type Place = usize;

const MOST_OPEN: usize = 16;
const MOST_RECENT: usize = 64;
const MOST_WAITING: usize = 128;

/// Everything that is not over yet.
#[derive(Debug, Default)]
pub(super) struct Joins {
    open: VecDeque<Block>,
    recent: VecDeque<Recent>,
    waiting: VecDeque<Waiting>,
}

/// A block of lines of which more may come.
#[derive(Debug)]
struct Block {
    pattern: PatternIndex,
    place: Place,
    joins: Vec<PatternIndex>,
    last: When,
    seconds: u32,
    lines_left: u32,
    captures: Captures,
}

/// An event that was counted.
#[derive(Debug)]
struct Recent {
    pattern: PatternIndex,
    place: Place,
    when: When,
    captures: Captures,
}

/// A line that came before its event.
#[derive(Debug)]
struct Waiting {
    pattern: PatternIndex,
    to: Vec<PatternIndex>,
    seconds: u32,
    by: Option<String>,
    alone: bool,
    seen: Seen,
}

/// Lines that are events of their own after all.
pub(super) type Alone = Vec<(PatternIndex, Seen)>;

impl Joins {
    /// A block begins.
    pub(super) fn open(
        &mut self,
        pattern: PatternIndex,
        place: Place,
        joins: Vec<PatternIndex>,
        (seconds, lines): (u32, u32),
        seen: &Seen,
    ) {
        // Its lines are told from those of another one by what both capture, if at all.
        self.open.retain(|block| block.place != place);
        if self.open.len() >= MOST_OPEN {
            self.open.pop_front();
        }
        let (last, captures) = (seen.when, seen.captures.clone());
        let lines_left = lines;
        self.open.push_back(Block { pattern, place, joins, last, seconds, lines_left, captures });
    }

    /// The block that is open and that events of this pattern are part of.
    pub(super) fn block_with(&mut self, pattern: PatternIndex, now: When) -> Option<Place> {
        let block = self.open.iter_mut().rev().find(|block| block.joins.contains(&pattern))?;
        block.grow(now).then_some(block.place)
    }

    /// The block that is open and that a line is of, by the value of the capture `by` if there is one.
    pub(super) fn block_of(
        &mut self,
        to: &[PatternIndex],
        by: Option<&str>,
        line: &Seen,
    ) -> Option<Place> {
        let at = self.open.iter().rposition(|block| {
            to.contains(&block.pattern)
                && by.is_none_or(|by| has_equal(by, &block.captures, &line.captures))
        })?;
        let block = self.open.get_mut(at)?;
        let place = block.grow(line.when).then_some(block.place);
        if line.capture("end").is_some() {
            self.open.remove(at);
        }
        place
    }

    /// The last event that a line says more about.
    pub(super) fn event_of(
        &self,
        to: &[PatternIndex],
        seconds: u32,
        by: Option<&str>,
        line: &Seen,
    ) -> Option<Place> {
        let found = self.recent.iter().rev().find(|recent| {
            to.contains(&recent.pattern)
                && line.when.within(recent.when, seconds)
                && by.is_none_or(|by| has_equal(by, &recent.captures, &line.captures))
        });
        found.map(|recent| recent.place)
    }

    /// A line whose event is to come. Lines that wait for too many others are given back.
    pub(super) fn wait(
        &mut self,
        pattern: PatternIndex,
        to: Vec<PatternIndex>,
        seconds: u32,
        by: Option<&str>,
        alone: bool,
        seen: Seen,
    ) -> Alone {
        let by = by.map(str::to_owned);
        self.waiting.push_back(Waiting { pattern, to, seconds, by, alone, seen });
        if self.waiting.len() <= MOST_WAITING {
            return Alone::new();
        }
        let first = self.waiting.pop_front().filter(|first| first.alone);
        first.map(|first| (first.pattern, first.seen)).into_iter().collect()
    }

    /// An event was counted that lines may say more about: what waited for it.
    pub(super) fn counted(
        &mut self,
        pattern: PatternIndex,
        place: Place,
        event: &Seen,
    ) -> Vec<Seen> {
        let mut said = Vec::new();
        let mut rest = VecDeque::with_capacity(self.waiting.len());
        for waiting in self.waiting.drain(..) {
            let fits = waiting.to.contains(&pattern)
                && event.when.within(waiting.seen.when, waiting.seconds)
                && waiting
                    .by
                    .as_deref()
                    .is_none_or(|by| has_equal(by, &waiting.seen.captures, &event.captures));
            if fits {
                said.push(waiting.seen);
            } else {
                rest.push_back(waiting);
            }
        }
        self.waiting = rest;
        if self.recent.len() >= MOST_RECENT {
            self.recent.pop_front();
        }
        let (when, captures) = (event.when, event.captures.clone());
        self.recent.push_back(Recent { pattern, place, when, captures });
        said
    }

    /// Lines whose event did not come in time and that are events of their own.
    pub(super) fn expired(&mut self, now: When) -> Alone {
        let late = |waiting: &Waiting| !now.within(waiting.seen.when, waiting.seconds);
        if !self.waiting.iter().any(late) {
            return Alone::new();
        }
        let (late, rest): (VecDeque<_>, VecDeque<_>) = self.waiting.drain(..).partition(late);
        self.waiting = rest;
        alone(late)
    }

    /// Ends everything; gives what is an event of its own.
    pub(super) fn close(&mut self) -> Alone {
        self.open.clear();
        self.recent.clear();
        alone(std::mem::take(&mut self.waiting))
    }
}

impl Block {
    /// Whether one more line belongs to it.
    const fn grow(&mut self, now: When) -> bool {
        if self.lines_left == 0 || !now.within(self.last, self.seconds) {
            return false;
        }
        self.lines_left -= 1;
        self.last = now;
        true
    }
}

fn alone(waiting: VecDeque<Waiting>) -> Alone {
    let own = waiting.into_iter().filter(|waiting| waiting.alone);
    own.map(|waiting| (waiting.pattern, waiting.seen)).collect()
}

fn has_equal(capture: &str, one: &Captures, other: &Captures) -> bool {
    let value = get(one, capture);
    value.is_some() && value == get(other, capture)
}

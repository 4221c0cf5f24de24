//! Entries of several files in one order.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::entry::Entry;
use crate::file::File;
use crate::id::Id128;
use crate::select::{Direction, Select};
use crate::sparse::{DISTANCE, Sparse};
use crate::stream::Stream;

/// Of which machine a boot is, and the time of its newest entry.
pub(crate) type Newest = HashMap<Id128, (Id128, u64)>;

/// Entries of a journal that fit a selection, in order; entries that are in two files come once.
#[derive(Debug)]
pub struct Entries<'j> {
    parts: Vec<Part<'j>>,
    newest: &'j Newest,
    direction: Direction,
    /// The part that has the next entry, and the one that has the next of all others.
    front: Option<(usize, Option<usize>)>,
    /// The part whose entry was given last.
    taken: usize,
}

#[derive(Debug)]
struct Part<'j> {
    file: &'j File,
    stream: Stream,
    head: Option<Entry<'j>>,
    /// How its entries are read, if not through the map.
    sparse: Option<Box<Sparse<'j>>>,
}

impl<'j> Entries<'j> {
    /// `start` gives the offset to begin at in each file. With `fields`, which are all that is wanted, the
    /// entries of a file that are far from each other are not read through the map.
    pub(crate) fn new(
        files: impl Iterator<Item = &'j File>,
        newest: &'j Newest,
        select: &Select,
        direction: Direction,
        fields: Option<&[&str]>,
        start: impl Fn(&File) -> u64,
    ) -> Self {
        let mut parts = Vec::new();
        for file in files {
            let Some(stream) = Stream::new(file, select) else { continue };
            let is_sparse = stream.most().saturating_mul(DISTANCE) <= file.length();
            let fields = fields.filter(|_| is_sparse);
            let sparse = fields.and_then(|fields| Sparse::new(file, fields)).map(Box::new);
            let mut part = Part { file, stream, head: None, sparse };
            let from = start(file);
            part.seek(from, direction);
            if part.head.is_some() {
                parts.push(part);
            }
        }
        Self { parts, newest, direction, front: None, taken: 0 }
    }

    /// The files that have entries still to come.
    pub(crate) fn files(&self) -> impl Iterator<Item = &'j File> + use<'_, 'j> {
        self.parts.iter().map(|part| part.file)
    }

    /// Whether entries of some file are not read through the map.
    pub(crate) fn is_sparse(&self) -> bool {
        self.parts.iter().any(|part| part.sparse.is_some())
    }

    /// How the entry that was given last was read, if not through the map.
    pub(crate) fn taken(&mut self) -> Option<&mut Sparse<'j>> {
        self.parts.get_mut(self.taken)?.sparse.as_deref_mut()
    }

    /// Touches the next entries of the part at the front. Entries lie far from each other: asked for
    /// together, they come from memory together.
    pub(crate) fn ask_for(&self, count: usize) {
        let front = self.front.map_or(0, |(best, _)| best);
        let Some(part) = self.parts.get(front) else { return };
        let byte = |at| part.file.bytes(at, 1).and_then(|bytes| bytes.first().copied());
        let mut sum = 0;
        for offset in part.stream.upcoming(part.file, self.direction, count) {
            // Its head, and its values.
            for at in [offset, offset.saturating_add(64), offset.saturating_add(128)] {
                sum ^= byte(at).unwrap_or(0);
            }
        }
        std::hint::black_box(sum);
    }

    /// In the order in which they come.
    fn order(&self, a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
        let order = compare(a, b, self.newest);
        if self.direction == Direction::Forward { order } else { order.reverse() }
    }

    fn head(&self, part: usize) -> Option<&Entry<'j>> {
        self.parts.get(part)?.head.as_ref()
    }

    /// Finds the part that has the next entry, and the second.
    fn find_front(&mut self) -> Option<()> {
        self.front = None;
        self.parts.retain(|part| part.head.is_some());
        let mut best: Option<usize> = None;
        let mut second: Option<usize> = None;
        for at in 0..self.parts.len() {
            let before = |other: Option<usize>| {
                other.is_none_or(|other| match (self.head(at), self.head(other)) {
                    (Some(a), Some(b)) => self.order(a, b) == Ordering::Less,
                    _ => true,
                })
            };
            if before(best) {
                second = best;
                best = Some(at);
            } else if before(second) {
                second = Some(at);
            }
        }
        self.front = Some((best?, second));
        Some(())
    }

    fn advance(&mut self, part: usize) -> Option<Entry<'j>> {
        let direction = self.direction;
        self.taken = part;
        self.parts.get_mut(part)?.take(direction)
    }
}

impl<'j> Iterator for Entries<'j> {
    type Item = Entry<'j>;

    fn next(&mut self) -> Option<Entry<'j>> {
        loop {
            let Some((best, second)) = self.front else {
                self.find_front()?;
                continue;
            };
            let Some(head) = self.head(best) else {
                self.find_front()?;
                continue;
            };
            let Some((second, other)) = second.and_then(|at| Some((at, self.head(at)?))) else {
                return self.advance(best);
            };
            match self.order(head, other) {
                Ordering::Less => return self.advance(best),
                Ordering::Greater => self.find_front()?,
                // The same in two files, such as after a copy.
                Ordering::Equal => {
                    if same(head, other) {
                        self.advance(second);
                        self.find_front()?;
                    } else {
                        return self.advance(best);
                    }
                }
            }
        }
    }
}

impl<'j> Part<'j> {
    /// Takes the entry at its head and finds the next.
    fn take(&mut self, direction: Direction) -> Option<Entry<'j>> {
        let head = self.head?;
        if let Some(sparse) = &mut self.sparse {
            sparse.keep();
        }
        match direction {
            Direction::Forward => self.seek(head.offset + 1, direction),
            Direction::Backward => self.seek(head.offset - 1, direction),
        }
        Some(head)
    }

    fn seek(&mut self, mut offset: u64, direction: Direction) {
        self.head = loop {
            let found = match direction {
                Direction::Forward => self.stream.at_or_after(self.file, offset),
                Direction::Backward => self.stream.at_or_before(self.file, offset),
            };
            let Some(at) = found else { break None };
            // What is no entry is left out.
            let entry = match &mut self.sparse {
                Some(sparse) => sparse.entry(at),
                None => Entry::read(self.file, at),
            };
            if entry.is_some() {
                break entry;
            }
            offset = match direction {
                Direction::Forward => at + 1,
                Direction::Backward => at.saturating_sub(1),
            };
        };
    }
}

fn same(a: &Entry<'_>, b: &Entry<'_>) -> bool {
    a.head == b.head && a.seqnum_id() == b.seqnum_id()
}

/// By sequence number where it is of one source, by the monotonic clock in one boot, by the age of
/// their boots on one machine, else by the real clock.
fn compare(a: &Entry<'_>, b: &Entry<'_>, newest: &Newest) -> Ordering {
    let (x, y) = (&a.head, &b.head);
    let numbers =
        if a.seqnum_id() == b.seqnum_id() { x.seqnum.cmp(&y.seqnum) } else { Ordering::Equal };
    let boots = || {
        if x.boot_id == y.boot_id {
            return x.monotonic.cmp(&y.monotonic);
        }
        match (newest.get(&x.boot_id), newest.get(&y.boot_id)) {
            (Some((one, at)), Some((other, then))) if one == other => at.cmp(then),
            _ => Ordering::Equal,
        }
    };
    numbers
        .then_with(boots)
        .then_with(|| x.realtime.cmp(&y.realtime))
        .then_with(|| x.xor_hash.cmp(&y.xor_hash))
}

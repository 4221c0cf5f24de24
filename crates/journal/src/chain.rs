//! Lists of entries: of a whole file, and of each value in it.
//!
//! A list is the offset of its first entry (of a value's list only) and a chain of arrays, each
//! larger than the one before. Offsets in a list rise, and so do those of the arrays.

use crate::bytes::u64_at;
use crate::damage::Fault;
use crate::file::{File, Kind};

/// Each array is twice as large as the one before, so that this many hold more than any file.
const MOST_ARRAYS: usize = 128;
/// Where the items of an array begin.
const ITEMS: usize = 24;

/// A list of entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// Offset of the first entry, if it is not in an array.
    first: Option<u64>,
    arrays: Vec<Array>,
    length: u64,
}

#[derive(Debug, Clone, Copy)]
struct Array {
    offset: u64,
    /// How many entries come before its own.
    before: u64,
    /// How many there are with its own.
    end: u64,
}

impl Chain {
    pub(crate) const EMPTY: Self = Self { first: None, arrays: Vec::new(), length: 0 };

    /// The list of `count` entries that begins with `first` (0: none) and goes on in `array`.
    pub(crate) fn read(file: &File, first: u64, array: u64, count: u64) -> Self {
        let mut chain = Self { first: (first != 0).then_some(first), ..Self::EMPTY };
        let mut places = u64::from(first != 0);
        let mut next = array;
        let mut last = 0;
        while next != 0 && places < count {
            if next <= last || chain.arrays.len() >= MOST_ARRAYS {
                file.faults.note(Fault::new(next, "a chain of entry arrays that turns back"));
                break;
            }
            last = next;
            let Some(object) = file.faults.pass(file.object(next, Kind::EntryArray)) else { break };
            let items = (object.len() - ITEMS) / file.item_size();
            let end = places.saturating_add(items as u64);
            chain.arrays.push(Array { offset: next, before: places, end });
            places = end;
            next = u64_at(object, 16).unwrap_or(0);
        }
        // An entry is linked before it is counted; only damage makes it the other way round.
        chain.length = count.min(places);
        chain
    }

    /// The list of the data object `object`.
    pub(crate) fn of_data(file: &File, object: &[u8]) -> Self {
        let number = |at| u64_at(object, at).unwrap_or(0);
        Self::read(file, number(40), number(48), number(56))
    }

    /// Number of entries.
    pub(crate) const fn len(&self) -> u64 {
        self.length
    }

    /// Offset of the entry at place `n`, if there is one and it lies within the file.
    pub(crate) fn nth(&self, file: &File, n: u64) -> Option<u64> {
        if n >= self.length {
            return None;
        }
        if n == 0
            && let Some(first) = self.first
        {
            return Some(first);
        }
        // Half of all entries are in the last one.
        let last = self.arrays.last().filter(|last| last.before <= n);
        let array =
            last.or_else(|| self.arrays.get(self.arrays.partition_point(|array| array.end <= n)))?;
        let offset = array.item(file, n).filter(|offset| *offset != 0);
        if offset.is_none() {
            file.faults.note(Fault::new(array.offset, "an entry array with an empty place"));
        }
        offset
    }

    /// How many entries, from the first, are `before`: a binary search. What cannot be read counts
    /// as before.
    pub(crate) fn partition(&self, file: &File, before: impl Fn(u64) -> bool) -> u64 {
        self.partition_in(file, 0, self.length, before)
    }

    /// As [`Chain::partition`], among the places `low..high`.
    pub(crate) fn partition_in(
        &self,
        file: &File,
        mut low: u64,
        mut high: u64,
        before: impl Fn(u64) -> bool,
    ) -> u64 {
        while low < high {
            let middle = low + (high - low) / 2;
            if self.nth(file, middle).is_none_or(&before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Calls `each` with the offsets of the entries at the places `from..to`, in order, until it
    /// says no. Offsets that do not rise are left out.
    pub(crate) fn walk(&self, file: &File, from: u64, to: u64, mut each: impl FnMut(u64) -> bool) {
        let to = to.min(self.length);
        let mut last = 0;
        if from == 0
            && to > 0
            && let Some(first) = self.first
        {
            last = first;
            if !each(first) {
                return;
            }
        }
        for array in &self.arrays {
            for n in from.max(array.before)..to.min(array.end) {
                let Some(offset) = array.item(file, n).filter(|offset| *offset > last) else {
                    file.faults.note(Fault::new(array.offset, "an entry array that turns back"));
                    continue;
                };
                last = offset;
                if !each(offset) {
                    return;
                }
            }
        }
    }
}

impl Array {
    /// The item at place `n` of the list, which must be in this array. That this is an array, and
    /// how long it is, was checked when the list was read.
    fn item(&self, file: &File, n: u64) -> Option<u64> {
        let size = file.item_size();
        let at = self.offset + ITEMS as u64 + (n - self.before) * size as u64;
        if size == 4 { file.small_number(at).map(u64::from) } else { file.number(at) }
    }
}

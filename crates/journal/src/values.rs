//! The distinct values of a field, from the index: no entry is read.

use std::borrow::Cow;

use crate::bytes::u64_at;
use crate::chain::Chain;
use crate::damage::Fault;
use crate::entry::Entry;
use crate::file::{File, Kind};
use crate::hash;
use crate::header::{State, Table};
use crate::range::Range;

/// A value of a field, and how many entries of a range have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distinct {
    /// The value, any bytes.
    pub value: Vec<u8>,
    /// Number of entries, at least 1.
    pub entries: u64,
}

/// A value of a field in one file.
#[derive(Debug, Clone)]
pub struct Value<'j> {
    file: &'j File,
    offset: u64,
    name: usize,
    range: Range,
    count: u64,
}

impl<'j> Value<'j> {
    /// Number of entries of the range that have it, at least 1.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The value, any bytes. None: it cannot be read.
    pub fn bytes(&self) -> Option<Cow<'j, [u8]>> {
        match self.file.faults.pass(self.file.payload(self.offset))? {
            Cow::Borrowed(bytes) => bytes.get(self.name + 1..).map(Cow::Borrowed),
            Cow::Owned(mut bytes) => {
                bytes.drain(..(self.name + 1).min(bytes.len()));
                Some(Cow::Owned(bytes))
            }
        }
    }

    /// Calls `each` with the entries of the range that have it, oldest first, until it says no.
    pub fn entries(&self, each: impl FnMut(Entry<'j>) -> bool) {
        self.file.entries_of(&self.chain(), &self.range, each);
    }

    fn chain(&self) -> Chain {
        let object = self.file.object(self.offset, Kind::Data);
        object.map_or(Chain::EMPTY, |object| Chain::of_data(self.file, object))
    }

    /// The first entry of the range that has it.
    pub fn first(&self) -> Option<Entry<'j>> {
        let mut first = None;
        self.entries(|entry| {
            first = Some(entry);
            false
        });
        first
    }

    /// The last entry of the range that has it.
    pub fn last(&self) -> Option<Entry<'j>> {
        let chain = self.chain();
        let (from, mut to) = self.range.clip(self.file, &chain);
        while from < to {
            to -= 1;
            let offset = chain.nth(self.file, to);
            let entry = offset.and_then(|offset| Entry::read(self.file, offset));
            if let Some(entry) = entry
                && self.range.only.is_none_or(|boot| entry.boot_id() == boot)
            {
                return Some(entry);
            }
        }
        None
    }

    /// Where it is in the file: the same value of one file has the same place.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The file it is in.
    pub const fn file(&self) -> &'j File {
        self.file
    }
}

/// The values of a field in one file, newest first.
struct Values<'j> {
    file: &'j File,
    name: &'j [u8],
    next: u64,
    range: Range,
    /// Entries that may still be looked at one by one. A value is in as many entries as its list
    /// says, and all lists together are no longer than the file; damaged ones may share theirs.
    budget: u64,
}

impl<'j> Iterator for Values<'j> {
    type Item = Value<'j>;

    fn next(&mut self) -> Option<Value<'j>> {
        let faults = &self.file.faults;
        while self.next != 0 {
            let offset = self.next;
            let object = faults.pass(self.file.object(offset, Kind::Data))?;
            // A new value is put before the others.
            let next = u64_at(object, 32).unwrap_or(0);
            self.next = if next < offset { next } else { 0 };
            if next >= offset {
                faults.note(Fault::new(offset, "a list of values that turns back"));
            }
            if let Some(value) = self.value(offset, object) {
                return Some(value);
            }
        }
        None
    }
}

impl<'j> Values<'j> {
    fn value(&mut self, offset: u64, object: &'j [u8]) -> Option<Value<'j>> {
        let (file, range) = (self.file, self.range);
        let first = u64_at(object, 40).unwrap_or(0);
        if first > range.high {
            return None;
        }
        let count = u64_at(object, 56).unwrap_or(0);
        // All have it in the file, if the last is not one that came later: only an open file has such.
        if range.whole && (count <= 1 || file.header().state != State::Online) {
            let count = count.min(range.entries);
            let name = self.name.len();
            return (count > 0).then_some(Value { file, offset, name, range, count });
        }
        let chain = Chain::of_data(file, object);
        let (from, to) = range.clip(file, &chain);
        let mut count = to - from;
        if range.only.is_some() && count > 0 {
            if count > self.budget {
                file.faults.note(Fault::new(offset, "values of one field share their entries"));
                return None;
            }
            self.budget -= count;
            count = 0;
            chain.walk(file, from, to, |entry| {
                count += u64::from(range.holds(file, entry));
                true
            });
        }
        let name = self.name.len();
        (count > 0).then_some(Value { file, offset, name, range, count })
    }
}

impl File {
    /// The values of the field `name` that entries of `range` have, the newest value first.
    pub fn values<'j>(
        &'j self,
        name: &'j str,
        range: Range,
    ) -> impl Iterator<Item = Value<'j>> + use<'j> {
        let name = name.as_bytes();
        self.unpacker.begin();
        let next = self.find_field(name).unwrap_or(0);
        Values { file: self, name, next, range, budget: self.length() / 4 }
    }

    /// Offsets of the values of the field `name`, falling.
    pub(crate) fn places_of(&self, name: &str) -> impl Iterator<Item = u64> + use<'_> {
        let mut next = self.find_field(name.as_bytes()).unwrap_or(0);
        std::iter::from_fn(move || {
            let offset = next;
            if offset == 0 {
                return None;
            }
            let object = self.faults.pass(self.object(offset, Kind::Data))?;
            next = u64_at(object, 32).filter(|next| *next < offset).unwrap_or(0);
            Some(offset)
        })
    }

    /// Offset of the newest value of the field `name`.
    pub(crate) fn find_field(&self, name: &[u8]) -> Option<u64> {
        let (_, object) =
            self.find(self.header().field_table, Kind::Field, name, |_, object| {
                object.get(40..) == Some(name)
            })?;
        u64_at(object, 32)
    }

    /// The data object that holds `payload`, which is `FIELD=value`, and its offset.
    pub(crate) fn find_data(&self, payload: &[u8]) -> Option<(u64, &[u8])> {
        self.find(self.header().data_table, Kind::Data, payload, |offset, _| {
            self.faults.pass(self.payload(offset)).is_some_and(|found| found.as_ref() == payload)
        })
    }

    /// The object under the hash of `key` that is `right`.
    fn find(
        &self,
        table: Table,
        kind: Kind,
        key: &[u8],
        right: impl Fn(u64, &[u8]) -> bool,
    ) -> Option<(u64, &[u8])> {
        if table.offset == 0 || table.places == 0 {
            return None;
        }
        let hash = hash::of(self.header(), key);
        let mut offset = self.number(table.offset + 16 * (hash % table.places))?;
        while offset != 0 {
            let object = self.faults.pass(self.object(offset, kind))?;
            if u64_at(object, 16) == Some(hash) && right(offset, object) {
                return Some((offset, object));
            }
            // A new object is put behind the others.
            let next = u64_at(object, 24).unwrap_or(0);
            if next != 0 && next <= offset {
                self.faults.note(Fault::new(offset, "a chain of a hash table that turns back"));
                return None;
            }
            offset = next;
        }
        None
    }
}

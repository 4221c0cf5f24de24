//! Some fields of many entries.
//!
//! An entry is a list of some twenty places of values, most of which are of no interest; to look at
//! each costs more than all else. So, once enough entries of a file were read, a bit is kept for each
//! place where a value of the wanted fields lies, and by the rank of the bit where the value itself
//! is: nothing else of the file is touched. For few entries that would be more work than it saves.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::compress::COMPRESSED;
use crate::entry::{Entry, offsets};
use crate::file::{File, Kind};
use crate::journal::Journal;
use crate::select::{Direction, Select};

/// Places are kept for files of up to 4 GiB; in larger ones all values are looked at.
const MOST_PLACES: u64 = 64 << 23;
/// Places are kept once one in so many of the entries of a file was read.
const SHARE: u64 = 16;
/// Files of which something is kept at once: those of the past are read one after the other.
const MOST_FILES: usize = 8;
/// Words of bits between two counts.
const BLOCK: usize = 8;
/// Where the items of an entry begin.
const ITEMS: usize = 64;

/// The wanted fields of one entry.
#[derive(Debug)]
pub struct Row<'r> {
    /// The entry.
    pub entry: Entry<'r>,
    /// The first value of each field, in the order in which they were asked for. None: it has none.
    pub values: &'r [Option<Cow<'r, [u8]>>],
}

impl Journal {
    /// Calls `each` with the values of `fields` of the entries that fit `select`, in the order of
    /// `journalctl`, until it breaks.
    pub fn columns(
        &self,
        select: &Select,
        direction: Direction,
        fields: &[&str],
        mut each: impl FnMut(&Row<'_>) -> ControlFlow<()>,
    ) {
        let mut columns = Columns { fields, of_files: Vec::new(), last: 0 };
        let mut values: Vec<Option<Cow<'_, [u8]>>> = vec![None; fields.len()];
        for entry in self.entries(select, direction) {
            columns.read(&entry, &mut values);
            if each(&Row { entry, values: &values }).is_break() {
                return;
            }
        }
    }
}

/// Reads some fields of entries.
struct Columns<'f, 'j> {
    fields: &'f [&'f str],
    of_files: Vec<OfFile<'j>>,
    /// The one that was used last.
    last: usize,
}

struct OfFile<'j> {
    file: &'j File,
    /// Entries read so far.
    read: u64,
    places: Option<Places>,
}

/// Where the values of the wanted fields lie in a file.
struct Places {
    bits: Vec<u64>,
    /// How many bits come before each block of words.
    ranks: Vec<u32>,
    values: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    column: u32,
    /// Length of the value; `COMPRESSED_VALUE` if it must be asked for.
    length: u32,
    /// Where the value begins, or the object if it is compressed.
    offset: u64,
}

const COMPRESSED_VALUE: u32 = u32::MAX;

impl Places {
    fn new(file: &File, fields: &[&str]) -> Option<Self> {
        let places = file.length() / 8;
        if places > MOST_PLACES {
            return None;
        }
        let mut found: Vec<(u64, Place)> = Vec::new();
        for (column, field) in fields.iter().enumerate() {
            let column = u32::try_from(column).ok()?;
            let skip = field.len() + 1;
            for offset in file.places_of(field) {
                let Some((flags, payload)) = file.faults.pass(file.stored(offset)) else {
                    continue;
                };
                let length = payload.len().saturating_sub(skip);
                let place = if flags & COMPRESSED == 0 && length <= file.max_value() {
                    let at = offset + file.payload_at() as u64 + skip as u64;
                    Place { column, length: u32::try_from(length).ok()?, offset: at }
                } else {
                    Place { column, length: COMPRESSED_VALUE, offset }
                };
                found.push((offset, place));
            }
        }
        found.sort_unstable_by_key(|(offset, _)| *offset);
        found.dedup_by_key(|(offset, _)| *offset);
        let words = usize::try_from(places / 64).ok()? + 1;
        let mut bits = vec![0_u64; words.next_multiple_of(BLOCK)];
        for (offset, _) in &found {
            let place = offset / 8;
            if let Some(word) = bits.get_mut(usize::try_from(place / 64).ok()?) {
                *word |= 1 << (place % 64);
            }
        }
        let mut before = 0;
        let ranks = bits.chunks_exact(BLOCK).map(|block| {
            let rank = before;
            before += block.iter().map(|word| word.count_ones()).sum::<u32>();
            rank
        });
        let ranks = ranks.collect();
        Some(Self { bits, ranks, values: found.into_iter().map(|(_, place)| place).collect() })
    }

    fn at(&self, offset: u64) -> Option<&Place> {
        let bit = offset / 8;
        let word = usize::try_from(bit / 64).ok()?;
        let bits = *self.bits.get(word)?;
        if bits >> (bit % 64) & 1 == 0 {
            return None;
        }
        let block = word / BLOCK;
        let before = self.bits.get(block * BLOCK..word)?;
        let rank = self.ranks.get(block)?
            + before.iter().map(|word| word.count_ones()).sum::<u32>()
            + (bits & ((1 << (bit % 64)) - 1)).count_ones();
        self.values.get(rank as usize)
    }
}

impl<'j> Columns<'_, 'j> {
    fn read(&mut self, entry: &Entry<'j>, values: &mut [Option<Cow<'j, [u8]>>]) {
        values.fill(None);
        let (file, fields) = (entry.file, self.fields);
        let object = file.object(entry.offset, Kind::Entry);
        let items = object.ok().and_then(|object| object.get(ITEMS..)).unwrap_or_default();
        let items = offsets(items, file.header().compact);
        match self.of_file(file).and_then(|known| known.places.as_ref()) {
            Some(places) => kept(file, places, fields, items, values),
            None => looked_at(file, fields, items, values),
        }
    }

    fn of_file(&mut self, file: &'j File) -> Option<&OfFile<'j>> {
        let is_it = |known: &OfFile<'_>| std::ptr::eq(known.file, file);
        if !self.of_files.get(self.last).is_some_and(is_it) {
            self.last = self.of_files.iter().position(is_it).unwrap_or_else(|| {
                if self.of_files.len() >= MOST_FILES {
                    self.of_files.clear();
                }
                self.of_files.push(OfFile { file, read: 0, places: None });
                self.of_files.len() - 1
            });
        }
        let fields = self.fields;
        let known = self.of_files.get_mut(self.last)?;
        known.read += 1;
        if known.places.is_none() && known.read == file.header().n_entries / SHARE + 1 {
            known.places = Places::new(file, fields);
        }
        Some(known)
    }
}

fn kept<'j>(
    file: &'j File,
    places: &Places,
    fields: &[&str],
    items: impl Iterator<Item = u64>,
    values: &mut [Option<Cow<'j, [u8]>>],
) {
    let mut missing = fields.len();
    for offset in items {
        let Some(place) = places.at(offset) else { continue };
        let Some(value) = values.get_mut(place.column as usize).filter(|value| value.is_none())
        else {
            continue;
        };
        *value = if place.length == COMPRESSED_VALUE {
            let field = fields.get(place.column as usize).copied().unwrap_or_default();
            file.value_of(place.offset, field.as_bytes())
        } else {
            file.bytes(place.offset, place.length as usize).map(Cow::Borrowed)
        };
        missing -= usize::from(value.is_some());
        if missing == 0 {
            return;
        }
    }
}

fn looked_at<'j>(
    file: &'j File,
    fields: &[&str],
    items: impl Iterator<Item = u64>,
    values: &mut [Option<Cow<'j, [u8]>>],
) {
    let mut missing = fields.len();
    for offset in items {
        for (field, value) in fields.iter().zip(values.iter_mut()) {
            if value.is_none() {
                *value = file.value_of(offset, field.as_bytes());
                if value.is_some() {
                    missing -= 1;
                    break;
                }
            }
        }
        if missing == 0 {
            return;
        }
    }
}

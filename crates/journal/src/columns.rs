//! Some fields of many entries.
//!
//! An entry is a list of some twenty places of values, most of which are of no interest, and to
//! look at each costs more than all else. So a bit is kept for each place of a file where a value of
//! the wanted fields lies: only those are looked at.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::compress::COMPRESSED;
use crate::entry::{Entry, offsets};
use crate::file::{File, Kind};
use crate::journal::Journal;
use crate::select::{Direction, Select};

/// Bits are kept for files of up to 4 GiB; in larger ones all places are looked at.
const MOST_BITS: u64 = 64 << 23;
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

/// Reads some fields of entries.
#[derive(Debug)]
pub struct Columns<'f> {
    fields: &'f [&'f str],
    /// By the address of the file.
    bits: HashMap<*const File, Option<Bits>>,
}

#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    /// A bit for each value of the fields. None: the file is too large.
    fn new(file: &File, fields: &[&str]) -> Option<Self> {
        let places = file.length() / 8;
        if places > MOST_BITS {
            return None;
        }
        let mut bits = vec![0_u64; usize::try_from(places / 64 + 1).ok()?];
        for field in fields {
            for offset in file.places_of(field) {
                let place = offset / 8;
                let word = usize::try_from(place / 64).ok()?;
                if let Some(word) = bits.get_mut(word) {
                    *word |= 1 << (place % 64);
                }
            }
        }
        Some(Self(bits))
    }

    fn has(&self, offset: u64) -> bool {
        let place = offset / 8;
        let word = usize::try_from(place / 64).ok().and_then(|word| self.0.get(word));
        word.is_some_and(|word| word >> (place % 64) & 1 != 0)
    }
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
        let mut columns = Columns { fields, bits: HashMap::new() };
        let mut values: Vec<Option<Cow<'_, [u8]>>> = vec![None; fields.len()];
        for entry in self.entries(select, direction) {
            columns.read(&entry, &mut values);
            if each(&Row { entry, values: &values }).is_break() {
                return;
            }
        }
    }
}

impl Columns<'_> {
    fn read<'j>(&mut self, entry: &Entry<'j>, values: &mut [Option<Cow<'j, [u8]>>]) {
        values.fill(None);
        let file = entry.file;
        if self.bits.len() > 8 && !self.bits.contains_key(&std::ptr::from_ref(file)) {
            // Files of the past come one after the other: those that are over make room.
            self.bits.clear();
        }
        let bits = self
            .bits
            .entry(std::ptr::from_ref(file))
            .or_insert_with(|| Bits::new(file, self.fields));
        let object = file.object(entry.offset, Kind::Entry);
        let items = object.ok().and_then(|object| object.get(ITEMS..)).unwrap_or_default();
        let mut missing = self.fields.len();
        for offset in offsets(items, file.header().compact) {
            if missing == 0 {
                return;
            }
            if bits.as_ref().is_some_and(|bits| !bits.has(offset)) {
                continue;
            }
            let Some((flags, payload)) = file.faults.pass(file.stored(offset)) else { continue };
            if flags & COMPRESSED == 0 {
                let name_is = |field: &&&str| {
                    payload
                        .strip_prefix(field.as_bytes())
                        .is_some_and(|rest| rest.first() == Some(&b'='))
                };
                let Some(at) = self.fields.iter().position(|field| name_is(&field)) else {
                    continue;
                };
                let skip = self.fields.get(at).map_or(0, |field| field.len() + 1);
                if let Some(place) = values.get_mut(at)
                    && place.is_none()
                    && payload.len() <= file.max_value()
                {
                    *place = payload.get(skip..).map(Cow::Borrowed);
                    missing -= 1;
                }
                continue;
            }
            for (field, place) in self.fields.iter().zip(values.iter_mut()) {
                if place.is_none()
                    && let Some(value) = file.value_of(offset, field.as_bytes())
                {
                    *place = Some(value);
                    missing -= 1;
                    break;
                }
            }
        }
    }
}

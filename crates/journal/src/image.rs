//! Entries that come from elsewhere, as a journal file in memory: what reads files reads them, too.
//!
//! The file is compact, with keyed hashes, and its values are not compressed. Nothing is written to a
//! disk.

use std::collections::hash_map::Entry as Place;
use std::collections::{HashMap, TryReserveError};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};

use rustix::fs::MemfdFlags;

use crate::hash;
use crate::id::Id128;

/// Bytes of the header, with all of `n_data` and `n_fields`.
const HEADER: usize = 224;
/// `HEADER_INCOMPATIBLE_KEYED_HASH` and `HEADER_INCOMPATIBLE_COMPACT`.
const FLAGS: u32 = 4 | 16;
/// `STATE_ARCHIVED`: nobody writes to it.
const ARCHIVED: u8 = 2;
/// `OBJECT_*`.
const DATA: u8 = 1;
const FIELD: u8 = 2;
const ENTRY: u8 = 3;
const DATA_TABLE: u8 = 4;
const FIELD_TABLE: u8 = 5;
const ENTRY_ARRAY: u8 = 6;
/// Sizes of what is before the payload of each.
const OBJECT_HEAD: usize = 16;
const DATA_HEAD: usize = 72;
const FIELD_HEAD: usize = 40;
const ENTRY_HEAD: usize = 64;
const ARRAY_HEAD: usize = 24;
/// Places of the table of fields.
const FIELD_PLACES: usize = 1021;

/// What an entry has besides its fields; see [`Entry`](crate::Entry).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its sequence number.
    pub seqnum: u64,
    /// `CLOCK_REALTIME` in microseconds.
    pub realtime_usec: u64,
    /// `CLOCK_MONOTONIC` in microseconds.
    pub monotonic_usec: u64,
    /// The boot it is of.
    pub boot_id: Id128,
    /// `x` of its cursor.
    pub xor_hash: u64,
}

/// Entries whose sequence numbers are of one source, to be opened by
/// [`Journal::add_image`](crate::Journal::add_image).
#[derive(Debug)]
pub struct Image {
    seqnum_id: Id128,
    machine_id: Id128,
    most: usize,
    /// Bytes that it takes so far: no fewer than the file will have.
    size: usize,
    /// All values one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Of each value, one that has the same hash.
    others: Vec<Option<u32>>,
    known: HashMap<u64, u32>,
    hasher: RandomState,
    stamps: Vec<(Stamp, usize)>,
    /// Values of all entries one after the other, and of how many the entry is.
    items: Vec<u32>,
}

impl Image {
    /// An empty one, for entries of one source. It takes no more than `most` bytes.
    pub fn new(seqnum_id: Id128, machine_id: Id128, most: usize) -> Self {
        Self {
            seqnum_id,
            machine_id,
            // Offsets have 4 bytes.
            most: most.min(u32::MAX as usize),
            size: HEADER + 2 * OBJECT_HEAD + 16 * FIELD_PLACES,
            bytes: Vec::new(),
            ends: Vec::new(),
            others: Vec::new(),
            known: HashMap::new(),
            hasher: RandomState::new(),
            stamps: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Bytes that it takes.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Adds an entry with these fields, each `FIELD=value`. False: there is no room for it.
    ///
    /// The file will have them in the order of their sequence numbers.
    pub fn add<'f>(
        &mut self,
        stamp: Stamp,
        fields: impl Iterator<Item = &'f [u8]> + Clone,
    ) -> bool {
        // Each value as if it were new, with its place in the table, and in two lists; and a name.
        let new = |field: &[u8]| DATA_HEAD + field.len() + 8 + 2 * 16 + ARRAY_HEAD + 3 * 8 + 128;
        let most = fields.clone().map(new).fold(ENTRY_HEAD + 16, usize::saturating_add);
        if self.size.saturating_add(most) > self.most {
            return false;
        }
        let before = self.items.len();
        let (count, bytes) =
            fields.clone().fold((0, 0), |(count, bytes), field| (count + 1, bytes + field.len()));
        if self.reserve(count, bytes).is_err() {
            return false;
        }
        self.size += ENTRY_HEAD + 16;
        for field in fields {
            let value = self.value(field);
            self.items.push(value);
            self.size += 3 * 4;
        }
        self.stamps.push((stamp, self.items.len() - before));
        true
    }

    /// Makes room for so many values: a process may not have all the memory that there is.
    fn reserve(&mut self, values: usize, bytes: usize) -> Result<(), TryReserveError> {
        self.bytes.try_reserve(bytes)?;
        self.ends.try_reserve(values)?;
        self.others.try_reserve(values)?;
        self.known.try_reserve(values)?;
        self.items.try_reserve(values)?;
        self.stamps.try_reserve(1)
    }

    fn get(&self, value: u32) -> &[u8] {
        let value = value as usize;
        let from = value.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let to = self.ends.get(value).copied().unwrap_or(0);
        self.bytes.get(from.unwrap_or(0)..to).unwrap_or_default()
    }

    /// The number of a value, which may be new.
    fn value(&mut self, field: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(field);
        let first = self.known.get(&hash).copied();
        let mut next = first;
        while let Some(value) = next {
            if self.get(value) == field {
                return value;
            }
            next = self.others.get(value as usize).copied().flatten();
        }
        let value = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(field);
        self.ends.push(self.bytes.len());
        self.others.push(first);
        self.known.insert(hash, value);
        // The object, its place in the table (of which one in two is used), and what of its list is
        // not counted with entries.
        self.size += (DATA_HEAD + field.len()).next_multiple_of(8) + 2 * 16 + ARRAY_HEAD + 8;
        value
    }

    /// The file.
    pub(crate) fn into_file(mut self) -> io::Result<fs::File> {
        let rising = |pair: &[(Stamp, usize)]| match pair {
            [(a, _), (b, _)] => a.seqnum <= b.seqnum,
            _ => true,
        };
        if !self.stamps.windows(2).all(rising) {
            self.sort();
        }
        let mut room = Vec::new();
        room.try_reserve_exact(self.size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let bytes = self.lay_out(room).ok_or(io::ErrorKind::FileTooLarge)?;
        drop(self);
        let mut file = fs::File::from(rustix::fs::memfd_create("journal", MemfdFlags::CLOEXEC)?);
        file.write_all(&bytes)?;
        Ok(file)
    }

    /// Puts entries in the order of their numbers.
    fn sort(&mut self) {
        let mut end = 0;
        let mut order: Vec<(Stamp, usize, usize)> = Vec::with_capacity(self.stamps.len());
        for (stamp, count) in &self.stamps {
            order.push((*stamp, end, *count));
            end += count;
        }
        order.sort_by_key(|(stamp, ..)| stamp.seqnum);
        let mut items = Vec::with_capacity(self.items.len());
        for (_, from, count) in &order {
            items.extend_from_slice(self.items.get(*from..from + count).unwrap_or_default());
        }
        self.items = items;
        self.stamps = order.into_iter().map(|(stamp, _, count)| (stamp, count)).collect();
    }

    /// The bytes of the file, in `room`, which is empty.
    fn lay_out(&self, mut room: Vec<u8>) -> Option<Vec<u8>> {
        // The key of the hashes: no secret, for the table can be no slower than the entries are many.
        let file_id = Id128::from_u128(u128::from(self.hasher.hash_one(1)) << 64 | 1);
        let places = (self.ends.len() * 2).max(1);
        room.resize(HEADER, 0);
        let mut file = Writer { bytes: room };
        let field_table = file.object(FIELD_TABLE, OBJECT_HEAD + 16 * FIELD_PLACES);
        let data_table = file.object(DATA_TABLE, OBJECT_HEAD + 16 * places);
        let mut fields = HashMap::<&[u8], (usize, usize)>::new();
        let mut offsets = Vec::with_capacity(self.ends.len());
        for value in 0..u32::try_from(self.ends.len()).ok()? {
            let payload = self.get(value);
            let name = payload.split(|byte| *byte == b'=').next()?;
            let (field, newest) = match fields.entry(name) {
                Place::Occupied(known) => known.into_mut(),
                Place::Vacant(new) => {
                    let at = file.object(FIELD, FIELD_HEAD + name.len());
                    file.payload(at + FIELD_HEAD, name)?;
                    let hash = hash::keyed(file_id, name);
                    file.link(field_table + OBJECT_HEAD, FIELD_PLACES, at, hash)?;
                    new.insert((at, 0))
                }
            };
            let at = file.object(DATA, DATA_HEAD + payload.len());
            file.payload(at + DATA_HEAD, payload)?;
            file.link(data_table + OBJECT_HEAD, places, at, hash::keyed(file_id, payload))?;
            // A new value is put before the others of its field.
            file.put(at + 32, *newest)?;
            file.put(*field + 32, at)?;
            *newest = at;
            offsets.push(at);
        }
        let mut lists = vec![Vec::<u32>::new(); offsets.len()];
        let mut entries = Vec::with_capacity(self.stamps.len());
        let mut items = self.items.iter();
        for (stamp, count) in &self.stamps {
            let at = file.object(ENTRY, ENTRY_HEAD + 4 * count);
            let entry = u32::try_from(at).ok()?;
            file.number(at + 16, stamp.seqnum)?;
            file.number(at + 24, stamp.realtime_usec)?;
            file.number(at + 32, stamp.monotonic_usec)?;
            file.payload(at + 40, &stamp.boot_id.as_u128().to_be_bytes())?;
            file.number(at + 56, stamp.xor_hash)?;
            for (place, value) in items.by_ref().take(*count).enumerate() {
                let value = *value as usize;
                let offset = u32::try_from(*offsets.get(value)?).ok()?;
                file.payload(at + ENTRY_HEAD + 4 * place, &offset.to_le_bytes())?;
                let list = lists.get_mut(value)?;
                // An entry may have a value twice.
                if list.last() != Some(&entry) {
                    list.push(entry);
                }
            }
            entries.push(entry);
        }
        for (data, list) in offsets.iter().zip(&lists) {
            file.put(data + 40, list.first().copied().unwrap_or(0) as usize)?;
            file.put(data + 56, list.len())?;
            if let Some(others) = list.get(1..).filter(|others| !others.is_empty()) {
                let array = file.array(others)?;
                file.put(data + 48, array)?;
            }
        }
        let array = if entries.is_empty() { 0 } else { file.array(&entries)? };
        let header = Header { file_id, data_table, places, field_table, array };
        self.head(&mut file, &header)?;
        Some(file.bytes)
    }

    fn head(&self, file: &mut Writer, header: &Header) -> Option<()> {
        let id = |id: Id128| id.as_u128().to_be_bytes();
        let first = self.stamps.first().map(|(stamp, _)| *stamp);
        let last = self.stamps.last().map(|(stamp, _)| *stamp);
        file.payload(0, b"LPKSHHRH")?;
        file.payload(12, &FLAGS.to_le_bytes())?;
        file.payload(16, &[ARCHIVED])?;
        file.payload(24, &id(header.file_id))?;
        file.payload(40, &id(self.machine_id))?;
        file.payload(56, &id(last.map_or(Id128::NULL, |stamp| stamp.boot_id)))?;
        file.payload(72, &id(self.seqnum_id))?;
        file.put(88, HEADER)?;
        file.put(96, file.bytes.len() - HEADER)?;
        file.put(104, header.data_table + OBJECT_HEAD)?;
        file.put(112, 16 * header.places)?;
        file.put(120, header.field_table + OBJECT_HEAD)?;
        file.put(128, 16 * FIELD_PLACES)?;
        file.put(152, self.stamps.len())?;
        file.number(160, last.map_or(0, |stamp| stamp.seqnum))?;
        file.number(168, first.map_or(0, |stamp| stamp.seqnum))?;
        file.put(176, header.array)?;
        file.number(184, first.map_or(0, |stamp| stamp.realtime_usec))?;
        file.number(192, last.map_or(0, |stamp| stamp.realtime_usec))
    }
}

/// Where things lie.
struct Header {
    file_id: Id128,
    data_table: usize,
    places: usize,
    field_table: usize,
    array: usize,
}

/// A file being laid out. Each function gives none for a place that is not there.
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Appends an object of zeros.
    fn object(&mut self, kind: u8, size: usize) -> usize {
        let at = self.bytes.len();
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&[0; 7]);
        self.bytes.extend_from_slice(&(size as u64).to_le_bytes());
        self.bytes.resize((at + size).next_multiple_of(8), 0);
        at
    }

    fn payload(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
        Some(())
    }

    fn number(&mut self, at: usize, number: u64) -> Option<()> {
        self.payload(at, &number.to_le_bytes())
    }

    fn put(&mut self, at: usize, number: usize) -> Option<()> {
        self.number(at, number as u64)
    }

    fn get(&self, at: usize) -> Option<usize> {
        usize::try_from(crate::bytes::u64_at(&self.bytes, at)?).ok()
    }

    /// Puts the object at `at` behind the others of its hash in the table whose places begin at `table`.
    fn link(&mut self, table: usize, places: usize, at: usize, hash: u64) -> Option<()> {
        self.number(at + 16, hash)?;
        let place = table + 16 * usize::try_from(hash % places as u64).ok()?;
        match self.get(place + 8)? {
            0 => self.put(place, at)?,
            last => self.put(last + 24, at)?,
        }
        self.put(place + 8, at)
    }

    fn array(&mut self, entries: &[u32]) -> Option<usize> {
        let at = self.object(ENTRY_ARRAY, ARRAY_HEAD + 4 * entries.len());
        for (place, entry) in entries.iter().enumerate() {
            self.payload(at + ARRAY_HEAD + 4 * place, &entry.to_le_bytes())?;
        }
        Some(at)
    }
}

//! Few entries of a large file, read by `pread(2)`.
//!
//! To touch a page of a map costs as much as ten small reads, since the kernel maps its neighbours, too.
//! Where entries lie far from each other that is most of the work. Each is read together with what was
//! written just before it, which is where its own values are; those of the wanted fields are remembered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;

use crate::bytes::u64_at;
use crate::compress::COMPRESSED;
use crate::entry::{Entry, Head, offsets};
use crate::file::File;

/// Bytes before an entry that are read with it.
const BEFORE: u64 = 512;
/// Bytes from its beginning on; a longer entry is read once more.
const AFTER: usize = 256;
/// An entry has no more bytes.
const LONGEST: u64 = 64 + 4096 * 16;
/// Bytes of a value elsewhere, and of what follows it, that are read at once.
const VALUE: usize = 768;
/// Values that are remembered.
const MOST_KNOWN: usize = 8192;
/// As many bytes of them.
const MOST_BYTES: usize = 4 << 20;
/// Worth it where entries are at least so many bytes from each other.
pub(crate) const DISTANCE: u64 = 6 << 10;
/// Where the items of an entry begin.
const ITEMS: usize = 64;
/// `OBJECT_DATA` and `OBJECT_ENTRY`.
const DATA: u8 = 1;
const ENTRY: u8 = 3;

/// Reads entries, one at a time.
#[derive(Debug)]
pub(crate) struct Sparse<'j> {
    file: &'j File,
    handle: fs::File,
    fields: Vec<Vec<u8>>,
    /// Around the entry that was found last.
    window: Window,
    /// Around the one before, whose values are asked for.
    kept: Window,
    /// Around the value that was looked up last: those of an entry were written together, as a rule.
    near: Window,
    /// Values that were found, and their places by offset.
    known: Vec<Known>,
    places: HashMap<u64, usize, Seed>,
    known_bytes: usize,
    /// The places of the values of the entry that is kept, for each field.
    found: Vec<Option<usize>>,
    /// Its items.
    items: Vec<u64>,
}

/// Hashes offsets, of which there are many, by one multiplication by a number that nobody knows.
#[derive(Debug, Clone, Copy)]
struct Seed(u64);

/// See [`Seed`].
#[derive(Debug)]
struct OffsetHasher {
    seed: u64,
    hash: u64,
}

impl Seed {
    fn new() -> Self {
        Self(RandomState::new().hash_one(0_u64) | 1)
    }
}

impl BuildHasher for Seed {
    type Hasher = OffsetHasher;

    fn build_hasher(&self) -> OffsetHasher {
        OffsetHasher { seed: self.0, hash: 0 }
    }
}

impl Hasher for OffsetHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, offset: u64) {
        let product = (self.hash ^ offset).wrapping_mul(self.seed);
        // The table takes its places from the lower half, to which the upper one gives nothing yet.
        self.hash = product ^ (product >> 32);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// A part of the file.
#[derive(Debug, Default)]
struct Window {
    bytes: Vec<u8>,
    start: u64,
}

#[derive(Debug)]
enum Known {
    /// Of a field that is not wanted.
    Other,
    Value(usize, Vec<u8>),
}

impl Window {
    /// What of the window lies at `offset` and after it.
    fn at(&self, offset: u64) -> &[u8] {
        let place = offset.checked_sub(self.start).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| self.bytes.get(place..)).unwrap_or_default()
    }

    /// The object of this type at `offset`, if the window has all of it.
    fn object(&self, offset: u64, kind: u8) -> Option<&[u8]> {
        let bytes = self.at(offset);
        let size = usize::try_from(u64_at(bytes, 8)?).ok()?;
        if bytes.first() == Some(&kind) { bytes.get(..size) } else { None }
    }

    fn load(&mut self, handle: &fs::File, start: u64, length: usize) {
        self.bytes.resize(length, 0);
        self.start = start;
        let read = handle.read_at(&mut self.bytes, start).unwrap_or(0);
        self.bytes.truncate(read);
    }
}

impl<'j> Sparse<'j> {
    /// None: the file is not there any more under its name.
    pub(crate) fn new(file: &'j File, fields: &[&str]) -> Option<Self> {
        Some(Self {
            file,
            handle: file.again()?,
            fields: fields.iter().map(|field| field.as_bytes().to_vec()).collect(),
            window: Window::default(),
            kept: Window::default(),
            near: Window::default(),
            known: Vec::new(),
            places: HashMap::with_hasher(Seed::new()),
            known_bytes: 0,
            found: Vec::new(),
            items: Vec::new(),
        })
    }

    /// The entry at `offset`.
    pub(crate) fn entry(&mut self, offset: u64) -> Option<Entry<'j>> {
        let end = self.file.header().end;
        let start = offset.saturating_sub(BEFORE);
        let length = usize::try_from(offset - start).ok()? + AFTER;
        self.window.load(&self.handle, start, length);
        let size = u64_at(self.window.at(offset), 8).unwrap_or(0);
        let fits = size >= ITEMS as u64 && size <= LONGEST && size <= end.saturating_sub(offset);
        if !fits || !offset.is_multiple_of(8) {
            // Of what is wrong with it the map tells.
            return Entry::read(self.file, offset);
        }
        if self.window.object(offset, ENTRY).is_none() {
            self.window.load(&self.handle, offset, usize::try_from(size).ok()?);
        }
        match self.window.object(offset, ENTRY).and_then(Head::parse) {
            Some(head) => Some(Entry { file: self.file, offset, head }),
            None => Entry::read(self.file, offset),
        }
    }

    /// Keeps what is around the entry that was found last, while the next one is looked for.
    pub(crate) fn keep(&mut self) {
        std::mem::swap(&mut self.window, &mut self.kept);
    }

    /// The first values of the fields, of the entry that is kept.
    pub(crate) fn values<'s>(
        &'s mut self,
        entry: &Entry<'_>,
        values: &mut Vec<Option<Cow<'s, [u8]>>>,
    ) {
        self.find(entry);
        values.clear();
        values.extend(self.found.iter().map(|place| match self.known.get((*place)?) {
            Some(Known::Value(_, bytes)) => Some(Cow::Borrowed(bytes.as_slice())),
            _ => None,
        }));
    }

    /// Finds the values of the entry that is kept, which are remembered then: a text that comes again was
    /// written with the first entry that has it.
    fn find(&mut self, entry: &Entry<'_>) {
        if self.known.len() >= MOST_KNOWN || self.known_bytes >= MOST_BYTES {
            self.known.clear();
            self.places.clear();
            self.known_bytes = 0;
        }
        let compact = self.file.header().compact;
        let object = self.kept.object(entry.offset, ENTRY).unwrap_or_default();
        let mut items = std::mem::take(&mut self.items);
        items.clear();
        items.extend(offsets(object.get(ITEMS..).unwrap_or_default(), compact));
        self.found.clear();
        self.found.resize(self.fields.len(), None);
        let mut missing = self.fields.len();
        for offset in &items {
            if missing == 0 {
                break;
            }
            let Some(place) = self.place_of(*offset) else { continue };
            if let Some(Known::Value(column, _)) = self.known.get(place)
                && let Some(found) = self.found.get_mut(*column).filter(|found| found.is_none())
            {
                *found = Some(place);
                missing -= 1;
            }
        }
        self.items = items;
    }

    /// Where what the data object at `offset` holds is remembered. None: it is not wanted.
    fn place_of(&mut self, offset: u64) -> Option<usize> {
        if let Some(place) = self.places.get(&offset) {
            return Some(*place);
        }
        let known = match self.kept.object(offset, DATA) {
            Some(object) => {
                // What one entry has by itself, such as a time, does not come again.
                let (column, bytes) = self.wanted(offset, object)?;
                Known::Value(column, bytes.into_owned())
            }
            None => self.look_up(offset),
        };
        if let Known::Value(column, bytes) = &known {
            let is_first = self.found.get(*column).is_some_and(Option::is_none);
            if self.known_bytes >= MOST_BYTES && !is_first {
                return None;
            }
            self.known_bytes += bytes.len();
        }
        self.known.push(known);
        self.places.insert(offset, self.known.len() - 1);
        Some(self.known.len() - 1)
    }

    /// Which field the data object at `offset` is of, and its value. None: it is not wanted, or cannot be read.
    fn wanted<'a>(&self, offset: u64, object: &'a [u8]) -> Option<(usize, Cow<'a, [u8]>)> {
        let flags = object.get(1).copied()?;
        let payload = object.get(self.file.payload_at()..)?;
        let most = self.file.max_value();
        let whole = if flags & COMPRESSED == 0 {
            Cow::Borrowed(payload)
        } else {
            Cow::Owned(self.file.unpacker.value(offset, flags, payload).ok()?)
        };
        let is_of =
            |field: &Vec<u8>| whole.get(field.len()) == Some(&b'=') && whole.starts_with(field);
        let column = self.fields.iter().position(is_of)?;
        let skip = self.fields.get(column)?.len() + 1;
        if whole.len() - skip > most {
            return None;
        }
        Some((
            column,
            match whole {
                Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(skip..)?),
                Cow::Owned(bytes) => Cow::Owned(bytes.get(skip..)?.to_vec()),
            },
        ))
    }

    /// What the data object at `offset` holds, which is elsewhere in the file.
    fn look_up(&mut self, offset: u64) -> Known {
        if self.near.object(offset, DATA).is_none() {
            self.near.load(&self.handle, offset, VALUE);
            let size = u64_at(self.near.at(offset), 8).unwrap_or(0);
            let fits = size <= self.file.header().end.saturating_sub(offset);
            let most = self.file.max_value() as u64 + 4096;
            if fits && size > VALUE as u64 && size <= most {
                self.near.load(&self.handle, offset, usize::try_from(size).unwrap_or(0));
            }
        }
        let object = self.near.object(offset, DATA);
        if object.is_none() {
            // What is wrong with it the map tells, and what is too long.
            self.file.faults.pass(self.file.payload(offset));
        }
        let wanted = object.and_then(|object| self.wanted(offset, object));
        wanted.map_or(Known::Other, |(column, bytes)| Known::Value(column, bytes.into_owned()))
    }
}

//! Few entries of a large file, read by `pread(2)`.
//!
//! To touch a page of a map costs as much as ten small reads, since the kernel maps its neighbours, too.
//! Where entries lie far from each other that is most of the work. Each is read together with what was
//! written just before it, which is where its own values are; those it shares with others are remembered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::fs::FileExt;

use crate::bytes::u64_at;
use crate::compress::COMPRESSED;
use crate::damage::Fault;
use crate::entry::{Entry, Head, MOST_LONG, offsets};
use crate::file::File;

/// Bytes before an entry that are read with it.
const BEFORE: u64 = 512;
/// Bytes from its beginning on; a longer entry is read once more.
const AFTER: usize = 256;
/// An entry has no more bytes.
const LONGEST: u64 = 64 + 4096 * 16;
/// Bytes of a value elsewhere that are read at once.
const VALUE: usize = 256;
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
    /// Values elsewhere in the file, and their places by offset.
    known: Vec<Known>,
    places: HashMap<u64, usize, Seed>,
    known_bytes: usize,
    /// Where the values of the entry are that is kept.
    found: Vec<Place>,
}

/// Where a value is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In the window, at this offset of the file.
    Window(u64),
    /// Among those that are remembered.
    Known(usize),
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
            known: Vec::new(),
            places: HashMap::with_hasher(Seed::new()),
            known_bytes: 0,
            found: Vec::new(),
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
        values.clear();
        values.resize(self.fields.len(), None);
        self.find(entry);
        let mut missing = self.fields.len();
        for place in &self.found {
            if missing == 0 {
                return;
            }
            let found = match place {
                Place::Window(offset) => {
                    let object = self.kept.object(*offset, DATA);
                    object.and_then(|object| self.wanted(*offset, object))
                }
                Place::Known(index) => match self.known.get(*index) {
                    Some(Known::Value(column, bytes)) => {
                        Some((*column, Cow::Borrowed(bytes.as_slice())))
                    }
                    _ => None,
                },
            };
            if let Some((column, bytes)) = found
                && let Some(value) = values.get_mut(column).filter(|value| value.is_none())
            {
                *value = Some(bytes);
                missing -= 1;
            }
        }
    }

    /// Finds where the values of the entry are that is kept.
    fn find(&mut self, entry: &Entry<'_>) {
        if self.known.len() >= MOST_KNOWN || self.known_bytes >= MOST_BYTES {
            self.known.clear();
            self.places.clear();
            self.known_bytes = 0;
        }
        let compact = self.file.header().compact;
        let object = self.kept.object(entry.offset, ENTRY).unwrap_or_default();
        let items = offsets(object.get(ITEMS..).unwrap_or_default(), compact);
        self.found.clear();
        self.found.extend(items.map(|offset| match self.places.get(&offset) {
            Some(index) => Place::Known(*index),
            None => Place::Window(offset),
        }));
        // Even if one entry has all of them.
        let most = self.file.max_value().saturating_mul(MOST_LONG).saturating_add(MOST_BYTES);
        for at in 0..self.found.len() {
            let Some(Place::Window(offset)) = self.found.get(at).copied() else { continue };
            if self.kept.object(offset, DATA).is_some() {
                continue;
            }
            if self.known_bytes >= most {
                self.file.faults.note(Fault::too_long(offset));
                continue;
            }
            let index = self.look_up(offset);
            if let Some(place) = self.found.get_mut(at) {
                *place = Place::Known(index);
            }
        }
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

    /// Remembers the value at `offset`, and gives its place.
    fn look_up(&mut self, offset: u64) -> usize {
        let mut window = Window::default();
        window.load(&self.handle, offset, VALUE);
        let size = u64_at(window.at(offset), 8).unwrap_or(0);
        let fits = size <= self.file.header().end.saturating_sub(offset);
        let most = self.file.max_value() as u64 + 4096;
        if fits && size > VALUE as u64 && size <= most {
            window.load(&self.handle, offset, usize::try_from(size).unwrap_or(0));
        }
        let object = window.object(offset, DATA);
        if object.is_none() {
            // What is wrong with it the map tells, and what is too long.
            self.file.faults.pass(self.file.payload(offset));
        }
        let known = object.and_then(|object| self.wanted(offset, object));
        let known =
            known.map_or(Known::Other, |(column, bytes)| Known::Value(column, bytes.into_owned()));
        if let Known::Value(_, bytes) = &known {
            self.known_bytes += bytes.len();
        }
        self.known.push(known);
        self.places.insert(offset, self.known.len() - 1);
        self.known.len() - 1
    }
}

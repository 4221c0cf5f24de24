//! One entry and its fields.

use std::borrow::Cow;
use std::fmt::Write;

use crate::bytes::{u32_at, u64_at};
use crate::compress::{COMPRESSED, Failure};
use crate::damage::Fault;
use crate::file::{File, Kind};
use crate::id::Id128;

/// Where the items of an entry begin.
const ITEMS: usize = 64;
/// Compressed values of an entry that may be as long as a value may be, before others are left out.
const MOST_LONG: usize = 4;

/// What every entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seqnum: u64,
    pub(crate) realtime: u64,
    pub(crate) monotonic: u64,
    pub(crate) boot_id: Id128,
    pub(crate) xor_hash: u64,
}

impl Head {
    pub(crate) fn parse(object: &[u8]) -> Option<Self> {
        Some(Self {
            seqnum: u64_at(object, 16)?,
            realtime: u64_at(object, 24)?,
            monotonic: u64_at(object, 32)?,
            boot_id: Id128::at(object, 40)?,
            xor_hash: u64_at(object, 56)?,
        })
    }
}

/// An entry of a journal file.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'j> {
    pub(crate) file: &'j File,
    pub(crate) offset: u64,
    pub(crate) head: Head,
}

/// A field of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'j> {
    bytes: Cow<'j, [u8]>,
    /// Length of the name.
    name: usize,
}

impl Field<'_> {
    /// Its name: `MESSAGE`.
    pub fn name(&self) -> &[u8] {
        self.bytes.get(..self.name).unwrap_or_default()
    }

    /// Its value, any bytes.
    pub fn value(&self) -> &[u8] {
        self.bytes.get(self.name + 1..).unwrap_or_default()
    }
}

impl<'j> Field<'j> {
    fn new(bytes: Cow<'j, [u8]>) -> Option<Self> {
        let name = bytes.iter().position(|byte| *byte == b'=')?;
        Some(Self { bytes, name })
    }

    /// Its value, of which nothing is copied if it lies in the file as it is.
    pub fn into_value(self) -> Cow<'j, [u8]> {
        let after = self.name + 1;
        match self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(after..).unwrap_or_default()),
            Cow::Owned(mut bytes) => {
                bytes.drain(..after.min(bytes.len()));
                Cow::Owned(bytes)
            }
        }
    }
}

impl<'j> Entry<'j> {
    pub(crate) fn read(file: &'j File, offset: u64) -> Option<Self> {
        let head = file.faults.pass(file.entry_head(offset))?;
        Some(Self { file, offset, head })
    }

    /// The file it is in.
    pub const fn file(&self) -> &'j File {
        self.file
    }

    /// Where it is in its file: [`File::entry`] reads it again.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// When the journal took it in: `CLOCK_REALTIME` in microseconds.
    pub const fn realtime_usec(&self) -> u64 {
        self.head.realtime
    }

    /// When the journal took it in: `CLOCK_MONOTONIC` of its boot in microseconds.
    pub const fn monotonic_usec(&self) -> u64 {
        self.head.monotonic
    }

    /// The boot it is of.
    pub const fn boot_id(&self) -> Id128 {
        self.head.boot_id
    }

    /// Its sequence number, of those of [`Entry::seqnum_id`].
    pub const fn seqnum(&self) -> u64 {
        self.head.seqnum
    }

    /// Whose sequence number it has.
    pub const fn seqnum_id(&self) -> Id128 {
        self.file.header().seqnum_id
    }

    /// Its address, as `sd_journal_get_cursor(3)` and `journalctl --cursor` have it.
    pub fn cursor(&self) -> String {
        let head = &self.head;
        let mut cursor = String::with_capacity(150);
        let written = write!(
            cursor,
            "s={};i={:x};b={};m={:x};t={:x};x={:x}",
            self.seqnum_id(),
            head.seqnum,
            head.boot_id,
            head.monotonic,
            head.realtime,
            head.xor_hash
        );
        debug_assert!(written.is_ok());
        cursor
    }

    /// All its fields, in the order of the entry. Those that cannot be read are left out, as are
    /// compressed ones that together are longer than several values may be.
    pub fn fields(&self) -> impl Iterator<Item = Field<'j>> + use<'j> {
        let file = self.file;
        let mut unpacked = 0;
        self.offsets().filter_map(move |offset| {
            if unpacked > file.max_value().saturating_mul(MOST_LONG) {
                let is_plain = |(flags, _): (u8, &[u8])| flags & COMPRESSED == 0;
                if !file.stored(offset).is_ok_and(is_plain) {
                    return file.faults.pass(Err(Fault::too_long(offset)));
                }
            }
            let bytes = file.faults.pass(file.payload(offset))?;
            if let Cow::Owned(bytes) = &bytes {
                unpacked += bytes.len();
            }
            Field::new(bytes)
                .or_else(|| file.faults.pass(Err(Fault::new(offset, "a value without a name"))))
        })
    }

    /// The first value of the field `name`.
    pub fn get(&self, name: &str) -> Option<Cow<'j, [u8]>> {
        let name = name.as_bytes();
        self.offsets().find_map(|offset| self.file.value_of(offset, name))
    }

    /// Whether the field `name` has this value, among others.
    pub fn has(&self, name: &str, value: &[u8]) -> bool {
        let name = name.as_bytes();
        self.offsets().any(|offset| {
            self.file.value_of(offset, name).is_some_and(|found| found.as_ref() == value)
        })
    }

    /// Offsets of its values.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = u64> + use<'j> {
        let object = self.file.object(self.offset, Kind::Entry);
        let items = object.ok().and_then(|object| object.get(ITEMS..)).unwrap_or_default();
        offsets(items, self.file.header().compact)
    }
}

/// The offsets in the items of an entry: of 4 bytes, or of 8 with a hash of 8 behind each.
pub(crate) fn offsets(items: &[u8], compact: bool) -> impl Iterator<Item = u64> + use<'_> {
    let size = if compact { 4 } else { 16 };
    items.chunks_exact(size).map(move |item| {
        let offset = if compact { u32_at(item, 0).map(u64::from) } else { u64_at(item, 0) };
        offset.unwrap_or(0)
    })
}

impl File {
    /// The entry at an offset that [`Entry::offset`] gave. None: there is none, or it is damaged.
    pub fn entry(&self, offset: u64) -> Option<Entry<'_>> {
        Entry::read(self, offset)
    }

    /// Where in a data object its value begins.
    pub(crate) const fn payload_at(&self) -> usize {
        if self.header().compact { 72 } else { 64 }
    }

    /// What the data object at `offset` holds as it lies in the file, and its flags.
    pub(crate) fn stored(&self, offset: u64) -> Result<(u8, &[u8]), Fault> {
        let object = self.object(offset, Kind::Data)?;
        let flags = object.get(1).copied().unwrap_or(0);
        let payload = object
            .get(self.payload_at()..)
            .ok_or(Fault::new(offset, "a value that is too short"))?;
        Ok((flags, payload))
    }

    /// `FIELD=value` of the data object at `offset`.
    pub(crate) fn payload(&self, offset: u64) -> Result<Cow<'_, [u8]>, Fault> {
        let (flags, payload) = self.stored(offset)?;
        if flags & COMPRESSED == 0 {
            return if payload.len() > self.max_value() {
                Err(Fault::too_long(offset))
            } else {
                Ok(Cow::Borrowed(payload))
            };
        }
        let value = self.unpacker.value(offset, flags, payload);
        value.map(Cow::Owned).map_err(|failure| match failure {
            Failure::TooLong => Fault::too_long(offset),
            Failure::Malformed => Fault::new(offset, "a compressed value that is damaged"),
            Failure::TooMuch => Fault::new(offset, "compressed values that unpack to too much"),
        })
    }

    /// The value of the data object at `offset` if it is one of the field `name`.
    pub(crate) fn value_of(&self, offset: u64, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let (flags, payload) = self.faults.pass(self.stored(offset))?;
        if flags & COMPRESSED == 0 {
            let value = payload.strip_prefix(name)?.strip_prefix(b"=")?;
            if value.len() > self.max_value() {
                self.faults.note(Fault::too_long(offset));
                return None;
            }
            return Some(Cow::Borrowed(value));
        }
        let mut bytes = self.faults.pass(self.payload(offset))?.into_owned();
        bytes.strip_prefix(name)?.strip_prefix(b"=")?;
        bytes.drain(..=name.len());
        Some(Cow::Owned(bytes))
    }
}

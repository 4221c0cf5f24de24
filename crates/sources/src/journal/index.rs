//! The index of one journal file: which boots it holds, how many entries of each priority.
//!
//! `sdjournal` gives entries, each with all its fields, and no counts: counting 100,000 entries
//! through it costs five seconds, from the index it costs a few hundred small reads. Only the
//! structures that counting needs are read (`JOURNAL_FILE_FORMAT` of systemd's documentation);
//! entries and their fields are not. Everything in the file is untrusted: each offset is checked
//! against the length of the file, each chain is bounded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sysdiag_model::BootId;

/// Incompatible features that this reader knows: compression (1, 2, 8), keyed hashes (4), the
/// compact form (16). None but the last changes anything that is read here.
const KNOWN_FEATURES: u32 = 0b1_1111;
const COMPACT: u32 = 16;
/// As much of the header have all versions.
const HEADER: usize = 208;
const OBJECT_DATA: u8 = 1;
const OBJECT_FIELD: u8 = 2;
const OBJECT_ENTRY: u8 = 3;
const OBJECT_ENTRY_ARRAY: u8 = 6;
/// Entry arrays double in size: a chain of 64 holds more than any file can.
const MAX_ARRAYS: usize = 256;
/// Fields have some hundred names; a sender can invent more, up to the file's own limit of 1024
/// in its hash table before it is rotated.
const MAX_FIELDS: usize = 16 * 1024;
/// Values of `_BOOT_ID` or `PRIORITY` in one file.
const MAX_VALUES: usize = 64 * 1024;

/// Why a file's index cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Damaged(&'static str),
    #[error("features 0x{0:x} are not known to this version")]
    Unsupported(u32),
}

use Unreadable::Damaged;

/// One open journal file.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    length: u64,
    compact: bool,
    fields_at: u64,
    fields_size: u64,
    /// Boot id of the last entry (systemd 254 and later) or of the last writer (before): no
    /// entry of the file is of a later boot.
    pub(super) last_boot: Option<BootId>,
    /// `CLOCK_REALTIME` of its last entry in microseconds, as the header says; 0 if it has none.
    pub(super) last_realtime_usec: u64,
    /// The array of all its entries; 0 if it has none.
    entries_at: u64,
    /// The file's own id.
    pub(super) file_id: u128,
    /// Whose sequence numbers its entries have.
    pub(super) seqnum_id: u128,
}

/// What a file holds of one boot.
#[derive(Debug, Clone)]
pub(super) struct BootPart {
    pub(super) id: BootId,
    pub(super) entries: u64,
    pub(super) first: Entry,
    pub(super) last: Entry,
    chain: Chain,
}

/// The head of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// `CLOCK_REALTIME` in microseconds.
    pub(super) realtime_usec: u64,
}

/// The entries that have one value of one field, in the order of the file.
#[derive(Debug, Clone)]
struct Chain {
    first: u64,
    /// Offset and number of places of each array, in order.
    arrays: Vec<(u64, u64)>,
    count: u64,
}

impl Index {
    /// Opens a file and checks its header.
    pub(super) fn open(path: &Path) -> Result<Self, Unreadable> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut header = [0; HEADER];
        if length < HEADER as u64 {
            return Err(Damaged("shorter than a header"));
        }
        file.read_exact_at(&mut header, 0)?;
        if header.get(..8) != Some(b"LPKSHHRH") {
            return Err(Damaged("not a journal file"));
        }
        let features = u32_at(&header, 12);
        if features & !KNOWN_FEATURES != 0 {
            return Err(Unreadable::Unsupported(features & !KNOWN_FEATURES));
        }
        // header_size and arena_size: what the file says it is long.
        let claimed = u64_at(&header, 88).checked_add(u64_at(&header, 96));
        if claimed.is_none_or(|claimed| claimed > length) {
            return Err(Damaged("shorter than its header says: truncated"));
        }
        Ok(Self {
            file,
            length,
            compact: features & COMPACT != 0,
            fields_at: u64_at(&header, 120),
            fields_size: u64_at(&header, 128),
            last_boot: boot_id(id_at(&header, 56)),
            last_realtime_usec: u64_at(&header, 192),
            entries_at: u64_at(&header, 176),
            file_id: id_at(&header, 24),
            seqnum_id: id_at(&header, 72),
        })
    }

    /// Length in bytes when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether all entries of this file are of `boot`, as far as its first and its last one tell.
    pub(super) fn is_all_of(&self, boot: BootId) -> Result<bool, Unreadable> {
        if self.last_boot != Some(boot) || self.entries_at == 0 {
            return Ok(false);
        }
        let (size, _) = self.object::<24>(self.entries_at, OBJECT_ENTRY_ARRAY)?;
        let all = Chain {
            first: 0,
            arrays: vec![(self.entries_at, size.saturating_sub(24) / self.item_size())],
            count: 1,
        };
        let (_, head) = self.object::<56>(self.nth(&all, 0)?, OBJECT_ENTRY)?;
        Ok(boot_id(id_at(&head, 40)) == Some(boot))
    }

    /// Every boot that has entries in this file, in no order.
    pub(super) fn boots(&self) -> Result<Vec<BootPart>, Unreadable> {
        let mut boots = Vec::new();
        for (value, chain) in self.values(b"_BOOT_ID")? {
            let id = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
            let Some(id) = id else { return Err(Damaged("a boot id that is none")) };
            if chain.count == 0 {
                continue;
            }
            let first = self.entry(self.nth(&chain, 0)?)?;
            let last = self.entry(self.nth(&chain, chain.count - 1)?)?;
            boots.push(BootPart { id, entries: chain.count, first, last, chain });
        }
        Ok(boots)
    }

    /// Entries of `boot` between two points in time, both inclusive: all, and of each priority.
    ///
    /// The entries of a boot are one range of the file, in the order of time but for jumps of the
    /// clock.
    pub(super) fn count(
        &self,
        boot: &BootPart,
        since_usec: Option<u64>,
        until_usec: Option<u64>,
    ) -> Result<Counts, Unreadable> {
        let from = match since_usec.filter(|since| *since > boot.first.realtime_usec) {
            Some(since) => {
                self.partition(&boot.chain, |offset| Ok(self.entry(offset)?.realtime_usec < since))?
            }
            None => 0,
        };
        let to = match until_usec.filter(|until| *until < boot.last.realtime_usec) {
            Some(until) => self
                .partition(&boot.chain, |offset| Ok(self.entry(offset)?.realtime_usec <= until))?,
            None => boot.chain.count,
        };
        let mut counts = Counts::default();
        if from >= to {
            return Ok(counts);
        }
        counts.entries = to - from;
        let (low, high) = (self.nth(&boot.chain, from)?, self.nth(&boot.chain, to - 1)?);
        for (value, chain) in self.values(b"PRIORITY")? {
            let [digit @ b'0'..=b'7'] = value.as_slice() else { continue };
            let below = self.partition(&chain, |offset| Ok(offset < low))?;
            let through = self.partition(&chain, |offset| Ok(offset <= high))?;
            if let Some(count) = counts.by_priority.get_mut(usize::from(digit - b'0')) {
                *count += through.saturating_sub(below);
            }
        }
        Ok(counts)
    }

    /// Every value of the field `name`, and the entries that have it.
    fn values(&self, name: &[u8]) -> Result<Vec<(Vec<u8>, Chain)>, Unreadable> {
        let mut values = Vec::new();
        let mut data = self.head_of_field(name)?;
        while data != 0 {
            if values.len() >= MAX_VALUES {
                return Err(Damaged("too many values of one field"));
            }
            let (size, head) = self.object::<64>(data, OBJECT_DATA)?;
            let payload_at = if self.compact { 72 } else { 64 };
            // Longer ones are none of the values that are looked for.
            let length = size.saturating_sub(payload_at).min(64);
            let payload = self.bytes(data.saturating_add(payload_at), length)?;
            let value = payload.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"="));
            let value = value.ok_or(Damaged("a value under the wrong field"))?.to_vec();
            let chain = self.chain(u64_at(&head, 40), u64_at(&head, 48), u64_at(&head, 56))?;
            values.push((value, chain));
            data = u64_at(&head, 32);
        }
        Ok(values)
    }

    /// Offset of the first value of the field `name`, 0 if no entry has it.
    ///
    /// All fields are gone through, so that the hash function need not be known.
    fn head_of_field(&self, name: &[u8]) -> Result<u64, Unreadable> {
        if self.fields_at == 0 {
            return Ok(0);
        }
        // A table has 1023 places of 16 bytes; its size is the writer's choice.
        if self.fields_size > 1 << 20 || !self.fields_size.is_multiple_of(16) {
            return Err(Damaged("a field table of no sensible size"));
        }
        let table = self.bytes(self.fields_at, self.fields_size)?;
        let mut seen = 0;
        for place in table.chunks_exact(16) {
            let mut field = u64_at(place, 0);
            while field != 0 {
                seen += 1;
                if seen > MAX_FIELDS {
                    return Err(Damaged("too many fields"));
                }
                let (size, head) = self.object::<40>(field, OBJECT_FIELD)?;
                if size.saturating_sub(40) == name.len() as u64
                    && self.bytes(field.saturating_add(40), name.len() as u64)? == name
                {
                    return Ok(u64_at(&head, 32));
                }
                field = u64_at(&head, 24);
            }
        }
        Ok(0)
    }

    fn chain(&self, first: u64, array: u64, count: u64) -> Result<Chain, Unreadable> {
        let mut chain = Chain { first, arrays: Vec::new(), count: 0 };
        let mut places = u64::from(first != 0);
        let mut next = array;
        while next != 0 && places < count {
            if chain.arrays.len() >= MAX_ARRAYS {
                return Err(Damaged("a chain of entry arrays without end"));
            }
            let (size, head) = self.object::<24>(next, OBJECT_ENTRY_ARRAY)?;
            let items = size.saturating_sub(24) / self.item_size();
            chain.arrays.push((next, items));
            places = places.saturating_add(items);
            next = u64_at(&head, 16);
        }
        // A writer links an entry before it counts it; damage can make it the other way round.
        chain.count = count.min(places);
        Ok(chain)
    }

    const fn item_size(&self) -> u64 {
        if self.compact { 4 } else { 8 }
    }

    /// Offset of the entry at place `n` of a chain.
    fn nth(&self, chain: &Chain, n: u64) -> Result<u64, Unreadable> {
        if n == 0 && chain.first != 0 {
            return Ok(chain.first);
        }
        let mut place = n - u64::from(chain.first != 0);
        for (array, items) in &chain.arrays {
            if place >= *items {
                place -= items;
                continue;
            }
            let at = array.saturating_add(24).saturating_add(place * self.item_size());
            let item = self.bytes(at, self.item_size())?;
            return Ok(if self.compact { u32_at(&item, 0).into() } else { u64_at(&item, 0) });
        }
        Err(Damaged("an entry array that is too short"))
    }

    /// How many entries of `chain`, from its beginning, are `before`: a binary search.
    fn partition(
        &self,
        chain: &Chain,
        before: impl Fn(u64) -> Result<bool, Unreadable>,
    ) -> Result<u64, Unreadable> {
        let (mut low, mut high) = (0, chain.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.nth(chain, middle)?)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn entry(&self, offset: u64) -> Result<Entry, Unreadable> {
        let (_, head) = self.object::<32>(offset, OBJECT_ENTRY)?;
        Ok(Entry { realtime_usec: u64_at(&head, 24) })
    }

    /// The size and the first `N` bytes of the object at `offset`, which must be of `kind`.
    fn object<const N: usize>(&self, offset: u64, kind: u8) -> Result<(u64, [u8; N]), Unreadable> {
        let mut head = [0; N];
        let end = offset.checked_add(N as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(Damaged("an object beyond the end"));
        }
        self.file.read_exact_at(&mut head, offset)?;
        let size = u64_at(&head, 8);
        if head.first() != Some(&kind) || size < N as u64 {
            return Err(Damaged("an object of the wrong kind or size"));
        }
        Ok((size, head))
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, Unreadable> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(Damaged("an object beyond the end"));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Damaged("too long"))?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

/// Numbers of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) entries: u64,
    pub(super) by_priority: [u64; 8],
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        for (sum, more) in self.by_priority.iter_mut().zip(other.by_priority) {
            *sum += more;
        }
    }
}

fn boot_id(id: u128) -> Option<BootId> {
    format!("{id:032x}").parse().ok()
}

/// A 128-bit id at `at`, which is stored as it is printed.
fn id_at(bytes: &[u8], at: usize) -> u128 {
    let part = bytes.get(at..at + 16).and_then(|part| part.try_into().ok());
    part.map_or(0, u128::from_be_bytes)
}

/// Little-endian number at `at`; 0 beyond the end, which the callers' sizes exclude.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let part = bytes.get(at..at + 8).and_then(|part| part.try_into().ok());
    part.map_or(0, u64::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let part = bytes.get(at..at + 4).and_then(|part| part.try_into().ok());
    part.map_or(0, u32::from_le_bytes)
}

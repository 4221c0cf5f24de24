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
use crate::merge::Entries;
use crate::select::{Direction, Select};

/// Places are kept for files of up to 16 GiB; in larger ones all values are looked at.
const MOST_BYTES: u64 = 16 << 30;
/// A data object has a head of 64 bytes at least: no two of them begin in the same 64 bytes.
const WINDOW: u64 = 64;
/// Places are kept once one in so many of the entries of a file was read, if not all will be.
const SHARE: u64 = 16;
/// As many fields can be told apart.
const MOST_FIELDS: usize = 200;
/// Files of which something is kept at once: those of the past are read one after the other.
const MOST_FILES: usize = 8;
/// Entries that are read at once.
const BATCH: usize = 64;
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
        let share = if select.groups.is_empty() { u64::MAX } else { SHARE };
        let mut columns = Columns { fields, share, of_files: Vec::new(), last: 0 };
        let mut batch: Vec<Entry<'_>> = Vec::with_capacity(BATCH);
        let width = fields.len().max(1);
        let mut values: Vec<Option<Cow<'_, [u8]>>> = vec![None; BATCH * width];
        let mut entries = self.entries_with(select, direction, fields);
        if entries.is_sparse() {
            return each_sparse(entries, columns, each);
        }
        if share == u64::MAX && entries.files().count() <= MOST_FILES {
            columns.all_of(entries.files().collect());
        }
        loop {
            batch.clear();
            entries.ask_for(BATCH);
            batch.extend(entries.by_ref().take(BATCH));
            if batch.is_empty() {
                return;
            }
            for (entry, values) in batch.iter().zip(values.chunks_exact_mut(width)) {
                columns.read(entry, values);
            }
            // Values lie anywhere in the file. Asked for together, they come from memory together.
            let read = values.iter().take(batch.len() * width).flatten();
            let ends = |value: &[u8]| value.first().copied().zip(value.last().copied());
            let touch = |sum: u8, (first, last): (u8, u8)| sum ^ first ^ last;
            std::hint::black_box(read.filter_map(|value| ends(value)).fold(0, touch));
            for (entry, values) in batch.iter().zip(values.chunks_exact(width)) {
                let values = values.get(..fields.len()).unwrap_or_default();
                if each(&Row { entry: *entry, values }).is_break() {
                    return;
                }
            }
        }
    }
}

/// One at a time: there is nothing to be gained from reading several.
fn each_sparse<'j>(
    mut entries: Entries<'j>,
    mut columns: Columns<'_, 'j>,
    mut each: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) {
    let mut through_map = vec![None; columns.fields.len()];
    while let Some(entry) = entries.next() {
        let mut values = Vec::new();
        let row = if let Some(sparse) = entries.taken() {
            sparse.values(&entry, &mut values);
            Row { entry, values: &values }
        } else {
            columns.read(&entry, &mut through_map);
            Row { entry, values: &through_map }
        };
        if each(&row).is_break() {
            return;
        }
    }
}

/// Reads some fields of entries.
struct Columns<'f, 'j> {
    fields: &'f [&'f str],
    /// One in so many entries of a file is read before places are kept.
    share: u64,
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

/// Where the values of the wanted fields lie in a file. Small, so that it stays in the caches.
struct Places {
    /// A bit for each window of the file.
    bits: Vec<u64>,
    /// How many bits come before each word.
    ranks: Vec<u32>,
    values: Vec<Place>,
}

/// A value: the offset of its object in units of 8 bytes, and in one number its column, in the upper
/// 8 bits, and its length.
#[derive(Clone, Copy)]
struct Place {
    offset: u32,
    what: u32,
}

/// A length for values that are longer, or compressed: they are to be asked for.
const ASK: u32 = (1 << 24) - 1;

impl Place {
    fn new(file: &File, offset: u64, column: usize, name: usize) -> Option<Self> {
        let (flags, payload) = file.faults.pass(file.stored(offset))?;
        let length = payload.len().saturating_sub(name + 1);
        let plain = flags & COMPRESSED == 0 && length <= file.max_value();
        let length = u32::try_from(length).ok().filter(|length| plain && *length < ASK);
        let column = u32::from(u8::try_from(column).ok()?);
        let offset = u32::try_from(offset / 8).ok()?;
        Some(Self { offset, what: column << 24 | length.unwrap_or(ASK) })
    }

    const fn column(self) -> usize {
        (self.what >> 24) as usize
    }

    /// None: to be asked for.
    const fn length(self) -> Option<usize> {
        let length = self.what & ASK;
        if length == ASK { None } else { Some(length as usize) }
    }
}

impl Places {
    /// Of several files. Each value tells where the one before it is, so that each has to be waited for;
    /// one of every file can be waited for at once.
    fn of(files: &[&File], fields: &[&str]) -> Vec<Option<Self>> {
        let mut values: Vec<Vec<Place>> = files.iter().map(|_| Vec::new()).collect();
        for (column, field) in fields.iter().enumerate() {
            let mut lists: Vec<_> = files
                .iter()
                .zip(&mut values)
                .filter(|(file, _)| file.length() <= MOST_BYTES && fields.len() <= MOST_FIELDS)
                .map(|(file, values)| (*file, file.places_of(field), values))
                .collect();
            while !lists.is_empty() {
                lists.retain_mut(|(file, list, values)| {
                    let Some(offset) = list.next() else { return false };
                    values.extend(Place::new(file, offset, column, field.len()));
                    true
                });
            }
        }
        let each = files.iter().zip(values);
        each.map(|(file, values)| Self::new(file, fields, values)).collect()
    }

    fn new(file: &File, fields: &[&str], mut values: Vec<Place>) -> Option<Self> {
        if file.length() > MOST_BYTES || fields.len() > MOST_FIELDS {
            return None;
        }
        let window = |place: &Place| u64::from(place.offset) * 8 / WINDOW;
        values.sort_unstable_by_key(|place| place.offset);
        values.dedup_by_key(|place| window(place));
        let words = usize::try_from(file.length() / WINDOW / 64).ok()? + 1;
        let mut bits = vec![0_u64; words];
        for place in &values {
            let window = window(place);
            if let Some(word) = bits.get_mut(usize::try_from(window / 64).ok()?) {
                *word |= 1 << (window % 64);
            }
        }
        let mut before = 0;
        let ranks = bits.iter().map(|word| {
            let rank = before;
            before += word.count_ones();
            rank
        });
        let ranks = ranks.collect();
        Some(Self { bits, ranks, values })
    }

    #[inline]
    fn at(&self, offset: u64) -> Option<Place> {
        let window = offset / WINDOW;
        let word = usize::try_from(window / 64).ok()?;
        let bits = *self.bits.get(word)?;
        if bits >> (window % 64) & 1 == 0 {
            return None;
        }
        let rank = self.ranks.get(word)? + (bits & ((1 << (window % 64)) - 1)).count_ones();
        // In a file that is damaged another may begin in the same window.
        self.values
            .get(rank as usize)
            .copied()
            .filter(|place| u64::from(place.offset) * 8 == offset)
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

    /// Keeps the places of files all of which will be read.
    fn all_of(&mut self, files: Vec<&'j File>) {
        let places = Places::of(&files, self.fields);
        let known = |(file, places)| OfFile { file, read: 1, places };
        self.of_files = files.into_iter().zip(places).map(known).collect();
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
        if known.places.is_none() && known.read == file.header().n_entries / self.share + 1 {
            known.places = Places::of(&[file], fields).pop().flatten();
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
        let column = place.column();
        let Some(value) = values.get_mut(column).filter(|value| value.is_none()) else { continue };
        let field = fields.get(column).copied().unwrap_or_default();
        *value = match place.length() {
            Some(length) => {
                let at = offset + (file.payload_at() + field.len() + 1) as u64;
                file.bytes(at, length).map(Cow::Borrowed)
            }
            None => file.value_of(offset, field.as_bytes()),
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
        let Some((flags, payload)) = file.faults.pass(file.stored(offset)) else { continue };
        let is_plain = flags & COMPRESSED == 0;
        for (field, value) in fields.iter().zip(values.iter_mut()) {
            let begins =
                || payload.get(field.len()) == Some(&b'=') && payload.starts_with(field.as_bytes());
            if value.is_some() || is_plain && !begins() {
                continue;
            }
            *value = file.value_of(offset, field.as_bytes());
            if value.is_some() {
                missing -= 1;
                break;
            }
        }
        if missing == 0 {
            return;
        }
    }
}

//! Files made to cost more than they are worth.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use sysdiag_journal::{Direction, Journal, Options, Select, Window};

use super::read::everything;
use super::watchdog::Watchdog;

const HEADER: usize = 272;
const DATA: u8 = 1;
const ENTRY: u8 = 3;
const ENTRY_ARRAY: u8 = 6;

/// A compact file (`JOURNAL_FILE_FORMAT`), its objects to be filled in.
struct Crafted(Vec<u8>);

impl Crafted {
    fn new(length: usize) -> Self {
        let mut file = Self(vec![0; length]);
        file.0[..8].copy_from_slice(b"LPKSHHRH");
        file.0[12] = 16;
        file.put(88, HEADER);
        file.put(96, length - HEADER);
        file
    }

    fn put(&mut self, at: usize, number: usize) {
        self.0[at..at + 8].copy_from_slice(&(number as u64).to_le_bytes());
    }

    fn object(&mut self, at: usize, kind: u8, size: usize) {
        self.0[at] = kind;
        self.put(at + 8, size);
    }

    /// The list of all entries, behind the header.
    fn list(&mut self, entries: &[usize]) -> usize {
        self.put(152, entries.len());
        self.put(176, HEADER);
        let size = 24 + 4 * entries.len();
        self.object(HEADER, ENTRY_ARRAY, size);
        for (place, offset) in entries.iter().enumerate() {
            let at = HEADER + 24 + 4 * place;
            self.0[at..at + 4].copy_from_slice(&u32::try_from(*offset).unwrap().to_le_bytes());
        }
        (HEADER + size).next_multiple_of(8)
    }

    fn read(&self, directory: &Path) {
        let path = directory.join("crafted.journal");
        fs::write(&path, &self.0).unwrap();
        let _watchdog = Watchdog::new(Duration::from_secs(20));
        everything(&path, self.0.len() as u64 / 4);
    }
}

/// Entries every 64 bytes, each as long as `size` says: the same bytes are the values of many.
fn overlapping(size: impl Fn(usize) -> usize) -> Crafted {
    const LENGTH: usize = 1 << 20;
    let mut file = Crafted::new(LENGTH);
    let count = (LENGTH - HEADER - 100) / (64 + 4);
    let first = (HEADER + 24 + 4 * count).next_multiple_of(8);
    let entries: Vec<usize> =
        (0..count).map(|n| first + 64 * n).filter(|at| at + 64 < LENGTH).collect();
    file.list(&entries);
    for at in entries {
        file.object(at, ENTRY, size(at).min(LENGTH - at));
        // Times that rise, so that the list may be searched.
        file.put(at + 16, at);
        file.put(at + 24, at);
    }
    file
}

#[test]
fn entries_that_overlap_cost_no_square() {
    let directory = tempfile::tempdir().unwrap();
    overlapping(|_| usize::MAX).read(directory.path());
    // The most that passes for an entry.
    overlapping(|_| 64 + 4 * 4096).read(directory.path());
}

#[test]
fn a_list_of_one_entry_again_and_again_ends() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = Crafted::new(1 << 20);
    let end = (HEADER + 24 + 4 * 200_000_usize).next_multiple_of(8);
    file.list(&vec![end; 200_000]);
    file.object(end, ENTRY, 64 + 4 * 4096);
    file.read(directory.path());
}

/// Longest value, as in [`Options`].
const MOST: usize = 256 << 10;

/// `count` entries of one value each, the entry `n` of the value `of(n)`; each value is a text of `length`
/// bytes, compressed.
fn bombs(count: usize, values: usize, length: usize, of: impl Fn(usize) -> usize) -> Crafted {
    let mut plain = b"MESSAGE=".to_vec();
    plain.resize(length, b'x');
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let packed = ruzstd::encoding::compress_to_vec(plain.as_slice(), level);
    assert!(packed.len() * 100 < length, "{} bytes", packed.len());
    let value = (72 + packed.len()).next_multiple_of(8);
    let first_value = (HEADER + 24 + 4 * count).next_multiple_of(8);
    let first_entry = first_value + values * value;
    let mut file = Crafted::new(first_entry + 72 * count);
    for at in (0..values).map(|n| first_value + n * value) {
        file.object(at, DATA, 72 + packed.len());
        // Compressed by zstd.
        file.0[at + 1] = 4;
        file.0[at + 72..at + 72 + packed.len()].copy_from_slice(&packed);
    }
    let entries: Vec<usize> = (0..count).map(|n| first_entry + 72 * n).collect();
    file.list(&entries);
    for (n, at) in entries.into_iter().enumerate() {
        file.object(at, ENTRY, 64 + 4);
        file.put(at + 16, n);
        file.put(at + 24, n);
        file.put(at + 64, first_value + of(n) * value);
    }
    file
}

/// Walks over all fields of all entries, then over one field in two ways. Gives the number of fields, the
/// bytes that were unpacked, and how much damage is told.
fn walked(file: &Crafted) -> (usize, u64, usize) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("crafted.journal");
    fs::write(&path, &file.0).unwrap();
    let options = Options { max_value_bytes: MOST, ..Options::default() };
    let journal = Journal::open(&[path], &options);
    let everything = Select::all(Window::default());
    let mut fields = 0;
    let entries = journal.entries(&everything, Direction::Backward);
    fields += entries.flat_map(|entry| entry.fields().collect::<Vec<_>>()).count();
    let entries = journal.entries(&everything, Direction::Forward);
    fields += entries.filter_map(|entry| entry.get("MESSAGE")).count();
    journal.columns(&everything, Direction::Forward, &["MESSAGE"], |row| {
        fields += row.values.iter().flatten().count();
        ControlFlow::Continue(())
    });
    (fields, journal.files()[0].unpacked(), journal.damage().len())
}

#[test]
fn a_value_that_entries_share_is_unpacked_once() {
    let file = bombs(10_000, 1, 40_000, |_| 0);
    assert_eq!(walked(&file), (2 * 10_000, 40_000, 0));
}

#[test]
fn what_entries_unpack_to_is_bounded_by_the_file() {
    const COUNT: usize = 4000;
    // A long one that is not remembered, and as many as there are entries, each short enough to be.
    for file in [bombs(COUNT, 1, MOST, |_| 0), bombs(COUNT, COUNT, 60_000, |n| n)] {
        let (fields, unpacked, damage) = walked(&file);
        let bound = 16 * file.0.len() + (32 << 20) + MOST;
        assert!(unpacked <= 3 * bound as u64, "{unpacked} bytes of {}", file.0.len());
        assert!(fields > 200 && fields < 2 * COUNT, "{fields} fields");
        assert!(damage > 0, "what is missing is not told");
    }
}

#[test]
fn what_one_entry_unpacks_to_is_bounded() {
    // One entry of many values.
    const VALUES: usize = 100;
    let mut file = bombs(VALUES, VALUES, MOST, |n| n);
    let first_entry = file.0.len() - 72 * VALUES;
    let places: Vec<usize> = (0..VALUES)
        .map(|n| {
            let at = first_entry + 72 * n + 64;
            u32::from_le_bytes(file.0[at..at + 4].try_into().unwrap()) as usize
        })
        .collect();
    file.object(first_entry, ENTRY, 64 + 4 * VALUES);
    for (n, place) in places.iter().enumerate() {
        file.put(first_entry + 64 + 4 * n, *place);
    }
    file.put(152, 1);
    let (fields, unpacked, damage) = walked(&file);
    // Four that may be as long as they can be, then one more, or what columns remember besides.
    assert!(fields <= 5 + 2, "{fields} fields");
    assert!(unpacked <= ((5 + 2 + 4) * MOST + (4 << 20)) as u64, "{unpacked} bytes");
    assert!(damage > 0, "what is missing is not told");
}

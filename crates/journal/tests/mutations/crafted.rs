//! Files made to cost more than they are worth.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::read::everything;
use super::watchdog::Watchdog;

const HEADER: usize = 272;
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

//! Any bytes as a compressed value: the first byte of the input says by what.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sysdiag_journal::{Direction, Journal, Options, Select};

static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").unwrap().keep().join("a.journal"));

const ENTRY: usize = 272 + 32;
const DATA: usize = ENTRY + 80;

// A file (`JOURNAL_FILE_FORMAT`) of one list, one entry and one value.
fuzz_target!(|input: &[u8]| {
    let Some((flags, payload)) = input.split_first() else { return };
    let mut file = vec![0_u8; (DATA + 64 + payload.len()).next_multiple_of(8)];
    let arena = file.len() - 272;
    let mut put = |at: usize, number: usize| {
        file[at..at + 8].copy_from_slice(&(number as u64).to_le_bytes());
    };
    put(88, 272);
    put(96, arena);
    put(152, 1);
    put(176, 272);
    // The list.
    put(272 + 8, 32);
    put(272 + 24, ENTRY);
    put(ENTRY + 8, 80);
    put(ENTRY + 16, 1);
    put(ENTRY + 64, DATA);
    put(DATA + 8, 64 + payload.len());
    file[..8].copy_from_slice(b"LPKSHHRH");
    // All that compress.
    file[12] = 1 | 2 | 8;
    file[272] = 6;
    file[ENTRY] = 3;
    file[DATA] = 1;
    file[DATA + 1] = [1, 2, 4][usize::from(*flags) % 3];
    file[DATA + 64..DATA + 64 + payload.len()].copy_from_slice(payload);
    fs::write(&*PATH, &file).unwrap();
    let options = Options { max_value_bytes: 1 << 20, ..Options::default() };
    let journal = Journal::open(&[&*PATH], &options);
    let entries: Vec<_> = journal.entries(&Select::default(), Direction::Forward).collect();
    assert_eq!(entries.len(), 1);
    for field in entries[0].fields() {
        assert!(field.name().len() + field.value().len() < 1 << 20);
    }
});

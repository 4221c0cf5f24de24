//! Journals in each format that this machine's systemd can write, read by `journalctl` and by us.

use std::path::Path;

use tempfile::TempDir;

use super::export::Entry;
use super::recompress::{self, Compression};
use super::rng::Rng;
use super::{compare, journalctl, synthetic};

/// Questions to each journal.
const QUERIES: usize = 100;

/// Environment of the writer (systemd's `docs/ENVIRONMENT.md`). It compresses by zstd or not at all
/// before version 258: see `recompress` for the others.
const FORMATS: [&[(&str, &str)]; 5] = [
    &[("SYSTEMD_JOURNAL_COMPACT", "0"), ("SYSTEMD_JOURNAL_KEYED_HASH", "0")],
    &[("SYSTEMD_JOURNAL_COMPACT", "0"), ("SYSTEMD_JOURNAL_KEYED_HASH", "1")],
    &[("SYSTEMD_JOURNAL_COMPACT", "1"), ("SYSTEMD_JOURNAL_KEYED_HASH", "0")],
    &[("SYSTEMD_JOURNAL_COMPACT", "1"), ("SYSTEMD_JOURNAL_KEYED_HASH", "1")],
    &[("SYSTEMD_JOURNAL_COMPACT", "1"), ("COMPRESS", "no")],
];

fn import(directory: &Path, name: &str, format: &[(&str, &str)], entries: &[Entry]) {
    let text = synthetic::stream(entries);
    journalctl::import(&directory.join(name), format, &text).unwrap();
}

fn agree(directory: &TempDir, seed: u64, entries: usize) {
    let compared =
        compare::all(directory.path(), seed, QUERIES, None).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(compared.entries, entries);
    // Most questions must have an answer, and some none, or little was compared.
    assert!(compared.answered >= QUERIES / 3 && compared.empty >= QUERIES / 20, "{compared:?}");
}

#[test]
fn every_format_agrees_with_journalctl() {
    for (seed, format) in (1..).zip(FORMATS) {
        let directory = TempDir::new().unwrap();
        import(directory.path(), "a.journal", format, &synthetic::entries(seed, 0, 300));
        agree(&directory, seed, 300);
    }
}

#[test]
fn values_compressed_by_lz4_and_xz_agree() {
    let plain = |compact| [("SYSTEMD_JOURNAL_COMPACT", compact), ("COMPRESS", "no")];
    for (seed, compression, compact) in
        [(20, Compression::Lz4, "0"), (21, Compression::Xz, "0"), (22, Compression::Lz4, "1")]
    {
        let directory = TempDir::new().unwrap();
        let entries = synthetic::entries(seed, 0, 200);
        import(directory.path(), "a.journal", &plain(compact), &entries);
        let count = recompress::file(&directory.path().join("a.journal"), compression).unwrap();
        assert!(count >= 10, "{count} values were compressed");
        agree(&directory, seed, 200);
    }
}

#[test]
fn files_of_all_formats_are_one_journal() {
    let directory = TempDir::new().unwrap();
    for (phase, format) in (0..).zip(FORMATS) {
        let entries = synthetic::entries(7, phase, 200);
        import(directory.path(), &format!("{phase}.journal"), format, &entries);
    }
    agree(&directory, 7, 200 * FORMATS.len());
}

#[test]
fn what_is_in_two_files_comes_once() {
    let directory = TempDir::new().unwrap();
    let entries = synthetic::entries(8, 0, 200);
    import(directory.path(), "a.journal", FORMATS[3], &entries);
    import(directory.path(), "b.journal", FORMATS[0], &synthetic::entries(8, 1, 150));
    std::fs::copy(directory.path().join("a.journal"), directory.path().join("copy.journal"))
        .unwrap();
    agree_but_counts(&directory, 350);
}

/// Counts are those of files, as is documented: what is in two of them counts twice.
fn agree_but_counts(directory: &TempDir, entries: usize) {
    let compared =
        compare::entries(directory.path(), 9, QUERIES, None).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(compared.entries, entries);
}

#[test]
fn thousands_of_entries_agree() {
    let directory = TempDir::new().unwrap();
    let entries = synthetic::entries(10, 0, 6000);
    import(directory.path(), "a.journal", FORMATS[3], &entries);
    let mut rng = Rng::new(10);
    let compared = compare::all(directory.path(), rng.next(), QUERIES / 4, None);
    assert_eq!(compared.unwrap_or_else(|e| panic!("{e}")).entries, 6000);
}

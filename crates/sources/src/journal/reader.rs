//! The one place that knows the crate `sdjournal`: entries that match, newest first.
//!
//! Matches on a field's exact value use the journal's index, and only matches of that kind can be
//! asked for here. Files are read with `pread(2)`, not mapped (the crate's feature `mmap` is off):
//! a bad block under a mapped file kills the process (`SIGBUS`), under a read it is an error, and
//! pages of large journals do not add to our memory. The price is 50 µs for each entry read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use sdjournal::{EntryRef, Journal, JournalConfig, SdJournalError};
use sysdiag_model::{Gap, Timestamp, Why};

use super::files::{Files, MAX_FILES};

/// Longest field that is read, and most fields of an entry: together they bound the memory that an
/// entry takes, which anyone may send. An entry beyond them (a core dump stored in the journal) is
/// left out, with a gap.
const MAX_FIELD_BYTES: usize = 256 << 10;
const MAX_FIELDS: usize = 128;
/// Give up a search after this many entries that could not be read.
const MAX_FAULTS: u32 = 1000;

/// The readable files of a journal.
#[derive(Clone)]
pub(super) struct Reader {
    journal: Journal,
    lengths: BTreeMap<PathBuf, u64>,
    /// By the id of the file.
    seqnum_ids: BTreeMap<u128, u128>,
}

/// `FIELD=value`.
pub(super) type Match<'a> = (&'static str, &'a str);

/// Which entries: those with every match of `all`, and with every match of one of `any` (of one at
/// least; an empty `any` asks for nothing more).
#[derive(Debug, Default, Clone)]
pub(super) struct Select<'a> {
    pub(super) all: Vec<Match<'a>>,
    pub(super) any: Vec<Vec<Match<'a>>>,
    /// Not before, by the entry's `CLOCK_REALTIME`.
    pub(super) since: Option<Timestamp>,
    /// Not after.
    pub(super) until: Option<Timestamp>,
}

/// One entry with all its fields.
pub(super) struct Entry<'a> {
    entry: EntryRef,
    seqnum_ids: &'a BTreeMap<u128, u128>,
}

impl Reader {
    /// Opens what `files` found.
    pub(super) fn open(files: &Files) -> Result<Self, Gap> {
        let config = JournalConfig {
            // Entry arrays are objects, too: this is one of 260,000 entries, half of a file's.
            max_object_size_bytes: 2 << 20,
            max_decompressed_bytes: MAX_FIELD_BYTES,
            max_fields_per_entry: MAX_FIELDS,
            max_journal_files: MAX_FILES,
            // Entry arrays double in size; chains of a hash table are short until it is rotated.
            max_object_chain_steps: 100_000,
            include_journal_tilde: true,
            ..JournalConfig::default()
        };
        allow_open_files(files.readable.len());
        let journal = Journal::open_dirs_with_config(&files.folders, config)
            .map_err(|error| Gap::new("journal", why(&error), error.to_string()))?;
        let seqnum_ids = files.seqnum_ids.clone();
        Ok(Self { journal, lengths: files.readable.clone(), seqnum_ids })
    }

    /// Calls `each` with the entries of `select`, newest first, until it breaks, the deadline
    /// passes or there are no more.
    pub(super) fn newest_first(
        &self,
        select: &Select<'_>,
        deadline: Instant,
        faults: &mut Faults,
        mut each: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) {
        let mut query = self.journal.query();
        for (field, value) in &select.all {
            query.match_exact(field, value.as_bytes());
        }
        for branch in &select.any {
            // Its documentation says that the terms of a group are alternatives. The groups are:
            // within one, every term must match (src/query/mod.rs, `build_branches`).
            query.or_group(|group| {
                for (field, value) in branch {
                    group.match_exact(field, value.as_bytes());
                }
            });
        }
        if let Some(until) = select.until {
            query.until_realtime(until.as_usec());
        }
        query.seek_tail();
        let entries = match query.iter() {
            Ok(entries) => entries,
            Err(error) => return faults.note(&error, &self.lengths),
        };
        let since = select.since.map_or(0, Timestamp::as_usec);
        for entry in entries {
            if Instant::now() >= deadline {
                faults.timed_out = true;
                return;
            }
            match entry {
                // Given to the query, this would be checked for each older entry, too.
                Ok(entry) if entry.realtime_usec() < since => return,
                Ok(entry) => {
                    let seqnum_ids = &self.seqnum_ids;
                    if each(&Entry { entry, seqnum_ids }).is_break() {
                        return;
                    }
                }
                Err(error) => {
                    faults.note(&error, &self.lengths);
                    if faults.total > MAX_FAULTS {
                        return;
                    }
                }
            }
        }
    }
}

impl Entry<'_> {
    /// The first value of a field, if it is UTF-8.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        std::str::from_utf8(self.entry.get(field)?).ok()
    }

    /// The first value of a field.
    pub(super) fn bytes(&self, field: &str) -> Option<&[u8]> {
        self.entry.get(field)
    }

    /// Whether a field has this value.
    pub(super) fn is(&self, field: &str, value: &str) -> bool {
        self.entry.iter_fields().any(|(name, found)| name == field && found == value.as_bytes())
    }

    /// When the journal took it in.
    pub(super) fn received(&self) -> Timestamp {
        Timestamp::from_usec(self.entry.realtime_usec())
    }

    /// When the sender's message came in at the socket (`_SOURCE_REALTIME_TIMESTAMP`, the time
    /// that `journalctl` shows), else when the journal took it in.
    pub(super) fn time(&self) -> Timestamp {
        let source = self.text("_SOURCE_REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
        source.filter(|usec| *usec != 0).map_or_else(|| self.received(), Timestamp::from_usec)
    }

    /// Its address for `journalctl --cursor`.
    pub(super) fn cursor(&self) -> String {
        let entry = &self.entry;
        let number = self.seqnum_id().map(|id| format!("s={id:032x};i={:x};", entry.seqnum()));
        format!(
            "{}b={:032x};m={:x};t={:x}",
            // Boot and time are enough, but entries can have the same (`sd_journal_seek_cursor`).
            number.unwrap_or_default(),
            u128::from_be_bytes(entry.boot_id()),
            entry.monotonic_usec(),
            entry.realtime_usec()
        )
    }

    /// Whose sequence number it has. The library tells the id of the file only in its own form of
    /// a cursor: `SJ1:`, the kind 04 and the id, in hexadecimal digits.
    fn seqnum_id(&self) -> Option<u128> {
        let cursor = self.entry.cursor().ok()?.to_string();
        let file_id = cursor.strip_prefix("SJ1:04")?.get(..32)?;
        self.seqnum_ids.get(&u128::from_str_radix(file_id, 16).ok()?).copied()
    }
}

/// What went wrong while entries were read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The deadline passed.
    pub(super) timed_out: bool,
    damaged: BTreeSet<PathBuf>,
    unplaced: BTreeSet<String>,
    oversized: u32,
    total: u32,
}

impl Faults {
    fn note(&mut self, error: &SdJournalError, lengths: &BTreeMap<PathBuf, u64>) {
        match error {
            // Written after the file was opened: it has grown beyond the length of then.
            SdJournalError::Corrupt { path: Some(path), offset: Some(offset), .. }
                if lengths.get(path).is_none_or(|length| offset >= length) =>
            {
                return;
            }
            SdJournalError::Corrupt { path: Some(path), .. }
            | SdJournalError::Transient { path: Some(path), .. }
            | SdJournalError::Io { path: Some(path), .. } => {
                self.damaged.insert(path.clone());
            }
            SdJournalError::LimitExceeded { .. } => self.oversized += 1,
            error if self.unplaced.len() < 8 => {
                self.unplaced.insert(error.to_string());
            }
            _ => {}
        }
        self.total += 1;
    }

    /// What they leave unread, as parts of `what`.
    pub(super) fn into_gaps(self, what: &str) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.timed_out {
            gaps.push(Gap::new(
                what,
                Why::TimedOut,
                "only the newest entries were read before the deadline",
            ));
        }
        for path in self.damaged {
            let file = format!("journal file {}", path.display());
            gaps.push(Gap::new(
                file,
                Why::Malformed,
                "damaged: some of its entries could not be read; see journalctl --verify",
            ));
        }
        if self.oversized > 0 {
            let entries = if self.oversized == 1 { "entry" } else { "entries" };
            gaps.push(Gap::new(
                format!("{} journal {entries}", self.oversized),
                Why::NotSupported,
                "too large: a field of more than 256 KiB, or more than 128 fields",
            ));
        }
        gaps.extend(self.unplaced.into_iter().map(|error| Gap::new(what, Why::Malformed, error)));
        gaps
    }
}

/// Raises the soft limit on open files if `files` more would not fit: the library keeps all open,
/// and leaves out without a word what it cannot open.
fn allow_open_files(files: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = files as u64 + 256;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, maximum }) {
        tracing::warn!(%error, files, "cannot raise the limit on open files");
    }
}

fn why(error: &SdJournalError) -> Why {
    match error {
        SdJournalError::PermissionDenied { .. } => Why::NotPermitted,
        SdJournalError::NotFound => Why::Absent,
        SdJournalError::Unsupported { .. } => Why::NotSupported,
        _ => Why::Malformed,
    }
}

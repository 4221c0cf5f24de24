//! The header of a journal file.

use crate::bytes::{u32_at, u64_at};
use crate::damage::{Cause, Fault};
use crate::id::Id128;

/// `HEADER_SIGNATURE`.
const SIGNATURE: &[u8] = b"LPKSHHRH";
/// As much have all versions: up to and without `n_data` (systemd before 187).
pub(crate) const LEAST: usize = 208;
/// `HEADER_INCOMPATIBLE_*`: compression by XZ (1), LZ4 (2) and zstd (8), keyed hashes (4), compact (16).
const KNOWN: u32 = 0b1_1111;
const KEYED: u32 = 4;
const COMPACT: u32 = 16;
/// Bytes of a place in a hash table.
const ITEM: u64 = 16;
/// What a file is that does not reach as far as its header says.
pub(crate) const TRUNCATED: &str = "truncated: the file is shorter than its header says";

/// Whether somebody writes to a file (`STATE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Closed well.
    Offline,
    /// Open for writing, or its writer died.
    Online,
    /// Rotated away.
    Archived,
    /// A number that has no meaning.
    Other(u8),
}

/// What the header of a file says. Sizes and offsets are in bytes, times in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Whether somebody writes to it.
    pub state: State,
    /// Its own id.
    pub file_id: Id128,
    /// The machine that wrote it.
    pub machine_id: Id128,
    /// Boot of the last entry (systemd 254 and later) or of the last writer (before).
    pub tail_entry_boot_id: Id128,
    /// Whose sequence numbers its entries have.
    pub seqnum_id: Id128,
    /// Number of entries when it was opened.
    pub n_entries: u64,
    /// Sequence number of the first entry.
    pub head_entry_seqnum: u64,
    /// Sequence number of the last entry.
    pub tail_entry_seqnum: u64,
    /// `CLOCK_REALTIME` of the first entry.
    pub head_entry_realtime: u64,
    /// `CLOCK_REALTIME` of the last entry.
    pub tail_entry_realtime: u64,
    /// Items of 4 bytes (systemd 252 and later, unless told otherwise).
    pub compact: bool,
    /// Hashes are keyed by the file's id (systemd 246 and later).
    pub keyed_hash: bool,
    /// Whether it is sealed (`--setup-keys` of `journalctl(1)`).
    pub sealed: bool,
    pub(crate) size: u64,
    /// End of all that the file says it holds.
    pub(crate) end: u64,
    pub(crate) data_table: Table,
    pub(crate) field_table: Table,
    pub(crate) entry_array: u64,
}

/// A hash table: its first place, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) offset: u64,
    pub(crate) places: u64,
}

impl Header {
    /// Reads the header at the beginning of `bytes`, which is all of the file, and what of the file it
    /// shows to be lost.
    pub(crate) fn parse(bytes: &[u8]) -> Result<(Self, Vec<Fault>), Cause> {
        if bytes.len() < LEAST {
            return Err(Cause::Malformed("shorter than a header"));
        }
        if bytes.get(..8) != Some(SIGNATURE) {
            return Err(Cause::Malformed("not a journal file"));
        }
        let features = u32_at(bytes, 12).unwrap_or(0);
        if features & !KNOWN != 0 {
            return Err(Cause::Unsupported(features & !KNOWN));
        }
        let number = |at| u64_at(bytes, at).unwrap_or(0);
        let id = |at| Id128::at(bytes, at).unwrap_or(Id128::NULL);
        let size = number(88);
        if size < LEAST as u64 || size > 1 << 20 {
            return Err(Cause::Malformed("its header has no sensible size"));
        }
        let mut faults = Vec::new();
        let length = bytes.len() as u64;
        // `arena_size`: what follows the header.
        let mut end = size.saturating_add(number(96));
        if end > length {
            faults.push(Fault::new(length, TRUNCATED));
            end = length;
        }
        let mut table = |at| {
            let (offset, bytes) = (number(at), number(at + 8));
            // The number of places: what is beyond a multiple of their size is none.
            let table = Table { offset, places: bytes / ITEM };
            if offset == 0 || offset.checked_add(bytes).is_some_and(|end_of| end_of <= end) {
                return table;
            }
            faults.push(Fault::new(offset, "a hash table beyond the end"));
            Table { offset: 0, places: 0 }
        };
        let (data_table, field_table) = (table(104), table(120));
        Ok((
            Self {
                state: match bytes.get(16) {
                    Some(0) => State::Offline,
                    Some(1) => State::Online,
                    Some(2) => State::Archived,
                    other => State::Other(other.copied().unwrap_or(u8::MAX)),
                },
                file_id: id(24),
                machine_id: id(40),
                tail_entry_boot_id: id(56),
                seqnum_id: id(72),
                n_entries: number(152),
                tail_entry_seqnum: number(160),
                head_entry_seqnum: number(168),
                entry_array: number(176),
                head_entry_realtime: number(184),
                tail_entry_realtime: number(192),
                compact: features & COMPACT != 0,
                keyed_hash: features & KEYED != 0,
                sealed: u32_at(bytes, 8).unwrap_or(0) & 1 != 0,
                size,
                end,
                data_table,
                field_table,
            },
            faults,
        ))
    }
}

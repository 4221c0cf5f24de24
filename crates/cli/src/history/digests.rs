//! What is remembered of each saved report, in `.digests.jsonl` beside them: unpacking fifty reports
//! on every run would take longer than the run.
//!
//! Derived and rebuildable. One line a report, appended when it is saved. A line counts only as long
//! as its report lies there unchanged; what is missing, damaged or of another version is made again
//! from the report, some at every run.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sysdiag_analyze::PastReport;

use super::index::Mark;
use super::{Entry, read, replace::replace};

const FILE: &str = ".digests.jsonl";
/// Larger than the digests of any directory that is read in a reasonable time.
const MAX_BYTES: u64 = 64 << 20;
/// A longer line is none of ours.
const MAX_LINE_BYTES: usize = 512 << 10;
/// What every line begins with. A version that remembers something else has another number.
const BEGIN: &str = "{\"version\":1,\"file\":\"";
const VERSION: u32 = 1;
/// Lines about reports that are gone, from which on the file is written anew.
const MANY_DEAD: usize = 200;

/// What is known about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// What its report said.
    Report(Box<PastReport>),
    /// It is no report, and why.
    Unusable(String),
}

/// One line.
#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    file: String,
    mark: Mark,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    report: Option<PastReport>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    unusable: Option<String>,
}

/// The file as it was read, and what is to be added to it.
pub(super) struct Digests {
    text: Vec<u8>,
    /// By the name of the report; of several lines the last counts.
    lines: HashMap<String, Range<usize>>,
    /// Lines in all.
    count: usize,
    added: Vec<u8>,
}

impl Digests {
    /// What is remembered in a directory; nothing if there is nothing that can be used.
    pub(super) fn read(directory: &Path) -> Self {
        let mut text = Vec::new();
        if let Ok(file) = read::open(&directory.join(FILE)) {
            drop(file.take(MAX_BYTES).read_to_end(&mut text));
        }
        let mut lines = HashMap::new();
        let (mut begin, mut count) = (0, 0);
        while let Some(rest) = text.get(begin..).filter(|rest| !rest.is_empty()) {
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            count += 1;
            if let Some(name) = rest.get(..length).and_then(name_of) {
                lines.insert(name.to_owned(), begin..begin + length);
            }
            begin += length + 1;
        }
        Self { text, lines, count, added: Vec::new() }
    }

    /// What is remembered of a report, if it is the same file still.
    pub(super) fn get(&self, entry: &Entry) -> Option<Known> {
        let line = self.text.get(self.lines.get(&entry.name.to_string())?.clone())?;
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        if line.version != VERSION || line.mark != entry.mark {
            return None;
        }
        match (line.report, line.unusable) {
            (Some(report), None) => {
                (report.timestamp == entry.name.time()).then(|| Known::Report(Box::new(report)))
            }
            (None, Some(why)) => Some(Known::Unusable(why)),
            _ => None,
        }
    }

    /// Remembers what was found in a file.
    pub(super) fn add(&mut self, entry: &Entry, known: &Known) {
        self.added.extend(line(entry, known.clone()).unwrap_or_default());
    }

    /// Appends what was added, or writes the file anew where it is not ours or mostly about reports
    /// that are gone. Not synced: what a crash costs is rebuilt.
    pub(super) fn write(&self, directory: &Path, entries: &[Entry]) -> io::Result<()> {
        let too_long = self.text.len() as u64 + self.added.len() as u64 > MAX_BYTES / 2;
        if too_long || self.count > entries.len().saturating_mul(2) + MANY_DEAD {
            return self.rewrite(directory, entries);
        }
        if self.added.is_empty() {
            return Ok(());
        }
        match append(directory, &self.added) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.rewrite(directory, entries)
            }
            result => result,
        }
    }

    /// Keeps the lines of `entries` only; whole or not at all.
    fn rewrite(&self, directory: &Path, entries: &[Entry]) -> io::Result<()> {
        let kept = entries.iter().filter(|entry| self.get(entry).is_some());
        let mut text = Vec::new();
        let most = usize::try_from(MAX_BYTES / 4).unwrap_or(usize::MAX);
        // The newest come first; they are looked at most.
        for line in kept.filter_map(|entry| self.lines.get(&entry.name.to_string())) {
            if text.len() > most {
                break;
            }
            text.extend(self.text.get(line.clone()).unwrap_or_default());
            text.push(b'\n');
        }
        text.extend(&self.added);
        replace(directory, FILE, &text)
    }
}

/// Remembers a report that was just saved, without reading what is remembered of others.
pub(super) fn remember(entry: &Entry, report: PastReport) -> io::Result<()> {
    let directory = entry.path.parent().unwrap_or(Path::new("."));
    let line = line(entry, Known::Report(Box::new(report))).unwrap_or_default();
    match append(directory, &line) {
        // Not ours: the next look back writes it anew.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(()),
        result => result,
    }
}

fn line(entry: &Entry, known: Known) -> Option<Vec<u8>> {
    let (report, unusable) = match known {
        Known::Report(report) => (Some(*report), None),
        Known::Unusable(why) => (None, Some(why)),
    };
    let (file, mark) = (entry.name.to_string(), entry.mark);
    let line = Line { version: VERSION, file, mark, report, unusable };
    let mut line = serde_json::to_vec(&line).ok()?;
    line.push(b'\n');
    (line.len() <= MAX_LINE_BYTES).then_some(line)
}

/// The name of the report that a line is about.
fn name_of(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(BEGIN.as_bytes())?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// Adds lines in one write, after what a write that was cut off left.
fn append(directory: &Path, lines: &[u8]) -> io::Result<()> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(directory.join(FILE))
        .map_err(|error| match Errno::from_io_error(&error) {
            // A link or a folder that somebody left.
            Some(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => {
                io::Error::from(io::ErrorKind::InvalidData)
            }
            _ => error,
        })?;
    let data = file.metadata()?;
    let is_ours = data.is_file() && data.mode() & 0o777 == 0o600 && data.nlink() == 1;
    if !is_ours || data.len() > MAX_BYTES {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    if data.len() > 0 && last_byte(&file, data.len())? != b'\n' {
        return file.write_all(&[b"\n", lines].concat());
    }
    file.write_all(lines)
}

fn last_byte(file: &File, length: u64) -> io::Result<u8> {
    let mut last = [0];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut last, length.saturating_sub(1))?;
    Ok(last.into_iter().next().unwrap_or_default())
}

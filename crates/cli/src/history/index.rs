//! Which files were found to be whole reports of this program, so that retention need not unpack
//! a thousand reports at every run.
//!
//! Derived and rebuildable: a file that is not listed, or that has another size or time than when it
//! was looked at, is looked at again. Nothing is deleted on the word of the index alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Entry, read, replace::replace};

const FILE: &str = ".index.json";
/// Larger than the index of any directory that is read in a reasonable time.
const MAX_BYTES: u64 = 64 << 20;

/// Files by name, each with what tells whether it was changed since.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    version: u32,
    whole: BTreeMap<String, Mark>,
    #[serde(skip)]
    changed: bool,
}

/// Inode, size and times of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark(u64, u64, i64, i64, i64, i64);

const VERSION: u32 = 1;

impl Index {
    /// The index of a directory; empty if there is none that can be used.
    pub(super) fn read(directory: &Path) -> Self {
        let mut text = Vec::new();
        if let Ok(file) = read::open(&directory.join(FILE)) {
            // What is cut off does not parse.
            drop(file.take(MAX_BYTES).read_to_end(&mut text));
        }
        serde_json::from_slice(&text)
            .ok()
            .filter(|index: &Self| index.version == VERSION)
            .unwrap_or(Self { version: VERSION, ..Self::default() })
    }

    /// Whether this file was found whole, and is the same file still.
    pub(super) fn knows(&self, entry: &Entry) -> bool {
        let known = self.whole.get(&entry.name.to_string());
        known.is_some() && known.copied() == mark(&entry.path)
    }

    /// Remembers that this file is whole.
    pub(super) fn add(&mut self, entry: &Entry) {
        if let Some(mark) = mark(&entry.path) {
            self.whole.insert(entry.name.to_string(), mark);
            self.changed = true;
        }
    }

    /// Keeps what is said about `entries` only.
    pub(super) fn keep(&mut self, entries: &[Entry]) {
        let names: BTreeSet<String> = entries.iter().map(|entry| entry.name.to_string()).collect();
        let before = self.whole.len();
        self.whole.retain(|name, _| names.contains(name));
        self.changed |= self.whole.len() != before;
    }

    /// Writes it, whole or not at all. Not synced: what a crash costs is rebuilt.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        replace(directory, FILE, &serde_json::to_vec(self)?)
    }
}

impl Mark {
    /// What tells this file from another of the same name.
    pub(super) fn of(data: &Metadata) -> Self {
        Self(
            data.ino(),
            data.size(),
            data.mtime(),
            data.mtime_nsec(),
            data.ctime(),
            data.ctime_nsec(),
        )
    }
}

/// The mark of a regular file.
pub(super) fn mark(path: &Path) -> Option<Mark> {
    path.symlink_metadata().ok().filter(Metadata::is_file).as_ref().map(Mark::of)
}

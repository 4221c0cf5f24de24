//! Deletes the oldest reports.

use std::io;
use std::path::PathBuf;

use super::index::Index;
use super::{Skipped, Store, Unusable};

/// What retention did.
#[derive(Debug, Default)]
pub struct Retained {
    /// Reports that were deleted.
    pub deleted: Vec<PathBuf>,
    /// Files that are no usable reports: not counted, not deleted.
    pub skipped: Vec<Skipped>,
    /// Reports that should have been deleted and could not be.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// Keeps the newest `max_files` usable reports.
///
/// Files are opened only when there are more than that: which of them are ours is not in the name.
/// Those that were looked at before and have not changed are known from the index.
pub(super) fn apply(store: &Store, max_files: usize) -> io::Result<Retained> {
    let mut retained = Retained::default();
    let (entries, _) = store.entries()?;
    if entries.len() <= max_files {
        return Ok(retained);
    }
    let mut index = Index::read(store.directory());
    index.keep(&entries);
    let mut kept = 0;
    for entry in entries {
        if kept < max_files && index.knows(&entry) {
            kept += 1;
            continue;
        }
        match store.read(&entry) {
            Ok(_) if kept < max_files => {
                kept += 1;
                index.add(&entry);
            }
            Ok(_) => match std::fs::remove_file(&entry.path) {
                Ok(()) => retained.deleted.push(entry.path),
                // Another run was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => retained.failed.push((entry.path, error)),
            },
            Err(Unusable::Gone) => {}
            Err(why) => retained.skipped.push((entry.path, why)),
        }
    }
    if let Err(error) = index.write(store.directory()) {
        tracing::info!(%error, "index of reports not written");
    }
    Ok(retained)
}

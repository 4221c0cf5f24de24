//! How the files beside the reports are written that only remember what costs time to find out again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Replaces the file `name` in `directory`, whole or not at all, private to its owner. Not synced: what
/// a crash costs is rebuilt.
pub(super) fn replace(directory: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let temporary = directory.join(format!("{name}.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text))
        .and_then(|()| std::fs::rename(&temporary, directory.join(name)));
    if written.is_err() {
        drop(std::fs::remove_file(&temporary));
    }
    written
}

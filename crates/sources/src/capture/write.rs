//! Writing a capture: whole or not at all, readable by its owner only.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use sysdiag_model::Snapshot;
use sysdiag_model::snapshot::FORMAT;
use tempfile::NamedTempFile;

use super::{CaptureError, MAGIC};

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    snapshot: &'a Snapshot,
}

/// Writes `snapshot` to `path`, mode 0600, in place of a regular file of that name.
///
/// It is written under another name in the same folder, synced and renamed: a file of this name
/// is a whole capture or what it was before. A symbolic link, a device or another special file is
/// refused.
pub fn write(path: &Path, snapshot: &Snapshot) -> Result<(), CaptureError> {
    check_target(path)?;
    let folder = folder(path);
    let mut file = temporary(folder)?;
    let document = Document { format: MAGIC, version: FORMAT, snapshot };
    let mut gzip = GzEncoder::new(
        BufWriter::with_capacity(64 * 1024, file.as_file_mut()),
        Compression::new(6),
    );
    serde_json::to_writer(&mut gzip, &document).map_err(|error| match error.io_error_kind() {
        Some(kind) => failed("write", path)(io::Error::new(kind, error)),
        None => CaptureError::NotWritable(error),
    })?;
    gzip.finish().and_then(|mut buffer| buffer.flush()).map_err(failed("write", path))?;
    file.as_file().sync_all().map_err(failed("write", path))?;
    file.persist(path).map_err(|error| failed("rename a file to", path)(error.error))?;
    // So that the new name survives a crash, too.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// Whether a capture could be written to `path`: to be asked before a host is read for it.
pub fn check(path: &Path) -> Result<(), CaptureError> {
    check_target(path)?;
    temporary(folder(path)).map(drop)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CaptureError {
    let path = path.to_owned();
    move |source| CaptureError::Io { action, path, source }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A file of mode 0600 and a name that nobody can guess; removed again unless it is renamed.
fn temporary(folder: &Path) -> Result<NamedTempFile, CaptureError> {
    tempfile::Builder::new()
        .prefix(".sysdiag-capture-")
        .tempfile_in(folder)
        .map_err(failed("create a file in", folder))
}

fn check_target(path: &Path) -> Result<(), CaptureError> {
    use std::os::unix::fs::FileTypeExt;
    let not_a_file = |kind| Err(CaptureError::NotAFile { path: path.to_owned(), kind });
    if path == Path::new("-") {
        return not_a_file("not the standard output (which carries reports)");
    }
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(CaptureError::Io { action: "look at", path: path.to_owned(), source });
        }
    };
    if kind.is_file() {
        Ok(())
    } else if kind.is_symlink() {
        not_a_file("a symbolic link")
    } else if kind.is_dir() {
        not_a_file("a directory")
    } else if kind.is_fifo() {
        not_a_file("a pipe")
    } else if kind.is_socket() {
        not_a_file("a socket")
    } else {
        not_a_file("a device")
    }
}

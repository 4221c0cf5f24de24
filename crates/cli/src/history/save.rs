//! Saves a report: a temporary file in the same directory, synced, renamed, the directory synced.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::{CWD, RenameFlags};
use sysdiag_model::Report;

use super::ReportName;

/// What begins the names of files that are not whole yet.
const TEMPORARY: &str = ".report-";
/// A temporary file this old was left by a run that was killed.
const ABANDONED: Duration = Duration::from_hours(1);

/// Why a report was not saved.
#[derive(Debug)]
pub struct SaveError {
    what: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl SaveError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self.error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => {
                "set history.directory to a directory that can be written, or use --no-save"
            }
            io::ErrorKind::PermissionDenied => {
                "run as root, set history.directory to a directory of your own, or use --no-save"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free space, lower history.max_files, or use --no-save"
            }
            _ => "check history.directory (sysdiag-analyzer config show), or use --no-save",
        }
    }
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "report not saved: cannot {} {}: {}", self.what, self.path.display(), self.error)
    }
}

impl std::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Writes `report` into `directory`, which is made if it is not there.
pub(super) fn save(directory: &Path, report: &Report) -> Result<PathBuf, SaveError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| SaveError { what, path, error }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed("create", directory))?;
    remove_abandoned(directory);
    let name = ReportName::new(report.boot_id, report.timestamp).to_string();
    let path = directory.join(&name);
    let temporary = Temporary(directory.join(format!(".{name}.{}", std::process::id())));
    let bytes = compress(report).map_err(failed("pack", &path))?;
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0).and_then(
            |mut file| {
                file.write_all(&bytes)?;
                file.sync_all()
            },
        );
    written.map_err(failed("write", &path))?;
    rename(&temporary.0, &path).map_err(failed("create", &path))?;
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(failed("sync", directory))?;
    Ok(path)
}

fn compress(report: &Report) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut encoder, report)?;
    encoder.write_all(b"\n")?;
    encoder.finish()
}

/// Renames without replacing what is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot promise it (NFS): a hard link does not replace either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::hard_link(from, to),
        result => Ok(result?),
    }
}

/// Removed when it goes out of scope: after a rename there is nothing left to remove.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Removes what runs that were killed left behind. What cannot be removed harms nobody.
fn remove_abandoned(directory: &Path) {
    let Ok(listing) = std::fs::read_dir(directory) else { return };
    for item in listing.flatten() {
        let is_temporary = item.file_name().to_str().is_some_and(|name| {
            let whole = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
            name.starts_with(TEMPORARY)
                && whole.is_some_and(|(name, pid)| {
                    name.parse::<ReportName>().is_ok() && pid.parse::<u32>().is_ok()
                })
        });
        let is_old = || {
            let modified = item.metadata().and_then(|metadata| metadata.modified()).ok();
            modified
                .and_then(|time| SystemTime::now().duration_since(time).ok())
                .is_some_and(|age| age > ABANDONED)
        };
        if is_temporary && is_old() {
            drop(std::fs::remove_file(item.path()));
        }
    }
}

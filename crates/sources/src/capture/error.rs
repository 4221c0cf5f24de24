//! What can be wrong with a capture file, in words for the person who named it.

use std::io;
use std::path::PathBuf;

use crate::gap;

/// Why a capture was not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused.
    #[error("cannot {action} {}: {}", path.display(), gap::reason(source))]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file, or the folder it was to be in.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else than a regular file has this name.
    #[error("{} is {kind}: a capture is written to a regular file only", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
        /// `a symbolic link`, `a directory`, ...
        kind: &'static str,
    },
    /// The snapshot has no JSON form: a fault of this program.
    #[error("the snapshot cannot be written: {0}")]
    NotWritable(#[source] serde_json::Error),
    /// It is some other file.
    #[error("{} is not a capture: {reason}", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// Its end is missing.
    #[error(
        "{} is truncated: it ends after {compressed} bytes, where {text} bytes of JSON are not complete",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Length of the file in bytes.
        compressed: u64,
        /// Bytes of JSON that were in it.
        text: u64,
    },
    /// A later version of the program wrote it.
    #[error(
        "{} has format {found}, this version reads up to {known}: use a newer sysdiag-analyzer",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The latest that is read.
        known: u32,
    },
    /// Its compression is damaged.
    #[error("{} is damaged after {text} bytes of JSON: {source}", path.display())]
    DamagedCompression {
        /// The file.
        path: PathBuf,
        /// Bytes of JSON before the damage.
        text: u64,
        /// What the decompressor said.
        source: io::Error,
    },
    /// Its JSON is damaged, or is no snapshot.
    #[error("{} is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// It would take too much memory.
    #[error("{} is too large: more than {} MiB of JSON", path.display(), limit >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read of a file of this size, in bytes.
        limit: u64,
    },
}

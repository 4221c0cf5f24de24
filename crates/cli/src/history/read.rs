//! Reads saved reports: bounded, and never trusting that they are ours.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use sysdiag_model::Report;
use sysdiag_model::report::SCHEMA_VERSION;

/// A larger file is no report.
const MAX_COMPRESSED_BYTES: u64 = 64 << 20;
/// A report that unpacks to more is no report; stops what only seems small.
const MAX_BYTES: u64 = 128 << 20;

/// Why a file is not a report of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It was deleted meanwhile.
    Gone,
    /// It could not be opened or read.
    Unreadable(String),
    /// It is cut off, not gzip, not JSON, or not a report.
    Damaged(String),
    /// A report of the Python predecessor.
    Predecessor,
    /// A report of a later version, with its schema.
    Newer(u32),
    /// Its name is not one that this program gives.
    Misnamed,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("deleted meanwhile"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Damaged(why) => write!(f, "damaged: {why}"),
            Self::Predecessor => f.write_str("written by the predecessor of this program"),
            Self::Newer(version) => write!(
                f,
                "written by a newer version (schema {version}, this one reads {SCHEMA_VERSION})"
            ),
            Self::Misnamed => f.write_str("not named by this program"),
        }
    }
}

/// What tells a report of ours from others, before its form is trusted.
#[derive(Deserialize)]
struct Head {
    schema_version: Option<u32>,
}

/// The report in a file.
pub(super) fn report(path: &Path) -> Result<Report, Unusable> {
    let text = text(path)?;
    let damaged = |error: serde_json::Error| Unusable::Damaged(error.to_string());
    match serde_json::from_slice::<Report>(&text) {
        Ok(report) if report.schema_version == SCHEMA_VERSION => Ok(report),
        Ok(report) => Err(Unusable::Newer(report.schema_version)),
        Err(error) => match serde_json::from_slice::<Head>(&text).map_err(damaged)? {
            Head { schema_version: None } => Err(Unusable::Predecessor),
            Head { schema_version: Some(version) } if version > SCHEMA_VERSION => {
                Err(Unusable::Newer(version))
            }
            Head { .. } => Err(damaged(error)),
        },
    }
}

fn text(path: &Path) -> Result<Vec<u8>, Unusable> {
    let file = open(path)?;
    let unreadable = |error: io::Error| Unusable::Unreadable(error.to_string());
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.len() > MAX_COMPRESSED_BYTES {
        return Err(Unusable::Damaged("larger than any report".to_owned()));
    }
    let mut text = Vec::new();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Unusable::Damaged("cut off".to_owned()),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Unusable::Damaged(error.to_string())
        }
        _ => unreadable(error),
    };
    let decoder = MultiGzDecoder::new(io::BufReader::new(file.take(MAX_COMPRESSED_BYTES)));
    let mut decoder = decoder.take(MAX_BYTES + 1);
    // What does not even begin like a report is not unpacked any further.
    decoder.by_ref().take(1).read_to_end(&mut text).map_err(failed)?;
    if text.first() != Some(&b'{') {
        return Err(Unusable::Damaged("not a JSON object".to_owned()));
    }
    decoder.read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Unusable::Damaged("unpacks to more than any report".to_owned()));
    }
    Ok(text)
}

/// Opens a regular file; anything else could wait for ever or never end.
pub(super) fn open(path: &Path) -> Result<File, Unusable> {
    regular(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::Gone,
        io::ErrorKind::InvalidData => Unusable::Damaged(error.to_string()),
        _ => Unusable::Unreadable(error.to_string()),
    })
}

/// The same; what is no regular file is invalid data.
pub(super) fn regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"))
    }
}

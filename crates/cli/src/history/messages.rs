//! What earlier boots logged, in `.messages.json` beside the reports: reading five boots of a journal
//! on every run would take longer than the run.
//!
//! Derived and rebuildable, from the journal as far back as that goes. Written whole or not at all. A
//! file that is damaged or of somebody else is not used; the next run that saves replaces it. What is
//! in it is bounded when it is read, whoever wrote it.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sysdiag_logs::compare::Baseline;

use super::{read, replace::replace};

pub(super) const FILE: &str = ".messages.json";
/// Larger than what a baseline can be.
const MAX_BYTES: u64 = 32 << 20;
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<B> {
    version: u32,
    /// Boots of another host say nothing about this one.
    hostname: Option<String>,
    messages: B,
}

/// What is stored of this host; nothing if nothing is. What is there and cannot be used is an error.
pub(super) fn read(directory: &Path, hostname: Option<&str>) -> io::Result<Baseline> {
    let file = match read::regular(&directory.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Baseline::default()),
        Err(error) => return Err(error),
    };
    let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(damaged("larger than any list of messages".to_owned()));
    }
    let stored: Stored<Baseline> =
        serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if stored.version > VERSION {
        return Err(damaged(format!("written by a newer version ({})", stored.version)));
    }
    if stored.hostname.as_deref() != hostname {
        return Ok(Baseline::default());
    }
    stored.messages.checked().map_err(|error| damaged(error.to_string()))
}

/// Replaces what is stored. Not synced: what a crash costs is rebuilt.
pub(super) fn write(
    directory: &Path,
    hostname: Option<&str>,
    messages: &Baseline,
) -> io::Result<()> {
    let hostname = hostname.map(str::to_owned);
    let text = serde_json::to_vec(&Stored { version: VERSION, hostname, messages })?;
    replace(directory, FILE, &text)
}

//! What could not be read, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::header::TRUNCATED;

/// As much is remembered of one file; more is counted.
const MOST: usize = 16;

/// A file, or a part of it, that could not be read.
#[derive(Debug, Clone)]
pub struct Damage {
    /// The file or directory.
    pub path: PathBuf,
    /// Where in the file, in bytes. None: the file as a whole.
    pub offset: Option<u64>,
    /// What is wrong.
    pub cause: Cause,
}

/// Why something could not be read.
#[derive(Debug, Clone)]
pub enum Cause {
    /// The system refused.
    Io(Arc<io::Error>),
    /// The file has features of these bits of `incompatible_flags` that are not known here.
    Unsupported(u32),
    /// Not as `JOURNAL_FILE_FORMAT` says.
    Malformed(&'static str),
    /// A value is longer than [`Options::max_value_bytes`](crate::Options::max_value_bytes).
    TooLong,
    /// The file became shorter while it was read.
    Truncated,
    /// So many more faults in this file.
    More(u64),
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Unsupported(bits) => write!(f, "features 0x{bits:x} are not known"),
            Self::Malformed(what) => f.write_str(what),
            Self::TooLong => f.write_str("a value is too long to be read"),
            Self::Truncated => f.write_str("became shorter while it was read"),
            Self::More(count) => write!(f, "{count} more faults"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", offset {offset}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl std::error::Error for Damage {}

/// A fault at a place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Malformed(&'static str),
    TooLong,
}

impl Fault {
    pub(crate) const fn new(offset: u64, what: &'static str) -> Self {
        Self { offset, kind: FaultKind::Malformed(what) }
    }

    pub(crate) fn is_truncation(&self) -> bool {
        self.kind == FaultKind::Malformed(TRUNCATED)
    }

    pub(crate) const fn too_long(offset: u64) -> Self {
        Self { offset, kind: FaultKind::TooLong }
    }
}

/// The faults met in one file so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    kept: Vec<Fault>,
    more: u64,
}

impl Faults {
    /// Remembers a fault, once.
    pub(crate) fn note(&self, fault: Fault) {
        let Ok(mut met) = self.0.lock() else { return };
        if met.kept.contains(&fault) {
            return;
        }
        if met.kept.len() < MOST {
            met.kept.push(fault);
        } else {
            met.more = met.more.saturating_add(1);
        }
    }

    /// The value, or none and a fault more.
    pub(crate) fn pass<T>(&self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.note(fault);
                None
            }
        }
    }

    pub(crate) fn list(&self, path: &Path) -> Vec<Damage> {
        let Ok(met) = self.0.lock() else { return Vec::new() };
        let damage = |offset, cause| Damage { path: path.to_owned(), offset, cause };
        let mut list: Vec<Damage> = met
            .kept
            .iter()
            .map(|fault| {
                let cause = match fault.kind {
                    FaultKind::Malformed(what) => Cause::Malformed(what),
                    FaultKind::TooLong => Cause::TooLong,
                };
                damage(Some(fault.offset), cause)
            })
            .collect();
        if met.more > 0 {
            list.push(damage(None, Cause::More(met.more)));
        }
        list
    }
}

//! A snapshot on disk: the support bundle that a user sends, the fixture that a test reads, the
//! input of `--from`.
//!
//! One JSON document, gzip-compressed: `{"format":"sysdiag-capture","version":N,"snapshot":{…}}`.
//! A reader of this version takes any version up to its own
//! ([`FORMAT`](sysdiag_model::snapshot::FORMAT)). A capture is untrusted input: it may come from
//! another machine, and it may be damaged.

mod error;
mod read;
mod write;

pub use self::error::CaptureError;
pub use self::read::read;
pub use self::write::{check, write};

/// What the key `format`, the first of the document, says.
const MAGIC: &str = "sysdiag-capture";

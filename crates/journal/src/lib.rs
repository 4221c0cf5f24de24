//! Reads the files that systemd-journald writes, by their index.
//!
//! A journal file stores each distinct `FIELD=value` once, with a count and a list of the entries
//! that have it, and a boot is a range of entries. So counts, boots and distinct messages are read
//! without reading entries, and matches follow the lists. See systemd's `JOURNAL_FILE_FORMAT`.
//!
//! All forms that journald writes are read: regular and compact, with and without keyed hashes,
//! compressed by zstd, LZ4 or XZ, sealed (the seal is not verified), while they are being written.
//! Nothing in a file is trusted: what is damaged is told ([`Journal::damage`]) and passed over, and
//! all work is bounded by the size of the files.
//!
//! Nothing is written but what comes from elsewhere, in memory ([`Image`]); no daemon is asked, and messages
//! are not interpreted.

mod boots;
mod bytes;
mod chain;
mod columns;
mod compress;
mod cursor;
mod damage;
mod entry;
mod file;
mod find;
mod follow;
mod hash;
mod header;
mod id;
mod image;
mod journal;
mod map;
mod merge;
mod range;
mod select;
mod sparse;
mod stream;
mod unpack;
mod values;

pub use self::boots::Boot;
pub use self::columns::Row;
pub use self::cursor::{Cursor, NotACursor};
pub use self::damage::{Cause, Damage};
pub use self::entry::{Entry, Field};
pub use self::file::File;
pub use self::find::is_journal_file;
pub use self::follow::Follower;
pub use self::header::{Header, State};
pub use self::id::Id128;
pub use self::image::{Image, Stamp};
pub use self::journal::{Journal, Options};
pub use self::merge::Entries;
pub use self::range::{Range, Window};
pub use self::select::{Direction, Match, Select};
pub use self::values::{Distinct, Value};

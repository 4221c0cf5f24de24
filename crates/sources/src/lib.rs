//! One host, live or captured, into a `Snapshot`.
//!
//! Every source has a thread and a deadline of its own; what is slow, dead, refused or damaged
//! becomes a stated gap. Nothing is concluded here.

pub mod dbus;
mod options;
mod root;

pub use options::{LogOptions, Options};
pub use root::Root;

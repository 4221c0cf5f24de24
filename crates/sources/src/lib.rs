//! One host, live or captured, into a `Snapshot`.
//!
//! Every source has a thread and a deadline of its own; what is slow, dead, refused or damaged
//! becomes a stated gap. Nothing is concluded here.

pub mod capture;
pub mod cgroup;
pub mod clock;
mod collect;
pub mod dbus;
mod file;
mod gap;
pub mod host;
pub mod journal;
pub mod mask;
mod mountinfo;
mod options;
mod pressure;
pub mod processes;
mod root;
pub mod system;
pub mod systemd;
mod text;
pub mod unit_files;

pub use collect::{Progress, collect};
pub use options::{KnownBoots, LogOptions, Options};
pub use root::Root;

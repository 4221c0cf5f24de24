//! Unit files as they are on disk, by the rules of systemd.unit(5): which file a name means, its
//! drop-ins, aliases, masks and what enables it.
//!
//! Read from the directories, so PID 1 is not asked and loads nothing. Whether what is on disk is also
//! what runs is another question: systemd goes by what it read when it loaded the unit.

mod changes;
mod declarations;
mod listing;
mod lookup;
mod name;
mod read;
mod search_path;
mod state;
pub mod syntax;

pub use changes::{Candidates, LoadedFiles};
pub use declarations::declarations;
pub use listing::Listing;
pub use read::{collect, read};
pub use search_path::SearchPath;

#[cfg(test)]
mod tests;

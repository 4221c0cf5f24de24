//! What log messages mean: a catalogue of messages known to be bad, and templates mined from all
//! others, so that what is new, more than usual or gone can be told.
//!
//! Pure: messages come in as values, with their times. Nothing is read here, and no clock.
//!
//! A journal stores each distinct message once, so the text is asked once and the entries are read only
//! where it is one of those known to be bad:
//!
//! ```
//! use sysdiag_logs::{Catalogue, Event, Folder};
//!
//! # fn main() -> Result<(), sysdiag_logs::PatternError> {
//! let catalogue = Catalogue::with(Vec::new())?;
//! let distinct = ["usb 1-1: new device", "I/O error, dev sda, sector 7 op 0x0:(READ) flags 0x0"];
//! let mut folder = Folder::new(&catalogue);
//! for text in distinct {
//!     let mut candidates = Vec::new();
//!     catalogue.candidates(text.as_bytes(), &mut candidates);
//!     if candidates.is_empty() {
//!         continue;
//!     }
//!     // Here: for each entry that has this text. In truth they are to be sorted by time first, together
//!     // with the entries of `catalogue.message_ids()`.
//!     folder.push(&Event::of_kernel(1_790_000_000_000_000, text.as_bytes()), &candidates);
//! }
//! let found = folder.finish();
//! assert_eq!(found.hits[0].key, "sda");
//! # Ok(())
//! # }
//! ```

mod bounded;
mod catalogue;
pub mod compare;
mod event;
mod fold;
pub mod templates;

pub use catalogue::{
    Aggregate, Catalogue, Hit, OomPart, Order, Origin, PatternError, PatternIndex, PatternSpec,
    Recovery, SeverityBy,
};
pub use event::{Event, Fields, NoFields};
pub use fold::Folder;

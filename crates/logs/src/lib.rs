//! What log messages mean: a catalogue of messages known to be bad, and templates mined from all
//! others, so that what is new, more than usual or gone can be told.
//!
//! Pure: messages come in as values, with their times. Nothing is read here, and no clock.

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

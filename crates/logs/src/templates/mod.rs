//! Templates: the wordings that distinct messages have in common, with how often each came.
//!
//! Two steps. While messages come in, `lexer` masks what is a value in every log, and messages that
//! are equal then are counted together. At the end, per sender, `group` and `merge` find which other
//! words are variable. Neither step depends on the order of messages, nor does an id: it is a hash of
//! the sender and the template's words, or that of the template of an earlier boot that it came from.

mod assigned;
mod bytes;
mod group;
mod lexer;
#[cfg(test)]
mod lexer_tests;
mod merge;
mod mined;
mod miner;
mod names;
mod pattern;
mod words;

pub use mined::{Mined, Whence};
pub use miner::{Miner, Seen, Settings};
pub use pattern::Pattern;

#[cfg(test)]
mod tests;

//! What is wrong with a pattern.

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log pattern '{id}', {key}: {why}", id = .id.escape_debug(), why = .why.escape_debug())]
pub struct PatternError {
    /// Its id, or the file it is in.
    pub id: String,
    /// The key of the entry that is wrong.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl PatternError {
    pub(super) fn new(id: &str, key: &'static str, why: impl Into<String>) -> Self {
        let mut id = id.to_owned();
        crate::bounded::cut(&mut id, 64);
        Self { id, key, why: why.into() }
    }
}

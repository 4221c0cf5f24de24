//! Which entries are wanted, as `journalctl(1)` has it.

use crate::range::Window;

/// `FIELD=value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Match {
    bytes: Vec<u8>,
    name: usize,
}

impl Match {
    /// Entries whose `field` has `value`.
    pub fn new(field: &str, value: impl AsRef<[u8]>) -> Self {
        let mut bytes = Vec::with_capacity(field.len() + 1 + value.as_ref().len());
        bytes.extend_from_slice(field.as_bytes());
        bytes.push(b'=');
        bytes.extend_from_slice(value.as_ref());
        Self { bytes, name: field.len() }
    }

    pub(crate) fn field(&self) -> &[u8] {
        self.bytes.get(..self.name).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Which entries: those in the window that fit one of the groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Boot and time.
    pub window: Window,
    /// An entry fits a group if, for each field named in it, it has one of the values named for that
    /// field. An entry must fit one group at least (`+` of `journalctl(1)`). No groups: all fit.
    pub groups: Vec<Vec<Match>>,
}

impl Select {
    /// Everything in `window`.
    pub const fn all(window: Window) -> Self {
        Self { window, groups: Vec::new() }
    }

    /// Entries in `window` that have all of these, where those of one field are alternatives.
    pub fn matching(window: Window, group: Vec<Match>) -> Self {
        Self { window, groups: vec![group] }
    }
}

/// From which end entries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Oldest first.
    #[default]
    Forward,
    /// Newest first.
    Backward,
}

//! What is known about one thing that was looked for, and why not if it is not.
//!
//! There is no `Default` and no conversion from `Option`: nobody can write 0 for "unknown".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of looking for something on a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Probe<T> {
    /// All of it was read.
    Known(T),
    /// Some of it was read; the gaps say what is missing.
    Partial(T, Vec<Gap>),
    /// Nothing was read.
    Unknown(Gap),
}

impl<T> Probe<T> {
    /// The value with `gaps`: [`Probe::Known`] if there are none.
    pub fn with_gaps(value: T, gaps: Vec<Gap>) -> Self {
        if gaps.is_empty() { Self::Known(value) } else { Self::Partial(value, gaps) }
    }

    /// What was read, in whole or in part.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Known(value) | Self::Partial(value, _) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// As [`Probe::value`], to be changed in place (masking, a second round).
    pub const fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) | Self::Partial(value, _) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// What is missing.
    pub fn gaps(&self) -> &[Gap] {
        match self {
            Self::Known(_) => &[],
            Self::Partial(_, gaps) => gaps,
            Self::Unknown(gap) => std::slice::from_ref(gap),
        }
    }

    /// The same knowledge about a value derived from this one.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Probe<U> {
        match self {
            Self::Known(value) => Probe::Known(f(value)),
            Self::Partial(value, gaps) => Probe::Partial(f(value), gaps),
            Self::Unknown(gap) => Probe::Unknown(gap),
        }
    }
}

/// Something that could not be read, for a person who wants it read next time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What is missing, in words of the report: `journal`, `PSS of 3 processes`.
    pub what: String,
    /// The kind of reason.
    pub why: Why,
    /// The reason in detail, and what would make it readable: `run as root`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Gap {
    /// A gap with what would close it.
    pub fn new(what: impl Into<String>, why: Why, hint: impl Into<String>) -> Self {
        Self { what: what.into(), why, hint: Some(hint.into()) }
    }
}

/// Why something is not known.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The kernel or a daemon refused: another user or a capability would be let in.
    NotPermitted,
    /// This kernel, systemd or container does not have it.
    NotSupported,
    /// It is not there (a file, a daemon), although it could be.
    Absent,
    /// It did not answer before its deadline.
    TimedOut,
    /// It answered with something that makes no sense.
    Malformed,
    /// The configuration or an option switched it off.
    Disabled,
}

impl Why {
    /// As people say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPermitted => "not permitted",
            Self::NotSupported => "not supported",
            Self::Absent => "absent",
            Self::TimedOut => "timed out",
            Self::Malformed => "malformed",
            Self::Disabled => "disabled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_json() {
        let gap = Gap::new("journal", Why::NotPermitted, "run as root");
        for probe in [Probe::Known(1), Probe::Partial(2, vec![gap.clone()]), Probe::Unknown(gap)] {
            let text = serde_json::to_string(&probe).unwrap();
            assert_eq!(serde_json::from_str::<Probe<i32>>(&text).unwrap(), probe);
        }
    }
}

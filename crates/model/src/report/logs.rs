//! What the logs say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::LogLine;
use crate::{Timestamp, UnitName};

/// Logs of one boot or window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogAnalysis {
    /// Entries that were looked at.
    pub entries_analyzed: u64,
    /// Messages known to be bad, grouped and counted.
    pub patterns: Vec<LogPattern>,
}

/// One kind of message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPattern {
    /// Identifier of the pattern.
    pub pattern_key: String,
    /// `EMERG` ... `DEBUG`.
    pub level: String,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// Units it is about.
    pub units: Vec<UnitName>,
    /// The last messages, at most 3.
    pub examples: Vec<LogLine>,
}

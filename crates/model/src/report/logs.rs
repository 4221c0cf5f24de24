//! What the logs say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{LogLine, SuppressedMessages, TemplateId};
use crate::{Severity, Timestamp, UnitName};

/// Logs of one boot or window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogAnalysis {
    /// Entries that were looked at.
    pub entries_analyzed: u64,
    /// Messages known to be bad, grouped and counted, and other errors by sender.
    pub patterns: Vec<LogPattern>,
    /// Messages that journald did not store, by sender: counts of these are lower bounds.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub suppressed: Vec<SuppressedMessages>,
    /// What the messages were held against. Absent: nothing, see `not_compared`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compared_with: Option<ComparedWith>,
    /// Why there is nothing to compare with. Absent: there is, or no messages were read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_compared: Option<String>,
    /// Wordings that no earlier boot had, the most severe first. Absent: not assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub new_templates: Option<Vec<LogWording>>,
    /// Wordings that came much oftener than before. Absent: not assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spikes: Option<Vec<LogSpike>>,
    /// Wordings that nearly all earlier boots had and this one has not. Absent: not assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vanished: Option<Vec<LogVanished>>,
    /// Warnings and worse that came few times, in few boots. Absent: not assessed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rare: Option<Vec<LogRare>>,
}

/// One kind of message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPattern {
    /// Identifier of the pattern, `disk.blk_io`; `message:SENDER` for errors that no pattern knows.
    pub pattern_key: String,
    /// `EMERG` ... `DEBUG`: the most urgent of the messages that are kept as examples.
    pub level: String,
    /// What it means. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// How bad it is, where the pattern is known. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub severity: Option<Severity>,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// The most in one minute, of one resource.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_per_minute: Option<u64>,
    /// What it is about, the most frequent first, at most 16: disks, processes, addresses.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resources: Vec<LogResource>,
    /// Units it is about.
    pub units: Vec<UnitName>,
    /// Some of the messages, at most 3.
    pub examples: Vec<LogLine>,
}

/// What messages of one kind are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogResource {
    /// `sda`, `nginx`, `192.0.2.7`.
    pub key: String,
    /// How often.
    pub count: u64,
}

/// Earlier boots that messages were held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedWith {
    /// How many.
    pub boots: u64,
    /// Time in them that was looked at, in microseconds.
    pub covered_usec: u64,
    /// Beginning of the first.
    pub since: Timestamp,
    /// All their wordings are known; else what is told as new may have been there.
    pub complete: bool,
}

/// A wording, and how often it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogWording {
    /// Its identity, the same in every report.
    pub id: TemplateId,
    /// Who logs it.
    pub sender: String,
    /// The wording, `<*>` for what varies.
    pub text: String,
    /// `EMERG` ... `DEBUG`: the most urgent.
    pub level: String,
    /// How often.
    pub count: u64,
    /// `count` is a lower bound: journald left messages of the sender out.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub at_least: bool,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// Units that log it or that it is about, the most frequent first, at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub units: Vec<UnitName>,
    /// The last of the messages as it was logged, at most 512 bytes of it. Absent: not kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub example: Option<LogLine>,
}

/// A wording that came much oftener than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogSpike {
    /// It.
    #[serde(flatten)]
    pub wording: LogWording,
    /// So many were too many: in the boot, or in one hour.
    pub spike_count: u64,
    /// So many were expected, by earlier boots.
    pub expected: f64,
    /// The hour, counted back from the end of what was looked at. Absent: it is about the boot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hours_ago: Option<u8>,
}

/// A wording that did not come, though it should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogVanished {
    /// Its identity.
    pub id: TemplateId,
    /// Who logged it.
    pub sender: String,
    /// The wording, `<*>` for what varies.
    pub text: String,
    /// `EMERG` ... `DEBUG`: the most urgent.
    pub level: String,
    /// Earlier boots that had it.
    pub boots_with: u64,
    /// Of so many.
    pub boots: u64,
    /// When it came last.
    pub last: Timestamp,
}

/// A severe wording that came few times in few boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogRare {
    /// It.
    #[serde(flatten)]
    pub wording: LogWording,
    /// Earlier boots that had it.
    pub boots_with: u64,
    /// Of so many.
    pub boots: u64,
}

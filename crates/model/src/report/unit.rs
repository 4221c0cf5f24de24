//! The page about one unit.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dependency, UnitUsage};
use crate::snapshot::LogLine;
use crate::{Severity, Timestamp, UnitName};

/// Everything about one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnitPage {
    /// Primary name.
    pub name: UnitName,
    /// `Description=`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// `loaded`, `not-found`, ...
    pub load_state: String,
    /// `active`, `failed`, ...
    pub active_state: String,
    /// Finer, by kind of unit.
    pub sub_state: String,
    /// `enabled`, `disabled`, `static`, ...
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_file_state: Option<String>,
    /// The unit file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fragment_path: Option<String>,
    /// Drop-ins.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub drop_in_paths: Vec<String>,
    /// Since when it has been in this state.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// `Result`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<String>,
    /// Exit status of the main process, if it exited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<i32>,
    /// Signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    /// Microseconds it took to start in this boot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub activation_usec: Option<u64>,
    /// Resources. Absent: it has no cgroup now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<UnitUsage>,
    /// What it depends on, with states.
    pub dependencies: Vec<Dependency>,
    /// Its processes, parents before children.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processes: Option<Vec<UnitProcess>>,
    /// Its last log lines, oldest first. Absent: the journal could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recent_logs: Option<Vec<LogLine>>,
    /// What earlier reports said. Absent: history could not be read, or a capture is looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub history: Option<UnitHistory>,
    /// Other properties as systemd gives them.
    pub properties: BTreeMap<String, String>,
}

/// What the last reports of this host said about the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitHistory {
    /// Reports that were looked at.
    pub reports: u64,
    /// Reports with a finding about the unit.
    pub reports_with_findings: u64,
    /// The findings, newest first, at most 20.
    pub findings: Vec<PastFinding>,
}

/// A finding of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastFinding {
    /// When the report was made.
    pub timestamp: Timestamp,
    /// Identifier of the rule.
    pub rule: String,
    /// How bad it was.
    pub severity: Severity,
    /// The sentence of that report; its "ago" counts from then.
    pub title: String,
}

/// One process of the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitProcess {
    /// Process id.
    pub pid: u32,
    /// Parent.
    pub ppid: u32,
    /// How deep below the unit's topmost process.
    pub depth: u32,
    /// State letter, `proc(5)`.
    pub state: char,
    /// Program and arguments.
    pub command: String,
    /// CPU time in microseconds.
    pub cpu_usage_usec: u64,
    /// PSS, else RSS.
    pub memory_bytes: u64,
}

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
    /// Its other names.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub aliases: Vec<UnitName>,
    /// The name that was asked for, if it is one of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_as: Option<UnitName>,
    /// `Description=`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// `loaded`, `not-found`, ... As systemd says it; of a unit that it has not loaded `not-loaded`, or
    /// `masked`, and the rest of the page is what its files say.
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
    /// Where the unit file leads, if it is a link out of the search path (`/dev/null`: a mask).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fragment_target: Option<String>,
    /// The links that have other units start this one, or, of a template, its instances.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub enabled_by: Vec<EnablingLink>,
    /// `[Install]`: what `systemctl enable` would do (`WantedBy`, `Alias`, `Also`, ...). Absent: the
    /// files were not read, as with a capture.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub install: Option<BTreeMap<String, String>>,
    /// Loaded instances. Absent: it is no template.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instances: Option<Vec<UnitInstance>>,
    /// What a timer did and will do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timer: Option<UnitTimer>,
    /// What a socket listens at.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub listens: Vec<ListenAddress>,
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

/// A link in a folder such as `multi-user.target.wants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnablingLink {
    /// The unit that asks for it.
    pub by: UnitName,
    /// As which dependency: `Wants`, `Requires`, `Upholds`.
    #[serde(rename = "type")]
    pub edge_type: String,
    /// What is asked for: the unit, one of its aliases, an instance of it.
    pub unit: UnitName,
    /// The link.
    pub path: String,
}

/// A loaded instance of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitInstance {
    /// Its name.
    pub name: UnitName,
    /// `active`, `failed`, ...
    pub active_state: String,
    /// Finer, by kind of unit.
    pub sub_state: String,
}

/// The times of a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitTimer {
    /// What it starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// When it last elapsed. Absent: not yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_trigger: Option<Timestamp>,
    /// When it elapses next. Absent: never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_elapse: Option<Timestamp>,
}

/// One address of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenAddress {
    /// `Stream`, `Datagram`, `FIFO`, `Netlink`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Path, address and port, or what the kind has.
    pub address: String,
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

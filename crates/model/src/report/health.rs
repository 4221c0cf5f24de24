//! Health of units.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::LogLine;
use crate::{Timestamp, UnitName};

/// Units that are not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthAnalysis {
    /// Units in the state failed.
    pub failed_units: Vec<UnitProblem>,
    /// Units that restarted too often within the window, or hit their start limit.
    pub flapping_units: Vec<UnitProblem>,
    /// Sockets that failed or refused connections.
    pub problematic_sockets: Vec<SocketProblem>,
    /// Timers that failed, are overdue, never elapse, or whose unit failed.
    pub problematic_timers: Vec<TimerProblem>,
    /// Units that have been activating, deactivating or reloading for too long.
    pub stuck_units: Vec<UnitProblem>,
    /// The job queue, the oldest first, at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub jobs: Vec<QueuedJob>,
    /// Loaded units.
    pub all_units_count: u64,
}

/// One entry of the job queue, as `systemctl list-jobs` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueuedJob {
    /// Its number, not used twice within a boot.
    pub id: u32,
    /// The unit it works on.
    pub unit: UnitName,
    /// `start`, `stop`, `restart`, `verify-active`, ...
    pub job_type: String,
    /// `waiting` or `running`.
    pub state: String,
}

/// One unit that is not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnitProblem {
    /// The unit.
    pub name: UnitName,
    /// `loaded`, `not-found`, `masked`, ...
    pub load_state: String,
    /// `failed`, `activating`, ...
    pub active_state: String,
    /// Finer, by kind of unit.
    pub sub_state: String,
    /// `Result`: `exit-code`, `signal`, `oom-kill`, ... Absent: could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<String>,
    /// Exit status of the main or control process that ended, if it exited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<i32>,
    /// Signal that killed it: `SIGKILL`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    /// Whether the signal made it dump core.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub core_dumped: bool,
    /// Since when it has been in this state.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// Automatic restarts within the window. Absent: neither the journal nor systemd said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restarts_in_window: Option<u64>,
    /// Its last log lines, oldest first. Absent: the journal could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recent_logs: Option<Vec<LogLine>>,
}

/// One socket that is not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SocketProblem {
    /// The unit and its state.
    #[serde(flatten)]
    pub unit: UnitProblem,
    /// In words: `failed`, `refused connections`.
    pub problem: String,
    /// Connections refused for `MaxConnections=`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<u64>,
}

/// One timer that is not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimerProblem {
    /// The unit and its state.
    #[serde(flatten)]
    pub unit: UnitProblem,
    /// In words: `failed`, `its service failed`, `overdue`, `never elapses`.
    pub problem: String,
    /// What it starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub triggers: Option<UnitName>,
    /// When it last elapsed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_trigger: Option<Timestamp>,
    /// When it elapses next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_elapse: Option<Timestamp>,
}

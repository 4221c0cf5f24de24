//! Messages known to be bad, folded: one hit is a pattern and the resource it is about, however many
//! messages there were. Bounded plain data; what a pattern means is in the catalogue of `sysdiag-logs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LogLine;
use crate::{Severity, Timestamp, UnitName};

/// What the catalogue found in the messages of one boot or window of time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PatternHits {
    /// At most 500: the worst first, then the most frequent.
    pub hits: Vec<PatternHit>,
    /// Hits beyond those.
    #[serde(default)]
    pub hits_dropped: u64,
    /// Messages that journald did not store, by sender, the most first; at most 500.
    #[serde(default)]
    pub suppressed: Vec<SuppressedMessages>,
}

/// One pattern, one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PatternHit {
    /// Stable id of the pattern: `disk.blk_io`.
    pub pattern: String,
    /// What it means, for people.
    pub title: String,
    /// After aggregation: a burst that did not come together is less than one that did.
    pub severity: Severity,
    /// What it is about: the disk, the process, the place in the kernel; at most 256 bytes. Empty: the
    /// host. `…` alone: resources beyond those that are kept apart.
    pub key: String,
    /// How often it happened. Lines that belong to one event count once.
    pub count: u64,
    /// A number that the messages carry, added up: errors of an EDAC report, suppressed messages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sum: Option<u64>,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// The most in one minute of the wall clock.
    pub peak_per_minute: u64,
    /// When it first came as often as makes it bad. None: it did not, or any once is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub burst_at: Option<Timestamp>,
    /// When the last message said that it is well again, if none after it said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovered_at: Option<Timestamp>,
    /// Units that logged it or that it is about, at most 16.
    pub units: Vec<UnitName>,
    /// What the last event said, by name; at most 24 values of at most 256 bytes.
    pub details: BTreeMap<String, String>,
    /// Functions of the kernel from the trace of the last event, innermost first; at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub frames: Vec<String>,
    /// The last kill, if the pattern is about the kernel's OOM killer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub oom: Option<OomKill>,
    /// The first, one between (the most urgent), the last; at most 3, messages of at most 2 KiB.
    pub examples: Vec<LogLine>,
}

/// One kill by the kernel for lack of memory, put together from the lines it prints (`mm/oom_kill.c`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OomKill {
    /// `comm` of the process killed.
    pub victim: String,
    /// Its id.
    pub victim_pid: Option<u32>,
    /// Its user.
    pub victim_uid: Option<u32>,
    /// Its anonymous memory, in bytes.
    pub victim_anon_bytes: Option<u64>,
    /// The unit of the system's manager it was in, by its cgroup.
    pub unit: Option<UnitName>,
    /// A unit within that one: of a user's manager, or of a container.
    pub inner_unit: Option<UnitName>,
    /// Its cgroup.
    pub cgroup: Option<String>,
    /// The cgroup whose limit was hit. None: the host ran out, or it was not said.
    pub limited_cgroup: Option<String>,
    /// The unit of that cgroup.
    pub limited_unit: Option<UnitName>,
    /// That limit (`memory.max`), in bytes.
    pub limit_bytes: Option<u64>,
    /// Memory in use there, in bytes.
    pub usage_bytes: Option<u64>,
    /// `comm` of the process that asked for memory.
    pub requested_by: Option<String>,
    /// How much it asked for: 2 to this power pages.
    pub order: Option<i32>,
    /// `CONSTRAINT_MEMCG`, `CONSTRAINT_NONE`, `CONSTRAINT_CPUSET`, `CONSTRAINT_MEMORY_POLICY`.
    pub constraint: Option<String>,
    /// Whether systemd, too, said that a process of the unit was killed so.
    pub told_by_systemd: bool,
}

/// Messages of one sender that journald left out (`RateLimitBurst=` in `journald.conf(5)`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuppressedMessages {
    /// The unit or cgroup, as journald names it; at most 256 bytes.
    pub sender: String,
    /// How many.
    pub messages: u64,
}

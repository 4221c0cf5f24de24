//! A pattern as it is written down: in the files of this catalogue, and by the user as
//! `[[logs.patterns]]` in the configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sysdiag_model::Severity;

/// One message known to be bad: what it says, who may say it, and what makes it one problem.
///
/// With `message_ids` an event matches by its `MESSAGE_ID`, and `regex` only gives captures; without,
/// by its text. (What PID 1 says before journald runs has no id, and there the text counts.) Either way
/// one of `from` or `identifiers`, and all of `when`, must hold.
///
/// ```toml
/// [[logs.patterns]]
/// id = "my.database_lost"
/// title = "The application lost its database"
/// severity = "error"
/// identifiers = ["myapp"]
/// regex = 'lost connection to (?P<db>\S+)'
/// key = ["db"]
/// aggregate = { kind = "burst", count = 3, seconds = 600, below = "info" }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternSpec {
    /// Stable name, `group.what`: lower-case letters, digits, `_`, at least one dot.
    pub id: String,
    /// What it means, a short sentence for people.
    pub title: String,
    /// How bad it is; with a burst: once it came together.
    pub severity: Severity,
    /// Who may say it. Empty, and no identifiers either: any service.
    #[serde(default)]
    pub from: Vec<Origin>,
    /// Programs that may say it: `SYSLOG_IDENTIFIER`, and `_COMM` as well (where journald does not know
    /// it, the sender has to be of root).
    #[serde(default)]
    pub identifiers: Vec<String>,
    /// `MESSAGE_ID`s, 32 hexadecimal digits each.
    #[serde(default)]
    pub message_ids: Vec<String>,
    /// Journal fields that must have one of these values.
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    /// Captures by name, each from the first of these journal fields that the entry has.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<String>>,
    /// The text, in the syntax of the crate `regex`, without Unicode classes. A group `name_2` is the
    /// capture `name`, for a second place where it may stand. The capture `unit` names the unit that it
    /// is about, `cgroup` a path that leads to it.
    #[serde(default)]
    pub regex: Option<String>,
    /// A text that matches this, too, is meant otherwise; so is one that is known by its message id.
    #[serde(default)]
    pub unless: Option<String>,
    /// Captures that tell one resource from another. None: there is one for the host.
    #[serde(default)]
    pub key: Vec<String>,
    /// A capture that is a number to be added up.
    #[serde(default)]
    pub sum: Option<String>,
    /// A severity by the value of a capture.
    #[serde(default)]
    pub severity_by: Option<SeverityBy>,
    /// Values of a capture that say it is well again.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// How messages become one problem.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Lines that match. Those of a user's pattern are tried when the configuration is read.
    #[serde(default)]
    pub sample: Vec<String>,
    /// Lines that look like it and do not match, tried likewise.
    #[serde(default)]
    pub near_miss: Vec<String>,
    /// The source file that prints it.
    #[serde(default)]
    pub source: Option<String>,
}

/// Who may say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The kernel itself: transport `kernel`, and the identifier that journald gives only to messages
    /// of the kernel's facility. What a program writes to `/dev/kmsg` has another.
    Kernel,
    /// The audit subsystem of the kernel.
    Audit,
    /// systemd as PID 1; not a user's manager.
    Pid1,
    /// PID 1, what it forked and is not yet the program of a unit (`(name)`), and the daemons and
    /// generators of systemd.
    Systemd,
    /// Any process but PID 1.
    Services,
    /// Anyone.
    Any,
}

/// How messages become one problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Aggregate {
    /// Each counts.
    // Braces, since serde takes unknown keys with a variant that has none.
    Event {},
    /// Bad once `count` came within `seconds`; before that it is only `below`.
    Burst {
        /// Messages, 1 to 1000.
        count: u32,
        /// Window, 1 to 86400.
        seconds: u32,
        /// Severity of less.
        #[serde(default = "info")]
        below: Severity,
    },
    /// The first line of a block: what follows belongs to it.
    Block {
        /// The block is over when nothing came for this long, 1 to 600.
        #[serde(default = "block_seconds")]
        seconds: u32,
        /// It has at most this many lines, 1 to 1000.
        #[serde(default = "block_lines")]
        lines: u32,
        /// Ids of patterns that are part of an open block and no event of their own.
        #[serde(default)]
        joins: Vec<String>,
    },
    /// Says more about an event of another pattern. In a block, the capture `end` closes it and each
    /// `frame` is a line of the trace.
    Attach {
        /// Ids of those patterns.
        to: Vec<String>,
        /// How far it may be from it, 1 to 600.
        seconds: u32,
        /// Which of the two comes first; the lines of a block come after its first one.
        #[serde(default)]
        order: Order,
        /// A capture that both have and that must be equal.
        #[serde(default)]
        by: Option<String>,
        /// Whether it is an event of its own where there is none to attach it to.
        #[serde(default)]
        alone: bool,
    },
    /// What it says holds from then on; how often is of no interest.
    State {},
    /// A line of the OOM killer; they are put together. Not for patterns of the user.
    Oom {
        /// Which one.
        part: OomPart,
    },
}

impl Default for Aggregate {
    fn default() -> Self {
        Self::Event {}
    }
}

/// Where a line stands that says more about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Before the event.
    Before,
    /// After it.
    #[default]
    After,
}

/// The lines of an OOM kill, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OomPart {
    /// A process asked for memory that there was not.
    Invoked,
    /// What the cgroup uses, and its limit.
    Usage,
    /// What bounded it, and the victim.
    Constraint,
    /// All of a cgroup is to be killed (`memory.oom.group`).
    Group,
    /// The kill.
    Kill,
    /// systemd saw that it happened in a unit.
    Unit,
}

/// A severity by the value of a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeverityBy {
    /// The capture.
    pub capture: String,
    /// Severities by its value; any other value is as bad as the pattern.
    pub values: BTreeMap<String, Severity>,
}

/// Values of a capture that say it is well again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The capture.
    pub capture: String,
    /// Its values; a message with one of them is not counted.
    pub values: Vec<String>,
    /// Severity of a problem that is over; the pattern's own if that is less.
    pub then: Severity,
}

const fn info() -> Severity {
    Severity::Info
}

const fn block_seconds() -> u32 {
    5
}

const fn block_lines() -> u32 {
    300
}

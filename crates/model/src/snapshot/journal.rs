//! A bounded digest of the journal: never the journal itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BrokenCycle, LogTemplates, PatternHits};
use crate::{BootId, Timestamp, UnitName};

/// What the journal says about units, in one boot or window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalDigest {
    /// The boot that was read. None: a window of time over all boots.
    pub boot_id: Option<BootId>,
    /// From here. None: from the beginning.
    pub since: Option<Timestamp>,
    /// Up to here. None: up to the end.
    pub until: Option<Timestamp>,
    /// What systemd itself logged about units, by message id, oldest first.
    pub unit_events: Vec<UnitEvent>,
    /// Ordering cycles that systemd met in this boot, oldest first.
    #[serde(default)]
    pub broken_cycles: Vec<BrokenCycle>,
    /// How the boot before this one ended. None: not looked at, the journal has no earlier boot, or
    /// it is not known, for which there is a gap then.
    #[serde(default)]
    pub previous_boot: Option<PreviousBoot>,
    /// The last lines of units, oldest first.
    pub recent: BTreeMap<UnitName, Vec<LogLine>>,
    /// Messages of the asked-for priorities in groups. None: not asked for.
    pub logs: Option<LogDigest>,
    /// Templates of boots before the one that was read, the newest first: those that were asked for
    /// to compare with.
    #[serde(default)]
    pub earlier_boots: Vec<LogTemplates>,
}

/// The newest boot before this one that the system's journal has entries of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousBoot {
    /// Its id.
    pub boot_id: BootId,
    /// Time of its last entry: it ended then, or up to some minutes later if that was sudden.
    pub last_entry: Timestamp,
    /// How it ended.
    pub end: BootEnd,
    /// The entry that says so. None: that it ended suddenly is said by none.
    pub told_by: Option<LogLine>,
    /// Near its end: what the kernel said of faults, and that a power key was pressed, oldest first.
    pub trouble: Vec<LogLine>,
    /// Its last lines, oldest first. None are kept if it ended well.
    pub last_lines: Vec<LogLine>,
    /// The file of its last entries that journald put aside (`.journal~`), because it had not been
    /// closed.
    pub put_aside: Option<String>,
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootEnd {
    /// journald was told to stop, or systemd had stopped the system's services.
    Shutdown,
    /// A shutdown was asked for, and did not get that far.
    ShutdownUnfinished,
    /// Nothing says that there was a shutdown.
    Sudden,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When it was logged.
    pub time: Timestamp,
    /// `EMERG` ... `DEBUG`. Absent: the message had none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<String>,
    /// `SYSLOG_IDENTIFIER`, else `_COMM`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identifier: Option<String>,
    /// `_PID`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<u32>,
    /// The message, bounded, secrets masked.
    pub message: String,
    /// Address of the entry, for `journalctl --cursor`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cursor: Option<String>,
    /// `ERRNO`: the error number that the message is about, `systemd.journal-fields(7)`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub errno: Option<i32>,
}

/// Something systemd logged about a unit under a message id (`systemd-messages(3)`, `sd-messages.h`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitEvent {
    /// `UNIT`, or `COREDUMP_UNIT` for a core dump.
    pub unit: UnitName,
    /// What happened.
    pub kind: UnitEventKind,
    /// When.
    pub time: Timestamp,
    /// `JOB_TYPE`.
    pub job_type: Option<String>,
    /// `JOB_RESULT`: `done`, `failed`, `dependency`, `timeout`, ...
    pub job_result: Option<String>,
    /// `UNIT_RESULT`: `exit-code`, `signal`, ...
    pub unit_result: Option<String>,
    /// `EXIT_CODE`: `exited`, `killed`, `dumped`.
    pub exit_code: Option<String>,
    /// `EXIT_STATUS`: a number, or the name of the signal without SIG.
    pub exit_status: Option<String>,
    /// `COMMAND` of the process that ended: `ExecStart`, `ExecStartPre`.
    pub command: Option<String>,
    /// `ERRNO` of a process that could not be started, `errno(3)`.
    #[serde(default)]
    pub errno: Option<i32>,
    /// `EXECUTABLE` of a process that could not be started.
    #[serde(default)]
    pub executable: Option<String>,
    /// `N_RESTARTS`.
    pub n_restarts: Option<u32>,
    /// `INVOCATION_ID`.
    pub invocation_id: Option<String>,
    /// Address of the entry.
    pub cursor: Option<String>,
}

/// Kinds of [`UnitEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitEventKind {
    /// `SD_MESSAGE_UNIT_STARTED`: a start job ended, whatever its result.
    Started,
    /// `SD_MESSAGE_UNIT_FAILED`: a start job failed.
    StartFailed,
    /// `SD_MESSAGE_UNIT_STOPPED`: a stop job ended.
    Stopped,
    /// `SD_MESSAGE_UNIT_FAILURE_RESULT`: the unit entered the state failed.
    Failed,
    /// `SD_MESSAGE_UNIT_PROCESS_EXIT`: a process of the unit ended.
    ProcessExit,
    /// `SD_MESSAGE_SPAWN_FAILED`: a process of the unit could not be started.
    SpawnFailed,
    /// `SD_MESSAGE_UNIT_RESTART_SCHEDULED`: it will be started again by `Restart=`.
    RestartScheduled,
    /// `SD_MESSAGE_UNIT_OUT_OF_MEMORY`: the kernel or systemd-oomd killed in it.
    OutOfMemory,
    /// `SD_MESSAGE_COREDUMP`: a process dumped core.
    CoreDump,
    /// `SD_MESSAGE_UNIT_RELOADED`: a reload job ended, and not well.
    Reloaded,
}

/// Messages in groups of the same wording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDigest {
    /// Entries that were looked at: all of the boot or window.
    pub entries: u64,
    /// Entries of each priority, 0 (EMERG) to 7 (DEBUG).
    pub by_priority: [u64; 8],
    /// The lowest importance that was grouped, 0..=7; kernel messages known to matter come at any.
    pub max_priority: u8,
    /// Groups, most important first.
    pub groups: Vec<LogGroup>,
    /// Entries that belong to no group because there were too many groups.
    pub entries_not_grouped: u64,
    /// Messages known to be bad. None: not looked for (a capture of before), or a gap says why.
    #[serde(default)]
    pub patterns: Option<PatternHits>,
    /// Templates of the messages. None: as of `patterns`.
    #[serde(default)]
    pub templates: Option<LogTemplates>,
}

/// Messages that differ in numbers only, of one sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// 0..=7.
    pub priority: u8,
    /// `_TRANSPORT`: `kernel`, `journal`, `stdout`, `syslog`, ...
    pub transport: Option<String>,
    /// `SYSLOG_IDENTIFIER`, else `_COMM`.
    pub identifier: Option<String>,
    /// `MESSAGE_ID`, 32 hex digits.
    pub message_id: Option<String>,
    /// Units that logged it (`_SYSTEMD_UNIT`) or that it is about (`UNIT`), at most 16.
    pub units: Vec<UnitName>,
    /// The message with numbers masked.
    pub wording: String,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// The last messages of the group as logged, at most 3.
    pub examples: Vec<LogLine>,
    /// The catalogue of known-bad messages knows it: it is among [`LogDigest::patterns`].
    #[serde(default)]
    pub known_bad: bool,
}

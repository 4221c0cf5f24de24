//! What processes did while they were traced.
//!
//! Counts are complete but for what was lost; events are those that the snapshot kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::{ProgramActivity, TraceLosses, TraceOmitted};
use crate::{Timestamp, UnitName};

/// The section `ebpf_analysis`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EbpfAnalysis {
    /// When tracing began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Microseconds between the two, suspend included.
    pub duration_usec: u64,
    /// Processes made. A process is a thread group; threads of the kernel are left out.
    pub forks: u64,
    /// Programs run.
    pub execs: u64,
    /// Processes that ended.
    pub exits: u64,
    /// Of those, exited with a status other than 0.
    pub failures: u64,
    /// Of those, ended by a signal.
    pub killed: u64,
    /// Of those, lived for less than a second.
    pub short_lived: u64,
    /// Events that were lost: if any, every count is at least what it says.
    pub lost: u64,
    /// The same by kind.
    pub lost_by_kind: TraceLosses,
    /// Programs run, in order of time: of files that were deleted or that anybody may change before
    /// all others.
    pub exec_events: Vec<EbpfExec>,
    /// Ends of processes, in order of time: failed ones before all others.
    pub exit_events: Vec<EbpfExit>,
    /// By unit, the busiest first.
    pub per_unit: Vec<EbpfUnit>,
    /// Events that are in the counts, but not in the lists.
    pub omitted: TraceOmitted,
}

/// What the processes of one unit did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EbpfUnit {
    /// Absent: in no unit, or not known in which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// Processes that they made.
    pub forks: u64,
    /// Programs run.
    pub execs: u64,
    /// Processes that ended.
    pub exits: u64,
    /// Of those, exited with a status other than 0.
    pub failures: u64,
    /// Of those, ended by a signal.
    pub killed: u64,
    /// Of those, lived for less than a second.
    pub short_lived: u64,
    /// Forks in a second. Absent: traced for too short a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forks_per_second: Option<f64>,
    /// Execs in a second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub execs_per_second: Option<f64>,
    /// What was run, the most often run first.
    pub programs: Vec<ProgramActivity>,
    /// Execs of programs that are not listed.
    pub programs_omitted: u64,
    /// How processes failed, the most frequent first.
    pub endings: Vec<EbpfEnding>,
    /// Failed ends that are not listed.
    pub endings_omitted: u64,
}

/// Processes of one name that failed in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EbpfEnding {
    /// Name of the processes.
    pub command: String,
    /// Absent: a signal ended them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<u8>,
    /// Absent: they exited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    /// They dumped core.
    pub core_dumped: bool,
    /// How many.
    pub count: u64,
    /// When the first of them ended.
    pub first: Timestamp,
    /// When the last of them ended.
    pub last: Timestamp,
}

/// A process ran a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact, in any combination")]
pub struct EbpfExec {
    /// When.
    pub time: Timestamp,
    /// Process id.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Real user id.
    pub uid: u32,
    /// Absent: in no unit, or not known in which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// Path in the cgroup v2 tree. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup_path: Option<String>,
    /// Name of the program, at most 15 bytes.
    pub command: String,
    /// The file as it was named to `execve(2)`, maybe relative.
    pub file: String,
    /// Of a script, the interpreter that was run for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interpreter: Option<String>,
    /// The program's own name first; secrets masked. Absent: not readable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arguments: Option<Vec<String>>,
    /// There were more arguments, or longer ones.
    pub arguments_cut: bool,
    /// The file had no name any more. Of a script this and what follows is about the interpreter.
    pub deleted: bool,
    /// Anybody may write to the file.
    pub writable_by_all: bool,
    /// Anybody may write to its directory.
    pub folder_writable_by_all: bool,
}

/// A process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact, in any combination")]
pub struct EbpfExit {
    /// When.
    pub time: Timestamp,
    /// Process id.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Real user id.
    pub uid: u32,
    /// Absent: in no unit, or not known in which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// Path in the cgroup v2 tree. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup_path: Option<String>,
    /// Name of the program, at most 15 bytes.
    pub command: String,
    /// The program it ran last. Absent: it ran none, or none while it was traced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// The arguments of that; secrets masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arguments: Option<Vec<String>>,
    /// There were more arguments, or longer ones.
    pub arguments_cut: bool,
    /// It never ran a program: it still was a copy of its parent.
    pub never_execed: bool,
    /// Microseconds it lived.
    pub duration_usec: u64,
    /// Absent: a signal ended it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_status: Option<u8>,
    /// Absent: it exited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    /// It dumped core.
    pub core_dumped: bool,
    /// The kernel chose it because memory had run out.
    pub oom_victim: bool,
    /// The most memory it had in RAM at once.
    pub peak_rss_bytes: u64,
    /// It may have been less.
    pub peak_rss_at_most: bool,
    /// The signal it died of; if it exited, the last one by which another process asked it to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent: Option<EbpfSignal>,
}

/// A signal, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EbpfSignal {
    /// When.
    pub time: Timestamp,
    /// `SIGKILL`.
    pub signal: String,
    /// The kernel sent it; what follows is who ran at that moment.
    pub by_kernel: bool,
    /// Process id of the sender.
    pub pid: u32,
    /// Its real user id.
    pub uid: u32,
    /// Its name, at most 15 bytes.
    pub command: String,
    /// Absent: in no unit, or not known in which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// Path in the cgroup v2 tree. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup_path: Option<String>,
}

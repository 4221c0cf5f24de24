//! What was seen of processes while they were traced (eBPF): a bounded digest, never all events.
//!
//! Aggregates are complete, but for what was lost; single events are kept up to a bound, what went
//! wrong or looks odd before all others, and how many were left out is said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Gap, Probe, Timestamp, UnitName, Why};

/// Every exec and exit of a host for some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When the programs were attached.
    pub started: Timestamp,
    /// When they were detached.
    pub ended: Timestamp,
    /// Microseconds of `CLOCK_BOOTTIME` between the two.
    pub duration_usec: u64,
    /// Of the whole host.
    pub totals: TraceCounts,
    /// By unit, the busiest first.
    pub units: Vec<UnitActivity>,
    /// Execs in order of time: of files that were deleted or that everybody may change, up to one
    /// bound; of the others the first ones, up to another.
    pub execs: Vec<TracedExec>,
    /// Ends in order of time: failures, by signal, or asked for by a process of another unit, up to one
    /// bound; of the others the first ones, up to another.
    pub exits: Vec<TracedExit>,
    /// Events that the reader did not get.
    pub lost: TraceLosses,
    /// What this digest had no room for.
    pub omitted: TraceOmitted,
}

/// What the trace is in a collection that did not ask for it, and in captures of before there was one.
pub fn not_traced() -> Probe<Trace> {
    let hint = "not traced; use run --enable-ebpf, or take a new capture";
    Probe::Unknown(Gap::new("process events", Why::Disabled, hint))
}

/// Counts of what processes did. A process is a thread group; threads of the kernel are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceCounts {
    /// Processes made, counted for the unit of the process that made them.
    pub forks: u64,
    /// Programs run, `execve(2)` that succeeded.
    pub execs: u64,
    /// Processes that ended.
    pub exits: u64,
    /// Of those, exited with a status other than 0.
    pub failures: u64,
    /// Of those, ended by a signal.
    pub killed: u64,
    /// Of those, lived for less than a second.
    pub short_lived: u64,
}

/// What the processes of one unit did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitActivity {
    /// The unit of the system's manager in whose control group they were. Absent: none (the kernel
    /// and what is in no unit), or the control group is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
    /// What they did.
    pub counts: TraceCounts,
    /// Programs by what they are, the most often run first; bounded.
    pub programs: Vec<ProgramActivity>,
    /// Events of programs that `programs` had no room for.
    pub programs_omitted: u64,
    /// How processes failed, the most frequent first; bounded.
    pub endings: Vec<RepeatedEnding>,
    /// Failed ends that `endings` had no room for.
    pub endings_omitted: u64,
}

/// How often a program was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramActivity {
    /// The file as it was named to `execve(2)`, maybe relative.
    pub file: String,
    /// Execs.
    pub execs: u64,
}

/// Processes of one name that failed in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatedEnding {
    /// Name of the processes (`comm`).
    pub command: String,
    /// How they ended.
    pub end: ProcessEnd,
    /// How many.
    pub count: u64,
    /// When the first of them ended.
    pub first: Timestamp,
    /// When the last of them ended.
    pub last: Timestamp,
}

/// Who a process is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedProcess {
    /// Process id (thread group).
    pub pid: u32,
    /// Process id of its parent then.
    pub parent: u32,
    /// Real user id.
    pub uid: u32,
    /// Name of the program, at most 15 bytes (`comm`).
    pub command: String,
    /// Path in the cgroup v2 tree. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup: Option<String>,
    /// The unit of the system's manager that this path belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
}

/// The program a process runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedProgram {
    /// The file as it was named to `execve(2)`, maybe relative.
    pub file: String,
    /// Of a script, the interpreter that was run for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interpreter: Option<String>,
    /// Arguments, the first of them the program's own name; secrets masked. Absent: not readable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arguments: Option<Vec<String>>,
    /// There were more arguments, or longer ones, than were kept.
    pub arguments_cut: bool,
}

/// A process ran a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedExec {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub process: TracedProcess,
    /// What.
    pub program: TracedProgram,
    /// The file had no name any more (link count 0): deleted, or only ever in memory. Of a script
    /// this and what follows is about its interpreter.
    pub deleted: bool,
    /// Anybody may write to the file.
    pub writable_by_all: bool,
    /// Anybody may write to the directory that the file is in.
    pub folder_writable_by_all: bool,
}

/// A process ended: its last thread did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedExit {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub process: TracedProcess,
    /// The program it ran last. Absent: it ran none since it was made, or none while it was traced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<TracedProgram>,
    /// It was made while traced and ran no program: it still was a copy of its parent.
    pub never_execed: bool,
    /// How.
    pub end: ProcessEnd,
    /// Microseconds from its start to its end, `CLOCK_BOOTTIME`.
    pub lifetime_usec: u64,
    /// The most memory it had in RAM at once.
    pub peak_rss: PeakRss,
    /// The signal it died of; if it exited, the last one by which another process asked it to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<TracedSignal>,
    /// The kernel chose it because memory had run out.
    pub oom_victim: bool,
}

/// How a process ended, `wait(2)`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProcessEnd {
    /// It exited.
    Exited {
        /// With this status, 0..=255.
        status: u8,
    },
    /// A signal ended it.
    Killed {
        /// The signal's number, `signal(7)`.
        signal: u8,
        /// It dumped core.
        core: bool,
    },
}

/// The most memory a process had in RAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeakRss {
    /// Bytes.
    pub bytes: u64,
    /// It may have been less: the kernel's figure includes what ran in the process before its last
    /// exec, or the parent's memory.
    pub at_most: bool,
}

/// A signal that was sent to a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedSignal {
    /// When.
    pub time: Timestamp,
    /// Its number, `signal(7)`.
    pub number: u8,
    /// The kernel sent it (a fault, a timer, memory had run out); `sender` is who ran at that moment.
    pub by_kernel: bool,
    /// Who sent it.
    pub sender: SignalSender,
}

/// Who sent a signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalSender {
    /// Process id (thread group).
    pub pid: u32,
    /// Real user id.
    pub uid: u32,
    /// Name of the thread that sent it, at most 15 bytes (`comm`).
    pub command: String,
    /// Path in the cgroup v2 tree. Absent: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup: Option<String>,
    /// The unit of the system's manager that this path belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<UnitName>,
}

/// Events that did not fit into the ring buffer, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceLosses {
    /// Processes made.
    pub forks: u64,
    /// Programs run.
    pub execs: u64,
    /// Processes that ended.
    pub exits: u64,
    /// Signals.
    pub signals: u64,
    /// Processes chosen because memory had run out.
    pub oom_victims: u64,
    /// Control groups made and removed: units of later events may be unknown.
    pub cgroups: u64,
    /// Records that this program could not read.
    pub malformed: u64,
}

impl TraceLosses {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.forks
            .saturating_add(self.execs)
            .saturating_add(self.exits)
            .saturating_add(self.signals)
            .saturating_add(self.oom_victims)
            .saturating_add(self.cgroups)
            .saturating_add(self.malformed)
    }
}

/// What the digest had no room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceOmitted {
    /// Events of [`Trace::execs`].
    pub execs: u64,
    /// Events of [`Trace::exits`].
    pub exits: u64,
    /// Events of units that [`Trace::units`] had no room for; they are in the totals.
    pub unit_events: u64,
}

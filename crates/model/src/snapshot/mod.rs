//! One host at one moment, as read: raw counters, no conclusions, no handles.
//!
//! A capture file is a [`Snapshot`] on disk. Its fields are a stored format: a field may be added
//! (readers of older versions skip it, this reader takes an absent `Option` as `None`), none is
//! renamed or given another meaning without a new [`FORMAT`].

mod cgroup;
mod host;
mod journal;
mod log_patterns;
mod log_templates;
mod needs;
mod ordering;
mod processes;
mod system;
mod systemd;
mod trace;
mod unit_detail;
mod unit_files;

pub use cgroup::{
    Cgroup, CgroupSample, CgroupTree, CpuMax, CpuStat, IoStat, MemoryEvents, MemoryStat, PidsEvents,
};
pub use host::{Host, OsRelease};
pub use journal::{
    BootEnd, JournalDigest, LogDigest, LogGroup, LogLine, PreviousBoot, UnitEvent, UnitEventKind,
};
pub use log_patterns::{OomKill, PatternHit, PatternHits, SuppressedMessages};
pub use log_templates::{InvalidTemplateId, LogExample, LogTemplate, LogTemplates, TemplateId};
pub use needs::{AccountFact, AccountKind, AssertFact, FileFact, FileState};
pub use ordering::{BrokenCycle, Ordering, UnitLine, UnitOrigin, ordering_not_collected};
pub use processes::{DeletedFiles, Held, Process, Processes};
pub use system::{
    ClockMark, CpuTicks, DiskCounters, FileHandles, FileSystem, FsUsage, LoadAverage, MemoryInfo,
    NetworkCounters, Pressure, PressureKind, Restart, Stall, SwapArea, System, SystemCounters,
};
pub use systemd::{
    ChangedOnDisk, Job, Manager, MountState, ServiceState, SocketState, Systemd, TimerState,
    Transport, Unit, UnitTimes,
};
pub use trace::{
    PeakRss, ProcessEnd, ProgramActivity, RepeatedEnding, SignalSender, Trace, TraceCounts,
    TraceLosses, TraceOmitted, TracedExec, TracedExit, TracedProcess, TracedProgram, TracedSignal,
    UnitActivity, not_traced,
};
pub use unit_detail::{ExecCommand, LoadError, ServiceDetail, UnitDetail};
pub use unit_files::{
    ChangedFile, Declaration, FileChange, Fragment, UnitFiles, UnitLink, UnitOnDisk,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Probe, Timestamp};

/// Version of the stored form. A reader refuses a higher one.
pub const FORMAT: u32 = 1;

/// What was read from one host. Every source is a field; every field says what is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Version of the program that took it.
    pub program_version: String,
    /// The clocks when collection ended: the "now" of every rule.
    pub clock: Clock,
    /// What machine it is.
    pub host: Host,
    /// The manager and its units, over D-Bus.
    pub systemd: Probe<Systemd>,
    /// The cgroup v2 tree.
    pub cgroups: Probe<CgroupTree>,
    /// Counters of the whole host from /proc and /sys.
    pub system: Probe<System>,
    /// Processes from /proc.
    pub processes: Probe<Processes>,
    /// A bounded digest of the journal.
    pub journal: Probe<JournalDigest>,
    /// The unit search path and the names in it.
    #[serde(default = "unit_files::not_read")]
    pub unit_files: Probe<UnitFiles>,
    /// Ordering edges among all loaded units; collected when asked for.
    #[serde(default = "ordering_not_collected")]
    pub ordering: Probe<Ordering>,
    /// Every exec and exit for some seconds; traced when asked for.
    #[serde(default = "not_traced")]
    pub trace: Probe<Trace>,
    /// What each source took.
    pub timings: Vec<SourceTiming>,
}

/// The clocks of a host at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// `CLOCK_REALTIME`.
    pub realtime: Timestamp,
    /// `CLOCK_MONOTONIC` in microseconds: does not count suspend; the clock of unit timestamps.
    pub monotonic_usec: u64,
    /// `CLOCK_BOOTTIME` in microseconds: counts suspend; the clock of process start times.
    pub boottime_usec: u64,
}

impl Clock {
    /// The wall-clock time of a `CLOCK_MONOTONIC` stamp, right if the host did not sleep since.
    pub const fn at_monotonic(&self, usec: u64) -> Timestamp {
        if usec > self.monotonic_usec {
            return self.realtime;
        }
        self.realtime.minus_usec(self.monotonic_usec.saturating_sub(usec))
    }
}

/// What one source took, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceTiming {
    /// Name of the source: `systemd`, `cgroups`, `system`, `processes`, `journal`.
    pub source: String,
    /// Microseconds after collection began.
    pub start_usec: u64,
    /// Microseconds it took.
    pub elapsed_usec: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was read.
    Complete,
    /// Some of it was read.
    Partial,
    /// Nothing was read.
    Failed,
    /// It had not answered at its deadline and was left behind.
    TimedOut,
}

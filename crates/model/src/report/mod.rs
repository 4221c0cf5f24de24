//! What a snapshot means: findings first, then the sections they come from.
//!
//! The JSON form is the contract with users and the stored form of history: numbers are numbers with
//! the unit in the name, absent is an omitted key, points in time are RFC 3339 strings in UTC,
//! durations are `_usec` integers. A field may be added; none is renamed or given another meaning
//! without a new [`SCHEMA_VERSION`].

mod boot;
mod dependencies;
mod ebpf;
mod full_dependencies;
mod health;
mod host;
mod logs;
mod resources;
mod unit;

pub use boot::{BlameEntry, BootAnalysis, BootState, BootTimes, ChainLink};
pub use dependencies::{Dependency, UnitDependencies};
pub use ebpf::{EbpfAnalysis, EbpfEnding, EbpfExec, EbpfExit, EbpfSignal, EbpfUnit};
pub use full_dependencies::{
    BrokenOrderingCycle, CycleEdge, EdgeOrigin, FullDependencyAnalysis, OrderingCycle,
};
pub use health::{HealthAnalysis, QueuedJob, SocketProblem, TimerProblem, UnitProblem};
pub use host::ReportHost;
pub use logs::{
    ComparedWith, LogAnalysis, LogPattern, LogRare, LogResource, LogSpike, LogVanished, LogWording,
};
pub use resources::{
    ChildProcessGroup, DiskUsage, FileSystemUsage, NetworkUsage, PressureUsage, ResourceAnalysis,
    SystemUsage, UnitUsage,
};
pub use unit::{
    EnablingLink, ListenAddress, PastFinding, UnitHistory, UnitInstance, UnitPage, UnitProcess,
    UnitTimer,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::snapshot::SourceTiming;
use crate::{BootId, Finding, Gap, Timestamp};

/// Version of the JSON form. A reader refuses a higher one.
pub const SCHEMA_VERSION: u32 = 1;

/// One report on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Report of sysdiag-analyzer")]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// Absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hostname: Option<String>,
    /// When collection ended.
    pub timestamp: Timestamp,
    /// Absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot_id: Option<BootId>,
    /// The machine and its system.
    pub host: ReportHost,
    /// Problems, the worst first, effects behind their cause.
    pub findings: Vec<Finding>,
    /// Problems of the last report that are gone; they count nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub resolved_findings: Vec<Finding>,
    /// Problems that the configuration says to ignore, or to expect; they count nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ignored_findings: Vec<Finding>,
    /// What could not be read: not known is not healthy.
    pub not_assessed: Vec<Gap>,
    /// Boot performance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot_analysis: Option<BootAnalysis>,
    /// Unit health.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health_analysis: Option<HealthAnalysis>,
    /// Resources of the host, of units and of processes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource_analysis: Option<ResourceAnalysis>,
    /// Logs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub log_analysis: Option<LogAnalysis>,
    /// Dependencies of failed units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dependency_analysis: Option<Vec<UnitDependencies>>,
    /// Ordering cycles (`run --analyze-full-graph`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_dependency_analysis: Option<FullDependencyAnalysis>,
    /// What processes did while they were traced (`run --enable-ebpf`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ebpf_analysis: Option<EbpfAnalysis>,
    /// The page about one unit (`analyze-unit`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_analysis: Option<UnitPage>,
    /// What each source took.
    pub timings: Vec<SourceTiming>,
    /// What went wrong in the program itself, such as a report that could not be saved.
    pub errors: Vec<String>,
}

//! What a rule is given.

use sysdiag_model::report::{
    BootAnalysis, FullDependencyAnalysis, HealthAnalysis, ResourceAnalysis,
};
use sysdiag_model::{Probe, Snapshot};

use crate::{Past, Settings};

/// The snapshot, the thresholds, and the sections derived from them.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was read; its clock is "now".
    pub snapshot: &'a Snapshot,
    /// What earlier reports said. Unknown where history could not be read, which is stated for all
    /// rules at once; empty on a first run. A rule that looks back is silent in both cases.
    pub past: &'a Probe<Past>,
    /// Thresholds.
    pub settings: &'a Settings,
    /// None: systemd could not be read.
    pub boot: Option<&'a BootAnalysis>,
    /// None: systemd could not be read.
    pub health: Option<&'a HealthAnalysis>,
    /// Always there; its parts are absent where they could not be read.
    pub resources: &'a ResourceAnalysis,
    /// None: not asked for, or the ordering of units could not be read.
    pub graph: Option<&'a FullDependencyAnalysis>,
}

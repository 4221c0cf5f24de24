//! What a rule is given.

use sysdiag_model::Snapshot;
use sysdiag_model::report::{BootAnalysis, HealthAnalysis, ResourceAnalysis};

use crate::Settings;

/// The snapshot, the thresholds, and the sections derived from them.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was read; its clock is "now".
    pub snapshot: &'a Snapshot,
    /// Thresholds.
    pub settings: &'a Settings,
    /// None: systemd could not be read.
    pub boot: Option<&'a BootAnalysis>,
    /// None: systemd could not be read.
    pub health: Option<&'a HealthAnalysis>,
    /// Always there; its parts are absent where they could not be read.
    pub resources: &'a ResourceAnalysis,
}

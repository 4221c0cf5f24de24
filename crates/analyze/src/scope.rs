//! What a command asks for.

use sysdiag_model::UnitName;

/// The sections a report shall have. Findings come from the rules of these sections only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one section, any combination is asked for"
)]
pub struct Scope {
    /// `boot_analysis`.
    pub boot: bool,
    /// `health_analysis`.
    pub health: bool,
    /// `resource_analysis`.
    pub resources: bool,
    /// `log_analysis`.
    pub logs: bool,
    /// `dependency_analysis`.
    pub dependencies: bool,
    /// `full_dependency_analysis`.
    pub graph: bool,
    /// `ebpf_analysis`.
    pub trace: bool,
    /// `unit_analysis` of this unit; findings about other units are left out.
    pub unit: Option<UnitName>,
}

impl Scope {
    /// What `run` reports: everything but the full graph and what was traced, which are asked for.
    pub const fn run() -> Self {
        Self {
            boot: true,
            health: true,
            resources: true,
            logs: true,
            dependencies: true,
            graph: false,
            trace: false,
            unit: None,
        }
    }
}

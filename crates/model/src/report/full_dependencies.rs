//! Ordering cycles: those among all loaded units, and those that systemd met and broke.
//!
//! Only ordering makes a cycle here. A ring of requirements without ordering is legal: systemd
//! starts all of its units at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, UnitName};

/// The section `full_dependency_analysis`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FullDependencyAnalysis {
    /// Loaded units that were looked at.
    pub units: u64,
    /// Ordering edges among them.
    pub edges: u64,
    /// Knots: sets of units each of which waits, in the end, for itself (strongly connected
    /// components of the ordering edges).
    pub components: u64,
    /// Cycles that together go over every edge of every component, each the shortest over an edge
    /// that none before it has; by component, the shortest first.
    pub cycles: Vec<OrderingCycle>,
    /// Edges of the components that are on none of `cycles`, because those would be too many.
    pub edges_not_shown: u64,
    /// Cycles that systemd met in this boot and broke by dropping a job, oldest first.
    pub broken_at_boot: Vec<BrokenOrderingCycle>,
}

/// One cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderingCycle {
    /// Each is ordered after the next, the last after the first; begins with the alphabetically
    /// first.
    pub units: Vec<UnitName>,
    /// From each unit to the next.
    pub edges: Vec<CycleEdge>,
    /// Number of the component, from 1.
    pub component: u64,
    /// Place in `edges` of the one that, taken away, breaks the most cycles of the component that
    /// are not broken by that of a cycle before. Absent: that of a cycle before breaks this one too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<u64>,
    /// How many of `cycles` go over that edge and are not broken by that of a cycle before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut_breaks: Option<u64>,
    /// Two of the units that exclude each other (`Conflicts=`): they are never started together, so
    /// the cycle does no harm.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conflict: Option<(UnitName, UnitName)>,
}

/// `from` is started only after `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CycleEdge {
    /// The unit that waits.
    pub from: UnitName,
    /// The unit that is waited for.
    pub to: UnitName,
    /// systemd's property: `After`.
    #[serde(rename = "type")]
    pub edge_type: String,
    /// Dependencies other than of order that `from` has on `to`: `Requires`, `Wants`, ...
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub requirements: Vec<String>,
    /// Where the edge comes from.
    pub origin: EdgeOrigin,
    /// The fragment, drop-in or link that adds the edge. Absent: no file names the two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_file: Option<String>,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_line: Option<u64>,
    /// What the line says of the two: `After=b.service`, `Before=a.service`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub declaration: Option<String>,
    /// Why the edge is there, if no line says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Where an ordering edge comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EdgeOrigin {
    /// A line with `After=` or `Before=`.
    File,
    /// A default dependency: `DefaultDependencies=no` would take it away.
    Default,
    /// Follows from the kind of unit or another setting of it.
    Implicit,
    /// No line was found that says so, nor a rule by which it follows.
    Unknown,
}

/// A cycle that systemd met when it was to start or stop units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenOrderingCycle {
    /// When it was logged.
    pub time: Timestamp,
    /// Each was ordered after the next, the last after the first; begins with the alphabetically
    /// first.
    pub units: Vec<UnitName>,
    /// False: lines of the log were lost, and these are not all units of the ring, nor in its order.
    pub whole: bool,
    /// The unit whose job was dropped. Absent: none could be spared, the request was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dropped_unit: Option<UnitName>,
    /// Type of that job: `start`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dropped_job: Option<String>,
    /// Whether that was before the boot was finished.
    pub during_boot: bool,
}

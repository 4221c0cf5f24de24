//! The ordering of all loaded units, and where that of the few comes from which may be on a cycle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Gap, Probe, Timestamp, UnitName, Why};

/// Ordering edges among the loaded units, read when the full graph is asked for.
///
/// PID 1 keeps each edge at both of its units (`unit_add_dependency()`), so `After` of all units
/// is the whole graph and `Before` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordering {
    /// `After` of every unit whose load state is `loaded`.
    pub after: BTreeMap<UnitName, Vec<UnitName>>,
    /// Units that may be on a cycle: all that are on one, and those between two.
    pub origins: BTreeMap<UnitName, UnitOrigin>,
}

/// What tells where the ordering edges of a unit come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitOrigin {
    /// `Names`: its own and its aliases.
    pub names: Vec<UnitName>,
    /// `FragmentPath`. None: it has no file (transient units have one).
    pub fragment_path: Option<String>,
    /// `DropInPaths`.
    pub drop_in_paths: Vec<String>,
    /// `SourcePath`: what a generated unit was made from, such as `/etc/fstab`.
    pub source_path: Option<String>,
    /// `NeedDaemonReload`: its files changed since systemd read them.
    pub need_daemon_reload: Option<bool>,
    /// `DefaultDependencies`.
    pub default_dependencies: Option<bool>,
    /// Other units by property: `Requires`, `Wants`, `Conflicts`, `Triggers`, ...
    pub dependencies: BTreeMap<String, Vec<UnitName>>,
    /// `RequiresMountsFor`: paths.
    pub requires_mounts_for: Vec<String>,
    /// What its files say of ordering and of what brings it about, in the order in which systemd
    /// reads them, one entry a word. None: not read.
    pub lines: Option<Vec<UnitLine>>,
}

/// One word of a line in a unit's fragment or drop-in, or a link in its `.wants` folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitLine {
    /// `After`, `Before`, `Wants`, `RequiresMountsFor`, ...
    pub directive: String,
    /// A unit or a path, as written.
    pub value: String,
    /// The file, or the link.
    pub file: String,
    /// From 1. None: a link.
    pub line: Option<u32>,
}

/// What the ordering is in a collection that did not ask for it, and in captures of before it was
/// collected.
pub fn ordering_not_collected() -> Probe<Ordering> {
    let hint = "not collected; use run --analyze-full-graph, or take a new capture";
    Probe::Unknown(Gap::new("ordering of units", Why::Disabled, hint))
}

/// An ordering cycle that systemd met in a transaction, as it logged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenCycle {
    /// When it was logged.
    pub time: Timestamp,
    /// Each unit is ordered after the next, the last after the first.
    pub units: Vec<UnitName>,
    /// False: lines were lost, and `units` are those of the ring that are known, by name.
    pub whole: bool,
    /// The unit whose job was deleted. None: no job could be spared, and the whole request failed.
    pub dropped: Option<UnitName>,
    /// Type of the job: `start`.
    pub job_type: Option<String>,
    /// Logged over the kernel, as systemd does before journald runs.
    pub through_kernel: bool,
    /// Address of the entry that tells the end.
    pub cursor: Option<String>,
}

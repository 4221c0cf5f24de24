//! What a rule is.

use sysdiag_model::{Finding, Gap, Probe, Severity, Snapshot};

use crate::{Context, Scope};

/// One check: a constant that says what it is, what it needs, and why it matters.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Kebab-case, never renamed.
    pub id: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// The worst severity it gives; a finding may be less.
    pub severity: Severity,
    /// The section it belongs to: it runs when the scope asks for one of these.
    pub section: Section,
    /// What must have been read.
    pub needs: &'static [Need],
    /// For `explain`.
    pub explanation: Explanation,
    /// Finds the problems. Pure; called only if every need is known, at least in part.
    pub check: fn(&Context<'_>) -> Vec<Finding>,
}

/// The answer of `explain RULE`.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// What it checks, and from which thresholds on.
    pub checks: &'static str,
    /// Why it matters.
    pub matters: &'static str,
    /// What to do.
    pub todo: &'static str,
    /// Man pages, kernel documents.
    pub references: &'static [&'static str],
}

/// Sections of a report that rules belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the section of the report of the same name")]
pub enum Section {
    Boot,
    Health,
    Resources,
    Logs,
    /// `full_dependency_analysis`.
    Graph,
    /// `ebpf_analysis`.
    Trace,
}

impl Section {
    /// As in the list of sections of an earlier report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Health => "health",
            Self::Resources => "resources",
            Self::Logs => "logs",
            Self::Graph => "graph",
            Self::Trace => "trace",
        }
    }

    pub(crate) const fn is_in(self, scope: &Scope) -> bool {
        match self {
            Self::Boot => scope.boot,
            Self::Health => scope.health || scope.unit.is_some(),
            Self::Resources => scope.resources || scope.unit.is_some(),
            Self::Logs => scope.logs,
            Self::Graph => scope.graph,
            Self::Trace => scope.trace,
        }
    }
}

/// A part of the snapshot that a rule or a section rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of the snapshot of the same name")]
pub enum Need {
    Systemd,
    Cgroups,
    System,
    Processes,
    Journal,
    Ordering,
    Trace,
}

impl Need {
    /// Name of the source in the timings of a report.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Systemd | Self::Ordering => "systemd",
            Self::Cgroups => "cgroups",
            Self::System => "system",
            Self::Processes => "processes",
            Self::Journal => "journal",
            Self::Trace => "trace",
        }
    }

    /// Why this part is not known at all; none if it is, at least in part.
    pub fn missing(self, snapshot: &Snapshot) -> Option<&Gap> {
        fn gap<T>(probe: &Probe<T>) -> Option<&Gap> {
            match probe {
                Probe::Unknown(gap) => Some(gap),
                Probe::Known(_) | Probe::Partial(..) => None,
            }
        }
        match self {
            Self::Systemd => gap(&snapshot.systemd),
            Self::Cgroups => gap(&snapshot.cgroups),
            Self::System => gap(&snapshot.system),
            Self::Processes => gap(&snapshot.processes),
            Self::Journal => gap(&snapshot.journal),
            Self::Ordering => gap(&snapshot.ordering),
            Self::Trace => gap(&snapshot.trace),
        }
    }

    /// Everything that is not known about this part.
    pub fn gaps(self, snapshot: &Snapshot) -> &[Gap] {
        match self {
            Self::Systemd => snapshot.systemd.gaps(),
            Self::Cgroups => snapshot.cgroups.gaps(),
            Self::System => snapshot.system.gaps(),
            Self::Processes => snapshot.processes.gaps(),
            Self::Journal => snapshot.journal.gaps(),
            Self::Ordering => snapshot.ordering.gaps(),
            Self::Trace => snapshot.trace.gaps(),
        }
    }
}

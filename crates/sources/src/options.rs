//! What to collect, and how long it may take.

use std::time::Duration;

use sysdiag_logs::PatternSpec;
use sysdiag_logs::compare::Baseline;
use sysdiag_model::{BootId, Timestamp, UnitName};

/// Options of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Each source is left behind after this long.
    pub deadline: Duration,
    /// Time between the two samples that rates are computed from.
    pub sample_interval: Duration,
    /// The unit whose page is asked for: all its properties and log lines are collected.
    pub unit: Option<UnitName>,
    /// Read the ordering of all loaded units, and the files of those that may be on a cycle.
    pub ordering: bool,
    /// Log lines kept of each suspect.
    pub recent_lines: usize,
    /// Keep the last lines of every loaded unit, not of suspects only (for a capture).
    pub recent_of_all_units: bool,
    /// How far back restarts are looked for.
    pub restart_window: Duration,
    /// What to read from the journal beside unit events and recent lines. None: nothing.
    pub logs: Option<LogOptions>,
}

/// Which messages to look at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogOptions {
    /// 0 the current boot, -1 the one before, 1 the first in the journal, as `journalctl -b`.
    pub boot: i32,
    /// Messages of this priority and worse are grouped, 0..=7.
    pub max_priority: u8,
    /// From here, instead of from the beginning of the boot.
    pub since: Option<Timestamp>,
    /// Up to here.
    pub until: Option<Timestamp>,
    /// Patterns of the user's own.
    pub patterns: Vec<PatternSpec>,
    /// What is known of earlier boots.
    pub baseline: KnownBoots,
}

/// What is known of the messages of earlier boots.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownBoots {
    /// Read so many boots before the one that is asked for, but for those that are known.
    pub boots: usize,
    /// Boots that need not be read.
    pub known: Vec<BootId>,
    /// What was found in them: the ids of templates are kept.
    pub messages: Baseline,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            sample_interval: Duration::from_millis(250),
            unit: None,
            ordering: false,
            recent_lines: 10,
            recent_of_all_units: false,
            restart_window: Duration::from_mins(10),
            logs: None,
        }
    }
}

//! The digest of the journal as a section of the report: what is known to be bad, what is new, much
//! more, gone or rare against earlier boots.

mod against_past;
pub(crate) mod concerned;
mod patterns;

use sysdiag_model::report::LogAnalysis;
use sysdiag_model::snapshot::JournalDigest;
use sysdiag_model::{Probe, Snapshot};

use crate::Past;

const LEVELS: [&str; 8] = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// What the gap is called that says that earlier boots were not all read.
const EARLIER: &str = "log messages of earlier boots";

/// Name of a priority, `syslog(3)`.
fn level(priority: u8) -> &'static str {
    LEVELS.get(usize::from(priority)).copied().unwrap_or("DEBUG")
}

/// The section `log_analysis`. None: messages were not collected.
pub(crate) fn analyze(
    snapshot: &Snapshot,
    journal: &JournalDigest,
    past: &Probe<Past>,
) -> Option<LogAnalysis> {
    let digest = journal.logs.as_ref()?;
    let suppressed = digest.patterns.iter().flat_map(|patterns| &patterns.suppressed);
    let mut analysis = LogAnalysis {
        entries_analyzed: digest.entries,
        patterns: patterns::list(snapshot, digest),
        suppressed: suppressed.cloned().collect(),
        compared_with: None,
        not_compared: None,
        new_templates: None,
        spikes: None,
        vanished: None,
        rare: None,
    };
    if let Some(templates) = &digest.templates {
        against_past::add(&mut analysis, templates, &journal.earlier_boots, past);
        // There are some, then.
        let unread = snapshot.journal.gaps().iter().any(|gap| gap.what == EARLIER);
        if unread && analysis.not_compared.is_some() {
            analysis.not_compared = Some("earlier boots were not read before the deadline".into());
        }
    }
    Some(analysis)
}

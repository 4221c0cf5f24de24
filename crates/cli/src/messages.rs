//! What earlier boots logged: read from history before a collection, so that no boot is read twice,
//! held against the boot that is looked at, and stored with what was learnt.

use std::io;

use sysdiag_analyze::Past;
use sysdiag_logs::compare::Baseline;
use sysdiag_model::{BootId, Gap, Probe, Snapshot, Why};
use sysdiag_sources::{KnownBoots, Root};

use crate::config::Config;
use crate::console;
use crate::history::Store;

/// What is known of the messages of earlier boots.
pub(crate) struct Messages(Result<Baseline, Gap>);

impl Messages {
    /// Nothing is known, nor was looked for.
    pub(crate) const fn none() -> Self {
        Self(Ok(Baseline::EMPTY))
    }

    /// What history has of this host. A file that cannot be used is told.
    pub(crate) fn read(config: &Config) -> Self {
        let store = Store::new(&config.history.directory);
        let host = sysdiag_sources::host::read(&Root::host());
        match store.messages(host.hostname.value().map(String::as_str)) {
            Ok(baseline) => Self(Ok(baseline)),
            // An ordinary user has no access to root's history.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Self(Err(Gap::new("history", Why::NotPermitted, "run as root")))
            }
            Err(error) => {
                let path = store.messages_path();
                console::warning(&format!("skipped {}: {error}", path.display()));
                Self::none()
            }
        }
    }

    /// What a collection needs not find out again.
    pub(crate) fn known(&self, boots: usize) -> KnownBoots {
        let Ok(baseline) = &self.0 else {
            return KnownBoots { boots, ..KnownBoots::default() };
        };
        KnownBoots { boots, known: ended(baseline), messages: baseline.clone() }
    }

    /// A past of nothing but messages, which [`Self::before`] gives.
    pub(crate) fn past(&self) -> Probe<Past> {
        self.0
            .as_ref()
            .map_or_else(|gap| Probe::Unknown(gap.clone()), |_| Probe::Known(Past::default()))
    }

    /// Earlier boots than the one that `snapshot` has the messages of.
    pub(crate) fn before(&self, snapshot: &Snapshot) -> Baseline {
        let logs = snapshot.journal.value().and_then(|journal| journal.logs.as_ref());
        match (&self.0, logs.and_then(|logs| logs.templates.as_ref())) {
            (Ok(baseline), Some(templates)) => {
                let mut baseline = baseline.clone();
                baseline.keep_before(templates);
                baseline
            }
            _ => Baseline::default(),
        }
    }

    /// Stores what `snapshot` says of boots, if that is anything. Derived and rebuildable: no run fails
    /// where it cannot be written.
    pub(crate) fn save(self, store: &Store, snapshot: &Snapshot) {
        let (Ok(mut baseline), Some(journal)) = (self.0, snapshot.journal.value()) else { return };
        let mut learnt = false;
        // The newest comes first; its wordings are to be the last word.
        for boot in journal.earlier_boots.iter().rev() {
            baseline.add(boot);
            learnt = true;
        }
        let is_cut = snapshot.journal.gaps().iter().any(|gap| gap.what == TEMPLATES);
        let current = snapshot.host.boot_id.value().copied();
        let logs = journal.logs.as_ref().and_then(|logs| logs.templates.as_ref());
        // A part of a boot would make messages new that are not.
        let whole = logs.filter(|boot| {
            boot.from_boot
                && !is_cut
                && current.is_some()
                && boot.boot_id == current
                && journal.since.is_none()
                && journal.until.is_none()
        });
        if let Some(boot) = whole {
            baseline.add(boot);
            learnt = true;
        }
        let hostname = snapshot.host.hostname.value().map(String::as_str);
        if learnt && let Err(error) = store.save_messages(hostname, &baseline) {
            tracing::info!(%error, "messages of this boot not remembered");
        }
    }
}

/// What the gap is called that says that not all messages were read.
const TEMPLATES: &str = "templates of log messages";

/// Boots that need not be read again. The last one may have gone on after it was looked at: it was the
/// current one then, or still is.
fn ended(baseline: &Baseline) -> Vec<BootId> {
    let boots = baseline.boots();
    let last = boots.iter().max_by_key(|boot| boot.until).and_then(|boot| boot.boot_id);
    boots.iter().filter_map(|boot| boot.boot_id).filter(|id| Some(*id) != last).collect()
}

#[cfg(test)]
mod tests;

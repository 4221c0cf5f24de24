//! Which units are asked for everything: a small pure function over the first round.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::{JournalDigest, Systemd, Unit, UnitEventKind};
use sysdiag_model::{UnitName, UnitType};

/// Units of ordering cycles that are asked whether they still are on one.
const MAX_OF_RINGS: usize = 64;

/// Units in question, the worst first, by name within a kind:
///
/// 1. the unit the user asks about;
/// 2. failed units, and units that could not be loaded;
/// 3. units that restarted, failed or dumped core according to the journal or their restart counter;
/// 4. units that systemd found in an ordering cycle;
/// 5. units between two states, and units with a job in the queue;
/// 6. what a problematic timer or socket starts.
pub fn suspects(
    systemd: Option<&Systemd>,
    journal: Option<&JournalDigest>,
    asked: Option<&UnitName>,
) -> Vec<UnitName> {
    let mut picked = Picked::default();
    picked.add(asked.map(|name| primary_name(systemd, name)));
    let units = systemd.map_or(&[][..], |systemd| &systemd.units);
    picked.add(names(units, |unit| unit.is_failed()));
    picked.add(names(units, |unit| matches!(unit.load_state.as_str(), "error" | "bad-setting")));
    if let Some(journal) = journal {
        let told = journal.unit_events.iter().filter(|event| {
            !matches!(
                event.kind,
                UnitEventKind::Started | UnitEventKind::Stopped | UnitEventKind::Reloaded
            ) || event.job_result.as_deref().is_some_and(|result| result != "done")
        });
        picked.add(told.map(|event| event.unit.clone()).collect::<BTreeSet<_>>());
        let rings = journal.broken_cycles.iter().rev().flat_map(|cycle| &cycle.units);
        picked.add(rings.take(MAX_OF_RINGS).cloned());
    }
    if let Some(systemd) = systemd {
        let restarted = systemd
            .services
            .iter()
            .filter(|(_, state)| state.n_restarts.is_some_and(|restarts| restarts > 0));
        picked.add(restarted.map(|(name, _)| name.clone()));
        picked.add(names(units, |unit| {
            matches!(
                unit.active_state.as_str(),
                "activating" | "deactivating" | "reloading" | "maintenance" | "refreshing"
            )
        }));
        picked.add(systemd.jobs.iter().map(|job| job.unit.clone()));
        let ill = |result: &Option<String>| result.as_deref().is_some_and(|it| it != "success");
        let timers = systemd.timers.iter().filter(|(_, timer)| ill(&timer.result));
        picked.add(
            timers.flat_map(|(name, timer)| [Some(name.clone()), timer.unit.clone()]).flatten(),
        );
        let sockets = systemd.sockets.iter().filter(|(_, socket)| {
            ill(&socket.result) || socket.n_refused.is_some_and(|refused| refused > 0)
        });
        picked.add(sockets.map(|(name, _)| name.clone()));
    }
    picked.order
}

/// The name `ListUnits` has for what the user asks about, which may be an alias.
pub(crate) fn primary_name(systemd: Option<&Systemd>, asked: &UnitName) -> UnitName {
    let aliased = systemd.and_then(|systemd| {
        systemd.details.iter().find(|(_, detail)| detail.names.contains(asked))
    });
    aliased.map_or_else(|| asked.clone(), |(primary, _)| primary.clone())
}

fn names(units: &[Unit], pick: impl Fn(&&Unit) -> bool) -> Vec<UnitName> {
    units
        .iter()
        .filter(pick)
        // A device that follows another is the same device.
        .filter(|unit| unit.following.is_none() || unit.name.unit_type() != Some(UnitType::Device))
        .map(|unit| unit.name.clone())
        .collect()
}

#[derive(Default)]
struct Picked {
    order: Vec<UnitName>,
    seen: BTreeSet<UnitName>,
}

impl Picked {
    fn add(&mut self, units: impl IntoIterator<Item = UnitName>) {
        for unit in units {
            if self.seen.insert(unit.clone()) {
                self.order.push(unit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_systemd_the_journal_and_the_user_still_name_some() {
        let asked = UnitName::from("asked.service");
        assert_eq!(suspects(None, None, Some(&asked)), [asked]);
    }
}

//! Ordering cycles that systemd met in this boot and broke, from the journal.

use std::collections::BTreeMap;

use sysdiag_model::report::BrokenOrderingCycle;
use sysdiag_model::snapshot::{BrokenCycle, Snapshot};
use sysdiag_model::{Timestamp, UnitName};

use crate::units::{Units, this_boot_from};

/// Those of the running boot, oldest first. None: the journal could not be read.
pub(crate) fn broken(snapshot: &Snapshot) -> Option<Vec<BrokenOrderingCycle>> {
    let journal = snapshot.journal.value()?;
    let Some(from) = this_boot_from(journal, snapshot) else { return Some(Vec::new()) };
    let finished = finished(snapshot);
    let in_boot = |cycle: &BrokenCycle| {
        cycle.through_kernel || finished.is_none_or(|finished| cycle.time <= finished)
    };
    let of_boot = journal.broken_cycles.iter().filter(|cycle| cycle.time >= from);
    Some(
        of_boot
            .map(|cycle| BrokenOrderingCycle {
                time: cycle.time,
                units: canonical(&cycle.units),
                whole: cycle.whole,
                dropped_unit: cycle.dropped.clone(),
                dropped_job: cycle.job_type.clone(),
                during_boot: in_boot(cycle),
            })
            .collect(),
    )
}

/// The units of `cycles` whose start was dropped and that were not started since, by name. One that
/// is not loaded any more is nobody's dependency either.
pub(crate) fn not_started<'a>(
    units: &Units<'_>,
    cycles: impl IntoIterator<Item = &'a BrokenOrderingCycle>,
) -> Vec<&'a UnitName> {
    let mut last: BTreeMap<&UnitName, Timestamp> = BTreeMap::new();
    for cycle in cycles.into_iter().filter(|it| it.dropped_job.as_deref() == Some("start")) {
        if let Some(unit) = &cycle.dropped_unit {
            let time = last.entry(unit).or_insert(cycle.time);
            *time = cycle.time.max(*time);
        }
    }
    let missing = |(unit, dropped): &(&UnitName, Timestamp)| {
        let state = units.systemd.unit(unit.as_str());
        let down = state.is_some_and(|unit| {
            matches!(unit.active_state.as_str(), "inactive" | "failed" | "maintenance")
        });
        down && units.last_start(unit.as_str()).is_none_or(|started| started < *dropped)
    };
    last.into_iter().filter(missing).map(|(unit, _)| unit).collect()
}

/// Whether the units are still ordered in this ring, as far as it is known: false only if an edge of
/// it is known to be gone.
pub(crate) fn may_be_closed(units: &Units<'_>, cycle: &BrokenOrderingCycle) -> bool {
    let next = cycle.units.iter().skip(1).chain(cycle.units.first());
    let is_gone = |(from, to): (&UnitName, &UnitName)| {
        // A unit that is not loaded any more is in no ring.
        units.systemd.unit(from.as_str()).is_none()
            || units
                .detail(from.as_str())
                .and_then(|detail| detail.dependencies.get("After"))
                .is_some_and(|after| !after.contains(to))
    };
    !cycle.whole || cycle.units.len() < 2 || !cycle.units.iter().zip(next).any(is_gone)
}

/// When the boot was finished; none if it is not, or nobody knows.
fn finished(snapshot: &Snapshot) -> Option<Timestamp> {
    let usec = snapshot.systemd.value()?.manager.finish_monotonic_usec?;
    (usec > 0).then(|| snapshot.clock.at_monotonic(usec))
}

/// The same ring from its alphabetically first unit on.
fn canonical(units: &[UnitName]) -> Vec<UnitName> {
    let first = (0..units.len()).min_by_key(|place| units.get(*place)).unwrap_or_default();
    let mut units = units.to_vec();
    units.rotate_left(first);
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{healthy, systemd_of};
    use crate::testing_events::{ago, broken_cycle, journal_of};

    #[test]
    fn those_of_this_boot_in_their_ring_from_the_first_unit_on() {
        let mut snapshot = healthy();
        broken_cycle(&mut snapshot, &["c.service", "a.service", "b.service"], "c.service", 3590);
        broken_cycle(&mut snapshot, &["x.service", "y.service"], "x.service", 30);
        systemd_of(&mut snapshot).manager.finish_monotonic_usec = Some(60_000_000);
        let found = broken(&snapshot).unwrap();
        assert_eq!(found[0].units, ["a.service", "b.service", "c.service"]);
        assert_eq!(found.iter().map(|it| it.during_boot).collect::<Vec<_>>(), [true, false]);
        journal_of(&mut snapshot).broken_cycles[1].through_kernel = true;
        assert!(broken(&snapshot).unwrap()[1].during_boot);
    }

    #[test]
    fn another_boot_is_not_told_of() {
        let mut snapshot = healthy();
        broken_cycle(&mut snapshot, &["a.service", "b.service"], "a.service", 7200);
        assert_eq!(broken(&snapshot).unwrap(), []);
        broken_cycle(&mut snapshot, &["a.service", "b.service"], "a.service", 60);
        assert_eq!(broken(&snapshot).unwrap()[0].time, ago(60));
        journal_of(&mut snapshot).boot_id =
            Some("00000000000000000000000000000001".parse().unwrap());
        assert_eq!(broken(&snapshot).unwrap(), []);
    }
}

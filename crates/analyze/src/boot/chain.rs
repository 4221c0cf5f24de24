//! The critical chain: what the default target waited for.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::UnitName;
use sysdiag_model::report::ChainLink;
use sysdiag_model::snapshot::Systemd;

use super::activation::Activation;
use super::phases::Phases;

/// The name the chain is asked for; the unit behind it has another.
const DEFAULT_TARGET: &str = "default.target";

/// From the default target down, in the order in which `systemd-analyze critical-chain` prints it.
///
/// Below a unit come those units of its `After=` that were up last; several if they were up at the
/// same microsecond. A unit that came before is not followed a second time.
pub(super) fn critical_chain(systemd: &Systemd, phases: &Phases) -> Vec<ChainLink> {
    let Some(target) = &systemd.default_target else { return Vec::new() };
    let activations: BTreeMap<&UnitName, Activation> = systemd
        .units
        .iter()
        .filter_map(|unit| Some((&unit.name, Activation::of(unit, phases)?)))
        .collect();
    let last_of = |unit: &UnitName| last_before(systemd, &activations, phases, unit);

    let mut links = Vec::new();
    if let Some(activation) = activations.get(target) {
        links.push(first_link(target, *activation, phases));
    }
    // A stack of our own: the depth is as the unit files of the host have it.
    let mut followed = BTreeSet::from([DEFAULT_TARGET]);
    let mut stack = vec![last_of(target)];
    while let Some(level) = stack.last_mut() {
        let Some((unit, activation)) = level.next() else {
            stack.pop();
            continue;
        };
        let shown_above = followed.contains(unit.as_str());
        let depth = u32::try_from(stack.len()).unwrap_or(u32::MAX);
        links.push(link(unit, activation, phases, depth, shown_above));
        if !shown_above {
            followed.insert(unit.as_str());
            stack.push(last_of(unit));
        }
    }
    links
}

/// The units in `After=` of `unit` that were up last before the boot was finished.
fn last_before<'a>(
    systemd: &'a Systemd,
    activations: &BTreeMap<&'a UnitName, Activation>,
    phases: &Phases,
    unit: &UnitName,
) -> std::vec::IntoIter<(&'a UnitName, Activation)> {
    let in_range: Vec<(&UnitName, Activation)> = systemd
        .chain_after
        .get(unit)
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|name| Some((name, *activations.get(name)?)))
        .filter(|(_, unit)| unit.activated > 0 && unit.activated <= phases.finish)
        .collect();
    let last = in_range.iter().map(|(_, unit)| unit.activated).max();
    in_range
        .into_iter()
        .filter(|(_, unit)| Some(unit.activated) == last)
        .collect::<Vec<_>>()
        .into_iter()
}

/// The default target itself: how long it took, else when it was reached.
fn first_link(unit: &UnitName, activation: Activation, phases: &Phases) -> ChainLink {
    let took_usec = (activation.took > 0).then_some(activation.took);
    let at_usec = activation.activated.checked_sub(phases.userspace).filter(|usec| *usec > 0);
    ChainLink {
        unit: unit.clone(),
        at_usec: at_usec.filter(|_| took_usec.is_none()),
        took_usec,
        depth: 0,
        shown_above: false,
    }
}

fn link(
    unit: &UnitName,
    activation: Activation,
    phases: &Phases,
    depth: u32,
    shown_above: bool,
) -> ChainLink {
    // What began before userspace did (in the initrd) has no time in it.
    let in_userspace = activation.activating >= phases.userspace;
    let took_usec = (in_userspace && activation.took > 0).then_some(activation.took);
    let at = if took_usec.is_some() { activation.activating } else { activation.activated };
    ChainLink {
        unit: unit.clone(),
        at_usec: at.checked_sub(phases.userspace).filter(|_| in_userspace),
        took_usec,
        depth,
        shown_above,
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};

    /// Adds a unit that was up at `up` seconds of userspace after it took `took` seconds.
    fn add(snapshot: &mut Snapshot, name: &str, up: u64, took: u64, after: &[&str]) {
        let mut unit = unit(name, "active", "active");
        let times = unit.times.as_mut().unwrap();
        times.active_enter_usec = Some(2_000_000 + up * 1_000_000);
        times.inactive_exit_usec = Some(2_000_000 + (up - took) * 1_000_000);
        add_unit(snapshot, unit);
        let after = after.iter().map(|name| UnitName::new(*name)).collect();
        systemd_of(snapshot).chain_after.insert(name.into(), after);
    }

    fn chain(snapshot: &mut Snapshot) -> Vec<String> {
        let systemd = systemd_of(snapshot);
        critical_chain(systemd, &Phases::of(&systemd.manager))
            .iter()
            .map(|link| {
                let sec = |usec: Option<u64>| {
                    usec.map_or("-".to_owned(), |usec| format!("{}", usec / 1_000_000))
                };
                let dots = if link.shown_above { " ..." } else { "" };
                let (at, took) = (sec(link.at_usec), sec(link.took_usec));
                format!("{} {} @{at} +{took}{dots}", link.depth, link.unit)
            })
            .collect()
    }

    #[test]
    fn follows_the_last_and_prints_equals_in_order() {
        let mut snapshot = healthy();
        add(&mut snapshot, "multi-user.target", 6, 0, &["early.service", "b.service", "a.service"]);
        add(&mut snapshot, "early.service", 1, 1, &[]);
        add(&mut snapshot, "b.service", 6, 2, &["basic.target"]);
        add(&mut snapshot, "a.service", 6, 1, &["basic.target"]);
        add(&mut snapshot, "basic.target", 3, 0, &["early.service"]);
        assert_eq!(
            chain(&mut snapshot),
            [
                "0 multi-user.target @6 +-",
                "1 b.service @4 +2",
                "2 basic.target @3 +-",
                "3 early.service @0 +1",
                "1 a.service @5 +1",
                "2 basic.target @3 +- ...",
            ]
        );
    }

    #[test]
    fn what_came_after_the_boot_is_not_in_the_chain() {
        let mut snapshot = healthy();
        add(
            &mut snapshot,
            "multi-user.target",
            6,
            0,
            &["late.service", "a.service", "gone.service"],
        );
        add(&mut snapshot, "late.service", 60, 1, &[]);
        add(&mut snapshot, "a.service", 5, 1, &[]);
        assert_eq!(chain(&mut snapshot), ["0 multi-user.target @6 +-", "1 a.service @4 +1"]);
    }

    #[test]
    fn what_was_up_in_the_initrd_has_no_time() {
        let mut snapshot = healthy();
        add(&mut snapshot, "multi-user.target", 6, 0, &["early.mount"]);
        add(&mut snapshot, "early.mount", 1, 0, &[]);
        let times = &mut systemd_of(&mut snapshot).units;
        let mount = times.iter_mut().find(|unit| unit.name == "early.mount").unwrap();
        mount.times.as_mut().unwrap().inactive_exit_usec = Some(900_000);
        assert_eq!(chain(&mut snapshot), ["0 multi-user.target @6 +-", "1 early.mount @- +-"]);
    }

    #[test]
    fn a_circle_of_after_ends() {
        let mut snapshot = healthy();
        add(&mut snapshot, "multi-user.target", 6, 0, &["a.service"]);
        add(&mut snapshot, "a.service", 5, 1, &["b.service"]);
        add(&mut snapshot, "b.service", 5, 1, &["a.service"]);
        assert_eq!(
            chain(&mut snapshot),
            [
                "0 multi-user.target @6 +-",
                "1 a.service @4 +1",
                "2 b.service @4 +1",
                "3 a.service @4 +1 ..."
            ]
        );
    }

    #[test]
    fn a_chain_as_deep_as_there_are_units_does_not_overflow() {
        let mut snapshot = healthy();
        let systemd = systemd_of(&mut snapshot);
        systemd.units =
            (0..20_000).map(|i| unit(&format!("{i:05}.target"), "active", "active")).collect();
        systemd.default_target = Some("00000.target".into());
        systemd.chain_after = (0..20_000)
            .map(|i| {
                let next = UnitName::new(format!("{:05}.target", i + 1));
                (UnitName::new(format!("{i:05}.target")), vec![next])
            })
            .collect();
        assert_eq!(chain(&mut snapshot).len(), 20_000);
    }
}

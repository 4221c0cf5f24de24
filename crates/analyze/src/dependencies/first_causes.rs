//! From a unit along broken requirements to the units where the trouble began.

use std::collections::BTreeSet;

use sysdiag_model::UnitName;

use super::broken_requirements;
use crate::units::Units;

/// Units looked at from one unit on: no host has chains like that, a hostile one could.
const MOST_VISITED: usize = 1_000;
const MOST_CAUSES: usize = 16;

/// The problematic units at the ends of the chains, by name. A ring of problematic units has no
/// end: then it is the one that changed state first.
pub(super) fn of(units: &Units<'_>, name: &str) -> Vec<UnitName> {
    let mut visited: BTreeSet<&UnitName> = BTreeSet::new();
    let mut ends: BTreeSet<&UnitName> = BTreeSet::new();
    let mut ahead: Vec<&UnitName> = broken_requirements(units, name).into_iter().collect();
    while let Some(next) = ahead.pop() {
        if visited.len() >= MOST_VISITED || !visited.insert(next) {
            continue;
        }
        let further = broken_requirements(units, next.as_str());
        if further.is_empty() {
            ends.insert(next);
        }
        ahead.extend(further);
    }
    if ends.is_empty() {
        let others = visited.into_iter().filter(|other| other.as_str() != name);
        let began = |other: &&UnitName| {
            let since = units.systemd.unit(other.as_str()).and_then(|unit| units.since(unit));
            (since.is_none(), since)
        };
        ends.extend(others.min_by_key(began));
    }
    ends.into_iter().take(MOST_CAUSES).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{healthy, systemd_of};
    use crate::testing_events::{ago, depends, failed_service};

    fn causes(edges: &[(&str, &str)], of_unit: &str) -> Vec<UnitName> {
        let mut snapshot = healthy();
        for (age, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let name = format!("{name}.service");
            failed_service(&mut snapshot, &name, "exit-code", 1, 1);
            let detail = systemd_of(&mut snapshot).details.get_mut(name.as_str()).unwrap();
            detail.state_change = Some(ago(age as u64));
        }
        for (from, to) in edges {
            depends(
                &mut snapshot,
                &format!("{from}.service"),
                "Requires",
                &format!("{to}.service"),
            );
        }
        of(&Units::of(&snapshot).unwrap(), &format!("{of_unit}.service"))
    }

    #[test]
    fn goes_to_the_ends_of_all_chains() {
        assert_eq!(causes(&[("a", "b"), ("b", "c"), ("a", "d")], "a"), ["c.service", "d.service"]);
        assert_eq!(causes(&[("a", "b")], "b"), [""; 0]);
    }

    #[test]
    fn a_ring_ends_at_the_unit_that_failed_first() {
        let ring = [("a", "b"), ("b", "c"), ("c", "a")];
        assert_eq!(causes(&ring, "a"), ["c.service"]);
        assert_eq!(causes(&ring, "c"), ["b.service"]);
        assert_eq!(causes(&[("a", "a")], "a"), [""; 0]);
    }

    #[test]
    fn a_way_out_of_a_ring_is_the_cause() {
        assert_eq!(causes(&[("a", "b"), ("b", "a"), ("b", "d")], "a"), ["d.service"]);
    }
}

//! What units that are not up rest on, and which of that is why.

mod first_causes;

use std::collections::BTreeSet;

use sysdiag_model::report::{Dependency, UnitDependencies};
use sysdiag_model::snapshot::UnitDetail;
use sysdiag_model::{Snapshot, UnitName, UnitType};

use crate::units::Units;

/// Edges that are shown, in this order.
const SHOWN: [&str; 11] = [
    "Requires",
    "Requisite",
    "BindsTo",
    "Wants",
    "PartOf",
    "ConsistsOf",
    "Upholds",
    "Triggers",
    "TriggeredBy",
    "After",
    "Before",
];

/// Edges without which a unit cannot be up: the ways to a first cause.
pub(crate) const REQUIREMENTS: [&str; 3] = ["Requires", "Requisite", "BindsTo"];

/// The section `dependency_analysis`: failed units, and units that could not be started because of
/// others. None: systemd could not be read.
pub fn analyze(snapshot: &Snapshot) -> Option<Vec<UnitDependencies>> {
    let units = Units::of(snapshot)?;
    let failed = units.systemd.units.iter().filter(|unit| unit.is_failed());
    let names: BTreeSet<&str> = failed
        .map(|unit| unit.name.as_str())
        .chain(units.names_with_events().filter(|name| held_back(&units, name)))
        .collect();
    Some(names.into_iter().filter_map(|name| of_unit(&units, name)).collect())
}

/// Whether the unit is down because its last start job failed with the result `dependency`, or
/// waited for another until its `JobTimeoutSec=` was over. A device only does not come. systemd
/// unloads such a unit soon: then it is down all the same.
pub(crate) fn held_back(units: &Units<'_>, name: &str) -> bool {
    let unit = units.systemd.unit(name);
    unit.is_none_or(|unit| unit.active_state == "inactive")
        && UnitName::from(name).unit_type() != Some(UnitType::Device)
        && units.failed_start(name).is_some_and(|event| {
            matches!(event.job_result.as_deref(), Some("dependency" | "timeout"))
        })
}

/// The dependencies of one unit. None: its properties were not read.
pub(crate) fn of_unit(units: &Units<'_>, name: &str) -> Option<UnitDependencies> {
    units.detail(name)?;
    Some(UnitDependencies {
        unit: name.into(),
        dependencies: list(units, name),
        first_causes: first_causes::of(units, name),
    })
}

/// Every dependency of one unit with its state; empty if its properties were not read.
pub(crate) fn list(units: &Units<'_>, name: &str) -> Vec<Dependency> {
    let Some(detail) = units.detail(name) else { return Vec::new() };
    SHOWN
        .into_iter()
        .filter_map(|edge| Some((edge, detail.dependencies.get(edge)?)))
        .flat_map(|(edge, others)| others.iter().map(move |other| (edge, other)))
        .map(|(edge, other)| dependency(units, edge, other))
        .collect()
}

/// One edge, with the state of the unit at its end.
pub(crate) fn dependency(units: &Units<'_>, edge: &str, other: &UnitName) -> Dependency {
    let unit = units.systemd.unit(other.as_str());
    Dependency {
        name: other.clone(),
        edge_type: edge.to_owned(),
        load_state: unit.map(|unit| unit.load_state.clone()),
        active_state: unit.map(|unit| unit.active_state.clone()),
        sub_state: unit.map(|unit| unit.sub_state.clone()),
        problematic: is_problematic(units, edge, other),
    }
}

/// Whether the state of `other` can be why a unit with this edge to it is not up.
fn is_problematic(units: &Units<'_>, edge: &str, other: &UnitName) -> bool {
    let Some(unit) = units.systemd.unit(other.as_str()) else {
        // What is not loaded is not up, and `Requisite=` starts nothing.
        return edge == "Requisite"
            || REQUIREMENTS.contains(&edge)
                && (held_back(units, other.as_str()) || never_appeared(units, other));
    };
    match edge {
        "Requires" => {
            unit.is_failed()
                || is_unavailable(&unit.load_state)
                || held_back(units, other.as_str())
                || (never_appeared(units, other) && unit.active_state == "inactive")
        }
        "Requisite" | "BindsTo" => {
            unit.is_failed() || is_unavailable(&unit.load_state) || unit.active_state == "inactive"
        }
        "Wants" => unit.is_failed(),
        _ => false,
    }
}

/// Whether the unit was to be started with one that is up, and never was in this boot: systemd leaves
/// a unit out without a job, and without a message that can be relied on, if it cannot add a job for
/// what that unit requires.
pub(crate) fn left_out(units: &Units<'_>, name: &str) -> bool {
    let Some(unit) = units.systemd.unit(name) else { return false };
    let never = unit.times.is_some_and(|times| times.inactive_exit_usec.is_none());
    let wanted = |detail: &UnitDetail| {
        ["WantedBy", "RequiredBy", "UpheldBy"]
            .into_iter()
            .filter_map(|edge| detail.dependencies.get(edge))
            .flatten()
            .any(|other| is_up(units, other.as_str()))
    };
    unit.active_state == "inactive"
        && unit.load_state == "loaded"
        && never
        && units.detail(name).is_some_and(wanted)
}

/// Whether the unit is active.
pub(crate) fn is_up(units: &Units<'_>, name: &str) -> bool {
    units.systemd.unit(name).is_some_and(|unit| unit.active_state == "active")
}

/// A device whose start job ran out of time: a device cannot fail, it only does not come.
fn never_appeared(units: &Units<'_>, name: &UnitName) -> bool {
    name.unit_type() == Some(UnitType::Device) && units.failed_start(name.as_str()).is_some()
}

/// Whether the configuration says that the host can do without this mount or swap (`nofail`).
pub(crate) fn may_be_absent(units: &Units<'_>, name: &str) -> bool {
    let options = units.detail(name).and_then(|detail| detail.mount_options.as_deref());
    options.is_some_and(|options| options.split(',').any(|option| option == "nofail"))
}

/// Load states in which a unit cannot be started at all.
pub(crate) fn is_unavailable(load_state: &str) -> bool {
    matches!(load_state, "masked" | "not-found" | "bad-setting" | "error")
}

/// The problematic units that `name` directly requires, by name.
pub(crate) fn broken_requirements<'a>(units: &Units<'a>, name: &str) -> BTreeSet<&'a UnitName> {
    let Some(detail) = units.detail(name) else { return BTreeSet::new() };
    REQUIREMENTS
        .into_iter()
        .filter_map(|edge| Some((edge, detail.dependencies.get(edge)?)))
        .flat_map(|(edge, others)| others.iter().map(move |other| (edge, other)))
        .filter(|(edge, other)| other.as_str() != name && is_problematic(units, edge, other))
        .map(|(_, other)| other)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add_unit, healthy, unit};
    use crate::testing_events::{depends, failed_service};

    #[test]
    fn a_dependency_is_problematic_by_its_edge() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "app.service", "exit-code", 1, 1);
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("gone.service", "inactive", "dead"));
        for (edge, other) in [
            ("Requires", "db.service"),
            ("Wants", "db.service"),
            ("After", "db.service"),
            ("PartOf", "db.service"),
            ("Requires", "gone.service"),
            ("BindsTo", "gone.service"),
            ("Requires", "nginx.service"),
            ("Requires", "unloaded.service"),
        ] {
            depends(&mut snapshot, "app.service", edge, other);
        }
        let all = analyze(&snapshot).unwrap();
        assert_eq!(all.len(), 2);
        let problematic: Vec<_> = all[0]
            .dependencies
            .iter()
            .filter(|dependency| dependency.problematic)
            .map(|dependency| (dependency.edge_type.as_str(), dependency.name.as_str()))
            .collect();
        assert_eq!(
            problematic,
            [("Requires", "db.service"), ("BindsTo", "gone.service"), ("Wants", "db.service")]
        );
        assert_eq!(all[0].dependencies.len(), 8);
    }
}

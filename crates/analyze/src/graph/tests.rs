//! The section as a whole.

use proptest::prelude::*;
use sysdiag_model::snapshot::UnitOrigin;
use sysdiag_model::{Gap, Probe, Why};

use super::*;
use crate::testing::healthy;
use crate::testing_events::{broken_cycle, ordered};

fn analyzed(edges: &[(&str, &str)]) -> FullDependencyAnalysis {
    let mut snapshot = healthy();
    snapshot.ordering = Probe::Known(Ordering::default());
    for (from, to) in edges {
        ordered(&mut snapshot, from, to, Some("/etc/systemd/system/x.service"));
    }
    analyze(&snapshot).unwrap()
}

#[test]
fn a_ring_with_its_edges_and_files() {
    let found = analyzed(&[("c", "a"), ("a", "b"), ("b", "c"), ("z", "a"), ("a", "a")]);
    assert_eq!((found.units, found.edges, found.components, found.edges_not_shown), (4, 4, 1, 0));
    assert_eq!(found.cycles.len(), 1);
    let cycle = &found.cycles[0];
    assert_eq!(cycle.units, ["a", "b", "c"]);
    let ends: Vec<_> = cycle.edges.iter().map(|it| (it.from.as_str(), it.to.as_str())).collect();
    assert_eq!(ends, [("a", "b"), ("b", "c"), ("c", "a")]);
    assert!(cycle.edges.iter().all(|edge| edge.edge_type == "After"));
    assert_eq!(cycle.edges[0].source_file.as_deref(), Some("/etc/systemd/system/x.service"));
    assert_eq!((cycle.cut, cycle.cut_breaks), (Some(0), Some(1)));
}

#[test]
fn nothing_read_is_nothing_said() {
    let mut snapshot = healthy();
    assert_eq!(analyze(&snapshot), None);
    snapshot.ordering = Probe::Unknown(Gap::new("ordering of units", Why::TimedOut, ""));
    assert_eq!(analyze(&snapshot), None);
    assert_eq!(analyzed(&[]), FullDependencyAnalysis::default());
}

#[test]
fn units_that_are_not_loaded_are_not_on_a_ring() {
    let mut snapshot = healthy();
    ordered(&mut snapshot, "a", "b", None);
    ordered(&mut snapshot, "b", "a", None);
    snapshot.ordering.value_mut().unwrap().after.remove("b");
    assert_eq!(analyze(&snapshot).unwrap().cycles, []);
}

#[test]
fn a_ring_of_requirements_is_legal() {
    let mut snapshot = healthy();
    let mut ordering = Ordering::default();
    for (from, to) in [("a", "b"), ("b", "a")] {
        ordering.after.insert(from.into(), Vec::new());
        let mut origin = UnitOrigin::default();
        origin.dependencies.insert("Requires".to_owned(), vec![to.into()]);
        ordering.origins.insert(from.into(), origin);
    }
    snapshot.ordering = Probe::Known(ordering);
    assert_eq!(analyze(&snapshot).unwrap().cycles, []);
}

#[test]
fn what_systemd_met_leads_to_the_finding_about_it() {
    let mut snapshot = healthy();
    for (from, to) in [("a", "b"), ("b", "a"), ("c", "d"), ("d", "e"), ("e", "c"), ("d", "a")] {
        ordered(&mut snapshot, from, to, None);
    }
    broken_cycle(&mut snapshot, &["e", "c", "d"], "d", 60);
    let graph = analyze(&snapshot).unwrap();
    assert_eq!(graph.broken_at_boot[0].units, ["c", "d", "e"]);
    let subject = |units: &[&str]| {
        let units: Vec<UnitName> = units.iter().map(|name| (*name).into()).collect();
        subject_of(&graph, &units).map(UnitName::as_str)
    };
    assert_eq!(subject(&["c", "d", "e"]), Some("c"));
    assert_eq!(subject(&["b", "a"]), Some("a"));
    assert_eq!(subject(&["x", "y"]), None);
    assert_eq!(subject(&[]), None);
}

#[test]
fn lists_are_sentences() {
    let names: Vec<UnitName> = ["a", "b", "c", "d"].map(UnitName::from).to_vec();
    let list = |count: usize, most| listed(&names.iter().take(count).collect::<Vec<_>>(), most);
    assert_eq!(list(0, 3), None);
    assert_eq!(list(1, 3).unwrap(), "a");
    assert_eq!(list(3, 3).unwrap(), "a, b and c");
    assert_eq!(list(4, 3).unwrap(), "a, b and 2 more");
    assert_eq!(list(2, 1).unwrap(), "a and 1 more");
}

proptest! {
    #[test]
    fn any_names_and_edges_give_cycles_that_are_there(
        names in prop::collection::btree_set(any::<String>(), 1..8),
        edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..20),
    ) {
        let names: Vec<UnitName> = names.iter().map(|name| name.as_str().into()).collect();
        let mut ordering = Ordering::default();
        for name in &names {
            ordering.after.insert(name.clone(), Vec::new());
        }
        for (from, to) in edges {
            // Some lead to a unit that is not there.
            let to = names.get(to).cloned().unwrap_or_else(|| "gone.service".into());
            if let Some(list) = names.get(from).and_then(|from| ordering.after.get_mut(from)) {
                list.push(to);
            }
        }
        let mut snapshot = healthy();
        snapshot.ordering = Probe::Known(ordering.clone());
        let found = analyze(&snapshot).unwrap();
        for cycle in &found.cycles {
            prop_assert!(cycle.units.len() >= 2 && cycle.units.len() == cycle.edges.len());
            prop_assert_eq!(cycle.units.iter().min(), cycle.units.first());
            for (place, edge) in cycle.edges.iter().enumerate() {
                prop_assert_eq!(&edge.from, &cycle.units[place]);
                prop_assert_eq!(&edge.to, &cycle.units[(place + 1) % cycle.units.len()]);
                prop_assert!(ordering.after[&edge.from].contains(&edge.to));
            }
        }
        prop_assert_eq!(&found, &analyze(&snapshot).unwrap());
    }
}

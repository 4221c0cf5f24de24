//! The full dependency graph: ordering cycles among all loaded units, with the file that adds each
//! edge, and those that systemd broke in this boot.
//!
//! Requirements without ordering make no cycle: systemd starts all units of such a ring at once.

mod adjacency;
mod broken;
mod components;
mod cuts;
mod cycles;
mod edges;
mod implicit;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use sysdiag_model::UnitName;
use sysdiag_model::report::{CycleEdge, EdgeOrigin, FullDependencyAnalysis, OrderingCycle};
use sysdiag_model::snapshot::{Ordering, Snapshot};

pub(crate) use self::broken::{broken, may_be_closed, not_started};

use self::adjacency::Adjacency;
use self::components::Components;
use self::cycles::{Found, edges_of};

/// The section `full_dependency_analysis`. None: the ordering of units was not read.
pub fn analyze(snapshot: &Snapshot) -> Option<FullDependencyAnalysis> {
    let ordering = snapshot.ordering.value()?;
    let graph = Graph::of(ordering);
    let components = Components::of(&graph.edges);
    let (found, left) = cycles::cover(&graph.edges, &components);
    let described = graph.describe(ordering, &found);
    let rank = |from, to| described.get(&(from, to)).map_or(u8::MAX, rank);
    let conflicts: Vec<_> = found.iter().map(|cycle| graph.conflict(ordering, cycle)).collect();
    let cuts = cuts::choose(&found, |number| conflicts.get(number) == Some(&None), rank);
    let cycles = found
        .iter()
        .zip(cuts)
        .zip(conflicts)
        .map(|((cycle, cut), conflict)| OrderingCycle {
            units: cycle.nodes.iter().filter_map(|node| graph.name(*node)).cloned().collect(),
            edges: edges_of(&cycle.nodes)
                .filter_map(|edge| described.get(&edge))
                .cloned()
                .collect(),
            component: cycle.component as u64 + 1,
            cut: cut.map(|cut| cut.edge as u64),
            cut_breaks: cut.map(|cut| cut.breaks as u64),
            conflict,
        })
        .collect();
    Some(FullDependencyAnalysis {
        units: graph.edges.nodes() as u64,
        edges: graph.edges.len() as u64,
        components: components.all.len() as u64,
        cycles,
        edges_not_shown: left as u64,
        broken_at_boot: broken(snapshot).unwrap_or_default(),
    })
}

/// Which of two edges a person would rather take away: the lower one. What the administrator wrote
/// comes before what a package brought, and that before what systemd adds by itself.
fn rank(edge: &CycleEdge) -> u8 {
    let by_hand = edge.source_file.as_deref().is_some_and(|file| {
        file.starts_with("/etc/") || (file.starts_with("/run/") && !file.contains("/generator"))
    });
    match edge.origin {
        EdgeOrigin::File if by_hand => 0,
        EdgeOrigin::File => 1,
        EdgeOrigin::Default => 2,
        EdgeOrigin::Implicit => 3,
        EdgeOrigin::Unknown => 4,
    }
}

/// Units by number, in the order of their names.
struct Graph<'a> {
    names: Vec<&'a UnitName>,
    edges: Adjacency,
}

impl<'a> Graph<'a> {
    fn of(ordering: &'a Ordering) -> Self {
        let names: Vec<&UnitName> = ordering.after.keys().collect();
        let numbers: HashMap<&str, u32> = names.iter().map(|name| name.as_str()).zip(0..).collect();
        let edges = ordering.after.values().zip(0..).flat_map(|(list, from)| {
            let to = list.iter().filter_map(|name| numbers.get(name.as_str()));
            to.map(move |to| (from, *to))
        });
        let edges = Adjacency::new(names.len(), edges.collect());
        Self { names, edges }
    }

    fn name(&self, node: u32) -> Option<&'a UnitName> {
        self.names.get(node as usize).copied()
    }

    /// Every edge of the cycles.
    fn describe(&self, ordering: &Ordering, cycles: &[Found]) -> HashMap<(u32, u32), CycleEdge> {
        let all: BTreeSet<(u32, u32)> =
            cycles.iter().flat_map(|cycle| edges_of(&cycle.nodes)).collect();
        let described = all.into_iter().filter_map(|(from, to)| {
            let edge = edges::describe(ordering, self.name(from)?, self.name(to)?);
            Some(((from, to), edge))
        });
        described.collect()
    }

    /// Two units of a cycle of which one excludes the other.
    fn conflict(&self, ordering: &Ordering, cycle: &Found) -> Option<(UnitName, UnitName)> {
        let names: BTreeSet<&UnitName> =
            cycle.nodes.iter().filter_map(|node| self.name(*node)).collect();
        names.iter().find_map(|name| {
            let list = ordering.origins.get(*name)?.dependencies.get("Conflicts")?;
            let other = list.iter().find(|other| names.contains(other))?;
            Some(((*name).clone(), other.clone()))
        })
    }
}

/// The subject of the finding about the ring that systemd met as `units`: that of the cycle whose
/// edge to take away is on it, else of the one with the most units of it.
pub(crate) fn subject_of<'a>(
    graph: &'a FullDependencyAnalysis,
    units: &[UnitName],
) -> Option<&'a UnitName> {
    let next = |unit: &UnitName| {
        let place = units.iter().position(|other| other == unit)?;
        units.get((place + 1) % units.len())
    };
    let fits = |cycle: &OrderingCycle| {
        let cut = cycle.edges.get(usize::try_from(cycle.cut?).ok()?)?;
        let common = cycle.units.iter().filter(|unit| units.contains(unit)).count();
        (common > 0).then(|| Reverse((next(&cut.from) == Some(&cut.to), common)))
    };
    let told = graph.cycles.iter().filter_map(|cycle| Some((fits(cycle)?, cycle.units.first()?)));
    told.min_by_key(|(fits, _)| *fits).map(|(_, subject)| subject)
}

/// The unit in whose files the edge is, as far as one can tell: the one that waits, unless the
/// other has a line with `Before=`.
pub(crate) fn declared_by(edge: &CycleEdge) -> &UnitName {
    let before = edge.declaration.as_deref().is_some_and(|line| line.starts_with("Before="));
    if before { &edge.to } else { &edge.from }
}

/// `a.service, b.service and 3 more`, at most `most` of them named. None: there are none.
pub(crate) fn listed(names: &[&UnitName], most: usize) -> Option<String> {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let (last, others) = names.split_last()?;
    if names.len() <= most {
        return Some(match others {
            [] => (*last).to_owned(),
            _ => format!("{} and {last}", others.join(", ")),
        });
    }
    let shown = names.get(..most.saturating_sub(1).max(1)).unwrap_or_default();
    Some(format!("{} and {} more", shown.join(", "), names.len() - shown.len()))
}

#[cfg(test)]
mod tests;

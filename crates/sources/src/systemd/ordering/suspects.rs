//! Which units may be on a cycle: a pure function over the edges.
//!
//! Whoever is after nobody is on none, nor is one that nobody is after; without these the next ones
//! are, and so on. What is left is on a cycle or between two. The analysis tells which.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sysdiag_model::UnitName;

/// What is left of the units once all that cannot be on a cycle are taken away.
pub(super) fn may_be_on_a_cycle(after: &BTreeMap<UnitName, Vec<UnitName>>) -> BTreeSet<UnitName> {
    let numbers: HashMap<&str, usize> = after.keys().map(UnitName::as_str).zip(0..).collect();
    let mut forth: Vec<Vec<usize>> = vec![Vec::new(); after.len()];
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); after.len()];
    for (from, list) in after.values().enumerate() {
        let to = list.iter().filter_map(|name| numbers.get(name.as_str()).copied());
        // systemd has no edge from a unit to itself.
        for to in to.filter(|to| *to != from) {
            if let (Some(forth), Some(back)) = (forth.get_mut(from), back.get_mut(to)) {
                forth.push(to);
                back.push(from);
            }
        }
    }
    let mut left = vec![true; after.len()];
    // Once by those that wait, once by those that are waited for.
    for (edges, turned) in [(&forth, &back), (&back, &forth)] {
        let mut degree: Vec<usize> = edges
            .iter()
            .map(|list| list.iter().filter(|to| left.get(**to) == Some(&true)).count())
            .collect();
        let is_end = |node: &usize| degree.get(*node) == Some(&0) && left.get(*node) == Some(&true);
        let mut ends: Vec<usize> = (0..after.len()).filter(is_end).collect();
        while let Some(node) = ends.pop() {
            if let Some(left) = left.get_mut(node) {
                *left = false;
            }
            for neighbour in turned.get(node).into_iter().flatten() {
                let Some(degree) = degree.get_mut(*neighbour) else { continue };
                *degree = degree.saturating_sub(1);
                if *degree == 0 && left.get(*neighbour) == Some(&true) {
                    ends.push(*neighbour);
                }
            }
        }
    }
    after.keys().zip(left).filter(|(_, left)| *left).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left(edges: &[(&str, &str)]) -> Vec<String> {
        let mut after: BTreeMap<UnitName, Vec<UnitName>> = BTreeMap::new();
        for (from, to) in edges {
            after.entry((*from).into()).or_default().push((*to).into());
            after.entry((*to).into()).or_default();
        }
        may_be_on_a_cycle(&after).into_iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn rings_are_left_and_what_lies_between_two() {
        assert_eq!(left(&[("a", "b"), ("b", "c"), ("x", "c")]), [""; 0]);
        let ring = [("a", "b"), ("b", "a"), ("a", "end"), ("begin", "a"), ("s", "s")];
        assert_eq!(left(&ring), ["a", "b"]);
        let two = [("a", "b"), ("b", "a"), ("b", "m"), ("m", "x"), ("x", "y"), ("y", "x")];
        assert_eq!(left(&two), ["a", "b", "m", "x", "y"]);
    }

    proptest! {
        #[test]
        fn nobody_on_a_cycle_is_taken_away(
            edges in prop::collection::vec((0_usize..9, 0_usize..9), 0..25),
        ) {
            let name = |number: usize| UnitName::from(format!("u{number}").as_str());
            let mut after: BTreeMap<UnitName, Vec<UnitName>> =
                (0..9).map(|number| (name(number), Vec::new())).collect();
            let mut leads = [[false; 9]; 9];
            for (from, to) in edges {
                after.get_mut(&name(from)).unwrap().push(name(to));
                leads[from][to] = from != to;
            }
            for over in 0..9 {
                for from in 0..9 {
                    for to in 0..9 {
                        leads[from][to] |= leads[from][over] && leads[over][to];
                    }
                }
            }
            let left = may_be_on_a_cycle(&after);
            for (node, row) in leads.iter().enumerate() {
                let on_cycle = row[node];
                let between = (0..9).any(|a| leads[a][a] && leads[a][node])
                    && (0..9).any(|b| leads[b][b] && row[b]);
                prop_assert_eq!(left.contains(&name(node)), on_cycle || between);
            }
        }
    }
}

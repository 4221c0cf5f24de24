//! Which edge to take away: of a knot with many cycles it is often one line that closes them all.

use std::collections::HashMap;

use super::cycles::{Found, edges_of};

/// The edge of a cycle that breaks most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Place among the edges of its cycle.
    pub(super) edge: usize,
    /// Cycles that it breaks and that no earlier cut does, its own among them.
    pub(super) breaks: usize,
}

/// A cut for each cycle, in their order, none for those that an earlier one breaks and those that do
/// no harm. Of edges that break as many, the one of the lowest `rank` is taken, then the first on the
/// cycle.
pub(super) fn choose(
    cycles: &[Found],
    does_harm: impl Fn(usize) -> bool,
    rank: impl Fn(u32, u32) -> u8,
) -> Vec<Option<Cut>> {
    let mut on: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
    for (number, cycle) in cycles.iter().enumerate() {
        for edge in edges_of(&cycle.nodes) {
            on.entry(edge).or_default().push(number);
        }
    }
    let mut broken: Vec<bool> = (0..cycles.len()).map(|number| !does_harm(number)).collect();
    let mut cuts = Vec::with_capacity(cycles.len());
    for (number, cycle) in cycles.iter().enumerate() {
        if broken.get(number).copied().unwrap_or(true) {
            cuts.push(None);
            continue;
        }
        let whole = |edge: &(u32, u32)| {
            let all = on.get(edge).into_iter().flatten();
            all.filter(|at| broken.get(**at) == Some(&false)).count()
        };
        let best = edges_of(&cycle.nodes)
            .enumerate()
            .map(|(place, edge)| {
                (std::cmp::Reverse(whole(&edge)), rank(edge.0, edge.1), place, edge)
            })
            .min();
        cuts.push(best.map(|(breaks, _, edge, _)| Cut { edge, breaks: breaks.0 }));
        for at in best.and_then(|(_, _, _, edge)| on.get(&edge)).into_iter().flatten() {
            if let Some(broken) = broken.get_mut(*at) {
                *broken = true;
            }
        }
    }
    cuts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::adjacency::Adjacency;
    use super::super::components::Components;
    use super::super::cycles::cover;
    use super::*;

    fn cycles(edges: &[(u32, u32)]) -> Vec<Found> {
        let graph = Adjacency::new(10, edges.to_vec());
        cover(&graph, &Components::of(&graph)).0
    }

    #[test]
    fn one_edge_breaks_a_whole_knot() {
        // 0 is before all, and 9 is before 0: every way down ends at 9.
        let mut edges = vec![(0, 9)];
        edges.extend((1..9).flat_map(|node| [(9, node), (node, 0)]));
        let cycles = cycles(&edges);
        let cuts = choose(&cycles, |_| true, |_, _| 0);
        assert_eq!(cycles.len(), 8);
        assert_eq!(cuts[0], Some(Cut { edge: 0, breaks: 8 }));
        assert!(cuts[1..].iter().all(Option::is_none));
    }

    #[test]
    fn rings_that_share_a_node_need_a_cut_each() {
        let cuts =
            choose(&cycles(&[(0, 4), (4, 1), (1, 0), (2, 4), (4, 3), (3, 2)]), |_| true, |_, _| 0);
        assert_eq!(cuts, [Some(Cut { edge: 0, breaks: 1 }); 2]);
    }

    #[test]
    fn of_equal_edges_the_rank_decides() {
        let cuts =
            choose(&cycles(&[(0, 1), (1, 2), (2, 0)]), |_| true, |from, _| u8::from(from != 1));
        assert_eq!(cuts, [Some(Cut { edge: 1, breaks: 1 })]);
    }

    proptest! {
        #[test]
        fn without_the_cuts_no_cycle_is_left_whole(
            edges in prop::collection::vec((0_u32..10, 0_u32..10), 0..40),
        ) {
            let cycles = cycles(&edges);
            let cuts = choose(&cycles, |_| true, |from, _| (from % 3) as u8);
            let gone: Vec<(u32, u32)> = cycles
                .iter()
                .zip(&cuts)
                .filter_map(|(cycle, cut)| edges_of(&cycle.nodes).nth((*cut)?.edge))
                .collect();
            for cycle in &cycles {
                prop_assert!(edges_of(&cycle.nodes).any(|edge| gone.contains(&edge)));
            }
            prop_assert_eq!(cuts.iter().flatten().map(|cut| cut.breaks).sum::<usize>(), cycles.len());
        }
    }
}

//! Cycles that together show every edge of every component: for each edge not yet shown, the
//! shortest cycle over it.

use std::collections::BTreeSet;

use super::adjacency::Adjacency;
use super::components::Components;

/// Cycles that are shown at most, of all components and of one: a knot of a thousand units says no
/// more with its last cycles than with its first.
const MOST: usize = 200;
const MOST_OF_ONE: usize = 50;
/// Edges of all cycles together.
const MOST_EDGES: usize = 10_000;
/// Edges that are followed in search of them: some 10 ms of CPU time. Where all units are in one
/// component and every ring is long, each search may follow all edges of the host.
const MOST_FOLLOWED: usize = 2_000_000;

/// One cycle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Place of its component among all.
    pub(super) component: usize,
    /// Number of nodes; before them, so that short ones come first.
    length: usize,
    /// From the lowest on, each with an edge to the next, the last to the first.
    pub(super) nodes: Vec<u32>,
}

/// The cycles, and how many edges of components are on none of them. Each component has one at least
/// while there is room for it: the first search in each may follow more edges than are left.
pub(super) fn cover(graph: &Adjacency, components: &Components) -> (Vec<Found>, usize) {
    search(&mut Paths::new(graph, components))
}

fn search(paths: &mut Paths<'_>) -> (Vec<Found>, usize) {
    let (graph, components) = (paths.graph, paths.components);
    let mut shown = vec![false; graph.len()];
    let mut found: BTreeSet<Found> = BTreeSet::new();
    let (mut room, mut edges_of_all) = (MOST_EDGES, 0);
    // Small ones first: a knot takes nothing from them.
    let mut by_size: Vec<(usize, &Vec<u32>)> = components.all.iter().enumerate().collect();
    by_size.sort_by_key(|(number, component)| (component.len(), *number));
    for (number, component) in by_size {
        let mut of_one = 0;
        for from in component {
            for to in graph.of(*from).iter().filter(|to| components.same(*from, **to)) {
                edges_of_all += 1;
                let place = graph.place(*from, *to);
                if place.and_then(|place| shown.get(place)).is_none_or(|shown| *shown)
                    || of_one >= MOST_OF_ONE
                    || found.len() >= MOST
                    || (paths.followed >= MOST_FOLLOWED && of_one > 0)
                {
                    continue;
                }
                // From its end back to its beginning: both are in one component, so there is a way.
                let Some(nodes) = paths.shortest(*to, *from) else { continue };
                if nodes.len() > room && of_one > 0 {
                    continue;
                }
                room = room.saturating_sub(nodes.len());
                of_one += 1;
                for place in edges_of(&nodes).filter_map(|(from, to)| graph.place(from, to)) {
                    if let Some(shown) = shown.get_mut(place) {
                        *shown = true;
                    }
                }
                let nodes = canonical(nodes);
                found.insert(Found { component: number, length: nodes.len(), nodes });
            }
        }
    }
    let shown = shown.into_iter().filter(|shown| *shown).count();
    (found.into_iter().collect(), edges_of_all - shown)
}

/// The edges of a cycle.
pub(super) fn edges_of(nodes: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    let next = nodes.iter().skip(1).chain(nodes.first());
    nodes.iter().copied().zip(next.copied())
}

/// The same cycle from its lowest node on.
fn canonical(mut nodes: Vec<u32>) -> Vec<u32> {
    let lowest = (0..nodes.len()).min_by_key(|place| nodes.get(*place)).unwrap_or_default();
    nodes.rotate_left(lowest);
    nodes
}

/// Shortest paths within a component, from both ends at once: of a dense graph only a few nodes
/// around each end are visited.
struct Paths<'a> {
    components: &'a Components,
    graph: &'a Adjacency,
    reversed: Adjacency,
    forth: Side,
    back: Side,
    round: u32,
    /// Edges that all searches looked at.
    followed: usize,
}

/// What was reached from one end.
#[derive(Default)]
struct Side {
    /// In which search each node was reached, and from which node.
    seen: Vec<(u32, u32)>,
    /// Those reached last.
    frontier: Vec<u32>,
}

impl<'a> Paths<'a> {
    fn new(graph: &'a Adjacency, components: &'a Components) -> Self {
        let any = !components.all.is_empty();
        let side = || Side { seen: vec![(0, 0); graph.nodes()], frontier: Vec::new() };
        let reversed = if any { graph.reversed() } else { Adjacency::default() };
        Self { components, graph, reversed, forth: side(), back: side(), round: 0, followed: 0 }
    }

    /// Nodes of a shortest path, both ends included.
    fn shortest(&mut self, start: u32, goal: u32) -> Option<Vec<u32>> {
        self.round += 1;
        self.forth.begin(start, self.round);
        self.back.begin(goal, self.round);
        while !self.forth.frontier.is_empty() && !self.back.frontier.is_empty() {
            // The smaller side goes one step, all of it: where the two meet first is half of a
            // shortest path, whichever of these nodes is taken.
            let met = if self.forth.frontier.len() <= self.back.frontier.len() {
                self.followed += self.forth.step(self.graph, self.components, self.round);
                self.forth
                    .frontier
                    .iter()
                    .filter(|node| self.back.reached(**node, self.round))
                    .min()
            } else {
                self.followed += self.back.step(&self.reversed, self.components, self.round);
                self.back
                    .frontier
                    .iter()
                    .filter(|node| self.forth.reached(**node, self.round))
                    .min()
            };
            if let Some(middle) = met.copied() {
                let mut nodes = self.forth.way_to(middle, start);
                nodes.reverse();
                nodes.extend(self.back.way_to(middle, goal).into_iter().skip(1));
                return Some(nodes);
            }
        }
        None
    }
}

impl Side {
    fn begin(&mut self, node: u32, round: u32) {
        self.frontier.clear();
        self.reach(node, node, round);
    }

    fn reached(&self, node: u32, round: u32) -> bool {
        self.seen.get(node as usize).is_some_and(|(in_round, _)| *in_round == round)
    }

    fn reach(&mut self, node: u32, from: u32, round: u32) {
        if let Some(slot) = self.seen.get_mut(node as usize) {
            *slot = (round, from);
            self.frontier.push(node);
        }
    }

    /// To every node one step further. Returns how many edges were looked at.
    fn step(&mut self, graph: &Adjacency, components: &Components, round: u32) -> usize {
        let mut followed = 0;
        for node in std::mem::take(&mut self.frontier) {
            let edges = graph.of(node);
            followed += edges.len();
            for next in edges {
                if components.same(node, *next) && !self.reached(*next, round) {
                    self.reach(*next, node, round);
                }
            }
        }
        followed
    }

    /// From `node` back to where the search began.
    fn way_to(&self, node: u32, begin: u32) -> Vec<u32> {
        let mut way = vec![node];
        let mut at = node;
        while at != begin {
            let Some((_, from)) = self.seen.get(at as usize) else { break };
            at = *from;
            way.push(at);
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn cycles(nodes: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
        let graph = Adjacency::new(nodes, edges.to_vec());
        let (found, left) = cover(&graph, &Components::of(&graph));
        assert_eq!(left, 0);
        found.into_iter().map(|cycle| cycle.nodes).collect()
    }

    /// An edge from each node to the next, the last to the first.
    fn ring(nodes: &[u32]) -> Vec<(u32, u32)> {
        edges_of(nodes).collect()
    }

    #[test]
    fn each_ring_is_found_once() {
        assert_eq!(cycles(2, &ring(&[0, 1])), [[0, 1]]);
        assert_eq!(cycles(3, &ring(&[2, 0, 1])), [[0, 1, 2]]);
        let long: Vec<u32> = (0..50).collect();
        assert_eq!(cycles(50, &ring(&long)), [long]);
        assert_eq!(cycles(9, &[]), [[0_u32; 0]; 0]);
    }

    #[test]
    fn rings_that_share_a_node_are_two() {
        let edges = [ring(&[0, 4, 1]), ring(&[2, 4, 3])].concat();
        assert_eq!(cycles(5, &edges), [[0, 4, 1], [2, 4, 3]]);
    }

    #[test]
    fn a_short_way_through_a_ring_comes_first() {
        let edges = [ring(&[0, 1, 2, 3]), vec![(2, 0)]].concat();
        assert_eq!(cycles(4, &edges), [vec![0, 1, 2], vec![0, 1, 2, 3]]);
    }

    #[test]
    fn a_knot_is_cut_and_told() {
        let nodes = 100;
        let all = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let graph = Adjacency::new(nodes as usize, all.collect());
        let (found, left) = cover(&graph, &Components::of(&graph));
        assert_eq!(found.len(), MOST_OF_ONE);
        assert_eq!(left, graph.len() - 2 * MOST_OF_ONE);
    }

    #[test]
    fn one_knot_does_not_hide_another_ring() {
        let all = (0..60).flat_map(|from| (0..60).map(move |to| (from, to)));
        let edges = all.chain(ring(&[60, 61])).collect();
        let graph = Adjacency::new(62, edges);
        let (found, _) = cover(&graph, &Components::of(&graph));
        assert!(found.iter().any(|cycle| cycle.nodes == [60, 61]));
    }

    #[test]
    fn long_rings_among_many_units_are_not_searched_without_end() {
        // 5,000 units each after the six before it: each ring takes 834 steps, and 30,000 edges
        // would be searched from.
        let nodes = 5_000;
        let each = |node| (1..=6).map(move |step| (node, (node + nodes - step) % nodes));
        let knot = (0..nodes).flat_map(each);
        let edges = knot.chain(ring(&[nodes, nodes + 1])).collect();
        let graph = Adjacency::new(nodes as usize + 2, edges);
        let components = Components::of(&graph);
        let mut paths = Paths::new(&graph, &components);
        paths.shortest(0, 1).unwrap();
        let most_of_one = paths.followed;
        assert!(most_of_one * 30_000 > 10 * MOST_FOLLOWED, "{most_of_one} is no trouble");
        let mut paths = Paths::new(&graph, &components);
        let (found, left) = search(&mut paths);
        assert!(paths.followed < MOST_FOLLOWED + 2 * graph.len(), "{}", paths.followed);
        assert!(found.iter().any(|cycle| cycle.nodes == [nodes, nodes + 1]));
        let knot: Vec<&Found> = found.iter().filter(|cycle| cycle.component == 0).collect();
        assert!(knot.len() > 5 && knot.iter().all(|cycle| cycle.nodes.len().abs_diff(834) <= 1));
        assert!(left > 10_000 && left < graph.len());
    }

    proptest! {
        #[test]
        fn every_edge_of_a_component_is_on_a_cycle_and_nothing_else(
            edges in prop::collection::vec((0_u32..10, 0_u32..10), 0..40),
        ) {
            let graph = Adjacency::new(10, edges);
            let components = Components::of(&graph);
            let (found, left) = cover(&graph, &components);
            let mut shown = HashSet::new();
            for cycle in &found {
                let nodes: HashSet<u32> = cycle.nodes.iter().copied().collect();
                prop_assert_eq!(nodes.len(), cycle.nodes.len());
                prop_assert_eq!(cycle.nodes.iter().min(), cycle.nodes.first());
                for (from, to) in edges_of(&cycle.nodes) {
                    prop_assert!(graph.place(from, to).is_some());
                    prop_assert!(components.same(from, to));
                    shown.insert((from, to));
                }
            }
            let once: HashSet<&Vec<u32>> = found.iter().map(|cycle| &cycle.nodes).collect();
            prop_assert_eq!(once.len(), found.len());
            let inner: HashSet<(u32, u32)> =
                graph.edges().filter(|(from, to)| components.same(*from, *to)).collect();
            prop_assert_eq!(left, 0);
            prop_assert_eq!(shown, inner);
        }

        #[test]
        fn a_path_is_a_shortest_one(
            edges in prop::collection::vec((0_u32..8, 0_u32..8), 0..30),
        ) {
            let graph = Adjacency::new(8, edges);
            let components = Components::of(&graph);
            let mut far = vec![[99_usize; 8]; 8];
            for (from, to) in graph.edges().filter(|(from, to)| components.same(*from, *to)) {
                far[from as usize][to as usize] = 1;
            }
            for over in 0..8 {
                for from in 0..8 {
                    for to in 0..8 {
                        far[from][to] = far[from][to].min(far[from][over] + far[over][to]);
                    }
                }
            }
            let mut paths = Paths::new(&graph, &components);
            for (from, row) in (0_u32..).zip(&far) {
                for (to, steps) in (0_u32..).zip(row).filter(|(to, _)| *to != from) {
                    let found = paths.shortest(from, to);
                    match found {
                        None => prop_assert!(*steps >= 99),
                        Some(nodes) => prop_assert_eq!(nodes.len(), steps + 1),
                    }
                }
            }
        }
    }
}

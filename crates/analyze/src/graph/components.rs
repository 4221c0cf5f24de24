//! Strongly connected components: sets of nodes each of which leads to every other.
//!
//! Tarjan's algorithm in one pass over the edges, with a stack of its own instead of recursion: a
//! chain of units can be as long as there are units.

use super::adjacency::Adjacency;

/// Marks a node that was not reached yet, and one that is in no component.
const NONE: u32 = u32::MAX;

/// The components of two and more nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Components {
    /// Nodes of each, ascending; by first node.
    pub(super) all: Vec<Vec<u32>>,
    /// Number of the component of each node, `NONE` for one in none.
    of_node: Vec<u32>,
}

impl Components {
    /// Whether both nodes are in one component.
    pub(super) fn same(&self, a: u32, b: u32) -> bool {
        match (self.of_node.get(a as usize), self.of_node.get(b as usize)) {
            (Some(a), Some(b)) => *a != NONE && a == b,
            _ => false,
        }
    }

    /// Finds them.
    pub(super) fn of(graph: &Adjacency) -> Self {
        let mut search = Search::new(graph);
        for root in (0..).take(graph.nodes()) {
            search.from(root);
        }
        let mut all = search.found;
        for component in &mut all {
            component.sort_unstable();
        }
        all.sort_unstable();
        let mut of_node = vec![NONE; graph.nodes()];
        for (number, component) in (0..).zip(&all) {
            for node in component {
                if let Some(slot) = of_node.get_mut(*node as usize) {
                    *slot = number;
                }
            }
        }
        Self { all, of_node }
    }
}

struct Search<'a> {
    graph: &'a Adjacency,
    /// When each node was reached.
    index: Vec<u32>,
    /// The earliest node that each leads back to.
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<u32>,
    /// The way from the root: node, and how many of its edges were followed.
    path: Vec<(u32, usize)>,
    reached: u32,
    found: Vec<Vec<u32>>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Adjacency) -> Self {
        let nodes = graph.nodes();
        Self {
            graph,
            index: vec![NONE; nodes],
            low: vec![NONE; nodes],
            on_stack: vec![false; nodes],
            stack: Vec::new(),
            path: Vec::new(),
            reached: 0,
            found: Vec::new(),
        }
    }

    fn from(&mut self, root: u32) {
        if get(&self.index, root) == NONE {
            self.enter(root);
        }
        while let Some((node, followed)) = self.path.last_mut() {
            let node = *node;
            if let Some(next) = self.graph.of(node).get(*followed).copied() {
                *followed += 1;
                if get(&self.index, next) == NONE {
                    self.enter(next);
                } else if self.on_stack.get(next as usize).copied().unwrap_or(false) {
                    lower(&mut self.low, node, get(&self.index, next));
                }
                continue;
            }
            self.path.pop();
            let low = get(&self.low, node);
            if let Some((above, _)) = self.path.last() {
                lower(&mut self.low, *above, low);
            }
            if low == get(&self.index, node) {
                self.close(node);
            }
        }
    }

    fn enter(&mut self, node: u32) {
        let at = node as usize;
        for slot in [self.index.get_mut(at), self.low.get_mut(at)].into_iter().flatten() {
            *slot = self.reached;
        }
        if let Some(slot) = self.on_stack.get_mut(at) {
            *slot = true;
        }
        self.reached += 1;
        self.stack.push(node);
        self.path.push((node, 0));
    }

    /// Takes the component that `first` was the first of from the stack.
    fn close(&mut self, first: u32) {
        let begin = self.stack.iter().rposition(|node| *node == first).unwrap_or_default();
        let component = self.stack.split_off(begin);
        for node in &component {
            if let Some(slot) = self.on_stack.get_mut(*node as usize) {
                *slot = false;
            }
        }
        if component.len() > 1 {
            self.found.push(component);
        }
    }
}

fn get(values: &[u32], node: u32) -> u32 {
    values.get(node as usize).copied().unwrap_or(NONE)
}

fn lower(low: &mut [u32], node: u32, to: u32) {
    if let Some(low) = low.get_mut(node as usize) {
        *low = (*low).min(to);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn components(nodes: usize, edges: &[(u32, u32)]) -> Vec<Vec<u32>> {
        Components::of(&Adjacency::new(nodes, edges.to_vec())).all
    }

    #[test]
    fn rings_are_components_and_chains_are_not() {
        assert_eq!(components(3, &[(0, 1), (1, 2)]), [[0_u32; 0]; 0]);
        assert_eq!(components(3, &[(0, 1), (1, 0), (1, 2), (2, 2)]), [[0, 1]]);
        let two = [(4, 5), (5, 4), (0, 1), (1, 2), (2, 0), (2, 4)];
        assert_eq!(components(6, &two), [vec![0, 1, 2], vec![4, 5]]);
        let shared = [(0, 1), (1, 0), (1, 2), (2, 1)];
        assert_eq!(components(3, &shared), [[0, 1, 2]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack_of_the_thread() {
        let nodes = 200_000;
        let mut edges: Vec<(u32, u32)> = (1..nodes).map(|node| (node - 1, node)).collect();
        assert_eq!(components(nodes as usize, &edges), [[0_u32; 0]; 0]);
        edges.push((nodes - 1, 0));
        assert_eq!(components(nodes as usize, &edges)[0].len(), nodes as usize);
    }

    proptest! {
        #[test]
        fn two_nodes_are_together_if_each_leads_to_the_other(
            edges in prop::collection::vec((0_u32..9, 0_u32..9), 0..30),
        ) {
            let graph = Adjacency::new(9, edges);
            let mut leads = [[false; 9]; 9];
            for (from, to) in graph.edges() {
                leads[from as usize][to as usize] = true;
            }
            for over in 0..9 {
                for from in 0..9 {
                    for to in 0..9 {
                        leads[from][to] |= leads[from][over] && leads[over][to];
                    }
                }
            }
            let found = Components::of(&graph);
            for (a, row) in (0_u32..).zip(&leads) {
                for (b, back) in (0_u32..).zip(&leads) {
                    let together = a != b && row[b as usize] && back[a as usize];
                    prop_assert_eq!(a != b && found.same(a, b), together);
                }
            }
            prop_assert!(found.all.iter().all(|component| component.len() > 1));
        }
    }
}

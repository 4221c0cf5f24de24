//! A directed graph of numbers, packed: who waits for whom.

/// Out-edges of each node, ascending, without repetition and without edges to itself.
///
/// An edge goes from a unit to one it is ordered after. systemd refuses an edge from a unit to
/// itself (`unit_add_dependency()`), so there is none here either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Adjacency {
    /// Where the edges of each node begin; one more than there are nodes.
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Adjacency {
    /// The graph of `edges` among `nodes` nodes; those from or to others are left out.
    pub(super) fn new(nodes: usize, mut edges: Vec<(u32, u32)>) -> Self {
        edges.retain(|(from, to)| from != to && (*from as usize) < nodes && (*to as usize) < nodes);
        edges.sort_unstable();
        edges.dedup();
        let mut starts = Vec::with_capacity(nodes + 1);
        let mut ahead = edges.iter().peekable();
        let mut count = 0;
        for node in 0..nodes {
            starts.push(count);
            while ahead.next_if(|(from, _)| *from as usize == node).is_some() {
                count += 1;
            }
        }
        starts.push(count);
        Self { starts, targets: edges.into_iter().map(|(_, to)| to).collect() }
    }

    /// The same with every edge turned round.
    pub(super) fn reversed(&self) -> Self {
        Self::new(self.nodes(), self.edges().map(|(from, to)| (to, from)).collect())
    }

    /// How many nodes.
    pub(super) fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many edges.
    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Where the edges of `node` lead to.
    pub(super) fn of(&self, node: u32) -> &[u32] {
        let node = node as usize;
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(start), Some(end)) => {
                self.targets.get(*start as usize..*end as usize).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// The place of an edge among all, if it is there.
    pub(super) fn place(&self, from: u32, to: u32) -> Option<usize> {
        let start = *self.starts.get(from as usize)? as usize;
        self.of(from).binary_search(&to).ok().map(|at| start + at)
    }

    /// Every edge, ascending.
    pub(super) fn edges(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..).take(self.nodes()).flat_map(|from| self.of(from).iter().map(move |to| (from, *to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_kept_once_and_in_order() {
        let graph = Adjacency::new(4, vec![(3, 0), (1, 2), (1, 0), (1, 2), (2, 2), (1, 9), (9, 1)]);
        assert_eq!(graph.edges().collect::<Vec<_>>(), [(1, 0), (1, 2), (3, 0)]);
        assert_eq!((graph.nodes(), graph.len()), (4, 3));
        assert_eq!(
            (graph.place(1, 2), graph.place(3, 0), graph.place(0, 1)),
            (Some(1), Some(2), None)
        );
        assert_eq!(graph.reversed().of(0), [1, 3]);
        assert_eq!(graph.of(7), [0_u32; 0]);
    }

    #[test]
    fn an_empty_graph_has_nothing() {
        let graph = Adjacency::new(0, vec![(0, 0)]);
        assert_eq!((graph.nodes(), graph.len(), graph.edges().count()), (0, 0, 0));
    }
}

//! CPU time of the full ordering graph of a large host: 5,000 units with 60,000 edges.
//!
//! Without a ring, with a few, and with what costs most: one component of a few hundred units that are
//! ordered in all directions, and one of all units in which every ring is long.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sysdiag_analyze::graph;
use sysdiag_model::snapshot::{
    Clock, FORMAT, Host, Ordering, Snapshot, UnitFiles, UnitLine, UnitOrigin, not_traced,
};
use sysdiag_model::{Gap, Probe, Timestamp, UnitName, Why};

const UNITS: usize = 5_000;
const EDGES: usize = 60_000;
/// As many as are asked where their edges come from.
const MOST_ORIGINS: usize = 500;

/// Ordered pairs of units by number: the first is after the second.
type Edges = BTreeSet<(usize, usize)>;

fn name(unit: usize) -> UnitName {
    UnitName::from(format!("organisation-application-{unit:04}.service").as_str())
}

/// The next number of a fixed sequence (Knuth, MMIX), below `limit`.
fn next(seed: &mut u64, limit: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap_or_default() % limit
}

/// Each unit is after lower ones only.
fn acyclic(mut edges: Edges) -> Edges {
    let mut seed = 1;
    while edges.len() < EDGES {
        let (a, b) = (next(&mut seed, UNITS), next(&mut seed, UNITS));
        if a != b {
            edges.insert((a.max(b), a.min(b)));
        }
    }
    edges
}

/// One ring of `units` in a row, the first of them after the last.
fn ring(first: usize, units: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..units).map(move |unit| (first + (unit + 1) % units, first + unit))
}

/// Rings of 50, 2, 3, 4 and 5, the last two with a unit in common, and nothing else that closes one.
fn few_rings() -> Edges {
    let mut edges: Edges =
        acyclic(Edges::new()).into_iter().filter(|(from, to)| from / 100 != to / 100).collect();
    for (first, units) in [(1_000, 50), (2_000, 2), (2_100, 3), (3_000, 4), (3_003, 5)] {
        edges.extend(ring(first, units));
    }
    edges
}

/// 300 units, each after a hundred others of them, among an order of the rest.
fn knot() -> Edges {
    let (mut edges, mut seed) = (Edges::new(), 2);
    while edges.len() < 30_000 {
        let (a, b) = (next(&mut seed, 300), next(&mut seed, 300));
        if a != b {
            edges.insert((a, b));
        }
    }
    acyclic(edges)
}

/// All units in one ring, and each after the `reach` before it: no ring is shorter than `UNITS / reach`.
fn long_rings(reach: usize) -> Edges {
    let each = |unit| (1..=reach).map(move |step| (unit, (unit + UNITS - step) % UNITS));
    (0..UNITS).flat_map(each).collect()
}

fn host(edges: &Edges) -> Snapshot {
    let mut after: BTreeMap<UnitName, Vec<UnitName>> =
        (0..UNITS).map(|unit| (name(unit), Vec::new())).collect();
    for (from, to) in edges {
        after.entry(name(*from)).or_default().push(name(*to));
    }
    let on_both_sides: BTreeSet<usize> = edges
        .iter()
        .filter(|(from, to)| to > from)
        .flat_map(|(from, to)| [*from, *to])
        .take(MOST_ORIGINS)
        .collect();
    let origins = on_both_sides.into_iter().map(|unit| {
        let lines = after.get(&name(unit)).into_iter().flatten().map(|other| UnitLine {
            directive: "After".to_owned(),
            value: other.to_string(),
            file: format!("/etc/systemd/system/{}", name(unit)),
            line: Some(2),
        });
        let lines = Some(lines.collect());
        (name(unit), UnitOrigin { names: vec![name(unit)], lines, ..UnitOrigin::default() })
    });
    let origins = origins.collect();
    let not_read = |what| Gap::new(what, Why::Disabled, "not needed here");
    Snapshot {
        format: FORMAT,
        program_version: "0.0.0".to_owned(),
        clock: Clock {
            realtime: Timestamp::from_usec(1_790_000_000_000_000),
            monotonic_usec: 3_600_000_000,
            boottime_usec: 3_600_000_000,
        },
        host: Host {
            hostname: Probe::Unknown(not_read("host name")),
            boot_id: Probe::Unknown(not_read("boot id")),
            os: Probe::Unknown(not_read("os-release")),
            kernel_release: Probe::Unknown(not_read("kernel release")),
            architecture: Probe::Unknown(not_read("architecture")),
            init_name: Probe::Unknown(not_read("init")),
            collector_uid: 0,
            missing_tools: Vec::new(),
        },
        systemd: Probe::Unknown(not_read("systemd")),
        cgroups: Probe::Unknown(not_read("cgroups")),
        system: Probe::Unknown(not_read("system")),
        processes: Probe::Unknown(not_read("processes")),
        journal: Probe::Unknown(not_read("journal")),
        unit_files: Probe::Known(UnitFiles::default()),
        ordering: Probe::Known(Ordering { after, origins }),
        trace: not_traced(),
        timings: Vec::new(),
    }
}

fn bench(criterion: &mut Criterion) {
    for (title, edges, rings) in [
        ("no ring", acyclic(Edges::new()), 0..=0),
        ("rings of 50, 2, 3, 4 and 5", few_rings(), 5..=5),
        ("300 units in a knot", knot(), 2..=usize::MAX),
        ("5,000 units in rings of 417", long_rings(12), 2..=usize::MAX),
        ("5,000 units in rings of 833", long_rings(6), 2..=usize::MAX),
        ("5,000 units in rings of 2,500", long_rings(2), 2..=usize::MAX),
    ] {
        let snapshot = host(&edges);
        let found = graph::analyze(&snapshot).map_or(0, |graph| graph.cycles.len());
        assert!(rings.contains(&found), "the graph must be what the title says: {found} rings");
        criterion.bench_function(title, |bencher| {
            bencher.iter(|| graph::analyze(black_box(&snapshot)));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);

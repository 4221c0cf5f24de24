//! Ordering cycles: one edge a line, aligned, with the file that adds it at the right.

use sysdiag_model::report::{
    BrokenOrderingCycle, CycleEdge, EdgeOrigin, FullDependencyAnalysis, OrderingCycle,
};
use sysdiag_model::{Report, UnitName};

use super::colors::Role;
use super::words::{and_more, number, relative};
use super::{Line, Page, section, wrap};

/// Cycles, and edges or units of each, that are shown without `-v`.
const MOST_CYCLES: usize = 5;
const MOST_EDGES: usize = 10;
const MOST_UNITS: usize = 6;
/// Lines of a remark.
const MOST_LINES: usize = 3;
/// Columns that what belongs to a cycle stands further in.
const INDENT: usize = 2;
/// Between the two units of an edge.
const AFTER: &str = "after ";

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(graph) = &report.full_dependency_analysis else { return Vec::new() };
    let mut lines = vec![head(graph)];
    // Those without an edge of their own to take away are variants of one that is shown.
    let telling: Vec<&OrderingCycle> =
        graph.cycles.iter().filter(|cycle| page.verbose || cycle.cut.is_some()).collect();
    let most = if page.verbose { usize::MAX } else { MOST_CYCLES };
    lines.extend(telling.iter().take(most).flat_map(|cycle| one(cycle, page)));
    let left_out = graph.cycles.len() - telling.len().min(most);
    if left_out > 0 {
        let cycles = if left_out == 1 { "cycle" } else { "cycles" };
        let text = format!("and {left_out} more {cycles} (-v shows all)");
        lines.push(Line::new().role(Role::Faint, &text));
    }
    if graph.edges_not_shown > 0 {
        let text = format!("{} more edges are on cycles not listed", number(graph.edges_not_shown));
        lines.push(Line::new().role(Role::Faint, &text));
    }
    let earlier = graph.broken_at_boot.len().saturating_sub(most);
    if earlier > 0 {
        let text = format!("{earlier} earlier jobs were dropped (-v shows all)");
        lines.push(Line::new().role(Role::Faint, &text));
    }
    let last = graph.broken_at_boot.iter().skip(earlier);
    lines.extend(last.flat_map(|cycle| broke(cycle, report, page)));
    section("Ordering", lines)
}

/// `no cycles among 176 units and 565 ordering edges`.
fn head(graph: &FullDependencyAnalysis) -> Line {
    let of = format!(" among {} units and {} edges", number(graph.units), number(graph.edges));
    match graph.cycles.len() {
        0 => Line::new().text("no cycles").role(Role::Faint, &of),
        1 => Line::new().role(Role::Warning, "1 cycle").role(Role::Faint, &of),
        count => Line::new()
            .role(Role::Warning, &format!("{} cycles", number(count as u64)))
            .role(Role::Faint, &of),
    }
}

fn one(cycle: &OrderingCycle, page: &Page) -> Vec<Line> {
    let room = page.room().saturating_sub(INDENT);
    let most = if page.verbose { usize::MAX } else { MOST_EDGES };
    let size = cycle.units.len();
    let mut lines = vec![
        Line::new()
            .role(Role::Subject, cycle.units.first().map_or("", |unit| unit.as_str()))
            .role(Role::Faint, &format!("  {size} units in a ring")),
    ];
    let remark = match &cycle.conflict {
        Some((one, other)) => Some(format!("harmless: {one} and {other} exclude each other")),
        None if cycle.cut.is_none() => Some("an edge of a ring above closes it".to_owned()),
        None => None,
    };
    if let Some(remark) = remark {
        lines.extend(indented(wrap(Role::Faint, &remark, room, MOST_LINES)));
    }
    let shown: Vec<&CycleEdge> = cycle.edges.iter().take(most).collect();
    let widest = |name: fn(&CycleEdge) -> &UnitName| {
        let widths = shown.iter().map(|edge| Line::new().text(name(edge).as_str()).width());
        widths.max().unwrap_or_default().min(room / 2 - AFTER.len())
    };
    let (from, to) = (widest(|edge| &edge.from), widest(|edge| &edge.to));
    let column = from + 1 + AFTER.len() + to + 2;
    // Beside the names where there is room for all, else below them: one line may be longer then.
    let beside = shown.iter().all(|edge| column + place(edge).width() <= room);
    for edge in &shown {
        let names = Line::new()
            .line(Line::new().text(edge.from.as_str()).cut(from))
            .at(from + 1)
            .role(Role::Faint, AFTER)
            .line(Line::new().text(edge.to.as_str()).cut(to));
        let place = place(edge);
        if beside {
            lines.push(Line::new().at(INDENT).line(names.at(column)).line(place));
        } else {
            lines.push(Line::new().at(INDENT).line(names));
            lines.push(Line::new().at(3 * INDENT).line(place));
        }
    }
    if let Some(more) = and_more(cycle.edges.len(), most) {
        let text = format!("and {more} edges (-v shows all)");
        lines.push(Line::new().at(INDENT).role(Role::Faint, &text));
    }
    lines
}

fn indented(lines: Vec<Line>) -> impl Iterator<Item = Line> {
    lines.into_iter().map(|line| Line::new().at(INDENT).line(line))
}

/// `/etc/systemd/system/a.service:3`, or why the edge is there without a line that says so.
fn place(edge: &CycleEdge) -> Line {
    let file = edge.source_file.as_deref().map(|file| match edge.source_line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    });
    let kind = match edge.origin {
        EdgeOrigin::File => return Line::new().text(&file.unwrap_or_default()),
        EdgeOrigin::Default => "default dependency",
        EdgeOrigin::Implicit => "implicit dependency",
        EdgeOrigin::Unknown => "from no line of a file",
    };
    let line = Line::new().role(Role::Faint, kind);
    match (file, &edge.declaration) {
        (Some(file), Some(declaration)) => {
            line.role(Role::Faint, &format!(" by {declaration} ")).text(&file)
        }
        _ => line,
    }
}

/// `systemd dropped b.service/start at boot: a.service, b.service and c.service`.
fn broke(cycle: &BrokenOrderingCycle, report: &Report, page: &Page) -> Vec<Line> {
    let when = if cycle.during_boot {
        "at boot".to_owned()
    } else {
        relative(cycle.time, report.timestamp)
    };
    let what = match (&cycle.dropped_unit, &cycle.dropped_job) {
        (Some(unit), Some(job)) => format!("systemd dropped {unit}/{job}"),
        (Some(unit), None) => format!("systemd dropped a job of {unit}"),
        (None, _) => "systemd refused to start units".to_owned(),
    };
    let most = if page.verbose { usize::MAX } else { MOST_UNITS };
    let units: Vec<&str> = cycle.units.iter().take(most).map(UnitName::as_str).collect();
    let more = and_more(cycle.units.len(), most).map(|more| format!(" and {more}"));
    let ring = format!("{}{}", units.join(", "), more.unwrap_or_default());
    let mut lines =
        wrap(Role::Plain, &format!("{what} {when}, for the ring"), page.room(), MOST_LINES);
    let room = page.room().saturating_sub(INDENT);
    lines.extend(indented(wrap(Role::Faint, &ring, room, usize::MAX)));
    lines
}

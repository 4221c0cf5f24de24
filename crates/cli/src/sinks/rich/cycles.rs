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
        if beside {
            lines.push(Line::new().at(INDENT).line(names.at(column)).line(place(edge)));
            continue;
        }
        lines.push(Line::new().at(INDENT).line(names));
        let room = room.saturating_sub(2 * INDENT);
        let whole = place(edge);
        // A file that is cut is no use: what is said of it goes to a line of its own.
        let parts =
            if whole.width() <= room { [Some(whole), None] } else { [file(edge), kind(edge)] };
        lines.extend(parts.into_iter().flatten().map(|part| Line::new().at(3 * INDENT).line(part)));
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

/// `/etc/systemd/system/a.service:3`, and what kind of edge it is if that line does not say it.
fn place(edge: &CycleEdge) -> Line {
    let parts = [file(edge), kind(edge)].into_iter().flatten();
    parts.reduce(|file, remark| file.text("  ").line(remark)).unwrap_or_default()
}

fn file(edge: &CycleEdge) -> Option<Line> {
    let file = edge.source_file.as_deref()?;
    Some(match edge.source_line {
        Some(line) => Line::new().text(&format!("{file}:{line}")),
        None => Line::new().text(file),
    })
}

/// `implicit dependency by Service=a.service`.
fn kind(edge: &CycleEdge) -> Option<Line> {
    let name = match edge.origin {
        EdgeOrigin::File => return None,
        EdgeOrigin::Default => "default dependency",
        EdgeOrigin::Implicit => "implicit dependency",
        EdgeOrigin::Unknown => "from no line of a file",
    };
    let by = edge.declaration.as_ref().filter(|_| edge.source_file.is_some());
    let by = by.map(|declaration| format!(" by {declaration}")).unwrap_or_default();
    Some(Line::new().role(Role::Faint, &format!("{name}{by}")))
}

/// `systemd dropped b.service/start at boot for this ring`, and its units.
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
        wrap(Role::Plain, &format!("{what} {when} for this ring"), page.room(), MOST_LINES);
    let room = page.room().saturating_sub(INDENT);
    lines.extend(indented(wrap(Role::Faint, &ring, room, usize::MAX)));
    lines
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Timestamp;

    use super::*;
    use crate::sinks::fixtures::healthy;
    use crate::sinks::{Format, View, write};

    fn edge(from: &str, to: &str, origin: EdgeOrigin, by: Option<(&str, u64, &str)>) -> CycleEdge {
        let why = "a socket is before the service it activates (systemd.socket(5))";
        CycleEdge {
            from: from.into(),
            to: to.into(),
            edge_type: "After".to_owned(),
            requirements: Vec::new(),
            origin,
            source_file: by.map(|(file, _, _)| file.to_owned()),
            source_line: by.map(|(_, line, _)| line),
            declaration: by.map(|(_, _, declaration)| declaration.to_owned()),
            reason: (origin != EdgeOrigin::File).then(|| why.to_owned()),
        }
    }

    fn cycle(component: u64, edges: Vec<CycleEdge>) -> OrderingCycle {
        let units = edges.iter().map(|edge| edge.from.clone()).collect();
        let (cut, cut_breaks) = (Some(0), Some(1));
        OrderingCycle { units, edges, component, cut, cut_breaks, conflict: None }
    }

    /// A ring of two, one of three through a drop-in and a default dependency, one that a socket
    /// closes by itself, and two that systemd broke.
    fn rings() -> Report {
        use EdgeOrigin::{Default, File, Implicit, Unknown};
        let etc = |name: &str| format!("/etc/systemd/system/{name}");
        let dropped = |unit: Option<&str>, units: &[&str], seconds: u64, during_boot| {
            let time: Timestamp = "2026-11-23T02:40:11.500000Z".parse().unwrap();
            BrokenOrderingCycle {
                time: time.minus_usec(seconds * 1_000_000),
                units: units.iter().map(|unit| (*unit).into()).collect(),
                whole: true,
                dropped_unit: unit.map(Into::into),
                dropped_job: unit.map(|_| "start".to_owned()),
                during_boot,
            }
        };
        let (a, b) = ("cache.service", "database.service");
        let two = vec![
            edge(a, b, File, Some((&etc(a), 4, "After=database.service"))),
            edge(b, a, File, Some((&etc(b), 3, "After=cache.service"))),
        ];
        let (early, drop_in) =
            ("mount-secrets.service", etc("mount-secrets.service.d/50-order.conf"));
        let three = vec![
            edge(
                "basic.target",
                "sysinit.target",
                File,
                Some(("/usr/lib/systemd/system/basic.target", 13, "After=sysinit.target")),
            ),
            edge(early, "basic.target", Default, None),
            edge("sysinit.target", early, File, Some((&drop_in, 2, "Before=sysinit.target"))),
        ];
        let (socket, service) = ("report-generator.socket", "report-generator.service");
        let own = vec![
            edge(
                service,
                socket,
                Implicit,
                Some((&etc(socket), 6, "Service=report-generator.service")),
            ),
            edge(socket, service, Unknown, None),
        ];
        let mut report = healthy();
        report.full_dependency_analysis = Some(FullDependencyAnalysis {
            units: 412,
            edges: 2_961,
            components: 3,
            cycles: vec![cycle(1, two), cycle(2, three), cycle(3, own)],
            edges_not_shown: 0,
            broken_at_boot: vec![
                dropped(Some(early), &["basic.target", early, "sysinit.target"], 4_000, true),
                dropped(None, &[service, socket], 90, false),
            ],
        });
        report
    }

    #[test]
    fn rings_with_their_files() {
        let shown = |width, verbose| {
            let mut out = Vec::new();
            let view = View::new(width).verbose(verbose);
            write(Format::Rich, &rings(), &mut out, &view).unwrap();
            let out = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
            let section = out.split("\nOrdering").nth(1).unwrap().to_owned();
            // Lines of the section are indented.
            let lines = section.lines().take_while(|line| line.starts_with(' ') || line.is_empty());
            format!("Ordering{}", lines.collect::<Vec<_>>().join("\n").trim_end())
        };
        insta::assert_snapshot!("ordering-80", shown(80, 0));
        insta::assert_snapshot!("ordering-160", shown(160, 0));
        insta::assert_snapshot!("ordering-verbose", shown(100, 1));
    }
}

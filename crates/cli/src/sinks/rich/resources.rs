//! What the host and its units use.

use sysdiag_analyze::{amount, resources};
use sysdiag_model::Report;
use sysdiag_model::report::{
    DiskUsage, FileSystemUsage, NetworkUsage, ResourceAnalysis, SystemUsage, UnitUsage,
};

use super::colors::Role;
use super::table::{beside, share, table};
use super::usage::{cpu_time, percent, pressure, rate};
use super::{Focus, Line, Page, section};

/// From this width on the tables of top units stand beside each other.
const WIDE: usize = 120;
/// Units of a table in an overview, beside each other and below each other.
const MOST_BESIDE: usize = 5;
const MOST_BELOW: usize = 3;
/// A file system is worth a line in an overview from this share on; rules judge, this only shows.
const FULL_PERCENT: f64 = 80.0;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(resources) = &report.resource_analysis else { return Vec::new() };
    let in_full = page.most(Focus::Resources, 0) > 0;
    let mut lines = Vec::new();
    if let Some(system) = &resources.system_usage {
        lines.extend(host(system, page, in_full));
    }
    lines.extend(tops(resources, page));
    if lines.is_empty() {
        return Vec::new();
    }
    section("Resources", lines)
}

/// `cpu 12 %  memory 61 % of 31.2 GiB  swap 0  io some 2.1 %`, and more lines in full.
fn host(system: &SystemUsage, page: &Page, in_full: bool) -> Vec<Line> {
    let mut lines = flowed(summary(system), page.room());
    if in_full {
        lines.extend(flowed(pressures(system), page.room()));
    }
    let full = |fs: &&FileSystemUsage| {
        in_full || used_percent(fs).is_some_and(|used| used >= FULL_PERCENT)
    };
    let file_systems = system.file_systems.as_deref().unwrap_or_default();
    let rows: Vec<_> = file_systems.iter().filter(full).map(file_system).collect();
    lines.extend(table(rows, page.room().min(76)));
    if in_full {
        lines.extend(table(system.disks.iter().map(disk).collect(), page.room().min(76)));
        lines.extend(table(system.network.iter().map(network).collect(), page.room().min(76)));
    }
    lines
}

/// A label and its text; what is not known is left out.
fn summary(system: &SystemUsage) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    let mut add = |name, text: Option<String>| parts.extend(text.map(|text| (name, text)));
    add(
        "cpu",
        system.cpu_percent.map(|cpu| {
            let of = system.cpus_online.map_or_else(String::new, |cpus| {
                format!(" of {}", amount::count(cpus.into(), "CPU", "CPUs"))
            });
            format!("{}{of}", percent(cpu))
        }),
    );
    add("load", system.load_1min.map(|load| format!("{load:.2}")));
    add(
        "memory",
        system.memory_total_bytes.filter(|total| *total > 0).and_then(|total| {
            let used = system.memory_used_bytes?;
            let share = percent(100.0 * used as f64 / total as f64);
            Some(format!("{share} of {}", amount::bytes(total)))
        }),
    );
    add(
        "swap",
        system.swap_total_bytes.map(|total| match (total, system.swap_used_bytes) {
            (0, _) => "none".to_owned(),
            (_, Some(0)) => "0".to_owned(),
            (_, Some(used)) => format!("{} of {}", amount::bytes(used), amount::bytes(total)),
            (_, None) => format!("of {}", amount::bytes(total)),
        }),
    );
    add("io", system.io_pressure.as_ref().map(pressure));
    add(
        "iowait",
        system.io_pressure.is_none().then_some(system.iowait_percent).flatten().map(percent),
    );
    let steal = system.steal_percent.filter(|steal| *steal >= 0.05);
    add("steal", steal.map(percent));
    parts
}

/// What only the section in full says of the host.
fn pressures(system: &SystemUsage) -> Vec<(&'static str, String)> {
    let mut parts = Vec::new();
    let mut add = |name, text: Option<String>| parts.extend(text.map(|text| (name, text)));
    add("cpu pressure", system.cpu_pressure.as_ref().map(pressure));
    add("memory pressure", system.memory_pressure.as_ref().map(pressure));
    if let (Some(five), Some(fifteen)) = (system.load_5min, system.load_15min) {
        add("load over 5 and 15 min", Some(format!("{five:.2} {fifteen:.2}")));
    }
    if let (Some(used), Some(most)) = (system.file_handles_allocated, system.file_handles_max) {
        // On a 64-bit host the limit is the largest number there is.
        let of =
            if most >= i64::MAX.unsigned_abs() { String::new() } else { format!(" of {most}") };
        add("file handles", Some(format!("{used}{of}")));
    }
    add("processes", system.process_count.map(|count| count.to_string()));
    parts
}

/// Parts with two blanks between them, in as few lines as they fit in.
fn flowed(parts: Vec<(&'static str, String)>, room: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (name, text) in parts {
        let part = Line::new().role(Role::Faint, name).text(" ").text(&text);
        match lines.last_mut() {
            Some(line) if line.width() + 2 + part.width() <= room => {
                *line = std::mem::take(line).text("  ").line(part);
            }
            _ => lines.push(part),
        }
    }
    lines
}

/// Of space or of inodes, whichever there is less left of.
fn used_percent(fs: &FileSystemUsage) -> Option<f64> {
    let both = [resources::space_used_percent(fs), resources::inodes_used_percent(fs)];
    both.into_iter().flatten().reduce(f64::max)
}

fn file_system(fs: &FileSystemUsage) -> Vec<Line> {
    let used = used_percent(fs).map(|used| format!("{} full", percent(used)));
    let of = fs.total_bytes.map(|total| format!("of {}", amount::bytes(total)));
    let kind = if fs.read_only { format!("{}, read-only", fs.fs_type) } else { fs.fs_type.clone() };
    vec![
        Line::new().text(&fs.mount_point),
        Line::new().text(&used.unwrap_or_default()),
        Line::new().text(&of.unwrap_or_default()),
        Line::new().role(Role::Faint, &kind),
    ]
}

fn disk(disk: &DiskUsage) -> Vec<Line> {
    let or_blank = |text: Option<String>| Line::new().text(&text.unwrap_or_default());
    vec![
        Line::new().role(Role::Faint, "disk ").text(&disk.name),
        or_blank(disk.busy_percent.map(|busy| format!("{} busy", percent(busy)))),
        or_blank(disk.read_bytes_per_second.map(|value| format!("{} read", rate(value)))),
        or_blank(disk.write_bytes_per_second.map(|value| format!("{} written", rate(value)))),
    ]
}

fn network(network: &NetworkUsage) -> Vec<Line> {
    let or_blank = |text: Option<String>| Line::new().text(&text.unwrap_or_default());
    let errors = (network.errors > 0).then(|| format!("{} errors and drops", network.errors));
    vec![
        Line::new().role(Role::Faint, "net ").text(&network.name),
        or_blank(network.receive_bytes_per_second.map(|value| format!("{} in", rate(value)))),
        or_blank(network.transmit_bytes_per_second.map(|value| format!("{} out", rate(value)))),
        or_blank(errors),
    ]
}

/// The tables of top units: beside each other where there is room.
fn tops(resources: &ResourceAnalysis, page: &Page) -> Vec<Line> {
    let wide = page.width >= WIDE;
    let most = page.most(Focus::Resources, if wide { MOST_BESIDE } else { MOST_BELOW });
    let room = if wide { share(page.room(), 3) } else { page.room().min(76) };
    let mut tables = vec![
        top(["TOP CPU", "of 1 CPU", "CPU time"], resources.top_cpu_units.as_deref(), cpu_row),
        top(["TOP MEMORY", "now", "limit"], resources.top_memory_units.as_deref(), memory_row),
        top(["TOP I/O", "read", "written"], resources.top_io_units.as_deref(), io_row),
    ];
    tables.retain(|rows| !rows.is_empty());
    let tables: Vec<Vec<Line>> = tables
        .into_iter()
        .map(|rows| table(rows.into_iter().take(most.saturating_add(1)).collect(), room))
        .collect();
    if wide { beside(tables, room) } else { tables.concat() }
}

/// A heading and a row for each unit that has the figure.
fn top(
    heading: [&str; 3],
    units: Option<&[UnitUsage]>,
    figures: fn(&UnitUsage) -> Option<[Option<String>; 2]>,
) -> Vec<Vec<Line>> {
    let rows = units.unwrap_or_default().iter().filter_map(|unit| {
        let [first, second] = figures(unit)?.map(Option::unwrap_or_default);
        let name = Line::new().text(unit.name.as_str());
        Some(vec![name, Line::new().text(&first), Line::new().role(Role::Faint, &second)])
    });
    let mut rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        let [name, first, second] = heading;
        let faint = |text| Line::new().role(Role::Faint, text);
        rows.insert(0, vec![Line::new().role(Role::Heading, name), faint(first), faint(second)]);
    }
    rows
}

fn cpu_row(unit: &UnitUsage) -> Option<[Option<String>; 2]> {
    let total = unit.cpu_usage_usec.filter(|usec| *usec > 0)?;
    Some([unit.cpu_percent.map(percent), Some(cpu_time(total))])
}

fn memory_row(unit: &UnitUsage) -> Option<[Option<String>; 2]> {
    let now = unit.memory_current_bytes.filter(|bytes| *bytes > 0)?;
    Some([Some(amount::bytes(now)), unit.memory_max_bytes.map(amount::bytes)])
}

fn io_row(unit: &UnitUsage) -> Option<[Option<String>; 2]> {
    let both = [unit.io_read_bytes, unit.io_write_bytes];
    both.iter()
        .flatten()
        .any(|bytes| *bytes > 0)
        .then(|| both.map(|bytes| bytes.map(amount::bytes)))
}

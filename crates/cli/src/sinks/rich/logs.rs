//! What the logs say: kinds of known-bad messages, and lines as a journal shows them.

use sysdiag_model::report::LogPattern;
use sysdiag_model::snapshot::LogLine;
use sysdiag_model::{Report, Severity, UnitName};

use super::colors::Role;
use super::wordings::{WORDING, wordings};
use super::words::{and_more, number, relative, short_moment};
use super::{Focus, Line, Page, hanging, section};

/// Kinds that are shown in an overview.
const MOST_KINDS: usize = 5;
/// Kinds that findings and the health of units already tell of, one by one.
const OF_UNITS: [&str; 3] = ["sd.", "oom.", "proc.coredump"];
/// Where the message of a line begins that has no level.
const BELOW: usize = 15;
/// Where the message of a line begins.
const MESSAGE: usize = 23;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(logs) = &report.log_analysis else { return Vec::new() };
    let entries = logs.entries_analyzed;
    let bad = |pattern: &&LogPattern| pattern.severity.is_none_or(|is| is > Severity::Info);
    let text = format!(
        "{} {}, {}",
        number(entries),
        if entries == 1 { "entry" } else { "entries" },
        match logs.patterns.iter().filter(bad).count() {
            0 => "no message that is known to be bad".to_owned(),
            1 => "1 kind of message stands out".to_owned(),
            kinds => format!("{kinds} kinds of messages stand out"),
        }
    );
    let mut lines = vec![Line::new().text(&text)];
    let overview = page.most(Focus::Logs, 0) == 0;
    let told = |pattern: &LogPattern| {
        let of_unit = OF_UNITS.iter().any(|begin| pattern.pattern_key.starts_with(begin));
        overview && (report.health_analysis.is_some() && of_unit || !bad(&pattern))
    };
    let kinds: Vec<&LogPattern> = logs.patterns.iter().filter(|pattern| !told(pattern)).collect();
    let shown = kinds.get(..page.most(Focus::Logs, MOST_KINDS).min(kinds.len()));
    let shown = shown.unwrap_or_default();
    for pattern in shown {
        lines.push(kind(pattern, report));
        if overview {
            let last =
                pattern.examples.last().map(|example| Line::new().at(9).line(log_line(example)));
            lines.extend(last);
            continue;
        }
        let title = pattern.title.as_ref();
        lines.extend(title.map(|title| Line::new().at(9).role(Role::Faint, title)));
        for example in &pattern.examples {
            let example = below(example, page);
            lines.extend(example.into_iter().map(|line| Line::new().at(9).line(line)));
        }
    }
    if let Some(more) = and_more(logs.patterns.len(), shown.len()).filter(|_| overview) {
        let text = if shown.is_empty() {
            "sysdiag-analyzer analyze-logs shows all".to_owned()
        } else {
            format!("and {more} (sysdiag-analyzer analyze-logs)")
        };
        lines.push(Line::new().role(Role::Faint, &text));
    }
    lines.extend(wordings(logs, report, page));
    section("Logs", lines)
}

/// `ERR      12 ×  disk.blk_io  sda  last 4 min ago  postgresql.service`.
fn kind(pattern: &LogPattern, report: &Report) -> Line {
    let resources = match pattern.resources.as_slice() {
        [] => String::new(),
        [one] => format!("  {}", one.key),
        [first, rest @ ..] => format!("  {} and {} more", first.key, rest.len()),
    };
    let named =
        |unit: &UnitName| !pattern.resources.iter().any(|of| of.key.contains(unit.as_str()));
    let units: Vec<&UnitName> = pattern.units.iter().filter(|unit| named(unit)).collect();
    let units = units_of(&units);
    let role = pattern.severity.map_or_else(|| level_role(&pattern.level), Role::of);
    Line::new()
        .role(role, &pattern.level)
        .at(9)
        .text(&format!("{} ×  {}{resources}", number(pattern.count), pattern.pattern_key))
        .role(Role::Faint, &format!("  last {}", relative(pattern.last, report.timestamp)))
        .text(&units)
}

/// `  postgresql.service and 2 more`; nothing if there is none.
pub(super) fn units_of(units: &[&UnitName]) -> String {
    match units {
        [] => String::new(),
        [unit] => format!("  {unit}"),
        [unit, rest @ ..] => format!("  {unit} and {} more", rest.len()),
    }
}

/// `11-23 02:36:01 postgres[812]: message`, in one line; the level stands above it.
pub(super) fn log_line(line: &LogLine) -> Line {
    Line::new()
        .role(Role::Faint, &short_moment(line.time))
        .text(" ")
        .role(Role::Faint, &sender(line))
        .text(&line.message)
}

/// The same in as many lines as it takes, three without `-v`.
pub(super) fn below(line: &LogLine, page: &Page) -> Vec<Line> {
    let most = if page.verbose { usize::MAX } else { 3 };
    let time = Line::new().role(Role::Faint, &short_moment(line.time)).at(BELOW);
    let text = format!("{}{}", sender(line), line.message);
    hanging(&time, &text, BELOW, page.room().saturating_sub(WORDING), most)
}

/// `11-23 02:36:01 ERR     postgres[812]: message`, in as many lines as it takes, three without `-v`.
pub(super) fn log_lines(line: &LogLine, room: usize, page: &Page) -> Vec<Line> {
    let most = if page.verbose { usize::MAX } else { 3 };
    let text = format!("{}{}", sender(line), line.message);
    hanging(&prefix(line), &text, MESSAGE, room, most)
}

fn prefix(line: &LogLine) -> Line {
    let level = line.level.as_deref().unwrap_or_default();
    Line::new()
        .role(Role::Faint, &short_moment(line.time))
        .text(" ")
        .role(level_role(level), level)
        .at(MESSAGE)
}

fn sender(line: &LogLine) -> String {
    match (line.identifier.as_deref(), line.pid) {
        (None, None) => String::new(),
        (Some(name), None) => format!("{name}: "),
        (name, Some(pid)) => format!("{}[{pid}]: ", name.unwrap_or_default()),
    }
}

pub(super) fn level_role(level: &str) -> Role {
    match level {
        "EMERG" | "ALERT" | "CRIT" => Role::Critical,
        "ERR" | "ERROR" => Role::Error,
        "WARNING" => Role::Warning,
        _ => Role::Plain,
    }
}

//! What the logs say: kinds of known-bad messages, and lines as a journal shows them.

use sysdiag_model::Report;
use sysdiag_model::report::LogPattern;
use sysdiag_model::snapshot::LogLine;

use super::colors::Role;
use super::words::{and_more, number, relative, short_moment};
use super::{Focus, Line, Page, hanging, section};

/// Kinds that are shown in an overview.
const MOST_KINDS: usize = 5;
/// Kinds that findings and the health of units already tell of, one by one.
const OF_UNITS: [&str; 3] = ["start-failed", "unit-failed", "exec-failed"];
/// Where the message of a line begins.
const MESSAGE: usize = 23;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(logs) = &report.log_analysis else { return Vec::new() };
    let entries = logs.entries_analyzed;
    let kinds = logs.patterns.len();
    let text = format!(
        "{} {}, {}",
        number(entries),
        if entries == 1 { "entry" } else { "entries" },
        match kinds {
            0 => "no message that is known to be bad".to_owned(),
            1 => "1 kind of message stands out".to_owned(),
            _ => format!("{kinds} kinds of messages stand out"),
        }
    );
    let mut lines = vec![Line::new().text(&text)];
    let most = page.most(Focus::Logs, MOST_KINDS);
    let told = |pattern: &LogPattern| {
        report.health_analysis.is_some()
            && page.most(Focus::Logs, 0) == 0
            && OF_UNITS.contains(&pattern.pattern_key.as_str())
    };
    let shown: Vec<&LogPattern> =
        logs.patterns.iter().filter(|pattern| !told(pattern)).take(most).collect();
    for pattern in &shown {
        lines.push(kind(pattern, report));
        if page.most(Focus::Logs, 0) == 0 {
            let last =
                pattern.examples.last().map(|example| Line::new().at(9).line(log_line(example)));
            lines.extend(last);
            continue;
        }
        for example in &pattern.examples {
            let example = log_lines(example, page.room() - 9, page);
            lines.extend(example.into_iter().map(|line| Line::new().at(9).line(line)));
        }
    }
    if let Some(more) = and_more(kinds, shown.len()) {
        lines.push(
            Line::new().role(Role::Faint, &format!("and {more} (sysdiag-analyzer analyze-logs)")),
        );
    }
    section("Logs", lines)
}

/// `ERR      12 ×  kernel-oom  last 4 min ago  postgresql.service`.
fn kind(pattern: &LogPattern, report: &Report) -> Line {
    let units = match pattern.units.as_slice() {
        [] => String::new(),
        [unit] => format!("  {unit}"),
        [unit, rest @ ..] => format!("  {unit} and {} more", rest.len()),
    };
    Line::new()
        .role(level_role(&pattern.level), &pattern.level)
        .at(9)
        .text(&format!("{} ×  {}", number(pattern.count), pattern.pattern_key))
        .role(Role::Faint, &format!("  last {}", relative(pattern.last, report.timestamp)))
        .text(&units)
}

/// `11-23 02:36:01 postgres[812]: message`, in one line; the level stands above it.
fn log_line(line: &LogLine) -> Line {
    Line::new()
        .role(Role::Faint, &short_moment(line.time))
        .text(" ")
        .role(Role::Faint, &sender(line))
        .text(&line.message)
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

fn level_role(level: &str) -> Role {
    match level {
        "EMERG" | "ALERT" | "CRIT" => Role::Critical,
        "ERR" | "ERROR" => Role::Error,
        "WARNING" => Role::Warning,
        _ => Role::Plain,
    }
}

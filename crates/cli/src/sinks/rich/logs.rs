//! What the logs say: kinds of known-bad messages, and lines as a journal shows them.

use sysdiag_model::report::{LogAnalysis, LogPattern, LogSpike, LogVanished, LogWording};
use sysdiag_model::snapshot::LogLine;
use sysdiag_model::{Report, Severity, UnitName};

use super::colors::Role;
use super::words::{and_more, number, relative, short_moment};
use super::{Focus, Line, Page, hanging, section};

/// Kinds that are shown in an overview.
const MOST_KINDS: usize = 5;
/// Wordings of one list that are shown in an overview.
const MOST_WORDINGS: usize = 3;
/// Kinds that findings and the health of units already tell of, one by one.
const OF_UNITS: [&str; 3] = ["sd.", "oom.", "proc.coredump"];
/// Where the message of a line begins.
const MESSAGE: usize = 23;
/// Where the text of a wording begins.
const WORDING: usize = 9;

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
            let example = log_lines(example, page.room() - 9, page);
            lines.extend(example.into_iter().map(|line| Line::new().at(9).line(line)));
        }
    }
    if let Some(more) = and_more(logs.patterns.len(), shown.len()).filter(|_| overview) {
        lines.push(
            Line::new().role(Role::Faint, &format!("and {more} (sysdiag-analyzer analyze-logs)")),
        );
    }
    lines.extend(wordings(logs, page));
    section("Logs", lines)
}

/// What is different from earlier boots.
fn wordings(logs: &LogAnalysis, page: &Page) -> Vec<Line> {
    let Some(compared) = &logs.compared_with else { return Vec::new() };
    let (new, spikes, vanished, rare) = (
        logs.new_templates.as_deref().unwrap_or_default(),
        logs.spikes.as_deref().unwrap_or_default(),
        logs.vanished.as_deref().unwrap_or_default(),
        logs.rare.as_deref().unwrap_or_default(),
    );
    let parts = [
        (new.len(), "new"),
        (spikes.len(), "more than usual"),
        (vanished.len(), "gone"),
        (rare.len(), "rare"),
    ];
    let named: Vec<String> = parts
        .iter()
        .filter(|(many, _)| *many > 0)
        .map(|(many, name)| format!("{many} {name}"))
        .collect();
    let what = if named.is_empty() { "nothing unusual".to_owned() } else { named.join(", ") };
    let boots = if compared.boots == 1 {
        "the boot before".to_owned()
    } else {
        format!("{} earlier boots", compared.boots)
    };
    let mut lines = vec![Line::new().text(&format!("wordings against {boots}: {what}"))];
    let most = page.most(Focus::Logs, MOST_WORDINGS);
    let mut told = 0;
    let mut list = |name: &str, items: Vec<Line>| {
        told += items.len().min(most);
        let named = |line: Line| Line::new().role(Role::Faint, name).at(WORDING).line(line);
        lines.extend(items.into_iter().take(most).map(named));
    };
    list("new", new.iter().map(wording).collect());
    let spike = |spike: &LogSpike| {
        let when = spike.hours_ago.map_or_else(String::new, |hours| match hours {
            0 => " in the last hour".to_owned(),
            hours => format!(" in one hour, {hours} h ago"),
        });
        let often =
            format!("  {} ×{when}, {:.0} expected", number(spike.spike_count), spike.expected);
        text_of(&spike.wording.level, &spike.wording.sender, &spike.wording.text)
            .role(Role::Faint, &often)
    };
    list("more", spikes.iter().map(spike).collect());
    let gone = |gone: &LogVanished| {
        text_of(&gone.level, &gone.sender, &gone.text)
            .role(Role::Faint, &format!("  in {} of {} boots", gone.boots_with, gone.boots))
    };
    list("gone", vanished.iter().map(gone).collect());
    list("rare", rare.iter().map(|rare| wording(&rare.wording)).collect());
    let all = new.len() + spikes.len() + vanished.len() + rare.len();
    if let Some(more) = and_more(all, told) {
        lines.push(
            Line::new().role(Role::Faint, &format!("and {more} (sysdiag-analyzer analyze-logs)")),
        );
    }
    lines
}

/// `app: cannot reach <*>  12 ×`.
fn wording(wording: &LogWording) -> Line {
    let least = if wording.at_least { "at least " } else { "" };
    text_of(&wording.level, &wording.sender, &wording.text)
        .role(Role::Faint, &format!("  {least}{} ×", number(wording.count)))
}

fn text_of(level: &str, sender: &str, text: &str) -> Line {
    Line::new().role(level_role(level), sender).text(": ").text(text)
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
    let units = match units.as_slice() {
        [] => String::new(),
        [unit] => format!("  {unit}"),
        [unit, rest @ ..] => format!("  {unit} and {} more", rest.len()),
    };
    let role = pattern.severity.map_or_else(|| level_role(&pattern.level), Role::of);
    Line::new()
        .role(role, &pattern.level)
        .at(9)
        .text(&format!("{} ×  {}{resources}", number(pattern.count), pattern.pattern_key))
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

//! The page about one unit: what `systemctl status` says, what it uses, what it rests on.

use sysdiag_analyze::amount;
use sysdiag_model::report::{Dependency, UnitPage, UnitProcess, UnitTimer};
use sysdiag_model::{Report, Timestamp, UnitName};

use super::colors::Role;
use super::dependencies::edge;
use super::logs::log_lines;
use super::usage::{cpu_time, figures};
use super::words::{and_more, moment, relative, short_moment, since};
use super::{Line, Page, SECTION, below, hanging, section};

/// Where the sentence of an earlier finding begins, behind the time of its report.
const TITLE: usize = 16;
/// Processes and dependencies that are shown without `-v`.
const MOST: usize = 20;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(unit) = &report.unit_analysis else { return Vec::new() };
    let mut lines = vec![head(unit)];
    for (name, text) in facts(unit, report.timestamp) {
        let label = Line::new().role(Role::Heading, name);
        lines.extend(hanging(&label, &text, SECTION, page.width, usize::MAX));
    }
    let most = if page.verbose { usize::MAX } else { MOST };
    lines.extend(instances(unit, most));
    let processes = unit.processes.as_deref().unwrap_or_default();
    lines.extend(list("Processes", processes.len(), most, processes.iter().map(process)));
    lines.extend(depends_on(&unit.dependencies, most, page));
    let logs = unit.recent_logs.as_deref().unwrap_or_default();
    let logs: Vec<Line> = logs.iter().flat_map(|line| log_lines(line, page.room(), page)).collect();
    lines.extend(list("Log", logs.len(), usize::MAX, logs.into_iter()));
    lines.extend(history(unit, most, page));
    // Of a unit that is not loaded they are all there is.
    if page.verbose || unit.load_state == "not-loaded" {
        let (first, rest): (Vec<_>, Vec<_>) =
            unit.properties.iter().partition(|(name, _)| says_what_it_does(name));
        let properties = first
            .into_iter()
            .chain(rest)
            .map(|(name, value)| Line::new().role(Role::Faint, name).text("=").text(value));
        lines.extend(list("Properties", unit.properties.len(), most, properties));
    }
    lines
}

/// What can be why it does not work first; the order of the report otherwise. What waits for this
/// unit (`Before`) is no reason for anything, and for a slice it is half of the host: counted.
fn depends_on(all: &[Dependency], most: usize, page: &Page) -> Vec<Line> {
    let waits = |to: &&Dependency| !page.verbose && to.edge_type == "Before" && !to.problematic;
    let (waiting, rest): (Vec<_>, Vec<_>) = all.iter().partition(waits);
    let (bad, good): (Vec<_>, Vec<_>) = rest.into_iter().partition(|to| to.problematic);
    let count = bad.len() + good.len();
    let mut lines = list("Depends on", count, most, bad.into_iter().chain(good).map(edge));
    if !waiting.is_empty() {
        let text = amount::count(waiting.len() as u64, "unit", "units");
        let line = Line::new().text("Before").at(12).text(&text);
        let line = line.role(Role::Faint, "  (-v names them)");
        if lines.is_empty() {
            return list("Depends on", 1, 1, std::iter::once(line));
        }
        lines.push(below(line));
    }
    lines
}

/// `in 3 of the last 20 reports`, and what they said.
fn history(unit: &UnitPage, most: usize, page: &Page) -> Vec<Line> {
    let Some(history) = unit.history.as_ref().filter(|history| history.reports > 0) else {
        return Vec::new();
    };
    let reports = amount::count(history.reports, "report", "reports");
    let found = match history.reports_with_findings {
        0 => format!("nothing in the last {reports}"),
        some => format!("findings in {some} of the last {reports}"),
    };
    let past = history.findings.iter().take(most).flat_map(|past| {
        let label = Line::new().role(Role::Faint, &short_moment(past.timestamp));
        let most = if page.verbose { usize::MAX } else { 2 };
        hanging(&label, &past.title, TITLE, page.room(), most)
    });
    let lines: Vec<Line> = std::iter::once(Line::new().text(&found)).chain(past).collect();
    list("History", lines.len(), usize::MAX, lines.into_iter())
}

/// `nginx.service   A high performance web server`.
fn head(unit: &UnitPage) -> Line {
    let line = Line::new().role(Role::Subject, unit.name.as_str());
    match &unit.description {
        Some(description) if *description != unit.name.as_str() => {
            line.text("   ").text(description)
        }
        _ => line,
    }
}

fn facts(unit: &UnitPage, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(alias) = &unit.asked_as {
        facts.push(("Name", format!("{alias} is another name of {}", unit.name)));
    }
    let others: Vec<&str> = unit
        .aliases
        .iter()
        .filter(|alias| Some(*alias) != unit.asked_as.as_ref())
        .map(UnitName::as_str)
        .collect();
    if !others.is_empty() {
        facts.push(("Aliases", others.join(", ")));
    }
    let mut state = vec![state(unit)];
    // Of a unit that was never started there is no time, and no condition was looked at.
    let property = |name| unit.properties.get(name).map(String::as_str);
    if unit.active_state == "inactive"
        && property("ConditionResult") == Some("no")
        && property("ConditionTimestamp").is_some_and(|time| time != "0")
    {
        state.push("a condition was not met".to_owned());
    }
    state.extend(unit.since.map(|time| since(time, now)));
    let ended_well = unit.result.as_deref() == Some("success");
    state.extend(
        unit.result.as_ref().filter(|_| !ended_well).map(|result| format!("result {result}")),
    );
    state.extend(unit.exit_status.map(|status| format!("exit status {status}")));
    state.extend(unit.signal.clone());
    facts.push(("State", state.join(" · ")));
    let mut loaded = vec![load_state(unit).to_owned()];
    loaded.extend(unit.fragment_path.as_ref().map(|path| match &unit.fragment_target {
        Some(target) => format!("{path}, a link to {target}"),
        None => path.clone(),
    }));
    facts.push(("Loaded", loaded.join(" · ")));
    facts.extend(enabled(unit).map(|text| ("Enabled", text)));
    if !unit.drop_in_paths.is_empty() {
        facts.push(("Drop-ins", unit.drop_in_paths.join(", ")));
    }
    if let Some(timer) = &unit.timer {
        facts.push(("Timer", times(timer, now)));
    }
    if !unit.listens.is_empty() {
        let all = unit.listens.iter().map(|it| format!("{} ({})", it.address, it.kind));
        facts.push(("Listens", all.collect::<Vec<_>>().join(", ")));
    }
    if let Some(usec) = unit.activation_usec {
        facts.push(("Start", format!("took {}", sysdiag_analyze::timespan::format_msec(usec))));
    }
    facts.extend(unit.usage.iter().flat_map(figures));
    if let Some(usage) = &unit.usage {
        facts.push(("cgroup", usage.cgroup_path.clone()));
    }
    facts
}

/// `active (running)`.
fn state(unit: &UnitPage) -> String {
    match unit.instances.as_ref() {
        Some(_) => "a template: only its instances run".to_owned(),
        None => format!("{} ({})", unit.active_state, unit.sub_state),
    }
}

/// What a reader of a unit file looks for first.
fn says_what_it_does(property: &str) -> bool {
    const BEGIN: [&str; 3] = ["Exec", "Listen", "On"];
    const NAMES: [&str; 8] =
        ["Type", "User", "Group", "Restart", "What", "Where", "PathExists", "PathChanged"];
    NAMES.contains(&property) || BEGIN.iter().any(|begin| property.starts_with(begin))
}

fn load_state(unit: &UnitPage) -> &str {
    match unit.load_state.as_str() {
        "not-loaded" if unit.instances.is_some() => "on disk",
        "not-loaded" => "not loaded, read from disk",
        state => state,
    }
}

/// `enabled: multi-user.target wants it (/etc/systemd/system)`, and why it is not if it is not. None where nobody
/// looked.
fn enabled(unit: &UnitPage) -> Option<String> {
    let state = unit.unit_file_state.as_deref();
    let by = unit.enabled_by.iter().take(MOST).map(|link| {
        let verb = match link.edge_type.as_str() {
            "Requires" => "requires",
            "Upholds" => "upholds",
            _ => "wants",
        };
        let what = if link.unit == unit.name { "it" } else { link.unit.as_str() };
        // The link is in a folder with the name of who asks, in a directory of the search path.
        let place = link.path.rsplitn(3, '/').last().unwrap_or_default();
        format!("{} {verb} {what} ({place})", link.by)
    });
    let mut reasons: Vec<String> = by.collect();
    match (state, &unit.install) {
        (Some("masked" | "masked-runtime"), _) => {
            reasons.insert(0, "nothing can start it until it is unmasked".to_owned());
        }
        (Some("enabled" | "enabled-runtime"), _) if reasons.is_empty() => {
            // Links with other names count as well.
            let names: Vec<&str> = unit.aliases.iter().map(UnitName::as_str).collect();
            reasons
                .extend((!names.is_empty()).then(|| format!("by the link {}", names.join(", "))));
        }
        (Some("generated"), _) => {
            let source = unit.properties.get("SourcePath");
            reasons.extend(source.map(|source| format!("made from {source} at each reload")));
        }
        (Some("static"), _) => reasons.push("it has no [Install] to enable".to_owned()),
        (Some("disabled" | "indirect"), Some(install)) => {
            let would = install.iter().map(|(key, value)| format!("{key}={value}"));
            let would: Vec<String> = would.collect();
            reasons.push(format!("enabling would do {}", would.join(", ")));
        }
        _ => {}
    }
    match (state, reasons.is_empty()) {
        (Some(state), true) => Some(state.to_owned()),
        (Some(state), false) => Some(format!("{state}: {}", reasons.join("; "))),
        (None, true) => None,
        (None, false) => Some(reasons.join("; ")),
    }
}

/// `last 2026-11-23 02:36:00 UTC (4 min ago) · next ...`.
fn times(timer: &UnitTimer, now: Timestamp) -> String {
    let at = |time: Timestamp| format!("{} ({})", moment(time), relative(time, now));
    let last = timer
        .last_trigger
        .map_or_else(|| "not elapsed yet".to_owned(), |time| format!("last {}", at(time)));
    let next = timer
        .next_elapse
        .map_or_else(|| "no next time".to_owned(), |time| format!("next {}", at(time)));
    let starts = timer.unit.iter().map(|unit| format!("starts {unit}"));
    [last, next].into_iter().chain(starts).collect::<Vec<_>>().join(" · ")
}

/// The loaded instances of a template.
fn instances(unit: &UnitPage, most: usize) -> Vec<Line> {
    let Some(instances) = &unit.instances else { return Vec::new() };
    if instances.is_empty() {
        let none = Line::new().role(Role::Faint, "none is loaded");
        return list("Instances", 1, 1, std::iter::once(none));
    }
    let lines = instances.iter().map(|instance| {
        let role = if instance.active_state == "failed" { Role::Error } else { Role::Faint };
        let state = format!("{} ({})", instance.active_state, instance.sub_state);
        Line::new().text(instance.name.as_str()).text("  ").role(role, &state)
    });
    list("Instances", instances.len(), most, lines)
}

/// A section of one line each, cut to the width; nothing if there is none.
fn list(name: &str, count: usize, most: usize, lines: impl Iterator<Item = Line>) -> Vec<Line> {
    if count == 0 {
        return Vec::new();
    }
    let more = and_more(count, most)
        .map(|more| Line::new().role(Role::Faint, &format!("and {more} (-v shows all)")));
    let lines = lines.take(most).chain(more).collect();
    let mut section = section(name, lines);
    section.insert(0, Line::new());
    section
}

/// `   812  nginx: master process`, deeper ones further in.
fn process(process: &UnitProcess) -> Line {
    let indent = usize::try_from(process.depth).unwrap_or(usize::MAX).min(16);
    let memory = amount::bytes(process.memory_bytes);
    Line::new()
        .at(7usize.saturating_sub(process.pid.to_string().len()))
        .text(&process.pid.to_string())
        .text(&format!(" {} ", process.state))
        .role(Role::Faint, &format!("{memory:>9} {:>9}", cpu_time(process.cpu_usage_usec)))
        .text(&"  ".repeat(indent + 1))
        .text(&process.command)
}

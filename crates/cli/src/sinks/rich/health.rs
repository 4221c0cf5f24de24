//! Units that are not well: their names in an overview, all that is known of each in full.

use std::collections::BTreeSet;

use sysdiag_analyze::amount;
use sysdiag_model::report::{HealthAnalysis, SocketProblem, TimerProblem, UnitProblem};
use sysdiag_model::{Report, Timestamp};

use super::colors::Role;
use super::logs::log_lines;
use super::words::{and_more, number, relative, since};
use super::{Focus, Line, Page, SECTION, hanging, named, section};

/// Where the text of a list begins within the section.
const LIST: usize = 10;
/// Names of a list in an overview, and the lines they may take.
const MOST_NAMES: usize = 30;
const NAME_LINES: usize = 3;
/// Log lines of a unit that are shown without `-v`.
const MOST_LOGS: usize = 5;

/// One unit of a list, and what is said of it besides its state.
type Entry<'a> = (&'a UnitProblem, Option<String>);

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(health) = &report.health_analysis else { return Vec::new() };
    let lists = lists(health, report.timestamp);
    let mut lines = vec![named("Health", summary(report, health, &lists))];
    if page.focus != Focus::Health {
        for (name, list) in &lists {
            let names: Vec<String> =
                list.iter().map(|(unit, note)| overview_name(unit, note.as_deref())).collect();
            let label = Line::new().at(SECTION).role(Role::Heading, name);
            lines.extend(named_units(&label, &names, page));
        }
        return lines;
    }
    // A failed socket is in two lists; its log lines are shown once.
    let mut shown = BTreeSet::new();
    for (name, list) in &lists {
        lines.push(Line::new());
        let units = list.iter().flat_map(|(unit, note)| {
            let with_logs = shown.insert(&unit.name);
            in_full(unit, note.as_deref(), with_logs, report.timestamp, page)
        });
        lines.extend(section(name, units.collect()));
    }
    lines
}

/// As many names as there are lines for, and how many more there are.
fn named_units(label: &Line, names: &[String], page: &Page) -> Vec<Line> {
    let shown = |count: usize| {
        let some = names.get(..count).unwrap_or(names).join(", ");
        let text = match and_more(names.len(), count) {
            Some(more) => format!("{some} and {more}"),
            None => some,
        };
        hanging(label, &text, SECTION + LIST, page.width, usize::MAX)
    };
    let most = if page.verbose { names.len() } else { names.len().min(MOST_NAMES) };
    let fits = |lines: &Vec<Line>| page.verbose || lines.len() <= NAME_LINES;
    (1..=most).rev().map(shown).find(fits).unwrap_or_else(|| shown(1))
}

/// The lists that have something in them.
fn lists(health: &HealthAnalysis, now: Timestamp) -> Vec<(&'static str, Vec<Entry<'_>>)> {
    fn plain(units: &[UnitProblem]) -> Vec<Entry<'_>> {
        units.iter().map(|unit| (unit, None)).collect()
    }
    let mut lists = vec![
        ("Failed", plain(&health.failed_units)),
        ("Flapping", plain(&health.flapping_units)),
        ("Stuck", health.stuck_units.iter().map(stuck).collect()),
        ("Sockets", health.problematic_sockets.iter().map(socket).collect()),
        ("Timers", health.problematic_timers.iter().map(|timer| self::timer(timer, now)).collect()),
    ];
    lists.retain(|(_, list)| !list.is_empty());
    lists
}

/// The state it does not leave says more than the result of a run that is not over.
fn stuck(unit: &UnitProblem) -> Entry<'_> {
    (unit, Some(unit.active_state.clone()))
}

fn socket(socket: &SocketProblem) -> Entry<'_> {
    let refused = socket.refused.filter(|count| *count > 0);
    let refused = refused.map_or_else(String::new, |count| format!(", {count} refused"));
    (&socket.unit, Some(format!("{}{refused}", socket.problem)))
}

fn timer(timer: &TimerProblem, now: Timestamp) -> Entry<'_> {
    let starts = timer.triggers.as_ref().map(|unit| format!("starts {unit}"));
    let last = timer.last_trigger.map(|time| format!("last {}", relative(time, now)));
    let text: Vec<String> =
        [Some(timer.problem.clone()), starts, last].into_iter().flatten().collect();
    (&timer.unit, Some(text.join(", ")))
}

fn summary(report: &Report, health: &HealthAnalysis, lists: &[(&str, Vec<Entry<'_>>)]) -> Line {
    let state = report.host.system_state.as_deref();
    let mut line = Line::new();
    if let Some(state) = state {
        let role = if state == "running" { Role::Plain } else { Role::Warning };
        line = line.role(role, state).text(", ");
    }
    let count = health.all_units_count;
    line = line.text(&format!("{} unit{}", number(count), if count == 1 { "" } else { "s" }));
    if lists.is_empty() {
        return line.text(", none failed, flapping or stuck");
    }
    lists.iter().fold(line, |line, (name, list)| {
        let name = name.to_lowercase();
        let name = if list.len() == 1 { name.trim_end_matches('s') } else { &name };
        line.text(&format!(", {} {name}", list.len()))
    })
}

/// A name, and in how few words it can be said what is wrong.
fn overview_name(unit: &UnitProblem, note: Option<&str>) -> String {
    let why = match note {
        Some(note) => note.split(',').next().map(str::to_owned),
        None => end(unit).or_else(|| unit.result.clone()),
    };
    match why.filter(|why| !why.is_empty()) {
        Some(why) => format!("{} ({why})", unit.name),
        None => unit.name.to_string(),
    }
}

/// `exit status 1`, `SIGKILL`.
fn end(unit: &UnitProblem) -> Option<String> {
    match (&unit.signal, unit.exit_status) {
        (Some(signal), _) if unit.core_dumped => Some(format!("{signal}, core dumped")),
        (Some(signal), _) => Some(signal.clone()),
        (None, Some(status)) => Some(format!("exit status {status}")),
        (None, None) => None,
    }
}

/// Everything that is known of a unit.
fn in_full(
    unit: &UnitProblem,
    note: Option<&str>,
    with_logs: bool,
    now: Timestamp,
    page: &Page,
) -> Vec<Line> {
    let mut facts = vec![state(unit)];
    facts.extend(note.filter(|note| *note != unit.active_state).map(str::to_owned));
    let result = unit.result.as_ref().filter(|result| *result != "success");
    facts.extend(result.map(|result| format!("result {result}")));
    facts.extend(end(unit));
    let restarts = unit.restarts_in_window.filter(|count| *count > 0);
    facts.extend(
        restarts.map(|count| {
            format!("{} within the window", amount::count(count, "restart", "restarts"))
        }),
    );
    facts.extend(unit.since.map(|time| since(time, now)));
    let mut lines = vec![Line::new().role(Role::Subject, unit.name.as_str())];
    lines.extend(hanging(&Line::new(), &facts.join(" · "), 2, page.room(), usize::MAX));
    let logs = unit.recent_logs.as_deref().filter(|_| with_logs).unwrap_or_default();
    let most = if page.verbose { usize::MAX } else { MOST_LOGS };
    lines.extend(
        logs.iter()
            .skip(logs.len().saturating_sub(most))
            .flat_map(|line| log_lines(line, page.room() - 2, page))
            .map(|line| Line::new().at(2).line(line)),
    );
    lines
}

/// `failed (failed)`; the load state where it is not `loaded`.
fn state(unit: &UnitProblem) -> String {
    let load =
        if unit.load_state == "loaded" { String::new() } else { format!("{}, ", unit.load_state) };
    format!("{load}{} ({})", unit.active_state, unit.sub_state)
}

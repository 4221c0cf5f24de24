//! What was traced: totals and losses, the busiest units, then who killed whom and what failed.

use sysdiag_analyze::{amount, human};
use sysdiag_model::report::{EbpfAnalysis, EbpfEnding, EbpfExec, EbpfExit, EbpfSignal, EbpfUnit};
use sysdiag_model::{Report, Timestamp, UnitName};

use super::colors::Role;
use super::table::table;
use super::words::{and_more, number, short_moment};
use super::{Line, Page, hanging, section};

/// Units, signals and ways to fail that are shown without `-v`.
const MOST_UNITS: usize = 5;
const MOST_SIGNALS: usize = 5;
const MOST_ENDINGS: usize = 5;
/// Programs of a unit.
const MOST_PROGRAMS: usize = 5;
/// Columns of the programs of a unit: on a narrow page, and the narrowest that is not.
const NARROW: usize = 14;
const WIDE: usize = 100;
/// Where the text of an event begins, behind its time and kind.
const EVENT: usize = 16;
/// Lines of an event.
const MOST_LINES: usize = 3;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(trace) = &report.ebpf_analysis else { return Vec::new() };
    let mut lines = totals(trace, page);
    if trace.lost > 0 {
        let lost = format!(
            "{} {} lost: counts are at least what they say",
            number(trace.lost),
            if trace.lost == 1 { "event was" } else { "events were" }
        );
        lines.push(Line::new().role(Role::Warning, &lost));
    }
    lines.extend(units(trace, page));
    lines.extend(signals(trace, page));
    lines.extend(endings(trace, page));
    if page.verbose {
        lines.extend(trace.exec_events.iter().flat_map(|event| exec(event, page)));
        lines.extend(trace.exit_events.iter().flat_map(|event| exit(event, page)));
        lines.extend(left_out(trace));
    }
    section("Trace", lines)
}

/// `12 345 execs and 12 340 exits in 5 s: 12 failed, 3 ended by a signal, 900 lived for less ...`; what
/// went wrong has a line of its own where it does not fit.
fn totals(trace: &EbpfAnalysis, page: &Page) -> Vec<Line> {
    let execs = if trace.execs == 1 { "exec" } else { "execs" };
    let exits = if trace.exits == 1 { "exit" } else { "exits" };
    let all = format!(
        "{} {execs} and {} {exits} in {}",
        number(trace.execs),
        number(trace.exits),
        amount::duration(trace.duration_usec),
    );
    let parts = [
        (trace.failures, "failed"),
        (trace.killed, "ended by a signal"),
        (trace.short_lived, "lived for less than a second"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", number(count)))
        .collect();
    if parts.is_empty() {
        return vec![Line::new().text(&all)];
    }
    let parts = parts.join(", ");
    let whole = Line::new().text(&format!("{all}: {parts}"));
    if whole.width() <= page.room() {
        return vec![whole];
    }
    vec![Line::new().text(&all), Line::new().text(&parts)]
}

/// The table of units, with programs behind the figures.
fn units(trace: &EbpfAnalysis, page: &Page) -> Vec<Line> {
    let most = if page.verbose { usize::MAX } else { MOST_UNITS };
    let shown: Vec<&EbpfUnit> = trace.per_unit.iter().take(most).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let programs = if page.room() < WIDE { NARROW } else { page.room() / 3 };
    let mut head = vec![Line::new().role(Role::Heading, "BUSIEST UNITS")];
    let names = ["execs", "exits", "failed", "short", "execs/s"];
    head.extend(names.map(|name| Line::new().role(Role::Faint, name)));
    let rows = std::iter::once(head).chain(shown.iter().map(|unit| row(unit))).collect();
    let figures = table(rows, page.room().saturating_sub(programs + 2));
    let end = figures.iter().map(Line::width).max().unwrap_or_default() + 2;
    let beside = std::iter::once("programs".to_owned()).chain(shown.iter().map(|it| ran(it)));
    let mut lines: Vec<Line> = figures
        .into_iter()
        .zip(beside)
        .map(|(line, programs)| line.at(end).role(Role::Faint, &programs).cut(page.room()))
        .collect();
    if let Some(more) = and_more(trace.per_unit.len(), most) {
        lines.push(Line::new().role(Role::Faint, &format!("and {more} (-v shows all)")));
    }
    lines
}

fn row(unit: &EbpfUnit) -> Vec<Line> {
    let name = match &unit.unit {
        Some(name) => Line::new().role(Role::Subject, name.as_str()),
        None => Line::new().role(Role::Faint, "in no unit"),
    };
    let failed = unit.failures.saturating_add(unit.killed);
    let role = if failed > 0 { Role::Warning } else { Role::Plain };
    let rate = unit.execs_per_second.map(|rate| format!("{rate:.1}")).unwrap_or_default();
    vec![
        name,
        Line::new().text(&number(unit.execs)),
        Line::new().text(&number(unit.exits)),
        Line::new().role(role, &number(failed)),
        Line::new().text(&number(unit.short_lived)),
        Line::new().text(&rate),
    ]
}

/// `grep 90, sh 30`.
fn ran(unit: &EbpfUnit) -> String {
    let programs = unit.programs.iter().take(MOST_PROGRAMS);
    let programs: Vec<String> = programs
        .map(|program| {
            let name = program.file.rsplit('/').next().unwrap_or_default();
            format!("{name} {}", number(program.execs))
        })
        .collect();
    programs.join(", ")
}

/// Who ended whom by a signal, the kernel and a unit's own processes left out.
fn signals(trace: &EbpfAnalysis, page: &Page) -> Vec<Line> {
    let most = if page.verbose { usize::MAX } else { MOST_SIGNALS };
    let told: Vec<(&EbpfExit, &EbpfSignal)> = trace
        .exit_events
        .iter()
        .filter_map(|event| Some((event, event.sent.as_ref()?)))
        .filter(|(event, sent)| !sent.by_kernel && sent.unit != event.unit && sent.pid != 1)
        .collect();
    let mut lines: Vec<Line> =
        told.iter().take(most).flat_map(|(event, sent)| killed(event, sent, page)).collect();
    if let Some(more) = and_more(told.len(), most) {
        let text = format!("and {more} ended by another unit (-v shows all)");
        lines.push(Line::new().role(Role::Faint, &text));
    }
    lines
}

/// `02:40:09  worker (PID 4711) of a.service: SIGKILL from pkill (PID 812) of b.service`.
fn killed(event: &EbpfExit, sent: &EbpfSignal, page: &Page) -> Vec<Line> {
    let text = format!(
        "{}: {} from {}",
        who(&event.command, event.pid, event.unit.as_ref()),
        sent.signal,
        who(&sent.command, sent.pid, sent.unit.as_ref())
    );
    told(event.time, "signal", Role::Warning, &text, page)
}

/// `worker (PID 4711) of a.service`.
fn who(command: &str, pid: u32, unit: Option<&UnitName>) -> String {
    let unit = unit.map(|unit| format!(" of {unit}")).unwrap_or_default();
    format!("{command} (PID {pid}){unit}")
}

/// How processes of each unit failed most often.
fn endings(trace: &EbpfAnalysis, page: &Page) -> Vec<Line> {
    let (most, each) = if page.verbose { (usize::MAX, usize::MAX) } else { (MOST_ENDINGS, 1) };
    let mut failed = trace.per_unit.iter().flat_map(|unit| {
        unit.endings.iter().take(each).map(move |ending| (unit.unit.as_ref(), ending))
    });
    let mut lines: Vec<Line> = failed
        .by_ref()
        .take(most)
        .flat_map(|(unit, ending)| {
            let unit = unit.map(|unit| format!(" of {unit}")).unwrap_or_default();
            let (count, how) = (number(ending.count), ending_words(ending));
            let text = format!("{count} × {}{unit} {how}", ending.command);
            told(ending.last, "failed", Role::Plain, &text, page)
        })
        .collect();
    let left = failed.count();
    if left > 0 {
        let text = format!("and {left} more (-v shows all)");
        lines.push(Line::new().role(Role::Faint, &text));
    }
    lines
}

fn ending_words(ending: &EbpfEnding) -> String {
    how(ending.exit_status, ending.signal.as_deref(), ending.core_dumped)
}

/// `exited with status 3`, `was killed by SIGKILL`, `dumped core (SIGSEGV)`.
fn how(status: Option<u8>, signal: Option<&str>, core: bool) -> String {
    match (status, signal) {
        (Some(status), _) => format!("exited with status {status}"),
        (None, Some(signal)) if core => format!("dumped core ({signal})"),
        (None, Some(signal)) => format!("was killed by {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn exec(event: &EbpfExec, page: &Page) -> Vec<Line> {
    let line = command_line(&event.file, event.arguments.as_deref(), event.arguments_cut);
    let remarks = [
        (event.deleted, "deleted"),
        (event.writable_by_all, "writable by anybody"),
        (event.folder_writable_by_all, "in a directory writable by anybody"),
    ];
    let remarks: Vec<&str> =
        remarks.iter().filter(|(is, _)| *is).map(|(_, remark)| *remark).collect();
    let role = if remarks.is_empty() { Role::Faint } else { Role::Warning };
    let remarks =
        if remarks.is_empty() { String::new() } else { format!(" [{}]", remarks.join(", ")) };
    let who = who(&event.command, event.pid, event.unit.as_ref());
    let text = format!("{who}, parent {}, user {}: {line}{remarks}", event.ppid, event.uid);
    told(event.time, "exec", role, &text, page)
}

fn exit(event: &EbpfExit, page: &Page) -> Vec<Line> {
    let how = how(event.exit_status, event.signal.as_deref(), event.core_dumped);
    let line = match &event.file {
        Some(file) => {
            format!(": {}", command_line(file, event.arguments.as_deref(), event.arguments_cut))
        }
        None if event.never_execed => ": a copy of its parent".to_owned(),
        None => String::new(),
    };
    let oom = if event.oom_victim { ", for want of memory" } else { "" };
    let at_most = if event.peak_rss_at_most { "≤ " } else { "" };
    let text = format!(
        "{} {how}{oom} after {}, parent {}, user {}, {at_most}{}{line}",
        who(&event.command, event.pid, event.unit.as_ref()),
        lived(event.duration_usec),
        event.ppid,
        event.uid,
        amount::bytes(event.peak_rss_bytes),
    );
    told(event.time, "exit", Role::Faint, &text, page)
}

/// `0.4 ms`, `84 ms`, `2.5 s`.
fn lived(usec: u64) -> String {
    match usec {
        0..10_000 => format!("{:.1} ms", usec as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", usec / 1_000),
        _ => amount::duration(usec),
    }
}

fn command_line(file: &str, arguments: Option<&[String]>, cut: bool) -> String {
    let Some(arguments) = arguments.filter(|arguments| !arguments.is_empty()) else {
        return file.to_owned();
    };
    let words: Vec<String> = arguments.iter().map(|word| human::shell_word(word)).collect();
    format!("{}{}", words.join(" "), if cut { " …" } else { "" })
}

/// What there was no room for anywhere.
fn left_out(trace: &EbpfAnalysis) -> Option<Line> {
    let omitted = trace.omitted;
    let (execs, exits) = (number(omitted.execs), number(omitted.exits));
    let text = format!("{execs} more execs and {exits} more exits are in the counts only");
    (omitted.execs > 0 || omitted.exits > 0).then(|| Line::new().role(Role::Faint, &text))
}

/// Time and kind of an event, then what happened.
fn told(time: Timestamp, kind: &str, role: Role, text: &str, page: &Page) -> Vec<Line> {
    let moment = short_moment(time);
    let (_, clock) = moment.split_once(' ').unwrap_or_default();
    let label = Line::new().role(Role::Faint, clock).text(" ").role(role, kind);
    hanging(&label, text, EVENT, page.room(), MOST_LINES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::fixtures_trace::{hostile_trace, traced};
    use crate::sinks::{Format, View, write};

    fn shown(report: &Report, width: u16, verbose: u8) -> String {
        let mut out = Vec::new();
        let view = View::new(width).verbose(verbose);
        write(Format::Rich, report, &mut out, &view).unwrap();
        let out = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
        let section = out.split("\nTrace").nth(1).unwrap().to_owned();
        let lines = section.lines().take_while(|line| line.starts_with(' ') || line.is_empty());
        format!("Trace{}", lines.collect::<Vec<_>>().join("\n").trim_end())
    }

    #[test]
    fn busiest_units_then_what_went_wrong() {
        insta::assert_snapshot!("trace-80", shown(&traced(), 80, 0));
        insta::assert_snapshot!("trace-160", shown(&traced(), 160, 0));
        insta::assert_snapshot!("trace-verbose", shown(&traced(), 100, 1));
    }

    #[test]
    fn arguments_obey_nobody() {
        let text = shown(&hostile_trace(), 80, 1);
        assert_eq!(text.chars().find(|c| c.is_control() && *c != '\n'), None);
        assert!(text.contains("\\x1b]0;owned\\x07"), "{text}");
    }

    #[test]
    fn who_did_not_ask_sees_nothing() {
        let mut report = traced();
        report.ebpf_analysis = None;
        let mut out = Vec::new();
        write(Format::Rich, &report, &mut out, &View::new(80)).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("Trace"));
    }
}

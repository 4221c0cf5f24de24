//! The first lines: which host, when, and the verdict.

use sysdiag_analyze::amount;
use sysdiag_model::snapshot::Outcome;
use sysdiag_model::{Gap, Report, Severity};

use super::causes::problems;
use super::colors::Role;
use super::words::{elapsed, moment, number};
use super::{Focus, Line, Page};

/// Between the parts of a line.
const DOT: &str = " · ";
const DOT_WIDTH: usize = 3;
/// Kinds of kernel messages that are about the machine, not about one program.
const KERNEL_ALARMS: [&str; 13] = [
    "disk.ata",
    "disk.blk",
    "disk.buffer",
    "disk.scsi",
    "dm.",
    "fs.",
    "gpu.",
    "hw.",
    "kern.",
    "md.",
    "mem.",
    "net.watchdog",
    "nvme.",
];
/// A gap that is alone is cut to no less than this.
const LEAST_GAP: usize = 30;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let (first, rest) = host(report, page);
    let mut lines = vec![first];
    lines.extend(verdict(report, page));
    lines.extend(rest);
    lines
}

/// `web-03 · Debian 12 · systemd 252 ...` with the time of the report at the right; what does not
/// fit comes behind the verdict, which is the second line at any width.
fn host(report: &Report, page: &Page) -> (Line, Option<Line>) {
    let host = &report.host;
    let time = Line::new().role(Role::Faint, &moment(report.timestamp));
    let name = report.hostname.as_deref().unwrap_or("unknown host");
    let mut line = Line::new().role(Role::Subject, name).cut(page.width - time.width() - 2);
    let on_metal = |kind: &&String| !kind.is_empty() && *kind != "none";
    let parts = [
        host.os.as_deref().map(os_name),
        host.systemd_version.as_deref().map(|version| format!("systemd {}", major(version))),
        host.init.as_ref().map(|init| format!("PID 1 is {init}")),
        host.kernel.as_ref().map(|kernel| format!("kernel {kernel}")),
        host.virtualization.as_ref().filter(on_metal).cloned(),
        host.uptime_usec.map(|usec| format!("up {}", amount::duration(usec))),
    ];
    let mut rest = Vec::new();
    for part in parts.into_iter().flatten().map(|part| Line::new().text(&part)) {
        let fits = line.width() + DOT_WIDTH + part.width() + 2 + time.width() <= page.width;
        if fits && rest.is_empty() {
            line = line.role(Role::Faint, DOT).line(part);
        } else {
            rest.push(part);
        }
    }
    let rest = rest.into_iter().reduce(|line, part| line.role(Role::Faint, DOT).line(part));
    (line.right(time, page.width), rest)
}

/// `Debian 12` of `Debian GNU/Linux 12 (bookworm)`.
fn os_name(pretty: &str) -> String {
    let name = pretty.split_once(" (").map_or(pretty, |(name, _)| name);
    name.replace(" GNU/Linux", "")
}

/// `252` of `252.39-1~deb12u1`.
fn major(version: &str) -> &str {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end).filter(|digits| !digits.is_empty()).unwrap_or(version)
}

/// `2 critical · 3 warnings · 412 units · not assessed: ...`, and what it took at the right.
fn verdict(report: &Report, page: &Page) -> Vec<Line> {
    let mut parts = counts(report, page.focus);
    if let Some(health) = &report.health_analysis {
        let count = health.all_units_count;
        let units = if count == 1 { "unit" } else { "units" };
        parts.push(Line::new().text(&format!("{} {units}", number(count))));
    }
    let took = report
        .timings
        .iter()
        .map(|timing| timing.start_usec.saturating_add(timing.elapsed_usec))
        .max();
    let took = took.map_or_else(Line::new, |usec| {
        Line::new().role(Role::Faint, &format!("in {}", elapsed(usec)))
    });
    let used: usize = parts.iter().map(|part| part.width() + DOT_WIDTH).sum();
    let room = page.width.saturating_sub(used + took.width() + 2);
    parts.extend(not_assessed(&report.not_assessed, room));
    joined(parts, took, page.width)
}

/// How many problems there are of each severity.
fn counts(report: &Report, focus: Focus) -> Vec<Line> {
    let count = |severity| problems(&report.findings, severity);
    let mut parts = Vec::new();
    for severity in [Severity::Critical, Severity::Error, Severity::Warning] {
        let (count, name) = (count(severity), severity.as_str());
        let plural = if count == 1 || severity == Severity::Critical { "" } else { "s" };
        if count > 0 {
            parts.push(Line::new().role(Role::of(severity), &format!("{count} {name}{plural}")));
        }
    }
    let silent = report.timings.iter().any(|timing| {
        timing.source == "systemd" && matches!(timing.outcome, Outcome::Failed | Outcome::TimedOut)
    });
    if silent {
        parts.push(Line::new().role(Role::Unknown, "health of units not known"));
    }
    let alarms = kernel_alarms(report);
    if !alarms.is_empty() {
        let text = format!("kernel log: {}", alarms.join(", "));
        parts.push(Line::new().role(Role::Error, &text));
    }
    if parts.is_empty() {
        parts.push(Line::new().role(Role::Fine, fine(focus)));
    }
    let notes = count(Severity::Info);
    if notes > 0 {
        let text = format!("{notes} note{}", if notes == 1 { "" } else { "s" });
        parts.push(Line::new().role(Role::Note, &text));
    }
    parts
}

/// What the kernel said of the machine itself. No rule judges it, for a drive without a disk gives
/// errors too; but a host of which it was said is not called well.
fn kernel_alarms(report: &Report) -> Vec<&str> {
    let patterns = report.log_analysis.iter().flat_map(|logs| &logs.patterns);
    let mut keys: Vec<&str> = patterns
        .filter(|pattern| pattern.severity >= Some(Severity::Error))
        .map(|pattern| pattern.pattern_key.as_str())
        .filter(|key| KERNEL_ALARMS.iter().any(|begin| key.starts_with(begin)))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The verdict that nothing is wrong, with what was looked at.
const fn fine(focus: Focus) -> &'static str {
    match focus {
        Focus::Overview => "no problems",
        Focus::Boot => "no problems with the boot",
        Focus::Health => "no problems with units",
        Focus::Resources => "no problems with resources",
        Focus::Logs => "no findings from logs",
        Focus::Unit => "no problems with this unit",
    }
}

/// `: 3 things`.
fn count(gaps: usize) -> String {
    format!(": {}", amount::count(gaps as u64, "thing", "things"))
}

/// As much as there is room for of what could not be read.
fn not_assessed(gaps: &[Gap], room: usize) -> Option<Line> {
    // Where only one fits: systemd, on which most rests, else the shortest.
    let first = gaps.iter().min_by_key(|gap| (gap.what != "systemd", gap.what.len()))?;
    let line = |text: String| Line::new().role(Role::Unknown, "not assessed").text(&text);
    let hint = |gap: &Gap| {
        let hint = gap.hint.as_deref().unwrap_or(gap.why.as_str());
        format!("{} ({hint})", gap.what)
    };
    let list = |of: &dyn Fn(&Gap) -> String| {
        line(format!(": {}", gaps.iter().map(of).collect::<Vec<_>>().join(", ")))
    };
    let rest = gaps.len() - 1;
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    [
        list(&hint),
        list(&|gap| gap.what.clone()),
        line(format!(": {}{more}", hint(first))),
        line(format!(": {}{more}", first.what)),
    ]
    .into_iter()
    .find(|line| line.width() <= room)
    .or_else(|| {
        let alone = rest == 0 && room >= LEAST_GAP;
        Some(if alone { list(&|gap| gap.what.clone()).cut(room) } else { line(count(gaps.len())) })
    })
}

/// Parts with dots between them in as few lines as they fit in; `end` at the right of the last.
fn joined(parts: Vec<Line>, end: Line, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::new();
    for part in parts {
        if line.is_empty() {
            line = part;
        } else if line.width() + DOT_WIDTH + part.width() <= width {
            line = line.role(Role::Faint, DOT).line(part);
        } else {
            lines.push(line);
            line = part;
        }
    }
    if line.width() + 2 + end.width() > width {
        lines.push(line);
        line = Line::new();
    }
    lines.push(line.right(end, width));
    lines.into_iter().map(|line| line.cut(width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_the_system_is_short() {
        assert_eq!(os_name("Debian GNU/Linux 12 (bookworm)"), "Debian 12");
        assert_eq!(os_name("Fedora Linux 42"), "Fedora Linux 42");
    }

    #[test]
    fn version_is_cut_to_what_people_say() {
        assert_eq!(major("252.39-1~deb12u1"), "252");
        assert_eq!(major("257~rc1"), "257");
        assert_eq!(major("v1"), "v1");
        assert_eq!(major(""), "");
    }
}

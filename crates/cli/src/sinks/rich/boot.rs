//! How long the boot took. `analyze-boot` shows what `systemd-analyze time`, `blame` and
//! `critical-chain` show, in their words and format.

use sysdiag_analyze::timespan::format_msec;
use sysdiag_model::Report;
use sysdiag_model::report::{BootAnalysis, BootState, BootTimes, ChainLink};

use super::colors::Role;
use super::words::{and_more, seconds};
use super::{Focus, Line, Page, SECTION, below, named, section, wrap};

/// What is left of the name of a unit in a chain, however deep it stands.
const LEAST_NAME: usize = 12;
/// Units of `blame` that are shown without `-v`.
const MOST_BLAMED: usize = 20;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let Some(boot) = &report.boot_analysis else { return Vec::new() };
    if page.focus != Focus::Boot {
        return summary(boot, page);
    }
    let mut lines = times(boot, page);
    lines.extend(blame(boot, page));
    lines.extend(chain(boot, page.width));
    lines
}

/// The phases that happened, with the names systemd gives them.
fn phases(times: &BootTimes) -> Vec<(u64, &'static str)> {
    [
        (times.firmware_usec, "firmware"),
        (times.loader_usec, "loader"),
        (times.kernel_usec, "kernel"),
        (times.initrd_usec, "initrd"),
        (times.soft_reboot_usec, "soft reboot"),
        (times.userspace_usec, "userspace"),
    ]
    .into_iter()
    .filter_map(|(usec, name)| Some((usec?, name)))
    .collect()
}

/// `24.1 s = 3.2 firmware + ...    slowest: dev-sda1.device 9.8 s`.
fn summary(boot: &BootAnalysis, page: &Page) -> Vec<Line> {
    let slowest = boot.blame.first().map_or_else(Line::new, |slowest| {
        let took = format!("{} s", seconds(slowest.time_usec));
        Line::new().role(Role::Faint, "slowest: ").text(slowest.unit.as_str()).text(" ").text(&took)
    });
    let line = match boot.state {
        BootState::Unfinished => Line::new()
            .role(Role::Unknown, "not finished")
            .text(" (systemctl list-jobs shows what it waits for)"),
        BootState::Finished => finished(boot),
    };
    if slowest.is_empty() {
        return vec![named("Boot", line)];
    }
    if SECTION + line.width() + 4 + slowest.width() <= page.width {
        return vec![named("Boot", line.text("    ").line(slowest))];
    }
    vec![named("Boot", line), below(slowest)]
}

fn finished(boot: &BootAnalysis) -> Line {
    let phases = phases(&boot.times);
    let sum = phases
        .iter()
        .map(|(usec, name)| format!("{} {name}", seconds(*usec)))
        .collect::<Vec<_>>()
        .join(" + ");
    let line = match (boot.times.total_usec, phases.as_slice()) {
        (_, []) => Line::new().role(Role::Unknown, "not known"),
        (_, [(usec, name)]) => Line::new().text(&format!("{} s {name}", seconds(*usec))),
        (Some(total), _) => Line::new().text(&format!("{} s = {sum}", seconds(total))),
        (None, _) => Line::new().text(&sum),
    };
    if boot.container {
        return line.role(Role::Faint, " (a container has no firmware, loader or kernel phase)");
    }
    line
}

/// The words of `systemd-analyze time`.
fn times(boot: &BootAnalysis, page: &Page) -> Vec<Line> {
    let mut texts = Vec::new();
    match boot.state {
        BootState::Unfinished => texts.push(
            "Bootup is not yet finished: systemctl list-jobs shows what it waits for.".to_owned(),
        ),
        BootState::Finished => {
            let phases = phases(&boot.times);
            let mut text = phases
                .iter()
                .map(|(usec, name)| format!("{} ({name})", format_msec(*usec)))
                .collect::<Vec<_>>()
                .join(" + ");
            if let Some(total) = boot.times.total_usec.filter(|_| !boot.container) {
                text.push_str(" = ");
                text.push_str(&format_msec(total));
            }
            if !phases.is_empty() {
                texts.push(format!("Startup finished in {text}"));
            }
        }
    }
    if let Some(target) = &boot.default_target {
        texts.push(match boot.default_target_reached_usec {
            Some(usec) => format!("{target} reached after {} in userspace.", format_msec(usec)),
            None => format!("{target} was never reached."),
        });
    }
    if boot.container {
        texts.push("A container has no firmware, loader or kernel phase.".to_owned());
    }
    let lines = texts.iter().flat_map(|text| wrap(Role::Plain, text, page.room(), usize::MAX));
    section("Boot", lines.collect())
}

/// The lines of `systemd-analyze blame`, longest first.
fn blame(boot: &BootAnalysis, page: &Page) -> Vec<Line> {
    if boot.blame.is_empty() {
        return Vec::new();
    }
    let most = if page.verbose { usize::MAX } else { MOST_BLAMED };
    let shown: Vec<(String, &str)> = boot
        .blame
        .iter()
        .take(most)
        .map(|entry| (format_msec(entry.time_usec), entry.unit.as_str()))
        .collect();
    let width = shown.iter().map(|(time, _)| time.len()).max().unwrap_or(0);
    let lines = shown
        .iter()
        .map(|(time, unit)| Line::new().at(width - time.len()).text(time).text(" ").text(unit));
    let more = and_more(boot.blame.len(), most)
        .map(|more| Line::new().role(Role::Faint, &format!("and {more} (-v shows all)")));
    let mut lines = section("Blame", lines.chain(more).collect());
    lines.insert(0, Line::new());
    lines
}

/// The lines of `systemd-analyze critical-chain`.
fn chain(boot: &BootAnalysis, width: usize) -> Vec<Line> {
    if boot.critical_chain.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        Line::new(),
        Line::new().role(Role::Heading, "Critical chain").role(
            Role::Faint,
            "   @ when it was up or began to start, + how long it took to start",
        ),
    ];
    let mut open: Vec<bool> = Vec::new();
    for (index, link) in boot.critical_chain.iter().enumerate() {
        let depth = usize::try_from(link.depth).unwrap_or(usize::MAX).min(index);
        let rest = boot.critical_chain.get(index + 1..).unwrap_or_default();
        let last = rest
            .iter()
            .map(|later| usize::try_from(later.depth).unwrap_or(usize::MAX))
            .find(|later| *later <= depth)
            != Some(depth);
        open.truncate(depth.saturating_sub(1));
        let line = tree(&open, depth, last);
        let room = width.saturating_sub(line.width());
        let line = line.line(link_text(link, room));
        if depth > 0 {
            open.resize(depth - 1, false);
            open.push(!last);
        }
        lines.push(line);
        if link.shown_above {
            lines.push(tree(&open, depth + 1, true).role(Role::Faint, "..."));
        }
    }
    lines
}

/// The branches before a unit: a bar for every level that goes on below.
fn tree(open: &[bool], depth: usize, last: bool) -> Line {
    if depth == 0 {
        return Line::new();
    }
    let bars: String = (0..depth - 1)
        .map(|level| if open.get(level).copied().unwrap_or(false) { "│ " } else { "  " })
        .collect();
    Line::new().role(Role::Faint, &format!("{bars}{}", if last { "└─" } else { "├─" }))
}

/// The name is cut where there is no room, never its times.
fn link_text(link: &ChainLink, room: usize) -> Line {
    let role = if link.took_usec.is_some() { Role::Error } else { Role::Plain };
    let mut times = String::new();
    for (sign, usec) in [(" @", link.at_usec), (" +", link.took_usec)] {
        if let Some(usec) = usec {
            times.push_str(sign);
            times.push_str(&format_msec(usec));
        }
    }
    let times = Line::new().role(role, &times);
    let least = LEAST_NAME.min(room);
    let name = Line::new().role(role, link.unit.as_str());
    name.cut(room.saturating_sub(times.width()).max(least)).line(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(unit: &str, depth: u32, shown_above: bool) -> ChainLink {
        ChainLink { unit: unit.into(), at_usec: Some(1_000), took_usec: None, depth, shown_above }
    }

    #[test]
    fn the_times_of_a_long_name_are_kept() {
        let long = link("run-credentials-tmpfiles-setup.service.mount", 0, false);
        assert_eq!(link_text(&long, 24).plain(), "run-credentials-tm… @1ms");
        assert_eq!(link_text(&long, 80).plain(), format!("{} @1ms", long.unit));
    }

    #[test]
    fn chain_is_drawn_as_systemd_draws_it() {
        let boot = BootAnalysis {
            state: BootState::Finished,
            container: false,
            times: BootTimes::default(),
            default_target: None,
            default_target_reached_usec: None,
            blame: Vec::new(),
            critical_chain: vec![
                link("graphical.target", 0, false),
                link("a.service", 1, false),
                link("x.target", 2, false),
                link("y.target", 3, false),
                link("z.mount", 2, false),
                link("b.service", 1, false),
                link("x.target", 2, true),
            ],
        };
        let drawn: Vec<String> = chain(&boot, 80).iter().skip(2).map(Line::plain).collect();
        assert_eq!(
            drawn,
            [
                "graphical.target @1ms",
                "├─a.service @1ms",
                "│ ├─x.target @1ms",
                "│ │ └─y.target @1ms",
                "│ └─z.mount @1ms",
                "└─b.service @1ms",
                "  └─x.target @1ms",
                "    └─...",
            ]
        );
    }
}

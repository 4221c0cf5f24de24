//! What is different in the log from earlier boots: wordings that are new, more than usual, gone or
//! rare, each with how often, for which unit, and one message as it was logged.

use sysdiag_model::report::{LogAnalysis, LogRare, LogSpike, LogVanished, LogWording};
use sysdiag_model::{Report, Timestamp, UnitName};

use super::colors::Role;
use super::logs::{below, level_role, log_line, units_of};
use super::words::{and_more, elapsed, number, relative};
use super::{Focus, Line, Page};

/// Wordings of one list that are shown in an overview.
const MOST_WORDINGS: usize = 3;
/// Where the text of a wording begins.
pub(super) const WORDING: usize = 9;
/// What stands in a wording for what varies.
const WILDCARD: &str = "<*>";

pub(super) fn wordings(logs: &LogAnalysis, report: &Report, page: &Page) -> Vec<Line> {
    let Some(compared) = &logs.compared_with else {
        let why = logs.not_compared.as_ref();
        return why.map(|why| not_compared(why)).into_iter().collect();
    };
    let (new, spikes, vanished) = (
        logs.new_templates.as_deref().unwrap_or_default(),
        logs.spikes.as_deref().unwrap_or_default(),
        logs.vanished.as_deref().unwrap_or_default(),
    );
    // What is new is told as that.
    let known = |rare: &&LogRare| !new.iter().any(|new| new.id == rare.wording.id);
    let rare: Vec<&LogRare> = logs.rare.iter().flatten().filter(known).collect();
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
    let mut lines = vec![Line::new().text(&format!("messages against {boots}: {what}"))];
    let most = page.most(Focus::Logs, MOST_WORDINGS);
    let mut told = 0;
    let mut list = |name: &str, items: Vec<Vec<Line>>| {
        told += items.len().min(most);
        for item in items.into_iter().take(most) {
            let first =
                |at| if at == 0 { Line::new().role(Role::Faint, name) } else { Line::new() };
            let line = |(at, line)| first(at).at(WORDING).line(line);
            lines.extend(item.into_iter().enumerate().map(line));
        }
    };
    let wording = |of: &LogWording, often: &str| wording(of, often, report.timestamp, page);
    list("new", new.iter().map(|new| wording(new, &often(new))).collect());
    list("more", spikes.iter().map(|one| wording(&one.wording, &too_often(one))).collect());
    list("gone", vanished.iter().map(|gone| vec![vanished_line(gone)]).collect());
    list("rare", rare.iter().map(|rare| wording(&rare.wording, &often(&rare.wording))).collect());
    let all = new.len() + spikes.len() + vanished.len() + rare.len();
    if let Some(more) = and_more(all, told) {
        lines.push(
            Line::new().role(Role::Faint, &format!("and {more} (sysdiag-analyzer analyze-logs)")),
        );
    }
    lines
}

fn not_compared(why: &str) -> Line {
    Line::new().role(Role::Faint, &format!("which messages are new is not known: {why}"))
}

/// `12 × in 4 min  app.service`, below it what varies where there is room, and the last of them.
fn wording(of: &LogWording, often: &str, now: Timestamp, page: &Page) -> Vec<Line> {
    let units: Vec<&UnitName> = of.units.iter().collect();
    let head = Line::new().text(often);
    let text = text_of(&of.level, &of.sender, &of.text);
    let Some(example) = &of.example else {
        let last = format!(", last {}", relative(of.last, now));
        return vec![head.role(Role::Faint, &last).text(&units_of(&units)), text];
    };
    let head = head.text(&units_of(&units));
    if page.most(Focus::Logs, 0) == 0 {
        return vec![head, log_line(example)];
    }
    let mut lines = vec![head];
    lines.extend(Some(text).filter(|_| of.text.contains(WILDCARD)));
    lines.extend(below(example, page));
    lines
}

/// `12 × in 4 min`.
fn often(of: &LogWording) -> String {
    let least = if of.at_least { "at least " } else { "" };
    let span = of.last.usec_since(of.first);
    let span = match of.count {
        0 | 1 => String::new(),
        _ => format!(" in {}", elapsed(span)),
    };
    format!("{least}{} ×{span}", number(of.count))
}

/// `90 × in one hour, 2 h ago, 4 expected`.
fn too_often(spike: &LogSpike) -> String {
    let when = spike.hours_ago.map_or_else(String::new, |hours| match hours {
        0 => " in the last hour".to_owned(),
        hours => format!(" in one hour, {hours} h ago"),
    });
    format!("{} ×{when}, {:.0} expected", number(spike.spike_count), spike.expected)
}

fn vanished_line(gone: &LogVanished) -> Line {
    let often = format!("in {} of {} boots  ", gone.boots_with, gone.boots);
    Line::new().role(Role::Faint, &often).line(text_of(&gone.level, &gone.sender, &gone.text))
}

fn text_of(level: &str, sender: &str, text: &str) -> Line {
    Line::new().role(level_role(level), sender).text(": ").text(text)
}

//! Each problem in a block: what, because of what, what it affects, what to do next.

use std::iter;

use sysdiag_analyze::amount;
use sysdiag_model::{
    Evidence, Finding, FindingKey, FindingStatus, Report, Severity, Timestamp, Value,
};

use super::causes::Tree;
use super::colors::Role;
use super::words::{and_more, relative, since};
use super::{Line, Page, hanging};

/// Where the text of a block begins, behind the label of its severity.
const TEXT: usize = 10;
/// Where the text of a line within the block begins, behind its label.
const INNER: usize = 20;
/// Blocks and effects that are shown without `-v`.
const MOST_BLOCKS: usize = 20;
const MOST_EFFECTS: usize = 8;
/// Units that were not started get one line in common from so many on, without `-v` ...
const MANY_HELD_BACK: usize = 3;
/// ... with so many names.
const MOST_NAMES: usize = 16;
/// The rule about units that were not started for another.
const HELD_BACK: &str = "dependency-failed";
/// Lines of one fact without `-v`.
const MOST_LINES: usize = 3;

/// One block each, and what is resolved.
pub(super) fn blocks(report: &Report, page: &Page) -> Vec<Vec<Line>> {
    let trees = Tree::all(&report.findings);
    let most = if page.verbose { usize::MAX } else { MOST_BLOCKS };
    let (notes, problems): (Vec<_>, Vec<_>) =
        trees.iter().partition(|tree| tree.severity() == Severity::Info);
    let mut blocks: Vec<Vec<Line>> =
        problems.iter().take(most).map(|tree| block(tree, report, page)).collect();
    if let Some(more) = and_more(problems.len(), most) {
        blocks.push(vec![
            Line::new().at(TEXT).role(Role::Faint, &format!("and {more} (-v shows all)")),
        ]);
    }
    // Nobody has to act on a note: one line each.
    if page.verbose {
        blocks.extend(notes.iter().map(|tree| block(tree, report, page)));
    } else {
        let titles =
            notes.iter().take(most).flat_map(|tree| title(tree.cause, Severity::Info, page));
        let more = and_more(notes.len(), most)
            .map(|more| Line::new().at(TEXT).role(Role::Faint, &format!("and {more}")));
        blocks.push(titles.chain(more).collect());
    }
    blocks.push(resolved(report, page));
    blocks.push(ignored(report, page));
    blocks.retain(|lines| !lines.is_empty());
    blocks
}

fn block(tree: &Tree<'_>, report: &Report, page: &Page) -> Vec<Line> {
    let finding = tree.cause;
    let mut lines = title(finding, tree.severity(), page);
    lines.extend(because(&finding.evidence, report.timestamp, page));
    let held_back = held_back(tree, page);
    lines.extend(affects(&held_back, &effects(tree, !held_back.is_empty(), page), page));
    if page.verbose
        && let Some(time) = finding.since
    {
        lines.push(inner("since").text(since(time, report.timestamp).trim_start_matches("since ")));
    }
    if let Some(next) = &finding.next {
        // Not wrapped: a command is to be copied in one piece.
        lines.push(inner("next").role(Role::Command, next).whole());
    }
    lines.extend(rule(finding, report.timestamp, page));
    lines
}

fn title(finding: &Finding, severity: Severity, page: &Page) -> Vec<Line> {
    let label = match severity {
        Severity::Critical => "CRITICAL",
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info => "NOTE",
    };
    let label = Line::new().role(Role::of(severity), label);
    hanging(&label, &finding.title, TEXT, page.width, usize::MAX)
}

/// The facts, as many in a line as fit.
fn because(evidence: &[Evidence], now: Timestamp, page: &Page) -> Vec<Line> {
    let room = page.width - INNER;
    let mut texts: Vec<String> = Vec::new();
    for fact in evidence {
        let text = fact_text(fact, now, page.verbose);
        match texts.last_mut() {
            Some(last)
                if !page.verbose && last.chars().count() + 2 + text.chars().count() <= room =>
            {
                last.push_str("; ");
                last.push_str(&text);
            }
            _ => texts.push(text),
        }
    }
    let most = if page.verbose { usize::MAX } else { MOST_LINES };
    texts
        .iter()
        .enumerate()
        .flat_map(|(index, text)| {
            let label = inner(if index == 0 { "because" } else { "" });
            hanging(&label, text, INNER, page.width, most)
        })
        .collect()
}

/// `memory.max 512 MiB`, `kernel: Memory cgroup out of memory`.
fn fact_text(fact: &Evidence, now: Timestamp, with_source: bool) -> String {
    let Evidence { what, value, source } = fact;
    let text = match value {
        Value::Text(text) => format!("{what}: {text}"),
        Value::Count(count) => format!("{what} {count}"),
        Value::Number(number) => format!("{what} {number}"),
        Value::Bytes(bytes) => format!("{what} {}", amount::bytes(*bytes)),
        Value::Usec(usec) => format!("{what} {}", amount::duration(*usec)),
        Value::Percent(percent) => format!("{what} {}", amount::percent(*percent)),
        Value::Time(time) if with_source => {
            format!("{what} {}", since(*time, now).trim_start_matches("since "))
        }
        Value::Time(time) => format!("{what} {}", relative(*time, now)),
    };
    if with_source { format!("{text}   [{source}]") } else { text }
}

/// The units that were not started for the cause, if they are many. Why each was not, its own
/// requirement or that of one between, is the same story told over and over.
fn held_back<'a>(tree: &Tree<'a>, page: &Page) -> Vec<&'a str> {
    let effects = tree.effects.iter().filter(|(_, effect)| effect.rule == HELD_BACK);
    let units: Vec<&str> = effects.map(|(_, effect)| effect.subject.as_str()).collect();
    if page.verbose || units.len() < MANY_HELD_BACK { Vec::new() } else { units }
}

/// Rules that tell what was logged or traced: that a unit has failed of it does not go without saying.
const LOGGED: [&str; 5] =
    ["kernel-fault", "killed-by-other-unit", "limit-reached", "log-pattern", "logged-trouble"];

/// The effects to be shown one by one: that the very unit which hit its limit, or was killed, has
/// failed goes without saying.
fn effects<'a>(tree: &Tree<'a>, without_held_back: bool, page: &Page) -> Vec<(usize, &'a Finding)> {
    let same = |effect: &Finding| {
        // That the end of a crash loop is a failure goes without saying, too.
        let of_loop = effect.rule == "unit-failed"
            && effect.cause == Some(FindingKey::new("unit-flapping", &effect.subject));
        of_loop
            || without_held_back && effect.rule == HELD_BACK
            || effect.subject == tree.cause.subject
                && !LOGGED.contains(&tree.cause.rule.as_str())
                && matches!(
                    effect.rule.as_str(),
                    "unit-failed" | "unit-flapping" | "unit-not-as-expected"
                )
    };
    let mut shown = Vec::new();
    // How deep each left out was: what hangs below it moves up by one.
    let mut left_out: Vec<usize> = Vec::new();
    for (depth, effect) in &tree.effects {
        left_out.retain(|above| above < depth);
        if !page.verbose && same(effect) {
            left_out.push(*depth);
        } else {
            shown.push((depth.saturating_sub(left_out.len()), *effect));
        }
    }
    shown
}

/// What the finding explains, what that explains in turn one step further in.
fn affects(held_back: &[&str], effects: &[(usize, &Finding)], page: &Page) -> Vec<Line> {
    let most = if page.verbose { usize::MAX } else { MOST_EFFECTS };
    let mut lines = Vec::new();
    if !held_back.is_empty() {
        let names = held_back.iter().copied().take(MOST_NAMES).collect::<Vec<_>>().join(", ");
        let more = and_more(held_back.len(), MOST_NAMES).map(|more| format!(" and {more}"));
        let count = held_back.len();
        let text = format!("{count} units were not started: {names}{}", more.unwrap_or_default());
        lines.extend(hanging(&inner("affects"), &text, INNER, page.width, usize::MAX));
    }
    for (depth, effect) in effects.iter().take(most) {
        let label = inner(if lines.is_empty() { "affects" } else { "" });
        // Deeper than the page is wide helps nobody.
        let indent = INNER + 2 * (*depth).min(8);
        lines.extend(hanging(&label, &effect.title, indent, page.width, MOST_LINES));
        if page.verbose {
            lines.push(Line::new().at(indent).role(Role::Faint, &format!("({})", effect.rule)));
        }
    }
    if let Some(more) = and_more(effects.len(), most) {
        lines.push(inner("").role(Role::Faint, &format!("and {more} (-v shows all)")));
    }
    lines
}

/// The rule, and whether the problem is new; in one line if it fits.
fn rule(finding: &Finding, now: Timestamp, page: &Page) -> Vec<Line> {
    let rule = &finding.rule;
    let seen = seen(finding, now);
    let after = if seen.is_empty() { String::new() } else { format!("   {seen}") };
    let long = inner("rule")
        .text(rule)
        .role(Role::Faint, &format!("   (sysdiag-analyzer explain {rule})"));
    let short = || inner("rule").role(Role::Faint, "sysdiag-analyzer explain ").text(rule);
    if long.width() + after.len() <= page.width {
        vec![long.text(&after)]
    } else if short().width() + after.len() <= page.width {
        vec![short().text(&after)]
    } else {
        let line = if long.width() <= page.width { long } else { short() };
        let seen = Some(seen).filter(|seen| !seen.is_empty());
        iter::once(line).chain(seen.map(|seen| inner("seen").text(&seen))).collect()
    }
}

/// What earlier reports say about the problem; nothing if there are none.
fn seen(finding: &Finding, now: Timestamp) -> String {
    let reports = finding.reports_in_a_row.unwrap_or(0);
    let changes = finding.comes_and_goes;
    match (finding.status, finding.first_seen) {
        (None, _) => String::new(),
        (Some(FindingStatus::New), _) => changes.map_or_else(
            || "new".to_owned(),
            |changes| format!("back again: came or went {changes} times"),
        ),
        (Some(FindingStatus::Continuing), Some(first)) if reports > 1 => {
            let comes = if changes.is_some() { ", comes and goes" } else { "" };
            format!("in {reports} reports, first {}{comes}", relative(first, now))
        }
        // As reports of older versions say it.
        (Some(FindingStatus::Continuing), _) => "continuing".to_owned(),
    }
}

/// Problems of the last report that are gone.
fn resolved(report: &Report, page: &Page) -> Vec<Line> {
    let label = Line::new().role(Role::Fine, "RESOLVED");
    let most = if page.verbose { usize::MAX } else { MOST_EFFECTS };
    let all = &report.resolved_findings;
    let more = and_more(all.len(), most)
        .map(|more| Line::new().at(TEXT).role(Role::Faint, &format!("and {more}")));
    all.iter()
        .take(most)
        .flat_map(|finding| hanging(&label, &finding.title, TEXT, page.width, MOST_LINES))
        .chain(more)
        .collect()
}

/// How many problems the configuration ignores or expects; which, with `-v`.
fn ignored(report: &Report, page: &Page) -> Vec<Line> {
    let all = &report.ignored_findings;
    if all.is_empty() {
        return Vec::new();
    }
    if page.verbose {
        let label = Line::new().role(Role::Faint, "IGNORED");
        let text = |finding: &Finding| match &finding.ignored_because {
            Some(why) => format!("{} ({why})", finding.title),
            None => finding.title.clone(),
        };
        return all
            .iter()
            .flat_map(|finding| hanging(&label, &text(finding), TEXT, page.width, MOST_LINES))
            .collect();
    }
    let count = amount::count(all.len() as u64, "finding is", "findings are");
    let text = format!("{count} ignored by the configuration (-v shows all)");
    vec![Line::new().at(TEXT).role(Role::Faint, &text)]
}

/// A line within a block, up to its text.
fn inner(label: &str) -> Line {
    Line::new().at(TEXT).role(Role::Heading, label).at(INNER)
}

//! What is not known and what would make it known, and what the program itself could not do.

use sysdiag_model::Report;

use super::colors::Role;
use super::words::{and_more, elapsed};
use super::{Line, Page, SECTION, hanging, named};

/// Gaps that are shown without `-v`.
const MOST_GAPS: usize = 12;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let mut lines = not_assessed(report, page);
    for error in &report.errors {
        let label = Line::new().role(Role::Error, "Errors");
        lines.extend(hanging(&label, error, SECTION, page.width, usize::MAX));
    }
    if page.verbose {
        lines.extend(timings(report));
    }
    lines
}

/// `journal: not permitted — run as root`.
fn not_assessed(report: &Report, page: &Page) -> Vec<Line> {
    let gaps = &report.not_assessed;
    if gaps.is_empty() {
        return Vec::new();
    }
    let most = if page.verbose { usize::MAX } else { MOST_GAPS };
    let mut lines = vec![Line::new().role(Role::Unknown, "Not assessed")];
    for gap in gaps.iter().take(most) {
        let why = gap.why.as_str();
        let text = match &gap.hint {
            Some(hint) => format!("{} — {why}: {hint}", gap.what),
            None => format!("{} — {why}", gap.what),
        };
        lines.extend(hanging(&Line::new(), &text, SECTION, page.width, 3));
    }
    if let Some(more) = and_more(gaps.len(), most) {
        lines
            .push(Line::new().at(SECTION).role(Role::Faint, &format!("and {more} (-v shows all)")));
    }
    lines
}

/// What each source took.
fn timings(report: &Report) -> Vec<Line> {
    report
        .timings
        .iter()
        .enumerate()
        .map(|(index, timing)| {
            let outcome = serde_json::to_value(timing.outcome).ok();
            let outcome = outcome.as_ref().and_then(|value| value.as_str()).unwrap_or_default();
            named(
                if index == 0 { "Sources" } else { "" },
                Line::new()
                    .text(&timing.source)
                    .at(12)
                    .text(&elapsed(timing.elapsed_usec))
                    .role(Role::Faint, &format!(" after {}, ", elapsed(timing.start_usec)))
                    .role(Role::Faint, &outcome.replace('_', " ")),
            )
        })
        .collect()
}

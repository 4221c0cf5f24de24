//! One walk over the distinct messages of a boot or window, for all that wants them.

use std::time::Instant;

use sysdiag_journal::{Direction, Entry, File, Journal, Match, Select, Window};
use sysdiag_logs::{Aggregate, Catalogue, PatternIndex, PatternSpec};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates, PatternHits};
use sysdiag_model::{Gap, Severity, Why};

use super::event::Read;
use super::examples::Places;
use super::known_bad::Suspects;
use super::wordings::{Period, Wordings};

/// Senders of suppressed messages that are looked up.
const MOST_SUPPRESSED: usize = 50;

/// The templates of the messages in `window`, and what of them the catalogue knows.
///
/// Everything that matches comes before everything else: when `deadline` comes, what is missing is told.
pub(super) fn read(
    journal: &Journal,
    window: Window,
    period: Period,
    known: &[LogTemplate],
    search: Option<(&Catalogue, u8)>,
    deadline: Instant,
) -> (Option<PatternHits>, LogTemplates, Places, Vec<Gap>) {
    let mut gaps = Vec::new();
    let mut suspects = Suspects::new();
    if let Some((catalogue, _)) = search {
        suspects.add_by_id(journal, catalogue, window, deadline);
    }
    let mut wordings = Wordings::new(period.until, known);
    let catalogue = search.map(|(catalogue, _)| catalogue);
    if !walk(journal, window, catalogue, &mut suspects, &mut wordings, deadline) {
        let hint = "only a part of them was read before the deadline";
        gaps.push(Gap::new("templates of log messages", Why::TimedOut, hint));
        if search.is_some() {
            gaps.push(Gap::new("messages known to be bad", Why::TimedOut, hint));
        }
    }
    let patterns = search.map(|(catalogue, max_priority)| {
        let (hits, more) = suspects.fold(catalogue, window, max_priority, deadline);
        gaps.extend(more);
        hits
    });
    let (mut templates, places) = wordings.finish(period, |index| {
        let spec = search.and_then(|(catalogue, _)| catalogue.spec(index));
        spec.is_some_and(|spec| is_told(spec, patterns.as_ref()))
    });
    for suppressed in patterns.iter().flat_map(|hits| &hits.suppressed).take(MOST_SUPPRESSED) {
        if let Some(sender) = sender_of(journal, &suppressed.sender) {
            let messages = templates.suppressed.entry(sender).or_default();
            *messages = messages.saturating_add(suppressed.messages);
        }
    }
    (patterns, templates, places, gaps)
}

/// Whether all were read before the deadline. The newest file comes first, and of each the newest
/// messages.
fn walk<'j>(
    journal: &'j Journal,
    window: Window,
    catalogue: Option<&Catalogue>,
    suspects: &mut Suspects<'j>,
    wordings: &mut Wordings,
    deadline: Instant,
) -> bool {
    let mut files: Vec<(usize, &File)> = journal.files().iter().enumerate().collect();
    files.sort_by_key(|(_, file)| std::cmp::Reverse(file.newest().map(|(_, time)| time)));
    let mut candidates = Vec::new();
    let mut read = 0_u32;
    for (number, file) in files {
        let Some(range) = file.range(&window) else { continue };
        for value in file.values("MESSAGE", range) {
            read = read.wrapping_add(1);
            if read.is_multiple_of(64) && Instant::now() >= deadline {
                return false;
            }
            let Some(message) = value.bytes() else { continue };
            if let Some(catalogue) = catalogue {
                candidates.clear();
                catalogue.candidates(&message, &mut candidates);
                if !candidates.is_empty()
                    && let Some(list) = suspects.list(&candidates)
                {
                    value.entries(|entry| {
                        suspects.add(entry, list);
                        true
                    });
                    know(catalogue, &candidates, &message, value.first(), wordings);
                }
            }
            wordings.add(&message, &value, number);
        }
    }
    true
}

/// Remembers of a message which patterns mean it, by its first entry.
fn know(
    catalogue: &Catalogue,
    candidates: &[PatternIndex],
    message: &[u8],
    entry: Option<Entry<'_>>,
    wordings: &mut Wordings,
) {
    let Some(entry) = entry.filter(|_| wordings.wants_known()) else { return };
    let read = Read::new(entry);
    let event = read.event();
    let means = |index: &&PatternIndex| catalogue.confirm(**index, &event).is_some();
    let patterns: Vec<PatternIndex> = candidates.iter().filter(means).copied().collect();
    if !patterns.is_empty() {
        wordings.know(message, entry, patterns);
    }
}

/// Whether what the pattern means is told as something bad, or is a line of what is.
fn is_told(spec: &PatternSpec, hits: Option<&PatternHits>) -> bool {
    let hits = hits.map_or(&[][..], |hits| &hits.hits);
    let is_line =
        matches!(spec.aggregate, Aggregate::Attach { alone: false, .. } | Aggregate::Oom { .. });
    is_line || hits.iter().any(|hit| hit.pattern == spec.id && hit.severity >= Severity::Warning)
}

/// Who logs as the unit, by its last message.
fn sender_of(journal: &Journal, unit: &str) -> Option<String> {
    let group = vec![Match::new("_SYSTEMD_UNIT", unit)];
    let select = Select::matching(Window::default(), group);
    let entry = journal.entries(&select, Direction::Backward).next()?;
    Read::new(entry).sender().map(std::borrow::Cow::into_owned)
}

//! Examples of the templates that are told: one message as it was logged, and the units.
//!
//! Templates are counted from distinct messages, of which entries are hardly read. So each only keeps
//! where its last message is, and that is read of the few that are new, more than usual or rare.

use sysdiag_journal::{Entry, Journal};
use sysdiag_logs::compare::{self, Baseline, Thresholds};
use sysdiag_logs::templates::Whence;
use sysdiag_model::UnitName;
use sysdiag_model::snapshot::{LogExample, LogLine, LogTemplates, TemplateId};

use super::line::{cut, line};
use super::reader;

/// Longest message of an example, in bytes: enough to know it again.
const MAX_MESSAGE: usize = 512;
/// Units of an example.
const MAX_UNITS: usize = 16;

/// Bits of a place that are the offset in a file.
const OFFSET_BITS: u32 = 48;
/// Where no entry is.
const NOWHERE: u64 = u64::MAX;

/// Where the templates of a digest were met, in their order.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) whence: Vec<Whence>,
    /// The names of units by their numbers.
    pub(super) units: Vec<String>,
}

/// The place of an entry of the file of that number: both in one number.
pub(super) fn place(file: usize, entry: Entry<'_>) -> u64 {
    let offset = entry.offset();
    match u16::try_from(file) {
        Ok(file) if offset >> OFFSET_BITS == 0 => u64::from(file) << OFFSET_BITS | offset,
        _ => NOWHERE,
    }
}

/// The line at a place.
pub(super) fn at(journal: &Journal, place: u64) -> Option<LogLine> {
    let file = usize::try_from(place >> OFFSET_BITS).ok()?;
    let offset = place & ((1 << OFFSET_BITS) - 1);
    line(&reader::Entry::new(journal.files().get(file)?.entry(offset)?))
}

/// Adds examples to the templates that are told: those by which the boot differs from `earlier` boots
/// and from what history has.
pub(super) fn add(
    templates: &mut LogTemplates,
    places: &Places,
    earlier: &[LogTemplates],
    history: &Baseline,
    line_at: impl Fn(u64) -> Option<LogLine>,
) {
    let told = told(templates, earlier, history);
    for (template, whence) in templates.templates.iter_mut().zip(&places.whence) {
        if told.binary_search(&template.id).is_err() {
            continue;
        }
        let Some(mut line) = line_at(whence.place) else { continue };
        line.message = cut(&line.message, MAX_MESSAGE);
        let name = |unit: &u32| places.units.get(usize::try_from(*unit).ok()?);
        let units = whence.units.iter().filter_map(name).take(MAX_UNITS).map(UnitName::new);
        template.example = Some(LogExample { line, units: units.collect() });
    }
}

/// Templates that an analysis will tell, sorted: it has the same boots to compare with.
fn told(current: &LogTemplates, earlier: &[LogTemplates], history: &Baseline) -> Vec<TemplateId> {
    let mut baseline = history.clone();
    baseline.keep_before(current);
    for boot in earlier.iter().rev() {
        baseline.add(boot);
    }
    let found = compare::compare(current, &baseline, &Thresholds::default());
    if found.earlier.is_none() {
        return Vec::new();
    }
    let new = found.new.iter().flat_map(|new| &new.items).map(|new| new.template.id);
    let spikes = found.spikes.iter().flat_map(|all| &all.items).map(|spike| spike.template.id);
    let rare = found.rare.items.iter().map(|rare| rare.template.id);
    let mut told: Vec<TemplateId> = new.chain(spikes).chain(rare).collect();
    told.sort_unstable();
    told
}

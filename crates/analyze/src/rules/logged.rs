//! What rules about logged messages have in common: the hits of some patterns of the catalogue, put
//! together by what they are about. What a message means is said in the catalogue.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::PatternHit;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, Value};

use super::support::HOST;
use crate::amount::count;
use crate::human::{ago, shell_word};
use crate::{Context, Rule};

/// Messages that are shown of one finding.
const MOST_EXAMPLES: usize = 3;
/// Patterns that are named as evidence of one finding.
const MOST_PATTERNS: usize = 6;

/// What a rule is about.
pub(super) struct Family {
    /// Ids of the patterns begin with one of these.
    pub(super) patterns: &'static [&'static str],
    /// But with none of these.
    pub(super) except: &'static [&'static str],
    /// What happened stays until the next boot, however long ago it was: a damaged file system, broken
    /// memory. Else only what was said within `logged_window_seconds` is told.
    pub(super) stays: bool,
    /// What a hit is about.
    pub(super) subject: fn(&PatternHit) -> String,
}

/// One finding for each thing that hits at warning or worse are about.
pub(super) fn findings(context: &Context<'_>, rule: &Rule, family: &Family) -> Vec<Finding> {
    let journal = context.snapshot.journal.value();
    let patterns = journal.and_then(|journal| journal.logs.as_ref()?.patterns.as_ref());
    let now = context.snapshot.clock.realtime;
    let window = context.settings.logged_window_seconds.saturating_mul(1_000_000);
    let mut subjects = BTreeMap::<String, Vec<&PatternHit>>::new();
    for hit in patterns.into_iter().flat_map(|patterns| &patterns.hits) {
        let begins = |begin: &&str| hit.pattern.starts_with(*begin);
        let is_of = family.patterns.iter().any(begins) && !family.except.iter().any(begins);
        let recent = family.stays || now.usec_since(hit.last) <= window;
        let well_again = hit.recovered_at.is_some_and(|at| at >= hit.last);
        if is_of && hit.severity >= Severity::Warning && recent && !well_again {
            subjects.entry((family.subject)(hit)).or_default().push(hit);
        }
    }
    subjects.into_iter().filter_map(|(subject, hits)| finding(rule, &subject, hits, now)).collect()
}

fn finding(
    rule: &Rule,
    subject: &str,
    mut hits: Vec<&PatternHit>,
    now: Timestamp,
) -> Option<Finding> {
    hits.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| b.count.cmp(&a.count)));
    let worst = *hits.first()?;
    let about = if subject == HOST { String::new() } else { format!(" ({subject})") };
    let often = match worst.count {
        1 => String::new(),
        many => format!(" {}, last", count(many, "time", "times")),
    };
    let title = format!("{}{about},{often} {}", worst.title, ago(worst.last, now));
    let mut finding = Finding::new(rule.id, worst.severity.min(rule.severity), subject, title)
        .since(hits.iter().map(|hit| hit.first).min());
    for hit in hits.iter().take(MOST_PATTERNS) {
        finding = finding.because(Evidence::new(&hit.pattern, Value::Count(hit.count), "journal"));
    }
    let examples = hits.iter().filter_map(|hit| hit.examples.last());
    for line in examples.take(MOST_EXAMPLES) {
        let sender = line.identifier.as_deref().unwrap_or("message");
        finding = finding.because(Evidence::text(sender, line.message.clone(), "journal"));
    }
    let cursor = worst.examples.last().and_then(|line| line.cursor.as_deref());
    let next = cursor.map_or_else(
        || "journalctl -b -p warning".to_owned(),
        |cursor| format!("journalctl -n 20 --cursor={}", shell_word(cursor)),
    );
    Some(finding.next(next))
}

/// The resource, as the catalogue names it.
pub(super) fn resource(hit: &PatternHit) -> String {
    if hit.key.is_empty() || hit.key == "…" { HOST.to_owned() } else { hit.key.clone() }
}

/// The device, which is the first word of the resource: `sda` of `sda Medium Error`.
pub(super) fn device(hit: &PatternHit) -> String {
    resource(hit).split(' ').next().unwrap_or(HOST).to_owned()
}

/// The unit that said it, else the resource.
pub(super) fn unit(hit: &PatternHit) -> String {
    hit.units.first().map_or_else(|| resource(hit), |unit| unit.as_str().to_owned())
}

/// The machine.
pub(super) fn host(_: &PatternHit) -> String {
    HOST.to_owned()
}

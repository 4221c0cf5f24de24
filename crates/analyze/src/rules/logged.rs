//! What rules about logged messages have in common: the hits of some patterns of the catalogue, put
//! together by what they are about. What a message means is said in the catalogue.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sysdiag_model::snapshot::PatternHit;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName, Value};

use super::support::HOST;
use crate::amount::count;
use crate::human::{ago, shell_word};
use crate::logs::concerned;
use crate::{Context, Rule};

/// Messages that are shown of one finding.
const MOST_EXAMPLES: usize = 3;
/// Patterns that are named as evidence of one finding.
const MOST_PATTERNS: usize = 6;
/// Units that are named as evidence of one finding.
const MOST_UNITS: usize = 3;

/// What a rule is about.
pub(super) struct Family {
    /// Ids of the patterns begin with one of these.
    pub(super) patterns: &'static [&'static str],
    /// But with none of these.
    pub(super) except: &'static [&'static str],
    /// What happened stays until the next boot, however long ago it was: a damaged file system, broken
    /// memory. Else only what was said within `logged_window_seconds` is told.
    pub(super) stays: bool,
    /// Of those that stay, the ones that pass: a hot processor cools down.
    pub(super) passes: &'static [&'static str],
    /// What a hit is about.
    pub(super) subject: fn(&Logged<'_>) -> String,
}

/// A hit, and the units it is about.
pub(super) struct Logged<'a> {
    pub(super) hit: &'a PatternHit,
    pub(super) units: Vec<UnitName>,
}

/// One finding for each thing that hits at warning or worse are about.
pub(super) fn findings(context: &Context<'_>, rule: &Rule, family: &Family) -> Vec<Finding> {
    findings_that(context, rule, family, |_| true)
}

/// The same of the hits that `are_told`.
pub(super) fn findings_that(
    context: &Context<'_>,
    rule: &Rule,
    family: &Family,
    are_told: impl Fn(&Logged<'_>) -> bool,
) -> Vec<Finding> {
    let journal = context.snapshot.journal.value();
    let patterns = journal.and_then(|journal| journal.logs.as_ref()?.patterns.as_ref());
    let now = context.snapshot.clock.realtime;
    let window = context.settings.logged_window_seconds.saturating_mul(1_000_000);
    let mut subjects = BTreeMap::<String, Vec<Logged<'_>>>::new();
    for hit in patterns.into_iter().flat_map(|patterns| &patterns.hits) {
        let begins = |begin: &&str| hit.pattern.starts_with(*begin);
        let is_of = family.patterns.iter().any(begins) && !family.except.iter().any(begins);
        let stays = family.stays && !family.passes.iter().any(begins);
        let recent = stays || now.usec_since(hit.last) <= window;
        let well_again = hit.recovered_at.is_some_and(|at| at >= hit.last);
        if is_of && hit.severity >= Severity::Warning && recent && !well_again {
            let logged = Logged { hit, units: concerned::units(context.snapshot, hit) };
            if are_told(&logged) {
                subjects.entry((family.subject)(&logged)).or_default().push(logged);
            }
        }
    }
    let of = |(subject, hits): (String, Vec<Logged<'_>>)| {
        finding(context, rule, family.stays, &subject, hits)
    };
    subjects.into_iter().filter_map(of).collect()
}

fn finding(
    context: &Context<'_>,
    rule: &Rule,
    chain: bool,
    subject: &str,
    mut hits: Vec<Logged<'_>>,
) -> Option<Finding> {
    // Of what is as bad: in a chain what came first brought about the rest, else what came most counts.
    hits.sort_by(|a, b| {
        let count = || if chain { Ordering::Equal } else { b.hit.count.cmp(&a.hit.count) };
        let severity = b.hit.severity.cmp(&a.hit.severity);
        severity.then_with(count).then_with(|| a.hit.first.cmp(&b.hit.first))
    });
    let now = context.snapshot.clock.realtime;
    let worst = hits.first()?.hit;
    let patterns = patterns(&hits);
    let (_, number, last) = *patterns.first()?;
    let about = if subject == HOST { String::new() } else { format!(" ({subject})") };
    let often = match number {
        1 => String::new(),
        many => format!(" {}, last", count(many, "time", "times")),
    };
    let title = format!("{}{about},{often} {}", worst.title, ago(last, now));
    let mut finding = Finding::new(rule.id, worst.severity.min(rule.severity), subject, title)
        .since(hits.iter().map(|logged| logged.hit.first).min());
    for (pattern, number, _) in patterns.into_iter().take(MOST_PATTERNS) {
        finding = finding.because(Evidence::new(pattern, Value::Count(number), "journal"));
    }
    let mut units: Vec<&UnitName> = hits.iter().flat_map(|logged| &logged.units).collect();
    units.sort();
    units.dedup();
    for unit in units.into_iter().filter(|unit| *unit != subject).take(MOST_UNITS) {
        finding = finding.because(Evidence::text("unit", unit.as_str(), "journal"));
    }
    for line in hits.iter().filter_map(|logged| logged.hit.examples.last()).take(MOST_EXAMPLES) {
        let sender = line.identifier.as_deref().unwrap_or("message");
        finding = finding.because(Evidence::text(sender, line.message.clone(), "journal"));
    }
    if let Some(logged) = hits.iter().find(|logged| !logged.hit.frames.is_empty()) {
        let stack = logged.hit.frames.join(" < ");
        finding = finding.because(Evidence::text("stack", stack, "journal"));
    }
    Some(finding.next(show(context, hits.first()?)))
}

/// How often each pattern hit and when last, in the order in which it comes first.
fn patterns<'a>(hits: &[Logged<'a>]) -> Vec<(&'a str, u64, Timestamp)> {
    let mut patterns = Vec::<(&str, u64, Timestamp)>::new();
    for Logged { hit, .. } in hits {
        match patterns.iter_mut().find(|(pattern, ..)| *pattern == hit.pattern) {
            Some((_, number, last)) => {
                *number = number.saturating_add(hit.count);
                *last = hit.last.max(*last);
            }
            None => patterns.push((&hit.pattern, hit.count, hit.last)),
        }
    }
    patterns
}

/// The command that shows the log from the first of these messages on.
fn show(context: &Context<'_>, Logged { hit, units }: &Logged<'_>) -> String {
    let since = hit.first.as_usec() / 1_000_000;
    let line = hit.examples.first();
    let identifier = line.and_then(|line| line.identifier.as_deref());
    let boot = context.snapshot.journal.value().and_then(|journal| journal.boot_id);
    let current = boot.is_some() && boot == context.snapshot.host.boot_id.value().copied();
    let boot = if current { " -b" } else { "" };
    match identifier {
        // `-k` means this boot.
        Some("kernel") if current => format!("journalctl -k --since=@{since}"),
        Some("kernel") => format!("journalctl _TRANSPORT=kernel --since=@{since}"),
        Some(name) => match units.as_slice() {
            [unit] => {
                let unit = shell_word(unit.as_str());
                format!("journalctl{boot} --unit={unit} --since=@{since}")
            }
            _ => format!("journalctl{boot} -t {} --since=@{since}", shell_word(name)),
        },
        None => format!("journalctl{boot} -p warning --since=@{since}"),
    }
}

/// The resource, as the catalogue names it.
pub(super) fn resource(logged: &Logged<'_>) -> String {
    let key = &logged.hit.key;
    if key.is_empty() || key == "…" { HOST.to_owned() } else { key.clone() }
}

/// The device, which is the first word of the resource: `sda` of `sda Medium Error`.
pub(super) fn device(logged: &Logged<'_>) -> String {
    resource(logged).split(' ').next().unwrap_or(HOST).to_owned()
}

/// The unit that said it, else the resource.
pub(super) fn unit(logged: &Logged<'_>) -> String {
    logged.units.first().map_or_else(|| resource(logged), |unit| unit.as_str().to_owned())
}

/// The unit that said it or that a process is of, else the name of the process, else the resource.
pub(super) fn program(logged: &Logged<'_>) -> String {
    match (logged.units.as_slice(), logged.hit.details.get("comm")) {
        ([], Some(comm)) if logged.hit.key.starts_with(comm.as_str()) => comm.clone(),
        _ => unit(logged),
    }
}

/// The unit of the process that the kernel named, else the machine.
pub(super) fn unit_or_host(logged: &Logged<'_>) -> String {
    logged.units.first().map_or_else(|| HOST.to_owned(), |unit| unit.as_str().to_owned())
}

/// Where log-ins come from: what sshd says and what PAM says of it is about one address.
pub(super) fn origin(logged: &Logged<'_>) -> String {
    let named = |name: &str| logged.hit.details.get(name).filter(|value| !value.is_empty());
    // Only what tells hits apart is the same in all messages of one.
    let of_all = |value: &&String| logged.hit.key.split(' ').any(|part| part == value.as_str());
    let address = named("ip").or_else(|| named("rhost")).filter(of_all);
    address.cloned().unwrap_or_else(|| resource(logged))
}

//! Recorded hosts with something changed or taken away: whatever a host says, there is a report, it is
//! always the same, and what could not be read is never called well.
//!
//! Captures are changed as JSON, so that no field is forgotten: of each kind of place it is tried out
//! once which values its type can have.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::Mutex;

use serde_json::{Value, json};
use sysdiag_analyze::{Past, Scope, Settings, assess};
use sysdiag_analyzer::sinks::{self, Format, View};
use sysdiag_model::{Finding, Probe, Report, Severity, Snapshot};

use crate::hosts::{Host, on_every_host, report_on, without_colour};

/// Changed hosts for each recorded one.
const ROUNDS: u64 = 8;
/// A name as somebody chooses it who means ill.
const HOSTILE: &str = "../\u{1b}]0;x\u{7}%n\n-\u{202e}$(reboot)'\"\u{0}@é.service";

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The numbers of a fixed sequence (Knuth, MMIX).
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// Whether the keys of an object are names of units or paths, not fields.
fn is_map(object: &serde_json::Map<String, Value>) -> bool {
    object.keys().any(|key| key.contains(['.', '/', '@', '\\', ':']))
}

/// Values that a place may have, if its type allows: the least and the greatest, and nonsense.
fn extremes() -> Vec<Value> {
    let mut all = vec![Value::Null, json!([]), json!({}), json!(true), json!(false)];
    all.extend([json!(0), json!(1), json!(-1), json!(i32::MIN), json!(i32::MAX), json!(i64::MIN)]);
    all.extend([json!(u32::MAX), json!(i64::MAX), json!(u64::MAX), json!(f64::MAX), json!(-0.5)]);
    all.extend(
        ["", "0", "-1", "/", HOSTILE, "a.service", "failed", "active", "x"].map(Value::from),
    );
    all.extend(["1970-01-01T00:00:00Z", "9999-12-30T22:00:00.999999Z"].map(Value::from));
    all.push(Value::from("long ".repeat(2_000)));
    all
}

/// The document without the lists and maps that are not on the way to a place.
fn pruned(value: &Value, way: Option<&[Step]>) -> Value {
    match value {
        Value::Array(list) => match way.and_then(<[Step]>::split_first) {
            Some((Step::Index(at), rest))
                if list.len() > 2 && list.iter().any(Value::is_object) =>
            {
                json!([pruned(&list[*at], Some(rest))])
            }
            Some((Step::Index(at), rest)) => {
                let inner = list.iter().enumerate();
                inner.map(|(index, inner)| pruned(inner, (index == *at).then_some(rest))).collect()
            }
            // Lists of a fixed length, and what a probe knows in part.
            _ if way.is_some() || list.iter().all(Value::is_number) => value.clone(),
            _ if list.len() == 2 && list[1].pointer("/0/why").is_some() => {
                json!([pruned(&list[0], None), list[1]])
            }
            _ => json!([]),
        },
        Value::Object(object) => {
            let next = way.and_then(<[Step]>::split_first);
            let keep = |key: &String| match next {
                Some((Step::Key(on), _)) => on == key || !is_map(object),
                _ => !is_map(object),
            };
            let inner = object.iter().filter(|(key, _)| keep(key)).map(|(key, inner)| {
                let rest = next.filter(|(step, _)| **step == Step::Key(key.clone()));
                (key.clone(), pruned(inner, rest.map(|(_, rest)| rest)))
            });
            Value::Object(inner.collect())
        }
        other => other.clone(),
    }
}

/// The place at the end of `way` in a pruned document, where lists have become shorter.
fn place<'a>(value: &'a mut Value, way: &[Step]) -> Option<&'a mut Value> {
    let Some((step, rest)) = way.split_first() else { return Some(value) };
    let inner = match (value, step) {
        (Value::Array(list), Step::Index(at)) => {
            let at = if *at < list.len() && list.len() > 1 { *at } else { 0 };
            list.get_mut(at)
        }
        (Value::Object(object), Step::Key(key)) => object.get_mut(key),
        _ => None,
    };
    place(inner?, rest)
}

/// What the type of a place allows, by kind of place.
#[derive(Default)]
struct Allowed(Mutex<HashMap<String, Vec<Value>>>);

impl Allowed {
    fn at(&self, document: &Value, way: &[Step], kind: &str) -> Vec<Value> {
        if let Some(known) = self.0.lock().unwrap().get(kind) {
            return known.clone();
        }
        let small = pruned(document, Some(way));
        let fits = |value: &Value| {
            let mut changed = small.clone();
            *place(&mut changed, way).unwrap() = value.clone();
            serde_json::from_value::<Snapshot>(changed).is_ok()
        };
        let allowed: Vec<Value> = extremes().into_iter().filter(fits).collect();
        self.0.lock().unwrap().insert(kind.to_owned(), allowed.clone());
        allowed
    }
}

/// One host that is changed here and there.
struct Mutation<'a> {
    document: &'a Value,
    allowed: &'a Allowed,
    sequence: Sequence,
    /// One place in so many is changed.
    rate: usize,
    changes: usize,
}

impl Mutation<'_> {
    fn change(&mut self, value: &mut Value, way: &mut Vec<Step>, kind: &str) {
        match value {
            Value::Array(list) => {
                for (index, inner) in list.iter_mut().enumerate() {
                    way.push(Step::Index(index));
                    self.change(inner, way, &format!("{kind}/*"));
                    way.pop();
                }
                if list.len() > 1
                    && self.sequence.one_in(self.rate)
                    && self.may(way, kind, &json!([]))
                {
                    let (a, b) = (self.sequence.below(list.len()), self.sequence.below(list.len()));
                    match self.sequence.below(4) {
                        0 => list.truncate(a),
                        1 => list.insert(a, list[b].clone()),
                        2 => list.swap(a, b),
                        _ => list.reverse(),
                    }
                    self.changes += 1;
                }
            }
            Value::Object(object) => {
                let map = is_map(object);
                for (key, inner) in object.iter_mut() {
                    let kind = format!("{kind}/{}", if map { "*" } else { key });
                    way.push(Step::Key(key.clone()));
                    self.change(inner, way, &kind);
                    way.pop();
                }
            }
            leaf => {
                if self.sequence.one_in(self.rate) {
                    let allowed = self.allowed.at(self.document, way, kind);
                    if let Some(value) = allowed.get(self.sequence.below(allowed.len())) {
                        *leaf = value.clone();
                        self.changes += 1;
                    }
                }
            }
        }
    }

    fn may(&self, way: &[Step], kind: &str, value: &Value) -> bool {
        self.allowed.at(self.document, way, kind).contains(value)
    }
}

/// Another name for one unit, wherever it is named.
fn renamed(document: &Value, sequence: &mut Sequence) -> Option<Value> {
    let units = document.pointer("/systemd/known/units")?.as_array()?;
    let name = units.get(sequence.below(units.len()))?["name"].as_str()?;
    let other = units.get(sequence.below(units.len()))?["name"].as_str()?;
    let new = [HOSTILE, other, "", "noname", "@.service"][sequence.below(5)];
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    serde_json::from_str(&document.to_string().replace(&quoted(name), &quoted(new))).ok()
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(has_null),
        Value::Object(object) => object.values().any(has_null),
        _ => false,
    }
}

/// What must hold of every report whatever the host.
fn check(snapshot: &Snapshot, scope: &Scope, at: &str) {
    let past = Probe::Known(Past::default());
    let made = || assess(snapshot, &past, &Settings::default(), scope);
    let report = made();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::to_string(&made()).unwrap(), text, "not the same again: {at}");
    assert!(!has_null(&serde_json::from_str(&text).unwrap()), "null in JSON: {at}");
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text, "not read back the same: {at}");
    let mut seen = BTreeSet::new();
    for finding in &report.findings {
        let behind = finding.cause.as_ref().is_none_or(|cause| seen.contains(cause));
        assert!(behind, "{} stands before its cause: {at}", finding.key);
        assert!(seen.insert(finding.key.clone()), "{} is there twice: {at}", finding.key);
        assert!(!finding.title.is_empty() && !finding.evidence.is_empty(), "{finding:?}: {at}");
    }
    let mut shown = Vec::new();
    sinks::write(Format::Rich, &report, &mut shown, &View::new(80).verbose(1)).unwrap();
    let shown = without_colour(&String::from_utf8(shown).unwrap());
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "not escaped: {at}");
}

/// What the commands ask for, in turn.
fn scope(number: u64) -> Scope {
    match number % 4 {
        0 => Scope::run(),
        1 => Scope { unit: Some("nosuch.service".into()), ..Scope::default() },
        2 => Scope { unit: Some(HOSTILE.into()), ..Scope::default() },
        _ => Scope { graph: true, trace: true, ..Scope::run() },
    }
}

#[test]
fn whatever_a_host_says_the_report_is_whole_and_the_same_again() {
    let (allowed, changed) = (Allowed::default(), Mutex::new(BTreeMap::new()));
    on_every_host(|host| {
        let document = document(host);
        let mut changes = 0;
        for round in 0..ROUNDS {
            let mut sequence = Sequence(round * 1_000 + host.name().len() as u64);
            let base = if round % 3 == 2 { renamed(&document, &mut sequence) } else { None };
            let base = base.unwrap_or_else(|| document.clone());
            let mut value = base.clone();
            let rate = [10, 100, 1_000, 3][usize::try_from(round).unwrap() % 4];
            let mut mutation =
                Mutation { document: &base, allowed: &allowed, sequence, rate, changes: 0 };
            mutation.change(&mut value, &mut Vec::new(), "");
            changes += mutation.changes;
            let at = format!("{}, round {round}", host.name());
            let snapshot: Snapshot =
                serde_json::from_value(value).unwrap_or_else(|error| panic!("{at}: {error}"));
            check(&snapshot, &scope(round + round / 4), &at);
        }
        changed.lock().unwrap().insert(host.name().to_owned(), changes);
    });
    for (host, changes) in changed.into_inner().unwrap() {
        assert!(changes > 1_000, "{host}: {changes} changes");
    }
    // Nearly every kind of place was changed: what allows one value only is the format and the like.
    let allowed = allowed.0.into_inner().unwrap();
    let fixed: Vec<&String> =
        allowed.iter().filter(|(_, values)| values.is_empty()).map(|(kind, _)| kind).collect();
    assert!(fixed.len() * 10 < allowed.len(), "{} of {}: {fixed:?}", fixed.len(), allowed.len());
}

fn document(host: &Host) -> Value {
    let mut document: Value = serde_json::from_str(&host.text()).unwrap();
    document["snapshot"].take()
}

/// The ways to all probes that know something; of a list the first three elements are looked into.
fn probes(value: &Value, way: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    match value {
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate().take(3) {
                way.push(Step::Index(index));
                probes(inner, way, found);
                way.pop();
            }
        }
        Value::Object(object) => {
            if object.len() == 1 && (object.contains_key("known") || object.contains_key("partial"))
            {
                found.push(way.clone());
            }
            for (key, inner) in object {
                way.push(Step::Key(key.clone()));
                probes(inner, way, found);
                way.pop();
            }
        }
        _ => {}
    }
}

/// Findings that are bad enough to look into.
fn problems(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity >= Severity::Warning)
}

#[test]
fn what_cannot_be_read_is_not_well() {
    on_every_host(|host| {
        let document = document(host);
        let whole = report_on(&host.snapshot());
        let mut ways = Vec::new();
        probes(&document, &mut Vec::new(), &mut ways);
        assert!(ways.len() > 10, "{}: {} probes", host.name(), ways.len());
        for way in ways {
            let mut less = document.clone();
            *place(&mut less, &way).unwrap() =
                json!({"unknown": {"what": "taken away", "why": "absent"}});
            let snapshot: Snapshot = serde_json::from_value(less).unwrap();
            let report = report_on(&snapshot);
            let lost: Vec<&str> = problems(&whole)
                .filter(|had| !report.findings.iter().any(|has| has.key == had.key))
                .map(|finding| finding.key.as_str())
                .collect();
            let told = report.not_assessed.iter().any(|gap| gap.what == "taken away");
            let mut at = String::new();
            write!(at, "{}: without {way:?}", host.name()).unwrap();
            assert!(lost.is_empty() || told, "{at} nobody says a word of {lost:?}");
            if !lost.is_empty() {
                let mut shown = Vec::new();
                sinks::write(Format::Rich, &report, &mut shown, &View::new(80)).unwrap();
                let shown = without_colour(&String::from_utf8(shown).unwrap());
                let head: String = shown.lines().take(4).collect::<Vec<_>>().join("\n");
                assert!(head.contains("not assessed"), "{at} the verdict is\n{head}");
            }
        }
    });
}

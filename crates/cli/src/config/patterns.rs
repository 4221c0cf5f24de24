//! `[[logs.patterns]]`: messages that the user knows to be bad. Those of all files count, as of the
//! other lists.
//!
//! What an entry may have is said by [`PatternSpec`] alone; here its words about what is wrong become
//! those of every other key, with file and line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sysdiag_logs::{Catalogue, PatternSpec};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::layer::{Problem, Reader, cut, shown};
use super::{Origin, nearest};
use crate::sinks::text::escape;

/// The key of the list.
pub(super) const KEY: &str = "logs.patterns";

/// One entry of the list, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedPattern {
    /// `logs.patterns`.
    pub section: &'static str,
    /// What the entry gives.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
    /// Where it came from.
    pub origin: Origin,
    #[serde(skip)]
    spec: PatternSpec,
    /// Where each of the fields came from.
    #[serde(skip)]
    origins: BTreeMap<String, Origin>,
}

impl ListedPattern {
    /// The pattern.
    pub fn spec(&self) -> PatternSpec {
        self.spec.clone()
    }
}

impl Reader<'_> {
    /// The entries: `[[logs.patterns]]` as often as one likes, or `[logs.patterns]` once.
    pub(super) fn patterns(
        &self,
        offset: usize,
        content: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<ListedPattern>, Vec<Problem>> {
        let wrong = |offset, found: &DeValue<'_>| {
            self.problem(KEY, offset, format!("expected [[{KEY}]], found {}", shown(found)))
        };
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        let items = match content.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![content],
        };
        for item in items {
            // The key of a list stands where its first entry does.
            let start = if std::ptr::eq(item, content) { offset } else { item.span().start };
            let DeValue::Table(table) = item.get_ref() else {
                problems.push(wrong(start, item.get_ref()));
                continue;
            };
            match self.pattern(start, item, table) {
                Ok(entry) => entries.push(entry),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(entries) } else { Err(problems) }
    }

    fn pattern(
        &self,
        offset: usize,
        item: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Result<ListedPattern, Problem> {
        let spec = PatternSpec::deserialize(ValueDeserializer::from(item.clone()))
            .map_err(|error| self.not_a_pattern(offset, table, error.span(), error.message()))?;
        let origins: BTreeMap<String, Origin> = table
            .keys()
            .map(|key| (key.get_ref().to_string(), self.origin(key.span().start)))
            .collect();
        let Ok(Value::Object(mut fields)) = serde_json::to_value(&spec) else {
            return Err(self.problem(KEY, offset, "it cannot be shown".to_owned()));
        };
        fields.retain(|field, _| origins.contains_key(field));
        let origin = self.origin(offset);
        Ok(ListedPattern { section: KEY, fields, origin, spec, origins })
    }

    /// What serde says is wrong, in the words of every other key.
    fn not_a_pattern(
        &self,
        offset: usize,
        table: &DeTable<'_>,
        span: Option<Range<usize>>,
        message: &str,
    ) -> Problem {
        let at = span.map(|span| span.start);
        let field = at.and_then(|at| {
            table.iter().find(|(key, value)| key.span().contains(&at) || covers(value, at))
        });
        let at = at.filter(|_| field.is_some()).unwrap_or(offset);
        let name =
            field.map_or_else(|| KEY.to_owned(), |(key, _)| format!("{KEY}.{}", key.get_ref()));
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let (given, known) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
            let given = given.trim_matches('`');
            // Of the entry itself, or of a table in it.
            let own = field.is_none_or(|(key, _)| key.span().contains(&at));
            let table = if own { KEY } else { &name };
            let meant = nearest(given, known.split('`').skip(1).step_by(2)).unwrap_or_default();
            let message = format!("unknown key: nearest is {}.{meant}", escape(&cut(table)));
            return self.problem(&format!("{table}.{given}"), at, message);
        }
        self.problem(&name, at, reworded(message))
    }
}

/// Whether the value stands there, or something in it: a table with a header of its own spans that only.
fn covers(value: &Spanned<DeValue<'_>>, at: usize) -> bool {
    value.span().contains(&at)
        || match value.get_ref() {
            DeValue::Table(table) => {
                table.iter().any(|(key, value)| key.span().contains(&at) || covers(value, at))
            }
            _ => false,
        }
}

/// `expected ..., found ...`, as far as serde says so.
fn reworded(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("needs {field}");
    }
    let what = ["invalid type: ", "invalid value: ", "invalid length: ", "unknown variant "]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| rest.rsplit_once(", expected "));
    let Some((found, expected)) = what else {
        // What a list of choices says of anything but a text.
        return match message.strip_prefix("wanted ") {
            Some(_) => "expected a text".to_owned(),
            None => escape(&cut(message)),
        };
    };
    let expected = match expected {
        "a string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        expected if expected.starts_with("struct ") => "a table",
        expected if expected.contains("tagged enum") => "a table with kind",
        expected => expected,
    };
    format!("expected {expected}, found {}", escape(&cut(found)))
}

/// What is wrong with patterns that are well written and cannot be used: a regex, an id that is taken.
pub(super) fn unusable(listed: &[ListedPattern]) -> Option<Problem> {
    if listed.is_empty() {
        return None;
    }
    let error = Catalogue::with(listed.iter().map(ListedPattern::spec).collect()).err()?;
    // An id that is taken is the fault of the last one that has it. Long ones are cut in the error.
    let mut same = listed.iter().filter(|entry| entry.spec.id.starts_with(&error.id));
    let entry = if error.key == "id" { same.next_back() } else { same.next() };
    let field = error.key.split('.').next().unwrap_or_default();
    let entry = entry.or(listed.last())?;
    let origin = entry.origins.get(field).unwrap_or(&entry.origin).clone();
    let key = Some(format!("{KEY}.{}", error.key));
    let message = format!("pattern \"{}\": {}", error.id.escape_debug(), cut_why(&error.why));
    Some(Problem { origin, key, message })
}

/// Errors of a regex show it on lines of their own; the last line says what is wrong.
fn cut_why(why: &str) -> String {
    let last = why.lines().next_back().unwrap_or_default();
    escape(&last.chars().take(300).collect::<String>())
}

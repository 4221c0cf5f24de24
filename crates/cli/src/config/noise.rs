//! `[[ignore]]` and `[[expect]]`: lists of what nobody wants to hear of. Unlike values, those of all
//! files count.

use std::collections::BTreeMap;

use serde::Serialize;
use sysdiag_analyze::noise::{Expect, ExpectedState, Ignore, Pattern};
use sysdiag_analyze::{Settings, rules};
use sysdiag_model::UnitName;
use toml::de::{DeTable, DeValue};

use super::layer::{Problem, Reader, shown};
use super::{Origin, nearest};

/// Sections that are lists.
pub(super) const SECTIONS: [&str; 2] = ["ignore", "expect"];
/// No unit name, rule or reason is longer.
const MAX_CHARS: usize = 512;

/// One entry of a list, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// `ignore` or `expect`.
    pub section: &'static str,
    /// `unit`, `rule`, `state`, `reason`: those that are given.
    #[serde(flatten)]
    pub fields: BTreeMap<&'static str, String>,
    /// Where it came from.
    pub origin: Origin,
}

const fn fields(section: &str) -> [&'static str; 3] {
    match section.as_bytes() {
        b"ignore" => ["unit", "rule", "reason"],
        _ => ["unit", "state", "reason"],
    }
}

impl Reader<'_> {
    /// The entries of a section: `[[ignore]]` as often as one likes, or `[ignore]` once.
    pub(super) fn list(
        &self,
        section: &'static str,
        offset: usize,
        content: &DeValue<'_>,
    ) -> Result<Vec<Listed>, Vec<Problem>> {
        let wrong = |offset, found: &DeValue<'_>| {
            let message = format!("expected [[{section}]], found {}", shown(found));
            vec![self.problem(section, offset, message)]
        };
        match content {
            DeValue::Table(table) => Ok(vec![self.entry(section, offset, table)?]),
            DeValue::Array(items) => {
                let mut entries = Vec::new();
                let mut problems = Vec::new();
                for item in items {
                    let start = item.span().start;
                    let entry = match item.get_ref() {
                        DeValue::Table(table) => self.entry(section, start, table),
                        other => Err(wrong(start, other)),
                    };
                    match entry {
                        Ok(entry) => entries.push(entry),
                        Err(found) => problems.extend(found),
                    }
                }
                if problems.is_empty() { Ok(entries) } else { Err(problems) }
            }
            other => Err(wrong(offset, other)),
        }
    }

    fn entry(
        &self,
        section: &'static str,
        offset: usize,
        table: &DeTable<'_>,
    ) -> Result<Listed, Vec<Problem>> {
        let known = fields(section);
        let mut fields = BTreeMap::new();
        let mut problems = Vec::new();
        for (field, value) in table {
            let start = field.span().start;
            let key = format!("{section}.{}", field.get_ref());
            let Some(field) = known.into_iter().find(|known| *known == field.get_ref().as_ref())
            else {
                let meant = nearest(field.get_ref(), known.into_iter()).unwrap_or_default();
                let message = format!("unknown key: nearest is {section}.{meant}");
                problems.push(self.problem(&key, start, message));
                continue;
            };
            match text(field, value.get_ref()) {
                Ok(text) => drop(fields.insert(field, text)),
                Err(message) => problems.push(self.problem(&key, start, message)),
            }
        }
        // A field that is wrong is not missing.
        let given = |field: &str| table.keys().any(|key| key.get_ref().as_ref() == field);
        let missing = match section {
            "ignore" if !given("unit") && !given("rule") => Some("needs a unit, a rule, or both"),
            "expect" if !given("unit") || !given("state") => Some("needs a unit and a state"),
            _ => None,
        };
        problems.extend(missing.map(|needs| self.problem(section, offset, needs.to_owned())));
        if !problems.is_empty() {
            return Err(problems);
        }
        let unit = fields.get("unit").filter(|_| section == "expect");
        if let Some(unit) = unit.filter(|unit| is_no_unit(unit)) {
            let message = format!(
                "expected the name or pattern of a unit, such as \"{}.service\"",
                unit.escape_debug()
            );
            return Err(vec![self.problem("expect.unit", offset, message)]);
        }
        Ok(Listed { section, fields, origin: self.origin(offset) })
    }
}

/// A name without a type is never that of a unit; a pattern may match one.
fn is_no_unit(unit: &str) -> bool {
    let name = Pattern::new(unit).literal();
    name.is_some_and(|name| UnitName::new(&name).unit_type().is_none())
}

/// The text of a field, or what is wrong with it.
fn text(field: &str, value: &DeValue<'_>) -> Result<String, String> {
    let expected = |what: &str| Err(format!("expected {what}, found {}", shown(value)));
    let DeValue::String(text) = value else { return expected("a text") };
    match field {
        _ if text.is_empty() || text.chars().count() > MAX_CHARS => {
            expected(&format!("a text of 1 to {MAX_CHARS} characters"))
        }
        "rule" if rules::find(text).is_none() => {
            let ids = rules::ALL.iter().map(|rule| rule.id);
            let meant = nearest(text, ids).unwrap_or_default();
            Err(format!("there is no rule {}: nearest is {meant}", shown(value)))
        }
        "state" if state(text).is_none() => {
            let states = ExpectedState::ALL.map(|state| format!("\"{}\"", state.as_str()));
            expected(&states.join(" or "))
        }
        _ => Ok(text.to_string()),
    }
}

fn state(text: &str) -> Option<ExpectedState> {
    ExpectedState::ALL.into_iter().find(|state| state.as_str() == text)
}

/// Puts the entries into the settings.
pub(super) fn apply(listed: &[Listed], settings: &mut Settings) {
    for entry in listed {
        let field = |name: &str| entry.fields.get(name);
        let unit = field("unit").map(|unit| Pattern::new(unit));
        let reason = field("reason").cloned();
        match (entry.section, unit, field("state").and_then(|text| state(text))) {
            ("expect", Some(unit), Some(state)) => {
                settings.expect.push(Expect { unit, state, reason });
            }
            ("ignore", unit, _) => {
                settings.ignore.push(Ignore { unit, rule: field("rule").cloned(), reason });
            }
            _ => {}
        }
    }
}

//! One file of configuration into values, or into everything that is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::noise::Listed;
use super::patterns::ListedPattern;
use super::{Key, Origin, nearest, noise, patterns};

/// More than these are not told: the file is something else.
const MAX_PROBLEMS: usize = 20;

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) origin: Origin,
    pub(super) key: Option<String>,
    pub(super) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "{}: ", key.escape_debug())?;
        }
        f.write_str(&self.message)
    }
}

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// By key.
    pub(super) values: BTreeMap<String, (Value, Origin)>,
    /// `[[ignore]]` and `[[expect]]`.
    pub(super) listed: Vec<Listed>,
    /// `[[logs.patterns]]`.
    pub(super) patterns: Vec<ListedPattern>,
}

/// What a file says, or everything that is wrong with it.
pub(super) fn parse(text: &str, path: &Path, keys: &[Key]) -> Result<Layer, Vec<Problem>> {
    let reader = Reader { text, path, keys };
    let root = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        // The first line of the message; the others repeat the file.
        let what = error.message().lines().next().unwrap_or("not TOML");
        let message = format!("{what}: {}", reader.line_at(start));
        vec![Problem { origin: reader.origin(start), key: None, message }]
    })?;
    let mut layer = Layer::default();
    let mut problems = Vec::new();
    for (section, content) in root.get_ref() {
        let start = section.span().start;
        let section = section.get_ref().as_ref();
        if let Some(list) = noise::SECTIONS.into_iter().find(|list| *list == section) {
            match reader.list(list, start, content.get_ref()) {
                Ok(entries) => layer.listed.extend(entries),
                Err(found) => problems.extend(found),
            }
            continue;
        }
        let known = keys.iter().any(|key| key.section() == section);
        match content.get_ref() {
            DeValue::Table(table) if known => {
                for (field, value) in table {
                    let name = format!("{section}.{}", field.get_ref());
                    if name == patterns::KEY {
                        match reader.patterns(field.span().start, value) {
                            Ok(entries) => layer.patterns.extend(entries),
                            Err(found) => problems.extend(found),
                        }
                        continue;
                    }
                    match reader.value(&name, field.span().start, value) {
                        Ok(value) => drop(layer.values.insert(name, value)),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            DeValue::Table(table) => {
                let field = table.keys().next().map(|field| field.get_ref().as_ref());
                problems.push(reader.unknown_section(section, field, start));
            }
            _ if known => problems.push(reader.problem(
                section,
                start,
                format!("expected a section [{section}], found {}", shown(content.get_ref())),
            )),
            _ => problems.push(reader.unknown(section, start)),
        }
    }
    // In the order of the file, however the table is sorted.
    problems.sort_by_key(|problem| match &problem.origin {
        Origin::File { line, .. } => *line,
        Origin::Default => 0,
    });
    problems.truncate(MAX_PROBLEMS);
    if problems.is_empty() { Ok(layer) } else { Err(problems) }
}

pub(super) struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    keys: &'a [Key],
}

impl Reader<'_> {
    pub(super) fn origin(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        Origin::File { path: self.path.to_owned(), line }
    }

    /// The line of the file that has this offset, short.
    fn line_at(&self, offset: usize) -> String {
        let (before, after) = self.text.split_at_checked(offset).unwrap_or((self.text, ""));
        let begin = before.rsplit('\n').next().unwrap_or_default();
        let end = after.lines().next().unwrap_or_default();
        cut(format!("{begin}{end}").trim()).escape_debug().to_string()
    }

    pub(super) fn problem(&self, name: &str, offset: usize, message: String) -> Problem {
        Problem { origin: self.origin(offset), key: Some(cut(name)), message }
    }

    fn unknown(&self, name: &str, offset: usize) -> Problem {
        let names = self.keys.iter().map(|key| key.name.as_str()).chain([patterns::KEY]);
        let meant =
            nearest(name, names).map_or_else(String::new, |key| format!(": nearest is {key}"));
        self.problem(name, offset, format!("unknown key{meant}"))
    }

    fn unknown_section(&self, section: &str, field: Option<&str>, offset: usize) -> Problem {
        let sections = self.keys.iter().map(Key::section).chain(noise::SECTIONS);
        let nearest_section = nearest(section, sections).unwrap_or_default();
        let mut message = format!("unknown section: nearest is [{nearest_section}]");
        if let Some(field) = field {
            let wanted = format!("{section}.{field}");
            let names = self.keys.iter().map(|key| key.name.as_str()).chain([patterns::KEY]);
            if let Some(key) = nearest(&wanted, names) {
                message.push_str(", nearest key ");
                message.push_str(key);
            }
        }
        self.problem(section, offset, message)
    }

    fn value(
        &self,
        name: &str,
        offset: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(Value, Origin), Problem> {
        let Some(key) = self.keys.iter().find(|key| key.name == name) else {
            return Err(self.unknown(name, offset));
        };
        match plain(value.get_ref()) {
            Some(plain) if key.kind.accepts(&plain) => Ok((plain, self.origin(offset))),
            _ => Err(self.problem(
                name,
                offset,
                format!("expected {}, found {}", key.kind.expected(), shown(value.get_ref())),
            )),
        }
    }
}

/// The value without its places. None: no JSON value is like it, so no key takes it.
fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Number(integer(number)?.into()),
        DeValue::Float(number) => Value::Number(Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Array(items) => Value::Array(
            items.iter().map(|item| plain(item.get_ref())).collect::<Option<Vec<_>>>()?,
        ),
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// What was found, short.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", cut(text).escape_debug()),
        DeValue::Integer(number) if integer(number).is_none() => {
            "a number that is too large".into()
        }
        DeValue::Integer(number) => cut(&number.to_string()),
        DeValue::Float(number) => cut(number.as_str()),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

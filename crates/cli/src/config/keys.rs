//! Every key, its default and what its values must be, derived from [`Config`]'s own default.

use std::path::Path;

use serde_json::Value;

use super::Config;

/// One key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// `section.field`.
    pub name: String,
    /// What its values must be.
    pub kind: Kind,
    /// None: not set.
    pub default: Option<Value>,
}

impl Key {
    /// The part before the dot.
    pub fn section(&self) -> &str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The part after the dot.
    pub fn field(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(_, field)| field)
    }
}

/// What the values of a key must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// One of these.
    Choice(&'static [&'static str]),
    /// `http://` or `https://` and a host.
    Url,
    /// An absolute path, or one below the user's home (`~/`).
    Path,
    /// True or false.
    Bool,
    /// A whole number within these bounds.
    Integer(i64, i64),
    /// A number within these bounds; a whole number is one.
    Number(f64, f64),
    /// Texts.
    TextList,
}

impl Kind {
    /// What is expected, for a message.
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Choice(choices) => {
                let quoted: Vec<String> =
                    choices.iter().map(|text| format!("\"{text}\"")).collect();
                quoted.join(" or ")
            }
            Self::Url => "a text such as \"http://localhost:11434\"".to_owned(),
            Self::Path => "an absolute path, or one that begins with ~/".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Integer(i64::MIN, i64::MAX) => "a whole number".to_owned(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::TextList => "a list of texts".to_owned(),
        }
    }

    /// Whether the value is of the right type and within the bounds.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text, Value::String(text)) => !text.is_empty(),
            (Self::Choice(choices), Value::String(text)) => choices.contains(&text.as_str()),
            (Self::Url, Value::String(text)) => text
                .strip_prefix("http://")
                .or_else(|| text.strip_prefix("https://"))
                .is_some_and(|host| {
                    !host.is_empty()
                        && !host.starts_with(['/', ':'])
                        && !host.contains(|c: char| c.is_whitespace() || c.is_control())
                }),
            (Self::Path, Value::String(text)) => {
                (Path::new(text).is_absolute() || text.starts_with("~/")) && !text.contains('\0')
            }
            (Self::Bool, Value::Bool(_)) => true,
            (Self::Integer(min, max), Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Self::Number(min, max), Value::Number(number)) => {
                number.as_f64().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Self::TextList, Value::Array(items)) => {
                items.iter().all(|item| item.as_str().is_some_and(|text| !text.is_empty()))
            }
            _ => false,
        }
    }
}

/// Every key.
pub fn all() -> Vec<Key> {
    let Ok(Value::Object(sections)) = serde_json::to_value(Config::default()) else {
        return Vec::new();
    };
    let mut keys = Vec::new();
    for (section, fields) in sections {
        let Value::Object(fields) = fields else { continue };
        for (field, default) in fields {
            let name = format!("{section}.{field}");
            let kind = kind(&name, &default);
            let default = if default.is_null() { None } else { Some(default) };
            keys.push(Key { name, kind, default });
        }
    }
    keys
}

/// What a value must be: stated where the default does not say it, else by type and unit.
fn kind(name: &str, default: &Value) -> Kind {
    const YEAR_SECONDS: i64 = 365 * 86_400;
    match name {
        "llm.provider" => return Kind::Choice(&["ollama", "openai"]),
        "llm.host" => return Kind::Url,
        "llm.temperature" => return Kind::Number(0.0, 2.0),
        "llm.max_tokens" | "llm.context_window" => return Kind::Integer(1, 100_000_000),
        "history.max_files" => return Kind::Integer(i64::MIN, i64::MAX),
        "history.compare_reports" => return Kind::Integer(1, 1000),
        "models.lstm_timesteps" | "models.min_samples_train" => return Kind::Integer(1, 100_000),
        "collect.deadline_seconds" => return Kind::Integer(1, 600),
        "collect.sample_interval_ms" => return Kind::Integer(10, 60_000),
        "logs.baseline_boots" => return Kind::Integer(0, 20),
        "collect.recent_lines" => return Kind::Integer(0, 1000),
        _ => {}
    }
    match default {
        Value::Bool(_) => Kind::Bool,
        Value::Array(_) => Kind::TextList,
        Value::Number(number) if number.is_f64() => {
            Kind::Number(0.0, if name.ends_with("_percent") { 100.0 } else { 1e12 })
        }
        Value::Number(_) if name.ends_with("_seconds") => Kind::Integer(1, YEAR_SECONDS),
        Value::Number(_) if name.ends_with("_bytes") => Kind::Integer(0, 1 << 60),
        Value::Number(_) => Kind::Integer(1, 1_000_000),
        Value::String(_) if name.ends_with("directory") => Kind::Path,
        Value::String(_) | Value::Null | Value::Object(_) => Kind::Text,
    }
}

//! What a finding rests on: a typed value and the place it was read from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One fact that supports a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What the value is: `memory.max`, `exit status`, `last log line`.
    pub what: String,
    /// The value, and its unit if it has one.
    #[serde(flatten)]
    pub value: Value,
    /// Where it was read: a file, a D-Bus property, a journal field.
    pub source: String,
}

impl Evidence {
    /// A fact and where it was read.
    pub fn new(what: impl Into<String>, value: Value, source: impl Into<String>) -> Self {
        Self { what: what.into(), value, source: source.into() }
    }

    /// A fact in words.
    pub fn text(
        what: impl Into<String>,
        value: impl Into<String>,
        source: impl Into<String>,
    ) -> Self {
        Self::new(what, Value::Text(value.into()), source)
    }
}

/// A value with its unit, `{"unit": "bytes", "value": 4096}` in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "unit", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// Words, a name, a log line.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A number that can be negative: an exit status, an errno.
    Number(i64),
    /// Bytes.
    Bytes(u64),
    /// A duration in microseconds.
    Usec(u64),
    /// Per cent, 100 is all of it (or one CPU).
    Percent(f64),
    /// A point in time.
    Time(Timestamp),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_stands_beside_the_value() {
        let evidence = Evidence::new("memory.max", Value::Bytes(4096), "cgroup");
        let text = serde_json::to_string(&evidence).unwrap();
        assert_eq!(text, r#"{"what":"memory.max","unit":"bytes","value":4096,"source":"cgroup"}"#);
        assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    }
}

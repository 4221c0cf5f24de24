//! Templates of log messages: the wordings of one boot or window, with how often each came.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::LogLine;
use crate::{BootId, Timestamp, UnitName};

/// What messages of one boot, or of a window of it, have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTemplates {
    /// The boot. None: a window of time that is not of one boot.
    pub boot_id: Option<BootId>,
    /// Messages from here on were looked at.
    pub since: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// `since` is the beginning of the boot, so that the age of a message is the uptime of its host.
    pub from_boot: bool,
    /// Messages that were looked at.
    pub entries: u64,
    /// Templates, most severe first, of one severity the most frequent first.
    pub templates: Vec<LogTemplate>,
    /// Templates that are not here because there were too many: the least severe and frequent.
    pub dropped_templates: u64,
    /// Messages of templates that are not here.
    pub dropped_entries: u64,
    /// By sender, as in the templates: messages that journald did not store because there were too
    /// many (`RateLimitBurst=`, `journald.conf(5)`). Counts of these senders are lower bounds.
    #[serde(default)]
    pub suppressed: BTreeMap<String, u64>,
    /// Templates of messages that are known to be bad and told of as such, in order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub known_bad: Vec<TemplateId>,
}

/// Messages of one wording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogTemplate {
    /// Its identity, kept when its text becomes more general in a later boot.
    pub id: TemplateId,
    /// Who logs it, `SYSLOG_IDENTIFIER`, else `_COMM`, bounded; hexadecimal identifiers as `<*>`.
    pub sender: String,
    /// The wording, with `<*>` for what varies.
    pub text: String,
    /// The most severe priority it came with, 0..=7.
    pub priority: u8,
    /// How often.
    pub count: u64,
    /// First time.
    pub first: Timestamp,
    /// Last time.
    pub last: Timestamp,
    /// How often in each of the last 48 hours before `until`: 0 is the last one. Hours without any
    /// are left out. None: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recent_hours: Option<BTreeMap<u8, u64>>,
    /// One of the messages. None: not kept, which is so where the template is nothing new.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub example: Option<LogExample>,
}

/// A message of a template as it was logged, and for whom such messages are logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogExample {
    /// The last one; its message is at most 512 bytes.
    pub line: LogLine,
    /// Units that log such messages or that they are about, the most frequent first, at most 16.
    pub units: Vec<UnitName>,
}

/// The identity of a template: 64 bits, printed as 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(u64);

impl TemplateId {
    /// From a hash of what the template is told by.
    pub const fn new(hash: u64) -> Self {
        Self(hash)
    }
}

/// The text is not 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTemplateId;

impl fmt::Display for InvalidTemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template id is 16 hexadecimal digits")
    }
}

impl std::error::Error for InvalidTemplateId {}

impl FromStr for TemplateId {
    type Err = InvalidTemplateId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidTemplateId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidTemplateId)
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for TemplateId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TemplateId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for TemplateId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TemplateId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{16}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> LogTemplates {
        LogTemplates {
            boot_id: None,
            since: Timestamp::from_usec(1),
            until: Timestamp::from_usec(9),
            from_boot: true,
            entries: 7,
            templates: vec![LogTemplate {
                id: TemplateId::new(0xab),
                sender: "sshd".into(),
                text: "Accepted key for <*>".into(),
                priority: 6,
                count: 7,
                first: Timestamp::from_usec(2),
                last: Timestamp::from_usec(8),
                recent_hours: Some(BTreeMap::from([(0, 7)])),
                example: None,
            }],
            dropped_templates: 0,
            dropped_entries: 0,
            suppressed: BTreeMap::from([("sshd".into(), 3)]),
            known_bad: Vec::new(),
        }
    }

    #[test]
    fn comes_back_from_json_as_it_was() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert!(text.contains(r#""id":"00000000000000ab""#), "{text}");
        assert_eq!(serde_json::from_str::<LogTemplates>(&text).unwrap(), sample());
    }

    #[test]
    fn one_that_was_stored_without_an_example_is_read() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert!(!text.contains("example"), "{text}");
        assert_eq!(serde_json::from_str::<LogTemplates>(&text).unwrap().templates[0].example, None);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for bad in ["", "ab", "00000000000000zz", "+0000000000000ab", "00000000000000abc"] {
            assert_eq!(bad.parse::<TemplateId>(), Err(InvalidTemplateId), "{bad}");
        }
    }
}

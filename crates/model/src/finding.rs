//! A problem of the host, as a rule states it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Evidence, Timestamp};

/// How bad it is: what broke service, what will, what looks odd, what is good to know.
///
/// Ordered from the least to the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; nobody has to act.
    Info,
    /// Odd, or will break if nobody acts.
    Warning,
    /// Something does not work.
    Error,
    /// The host, or what others rest on, does not work.
    Critical,
}

impl Severity {
    /// From the worst to the least.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Error, Self::Warning, Self::Info];

    /// As in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is none of the four severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSeverity;

impl fmt::Display for UnknownSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected critical, error, warning or info")
    }
}

impl std::error::Error for UnknownSeverity {}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(UnknownSeverity)
    }
}

/// `rule:subject`: the same problem has the same key in every report.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FindingKey(String);

impl FindingKey {
    /// The key of what `rule` says about `subject`.
    pub fn new(rule: &str, subject: &str) -> Self {
        Self(format!("{rule}:{subject}"))
    }

    /// As in JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the problem was in the report before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingStatus {
    /// Not in the last report of this host.
    New,
    /// In the last report too.
    Continuing,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `rule:subject`.
    pub key: FindingKey,
    /// Identifier of the rule, kebab-case, never renamed.
    pub rule: String,
    /// A unit name, device, path, or `host`.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub title: String,
    /// When the problem began, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// What the finding rests on.
    pub evidence: Vec<Evidence>,
    /// A command that helps next, valid on this host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
    /// The finding that explains this one best; absent at the top.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<FindingKey>,
    /// Other findings about the same trouble.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub related: Vec<FindingKey>,
    /// Absent where no earlier report was there to compare with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<FindingStatus>,
    /// Reports in a row that had it, this one included; those that could not see it do not count.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reports_in_a_row: Option<u64>,
    /// When the first of these was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_seen: Option<Timestamp>,
    /// How often it came or went within the last 20 reports. Absent: less than 3 times.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comes_and_goes: Option<u64>,
    /// Why it stands under `ignored_findings`: the reason that the configuration gives, or what it expects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ignored_because: Option<String>,
}

impl Finding {
    /// A finding without evidence, time, next step or cause; a rule adds them.
    pub fn new(
        rule: &str,
        severity: Severity,
        subject: impl Into<String>,
        title: impl Into<String>,
    ) -> Self {
        let subject = subject.into();
        Self {
            key: FindingKey::new(rule, &subject),
            rule: rule.to_owned(),
            subject,
            severity,
            title: title.into(),
            since: None,
            evidence: Vec::new(),
            next: None,
            cause: None,
            related: Vec::new(),
            status: None,
            reports_in_a_row: None,
            first_seen: None,
            comes_and_goes: None,
            ignored_because: None,
        }
    }

    /// With one more fact.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// With the time it began, if that is known.
    #[must_use]
    pub const fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }

    /// With a command that helps next.
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next = Some(command.into());
        self
    }
}

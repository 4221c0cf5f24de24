//! What a person wants to hear nothing of: findings that the configuration ignores, and states of
//! units that it expects.
//!
//! Nothing is lost: what is ignored leaves the findings and stands in a list of its own.

mod pattern;

pub use pattern::Pattern;

use std::collections::HashMap;

use sysdiag_model::{Finding, FindingKey, Snapshot};

use crate::{Section, Settings, rules};

/// One `[[ignore]]`: findings that are about what the pattern matches, of this rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// Unit, mount point, device or `host`. None: whatever it is about.
    pub unit: Option<Pattern>,
    /// Identifier of the rule. None: any.
    pub rule: Option<String>,
    /// Why, in the words of who configured it.
    pub reason: Option<String>,
}

/// One `[[expect]]`: the state that units are to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// Which units.
    pub unit: Pattern,
    /// What is normal of them.
    pub state: ExpectedState,
    /// Why, in the words of who configured it.
    pub reason: Option<String>,
}

/// States that can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedState {
    /// It is up, or on its way.
    Active,
    /// It is not up; nor has it failed.
    Inactive,
    /// It may have failed.
    Failed,
    /// It can not be started.
    Masked,
}

impl ExpectedState {
    /// Every state, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::Failed, Self::Masked];

    /// As in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
            Self::Masked => "masked",
        }
    }

    /// Whether a unit in these states is as expected.
    pub(crate) fn holds(self, load_state: &str, active_state: &str) -> bool {
        match self {
            Self::Active => {
                matches!(active_state, "active" | "reloading" | "refreshing" | "activating")
            }
            Self::Inactive => active_state == "inactive",
            // Better than expected is no problem.
            Self::Failed => true,
            Self::Masked => load_state == "masked",
        }
    }
}

/// Takes the findings out of `findings` that are ignored, each with the reason. What an ignored one
/// explains hangs below the cause of that, or stands at the top.
pub(crate) fn take_ignored(
    findings: &mut Vec<Finding>,
    snapshot: &Snapshot,
    settings: &Settings,
) -> Vec<Finding> {
    if settings.ignore.is_empty() && settings.expect.is_empty() {
        return Vec::new();
    }
    let (mut ignored, kept): (Vec<Finding>, Vec<Finding>) = std::mem::take(findings)
        .into_iter()
        .map(|mut finding| {
            finding.ignored_because = why_ignored(&finding, snapshot, settings);
            finding
        })
        .partition(|finding| finding.ignored_because.is_some());
    *findings = kept;
    let above: HashMap<FindingKey, Option<FindingKey>> =
        ignored.iter().map(|finding| (finding.key.clone(), finding.cause.clone())).collect();
    for finding in findings {
        // At most once through all of them: causes may form a ring.
        for _ in 0..=above.len() {
            let Some(cause) = finding.cause.as_ref().and_then(|cause| above.get(cause)) else {
                break;
            };
            finding.cause.clone_from(cause);
        }
    }
    ignored.sort_by(|a, b| a.key.cmp(&b.key));
    ignored.dedup_by(|a, b| a.key == b.key);
    ignored
}

fn why_ignored(finding: &Finding, snapshot: &Snapshot, settings: &Settings) -> Option<String> {
    let by_rule = settings.ignore.iter().find(|ignore| {
        ignore.unit.as_ref().is_none_or(|unit| unit.matches(&finding.subject))
            && ignore.rule.as_ref().is_none_or(|rule| *rule == finding.rule)
    });
    if let Some(ignore) = by_rule {
        return Some(ignore.reason.clone().unwrap_or_else(|| "ignored".to_owned()));
    }
    as_expected(finding, snapshot, settings)
}

/// A finding about the state of a unit which is in the state that is expected of it.
fn as_expected(finding: &Finding, snapshot: &Snapshot, settings: &Settings) -> Option<String> {
    let about_state =
        rules::find(&finding.rule).is_some_and(|rule| rule.section == Section::Health);
    if !about_state || finding.rule == rules::NOT_AS_EXPECTED {
        return None;
    }
    let unit = snapshot.systemd.value()?.unit(&finding.subject)?;
    let expect = settings.expect.iter().find(|expect| {
        let normal = match expect.state {
            ExpectedState::Active => false,
            ExpectedState::Inactive => unit.active_state == "inactive",
            ExpectedState::Failed => !matches!(unit.active_state.as_str(), "active" | "reloading"),
            ExpectedState::Masked => unit.load_state == "masked",
        };
        normal && expect.unit.matches(&finding.subject)
    })?;
    let expected = format!("expected to be {}", expect.state.as_str());
    Some(expect.reason.as_ref().map_or(expected.clone(), |reason| format!("{expected}: {reason}")))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Probe, Report};

    use super::*;
    use crate::testing::healthy;
    use crate::testing_events::{depends, failed_service};
    use crate::{Past, Scope, assess};

    fn ignore(unit: Option<&str>, rule: Option<&str>) -> Settings {
        let unit = unit.map(Pattern::new);
        let rule = rule.map(str::to_owned);
        Settings {
            ignore: vec![Ignore { unit, rule, reason: Some("known".to_owned()) }],
            ..Settings::default()
        }
    }

    fn expect(unit: &str, state: ExpectedState) -> Settings {
        let expect = Expect { unit: Pattern::new(unit), state, reason: None };
        Settings { expect: vec![expect], ..Settings::default() }
    }

    /// `app.service` failed because `db.service` did.
    fn broken() -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        failed_service(&mut snapshot, "app.service", "exit-code", 1, 1);
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        depends(&mut snapshot, "app.service", "After", "db.service");
        snapshot
    }

    fn report(snapshot: &Snapshot, settings: &Settings) -> Report {
        assess(snapshot, &Probe::Known(Past::default()), settings, &Scope::run())
    }

    fn keys(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.key.as_str()).collect()
    }

    #[test]
    fn an_ignored_cause_leaves_its_effect_at_the_top() {
        let all = report(&broken(), &Settings::default());
        assert_eq!(keys(&all.findings), ["unit-failed:db.service", "unit-failed:app.service"]);
        assert!(all.findings[1].cause.is_some() && all.ignored_findings.is_empty());

        let less = report(&broken(), &ignore(Some("d?.serv*"), Some("unit-failed")));
        assert_eq!(keys(&less.findings), ["unit-failed:app.service"]);
        assert_eq!(less.findings[0].cause, None);
        assert_eq!(keys(&less.ignored_findings), ["unit-failed:db.service"]);
        assert_eq!(less.ignored_findings[0].ignored_because.as_deref(), Some("known"));
    }

    #[test]
    fn what_hangs_below_an_ignored_effect_keeps_its_cause() {
        let mut findings: Vec<Finding> = ["a", "b", "c"]
            .map(|name| Finding::new("r", sysdiag_model::Severity::Error, name, name))
            .to_vec();
        findings[1].cause = Some(findings[0].key.clone());
        findings[2].cause = Some(findings[1].key.clone());
        let ignored = take_ignored(&mut findings, &healthy(), &ignore(Some("b"), None));
        assert_eq!((findings.len(), ignored.len()), (2, 1));
        assert_eq!(findings[1].cause, Some(findings[0].key.clone()));
    }

    #[test]
    fn other_rules_and_other_units_are_not_ignored() {
        for (unit, rule) in [
            (Some("other.service"), None),
            (Some("d*"), Some("unit-flapping")),
            (None, Some("file-system-full")),
        ] {
            let report = report(&broken(), &ignore(unit, rule));
            assert_eq!((report.findings.len(), report.ignored_findings.len()), (2, 0));
        }
        let report = report(&broken(), &ignore(None, Some("unit-failed")));
        assert_eq!((report.findings.len(), report.ignored_findings.len()), (0, 2));
    }

    #[test]
    fn a_failure_that_is_expected_is_no_problem() {
        let report_of = |state| report(&broken(), &expect("db.service", state));
        let failed = report_of(ExpectedState::Failed);
        assert_eq!(keys(&failed.findings), ["unit-failed:app.service"]);
        assert_eq!(
            failed.ignored_findings[0].ignored_because.as_deref(),
            Some("expected to be failed")
        );
        let inactive = report_of(ExpectedState::Inactive);
        assert!(keys(&inactive.findings).contains(&"unit-failed:db.service"));
    }
}

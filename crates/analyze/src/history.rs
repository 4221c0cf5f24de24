//! What changed since the last report of the same host.

use std::collections::HashMap;

use sysdiag_model::report::{PastFinding, Report, UnitHistory};
use sysdiag_model::snapshot::Outcome;
use sysdiag_model::{Finding, FindingKey, FindingStatus, UnitName, Why};

use crate::{Need, Section, rules};

/// Marks each finding as new or continuing, and lists those that are gone.
///
/// A problem that goes on keeps the time it began at. It is gone only if what it was found by was
/// read this time: the section is there, and so are the sources of its rule and of its first evidence.
pub fn compare(report: &mut Report, previous: &Report) {
    let before: HashMap<&FindingKey, &Finding> =
        previous.findings.iter().map(|finding| (&finding.key, finding)).collect();
    for finding in &mut report.findings {
        let Some(known) = before.get(&finding.key) else {
            finding.status = Some(FindingStatus::New);
            continue;
        };
        finding.status = Some(FindingStatus::Continuing);
        finding.since = match (known.since, finding.since) {
            (Some(began), Some(seen)) => Some(began.min(seen)),
            (began, seen) => began.or(seen),
        };
    }
    let is_there = |gone: &Finding| report.findings.iter().any(|finding| finding.key == gone.key);
    let gone = previous.findings.iter().filter(|finding| !is_there(finding));
    let mut resolved: Vec<Finding> =
        gone.filter(|finding| would_be_seen(report, finding)).cloned().collect();
    for finding in &mut resolved {
        finding.status = None;
    }
    report.resolved_findings = resolved;
}

/// Whether this report would have the finding if the problem were still there.
fn would_be_seen(report: &Report, finding: &Finding) -> bool {
    let Some(rule) = rules::find(&finding.rule) else { return false };
    let section = match rule.section {
        Section::Boot => report.boot_analysis.is_some(),
        Section::Health => report.health_analysis.is_some(),
        Section::Resources => report.resource_analysis.is_some(),
        Section::Logs => report.log_analysis.is_some(),
    };
    // A rule may rest on the journal without needing it: then its first evidence says so.
    let on_journal = finding.evidence.first().is_some_and(|it| it.source.starts_with("journal"));
    section
        && rule.needs.iter().all(|need| was_read(report, *need))
        && (!on_journal || was_read(report, Need::Journal))
}

/// Findings about a unit that are kept.
const MOST_PAST: usize = 20;

/// What `earlier` reports, newest first, said about `unit`.
pub fn of_unit(unit: &UnitName, earlier: &[Report]) -> UnitHistory {
    let about = |report: &&Report| report.findings.iter().any(|it| it.subject == unit.as_str());
    let findings = earlier.iter().flat_map(|report| {
        let about = report.findings.iter().filter(|finding| finding.subject == unit.as_str());
        about.map(|finding| PastFinding {
            timestamp: report.timestamp,
            rule: finding.rule.clone(),
            severity: finding.severity,
            title: finding.title.clone(),
        })
    });
    UnitHistory {
        reports: earlier.len() as u64,
        reports_with_findings: earlier.iter().filter(about).count() as u64,
        findings: findings.take(MOST_PAST).collect(),
    }
}

fn was_read(report: &Report, need: Need) -> bool {
    let source = match need {
        Need::Systemd => "systemd",
        Need::Cgroups => "cgroups",
        Need::System => "system",
        Need::Processes => "processes",
        Need::Journal => "journal",
    };
    let timing = report.timings.iter().find(|timing| timing.source == source);
    match timing.map(|timing| timing.outcome) {
        // Without a record of the sources the section says that there was one.
        None | Some(Outcome::Complete) => true,
        // A user without privileges sees some of the journal and of the processes, not all.
        Some(Outcome::Partial) => {
            !report.not_assessed.iter().any(|gap| gap.why == Why::NotPermitted)
        }
        Some(Outcome::Failed | Outcome::TimedOut) => false,
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{SourceTiming, UnitEventKind};
    use sysdiag_model::{Gap, Probe, Snapshot, Timestamp};

    use super::*;
    use crate::testing::{add_unit, healthy, unit};
    use crate::testing_events::{assessed, event, failed_service};
    use crate::{Past, Scope, Settings, assess};

    fn failing() -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        snapshot
    }

    fn keys(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.key.as_str()).collect()
    }

    #[test]
    fn new_goes_on_and_is_resolved() {
        let before = assessed(&healthy());
        let mut first = assessed(&failing());
        compare(&mut first, &before);
        assert_eq!(first.findings[0].status, Some(FindingStatus::New));
        first.findings[0].since = Some(Timestamp::from_usec(1));

        let mut second = assessed(&failing());
        compare(&mut second, &first);
        assert_eq!(second.findings[0].status, Some(FindingStatus::Continuing));
        assert_eq!(second.findings[0].since, Some(Timestamp::from_usec(1)));

        let mut third = assessed(&healthy());
        compare(&mut third, &second);
        assert_eq!(keys(&third.resolved_findings), ["unit-failed:a.service"]);

        let mut fourth = assessed(&healthy());
        compare(&mut fourth, &third);
        assert!(fourth.resolved_findings.is_empty());
    }

    #[test]
    fn the_past_of_a_unit_is_its_own() {
        let mut earlier = [failing(), healthy(), failing()].map(|snapshot| assessed(&snapshot));
        add_others_finding(&mut earlier[1]);
        let past = of_unit(&"a.service".into(), &earlier);
        assert_eq!((past.reports, past.reports_with_findings), (3, 2));
        let rules: Vec<&str> = past.findings.iter().map(|past| past.rule.as_str()).collect();
        assert_eq!(rules, ["unit-failed", "unit-failed"]);
        assert_eq!(of_unit(&"a.service".into(), &[]).reports, 0);
    }

    fn add_others_finding(report: &mut Report) {
        let other = Finding::new("unit-failed", sysdiag_model::Severity::Error, "b.service", "b");
        report.findings.push(other);
    }

    #[test]
    fn what_was_not_looked_at_is_not_resolved() {
        let before = assessed(&failing());
        let mut boot = assess(
            &healthy(),
            &Probe::Known(Past::default()),
            &Settings::default(),
            &Scope { boot: true, ..Scope::default() },
        );
        compare(&mut boot, &before);
        assert!(boot.resolved_findings.is_empty());

        let mut blind = healthy();
        blind.systemd = Probe::Unknown(Gap::new("systemd", Why::TimedOut, "try again"));
        let mut blind = assessed(&blind);
        compare(&mut blind, &before);
        assert!(blind.resolved_findings.is_empty());
    }

    #[test]
    fn a_crash_loop_seen_in_the_journal_is_not_over_because_the_journal_is_gone() {
        let mut looping = healthy();
        add_unit(&mut looping, unit("a.service", "active", "running"));
        for seconds in [1, 2, 3] {
            event(&mut looping, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        let before = assessed(&looping);
        assert_eq!(keys(&before.findings), ["unit-flapping:a.service"]);
        for (outcome, resolved) in [
            (Outcome::Failed, 0),
            (Outcome::TimedOut, 0),
            (Outcome::Partial, 1),
            (Outcome::Complete, 1),
        ] {
            let mut now = healthy();
            now.timings.push(SourceTiming {
                source: "journal".to_owned(),
                start_usec: 0,
                elapsed_usec: 1,
                outcome,
            });
            let mut report = assessed(&now);
            compare(&mut report, &before);
            assert_eq!(report.resolved_findings.len(), resolved, "{outcome:?}");
        }
    }
}

//! What changed since earlier reports of the same host: which problems are new, which go on and for
//! how long, which come and go, and which are gone.
//!
//! A report that could not have seen a problem, for it has no such section or could not read what
//! the rule needs, neither ends nor breaks the series of reports that had it.

use std::collections::BTreeSet;

use sysdiag_model::report::{PastFinding, Report, UnitHistory};
use sysdiag_model::{Finding, FindingKey, FindingStatus, Timestamp, UnitName};

use crate::past::KnownFinding;
use crate::{Need, Past, PastReport, rules};

/// Reports in which a problem is followed as it comes and goes, this one included.
const WINDOW: usize = 20;
/// Changes between there and not there from which on a problem comes and goes.
const MANY_CHANGES: u64 = 3;

/// A problem that the last report which could see it had, and this one has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// `rule:subject`.
    pub key: FindingKey,
    /// The report that had it last.
    pub last_seen: Timestamp,
}

/// Marks each of `findings` as new or continuing, says in how many reports in a row it has been, and
/// whether it comes and goes. A problem that goes on keeps the time it began at.
pub(crate) fn mark(findings: &mut [Finding], past: &Past, now: Timestamp) {
    if past.reports.is_empty() {
        return;
    }
    for finding in findings {
        let series = Series::of(finding, past);
        let earlier = series.in_a_row;
        finding.status = Some(match earlier {
            0 => FindingStatus::New,
            _ => FindingStatus::Continuing,
        });
        finding.reports_in_a_row = Some(earlier.saturating_add(1));
        finding.first_seen = Some(series.first_seen.unwrap_or(now));
        finding.comes_and_goes = Some(series.changes).filter(|changes| *changes >= MANY_CHANGES);
        finding.since = match (series.since, finding.since) {
            (Some(began), Some(seen)) => Some(began.min(seen)),
            (began, seen) => began.or(seen),
        };
    }
}

/// What earlier reports say about one problem.
#[derive(Default)]
struct Series {
    /// Reports in a row before this one that had it.
    in_a_row: u64,
    /// When the first of these was made.
    first_seen: Option<Timestamp>,
    /// When the problem began, as they say.
    since: Option<Timestamp>,
    /// How often it came or went within the last reports, up to now.
    changes: u64,
}

impl Series {
    fn of(finding: &Finding, past: &Past) -> Self {
        let mut series = Self::default();
        let (mut counting, mut later) = (true, true);
        let could_see =
            past.reports.iter().filter_map(|report| Some((report, sight(report, finding)?)));
        for (index, (report, sight)) in could_see.enumerate() {
            let known = match sight {
                Sight::There(known) => Some(known),
                Sight::NotThere => None,
            };
            if known.is_some() != later && index + 1 < WINDOW {
                series.changes += 1;
            }
            later = known.is_some();
            counting &= later;
            match known {
                Some(known) if counting => counting = series.extend(report, known),
                _ if index + 1 >= WINDOW => break,
                _ => {}
            }
        }
        series
    }

    /// Counts one more report; whether those before it are to be counted too, because it did not.
    fn extend(&mut self, report: &PastReport, known: &KnownFinding) -> bool {
        self.since = match (known.since, self.since) {
            (Some(earlier), Some(later)) => Some(earlier.min(later)),
            (earlier, later) => earlier.or(later),
        };
        let counted = known.reports_in_a_row.zip(known.first_seen);
        let (reports, first_seen) = counted.unwrap_or((1, report.timestamp));
        self.in_a_row = self.in_a_row.saturating_add(reports.max(1));
        self.first_seen = Some(first_seen.min(report.timestamp));
        counted.is_none()
    }
}

/// What a report that could see a problem says about it.
enum Sight<'a> {
    There(&'a KnownFinding),
    NotThere,
}

/// None: the report could not have seen it.
fn sight<'a>(report: &'a PastReport, finding: &Finding) -> Option<Sight<'a>> {
    if let Some(known) = report.finding(&finding.key) {
        return Some(Sight::There(known));
    }
    let on_journal = rests_on_journal(finding);
    would_be_seen(report, &finding.rule, on_journal).then_some(Sight::NotThere)
}

/// A rule may rest on the journal without needing it: then its first evidence says so.
pub(crate) fn rests_on_journal(finding: &Finding) -> bool {
    finding.evidence.first().is_some_and(|it| it.source.starts_with("journal"))
}

/// Whether a report with these sections and sources would have a finding of `rule`, were there one.
fn would_be_seen(report: &PastReport, rule: &str, on_journal: bool) -> bool {
    let Some(rule) = rules::find(rule) else { return false };
    let was_read = |need: Need| !report.unread.iter().any(|source| source == need.source());
    report.sections.iter().any(|section| section == rule.section.name())
        && rule.needs.iter().all(|need| was_read(*need))
        && (!on_journal || was_read(Need::Journal))
}

/// The problems that are gone: of the reports in `past` the last that could see each had it, and so
/// could `report`, which does not have it. What is ignored now or was ignored then is not among them.
pub fn gone(report: &Report, past: &Past) -> Vec<Gone> {
    let now = PastReport::of(report);
    let mut decided: BTreeSet<&FindingKey> = now.findings.iter().map(|known| &known.key).collect();
    let mut gone = Vec::new();
    for (index, earlier) in past.reports.iter().enumerate() {
        for known in &earlier.findings {
            if !decided.insert(&known.key) || known.ignored {
                continue;
            }
            let Some(rule) = known.rule() else { continue };
            // That a unit is well again is no problem that could end.
            if rule == rules::unit_recovered::RULE.id {
                continue;
            }
            let seen = |report: &PastReport| would_be_seen(report, rule, known.on_journal);
            let seen_between = past.reports.iter().take(index).any(&seen);
            if seen(&now) && !seen_between {
                gone.push(Gone { key: known.key.clone(), last_seen: earlier.timestamp });
            }
        }
    }
    gone
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

#[cfg(test)]
#[expect(clippy::large_stack_arrays, reason = "a row of a few hosts, in tests")]
mod tests {
    use sysdiag_model::snapshot::{Outcome, SourceTiming, UnitEventKind};
    use sysdiag_model::{Gap, Probe, Severity, Snapshot, Why};

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, healthy, unit};
    use crate::testing_events::{assessed, event, failed_service};
    use crate::{Scope, Settings, assess};

    fn failing() -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        snapshot
    }

    #[test]
    fn that_a_unit_is_well_again_does_not_end() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        let mut up = unit("a.service", "active", "running");
        up.times.as_mut().unwrap().active_enter_usec = Some(NOW_USEC - 60_000_000);
        add_unit(&mut snapshot, up);
        event(&mut snapshot, "a.service", UnitEventKind::Failed, 240);
        let earlier = PastReport::of(&assessed(&snapshot));
        assert_eq!(earlier.findings[0].key.as_str(), "unit-recovered:a.service");
        let past = Past { reports: vec![earlier], ..Past::default() };
        assert!(gone(&assessed(&healthy()), &past).is_empty());
    }

    /// systemd did not answer.
    fn blind() -> Snapshot {
        let mut snapshot = healthy();
        snapshot.systemd = Probe::Unknown(Gap::new("systemd", Why::TimedOut, "try again"));
        timing(&mut snapshot, "systemd", Outcome::TimedOut);
        snapshot
    }

    fn timing(snapshot: &mut Snapshot, source: &str, outcome: Outcome) {
        let (source, start_usec, elapsed_usec) = (source.to_owned(), 0, 1);
        snapshot.timings.push(SourceTiming { source, start_usec, elapsed_usec, outcome });
    }

    /// One report a minute, each after those before it; what the last one says, and what is gone.
    fn after(snapshots: &[Snapshot]) -> (Report, Vec<Gone>) {
        after_with(snapshots, |past| past)
    }

    fn after_with(
        snapshots: &[Snapshot],
        kept: impl Fn(PastReport) -> PastReport,
    ) -> (Report, Vec<Gone>) {
        let mut past = Past::default();
        let mut last = None;
        for (minute, snapshot) in (0..).zip(snapshots) {
            let mut snapshot = snapshot.clone();
            snapshot.clock.realtime = snapshot.clock.realtime.plus_usec(minute * 60_000_000);
            let probe = Probe::Known(past.clone());
            let report = assess(&snapshot, &probe, &Settings::default(), &Scope::run());
            let gone = gone(&report, &past);
            past.reports.insert(0, kept(PastReport::of(&report)));
            last = Some((report, gone));
        }
        last.unwrap()
    }

    fn said(report: &Report) -> (Option<FindingStatus>, Option<u64>, Option<u64>) {
        let finding = &report.findings[0];
        (finding.status, finding.reports_in_a_row, finding.comes_and_goes)
    }

    const NEW: Option<FindingStatus> = Some(FindingStatus::New);
    const CONTINUING: Option<FindingStatus> = Some(FindingStatus::Continuing);

    #[test]
    fn new_goes_on_and_is_resolved() {
        let (first, _) = after(&[failing()]);
        assert_eq!(said(&first), (None, None, None), "there was nothing to compare with");
        let (new, _) = after(&[healthy(), failing()]);
        assert_eq!(said(&new), (NEW, Some(1), None));
        assert_eq!(new.findings[0].first_seen, Some(new.timestamp));
        let (third, gone) = after(&[healthy(), failing(), failing(), failing()]);
        assert_eq!(said(&third), (CONTINUING, Some(3), None));
        let minutes = third.timestamp.usec_since(third.findings[0].first_seen.unwrap());
        assert_eq!(minutes, 120_000_000);
        assert!(gone.is_empty());
        let (_, gone) = after(&[healthy(), failing(), healthy()]);
        assert_eq!(gone[0].key.as_str(), "unit-failed:a.service");
        assert!(after(&[failing(), healthy(), healthy()]).1.is_empty());
    }

    #[test]
    fn a_problem_that_goes_on_keeps_the_time_it_began_at() {
        let (second, _) = after(&[failing(), failing()]);
        assert_eq!(second.findings[0].since, failing_since(0));
    }

    /// Each snapshot is later than the one before, and so is what its monotonic clock says.
    fn failing_since(minute: u64) -> Option<Timestamp> {
        let mut snapshot = failing();
        snapshot.clock.realtime = snapshot.clock.realtime.plus_usec(minute * 60_000_000);
        let past = Probe::Known(Past::default());
        assess(&snapshot, &past, &Settings::default(), &Scope::run()).findings[0].since
    }

    #[test]
    fn what_was_counted_before_is_not_lost_when_the_reports_are() {
        let mut snapshots = vec![failing(); 5];
        let (fifth, _) = after(&snapshots);
        assert_eq!(said(&fifth).1, Some(5));
        let past = Past { reports: vec![PastReport::of(&fifth)], ..Past::default() };
        let mut sixth = failing();
        sixth.clock.realtime = fifth.timestamp.plus_usec(60_000_000);
        let report = assess(&sixth, &Probe::Known(past), &Settings::default(), &Scope::run());
        assert_eq!(said(&report).1, Some(6));
        assert_eq!(report.findings[0].first_seen, fifth.findings[0].first_seen);
        // Reports of a version that did not count.
        snapshots.push(failing());
        let (counted, _) = after_with(&snapshots, |mut past| {
            for known in &mut past.findings {
                (known.reports_in_a_row, known.first_seen) = (None, None);
            }
            past
        });
        assert_eq!(said(&counted).1, Some(6));
    }

    #[test]
    fn a_report_that_could_not_see_breaks_no_series() {
        let (report, _) = after(&[failing(), failing(), blind(), blind(), failing()]);
        assert_eq!(said(&report), (CONTINUING, Some(3), None));
        assert!(after(&[failing(), blind()]).1.is_empty());
        let (_, gone) = after(&[failing(), blind(), healthy()]);
        assert_eq!(gone.len(), 1, "it was there when it could last be seen");
        assert!(after(&[failing(), blind(), healthy(), blind(), healthy()]).1.is_empty());
    }

    #[test]
    fn a_narrower_look_resolves_nothing_and_breaks_no_series() {
        let (report, _) = after(&[failing()]);
        let past = Past { reports: vec![PastReport::of(&report)], ..Past::default() };
        let boot = Scope { boot: true, ..Scope::default() };
        let looked = assess(&healthy(), &Probe::Known(past.clone()), &Settings::default(), &boot);
        assert!(gone(&looked, &past).is_empty());
        let past = Past { reports: vec![PastReport::of(&looked), PastReport::of(&report)], ..past };
        let next = assess(&failing(), &Probe::Known(past), &Settings::default(), &Scope::run());
        assert_eq!(said(&next), (CONTINUING, Some(2), None));
    }

    #[test]
    fn what_comes_and_goes_is_said_to() {
        let (report, _) = after(&[healthy(), failing(), failing(), failing()]);
        assert_eq!(said(&report).2, None);
        let (report, _) = after(&[failing(), healthy(), failing()]);
        assert_eq!(said(&report), (NEW, Some(1), None));
        let (report, _) = after(&[healthy(), failing(), healthy(), blind(), failing()]);
        assert_eq!(said(&report), (NEW, Some(1), Some(3)));
        let mut long_ago = vec![healthy(), failing(), healthy()];
        long_ago.extend(vec![failing(); 30]);
        assert_eq!(said(&after(&long_ago).0), (CONTINUING, Some(30), None));
    }

    #[test]
    fn the_past_of_a_unit_is_its_own() {
        let mut earlier = [failing(), healthy(), failing()].map(|snapshot| assessed(&snapshot));
        let other = Finding::new("unit-failed", Severity::Error, "b.service", "b");
        earlier[1].findings.push(other);
        let past = of_unit(&"a.service".into(), &earlier);
        assert_eq!((past.reports, past.reports_with_findings), (3, 2));
        let rules: Vec<&str> = past.findings.iter().map(|past| past.rule.as_str()).collect();
        assert_eq!(rules, ["unit-failed", "unit-failed"]);
        assert_eq!(of_unit(&"a.service".into(), &[]).reports, 0);
    }

    #[test]
    fn a_crash_loop_seen_in_the_journal_is_not_over_because_the_journal_is_gone() {
        let mut looping = healthy();
        add_unit(&mut looping, unit("a.service", "active", "running"));
        for seconds in [1, 2, 3] {
            event(&mut looping, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        for (outcome, resolved) in [
            (Outcome::Failed, 0),
            (Outcome::TimedOut, 0),
            (Outcome::Partial, 1),
            (Outcome::Complete, 1),
        ] {
            let mut now = healthy();
            timing(&mut now, "journal", outcome);
            let (report, gone) = after(&[looping.clone(), now]);
            assert!(report.findings.is_empty());
            assert_eq!(gone.len(), resolved, "{outcome:?}");
        }
    }
}

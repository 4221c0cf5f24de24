//! Whether what a unit logged is why it failed.

use sysdiag_model::snapshot::PatternHit;
use sysdiag_model::{Finding, Severity, Snapshot};

use crate::logs::concerned;

/// What the kernel says of a process that crashes.
const CRASHES: [&str; 2] = ["proc.segfault", "proc.trap"];
/// A program that cannot do its work says so, and ends within this time.
const BEFORE_USEC: u64 = 60_000_000;
/// What was logged may be received after systemd saw the end.
const AFTER_USEC: u64 = 5_000_000;

/// Whether `failure` came just after an error that `logged` tells of, about the same unit.
pub(super) fn explains(snapshot: &Snapshot, logged: &Finding, failure: &Finding) -> bool {
    let Some(failed) = failure.since else { return false };
    let again = failure.rule == "unit-flapping";
    let just_before = |hit: &&PatternHit| {
        hit.last >= failed.minus_usec(BEFORE_USEC)
            && (again || hit.last <= failed.plus_usec(AFTER_USEC))
    };
    // Of a process that crashed it is known, by its id, that it was the unit's main one.
    let is_error = |hit: &&PatternHit| {
        hit.severity >= Severity::Error || CRASHES.contains(&hit.pattern.as_str())
    };
    let is_told = |hit: &&PatternHit| {
        is_error(hit)
            && logged.evidence.iter().any(|fact| fact.what == hit.pattern)
            && concerned::units(snapshot, hit).iter().any(|unit| *unit == *failure.subject)
    };
    let journal = snapshot.journal.value();
    let patterns = journal.and_then(|journal| journal.logs.as_ref()?.patterns.as_ref());
    patterns
        .is_some_and(|patterns| patterns.hits.iter().filter(is_told).any(|hit| just_before(&hit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::healthy;
    use crate::testing_events::{assessed, failed_service, hit_of, logged};

    /// The cause of the failure four minutes ago of a service that logged this so many seconds ago.
    fn cause(pattern: &str, severity: Severity, seconds: u64) -> Option<String> {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        logged(&mut snapshot, pattern, severity, seconds, 1);
        hit_of(&mut snapshot).units = vec!["a.service".into()];
        let report = assessed(&snapshot);
        let failed = report.findings.iter().find(|it| it.rule == "unit-failed").unwrap();
        if failed.cause.is_none() {
            assert_eq!(failed.related.len(), 1);
        }
        failed.cause.as_ref().map(|key| key.as_str().to_owned())
    }

    #[test]
    fn an_error_just_before_is_the_cause() {
        let port = Some("logged-trouble:a.service".to_owned());
        assert_eq!(cause("port.in_use", Severity::Error, 241), port);
        assert_eq!(cause("limit.emfile", Severity::Error, 260).unwrap(), "limit-reached:a.service");
    }

    #[test]
    fn so_is_the_crash_of_its_main_process() {
        assert_eq!(
            cause("proc.segfault", Severity::Warning, 240).unwrap(),
            "logged-trouble:a.service"
        );
    }

    #[test]
    fn what_is_only_a_warning_or_from_another_time_is_related() {
        assert_eq!(cause("tls.cert", Severity::Warning, 241), None);
        assert_eq!(cause("port.in_use", Severity::Error, 900), None);
        assert_eq!(cause("port.in_use", Severity::Error, 30), None);
    }
}

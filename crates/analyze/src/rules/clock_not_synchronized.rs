//! The clock is not synchronised although a service is there for it.

use sysdiag_model::{Evidence, Finding, Severity, Timestamp, Value};

use super::support::{HOST, is_container};
use crate::clock::{TIMESYNCD, active_for};
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// systemd-timesyncd sets the clock at least every 34 minutes (`PollIntervalMaxSec=`); this is five
/// times that.
const OLD_USEC: u64 = 5 * 2048 * 1_000_000;
const MARK: &str = "/run/systemd/timesync/synchronized";

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "clock-not-synchronized",
    title: "The clock is not synchronised",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd, Need::System],
    explanation: Explanation {
        checks: "Whether systemd-timesyncd has been active for clock_unsynchronized_seconds (600) \
                 and has not set the clock since it started, or not for three hours: the time of \
                 its mark /run/systemd/timesync/synchronized. Of other time services nothing can be read \
                 without asking them: not assessed. Silent in containers, whose clock is the \
                 host's.",
        matters: "A clock that drifts breaks certificates, Kerberos, cluster elections, and the \
                  order of log lines from several hosts.",
        todo: "See whether a server is configured and answers (UDP port 123): timedatectl \
               timesync-status, and the log of the service.",
        references: &["systemd-timesyncd.service(8)", "timesyncd.conf(5)", "timedatectl(1)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    finding(context).into_iter().collect()
}

fn finding(context: &Context<'_>) -> Option<Finding> {
    let snapshot = context.snapshot;
    if is_container(context) {
        return None;
    }
    let (_, active_usec) = active_for(snapshot, TIMESYNCD)?;
    let enough = context.settings.clock_unsynchronized_seconds.saturating_mul(1_000_000);
    let mark = snapshot.system.value()?.clock_mark.value()?;
    let now = snapshot.clock.realtime;
    let last = mark.synchronized;
    let (title, since) = match last {
        None if active_usec >= enough => (
            format!(
                "The clock was never synchronised although {TIMESYNCD} has been active for {}",
                amount::duration(active_usec)
            ),
            Some(now.minus_usec(active_usec)),
        ),
        Some(last) if active_usec >= OLD_USEC && is_old(last, now) => (
            format!(
                "The clock was last synchronised {} although {TIMESYNCD} is active",
                human::ago(last, now)
            ),
            Some(last),
        ),
        _ => return None,
    };
    let mut finding = Finding::new(RULE.id, RULE.severity, HOST, title)
        .since(since)
        .because(Evidence::new("active for", Value::Usec(active_usec), "ActiveEnterTimestamp"))
        .next("timedatectl timesync-status");
    finding = match last {
        Some(last) => finding.because(Evidence::new("last synchronised", Value::Time(last), MARK)),
        None => finding.because(Evidence::text("last synchronised", "never", MARK)),
    };
    Some(finding)
}

fn is_old(last: Timestamp, now: Timestamp) -> bool {
    now.usec_since(last) > OLD_USEC
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::ClockMark;
    use sysdiag_model::{Probe, Snapshot};

    use super::*;
    use crate::testing::{add_unit, findings, findings_with, healthy, system_of, systemd_of, unit};
    use crate::{Settings, testing_events::ago};

    fn with(synchronized: Option<Timestamp>) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit(TIMESYNCD, "active", "running"));
        system_of(&mut snapshot).clock_mark = Probe::Known(ClockMark { synchronized });
        snapshot
    }

    #[test]
    fn fires_once_when_it_never_was() {
        let found = findings(&RULE, &with(None));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "The clock was never synchronised although systemd-timesyncd.service has been active \
             for 59 min"
        );
    }

    #[test]
    fn fires_once_when_it_is_long_ago() {
        let mut snapshot = with(None);
        snapshot.clock.monotonic_usec = 86_400_000_000;
        system_of(&mut snapshot).clock_mark =
            Probe::Known(ClockMark { synchronized: Some(ago(5 * 3_600)) });
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "The clock was last synchronised 5 h ago although systemd-timesyncd.service is active"
        );
    }

    #[test]
    fn silent_when_it_was_too_soon_in_a_container_and_without_a_service() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(Some(ago(60)))).is_empty());
        let patient = Settings { clock_unsynchronized_seconds: 86_400, ..Settings::default() };
        assert!(findings_with(&RULE, &with(None), &patient).is_empty());
        let mut snapshot = with(None);
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

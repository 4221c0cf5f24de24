//! Units that neither come up nor go down.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::amount::{count, duration};
use crate::human::systemctl;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-stuck",
    title: "A unit is activating, deactivating or reloading for too long",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that have been activating, deactivating or reloading for more than 5 \
                 minutes (configurable). Not: a unit that waits for its next restart, and a \
                 oneshot that runs, unless the boot waits for it.",
        matters: "Jobs that are ordered behind it wait as long as it does; a boot or shutdown can \
                 hang on it.",
        todo: "See what its processes wait for (systemctl status UNIT). TimeoutStartSec= and \
                 TimeoutStopSec= set an end to it.",
        references: &["systemd.service(5), TimeoutStartSec=", "systemctl(1), list-jobs"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let now = context.snapshot.clock.realtime;
    health
        .stuck_units
        .iter()
        .map(|problem| {
            let name = problem.name.as_str();
            let since = problem.since;
            let long = since.map(|since| format!(" for {}", duration(now.usec_since(since))));
            let title =
                format!("{name} has been {}{}", problem.active_state, long.unwrap_or_default());
            let state = format!("{} ({})", problem.active_state, problem.sub_state);
            let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
                .since(since)
                .because(Evidence::text("state", state, "ActiveState, SubState (D-Bus)"))
                .next(systemctl("status", name));
            let jobs = units.systemd.jobs.iter();
            let waiting = jobs.filter(|job| job.unit != problem.name && job.state == "waiting");
            let waiting = waiting.count() as u64;
            if waiting > 0 {
                let what = format!("{} wait in the queue", count(waiting, "job", "jobs"));
                finding =
                    finding.because(Evidence::new(what, Value::Count(waiting), "ListJobs (D-Bus)"));
            }
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, unit};

    fn stopping_for(usec: u64) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        let mut stopping = unit("a.service", "deactivating", "stop-sigterm");
        stopping.times.as_mut().unwrap().active_exit_usec = Some(NOW_USEC - usec);
        add_unit(&mut snapshot, stopping);
        snapshot
    }

    #[test]
    fn fires_once_on_a_stop_without_end() {
        let found = findings(&RULE, &stopping_for(1_800_000_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.service has been deactivating for 30 min");
    }

    #[test]
    fn silent_about_a_stop_that_takes_its_time() {
        assert!(findings(&RULE, &stopping_for(60_000_000)).is_empty());
    }
}

//! Timers whose service fails when it is due.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::health::timers;
use crate::human::{ago, journalctl};
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "timer-service-failed",
    title: "What a timer starts failed",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Timers that are active and whose unit failed when it last ran: it is in the \
                 state failed, or was until it was started again just now.",
        matters: "The job (a backup, a renewal, a cleaning) was not done, and nobody waits for it \
                 to notice.",
        todo: "Read the log of the unit it starts, mend the cause, and start that unit once by \
                 hand.",
        references: &["systemd.timer(5)", "systemctl(1), list-timers"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(health) = context.health else { return Vec::new() };
    let now = context.snapshot.clock.realtime;
    let failed = health.problematic_timers.iter().filter(|it| it.problem == timers::SERVICE_FAILED);
    failed
        .filter_map(|timer| {
            let (name, service) = (timer.unit.name.as_str(), timer.triggers.as_ref()?);
            let when = timer.last_trigger.map(|time| format!(" {}", ago(time, now)));
            let when = when.unwrap_or_default();
            let title = format!("{service} failed when {name} last started it{when}");
            let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
                .since(timer.last_trigger)
                .because(Evidence::text("starts", service.as_str(), "Unit (D-Bus)"))
                .next(journalctl(service.as_str()));
            if let Some(last) = timer.last_trigger {
                let fact =
                    Evidence::new("last elapsed", Value::Time(last), "LastTriggerUSec (D-Bus)");
                finding = finding.because(fact);
            }
            if let Some(next) = timer.next_elapse {
                let source = "NextElapseUSec (D-Bus)";
                finding = finding.because(Evidence::new("elapses next", Value::Time(next), source));
            }
            Some(finding)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{failed_service, timer};

    #[test]
    fn fires_once_on_a_timer_whose_service_failed() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 7);
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer("a.service"));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.service failed when a.timer last started it 1 min ago");
    }

    #[test]
    fn silent_about_a_timer_that_was_stopped() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "inactive", "dead"));
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 7);
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer("a.service"));
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

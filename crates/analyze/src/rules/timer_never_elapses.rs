//! Timers that are up and will never start anything.

use sysdiag_model::{Evidence, Finding, Severity};

use crate::health::timers;
use crate::human::systemctl;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "timer-never-elapses",
    title: "A timer has no time to elapse at",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Timers that are active, have not elapsed in this boot and have no next time. A \
                 timer that was to elapse once and did is well.",
        matters: "What it is meant to start is never started, and nothing else shows it.",
        todo: "OnUnitActiveSec= and OnUnitInactiveSec= count from a run that there has to be \
                 first: add OnBootSec= or OnActiveSec=, or start the service once by hand.",
        references: &["systemd.timer(5), OnUnitActiveSec="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(health) = context.health else { return Vec::new() };
    let idle = health.problematic_timers.iter().filter(|it| it.problem == timers::NEVER_ELAPSES);
    idle.map(|timer| {
        let name = timer.unit.name.as_str();
        let what = timer.triggers.as_ref().map_or("anything", |unit| unit.as_str());
        let title = format!("{name} is active, but has no time at which to start {what}");
        Finding::new(RULE.id, RULE.severity, name, title)
            .since(timer.unit.since)
            .because(Evidence::text("state", &timer.unit.sub_state, "SubState (D-Bus)"))
            .because(Evidence::text("elapses next", "never", "NextElapseUSec (D-Bus)"))
            .next(systemctl("cat", name))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Timestamp;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::timer;

    fn with_last(last: Option<Timestamp>) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", "elapsed"));
        let mut state = timer("a.service");
        (state.next_elapse_monotonic_usec, state.last_trigger) = (None, last);
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), state);
        snapshot
    }

    #[test]
    fn fires_once_on_a_timer_that_never_did() {
        let found = findings(&RULE, &with_last(None));
        assert_eq!(found.len(), 1);
        assert!(found[0].title.ends_with("at which to start a.service"));
    }

    #[test]
    fn silent_about_a_timer_that_elapsed_once() {
        let last = Timestamp::from_usec(1_789_999_000_000_000);
        assert!(findings(&RULE, &with_last(Some(last))).is_empty());
    }
}

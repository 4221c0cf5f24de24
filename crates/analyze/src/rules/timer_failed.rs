//! Timers in the state failed.

use sysdiag_model::{Finding, Severity};

use crate::failure;
use crate::health::timers;
use crate::human::systemctl;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "timer-failed",
    title: "A timer unit failed",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Timer units whose ActiveState is failed, with their result.",
        matters: "What it starts is not started any more, until somebody restarts the timer.",
        todo: "Read the log of the timer and of what it starts, mend the cause, then systemctl \
                 restart the timer.",
        references: &["systemd.timer(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let failed = health.problematic_timers.iter().filter(|it| it.problem == timers::FAILED);
    failed
        .map(|timer| {
            let problem = &timer.unit;
            let name = problem.name.as_str();
            let title = failure::sentence(&units, problem);
            let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
                .since(problem.since)
                .next(systemctl("status", name));
            finding.evidence = failure::evidence(&units, problem);
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::TimerState;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::timer;

    #[test]
    fn fires_once_on_a_failed_timer() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "failed", "failed"));
        let state = TimerState { result: Some("resources".to_owned()), ..timer("a.service") };
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), state);
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
    }

    #[test]
    fn silent_about_a_timer_that_waits() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer("a.service"));
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

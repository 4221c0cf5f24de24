//! Timers that should have elapsed long ago.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::amount::duration;
use crate::health::timers;
use crate::human::systemctl;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "timer-overdue",
    title: "A timer did not elapse when it was due",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Timers that wait for a time that is past by more than their AccuracySec= and 5 \
                 minutes (configurable).",
        matters: "What it starts was not started. systemd itself may hang, or the clock was set.",
        todo: "See systemctl list-timers and the log of PID 1 (journalctl -b _PID=1); systemctl \
                 restart the timer.",
        references: &["systemd.timer(5)", "systemctl(1), list-timers"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let overdue = health.problematic_timers.iter().filter(|it| it.problem == timers::OVERDUE);
    overdue
        .filter_map(|timer| {
            let name = timer.unit.name.as_str();
            let state = units.systemd.timers.get(name)?;
            let late = timers::late_by(&units, state, context.settings)?;
            let title = format!("{name} should have elapsed {} ago", duration(late));
            let accuracy = Value::Usec(state.accuracy_usec.unwrap_or(0));
            Some(
                Finding::new(RULE.id, RULE.severity, name, title)
                    .since(timer.next_elapse)
                    .because(Evidence::new("late by", Value::Usec(late), "NextElapseUSec (D-Bus)"))
                    .because(Evidence::new("accuracy", accuracy, "AccuracyUSec (D-Bus)"))
                    .next(systemctl("list-timers --all", name)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::timer;

    fn due(usec: u64) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        let mut state = timer("a.service");
        state.next_elapse_monotonic_usec = Some(usec);
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), state);
        snapshot
    }

    #[test]
    fn fires_once_on_a_time_long_past() {
        let found = findings(&RULE, &due(NOW_USEC - 1_800_000_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.timer should have elapsed 30 min ago");
    }

    #[test]
    fn silent_about_a_time_ahead() {
        assert!(findings(&RULE, &due(NOW_USEC + 1_800_000_000)).is_empty());
    }
}

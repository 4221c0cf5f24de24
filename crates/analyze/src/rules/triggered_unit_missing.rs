//! Timers, paths and sockets that start a unit which can never be started.

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity, UnitType};

use crate::human::{ago, systemctl};
use crate::kinds;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "triggered-unit-missing",
    title: "A timer, path or socket starts a unit that is masked, missing or broken",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Timers, paths and sockets whose last start of this boot failed, and active timers, \
                 if the unit they start (Unit=, Service=) is masked, not found, or its file is in \
                 error. An active one is a warning: it fails when it is due. One that is in the \
                 state failed is another rule's matter.",
        matters: "What was to be started is never started. systemd refuses to start the timer, path \
                  or socket without it; one that is active ends in the state failed.",
        todo: "Install or unmask the unit, correct Unit= or Service=, or disable the timer, path or \
               socket, too.",
        references: &["systemd.timer(5), Unit=", "systemd.path(5), Unit=", "systemctl(1), mask"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let triggers = units.systemd.units.iter().filter(|unit| {
        matches!(unit.name.unit_type(), Some(UnitType::Timer | UnitType::Path | UnitType::Socket))
            && unit.load_state == "loaded"
    });
    triggers.filter_map(|unit| finding(&units, unit)).collect()
}

fn finding(units: &Units<'_>, unit: &Unit) -> Option<Finding> {
    let name = unit.name.as_str();
    let starts = kinds::triggered(units, name)?;
    let load_state = &units.systemd.unit(&starts)?.load_state;
    let how = kinds::unavailable(load_state)?;
    let (severity, since, title) = match unit.active_state.as_str() {
        "active" => {
            (Severity::Warning, None, format!("{name} will fail: {starts}, which it starts, {how}"))
        }
        "inactive" => {
            let event = units.failed_start(name)?;
            let failed = event.job_result.as_deref().is_none_or(|result| result == "failed");
            let when = ago(event.time, units.clock.realtime);
            let title =
                format!("{name} could not be started {when}: {starts}, which it starts, {how}");
            failed.then_some((RULE.severity, Some(event.time), title))?
        }
        _ => return None,
    };
    let state = format!("{} ({})", unit.active_state, unit.sub_state);
    Some(
        Finding::new(RULE.id, severity, name, title)
            .since(since)
            .because(Evidence::text("state", state, "ActiveState, SubState (D-Bus)"))
            .because(Evidence::text(starts, load_state, "LoadState (D-Bus)"))
            .next(systemctl("cat", name)),
    )
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::UnitEventKind;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{assessed, depends, event, timer};

    fn with(name: &str, active: &str, load_state: &str) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit(name, active, "dead"));
        let mut starts = unit("b.service", "inactive", "dead");
        starts.load_state = load_state.to_owned();
        add_unit(&mut snapshot, starts);
        depends(&mut snapshot, name, "Triggers", "b.service");
        if active == "inactive" {
            event(&mut snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                Some("failed".to_owned());
        }
        snapshot
    }

    #[test]
    fn fires_once_on_each_kind_that_could_not_be_started() {
        for name in ["a.timer", "a.path", "a.socket"] {
            let snapshot = with(name, "inactive", "not-found");
            let found = findings(&RULE, &snapshot);
            assert_eq!(found.len(), 1);
            let how = "could not be started 3 min ago: b.service, which it starts, does not exist";
            assert_eq!(found[0].title, format!("{name} {how}"));
            assert_eq!(assessed(&snapshot).findings.len(), 1);
        }
    }

    #[test]
    fn fires_once_on_an_active_timer_whose_service_was_masked() {
        let mut snapshot = with("a.timer", "active", "masked");
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer("b.service"));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].title, "a.timer will fail: b.service, which it starts, is masked");
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_where_the_unit_is_there_or_nobody_tried() {
        assert!(findings(&RULE, &with("a.timer", "inactive", "loaded")).is_empty());
        assert!(findings(&RULE, &with("a.timer", "active", "loaded")).is_empty());
        let mut snapshot = with("a.timer", "inactive", "masked");
        snapshot.journal.value_mut().unwrap().unit_events.clear();
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

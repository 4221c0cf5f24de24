//! Units that systemd stopped because what they are bound to went down.
//!
//! They have not failed, and nothing starts them again: they are simply not there any more.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity, UnitName, UnitType, Value};

use crate::human::{ago, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// systemd stops what is bound in the moment in which the other goes down; a busy manager takes a while.
const SOON_USEC: u64 = 5_000_000;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "bound-unit-stopped",
    title: "A unit was stopped with the one it is bound to",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that are down, are bound (BindsTo=) to a unit that failed, and began to stop \
                 within five seconds after that one went down.",
        matters: "They have not failed, so nothing restarts them: when the other unit is up again, \
                  they still are not.",
        todo: "Mend the unit they are bound to, then start them.",
        references: &["systemd.unit(5), BindsTo="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    stopped(&units)
        .into_iter()
        .map(|(unit, other)| {
            let at = unit.times.and_then(|times| times.active_exit_usec);
            let at = at.map(|usec| units.clock.at_monotonic(usec));
            let when = at.map(|at| format!(" {}", ago(at, units.clock.realtime)));
            let mut title = format!(
                "{} was stopped{} because {}, which it is bound to, failed",
                unit.name,
                when.unwrap_or_default(),
                other.name,
            );
            if !other.is_failed() {
                title.push_str("; that one is up again");
            }
            let mut finding =
                Finding::new(RULE.id, RULE.severity, unit.name.as_str(), title).since(at);
            finding = finding.because(Evidence::text("BindsTo", other.name.as_str(), "D-Bus"));
            if let Some(time) = at {
                let source = "ActiveExitTimestamp (D-Bus)";
                finding = finding.because(Evidence::new("stopped", Value::Time(time), source));
            }
            finding.next(if other.is_failed() {
                systemctl("status", other.name.as_str())
            } else {
                systemctl("start", unit.name.as_str())
            })
        })
        .collect()
}

/// What `unit` went down with.
pub(crate) fn stopped_with<'a>(units: &Units<'a>, unit: &str) -> Option<&'a UnitName> {
    stopped(units)
        .into_iter()
        .find(|(bound, _)| bound.name.as_str() == unit)
        .map(|(_, it)| &it.name)
}

/// Units that were stopped, each with what it is bound to.
fn stopped<'a>(units: &Units<'a>) -> Vec<(&'a Unit, &'a Unit)> {
    let systemd = units.systemd;
    let mut found: BTreeMap<&UnitName, (&Unit, &Unit)> = BTreeMap::new();
    for (name, detail) in &systemd.details {
        // A device that was pulled out takes its mounts with it, and that is as it should be.
        let is_device = name.unit_type() == Some(UnitType::Device);
        let Some(other) = systemd.unit(name.as_str()).filter(|_| !is_device) else { continue };
        let has_failed = other.is_failed() || units.last_failure(name.as_str()).is_some();
        let went_down = other.times.and_then(|times| times.active_exit_usec);
        let Some(went_down) = went_down.filter(|_| has_failed) else { continue };
        let bound = detail.dependencies.get("BoundBy").into_iter().flatten();
        for unit in bound.filter_map(|bound| systemd.unit(bound.as_str())) {
            let stopped = unit.times.and_then(|times| times.active_exit_usec);
            let with = stopped.is_some_and(|at| at >= went_down && at - went_down <= SOON_USEC);
            if with && unit.active_state == "inactive" && unit.load_state == "loaded" {
                found.entry(&unit.name).or_insert((unit, other));
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, unit};
    use crate::testing_events::{assessed, depends, failed_service};

    /// db failed, and app, bound to it, began to stop so much later.
    fn after(usec: u64, state: &str) -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        let stop = |name: &str, state: &str, at: u64| {
            let mut stopped = unit(name, state, "dead");
            stopped.times.as_mut().unwrap().active_exit_usec = Some(at);
            stopped
        };
        add_unit(&mut snapshot, stop("db.service", "failed", 50_000_000));
        add_unit(&mut snapshot, stop("app.service", state, 50_000_000 + usec));
        depends(&mut snapshot, "db.service", "BoundBy", "app.service");
        snapshot
    }

    #[test]
    fn fires_once_below_what_failed() {
        let snapshot = after(2000, "inactive");
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject, "app.service");
        assert!(found[0].title.ends_with("because db.service, which it is bound to, failed"));
        let report = assessed(&snapshot);
        let keys: Vec<(&str, Option<&str>)> = report
            .findings
            .iter()
            .map(|it| (it.key.as_str(), it.cause.as_ref().map(sysdiag_model::FindingKey::as_str)))
            .collect();
        assert_eq!(
            keys,
            [
                ("unit-failed:db.service", None),
                ("bound-unit-stopped:app.service", Some("unit-failed:db.service")),
            ]
        );
    }

    #[test]
    fn silent_about_what_was_stopped_otherwise_or_runs() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &after(60_000_000, "inactive")).is_empty());
        assert!(findings(&RULE, &after(2000, "active")).is_empty());
        let mut before = after(2000, "inactive");
        let mut stopped = unit("app.service", "inactive", "dead");
        stopped.times.as_mut().unwrap().active_exit_usec = Some(40_000_000);
        add_unit(&mut before, stopped);
        assert!(findings(&RULE, &before).is_empty());
    }
}

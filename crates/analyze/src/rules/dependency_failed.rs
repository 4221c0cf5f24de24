//! Units that were not started because of another.

use sysdiag_model::{Evidence, Finding, Severity, UnitType};

use crate::dependencies::{broken_requirements, held_back, is_unavailable};
use crate::human::{ago, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "dependency-failed",
    title: "A unit was not started because a unit it requires was not",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Units that are inactive because their last start job of this boot ended with the \
                 result dependency, or waited until its JobTimeoutSec= was over (timeout).",
        matters: "The unit would work, but does not run; it does not show in systemctl --failed.",
        todo: "Mend the unit it requires, then start this one: systemd does not try again by \
                 itself.",
        references: &["systemd.unit(5), Requires=", "org.freedesktop.systemd1(5), JobRemoved"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let down = units.names_with_events().filter(|name| held_back(&units, name));
    down.filter_map(|name| finding(&units, name)).collect()
}

fn finding(units: &Units<'_>, name: &str) -> Option<Finding> {
    let event = units.failed_start(name)?;
    let requirements = broken_requirements(units, name);
    let states = requirements.iter().filter_map(|other| units.systemd.unit(other.as_str()));
    // What can never be started is another rule's matter.
    if states.clone().any(|unit| is_unavailable(&unit.load_state)) {
        return None;
    }
    let result = event.job_result.as_deref().unwrap_or("dependency");
    let because = states.clone().next().map_or_else(
        || match result {
            "timeout" => "its start job timed out in the queue".to_owned(),
            _ => "a unit it requires was not started".to_owned(),
        },
        |unit| format!("it requires {}, which {}", unit.name, how_it_is(units, unit)),
    );
    let title =
        format!("{name} was not started {}: {because}", ago(event.time, units.clock.realtime));
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(event.time))
        .because(Evidence::text("job result", result, "journal JOB_RESULT"))
        .next(systemctl("list-dependencies", name));
    for unit in states {
        let state = format!("{} ({})", unit.active_state, unit.sub_state);
        finding = finding.because(Evidence::text(unit.name.as_str(), state, "ListUnits (D-Bus)"));
    }
    Some(finding)
}

fn how_it_is(units: &Units<'_>, unit: &sysdiag_model::snapshot::Unit) -> &'static str {
    match unit.active_state.as_str() {
        "failed" => "failed",
        _ if held_back(units, unit.name.as_str()) => "was not started either",
        _ if unit.name.unit_type() == Some(UnitType::Device) => "did not appear",
        _ => "is not up",
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::UnitEventKind;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, unit};
    use crate::testing_events::{depends, event, failed_service};

    fn held_back_by_db(result: &str) -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("app.service", "inactive", "dead"));
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        event(&mut snapshot, "app.service", UnitEventKind::StartFailed, 180).job_result =
            Some(result.to_owned());
        snapshot
    }

    #[test]
    fn a_start_that_waited_too_long_is_one_too() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("app.service", "inactive", "dead"));
        event(&mut snapshot, "app.service", UnitEventKind::StartFailed, 180).job_result =
            Some("timeout".to_owned());
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "app.service was not started 3 min ago: its start job timed out in the queue"
        );
    }

    #[test]
    fn a_device_is_named_though_a_later_job_for_it_was_given_up() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("dev-x.device", "inactive", "dead"));
        add_unit(&mut snapshot, unit("x.mount", "inactive", "dead"));
        depends(&mut snapshot, "x.mount", "Requires", "dev-x.device");
        for (name, result, seconds) in [
            ("dev-x.device", "timeout", 181),
            ("x.mount", "dependency", 180),
            ("dev-x.device", "collected", 20),
        ] {
            event(&mut snapshot, name, UnitEventKind::StartFailed, seconds).job_result =
                Some(result.to_owned());
        }
        let titles: Vec<String> =
            findings(&RULE, &snapshot).into_iter().map(|finding| finding.title).collect();
        assert_eq!(
            titles,
            ["x.mount was not started 3 min ago: it requires dev-x.device, which did not appear"]
        );
    }

    #[test]
    fn a_chain_says_that_the_next_was_held_back_too() {
        let mut snapshot = held_back_by_db("dependency");
        add_unit(&mut snapshot, unit("web.service", "inactive", "dead"));
        depends(&mut snapshot, "web.service", "Requires", "app.service");
        event(&mut snapshot, "web.service", UnitEventKind::StartFailed, 180).job_result =
            Some("dependency".to_owned());
        let titles: Vec<String> =
            findings(&RULE, &snapshot).into_iter().map(|finding| finding.title).collect();
        assert_eq!(
            titles[1],
            "web.service was not started 3 min ago: it requires app.service, which was not started \
             either"
        );
    }

    #[test]
    fn fires_once_on_a_start_that_depended_on_a_failure() {
        let found = findings(&RULE, &held_back_by_db("dependency"));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "app.service was not started 3 min ago: it requires db.service, which failed"
        );
    }

    #[test]
    fn silent_once_it_was_started_after_all() {
        let mut snapshot = held_back_by_db("dependency");
        event(&mut snapshot, "app.service", UnitEventKind::Started, 60).job_result =
            Some("done".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
        assert!(findings(&RULE, &held_back_by_db("canceled")).is_empty());
    }
}

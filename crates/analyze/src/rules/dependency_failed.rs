//! Units that were not started because of another.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity, UnitName, UnitType};

use crate::dependencies::{
    broken_requirements, held_back, is_unavailable, left_out, may_be_absent,
};
use crate::human::{ago, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Requirements that stand as evidence.
const MOST_REQUIREMENTS: usize = 5;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "dependency-failed",
    title: "A unit was not started because a unit it requires was not",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Units that are inactive, or not loaded any more, because their last start job of \
                 this boot ended with the result dependency, or waited until its JobTimeoutSec= \
                 was over (timeout); and units that were never started in this boot although a unit \
                 that is up wants them, because what they require is masked, missing or broken.",
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
    let left_out = units
        .systemd
        .details
        .keys()
        .map(UnitName::as_str)
        .filter(|name| left_out(&units, name) && unavailable(&units, name).next().is_some());
    let names: BTreeSet<&str> = down.chain(left_out).collect();
    names.into_iter().map(|name| finding(&units, name)).collect()
}

/// What the unit requires that can never be started.
fn unavailable<'a>(units: &Units<'a>, name: &str) -> impl Iterator<Item = &'a Unit> {
    let requirements = broken_requirements(units, name).into_iter();
    let known = requirements.filter_map(|other| units.systemd.unit(other.as_str()));
    known.filter(|unit| is_unavailable(&unit.load_state)).collect::<Vec<_>>().into_iter()
}

fn finding(units: &Units<'_>, name: &str) -> Finding {
    let event = units.failed_start(name);
    let mut requirements: Vec<&UnitName> = broken_requirements(units, name).into_iter().collect();
    // What cannot be started at all says most.
    let startable = |other: &&UnitName| {
        let unit = units.systemd.unit(other.as_str());
        !unit.is_some_and(|unit| is_unavailable(&unit.load_state))
    };
    requirements.sort_by_key(startable);
    let result = event.and_then(|event| event.job_result.as_deref());
    let because = match requirements.first() {
        Some(other) => format!("it requires {other}, which {}", how_it_is(units, other)),
        None if result == Some("timeout") => "its start job timed out in the queue".to_owned(),
        None => "a unit it requires was not started".to_owned(),
    };
    let when = event.map(|event| format!(" {}", ago(event.time, units.clock.realtime)));
    let title = format!("{name} was not started{}: {because}", when.unwrap_or_default());
    let severity = if may_be_absent(units, name) { Severity::Warning } else { RULE.severity };
    let mut finding = Finding::new(RULE.id, severity, name, title)
        .since(event.map(|event| event.time))
        .next(systemctl("list-dependencies", name));
    if let Some(result) = result {
        finding = finding.because(Evidence::text("job result", result, "journal JOB_RESULT"));
    }
    for other in requirements.into_iter().take(MOST_REQUIREMENTS) {
        finding = finding.because(match units.systemd.unit(other.as_str()) {
            Some(unit) if is_unavailable(&unit.load_state) => {
                Evidence::text(other.as_str(), &unit.load_state, "ListUnits (D-Bus)")
            }
            Some(unit) => {
                let state = format!("{} ({})", unit.active_state, unit.sub_state);
                Evidence::text(other.as_str(), state, "ListUnits (D-Bus)")
            }
            None => Evidence::text(other.as_str(), "was not started", "journal JOB_RESULT"),
        });
    }
    if units.systemd.unit(name).is_none() {
        finding =
            finding.because(Evidence::text("state", "not loaded any more", "ListUnits (D-Bus)"));
    }
    finding
}

fn how_it_is(units: &Units<'_>, name: &UnitName) -> &'static str {
    let start = units.failed_start(name.as_str());
    if start.is_some_and(|event| event.job_result.as_deref() == Some("unsupported")) {
        return "is not supported on this host";
    }
    let Some(unit) = units.systemd.unit(name.as_str()) else {
        return if name.unit_type() == Some(UnitType::Device) {
            "did not appear"
        } else if held_back(units, name.as_str()) {
            "was not started either"
        } else {
            "is not up (Requisite=)"
        };
    };
    match (unit.load_state.as_str(), unit.active_state.as_str()) {
        ("masked", _) => "is masked",
        ("not-found", _) => "does not exist",
        ("error" | "bad-setting", _) => "has an error in its unit file",
        (_, "failed") => "failed",
        _ if held_back(units, name.as_str()) => "was not started either",
        _ if name.unit_type() == Some(UnitType::Device) => "did not appear",
        _ => "is not up",
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{UnitEventKind, UnitTimes};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
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
    fn a_device_that_is_not_loaded_any_more_is_named_too() {
        for (result, how) in
            [("timeout", "did not appear"), ("unsupported", "is not supported on this host")]
        {
            let mut snapshot = healthy();
            depends(&mut snapshot, "app.service", "Requires", "dev-x.device");
            for (name, result) in [("dev-x.device", result), ("app.service", "dependency")] {
                event(&mut snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                    Some(result.to_owned());
            }
            assert_eq!(
                findings(&RULE, &snapshot)[0].title,
                format!(
                    "app.service was not started 3 min ago: it requires dev-x.device, which {how}"
                )
            );
        }
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
    fn a_unit_that_systemd_has_unloaded_was_not_started_either() {
        let mut snapshot = held_back_by_db("dependency");
        systemd_of(&mut snapshot).units.retain(|unit| unit.name != *"app.service");
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "app.service was not started 3 min ago: it requires db.service, which failed"
        );
        // What it requires is not known: only the journal tells of it.
        systemd_of(&mut snapshot).details.remove("app.service");
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "app.service was not started 3 min ago: a unit it requires was not started"
        );
        event(&mut snapshot, "app.service", UnitEventKind::Started, 60).job_result =
            Some("done".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn a_unit_that_was_left_out_of_the_boot_is_told_from_one_that_nobody_wants() {
        let mut snapshot = healthy();
        let mut masked = unit("db.service", "inactive", "dead");
        masked.load_state = "masked".to_owned();
        add_unit(&mut snapshot, masked);
        let mut app = unit("app.service", "inactive", "dead");
        app.times = Some(UnitTimes {
            inactive_exit_usec: None,
            active_enter_usec: None,
            active_exit_usec: None,
            inactive_enter_usec: None,
        });
        add_unit(&mut snapshot, app);
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        assert!(findings(&RULE, &snapshot).is_empty());
        depends(&mut snapshot, "app.service", "WantedBy", "multi-user.target");
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "app.service was not started: it requires db.service, which is masked"
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

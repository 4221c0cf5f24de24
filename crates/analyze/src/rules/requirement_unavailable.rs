//! Units that cannot be started because what they require cannot.

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity};

use crate::dependencies::{broken_requirements, is_unavailable};
use crate::human::systemctl;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "requirement-unavailable",
    title: "A unit requires a unit that is masked, missing or broken",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Units that are inactive because their last start of this boot failed, and that \
                 require (Requires=, Requisite=, BindsTo=) a unit that is masked, not found, or \
                 whose file is in error. Nothing is said of units that nobody tried to start.",
        matters: "The unit can never be started as it is.",
        todo: "Unmask or install the unit it requires, or take the requirement out with systemctl \
                 edit.",
        references: &["systemd.unit(5), Requires=", "systemctl(1), mask"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let inactive =
        |name: &&str| units.systemd.unit(name).is_some_and(|unit| unit.active_state == "inactive");
    let down = units.names_with_events().filter(inactive);
    down.filter_map(|name| finding(&units, name)).collect()
}

fn finding(units: &Units<'_>, name: &str) -> Option<Finding> {
    let event = units.failed_start(name)?;
    let requirements = broken_requirements(units, name);
    let unavailable: Vec<&Unit> = requirements
        .iter()
        .filter_map(|other| units.systemd.unit(other.as_str()))
        .filter(|unit| is_unavailable(&unit.load_state))
        .collect();
    let first = unavailable.first()?;
    let how = match first.load_state.as_str() {
        "masked" => "is masked",
        "not-found" => "does not exist",
        _ => "has an error in its unit file",
    };
    let title = format!("{name} cannot be started: it requires {}, which {how}", first.name);
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(event.time))
        .next(systemctl("status", first.name.as_str()));
    for unit in unavailable {
        let fact = Evidence::text(unit.name.as_str(), &unit.load_state, "LoadState (D-Bus)");
        finding = finding.because(fact);
    }
    if let Some(result) = &event.job_result {
        finding = finding.because(Evidence::text("job result", result, "journal JOB_RESULT"));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::UnitEventKind;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, unit};
    use crate::testing_events::{depends, event};

    fn requires_masked(tried: bool) -> Snapshot {
        let mut snapshot = healthy();
        let mut masked = unit("db.service", "inactive", "dead");
        masked.load_state = "masked".to_owned();
        add_unit(&mut snapshot, masked);
        add_unit(&mut snapshot, unit("app.service", "inactive", "dead"));
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        if tried {
            event(&mut snapshot, "app.service", UnitEventKind::StartFailed, 180).job_result =
                Some("dependency".to_owned());
        }
        snapshot
    }

    #[test]
    fn fires_once_on_a_masked_requirement() {
        let found = findings(&RULE, &requires_masked(true));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "app.service cannot be started: it requires db.service, which is masked"
        );
    }

    #[test]
    fn silent_where_nobody_tried() {
        assert!(findings(&RULE, &requires_masked(false)).is_empty());
    }
}

//! Units that are masked, missing or broken although others cannot be started without them.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName};

use crate::dependencies::{REQUIREMENTS, is_unavailable, is_up, left_out};
use crate::human::{shortened, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Units that stand as evidence; findings about those that are down hang below this one.
const MOST_UNITS: usize = 5;
/// From a unit to those that require it.
const REQUIRED_BY: [&str; 3] = ["RequiredBy", "RequisiteOf", "BoundBy"];

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "requirement-unavailable",
    title: "A unit requires a unit that is masked, missing or broken",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that are masked, not found, or whose file is in error, and that another \
                 requires (Requires=, Requisite=, BindsTo=): an error if that one failed, could not \
                 be started, or was left out of the boot, a warning if it runs all the same. A \
                 unit whose file is in error is one by itself if a unit that is up wants it. \
                 Nothing is said of units that nobody tried to start.",
        matters: "What requires it cannot be started; what runs without it cannot be started again.",
        todo: "Unmask or install the unit, mend its file (systemd-analyze verify UNIT), or take the \
               requirement out with systemctl edit.",
        references: &["systemd.unit(5), Requires=", "systemctl(1), mask"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let unavailable = units.systemd.units.iter().filter(|unit| is_unavailable(&unit.load_state));
    unavailable.filter_map(|unit| finding(&units, unit)).collect()
}

/// How a unit is that requires one that cannot be started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Requirer {
    Runs,
    Down,
}

fn finding(units: &Units<'_>, unit: &Unit) -> Option<Finding> {
    let name = unit.name.as_str();
    let needed: Vec<(&UnitName, Requirer)> = requirers(units, name)
        .into_iter()
        .filter_map(|other| Some((other, state(units, other.as_str())?)))
        .collect();
    let down = needed.iter().filter(|(_, state)| *state == Requirer::Down).count();
    let how = match unit.load_state.as_str() {
        "masked" => "is masked",
        "not-found" => "does not exist",
        _ => "has an error in its unit file",
    };
    let broken = matches!(unit.load_state.as_str(), "error" | "bad-setting");
    let others = |count: usize| amount::count(count as u64, "unit", "units");
    let title = match needed.as_slice() {
        [] if broken && wanted_by(units, name).is_some() => {
            format!("{name} {how} and cannot be started")
        }
        [] => return None,
        [(one, Requirer::Down)] => {
            format!("{name} {how}, but {one} requires it and was not started")
        }
        [(one, Requirer::Runs)] => format!("{name} {how}, but {one}, which runs, requires it"),
        all if down == 0 => format!("{name} {how}, but {} that run require it", others(all.len())),
        all if down == all.len() => {
            format!("{name} {how}, but {} that require it were not started", others(down))
        }
        all => format!(
            "{name} {how}, but {} require it, {down} of which {} not started",
            others(all.len()),
            if down == 1 { "was" } else { "were" }
        ),
    };
    let severity = if down > 0 || needed.is_empty() { Severity::Error } else { Severity::Warning };
    let since: Option<Timestamp> = needed
        .iter()
        .filter_map(|(other, _)| units.failed_start(other.as_str()))
        .map(|event| event.time)
        .min();
    let next = if broken { systemctl("cat", name) } else { systemctl("status", name) };
    let mut finding = Finding::new(RULE.id, severity, name, title)
        .since(since)
        .next(next)
        .because(Evidence::text("state", &unit.load_state, "LoadState (D-Bus)"));
    let error = units.detail(name).and_then(|detail| detail.load_error.as_ref());
    if let Some(error) = error.filter(|_| broken) {
        let said = shortened(&error.message, 300);
        finding = finding.because(Evidence::text("error", said, "LoadError (D-Bus)"));
    }
    if let Some(other) = wanted_by(units, name).filter(|_| needed.is_empty()) {
        finding = finding.because(Evidence::text("wanted by", other, "WantedBy (D-Bus)"));
    }
    for (other, _) in needed.iter().take(MOST_UNITS) {
        let state = units.systemd.unit(other.as_str()).map_or_else(
            || "not loaded any more".to_owned(),
            |unit| format!("{} ({})", unit.active_state, unit.sub_state),
        );
        finding = finding.because(Evidence::text(other.as_str(), state, "ListUnits (D-Bus)"));
    }
    Some(finding)
}

/// The units that require `name`: what it says itself, and what they say.
fn requirers<'a>(units: &Units<'a>, name: &str) -> BTreeSet<&'a UnitName> {
    let own = units.detail(name).into_iter().flat_map(|detail| {
        REQUIRED_BY.iter().filter_map(|edge| detail.dependencies.get(*edge)).flatten()
    });
    let theirs = units.systemd.details.iter().filter(|(_, detail)| {
        let required = REQUIREMENTS.iter().filter_map(|edge| detail.dependencies.get(*edge));
        required.flatten().any(|other| other == name)
    });
    own.chain(theirs.map(|(other, _)| other)).filter(|other| other.as_str() != name).collect()
}

/// None: it is down, and nobody tried to start it.
fn state(units: &Units<'_>, name: &str) -> Option<Requirer> {
    match units.systemd.unit(name).map(|unit| unit.active_state.as_str()) {
        Some("active" | "reloading" | "refreshing") => Some(Requirer::Runs),
        Some("failed") => Some(Requirer::Down),
        Some("inactive") | None => {
            let tried = units.failed_start(name).is_some() || left_out(units, name);
            tried.then_some(Requirer::Down)
        }
        _ => None,
    }
}

/// A unit that is up and wants this one.
fn wanted_by<'a>(units: &Units<'a>, name: &str) -> Option<&'a str> {
    let detail = units.detail(name)?;
    let wants = ["WantedBy", "UpheldBy"].into_iter().filter_map(|it| detail.dependencies.get(it));
    wants.flatten().map(UnitName::as_str).find(|other| is_up(units, other))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{LoadError, UnitEventKind};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{depends, event};

    fn with_masked(load_state: &str) -> Snapshot {
        let mut snapshot = healthy();
        let mut masked = unit("db.service", "inactive", "dead");
        masked.load_state = load_state.to_owned();
        add_unit(&mut snapshot, masked);
        snapshot
    }

    fn requires(snapshot: &mut Snapshot, name: &str, active: bool, tried: bool) {
        let state = if active { ("active", "running") } else { ("inactive", "dead") };
        add_unit(snapshot, unit(name, state.0, state.1));
        depends(snapshot, name, "Requires", "db.service");
        if tried {
            event(snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                Some("dependency".to_owned());
        }
    }

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        findings(&RULE, snapshot).into_iter().map(|finding| finding.title).collect()
    }

    #[test]
    fn fires_once_on_a_masked_requirement() {
        let mut snapshot = with_masked("masked");
        requires(&mut snapshot, "app.service", false, true);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].title,
            "db.service is masked, but app.service requires it and was not started"
        );
    }

    #[test]
    fn a_unit_that_runs_without_it_is_a_warning() {
        let mut snapshot = with_masked("not-found");
        add_unit(&mut snapshot, unit("app.service", "active", "running"));
        // All that is known of a unit that runs is what the missing one says.
        depends(&mut snapshot, "db.service", "RequiredBy", "app.service");
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "db.service does not exist, but app.service, which runs, requires it"
        );
    }

    #[test]
    fn many_units_are_one_problem() {
        let mut snapshot = with_masked("masked");
        for number in 0..3 {
            requires(&mut snapshot, &format!("a{number}.service"), false, true);
        }
        assert_eq!(
            titles(&snapshot),
            ["db.service is masked, but 3 units that require it were not started"]
        );
        requires(&mut snapshot, "b.service", true, false);
        assert_eq!(
            titles(&snapshot),
            ["db.service is masked, but 4 units require it, 3 of which were not started"]
        );
    }

    #[test]
    fn a_file_in_error_is_told_with_what_systemd_says_of_it() {
        let mut snapshot = with_masked("bad-setting");
        assert_eq!(titles(&snapshot), [""; 0]);
        depends(&mut snapshot, "db.service", "WantedBy", "multi-user.target");
        let detail = systemd_of(&mut snapshot).details.get_mut("db.service").unwrap();
        detail.load_error = Some(LoadError {
            name: "org.freedesktop.systemd1.BadUnitSetting".to_owned(),
            message: "Unit db.service has a bad unit file setting.".to_owned(),
        });
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "db.service has an error in its unit file and cannot be started"
        );
        assert!(found[0].evidence.iter().any(|fact| fact.what == "error"));
    }

    #[test]
    fn silent_where_nobody_tried() {
        let mut snapshot = with_masked("masked");
        requires(&mut snapshot, "app.service", false, false);
        assert_eq!(titles(&snapshot), [""; 0]);
        assert_eq!(titles(&with_masked("not-found")), [""; 0]);
    }
}

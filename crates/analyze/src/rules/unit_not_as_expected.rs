//! A unit is not in the state that the configuration expects.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::Systemd;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp};

use crate::human::systemctl;
use crate::noise::{Expect, ExpectedState};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: super::NOT_AS_EXPECTED,
    title: "A unit is not in the state that is expected",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that an [[expect]] of the configuration names: an error for one that should \
                 be active and is not, a warning for one that should be inactive or masked and is \
                 not. Several expectations of one unit: any of them will do. Silent while the \
                 system starts or stops, and about units with a job in the queue.",
        matters: "To systemd a unit that was stopped is well; to whoever configured this host it \
                  is not.",
        todo: "Start or stop the unit, or change the [[expect]] in the configuration.",
        references: &["systemctl(1), start, stop, mask", "config.toml.example, [[expect]]"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let expected = &context.settings.expect;
    let Some(units) = Units::of(context.snapshot).filter(|_| !expected.is_empty()) else {
        return Vec::new();
    };
    let state = units.systemd.manager.system_state.as_deref();
    if matches!(state, Some("initializing" | "starting" | "stopping")) {
        return Vec::new();
    }
    let names: BTreeSet<String> = expected.iter().flat_map(|it| named(it, units.systemd)).collect();
    names.iter().filter_map(|name| finding(name, expected, &units, context)).collect()
}

/// The loaded units that it is about, and the one it names, loaded or not.
fn named(expect: &Expect, systemd: &Systemd) -> Vec<String> {
    if let Some(name) = expect.unit.literal() {
        return vec![name];
    }
    let units = systemd.units.iter().filter(|unit| expect.unit.matches(unit.name.as_str()));
    units.map(|unit| unit.name.to_string()).collect()
}

fn finding(
    name: &str,
    expected: &[Expect],
    units: &Units<'_>,
    context: &Context<'_>,
) -> Option<Finding> {
    let unit = units.systemd.unit(name);
    let (load, active) = unit.map_or(("not loaded", "inactive"), |it| {
        (it.load_state.as_str(), it.active_state.as_str())
    });
    let about: Vec<&Expect> = expected.iter().filter(|it| it.unit.matches(name)).collect();
    // What is not loaded may be masked; nobody can start it unnoticed.
    let holds = |it: &&Expect| {
        it.state.holds(load, active) || (unit.is_none() && it.state == ExpectedState::Masked)
    };
    let has_job = units.systemd.jobs.iter().any(|job| job.unit == *name);
    let first = about.first().filter(|_| !has_job && !about.iter().any(holds))?;
    let severity = match first.state {
        ExpectedState::Active => Severity::Error,
        _ => Severity::Warning,
    };
    let states: Vec<&str> = about.iter().map(|it| it.state.as_str()).collect();
    let is = match (unit, first.state) {
        (None, _) => "is not loaded",
        (_, ExpectedState::Masked) => "is not masked",
        _ => &format!("is {active}"),
    };
    let title = format!("{name} {is}; it is expected to be {}", states.join(" or "));
    let mut finding = Finding::new(RULE.id, severity, name, title)
        .since(since(name, units, context))
        .because(Evidence::text("active state", active, "ActiveState (D-Bus)"))
        .because(Evidence::text("load state", load, "LoadState (D-Bus)"))
        .next(systemctl("status", name));
    if let Some(reason) = &first.reason {
        finding = finding.because(Evidence::text("expected because", reason, "configuration"));
    }
    Some(finding)
}

/// When it entered the state it is in.
fn since(name: &str, units: &Units<'_>, context: &Context<'_>) -> Option<Timestamp> {
    let unit = units.systemd.unit(name)?;
    let times = unit.times?;
    let usec = match unit.active_state.as_str() {
        "inactive" | "failed" => times.inactive_enter_usec,
        "active" => times.active_enter_usec,
        _ => None,
    };
    Some(context.snapshot.clock.at_monotonic(usec?))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::Job;

    use super::*;
    use crate::Settings;
    use crate::noise::Pattern;
    use crate::testing::{add_unit, findings_with, healthy, systemd_of, unit};

    fn host() -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("stopped.service", "inactive", "dead"));
        snapshot
    }

    fn titles(snapshot: &Snapshot, expected: &[(&str, ExpectedState)]) -> Vec<String> {
        let expect = |(unit, state): &(&str, ExpectedState)| Expect {
            unit: Pattern::new(unit),
            state: *state,
            reason: Some("payroll".to_owned()),
        };
        let expect = expected.iter().map(expect).collect();
        let settings = Settings { expect, ..Settings::default() };
        let found = findings_with(&RULE, snapshot, &settings);
        found.into_iter().map(|finding| finding.title).collect()
    }

    #[test]
    fn fires_once_for_each_unit_that_is_not_as_expected() {
        assert_eq!(
            titles(
                &host(),
                &[
                    ("*ed.service", ExpectedState::Active),
                    ("nginx.service", ExpectedState::Inactive),
                    ("nginx.service", ExpectedState::Masked),
                    ("gone.service", ExpectedState::Active),
                ]
            ),
            [
                "gone.service is not loaded; it is expected to be active",
                "nginx.service is active; it is expected to be inactive or masked",
                "stopped.service is inactive; it is expected to be active",
            ]
        );
    }

    #[test]
    fn silent_about_what_is_as_expected_or_on_its_way() {
        assert!(titles(&host(), &[]).is_empty());
        let fine = [
            ("nginx.service", ExpectedState::Active),
            ("stopped.service", ExpectedState::Inactive),
            ("nginx.service", ExpectedState::Failed),
            ("gone.service", ExpectedState::Masked),
            ("gone.service", ExpectedState::Inactive),
            ("none-*.service", ExpectedState::Active),
        ];
        assert!(titles(&host(), &fine).is_empty());
        let wanted = [("stopped.service", ExpectedState::Active)];
        assert_eq!(titles(&host(), &wanted).len(), 1);
        let mut queued = host();
        systemd_of(&mut queued).jobs.push(Job {
            id: 1,
            unit: "stopped.service".into(),
            job_type: "start".to_owned(),
            state: "waiting".to_owned(),
        });
        assert!(titles(&queued, &wanted).is_empty());
        let mut starting = host();
        systemd_of(&mut starting).manager.system_state = Some("starting".to_owned());
        assert!(titles(&starting, &wanted).is_empty());
    }
}

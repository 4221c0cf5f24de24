//! Units in a crash loop.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::amount::duration;
use crate::health::ending;
use crate::health::flapping::{self, Restarts};
use crate::human::{ago, journalctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, Settings, failure};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-flapping",
    title: "A unit restarts again and again",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that systemd restarted by Restart= at least 3 times within 10 minutes \
                 (configurable), counted in the journal, units that hit their start limit, and \
                 failed units that gave up after as many restarts (NRestarts). Where the \
                 journal cannot be read, NRestarts of units that wait for their next restart. A \
                 loop that seems to be over is a warning.",
        matters: "The service is down a good part of the time, loses its state, and fills the log.",
        todo: "Read why each run ended (journalctl -b -u UNIT). Mend that; then systemctl \
               reset-failed UNIT and start it. RestartSec= and StartLimitBurst= only hide it.",
        references: &["systemd.service(5), Restart=", "systemd.unit(5), StartLimitIntervalSec="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let settings = context.settings;
    health.flapping_units.iter().filter_map(|problem| finding(&units, problem, settings)).collect()
}

fn finding(units: &Units<'_>, problem: &UnitProblem, settings: &Settings) -> Option<Finding> {
    let name = problem.name.as_str();
    let unit = units.systemd.unit(name)?;
    let restarts = flapping::restarts(units, unit, settings);
    let mut title = format!("{name} {}", what_happened(units, problem, restarts, settings));
    if let Some(ending) = ending::of(units, name, problem.result.as_deref()) {
        title = format!("{title}: {}", failure::how_it_ended(units, &ending, problem));
    }
    let over = !unit.is_failed() && is_over(units, restarts, settings);
    let severity = if over { Severity::Warning } else { RULE.severity };
    let began = restarts.span.map(|(first, _)| first).or(problem.since);
    let mut finding =
        Finding::new(RULE.id, severity, name, title).since(began).next(journalctl(name));
    finding.evidence = evidence(units, name, restarts, settings);
    finding.evidence.extend(failure::evidence(units, problem));
    Some(finding)
}

fn what_happened(
    units: &Units<'_>,
    problem: &UnitProblem,
    restarts: Restarts,
    settings: &Settings,
) -> String {
    let window = duration(settings.crash_loop_window_seconds.saturating_mul(1_000_000));
    let number = restarts.in_window.filter(|number| *number > 0);
    let number = number.map(|number| format!("{} within {window}", failure::restarts(number)));
    let counter = restarts.counter.filter(|number| *number > 0).map(failure::restarts);
    if problem.active_state == "failed" {
        let when = problem.since.map(|since| format!(" {}", ago(since, units.clock.realtime)));
        let when = when.unwrap_or_default();
        return match counter.or(number) {
            Some(number) => format!("gave up{when} after {number}"),
            None => format!("hit its start limit{when}"),
        };
    }
    match (number, counter) {
        (Some(number), _) => format!("is in a crash loop, {number}"),
        (None, Some(counter)) => {
            format!("is in a crash loop, {counter} since it was last started by hand")
        }
        (None, None) => "is in a crash loop".to_owned(),
    }
}

/// Whether the last restart is so long ago that another was due if the loop still went on.
fn is_over(units: &Units<'_>, restarts: Restarts, settings: &Settings) -> bool {
    let Some((_, last)) = restarts.span else { return false };
    let window = settings.crash_loop_window_seconds.saturating_mul(1_000_000);
    let quiet = units.clock.realtime.usec_since(last);
    quiet > window / settings.crash_loop_restarts.max(1)
}

fn evidence(
    units: &Units<'_>,
    name: &str,
    restarts: Restarts,
    settings: &Settings,
) -> Vec<Evidence> {
    let window = duration(settings.crash_loop_window_seconds.saturating_mul(1_000_000));
    let mut facts = Vec::new();
    // A unit can hit its start limit without a restart: others started it.
    if let Some(number) = restarts.in_window.filter(|number| *number > 0) {
        let what = format!("restarts within {window}");
        facts.push(Evidence::new(what, Value::Count(number), "journal, restart scheduled"));
    }
    if let Some(number) = restarts.counter.filter(|number| *number > 0) {
        facts.push(Evidence::new("NRestarts", Value::Count(number), "NRestarts (D-Bus)"));
    }
    if let Some((_, last)) = restarts.span {
        facts.push(Evidence::new("last restart", Value::Time(last), "journal, restart scheduled"));
    }
    let limit = units.detail(name).filter(|_| facts.is_empty());
    if let Some(burst) = limit.and_then(|detail| detail.start_limit_burst) {
        let source = "StartLimitBurst (D-Bus)";
        facts.push(Evidence::new("StartLimitBurst=", Value::Count(burst.into()), source));
    }
    if let Some(interval) = limit.and_then(|detail| detail.start_limit_interval_usec) {
        let source = "StartLimitIntervalUSec (D-Bus)";
        facts.push(Evidence::new("StartLimitIntervalSec=", Value::Usec(interval), source));
    }
    facts
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::UnitEventKind;

    use super::*;
    use crate::health::flapping::START_LIMIT;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{ago as seconds_ago, event, failed_service};

    fn looping(ages: &[u64], state: (&str, &str)) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("a.service", state.0, state.1));
        for age in ages {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, *age);
        }
        snapshot
    }

    #[test]
    fn fires_once_on_a_loop_that_goes_on() {
        let found = findings(&RULE, &looping(&[30, 20, 10], ("activating", "auto-restart")));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].title,
            "a.service is in a crash loop, 3 restarts within 10 min: its main process exited with \
             status 1"
        );
        assert_eq!(found[0].since, Some(seconds_ago(30)));
    }

    #[test]
    fn between_two_runs_the_last_failure_is_the_evidence() {
        let mut snapshot = looping(&[30, 20, 10], ("active", "running"));
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.result = Some("success".to_owned());
        detail.service.as_mut().unwrap().exec.get_mut("ExecStart").unwrap()[0].code = 0;
        detail.service.as_mut().unwrap().exec_main_code = Some(0);
        event(&mut snapshot, "a.service", UnitEventKind::Failed, 10).unit_result =
            Some("exit-code".to_owned());
        let exit = event(&mut snapshot, "a.service", UnitEventKind::ProcessExit, 10);
        exit.exit_code = Some("exited".to_owned());
        exit.exit_status = Some("9".to_owned());
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.ends_with("exited with status 9"), "{}", found[0].title);
        let value = |what: &str| {
            found[0].evidence.iter().find(|fact| fact.what == what).map(|fact| fact.value.clone())
        };
        assert_eq!(value("result"), Some(Value::Text("exit-code".to_owned())));
        assert_eq!(value("command"), Some(Value::Text("/usr/bin/example --serve".to_owned())));
    }

    #[test]
    fn a_loop_that_is_over_is_a_warning() {
        let found = findings(&RULE, &looping(&[500, 490, 480], ("active", "running")));
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn a_start_limit_is_one_even_if_nothing_was_logged() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", START_LIMIT, 1, 1);
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.starts_with("a.service hit its start limit"), "{}", found[0].title);
        assert!(found[0].evidence.iter().all(|fact| fact.value != Value::Count(0)));
        systemd_of(&mut snapshot).details.get_mut("a.service").unwrap().result = None;
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn silent_about_a_restart_now_and_then() {
        assert!(findings(&RULE, &looping(&[30, 20], ("active", "running"))).is_empty());
        assert!(findings(&RULE, &looping(&[30, 20, 10], ("inactive", "dead"))).is_empty());
    }
}

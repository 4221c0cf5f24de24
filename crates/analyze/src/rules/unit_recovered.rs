//! Units that failed and are well again.

use std::collections::BTreeSet;

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::{Unit, UnitEvent, UnitEventKind};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitType, Value};

use crate::amount::count;
use crate::health::{ending, of_unit};
use crate::human::{ago, journalctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, Settings, failure};

/// See the explanation.
pub(crate) const RULE: Rule = Rule {
    id: "unit-recovered",
    title: "A unit failed and is well again",
    severity: Severity::Info,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Units that failed since the last report, or, without one, within \
                 recovered_window_seconds (3600), in this boot, and that are active now or, if they \
                 are oneshots, ended well later. Not those that another finding is about.",
        matters: "Somebody may have noticed: what the unit provides was not there for a while. What \
                  failed once may fail again.",
        todo: "Read why it failed (journalctl -b -u UNIT), if it was not you who mended it.",
        references: &["systemd.service(5), Restart="],
    },
    check,
};

/// Takes out what is said about units that are not well in another way.
pub(crate) fn leave_to_others(findings: &mut Vec<Finding>) {
    let ill: BTreeSet<String> = findings
        .iter()
        .filter(|finding| finding.rule != RULE.id)
        .map(|finding| finding.subject.clone())
        .collect();
    findings.retain(|finding| finding.rule != RULE.id || !ill.contains(&finding.subject));
}

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let now = units.clock.realtime;
    let window = context.settings.recovered_window_seconds.saturating_mul(1_000_000);
    let last = context.past.value().and_then(|past| past.last());
    let from = last.map_or_else(|| now.minus_usec(window), |report| report.timestamp);
    let names = units.names_with_events();
    names
        .filter_map(|name| finding(&units, units.systemd.unit(name)?, from, context.settings))
        .collect()
}

fn finding(
    units: &Units<'_>,
    unit: &Unit,
    from: Timestamp,
    settings: &Settings,
) -> Option<Finding> {
    let name = unit.name.as_str();
    // Sessions and scopes are nobody's service.
    let supervised = !matches!(unit.name.unit_type(), None | Some(UnitType::Scope));
    let failures: Vec<&UnitEvent> = units
        .events(name)
        .iter()
        .filter(|event| event.kind == UnitEventKind::Failed && event.time >= from)
        .copied()
        .collect();
    let last = failures.last().filter(|_| supervised)?;
    let well = well_since(units, unit).filter(|well| *well >= last.time)?;
    let mut problem = of_unit(units, unit, settings, 0);
    problem.result.clone_from(&last.unit_result);
    let why = why(units, &problem, last);
    let now = units.clock.realtime;
    let times = match failures.len() {
        1 => String::new(),
        number => format!(" {}, the last time", count(number as u64, "time", "times")),
    };
    let when = ago(last.time, now);
    let again = if unit.active_state == "active" { "is up again" } else { "ended well since" };
    let title = format!("{name} failed{times} {when}{why}, and {again}");
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(last.time))
        .next(journalctl(name));
    if let Some(result) = &last.unit_result {
        finding = finding.because(Evidence::text("result", result, "journal UNIT_RESULT"));
    }
    let source = "ActiveEnterTimestamp, InactiveEnterTimestamp (D-Bus)";
    Some(finding.because(Evidence::new("well since", Value::Time(well), source)))
}

/// Since when the unit is up, or when its last run ended well. None: neither.
fn well_since(units: &Units<'_>, unit: &Unit) -> Option<Timestamp> {
    let times = unit.times?;
    let at = |usec| units.clock.at_monotonic(usec);
    if unit.active_state == "active" {
        return times.active_enter_usec.map(at);
    }
    let detail = units.detail(unit.name.as_str())?;
    let service = detail.service.as_ref()?;
    let is_oneshot = service.service_type.as_deref() == Some("oneshot");
    let ended_well = unit.active_state == "inactive" && detail.result.as_deref() == Some("success");
    // A failure that somebody reset has the result success, too: there was no run since.
    let ran = times.inactive_exit_usec?;
    (is_oneshot && ended_well && times.inactive_enter_usec? >= ran).then(|| at(ran))
}

/// ` (its main process exited with status 4)`, of the failure `event`.
fn why(units: &Units<'_>, problem: &UnitProblem, event: &UnitEvent) -> String {
    let name = problem.name.as_str();
    let events = units.events(name).iter().filter(|it| it.time <= event.time);
    let ended = ending::of_event(events.copied(), event.unit_result.as_deref());
    match (ended, event.unit_result.as_deref()) {
        (Some(ended), _) => format!(" ({})", failure::how_it_ended(units, &ended, problem)),
        (None, Some(result)) => format!(" (result '{result}')"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, findings_after, healthy, systemd_of, unit};
    use crate::testing_events::{ago as seconds_ago, assessed, event, failed_service};
    use crate::{Past, PastReport};

    /// Failed so many seconds ago with status 4, and is up since a minute.
    fn recovered(seconds: u64) -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "success", 0, 0);
        let mut up = unit("a.service", "active", "running");
        up.times.as_mut().unwrap().active_enter_usec = Some(NOW_USEC - 60_000_000);
        add_unit(&mut snapshot, up);
        let exit = event(&mut snapshot, "a.service", UnitEventKind::ProcessExit, seconds);
        exit.exit_code = Some("exited".to_owned());
        exit.exit_status = Some("4".to_owned());
        event(&mut snapshot, "a.service", UnitEventKind::Failed, seconds).unit_result =
            Some("exit-code".to_owned());
        snapshot
    }

    #[test]
    fn fires_once_and_says_how_it_failed() {
        let found = findings(&RULE, &recovered(240));
        assert_eq!(found.len(), 1);
        assert!(found[0].title.starts_with("a.service failed 4 min ago (its main process exited"));
        assert!(found[0].title.ends_with(", and is up again"), "{}", found[0].title);
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn a_oneshot_that_ended_well_later_is_well() {
        let mut snapshot = recovered(240);
        let mut ended = unit("a.service", "inactive", "dead");
        let times = ended.times.as_mut().unwrap();
        times.inactive_exit_usec = Some(NOW_USEC - 60_000_000);
        times.inactive_enter_usec = Some(NOW_USEC - 50_000_000);
        add_unit(&mut snapshot, ended);
        assert!(findings(&RULE, &snapshot).is_empty());
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap().service_type = Some("oneshot".to_owned());
        assert!(findings(&RULE, &snapshot)[0].title.ends_with(", and ended well since"));
    }

    #[test]
    fn silent_about_what_is_old_or_was_reported() {
        assert!(findings(&RULE, &recovered(3_700)).is_empty());
        let snapshot = recovered(240);
        let mut report = PastReport::of(&assessed(&healthy()));
        report.timestamp = seconds_ago(100);
        let past = Past { reports: vec![report.clone()], ..Past::default() };
        assert!(findings_after(&RULE, past, &snapshot).is_empty());
        report.timestamp = seconds_ago(300);
        let past = Past { reports: vec![report], ..Past::default() };
        assert_eq!(findings_after(&RULE, past, &snapshot).len(), 1);
    }

    #[test]
    fn silent_about_what_is_not_well_yet_or_that_another_finding_is_about() {
        let mut snapshot = recovered(240);
        add_unit(&mut snapshot, unit("a.service", "activating", "auto-restart"));
        assert!(findings(&RULE, &snapshot).is_empty());
        let mut snapshot = recovered(240);
        for seconds in [240, 241, 242] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        let rules: Vec<String> =
            assessed(&snapshot).findings.into_iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["unit-flapping"]);
    }
}

//! Units in the state failed.
//!
//! Sockets and timers have rules of their own.

use std::fmt::Write as _;

use sysdiag_model::report::{HealthAnalysis, UnitProblem};
use sysdiag_model::snapshot::AssertFact;
use sysdiag_model::{Evidence, Finding, Severity, UnitType, Value, signal_name};

use crate::amount::duration;
use crate::failure;
use crate::health::flapping::waits_for_restart;
use crate::health::{RECENT_LINES, of_unit};
use crate::human::{ago, journalctl, shortened, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, Settings};

/// A pause before the next try that is worth a word.
const LONG_USEC: u64 = 5_000_000;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-failed",
    title: "A unit is in the state failed",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units whose ActiveState is failed, sockets and timers excepted: how the process \
                 that failed ended, from the commands of the unit, its main process or the \
                 journal, and what it logged last. A note if it was stopped and ended by a signal \
                 that counts as a failure, or with the exit status that stands for one (143). Also \
                 units that were not started because an Assert...= was not met, and services that \
                 failed and are down for five seconds or longer until systemd tries again \
                 (RestartSec=).",
        matters: "What the unit provides is not there, and units that require it cannot start.",
        todo: "Read the last log lines (journalctl -b -u UNIT), mend the cause, start the unit \
               again. A failure that is over is cleared with systemctl reset-failed UNIT.",
        references: &["systemctl(1)", "systemd.service(5)", "systemd.exec(5), Process Exit Codes"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    health
        .failed_units
        .iter()
        .filter(|problem| {
            !matches!(problem.name.unit_type(), Some(UnitType::Socket | UnitType::Timer))
        })
        .map(|problem| finding(&units, problem))
        .chain(units.names_with_events().filter_map(|name| not_asserted(&units, name)))
        .chain(waiting(&units, health, context.settings))
        .collect()
}

/// Services that failed and are down for long before systemd tries again. Those that try often are in
/// a crash loop or well soon.
fn waiting(
    units: &Units<'_>,
    health: &HealthAnalysis,
    settings: &Settings,
) -> impl Iterator<Item = Finding> {
    let down = units.systemd.units.iter().filter(|unit| waits_for_restart(unit)).filter(|unit| {
        let result = units.result(unit.name.as_str());
        let is_loop = health.flapping_units.iter().any(|flapping| flapping.name == unit.name);
        !is_loop && result.is_some_and(|result| result.value != "success")
    });
    down.filter_map(|unit| {
        let detail = units.detail(unit.name.as_str())?;
        let pause = detail.service.as_ref()?.restart_usec.filter(|usec| *usec >= LONG_USEC)?;
        let problem = of_unit(units, unit, settings, RECENT_LINES);
        let mut found = finding(units, &problem);
        let waited = problem.since.map_or(0, |since| units.clock.realtime.usec_since(since));
        let left = duration(pause.saturating_sub(waited));
        let _ = write!(found.title, "; systemd tries again in {left}");
        let pause = Evidence::new("restart after", Value::Usec(pause), "RestartUSec (D-Bus)");
        Some(found.because(pause))
    })
}

/// Hang-up, interrupt, quit and terminate (`signal(7)`): those that stop a program, and that it can catch.
const BY_SIGNAL: [i32; 4] = [1, 2, 3, 15];

/// A unit whose start job ended because an `Assert...=` was not met: it is inactive, not failed, and
/// soon unloaded. (A condition that is not met is nothing of note.)
fn not_asserted(units: &Units<'_>, name: &str) -> Option<Finding> {
    let event = units.failed_start(name)?;
    let down = units.systemd.unit(name).is_none_or(|unit| unit.active_state == "inactive");
    let result = event.job_result.as_deref().filter(|result| down && *result == "assert")?;
    let asserts = units.detail(name).map_or(&[][..], |detail| &detail.asserts);
    let failed: Vec<&AssertFact> = asserts.iter().filter(|it| it.failed).collect();
    let what = match (failed.as_slice(), asserts) {
        ([first, ..], _) => said(first),
        // Which it was is not known any more: the only one.
        ([], [only]) => said(only),
        _ => "an Assert...= of its unit file".to_owned(),
    };
    let when = ago(event.time, units.clock.realtime);
    let title = format!("{name} was not started {when}: {what} is not met");
    let finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(event.time))
        .because(Evidence::text("job result", result, "journal JOB_RESULT"))
        .next(systemctl("cat", name));
    Some(finding)
}

fn said(assert: &AssertFact) -> String {
    format!("{}={}", assert.setting, shortened(&assert.value, 160))
}

/// How the main process ended, if it did so only after the unit had begun to stop and by a signal that
/// counts as a failure (`KillSignal=SIGKILL`), or with the exit status by which shells and Java tell of a
/// signal: whoever stopped it got what he asked for.
fn ended_as_asked(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let detail = units.detail(problem.name.as_str())?;
    let exited = detail.service.as_ref()?.exec_main_exit?;
    detail.active_exit.filter(|stopping| *stopping < exited)?;
    match problem.result.as_deref()? {
        "signal" => Some(format!("by {}", problem.signal.as_deref().unwrap_or("a signal"))),
        "exit-code" => {
            let status = problem.exit_status?;
            let signal = BY_SIGNAL.into_iter().find(|signal| status == 128 + *signal)?;
            let signal = signal_name(signal)?;
            Some(format!("and its main process exited with status {status} (128 + {signal})"))
        }
        _ => None,
    }
}

fn finding(units: &Units<'_>, problem: &UnitProblem) -> Finding {
    let name = problem.name.as_str();
    let title = failure::sentence(units, problem);
    let (severity, title) = if let Some(how) = ended_as_asked(units, problem) {
        let when = problem.since.map(|since| format!(" {}", ago(since, units.clock.realtime)));
        let when = when.unwrap_or_default();
        let title = format!("{name} was stopped{when} {how}, which counts as a failure");
        (Severity::Info, title)
    } else {
        (RULE.severity, title)
    };
    let mut finding =
        Finding::new(RULE.id, severity, name, title).since(problem.since).next(next(problem));
    finding.evidence = failure::evidence(units, problem);
    finding
}

fn next(problem: &UnitProblem) -> String {
    let name = problem.name.as_str();
    match (problem.exit_status, &problem.recent_logs) {
        // The process was never started: the unit file says how it was to be.
        (Some(200..=245), _) => systemctl("cat", name),
        (_, Some(_)) => journalctl(name),
        (_, None) => systemctl("status", name),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{ServiceDetail, UnitEventKind};

    use super::*;
    use crate::testing::{MIB, add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{ago as seconds_ago, event, failed_service, journal_of, line};

    fn service_of(snapshot: &mut sysdiag_model::Snapshot) -> &mut ServiceDetail {
        let detail = systemd_of(snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap()
    }

    fn title_of(result: &str, code: i32, status: i32) -> String {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", result, code, status);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.memory_max_bytes = Some(512 * MIB);
        let service = detail.service.as_mut().unwrap();
        service.watchdog_usec = Some(30_000_000);
        let mut found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        found.remove(0).title
    }

    #[test]
    fn fires_once_and_says_how() {
        for (result, code, status, how) in [
            ("exit-code", 1, 3, "its main process exited with status 3"),
            (
                "exit-code",
                1,
                217,
                "its main process exited with status 217 (USER: the user does not exist or cannot \
                 be taken, see User=)",
            ),
            ("signal", 2, 9, "its main process was killed by SIGKILL"),
            ("core-dump", 3, 11, "its main process dumped core (SIGSEGV)"),
            ("timeout", 2, 15, "it did not stop in time"),
            ("watchdog", 3, 6, "it gave no sign of life to its watchdog for 30 s"),
            (
                "start-limit-hit",
                1,
                1,
                "it was started too often; its main process exited with status 1",
            ),
            ("resources", 0, 0, "systemd could not set up what it needs; its log says what"),
            ("protocol", 1, 0, "it did not start as Type=simple asks it to"),
            ("unit-start-limit-hit", 0, 0, "the unit that it starts was started too often"),
            (
                "oom-kill",
                2,
                9,
                "a process of it was killed for want of memory, its limit is 512 MiB",
            ),
        ] {
            assert_eq!(
                title_of(result, code, status),
                format!("a.service failed 4 min ago: {how}")
            );
        }
    }

    #[test]
    fn a_start_that_took_too_long_is_told_from_a_stop() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "timeout", 2, 15);
        service_of(&mut snapshot).timeout_start_usec = Some(90_000_000);
        let mut failed = unit("a.service", "failed", "failed");
        failed.times.as_mut().unwrap().active_enter_usec = None;
        add_unit(&mut snapshot, failed);
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.ends_with("it did not start within 1 min 30 s"));
    }

    #[test]
    fn a_long_pause_before_the_next_try_is_no_health() {
        let with = |pause: u64, result: &str| {
            let mut snapshot = healthy();
            failed_service(&mut snapshot, "a.service", result, 1, 1);
            add_unit(&mut snapshot, unit("a.service", "activating", "auto-restart"));
            service_of(&mut snapshot).restart_usec = Some(pause);
            findings(&RULE, &snapshot)
        };
        let found = with(3_600_000_000, "exit-code");
        assert_eq!(found.len(), 1);
        let title = &found[0].title;
        assert!(title.contains("its main process exited with status 1; systemd tries again in"));
        assert_eq!(with(100_000, "exit-code"), []);
        // Restart=always as a timer.
        assert_eq!(with(3_600_000_000, "success"), []);
    }

    #[test]
    fn signals_of_limits_are_explained() {
        let how = "its main process was killed by SIGSYS (a system call it may not make, see \
                   SystemCallFilter=)";
        assert_eq!(title_of("signal", 2, 31), format!("a.service failed 4 min ago: {how}"));
        let dumped = title_of("core-dump", 3, 24);
        assert!(dumped.contains("dumped core (SIGXCPU: it used more CPU time"), "{dumped}");
    }

    #[test]
    fn a_run_that_took_too_long_is_told_from_a_stop() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "timeout", 2, 15);
        let mut failed = unit("a.service", "failed", "failed");
        let times = failed.times.as_mut().unwrap();
        (times.active_enter_usec, times.active_exit_usec) = (Some(50_000_000), Some(52_000_100));
        add_unit(&mut snapshot, failed);
        service_of(&mut snapshot).runtime_max_usec = Some(2_000_000);
        let title = &findings(&RULE, &snapshot)[0].title;
        assert!(title.ends_with("it ran for longer than 2 s (RuntimeMaxSec=)"), "{title}");
        service_of(&mut snapshot).runtime_max_usec = Some(3_000_000);
        assert!(findings(&RULE, &snapshot)[0].title.ends_with("it did not stop in time"));
    }

    fn of_type(kind: &str, result: &str, code: i32, status: i32) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", result, code, status);
        let service = service_of(&mut snapshot);
        service.service_type = Some(kind.to_owned());
        service.timeout_start_usec = Some(90_000_000);
        service.pid_file = Some("/run/a.pid".to_owned());
        let mut failed = unit("a.service", "failed", "failed");
        failed.times.as_mut().unwrap().active_enter_usec = None;
        add_unit(&mut snapshot, failed);
        snapshot
    }

    #[test]
    fn what_was_waited_for_is_named() {
        for (kind, result, how) in [
            (
                "notify",
                "protocol",
                "it ended without having reported that it was ready (Type=notify)",
            ),
            ("forking", "protocol", "it never wrote its PID file /run/a.pid (Type=forking)"),
            (
                "notify",
                "timeout",
                "it did not report that it was ready within 1 min 30 s (Type=notify)",
            ),
            (
                "dbus",
                "timeout",
                "it did not take its name on the bus within 1 min 30 s (Type=dbus)",
            ),
            ("oneshot", "timeout", "it did not start within 1 min 30 s"),
        ] {
            let found = findings(&RULE, &of_type(kind, result, 2, 15));
            assert!(found[0].title.ends_with(&format!(": {how}")), "{}", found[0].title);
        }
    }

    #[test]
    fn a_command_before_it_that_hangs_is_named() {
        let mut snapshot = of_type("notify", "timeout", 0, 0);
        let service = service_of(&mut snapshot);
        let mut before = service.exec["ExecStart"].clone();
        (before[0].code, before[0].status) = (2, 15);
        service.exec.insert("ExecStartPre".to_owned(), before);
        let found = findings(&RULE, &snapshot);
        let how = "its ExecStartPre= process did not end within 1 min 30 s";
        assert!(found[0].title.ends_with(how), "{}", found[0].title);
    }

    fn logged(snapshot: &sysdiag_model::Snapshot) -> Vec<String> {
        let found = findings(&RULE, snapshot).remove(0);
        let lines = found.evidence.iter().filter(|fact| fact.what == "logged");
        lines.map(|fact| format!("{:?}", fact.value)).collect()
    }

    #[test]
    fn complaints_of_the_unit_come_before_its_remarks() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        line(&mut snapshot, "a.service", "cannot bind");
        line(&mut snapshot, "a.service", "goodbye");
        let lines = journal_of(&mut snapshot).recent.get_mut("a.service").unwrap();
        lines[1].level = Some("INFO".to_owned());
        assert_eq!(logged(&snapshot), [r#"Text("cannot bind")"#]);
    }

    #[test]
    fn what_systemd_says_of_every_unit_is_no_evidence() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "protocol", 0, 0);
        line(&mut snapshot, "a.service", "a.service: Failed with result 'protocol'.");
        let by_systemd = |snapshot: &mut sysdiag_model::Snapshot| {
            for line in journal_of(snapshot).recent.get_mut("a.service").unwrap() {
                (line.identifier, line.pid) = (Some("systemd".to_owned()), Some(1));
            }
        };
        by_systemd(&mut snapshot);
        assert_eq!(logged(&snapshot), [""; 0]);
        let found = findings(&RULE, &snapshot).remove(0);
        assert!(found.evidence.iter().any(|fact| fact.what == "command"));
        line(&mut snapshot, "a.service", "a.service: Failed to load environment files");
        by_systemd(&mut snapshot);
        assert_eq!(logged(&snapshot), [r#"Text("a.service: Failed to load environment files")"#]);
    }

    #[test]
    fn a_command_before_the_main_process_is_named() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 0);
        let service = service_of(&mut snapshot);
        let mut before = service.exec["ExecStart"].clone();
        before[0].status = 203;
        service.exec.insert("ExecStartPre".to_owned(), before);
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.contains("its ExecStartPre= process exited with status 203 (EXEC"));
        assert_eq!(found[0].next.as_deref(), Some("systemctl cat a.service"));
    }

    #[test]
    fn the_journal_knows_where_systemd_does_not() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("data.mount", "failed", "failed"));
        event(&mut snapshot, "data.mount", UnitEventKind::Failed, 5).unit_result =
            Some("exit-code".to_owned());
        let exit = event(&mut snapshot, "data.mount", UnitEventKind::ProcessExit, 6);
        exit.exit_code = Some("exited".to_owned());
        exit.exit_status = Some("32".to_owned());
        exit.command = Some("ExecMount".to_owned());
        line(&mut snapshot, "data.mount", "wrong fs type");
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.ends_with(": mount exited with status 32"), "{}", found[0].title);
        assert_eq!(found[0].evidence.len(), 3);
    }

    #[test]
    fn an_assertion_that_is_not_met_is_an_error_a_condition_is_none() {
        let mut snapshot = healthy();
        for (name, result) in [("a.service", "assert"), ("b.service", "skipped")] {
            event(&mut snapshot, name, UnitEventKind::StartFailed, 60).job_result =
                Some(result.to_owned());
        }
        let title = |snapshot: &sysdiag_model::Snapshot| findings(&RULE, snapshot).remove(0).title;
        let expected =
            "a.service was not started 1 min ago: an Assert...= of its unit file is not met";
        assert_eq!(title(&snapshot), expected);
        let fact = |value: &str, failed| AssertFact {
            setting: "AssertPathExists".to_owned(),
            value: value.to_owned(),
            failed,
        };
        let detail = systemd_of(&mut snapshot).details.entry("a.service".into()).or_default();
        detail.asserts = vec![fact("/a", false), fact("!/b", true)];
        assert!(title(&snapshot).ends_with(": AssertPathExists=!/b is not met"));
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
        let started = event(&mut snapshot, "a.service", UnitEventKind::Started, 30);
        started.job_result = Some("done".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn a_stop_by_sigkill_is_a_note_a_kill_is_an_error() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "signal", 2, 9);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.active_exit = Some(seconds_ago(240));
        detail.service.as_mut().unwrap().exec_main_exit = Some(seconds_ago(241));
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Error);
        service_of(&mut snapshot).exec_main_exit = Some(seconds_ago(239));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].title,
            "a.service was stopped 4 min ago by SIGKILL, which counts as a failure"
        );
    }

    #[test]
    fn the_exit_status_that_stands_for_a_signal_is_a_note_after_a_stop_only() {
        for (status, stopping, severity) in [
            (143, 241, Severity::Info),
            (130, 241, Severity::Info),
            (143, 239, Severity::Error),
            (1, 241, Severity::Error),
            (139, 241, Severity::Error),
            (i32::MIN, 241, Severity::Error),
        ] {
            let mut snapshot = healthy();
            failed_service(&mut snapshot, "a.service", "exit-code", 1, status);
            let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
            detail.active_exit = Some(seconds_ago(stopping));
            detail.service.as_mut().unwrap().exec_main_exit = Some(seconds_ago(240));
            let found = findings(&RULE, &snapshot);
            assert_eq!((found.len(), found[0].severity), (1, severity), "{status} {stopping}");
            let title = "a.service was stopped 4 min ago and its main process exited with status 143 \
                         (128 + SIGTERM), which counts as a failure";
            assert!(
                found[0].title == title || (status, stopping) != (143, 241),
                "{}",
                found[0].title
            );
        }
    }

    #[test]
    fn silent_about_units_that_are_well() {
        assert!(findings(&RULE, &healthy()).is_empty());
    }

    #[test]
    fn silent_about_sockets_and_timers() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.socket", "failed", "failed"));
        add_unit(&mut snapshot, unit("a.timer", "failed", "failed"));
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

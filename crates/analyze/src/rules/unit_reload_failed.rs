//! Services that run, but not with the configuration they were told to take.

use sysdiag_model::snapshot::{Unit, UnitEvent, UnitEventKind};
use sysdiag_model::{Evidence, Finding, Severity, UnitType, Value};

use crate::health::ending::How;
use crate::human::{ago, journalctl, shell_word, shortened};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

const MOST_CHARACTERS: usize = 300;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-reload-failed",
    title: "A service could not be reloaded",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Running services whose last reload in this boot failed (ReloadResult), and that \
                 were not started anew since.",
        matters: "The service goes on with its old configuration. What was changed has no effect, \
                  and often it would not start again with the new one.",
        todo: "Read what the reload complained of (journalctl -b -u UNIT), mend the configuration, \
               reload again.",
        references: &["systemd.service(5), ExecReload=", "systemctl(1), reload"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let names = units.names_with_events();
    names.filter_map(|name| finding(&units, units.systemd.unit(name)?)).collect()
}

fn finding(units: &Units<'_>, unit: &Unit) -> Option<Finding> {
    let name = unit.name.as_str();
    let is_up = unit.active_state == "active" && unit.name.unit_type() == Some(UnitType::Service);
    let event = units.events(name).iter().rfind(|it| it.kind == UnitEventKind::Reloaded)?;
    let given_up = matches!(event.job_result.as_deref(), Some("canceled" | "collected"));
    if !is_up || given_up || started_since(units, unit, event) {
        return None;
    }
    // The journal tells of failures only; that no reload went well since, systemd must say.
    let service = units.detail(name)?.service.as_ref()?;
    let result = service.reload_result.as_deref().filter(|result| *result != "success")?;
    let commands = service.exec.get("ExecReload").into_iter().flatten();
    let failed = commands.filter(|command| !command.ignore_failure).find_map(|command| {
        let how = How::from_wait(command.code, command.status)?;
        (how != How::Exited(0)).then_some((command, how))
    });
    let why = match (result, &failed) {
        ("timeout", _) => "it took too long".to_owned(),
        (_, Some((_, How::Exited(status)))) => {
            format!("its ExecReload= process exited with status {status}")
        }
        (_, Some((_, How::Killed(signal) | How::Dumped(signal)))) => {
            format!("its ExecReload= process was killed by {signal}")
        }
        (result, None) => format!("its result is '{result}'"),
    };
    let when = ago(event.time, units.clock.realtime);
    let title = format!("{name} runs with its old configuration, its reload failed {when}: {why}");
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(Some(event.time))
        .because(Evidence::text("reload result", result, "ReloadResult (D-Bus)"))
        .next(journalctl(name));
    if let Some((command, how)) = failed {
        let source = "ExecReload (D-Bus)";
        finding = finding.because(match how {
            How::Exited(status) => {
                Evidence::new("exit status", Value::Number(i64::from(status)), source)
            }
            How::Killed(signal) | How::Dumped(signal) => Evidence::text("signal", signal, source),
        });
        let words: Vec<String> = command.argv.iter().map(|word| shell_word(word)).collect();
        let line = shortened(&words.join(" "), MOST_CHARACTERS);
        finding = finding.because(Evidence::text("command", line, source));
    }
    if let Some(line) = units.first_complaint(name, event.time) {
        let said = shortened(line.message.trim(), MOST_CHARACTERS);
        finding = finding.because(Evidence::text("logged", said, "journal MESSAGE"));
    }
    Some(finding)
}

/// Whether the unit came up after `event`.
fn started_since(units: &Units<'_>, unit: &Unit, event: &UnitEvent) -> bool {
    let times = unit.times.and_then(|times| times.active_enter_usec);
    times.is_some_and(|usec| units.clock.at_monotonic(usec) > event.time)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::ExecCommand;

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{event, failed_service};

    fn reload(result: &str, code: i32, status: i32) -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "success", 0, 0);
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        let service = detail.service.as_mut().unwrap();
        service.reload_result = Some(result.to_owned());
        let start = service.exec["ExecStart"][0].clone();
        let argv = vec!["/usr/sbin/a".to_owned(), "-s".to_owned()];
        service.exec.insert("ExecReload".into(), vec![ExecCommand { argv, code, status, ..start }]);
        event(&mut snapshot, "a.service", UnitEventKind::Reloaded, 240).job_result =
            Some("failed".to_owned());
        snapshot
    }

    #[test]
    fn fires_once_and_says_why() {
        for (result, code, status, why) in [
            ("exit-code", 1, 4, "its ExecReload= process exited with status 4"),
            ("signal", 2, 9, "its ExecReload= process was killed by SIGKILL"),
            ("timeout", 2, 15, "it took too long"),
            ("protocol", 1, 0, "its result is 'protocol'"),
        ] {
            let found = findings(&RULE, &reload(result, code, status));
            assert_eq!(found.len(), 1);
            let title = "a.service runs with its old configuration, its reload failed 4 min ago";
            assert_eq!(found[0].title, format!("{title}: {why}"));
        }
    }

    #[test]
    fn silent_once_it_has_the_new_configuration() {
        assert!(findings(&RULE, &reload("success", 1, 4)).is_empty());
        let mut snapshot = reload("exit-code", 1, 4);
        let mut anew = unit("a.service", "active", "running");
        anew.times.as_mut().unwrap().active_enter_usec = Some(NOW_USEC - 60_000_000);
        add_unit(&mut snapshot, anew);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn silent_about_a_service_that_does_not_run_and_a_reload_that_was_given_up() {
        let mut snapshot = reload("exit-code", 1, 4);
        add_unit(&mut snapshot, unit("a.service", "inactive", "dead"));
        assert!(findings(&RULE, &snapshot).is_empty());
        let mut snapshot = reload("exit-code", 1, 4);
        event(&mut snapshot, "a.service", UnitEventKind::Reloaded, 200).job_result =
            Some("canceled".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

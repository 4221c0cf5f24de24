//! Sockets that have not failed, and yet nobody can connect to them.

use sysdiag_model::snapshot::{Unit, UnitEvent};
use sysdiag_model::{Evidence, Finding, Severity, UnitName};

use crate::health::sockets::{self, Deaf};
use crate::human::{ago, journalctl, shell_word, shortened, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Paths that a title names.
const MOST_PATHS: usize = 2;
const MOST_CHARACTERS: usize = 300;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "socket-not-listening",
    title: "A socket unit is up, or should be, and nobody can connect to it",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Socket units that are active and whose socket or FIFO is not in the file system \
                 any more; socket units that an active unit wants and that were never started \
                 in this boot, although no condition speaks against it; socket units that are \
                 down because their last start failed. One that somebody stopped is none of these.",
        matters: "Clients cannot connect, and the service is not started for them. systemd holds a \
                  socket whose path was removed, so that it looks well in systemctl.",
        todo: "Restart the socket unit: that makes the path anew. Find out who removes it \
               (tmpfiles.d, a service whose RuntimeDirectory= it lies in, a script).",
        references: &["systemd.socket(5)", "tmpfiles.d(5)", "systemd.exec(5), RuntimeDirectory="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let problems = health.problematic_sockets.iter();
    let deaf = problems.filter(|it| it.problem == sockets::NOT_LISTENING);
    deaf.filter_map(|socket| {
        let unit = units.systemd.unit(socket.unit.name.as_str())?;
        match sockets::deaf(&units, unit)? {
            Deaf::Gone(paths) => Some(gone(&units, unit, paths)),
            Deaf::NeverStarted(wanted_by) => Some(never_started(unit, wanted_by)),
            Deaf::StartFailed(event) => start_failed(&units, unit, event),
        }
    })
    .collect()
}

fn gone(units: &Units<'_>, unit: &Unit, paths: &[String]) -> Finding {
    let name = unit.name.as_str();
    let shown: Vec<String> = paths.iter().take(MOST_PATHS).map(|it| shortened(it, 100)).collect();
    let more = match paths.len().saturating_sub(MOST_PATHS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = if paths.len() == 1 { "does" } else { "do" };
    let shown = shown.join(", ");
    let title = format!("{name} listens where nobody can connect: {shown}{more} {verb} not exist");
    // A socket cannot be started while its service runs.
    let service = sockets::service(units, name);
    let runs = |service: &String| {
        units.systemd.unit(service).is_some_and(|unit| unit.active_state == "active")
    };
    let with = service.filter(runs).map(|service| format!(" {}", shell_word(&service)));
    let next = format!("{}{}", systemctl("restart", name), with.unwrap_or_default());
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .because(Evidence::text("state", state(unit), "ActiveState, SubState (D-Bus)"))
        .next(next);
    for path in paths.iter().take(10) {
        let path = shortened(path, MOST_CHARACTERS);
        finding =
            finding.because(Evidence::text("does not exist", path, "Listen (D-Bus), lstat(2)"));
    }
    finding
}

fn never_started(unit: &Unit, wanted_by: &UnitName) -> Finding {
    let name = unit.name.as_str();
    let title = format!("{name} was never started in this boot, although {wanted_by} wants it");
    Finding::new(RULE.id, Severity::Warning, name, title)
        .because(Evidence::text("state", state(unit), "ActiveState, SubState (D-Bus)"))
        .because(Evidence::text("wanted by", wanted_by.as_str(), "WantedBy, RequiredBy (D-Bus)"))
        .next(systemctl("start", name))
}

fn start_failed(units: &Units<'_>, unit: &Unit, event: &UnitEvent) -> Option<Finding> {
    let name = unit.name.as_str();
    // Other results are other rules' matter: a requirement, an assertion, a job that was given up.
    event.job_result.as_deref().filter(|result| *result == "failed")?;
    let service = sockets::service(units, name);
    let service = service.as_deref().and_then(|service| units.systemd.unit(service));
    // One that can never be started is another rule's matter, too.
    if service.is_some_and(|service| service.load_state != "loaded") {
        return None;
    }
    let runs = service.filter(|service| service.active_state == "active");
    let (severity, because) = match runs {
        Some(service) => {
            (Severity::Warning, format!(": {}, which it starts, runs already", service.name))
        }
        None => (RULE.severity, String::new()),
    };
    let when = ago(event.time, units.clock.realtime);
    let title = format!("{name} could not be started {when}{because}");
    let mut finding = Finding::new(RULE.id, severity, name, title)
        .since(Some(event.time))
        .because(Evidence::text("job result", "failed", "journal JOB_RESULT"))
        .next(journalctl(name));
    if let Some(service) = runs {
        let state = format!("{} ({})", service.active_state, service.sub_state);
        let fact = Evidence::text(service.name.as_str(), state, "ListUnits (D-Bus)");
        finding = finding.because(fact);
    }
    if let Some(line) = units.first_complaint(name, event.time) {
        let said = shortened(line.message.trim(), MOST_CHARACTERS);
        finding = finding.because(Evidence::text("logged", said, "journal MESSAGE"));
    }
    Some(finding)
}

fn state(unit: &Unit) -> String {
    format!("{} ({})", unit.active_state, unit.sub_state)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{SocketState, UnitEventKind};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::event;

    fn with(active: &str, sub: &str, state: SocketState) -> Snapshot {
        let mut snapshot = healthy();
        let mut socket = unit("a.socket", active, sub);
        if active == "inactive" {
            let times = socket.times.as_mut().unwrap();
            (times.inactive_exit_usec, times.active_enter_usec) = (None, None);
        }
        add_unit(&mut snapshot, socket);
        add_unit(&mut snapshot, unit("a.service", "inactive", "dead"));
        systemd_of(&mut snapshot).sockets.insert("a.socket".into(), state);
        snapshot
    }

    fn without(paths: &[&str]) -> SocketState {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        SocketState { missing_paths: Some(paths), ..SocketState::default() }
    }

    fn wanted_by(target: &str) -> SocketState {
        SocketState {
            wanted_by: Some(vec!["gone.target".into(), target.into()]),
            condition_result: Some(false),
            condition_tested: Some(false),
            ..SocketState::default()
        }
    }

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        findings(&RULE, snapshot).into_iter().map(|finding| finding.title).collect()
    }

    #[test]
    fn fires_once_on_a_path_that_was_removed() {
        let mut snapshot = with("active", "listening", without(&["/run/a.sock"]));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "a.socket listens where nobody can connect: /run/a.sock does not exist"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl restart a.socket"));
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        let next = findings(&RULE, &snapshot)[0].next.clone();
        assert_eq!(next.as_deref(), Some("systemctl restart a.socket a.service"));
    }

    #[test]
    fn fires_once_on_a_socket_that_should_be_up() {
        let found = findings(&RULE, &with("inactive", "dead", wanted_by("multi-user.target")));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "a.socket was never started in this boot, although multi-user.target wants it"
        );
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn fires_once_on_a_start_that_failed() {
        let mut snapshot = with("inactive", "dead", SocketState::default());
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        event(&mut snapshot, "a.socket", UnitEventKind::StartFailed, 180).job_result =
            Some("failed".to_owned());
        assert_eq!(
            titles(&snapshot),
            ["a.socket could not be started 3 min ago: a.service, which it starts, runs already"]
        );
        // Nothing to add to why that service is not there.
        let mut masked = unit("a.service", "inactive", "dead");
        masked.load_state = "masked".to_owned();
        add_unit(&mut snapshot, masked);
        assert!(titles(&snapshot).is_empty());
    }

    #[test]
    fn silent_where_all_is_as_it_should_be() {
        assert!(titles(&with("active", "listening", without(&[]))).is_empty());
        assert!(titles(&with("active", "listening", SocketState::default())).is_empty());
        assert!(titles(&with("inactive", "dead", wanted_by("other.target"))).is_empty());
        // A condition is not met.
        let mut state = wanted_by("multi-user.target");
        state.condition_tested = Some(true);
        assert!(titles(&with("inactive", "dead", state)).is_empty());
        // The boot is not over.
        let mut snapshot = with("inactive", "dead", wanted_by("multi-user.target"));
        systemd_of(&mut snapshot).manager.system_state = Some("starting".to_owned());
        assert!(titles(&snapshot).is_empty());
        // Somebody stopped it.
        let mut snapshot = with("inactive", "dead", wanted_by("multi-user.target"));
        add_unit(&mut snapshot, unit("a.socket", "inactive", "dead"));
        assert!(titles(&snapshot).is_empty());
    }
}

//! Sockets in the state failed: nobody listens.

use sysdiag_model::{Finding, Severity};

use crate::failure;
use crate::health::sockets;
use crate::human::{journalctl, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "socket-failed",
    title: "A socket unit failed",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Socket units whose ActiveState is failed, with their result.",
        matters: "Nobody listens at the address: clients are refused, and the service is not \
                 started for them.",
        todo: "Read the log of the socket unit: an address that is in use or not of this host, \
                 missing rights, or a service that was started too often. Then systemctl restart \
                 the socket.",
        references: &["systemd.socket(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let failed = health.problematic_sockets.iter().filter(|it| it.problem == sockets::FAILED);
    failed
        .map(|socket| {
            let problem = &socket.unit;
            let name = problem.name.as_str();
            let next = match problem.recent_logs {
                Some(_) => journalctl(name),
                None => systemctl("status", name),
            };
            let title = failure::sentence(&units, problem);
            let mut finding =
                Finding::new(RULE.id, RULE.severity, name, title).since(problem.since).next(next);
            finding.evidence = failure::evidence(&units, problem);
            let detail = units.detail(name);
            finding.evidence.extend(detail.into_iter().flat_map(|detail| &detail.listen).map(
                |(kind, address)| failure::property(format!("Listen{kind}"), address, "Listen"),
            ));
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{SocketState, UnitDetail};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};

    #[test]
    fn fires_once_on_a_socket_that_cannot_listen() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.socket", "failed", "failed"));
        let systemd = systemd_of(&mut snapshot);
        let state = SocketState { result: Some("resources".to_owned()), ..SocketState::default() };
        systemd.sockets.insert("a.socket".into(), state);
        let listen = vec![("Stream".to_owned(), "192.0.2.1:9999".to_owned())];
        systemd.details.insert("a.socket".into(), UnitDetail { listen, ..UnitDetail::default() });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.ends_with("it cannot listen at 192.0.2.1:9999"));
        assert_eq!(found[0].evidence.len(), 2);
    }

    #[test]
    fn silent_about_a_socket_that_listens() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.socket", "active", "listening"));
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

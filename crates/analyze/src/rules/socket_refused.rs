//! Sockets that turned clients away.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::amount::count;
use crate::health::sockets;
use crate::human::systemctl;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "socket-refused",
    title: "A socket refused connections",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "NRefused of socket units with Accept=yes: connections that were turned away \
                 because MaxConnections= or MaxConnectionsPerSource= was reached, since the \
                 socket was loaded.",
        matters: "Clients were turned away although the service works.",
        todo: "See how many connections are open (NConnections) and whether they end as they \
                 should. If the load is meant to be, raise MaxConnections= with systemctl edit.",
        references: &["systemd.socket(5), MaxConnections="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(health) = context.health else { return Vec::new() };
    let refused = health.problematic_sockets.iter().filter(|it| it.problem == sockets::REFUSED);
    refused
        .filter_map(|socket| {
            let (name, refused) = (socket.unit.name.as_str(), socket.refused?);
            let connections = count(refused, "connection", "connections");
            let title = format!("{name} refused {connections} at its limit of open ones");
            let fact = Evidence::new("NRefused", Value::Count(refused), "NRefused (D-Bus)");
            let next = systemctl("show -p MaxConnections -p NConnections -p NRefused", name);
            Some(Finding::new(RULE.id, RULE.severity, name, title).because(fact).next(next))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::SocketState;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};

    fn with_refused(refused: Option<u32>) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.socket", "active", "listening"));
        let state = SocketState { n_refused: refused, ..SocketState::default() };
        systemd_of(&mut snapshot).sockets.insert("a.socket".into(), state);
        snapshot
    }

    #[test]
    fn fires_once_on_refused_connections() {
        let found = findings(&RULE, &with_refused(Some(7)));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "a.socket refused 7 connections at its limit of open ones");
    }

    #[test]
    fn silent_without() {
        assert!(findings(&RULE, &with_refused(Some(0))).is_empty());
        assert!(findings(&RULE, &with_refused(None)).is_empty());
    }
}

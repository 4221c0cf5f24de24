//! The manager counts failed units that it does not name.

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::HOST;
use crate::amount::count;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "system-degraded",
    title: "The system is degraded, and no unit is known that failed",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "SystemState of the manager is degraded, and none of the units that were read is \
                 in the state failed. Where one is, the finding about it says enough.",
        matters: "A unit failed that this report does not name: it failed or was reset just now, \
                  or there are more units than are read.",
        todo: "See systemctl --failed.",
        references: &["systemctl(1), is-system-running"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let manager = &units.systemd.manager;
    let degraded = manager.system_state.as_deref() == Some("degraded");
    if !degraded || units.systemd.units.iter().any(Unit::is_failed) {
        return Vec::new();
    }
    let failed = manager.n_failed_units.map(u64::from);
    let title = match failed.filter(|failed| *failed > 0) {
        Some(failed) => {
            let units = count(failed, "unit", "units");
            format!("The system is degraded: {units} failed, none of those that could be read")
        }
        None => "The system is degraded, and no failed unit could be read".to_owned(),
    };
    let mut finding = Finding::new(RULE.id, RULE.severity, HOST, title)
        .because(Evidence::text("system state", "degraded", "SystemState (D-Bus)"))
        .next("systemctl --failed");
    if let Some(failed) = failed {
        let fact = Evidence::new("failed units", Value::Count(failed), "NFailedUnits (D-Bus)");
        finding = finding.because(fact);
    }
    vec![finding]
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};

    fn degraded() -> Snapshot {
        let mut snapshot = healthy();
        let manager = &mut systemd_of(&mut snapshot).manager;
        manager.system_state = Some("degraded".to_owned());
        manager.n_failed_units = Some(2);
        snapshot
    }

    #[test]
    fn fires_once_where_nothing_explains_it() {
        let found = findings(&RULE, &degraded());
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "The system is degraded: 2 units failed, none of those that could be read"
        );
    }

    #[test]
    fn silent_where_a_failed_unit_is_known() {
        let mut snapshot = degraded();
        add_unit(&mut snapshot, unit("a.service", "failed", "failed"));
        assert!(findings(&RULE, &snapshot).is_empty());
        assert!(findings(&RULE, &healthy()).is_empty());
    }
}

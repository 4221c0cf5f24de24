//! The system is in rescue or emergency mode.

use sysdiag_model::{Evidence, Finding, Severity};

use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "system-maintenance",
    title: "The system is in rescue or emergency mode",
    severity: Severity::Critical,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "SystemState of the manager is maintenance: rescue.target or emergency.target is \
                 active.",
        matters: "Nothing but a shell at the console runs: the boot could not be finished, mostly \
                 because a file system could not be checked or mounted.",
        todo: "See what failed (systemctl --failed, journalctl -b -p err), mend it, then \
                 systemctl default.",
        references: &["systemd.special(7), emergency.target", "systemctl(1), is-system-running"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let state = units.systemd.manager.system_state.as_deref();
    if state != Some("maintenance") {
        return Vec::new();
    }
    let active = ["emergency.target", "rescue.target"]
        .into_iter()
        .find_map(|name| units.systemd.unit(name).filter(|unit| unit.active_state == "active"));
    let mode = match active.map(|unit| unit.name.as_str()) {
        Some("emergency.target") => "emergency mode",
        Some("rescue.target") => "rescue mode",
        _ => "maintenance",
    };
    let mut finding =
        Finding::new(RULE.id, RULE.severity, "host", format!("The system is in {mode}"))
            .since(active.and_then(|unit| units.since(unit)))
            .because(Evidence::text("system state", "maintenance", "SystemState (D-Bus)"))
            .next("journalctl -b -p err");
    if let Some(unit) = active {
        finding =
            finding.because(Evidence::text("active", unit.name.as_str(), "ListUnits (D-Bus)"));
    }
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};

    #[test]
    fn fires_once_in_emergency_mode() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.system_state = Some("maintenance".to_owned());
        add_unit(&mut snapshot, unit("emergency.target", "active", "active"));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "The system is in emergency mode");
    }

    #[test]
    fn silent_while_it_is_only_degraded() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.system_state = Some("degraded".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

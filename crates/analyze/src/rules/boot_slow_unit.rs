//! The boot waited long for one unit.

use sysdiag_model::report::{BootAnalysis, BootState, ChainLink};
use sysdiag_model::{Evidence, Finding, Severity, Value};

use crate::human::systemctl;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Less of the boot than this is not what made it long, in per cent.
const LEAST_SHARE: f64 = 25.0;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "boot-slow-unit",
    title: "The boot waited long for one unit",
    severity: Severity::Info,
    section: Section::Boot,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units on the critical chain that took boot_slow_unit_seconds (60) or longer to \
                 start, and a quarter of the time that userspace took. Silent about units that \
                 nothing waited for, and in a boot that is not finished.",
        matters: "What is ordered after it started that much later. A time near 90 s or 2 min is \
                  often a wait that ended in a timeout: a disk that is gone, a network that is not \
                  up.",
        todo: "See its log. A unit that is not needed at boot can be disabled, or another be \
               ordered after something that comes earlier than it.",
        references: &["systemd-analyze(1), critical-chain", "systemd.unit(5), After="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(boot) = context.boot.filter(|boot| boot.state == BootState::Finished) else {
        return Vec::new();
    };
    let limit = context.settings.boot_slow_unit_seconds.saturating_mul(1_000_000);
    let slow = boot
        .critical_chain
        .iter()
        .filter(|link| !link.shown_above && link.took_usec.is_some_and(|took| took >= limit));
    slow.filter_map(|link| finding(link, boot, context)).collect()
}

fn finding(link: &ChainLink, boot: &BootAnalysis, context: &Context<'_>) -> Option<Finding> {
    let (took, all) = (link.took_usec?, boot.times.userspace_usec.filter(|usec| *usec > 0)?);
    let share = took as f64 / all as f64 * 100.0;
    if share < LEAST_SHARE {
        return None;
    }
    let name = link.unit.as_str();
    let title = format!("The boot waited {} for {name}", amount::duration(took));
    let source = "timestamps of the unit (D-Bus)";
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .because(Evidence::new("start took", Value::Usec(took), source))
        .because(Evidence::new("userspace took", Value::Usec(all), "FinishTimestamp (D-Bus)"))
        .next(systemctl("status", name));
    if let Some(at) = link.at_usec {
        let userspace = context.snapshot.systemd.value()?.manager.userspace_monotonic_usec;
        let began = userspace.map(|userspace| userspace.saturating_add(at));
        finding = finding
            .because(Evidence::new("began after", Value::Usec(at), source))
            .since(began.map(|usec| context.snapshot.clock.at_monotonic(usec)));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};

    /// `slow.service` took so many seconds of a userspace of 200, before the default target.
    fn slow(seconds: u64) -> Snapshot {
        let mut snapshot = healthy();
        let mut service = unit("slow.service", "active", "running");
        let times = service.times.as_mut().unwrap();
        times.active_enter_usec = Some(3_000_000 + seconds * 1_000_000);
        add_unit(&mut snapshot, service);
        let mut target = unit("multi-user.target", "active", "active");
        let times = target.times.as_mut().unwrap();
        times.inactive_exit_usec = Some(200_000_000);
        times.active_enter_usec = Some(200_000_000);
        add_unit(&mut snapshot, target);
        let systemd = systemd_of(&mut snapshot);
        systemd.manager.finish_monotonic_usec = Some(202_000_000);
        let after = vec!["slow.service".into()];
        systemd.chain_after.insert("multi-user.target".into(), after);
        systemd.chain_after.insert("slow.service".into(), Vec::new());
        snapshot
    }

    #[test]
    fn fires_once_on_the_unit_that_the_target_waited_for() {
        let found = findings(&RULE, &slow(91));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "The boot waited 1 min 31 s for slow.service");
        assert_eq!(found[0].subject, "slow.service");
        assert_eq!(found[0].evidence[2].value, Value::Usec(1_000_000));
    }

    #[test]
    fn silent_about_units_that_were_quick_or_that_nothing_waited_for() {
        assert!(findings(&RULE, &slow(59)).is_empty());
        let mut beside = slow(91);
        systemd_of(&mut beside).chain_after.clear();
        assert!(findings(&RULE, &beside).is_empty());
        let mut unfinished = slow(91);
        systemd_of(&mut unfinished).manager.finish_monotonic_usec = Some(0);
        assert!(findings(&RULE, &unfinished).is_empty());
    }
}

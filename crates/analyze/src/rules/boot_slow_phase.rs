//! A phase of the boot took long.

use std::fmt::Write as _;

use sysdiag_model::report::{BootState, BootTimes};
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::HOST;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// So many times the threshold is extreme.
const EXTREME: u64 = 5;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "boot-slow-phase",
    title: "A phase of the boot took long",
    severity: Severity::Warning,
    section: Section::Boot,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Phases of a finished boot that took boot_slow_phase_seconds (120) or longer. A \
                 note; a warning from five times that on, but not for firmware and loader: large \
                 servers test their memory for minutes, and a loader waits for a person.",
        matters: "For as long after each crash or update this host does not serve.",
        todo: "Of userspace, see what the default target waited for (systemd-analyze \
               critical-chain); of kernel and initrd, what the kernel waited for (journalctl -k); \
               of the firmware, its settings for tests and for booting from the network.",
        references: &["systemd-analyze(1), time", "bootup(7)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(boot) = context.boot.filter(|boot| boot.state == BootState::Finished) else {
        return Vec::new();
    };
    let limit = context.settings.boot_slow_phase_seconds.saturating_mul(1_000_000);
    let mut slow: Vec<(&str, u64, bool)> =
        phases(&boot.times).into_iter().filter(|(_, usec, _)| *usec >= limit).collect();
    slow.sort_by_key(|(_, usec, _)| std::cmp::Reverse(*usec));
    let Some(((name, usec, _), others)) = slow.split_first() else { return Vec::new() };
    let is_extreme =
        slow.iter().any(|(_, usec, ours)| *ours && *usec >= limit.saturating_mul(EXTREME));
    let severity = if is_extreme { Severity::Warning } else { Severity::Info };
    let mut title = format!("The boot took long: {name} {}", amount::duration(*usec));
    for (name, usec, _) in others {
        let _ = write!(title, ", {name} {}", amount::duration(*usec));
    }
    let mut finding = Finding::new(RULE.id, severity, HOST, title);
    for (name, usec, _) in &slow {
        let source = "timestamps of the manager (D-Bus)";
        finding = finding.because(Evidence::new(*name, Value::Usec(*usec), source));
    }
    let next = match *name {
        "userspace" => "systemd-analyze critical-chain",
        "kernel" | "initrd" => "journalctl --boot --dmesg --output=short-monotonic",
        _ => "systemd-analyze time",
    };
    vec![finding.next(next)]
}

/// Those that took time, and whether the operating system can do something about it.
fn phases(times: &BootTimes) -> Vec<(&'static str, u64, bool)> {
    [
        ("firmware", times.firmware_usec, false),
        ("loader", times.loader_usec, false),
        ("kernel", times.kernel_usec, true),
        ("initrd", times.initrd_usec, true),
        ("userspace", times.userspace_usec, true),
    ]
    .into_iter()
    .filter_map(|(name, usec, ours)| Some((name, usec?, ours)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy, systemd_of};

    #[test]
    fn fires_once_for_all_phases() {
        let mut snapshot = healthy();
        let manager = &mut systemd_of(&mut snapshot).manager;
        manager.firmware_monotonic_usec = Some(700_000_000);
        manager.finish_monotonic_usec = Some(152_000_000);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        let title = "The boot took long: firmware 11 min, userspace 2 min 30 s";
        assert_eq!((found[0].severity, found[0].title.as_str()), (Severity::Info, title));

        systemd_of(&mut snapshot).manager.finish_monotonic_usec = Some(602_000_000);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_about_a_minute_and_about_a_boot_that_goes_on() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.finish_monotonic_usec = Some(62_000_000);
        assert!(findings(&RULE, &snapshot).is_empty());
        systemd_of(&mut snapshot).manager.finish_monotonic_usec = Some(0);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

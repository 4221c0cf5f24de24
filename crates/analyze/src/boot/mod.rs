//! How long the boot took: phases, blame and critical chain, as `systemd-analyze(1)` defines them.
//!
//! The figures equal those of `systemd-analyze time`, `blame` and `critical-chain` of the same
//! moment. Computed from timestamps alone, so that a captured host gives the same answer.

mod activation;
mod chain;
mod phases;
#[cfg(test)]
mod recorded;

use sysdiag_model::report::{BlameEntry, BootAnalysis, BootState};
use sysdiag_model::snapshot::{Manager, Systemd, Unit};

use activation::Activation;
use phases::Phases;

/// What the timestamps of the manager and of its units say about the boot.
///
/// Of a boot that is not finished: the phases that are over, and the units that are up so far.
pub fn analyze(systemd: &Systemd) -> BootAnalysis {
    let phases = Phases::of(&systemd.manager);
    let target = systemd.default_target.as_ref();
    BootAnalysis {
        state: if phases.is_finished() { BootState::Finished } else { BootState::Unfinished },
        container: phases.container,
        times: phases.times(),
        default_target: target.cloned(),
        default_target_reached_usec: target
            .and_then(|name| systemd.unit(name.as_str()))
            .and_then(|unit| unit.times?.active_enter_usec)
            .and_then(|reached| phases.since_userspace(reached)),
        blame: blame(systemd, &phases),
        critical_chain: if phases.is_finished() {
            chain::critical_chain(systemd, &phases)
        } else {
            Vec::new()
        },
    }
}

/// Microseconds `unit` took to start, as in the blame. None: it never started in this boot.
pub fn activation_usec(manager: &Manager, unit: &Unit) -> Option<u64> {
    Activation::of(unit, &Phases::of(manager)).map(|activation| activation.took)
}

/// Longest first. systemd-analyze leaves the order of equal times to chance; here it is the name's.
fn blame(systemd: &Systemd, phases: &Phases) -> Vec<BlameEntry> {
    let mut entries: Vec<BlameEntry> = systemd
        .units
        .iter()
        .filter_map(|unit| {
            let activation = Activation::of(unit, phases)?;
            (activation.took > 0)
                .then(|| BlameEntry { unit: unit.name.clone(), time_usec: activation.took })
        })
        .collect();
    entries.sort_by(|a, b| b.time_usec.cmp(&a.time_usec).then_with(|| a.unit.cmp(&b.unit)));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};

    #[test]
    fn blame_is_longest_first_then_by_name() {
        let mut snapshot = healthy();
        let mut slow = unit("slow.service", "active", "running");
        slow.times.as_mut().unwrap().active_enter_usec = Some(7_500_000);
        let mut instant = unit("instant.target", "active", "active");
        instant.times.as_mut().unwrap().active_enter_usec = Some(3_000_000);
        add_unit(&mut snapshot, slow);
        add_unit(&mut snapshot, instant);
        let blame = analyze(systemd_of(&mut snapshot)).blame;
        let lines: Vec<(&str, u64)> =
            blame.iter().map(|entry| (entry.unit.as_str(), entry.time_usec)).collect();
        assert_eq!(
            lines,
            [
                ("slow.service", 4_500_000),
                ("multi-user.target", 1_000_000),
                ("nginx.service", 1_000_000)
            ]
        );
    }

    #[test]
    fn an_unfinished_boot_has_no_total_and_no_chain() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.finish_monotonic_usec = Some(0);
        let boot = analyze(systemd_of(&mut snapshot));
        assert_eq!(boot.state, BootState::Unfinished);
        assert_eq!(boot.times.total_usec, None);
        assert_eq!(boot.times.userspace_usec, None);
        assert_eq!(boot.times.initrd_usec, Some(1_200_000));
        assert!(boot.critical_chain.is_empty());
        assert!(!boot.blame.is_empty());
    }

    #[test]
    fn the_target_was_reached_after_userspace_began() {
        let mut snapshot = healthy();
        assert_eq!(analyze(systemd_of(&mut snapshot)).default_target_reached_usec, Some(2_000_000));
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        let boot = analyze(systemd_of(&mut snapshot));
        assert!(boot.container);
        assert_eq!(boot.default_target_reached_usec, Some(2_000_000));
    }
}

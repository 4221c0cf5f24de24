//! The start of one unit.

use sysdiag_model::snapshot::Unit;

use super::phases::{Phases, after, stamp};

/// When a unit started in this boot, in microseconds after the beginning of [`Phases`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activation {
    /// Began to start; never 0.
    pub(super) activating: u64,
    /// Was up; 0: never.
    pub(super) activated: u64,
    /// From the beginning of the start until it was up, or down again if it never was (a oneshot).
    pub(super) took: u64,
}

impl Activation {
    /// None: its timestamps were not read, or it did not start in this boot.
    pub(super) fn of(unit: &Unit, phases: &Phases) -> Option<Self> {
        let times = unit.times?;
        let activating = stamp(times.inactive_exit_usec);
        let activated = stamp(times.active_enter_usec);
        let before_soft_reboot = |usec| usec > 0 && usec < phases.soft_reboot;
        if before_soft_reboot(activating) || before_soft_reboot(activated) {
            return None;
        }
        let activating = after(activating, phases.beginning);
        let activated = after(activated, phases.beginning);
        let deactivated = after(stamp(times.inactive_enter_usec), phases.beginning);
        if activating == 0 {
            return None;
        }
        let end = if activated >= activating { activated } else { deactivated };
        Some(Self { activating, activated, took: end.saturating_sub(activating) })
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::UnitTimes;

    use super::*;
    use crate::testing::{healthy, systemd_of, unit};

    fn activation(exit: u64, up: u64, down: u64, soft_reboot: u64) -> Option<Activation> {
        let mut snapshot = healthy();
        let manager = &mut systemd_of(&mut snapshot).manager;
        manager.soft_reboot_start_monotonic_usec = Some(soft_reboot);
        let phases = Phases::of(manager);
        let mut unit = unit("a.service", "active", "running");
        unit.times = Some(UnitTimes {
            inactive_exit_usec: Some(exit),
            active_enter_usec: Some(up),
            active_exit_usec: None,
            inactive_enter_usec: Some(down),
        });
        Activation::of(&unit, &phases)
    }

    #[test]
    fn a_unit_that_is_up_took_until_it_was() {
        assert_eq!(activation(10, 25, 0, 0).unwrap().took, 15);
        assert_eq!(activation(10, 25, 90, 0).unwrap().took, 15);
        assert_eq!(activation(10, 10, 0, 0).unwrap().took, 0);
    }

    #[test]
    fn a_oneshot_took_until_it_was_down() {
        assert_eq!(activation(10, 0, 42, 0).unwrap().took, 32);
    }

    #[test]
    fn one_that_starts_now_took_nothing_yet() {
        assert_eq!(activation(100, 25, 90, 0).unwrap().took, 0);
    }

    #[test]
    fn one_that_never_started_is_none() {
        assert_eq!(activation(0, 0, 0, 0), None);
        assert_eq!(activation(0, 25, 0, 0), None);
    }

    #[test]
    fn starts_before_a_soft_reboot_do_not_count() {
        assert_eq!(activation(10, 25, 0, 20), None);
        assert_eq!(activation(10, 0, 25, 20), None);
        let unit = activation(30, 45, 5, 20).unwrap();
        assert_eq!((unit.activating, unit.activated, unit.took), (10, 25, 15));
    }
}

//! The phases of a boot from the manager's timestamps.

use sysdiag_model::report::BootTimes;
use sysdiag_model::snapshot::Manager;

/// Timestamps of the boot in microseconds after its own beginning; 0: did not happen.
///
/// The beginning is the kernel's start; in a container and after a soft reboot, where what came
/// before is of another boot, it is the manager's start or the soft reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phases {
    pub(super) container: bool,
    /// The beginning on the clock of the units' timestamps.
    pub(super) beginning: u64,
    /// As `beginning`; 0 without a soft reboot.
    pub(super) soft_reboot: u64,
    pub(super) userspace: u64,
    pub(super) finish: u64,
    /// Before the kernel started.
    firmware: u64,
    /// Before the kernel started.
    loader: u64,
    initrd: u64,
    finished: bool,
}

impl Phases {
    pub(super) fn of(manager: &Manager) -> Self {
        let soft_reboot = stamp(manager.soft_reboot_start_monotonic_usec);
        let userspace = stamp(manager.userspace_monotonic_usec);
        let finish = stamp(manager.finish_monotonic_usec);
        // The manager loads its security policy, and stamps that, on a real machine only.
        let container = soft_reboot == 0 && stamp(manager.security_start_monotonic_usec) == 0;
        let own_kernel = soft_reboot == 0 && !container;
        let beginning = if container { userspace } else { soft_reboot };
        let of_kernel = |value| if own_kernel { stamp(value) } else { 0 };
        Self {
            container,
            beginning,
            soft_reboot,
            userspace: after(userspace, beginning),
            finish: after(finish, beginning),
            firmware: of_kernel(manager.firmware_monotonic_usec),
            loader: of_kernel(manager.loader_monotonic_usec),
            initrd: of_kernel(manager.initrd_monotonic_usec),
            finished: finish > 0,
        }
    }

    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Microseconds of userspace until `usec` on the clock of the units' timestamps. None: before.
    pub(super) fn since_userspace(&self, usec: u64) -> Option<u64> {
        let usec = stamp(Some(usec));
        (usec > 0).then(|| usec.checked_sub(self.beginning.saturating_add(self.userspace)))?
    }

    pub(super) fn times(&self) -> BootTimes {
        let own_kernel = !self.container && self.soft_reboot == 0;
        let kernel_done = if self.initrd > 0 { self.initrd } else { self.userspace };
        BootTimes {
            firmware_usec: happened(self.firmware)
                .and_then(|firmware| firmware.checked_sub(self.loader)),
            loader_usec: happened(self.loader),
            kernel_usec: happened(kernel_done).filter(|_| own_kernel),
            initrd_usec: happened(self.initrd)
                .and_then(|initrd| self.userspace.checked_sub(initrd)),
            soft_reboot_usec: happened(self.userspace).filter(|_| self.soft_reboot > 0),
            userspace_usec: self
                .finished
                .then(|| self.finish.checked_sub(self.userspace))
                .flatten(),
            total_usec: self.finished.then(|| self.firmware.saturating_add(self.finish)),
        }
    }
}

/// Both 0 and `UINT64_MAX` stand for a stamp that was not taken.
pub(super) fn stamp(usec: Option<u64>) -> u64 {
    usec.filter(|usec| *usec != u64::MAX).unwrap_or(0)
}

/// A stamp counted from `beginning`; one that was not taken stays so.
pub(super) const fn after(usec: u64, beginning: u64) -> u64 {
    usec.saturating_sub(beginning)
}

fn happened(usec: u64) -> Option<u64> {
    (usec > 0).then_some(usec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{healthy, systemd_of};

    fn manager() -> Manager {
        systemd_of(&mut healthy()).manager.clone()
    }

    #[test]
    fn a_machine_with_firmware_and_initrd_has_every_phase() {
        let times = Phases::of(&manager()).times();
        assert_eq!(
            times,
            BootTimes {
                firmware_usec: Some(3_500_000),
                loader_usec: Some(1_500_000),
                kernel_usec: Some(800_000),
                initrd_usec: Some(1_200_000),
                soft_reboot_usec: None,
                userspace_usec: Some(7_000_000),
                total_usec: Some(14_000_000),
            }
        );
    }

    #[test]
    fn without_an_initrd_the_kernel_ends_at_userspace() {
        let mut manager = manager();
        manager.initrd_monotonic_usec = Some(0);
        manager.firmware_monotonic_usec = Some(0);
        manager.loader_monotonic_usec = None;
        let times = Phases::of(&manager).times();
        assert_eq!(times.kernel_usec, Some(2_000_000));
        assert_eq!((times.initrd_usec, times.firmware_usec, times.loader_usec), (None, None, None));
        assert_eq!(times.total_usec, Some(9_000_000));
    }

    #[test]
    fn a_container_has_userspace_only() {
        let mut manager = manager();
        manager.security_start_monotonic_usec = Some(0);
        let phases = Phases::of(&manager);
        assert!(phases.container);
        assert_eq!(
            phases.times(),
            BootTimes {
                userspace_usec: Some(7_000_000),
                total_usec: Some(7_000_000),
                ..BootTimes::default()
            }
        );
    }

    #[test]
    fn a_soft_reboot_forgets_the_boot_before_it() {
        let mut manager = manager();
        manager.soft_reboot_start_monotonic_usec = Some(1_500_000);
        let phases = Phases::of(&manager);
        assert!(!phases.container);
        assert_eq!(
            phases.times(),
            BootTimes {
                soft_reboot_usec: Some(500_000),
                userspace_usec: Some(7_000_000),
                total_usec: Some(7_500_000),
                ..BootTimes::default()
            }
        );
        assert_eq!(phases.since_userspace(4_000_000), Some(2_000_000));
    }

    #[test]
    fn a_stamp_that_was_not_taken_is_no_time() {
        let mut manager = manager();
        manager.firmware_monotonic_usec = Some(u64::MAX);
        assert_eq!(Phases::of(&manager).times().firmware_usec, None);
        assert_eq!(Phases::of(&manager).since_userspace(u64::MAX), None);
        assert_eq!(Phases::of(&manager).since_userspace(1), None);
    }
}

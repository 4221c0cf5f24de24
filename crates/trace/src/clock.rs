//! Wall times of events. The kernel stamps them with `CLOCK_BOOTTIME`, which never jumps; what it is
//! apart from the wall clock is measured again at every look, since the wall clock may be set.

use rustix::time::{ClockId, Timespec, clock_gettime};
use sysdiag_model::Timestamp;

/// What the wall clock is ahead of `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    nanoseconds: i128,
}

impl Offset {
    /// Measures it: the mean of the boot time before and after the wall time was read.
    pub(crate) fn measure() -> Self {
        let before = nanoseconds(clock_gettime(ClockId::Boottime));
        let wall = nanoseconds(clock_gettime(ClockId::Realtime));
        let after = nanoseconds(clock_gettime(ClockId::Boottime));
        Self { nanoseconds: wall - i128::midpoint(before, after) }
    }

    /// The wall time of a stamp in nanoseconds of `CLOCK_BOOTTIME`.
    pub(crate) fn wall(self, boot_ns: u64) -> Timestamp {
        let usec = (i128::from(boot_ns) + self.nanoseconds) / 1000;
        Timestamp::from_usec(u64::try_from(usec.max(0)).unwrap_or(u64::MAX))
    }
}

/// `CLOCK_BOOTTIME` in nanoseconds.
pub(crate) fn boot_ns() -> u64 {
    u64::try_from(nanoseconds(clock_gettime(ClockId::Boottime))).unwrap_or_default()
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_now() {
        let before = nanoseconds(clock_gettime(ClockId::Realtime)) / 1000;
        let stamp = Offset::measure().wall(boot_ns());
        let after = nanoseconds(clock_gettime(ClockId::Realtime)) / 1000;
        // The measurement itself is off by half of what it takes.
        let range = before - 10_000..=after + 10_000;
        assert!(range.contains(&i128::from(stamp.as_usec())), "{stamp}");
    }

    #[test]
    fn nothing_overflows() {
        let odd = Offset { nanoseconds: i128::from(i64::MIN) };
        assert_eq!(odd.wall(0), Timestamp::from_usec(0));
        let far = Offset { nanoseconds: i128::from(u64::MAX) };
        assert!(far.wall(u64::MAX).as_usec() > u64::MAX / 1000);
    }
}

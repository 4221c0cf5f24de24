//! The clocks of the running host. A capture carries its own.

use rustix::time::{ClockId, clock_gettime};
use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::Clock;

/// `CLOCK_REALTIME`, `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME`, `clock_gettime(2)`.
pub fn read() -> Clock {
    Clock {
        realtime: Timestamp::from_usec(usec(ClockId::Realtime)),
        monotonic_usec: monotonic_usec(),
        boottime_usec: usec(ClockId::Boottime),
    }
}

/// `CLOCK_MONOTONIC` in microseconds.
pub fn monotonic_usec() -> u64 {
    usec(ClockId::Monotonic)
}

/// CPU time of this thread in microseconds: what a source may spend, however busy the machine is.
pub(crate) fn thread_cpu_usec() -> u64 {
    usec(ClockId::ThreadCPUTime)
}

fn usec(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Before 1970 (a board without a battery that counts wrong) is the epoch.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_on_and_boottime_counts_at_least_as_much() {
        let first = read();
        let second = read();
        assert!(second.monotonic_usec >= first.monotonic_usec);
        assert!(second.boottime_usec >= first.monotonic_usec);
        // 2020: later than any wrong unit (seconds, milliseconds, nanoseconds) would give.
        assert!(first.realtime > Timestamp::from_usec(1_577_836_800_000_000));
    }
}

//! Rates from two readings of a counter.
//!
//! A counter that went back was reset in between (a cgroup made anew, a device replugged, a
//! counter that wrapped): there is no rate then, and never a guess.

/// Time between two readings in microseconds. None: they were not taken one after the other.
pub(super) fn interval_usec(earlier_at: u64, later_at: u64) -> Option<u64> {
    later_at.checked_sub(earlier_at).filter(|usec| *usec > 0)
}

/// Increase in a second.
pub(crate) fn per_second(earlier: u64, later: u64, interval_usec: Option<u64>) -> Option<f64> {
    Some(later.checked_sub(earlier)? as f64 / interval_usec? as f64 * 1e6)
}

/// Share of the time between, of a counter of microseconds; 200 for two CPUs at work.
pub(super) fn percent_of_time(earlier: u64, later: u64, interval_usec: Option<u64>) -> Option<f64> {
    Some(later.checked_sub(earlier)? as f64 / interval_usec? as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second() {
        let interval = interval_usec(1_000_000, 1_250_000);
        assert_eq!(per_second(1_000, 2_000, interval), Some(4_000.0));
        assert_eq!(percent_of_time(0, 500_000, interval), Some(200.0));
    }

    #[test]
    fn a_counter_that_went_back_has_no_rate() {
        let interval = interval_usec(0, 250_000);
        assert_eq!(per_second(2, 1, interval), None);
        assert_eq!(percent_of_time(u64::MAX, 0, interval), None);
    }

    #[test]
    fn no_time_between_gives_no_rate() {
        assert_eq!(interval_usec(5, 5), None);
        assert_eq!(interval_usec(6, 5), None);
        assert_eq!(per_second(1, 2, None), None);
    }
}

//! How a quantity moved from report to report: steadily up, or up and down.
//!
//! Knows nothing of what the quantity is. The pace is the median of the slopes between all pairs of
//! points (Theil and Sen, `statistics::slope`), whether it rises the share of pairs that do (Kendall),
//! so that single odd values change neither.

use sysdiag_model::Timestamp;

use crate::statistics::slope;

/// Points of one quantity, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trend {
    points: Vec<(Timestamp, u64)>,
    per_second: f64,
}

impl Trend {
    /// Of points in any order; of several at one time one counts. None: less than two.
    pub(crate) fn of(mut points: Vec<(Timestamp, u64)>) -> Option<Self> {
        points.sort_unstable();
        points.dedup_by_key(|(time, _)| *time);
        let per_second = pace(&points)?;
        Some(Self { points, per_second })
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// The oldest point.
    pub(crate) fn first(&self) -> (Timestamp, u64) {
        self.points.first().copied().unwrap_or((Timestamp::from_usec(0), 0))
    }

    /// The newest point.
    pub(crate) fn last(&self) -> (Timestamp, u64) {
        self.points.last().copied().unwrap_or((Timestamp::from_usec(0), 0))
    }

    /// From the first point to the last, in microseconds.
    pub(crate) fn span_usec(&self) -> u64 {
        self.last().0.usec_since(self.first().0)
    }

    /// How much more the last point is than the first; 0 if it is less.
    pub(crate) fn growth(&self) -> u64 {
        self.last().1.saturating_sub(self.first().1)
    }

    /// Per day, at the pace of all points; negative if it becomes less.
    pub(crate) const fn per_day(&self) -> f64 {
        self.per_second * 86_400.0
    }

    /// Whether nearly every later point is higher than every earlier one (nine pairs of ten).
    pub(crate) fn rises(&self) -> bool {
        let (mut pairs, mut rising) = (0_usize, 0_usize);
        for (index, (_, earlier)) in self.points.iter().enumerate() {
            for (_, later) in self.points.iter().skip(index + 1) {
                pairs += 1;
                rising += usize::from(later > earlier);
            }
        }
        pairs > 0 && rising * 10 >= pairs * 9
    }

    /// Whether the second half of the time has at least half of the pace of all of it: what fills up
    /// once, as a cache does, slows down.
    pub(crate) fn goes_on(&self) -> bool {
        let middle = self.first().0.plus_usec(self.span_usec() / 2);
        let later: Vec<(Timestamp, u64)> =
            self.points.iter().filter(|(time, _)| *time >= middle).copied().collect();
        pace(&later).is_some_and(|later| later >= self.per_second / 2.0)
    }

    /// Time from the last point until `level` is reached at this pace, in microseconds; 0 if it is
    /// already. None: at this pace never, or not within a thousand years.
    pub(crate) fn usec_until(&self, level: u64) -> Option<u64> {
        let left = level.saturating_sub(self.last().1);
        let usec = left as f64 / self.per_second * 1e6;
        if left > 0 && (self.per_second <= 0.0 || usec > 3.2e16) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above: neither negative nor too large"
        )]
        Some(if left == 0 { 0 } else { usec as u64 })
    }
}

/// Per second.
fn pace(points: &[(Timestamp, u64)]) -> Option<f64> {
    let (begin, _) = *points.first()?;
    let seconds: Vec<(f64, f64)> = points
        .iter()
        .map(|(time, value)| (time.usec_since(begin) as f64 / 1e6, *value as f64))
        .collect();
    slope(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newest first, as reports come.
    fn hourly(values: &[u64]) -> Trend {
        let mut points: Vec<(Timestamp, u64)> = (0_u64..)
            .zip(values)
            .map(|(hour, value)| (Timestamp::from_usec(hour * 3_600_000_000), *value))
            .collect();
        points.reverse();
        Trend::of(points).unwrap()
    }

    #[test]
    fn a_steady_rise_has_a_pace_and_an_end() {
        let trend = hourly(&[100, 110, 120, 130, 140, 150]);
        assert!(trend.rises() && trend.goes_on());
        assert_eq!((trend.growth(), trend.len()), (50, 6));
        assert!((trend.per_day() - 240.0).abs() < 1e-6);
        assert_eq!(trend.usec_until(250).unwrap() / 3_600_000_000, 10);
        assert_eq!(trend.usec_until(150), Some(0));
        assert_eq!(trend.usec_until(u64::MAX), None);
    }

    #[test]
    fn what_levels_off_or_goes_down_does_not_go_on() {
        let cache = hourly(&[100, 400, 480, 500, 501, 502, 503, 504]);
        assert!(cache.rises() && !cache.goes_on());
        let saw = hourly(&[100, 200, 300, 100, 200, 300, 100, 200]);
        assert!(!saw.rises());
        let down = hourly(&[300, 200, 100]);
        assert!(!down.rises());
        assert_eq!((down.growth(), down.usec_until(400)), (0, None));
        let flat = hourly(&[7, 7, 7]);
        assert!(!flat.rises());
        assert_eq!((flat.usec_until(8), flat.usec_until(7)), (None, Some(0)));
    }

    #[test]
    fn one_point_is_no_trend() {
        let point = (Timestamp::from_usec(5), 1);
        assert_eq!(Trend::of(vec![]), None);
        assert_eq!(Trend::of(vec![point]), None);
        assert_eq!(Trend::of(vec![point, (point.0, 9)]), None);
    }
}

//! What is usual and what is a trend, in ways that a few odd values do not change.

/// The value in the middle. None: there are none, or one is not a number.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.to_vec();
    if sorted.is_empty() || sorted.iter().any(|value| value.is_nan()) {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get(middle.checked_sub(1)?).copied()?;
    Some(f64::midpoint(lower, upper))
}

/// Median distance from `center`, made comparable with a standard deviation (times 1.4826).
pub(crate) fn deviation(values: &[f64], center: f64) -> f64 {
    let distances: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    median(&distances).unwrap_or(0.0) * 1.4826
}

/// The median of the slopes between all pairs of points (Theil and Sen): a third of the values may
/// be odd. None: less than two points, or all at one place.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::new();
    for (index, (x, y)) in points.iter().enumerate() {
        for (other_x, other_y) in points.iter().skip(index + 1) {
            let run = other_x - x;
            if run.abs() > f64::EPSILON {
                slopes.push((other_y - y) / run);
            }
        }
    }
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: Option<f64>, right: f64) -> bool {
        left.is_some_and(|left| (left - right).abs() < 1e-9)
    }

    #[test]
    fn odd_values_do_not_matter() {
        assert!(near(median(&[3.0, 1.0, 1000.0]), 3.0));
        assert!(near(median(&[1.0, 2.0, 3.0, 1000.0]), 2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert!(near(Some(deviation(&[1.0, 2.0, 3.0, 1000.0], 2.0)), 1.4826));
        let line: Vec<(f64, f64)> = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
            .map(|x| (x, if (x - 3.0_f64).abs() < 0.5 { 1e9 } else { 2.0 * x + 1.0 }))
            .to_vec();
        assert!(near(slope(&line), 2.0));
        assert_eq!(slope(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(slope(&[]), None);
    }
}

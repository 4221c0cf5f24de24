//! Points in time and durations as a person reads them.

use sysdiag_analyze::{amount, human};
use sysdiag_model::Timestamp;

/// `2026-11-23 02:40:11 UTC`.
pub(super) fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let date = text.get(..10).unwrap_or_default();
    let clock = text.get(11..19).unwrap_or_default();
    format!("{date} {clock} UTC")
}

/// `11-23 02:40:11`, for a column of log lines.
pub(super) fn short_moment(time: Timestamp) -> String {
    let text = time.to_string();
    let day = text.get(5..10).unwrap_or_default();
    let clock = text.get(11..19).unwrap_or_default();
    format!("{day} {clock}")
}

/// `4 min ago`, or `in 5 min`.
pub(super) fn relative(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("in {}", amount::duration(time.usec_since(now)))
    } else {
        human::ago(time, now)
    }
}

/// `since 2026-11-23 02:36:00 UTC (4 min ago)`.
pub(super) fn since(time: Timestamp, now: Timestamp) -> String {
    format!("since {} ({})", moment(time), relative(time, now))
}

/// `84 ms`, `1.2 s`.
pub(super) fn elapsed(usec: u64) -> String {
    match usec {
        1_000_000.. => amount::duration(usec),
        _ => format!("{} ms", usec / 1000),
    }
}

/// Seconds with one decimal, for figures that add up.
pub(super) fn seconds(usec: u64) -> String {
    format!("{:.1}", usec as f64 / 1e6)
}

/// A number with blanks between thousands: `12 345`.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `, and 3 more`; nothing if all of `all` are shown.
pub(super) fn and_more(all: usize, shown: usize) -> Option<String> {
    (all > shown).then(|| format!("{} more", all - shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000), "1 000");
        assert_eq!(number(u64::MAX), "18 446 744 073 709 551 615");
    }

    #[test]
    fn moments_are_utc_to_the_second() {
        let time: Timestamp = "2026-11-23T02:40:11.999999Z".parse().unwrap();
        assert_eq!(moment(time), "2026-11-23 02:40:11 UTC");
        assert_eq!(short_moment(time), "11-23 02:40:11");
        assert_eq!(relative(time, time.plus_usec(240_000_000)), "4 min ago");
        assert_eq!(relative(time.plus_usec(5_000_000), time), "in 5 s");
    }
}

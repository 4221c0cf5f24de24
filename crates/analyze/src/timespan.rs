//! Durations as systemd prints them, for figures that stand beside those of `systemd-analyze`.
//!
//! Not for sentences: [`crate::amount`] rounds for people.

use std::fmt::Write as _;

const USEC_PER_MSEC: u64 = 1_000;
const USEC_PER_SEC: u64 = 1_000_000;
const USEC_PER_MINUTE: u64 = 60 * USEC_PER_SEC;

/// Units from the longest on; a month is a twelfth of a year of 365.25 days (`systemd.time(7)`).
const UNITS: [(u64, &str); 9] = [
    (31_557_600 * USEC_PER_SEC, "y"),
    (2_629_800 * USEC_PER_SEC, "month"),
    (7 * 24 * 60 * USEC_PER_MINUTE, "w"),
    (24 * 60 * USEC_PER_MINUTE, "d"),
    (60 * USEC_PER_MINUTE, "h"),
    (USEC_PER_MINUTE, "min"),
    (USEC_PER_SEC, "s"),
    (USEC_PER_MSEC, "ms"),
    (1, "us"),
];

/// A duration as `systemd-analyze` prints it, cut to milliseconds: `1min 2.345s`, `57ms`.
///
/// What is shorter than a millisecond is shown in microseconds if there is nothing else to show;
/// from one minute on, a rest below a second is shown as milliseconds of its own.
pub fn format_msec(usec: u64) -> String {
    match usec {
        0 => return "0".to_owned(),
        u64::MAX => return "infinity".to_owned(),
        _ => {}
    }
    let mut text = String::new();
    let mut rest = usec;
    for (unit, suffix) in UNITS {
        if rest == 0 || (rest < USEC_PER_MSEC && !text.is_empty()) {
            break;
        }
        if rest < unit {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        let whole = rest / unit;
        let part = rest % unit;
        // Only seconds have decimals: at millisecond accuracy nothing below them is left to show.
        let written = if unit == USEC_PER_SEC && part > 0 {
            rest = 0;
            write!(text, "{whole}.{:03}{suffix}", part / USEC_PER_MSEC)
        } else {
            rest = part;
            write!(text, "{whole}{suffix}")
        };
        if written.is_err() {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_what_systemd_analyze_prints() {
        for (usec, text) in [
            (0, "0"),
            (1, "1us"),
            (999, "999us"),
            (1_000, "1ms"),
            (57_499, "57ms"),
            (57_999, "57ms"),
            (427_000, "427ms"),
            (1_000_000, "1s"),
            (1_000_400, "1.000s"),
            (2_345_678, "2.345s"),
            (59_999_999, "59.999s"),
            (60_000_000, "1min"),
            (60_000_999, "1min"),
            (60_005_000, "1min 5ms"),
            (62_345_678, "1min 2.345s"),
            (3_600_000_000 + 2 * 60_000_000 + 3_004_000, "1h 2min 3.004s"),
            (86_400_000_000 + 1_000_000, "1d 1s"),
            (31_557_600_000_000 + 2_629_800_000_000 + 604_800_000_000, "1y 1month 1w"),
            (u64::MAX, "infinity"),
        ] {
            assert_eq!(format_msec(usec), text, "{usec}");
        }
    }

    proptest! {
        #[test]
        fn loses_less_than_a_millisecond(usec in 1_000..u64::MAX) {
            let mut sum = 0;
            for word in format_msec(usec).split(' ') {
                let (unit, suffix) = UNITS
                    .into_iter()
                    .find(|(_, suffix)| word.trim_end_matches(char::is_alphabetic).len() + suffix.len() == word.len()
                        && word.ends_with(suffix))
                    .unwrap();
                let number = word.trim_end_matches(suffix);
                let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
                sum += whole.parse::<u64>().unwrap() * unit + decimals.parse::<u64>().unwrap() * USEC_PER_MSEC;
            }
            prop_assert!(usec - sum < USEC_PER_MSEC);
        }
    }
}

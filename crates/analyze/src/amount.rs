//! Sizes, shares and durations in sentences and on the terminal, rounded for people.
//!
//! The exact value stands in the evidence.

/// Bytes with three significant digits: `512 MiB`, `1.44 GiB`, `97 B`.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if value < 1024 {
        return format!("{value} B");
    }
    let mut amount = value as f64;
    let mut name = "B";
    for unit in UNITS {
        amount /= 1024.0;
        name = unit;
        if amount < 1023.5 {
            break;
        }
    }
    format!("{} {name}", three_digits(amount))
}

/// A share of a hundred: `98 %`, `99.6 %`, `0.4 %`; 100 only if it is that.
pub fn percent(value: f64) -> String {
    let near_the_ends = value < 9.95 || (value > 99.0 && value < 100.0);
    if near_the_ends {
        let tenths = (value * 10.0).floor() / 10.0;
        return format!("{} %", shortest(tenths, 1));
    }
    format!("{value:.0} %")
}

/// A duration in one or two words: `4 min`, `3 d 4 h`, `2.5 s`.
pub fn duration(usec: u64) -> String {
    let seconds = usec / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds < 10 {
        return format!("{} s", shortest(usec as f64 / 1e6, 1));
    }
    let (first, second) = match (days, hours, minutes) {
        (0, 0, 0) => return format!("{seconds} s"),
        (0, 0, _) if minutes < 10 => (format!("{minutes} min"), (seconds % 60, "s")),
        (0, 0, _) => return format!("{minutes} min"),
        (0, _, _) => (format!("{hours} h"), (minutes % 60, "min")),
        _ => (format!("{days} d"), (hours % 24, "h")),
    };
    match second {
        (0, _) => first,
        (value, unit) => format!("{first} {value} {unit}"),
    }
}

/// `one process`, `3 processes`.
pub fn count(value: u64, one: &str, many: &str) -> String {
    match value {
        1 => format!("1 {one}"),
        _ => format!("{value} {many}"),
    }
}

fn three_digits(amount: f64) -> String {
    let decimals = match amount {
        small if small < 9.995 => 2,
        middle if middle < 99.95 => 1,
        _ => 0,
    };
    shortest(amount, decimals)
}

/// At most so many decimals, no trailing zeros.
fn shortest(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (512 << 20, "512 MiB"),
            (1_546_188_227, "1.44 GiB"),
            ((1 << 20) - 1, "1 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn all_of_it_is_said_only_of_all_of_it() {
        for (value, text) in [
            (0.0, "0 %"),
            (0.44, "0.4 %"),
            (9.96, "10 %"),
            (97.6, "98 %"),
            (99.99, "99.9 %"),
            (100.0, "100 %"),
        ] {
            assert_eq!(percent(value), text);
        }
    }

    #[test]
    fn durations_have_at_most_two_words() {
        for (usec, text) in [
            (0, "0 s"),
            (2_500_000, "2.5 s"),
            (59_999_999, "59 s"),
            (60_000_000, "1 min"),
            (130_000_000, "2 min 10 s"),
            (1_930_000_000, "32 min"),
            (7_500_000_000, "2 h 5 min"),
            (273_600_000_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(usec), text);
        }
    }
}

//! Times on the command line: the part of systemd.time(7) that is used with logs.
//!
//! Parsing reads no clock: a [`TimeSpec`] becomes a point in time only with [`TimeSpec::resolve`].

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use sysdiag_model::Timestamp;

/// A time as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSpec {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// RFC 3339, or `@` and seconds since the epoch.
    Point(jiff::Timestamp),
    /// So many microseconds ago, or ahead if negative.
    Ago(i64),
    /// Midnight so many days from today.
    Midnight(i64),
    /// On the clock of the host, or of UTC.
    Civil { datetime: DateTime, utc: bool },
    /// Today at this time.
    Today { time: Time, utc: bool },
}

/// The text is no time, or a time this program cannot count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTime(String);

impl fmt::Display for UnknownTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not a time since 1970: {}; write it as '2026-11-23 02:40', '2026-11-23 02:40:11 UTC', \
             2026-11-23, 02:40, 2026-11-23T02:40:11Z, @1795401611, now, today, yesterday, \
             tomorrow, -1h or '1h 30min ago'",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for UnknownTime {}

impl fmt::Display for TimeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TimeSpec {
    type Err = UnknownTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownTime(text.chars().take(64).collect());
        if text.len() > 256 {
            return Err(unknown());
        }
        let form = parse(text.trim()).ok_or_else(unknown)?;
        Ok(Self { text: text.to_owned(), form })
    }
}

impl TimeSpec {
    /// The point in time, seen from `now` in `zone`.
    pub fn resolve(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, UnknownTime> {
        self.point(now, zone).ok_or_else(|| UnknownTime(self.text.clone()))
    }

    fn point(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let now_usec = i64::try_from(now.as_usec()).ok()?;
        let today = || {
            let now = jiff::Timestamp::from_microsecond(now_usec).ok()?;
            Some(now.to_zoned(zone.clone()).date())
        };
        let civil = |datetime: DateTime, utc: bool| {
            let zone = if utc { TimeZone::UTC } else { zone.clone() };
            datetime.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
        };
        let usec = match self.form {
            Form::Ago(usec) => now_usec.checked_sub(usec)?,
            Form::Point(point) => point.as_microsecond(),
            Form::Midnight(days) => {
                let days = Span::new().try_days(days).ok()?;
                let date = today()?.checked_add(days).ok()?;
                civil(date.to_datetime(Time::midnight()), false)?.as_microsecond()
            }
            Form::Civil { datetime, utc } => civil(datetime, utc)?.as_microsecond(),
            Form::Today { time, utc } => civil(today()?.to_datetime(time), utc)?.as_microsecond(),
        };
        u64::try_from(usec).ok().map(Timestamp::from_usec)
    }
}

fn parse(text: &str) -> Option<Form> {
    match text {
        "now" => return Some(Form::Ago(0)),
        "today" => return Some(Form::Midnight(0)),
        "yesterday" => return Some(Form::Midnight(-1)),
        "tomorrow" => return Some(Form::Midnight(1)),
        _ => {}
    }
    if let Some(seconds) = text.strip_prefix('@') {
        let usec = i64::try_from(decimal(seconds, 1_000_000)?).ok()?;
        return Some(Form::Point(jiff::Timestamp::from_microsecond(usec).ok()?));
    }
    if let Some(span) = text.strip_suffix(" ago").or_else(|| text.strip_prefix('-')) {
        return Some(Form::Ago(duration(span)?));
    }
    if let Some(span) = text.strip_prefix('+') {
        return Some(Form::Ago(duration(span)?.checked_neg()?));
    }
    if let Ok(point) = text.parse::<jiff::Timestamp>() {
        return Some(Form::Point(point));
    }
    let (text, utc) = match text.strip_suffix("UTC") {
        Some(rest) => (rest.trim_end(), true),
        None => (text, false),
    };
    if let Some(time) = clock(text) {
        return Some(Form::Today { time, utc });
    }
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, clock(time.trim_start())?),
        None => (text, Time::midnight()),
    };
    Some(Form::Civil { datetime: date(day)?.to_datetime(time), utc })
}

/// `YYYY-MM-DD`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(number(year)?, number(month)?, number(day)?).ok()
}

/// `HH:MM[:SS[.ffffff]]`.
fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let usec = parts.next().map_or(Some(0), |seconds| decimal(seconds, 1_000_000))?;
    if parts.next().is_some() {
        return None;
    }
    let second = i8::try_from(usec / 1_000_000).ok()?;
    let nanosecond = i32::try_from(usec % 1_000_000).ok()?.checked_mul(1000)?;
    Time::new(hour, minute, second, nanosecond).ok()
}

/// Digits only: no sign.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// A number with or without a fraction, times `unit`.
fn decimal(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut total = number::<u64>(whole)?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(u64::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some(total)
}

/// `1h 30min`, `90`, `1.5h`, in microseconds; a number without a unit is seconds.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, tail) = rest.split_at_checked(end)?;
        let tail = tail.trim_start();
        let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        total = total.checked_add(decimal(amount, unit_usec(unit)?)?)?;
        rest = tail.trim_start();
    }
    i64::try_from(total).ok()
}

/// The units of systemd.time(7): a month is 30.44 days, a year 365.25 days.
fn unit_usec(name: &str) -> Option<u64> {
    const SECOND: u64 = 1_000_000;
    const DAY: u64 = 86_400 * SECOND;
    Some(match name {
        "usec" | "us" | "µs" | "μs" => 1,
        "msec" | "ms" => 1_000,
        "" | "seconds" | "second" | "sec" | "s" => SECOND,
        "minutes" | "minute" | "min" | "m" => 60 * SECOND,
        "hours" | "hour" | "hr" | "h" => 3_600 * SECOND,
        "days" | "day" | "d" => DAY,
        "weeks" | "week" | "w" => 7 * DAY,
        "months" | "month" | "M" => 2_629_800 * SECOND,
        "years" | "year" | "y" => 31_557_600 * SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 02:40:11 UTC, seen from a zone one hour ahead.
    fn at(text: &str) -> Option<String> {
        let now: Timestamp = "2026-11-23T02:40:11.500000Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let time = text.parse::<TimeSpec>().ok()?.resolve(now, &zone).ok()?;
        Some(time.to_string().replace(".000000Z", "Z"))
    }

    #[test]
    fn takes_what_journalctl_takes() {
        for (text, expected) in [
            ("now", "2026-11-23T02:40:11.500000Z"),
            ("today", "2026-11-22T23:00:00Z"),
            ("yesterday", "2026-11-21T23:00:00Z"),
            ("-1h", "2026-11-23T01:40:11.500000Z"),
            ("1h ago", "2026-11-23T01:40:11.500000Z"),
            ("30min ago", "2026-11-23T02:10:11.500000Z"),
            ("1h 30min ago", "2026-11-23T01:10:11.500000Z"),
            ("-1h30m", "2026-11-23T01:10:11.500000Z"),
            ("-1.5h", "2026-11-23T01:10:11.500000Z"),
            ("-90", "2026-11-23T02:38:41.500000Z"),
            ("+1 day", "2026-11-24T02:40:11.500000Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20 10:11", "2026-11-20T09:11:00Z"),
            ("2026-11-20 10:11:12", "2026-11-20T09:11:12Z"),
            ("2026-11-20 10:11:12 UTC", "2026-11-20T10:11:12Z"),
            ("2026-11-20T10:11:12", "2026-11-20T09:11:12Z"),
            ("2026-11-20 UTC", "2026-11-20T00:00:00Z"),
            ("10:11", "2026-11-23T09:11:00Z"),
            ("10:11:12.25 UTC", "2026-11-23T10:11:12.250000Z"),
            ("2026-11-20T10:11:12Z", "2026-11-20T10:11:12Z"),
            ("2026-11-20T10:11:12+02:00", "2026-11-20T08:11:12Z"),
            ("@1795401611", "2026-11-23T02:40:11Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_what_it_takes() {
        for text in [
            "",
            " ",
            "-",
            "ago",
            " ago",
            "soon",
            "-h",
            "-1 fortnight",
            "1h",
            "2026-13-01",
            "2026-11-31",
            "26-11-20",
            "2026-11-20 25:00",
            "2026-11-20 10",
            "10:60",
            "@",
            "@-1",
            "-99999999999999999999",
            "-9999999 years",
            "+9999999999 years",
            "1969-12-31 UTC",
            "2026-11-20 10:11:12 CET",
            "-1..5h",
            "\u{1b}[2J",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
        let error = "soon".parse::<TimeSpec>().unwrap_err().to_string();
        assert!(error.contains("yesterday") && error.contains("soon"), "{error}");
    }
}

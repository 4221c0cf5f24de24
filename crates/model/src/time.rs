//! Points in time as systemd and the journal count them: microseconds since 1970-01-01 UTC.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z (`CLOCK_REALTIME`).
///
/// In JSON and in print an RFC 3339 string in UTC with six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-30T22:00:00Z, the last moment the calendar library can print.
const MAX_USEC: u64 = 253_402_207_200_000_000;

impl Timestamp {
    /// From microseconds since the epoch; values no calendar can print are cut to the last that one can.
    pub const fn from_usec(usec: u64) -> Self {
        Self(if usec > MAX_USEC { MAX_USEC } else { usec })
    }

    /// Microseconds since the epoch.
    pub const fn as_usec(self) -> u64 {
        self.0
    }

    /// From a D-Bus property, where 0 and `UINT64_MAX` mean "never" (`org.freedesktop.systemd1(5)`).
    pub const fn from_property(usec: u64) -> Option<Self> {
        if usec == 0 || usec == u64::MAX { None } else { Some(Self::from_usec(usec)) }
    }

    /// Microseconds from `earlier` to this; 0 if `earlier` is later.
    pub const fn usec_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This much earlier, at most back to the epoch.
    #[must_use]
    pub const fn minus_usec(self, usec: u64) -> Self {
        Self(self.0.saturating_sub(usec))
    }

    /// This much later.
    #[must_use]
    pub const fn plus_usec(self, usec: u64) -> Self {
        Self::from_usec(self.0.saturating_add(usec))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usec = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        let time = jiff::Timestamp::from_microsecond(usec).map_err(|_| fmt::Error)?;
        write!(f, "{time:.6}")
    }
}

/// The text is not an RFC 3339 time at or after 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTimestamp(String);

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not an RFC 3339 time since 1970", self.0.escape_debug())
    }
}

impl std::error::Error for InvalidTimestamp {}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidTimestamp(text.chars().take(64).collect());
        let time: jiff::Timestamp = text.parse().map_err(|_| invalid())?;
        u64::try_from(time.as_microsecond()).map(Self::from_usec).map_err(|_| invalid())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_six_decimals() {
        assert_eq!(
            Timestamp::from_usec(1_790_000_000_000_001).to_string(),
            "2026-09-21T14:13:20.000001Z"
        );
        assert_eq!(Timestamp::from_usec(0).to_string(), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn never_is_no_time() {
        assert_eq!(Timestamp::from_property(0), None);
        assert_eq!(Timestamp::from_property(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn every_time_prints_and_parses_back(usec in any::<u64>()) {
            let time = Timestamp::from_usec(usec);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}

//! Names of saved reports: `report-<boot id>-<YYYYMMDDThhmmss.ffffffZ>.jsonl.gz`.

use std::fmt;
use std::str::FromStr;

use sysdiag_model::{BootId, Timestamp};

/// The name of a saved report. Ordered by time.
///
/// A report whose boot is not known has 32 zeros there: no kernel makes such an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportName {
    time: Timestamp,
    /// None is written as zeros.
    boot_id: Option<BootId>,
}

const PREFIX: &str = "report-";
const SUFFIX: &str = ".jsonl.gz";
const UNKNOWN_BOOT: &str = "00000000000000000000000000000000";

impl ReportName {
    /// The name of a report of `boot_id` made at `time`.
    pub const fn new(boot_id: Option<BootId>, time: Timestamp) -> Self {
        Self { time, boot_id }
    }

    /// When the report was made.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The boot it is about, if that was known.
    pub const fn boot_id(&self) -> Option<BootId> {
        self.boot_id
    }

    /// Whether a file name looks like one of a report, whoever wrote it.
    pub fn resembles(text: &str) -> bool {
        text.starts_with(PREFIX) && text.ends_with(SUFFIX)
    }
}

impl fmt::Display for ReportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time: String =
            self.time.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
        match self.boot_id {
            Some(boot_id) => write!(f, "{PREFIX}{boot_id}-{time}{SUFFIX}"),
            None => write!(f, "{PREFIX}{UNKNOWN_BOOT}-{time}{SUFFIX}"),
        }
    }
}

/// The text is not the name of a report of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherName;

impl FromStr for ReportName {
    type Err = OtherName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = parse(text).ok_or(OtherName)?;
        // One report, one spelling: dashes in the boot id or missing digits are somebody else's.
        if parsed.to_string() == text { Ok(parsed) } else { Err(OtherName) }
    }
}

fn parse(text: &str) -> Option<ReportName> {
    let (boot, time) = text.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    let boot_id = if boot == UNKNOWN_BOOT { None } else { Some(boot.parse().ok()?) };
    let (date, clock) = time.split_once('T')?;
    let (year, date) = date.split_at_checked(4)?;
    let (month, day) = date.split_at_checked(2)?;
    let (hour, clock) = clock.split_at_checked(2)?;
    let (minute, second) = clock.split_at_checked(2)?;
    let time = format!("{year}-{month}-{day}T{hour}:{minute}:{second}").parse().ok()?;
    Some(ReportName { time, boot_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelled_as_documented() {
        let name = ReportName::new(
            Some("0a1b2c3d4e5f60718293a4b5c6d7e8f9".parse().unwrap()),
            "2026-11-23T02:40:11.000123Z".parse().unwrap(),
        );
        let text = "report-0a1b2c3d4e5f60718293a4b5c6d7e8f9-20261123T024011.000123Z.jsonl.gz";
        assert_eq!(name.to_string(), text);
        assert_eq!(text.parse(), Ok(name));
        let unknown = ReportName::new(None, name.time());
        assert_eq!(unknown.to_string().parse(), Ok(unknown));
    }

    #[test]
    fn other_spellings_are_not_ours() {
        for text in [
            "report-0a1b2c3d4e5f60718293a4b5c6d7e8f9-20261123T024011Z.jsonl.gz",
            "report-0A1B2C3D4E5F60718293A4B5C6D7E8F9-20261123T024011.000123Z.jsonl.gz",
            "report-0a1b2c3d4e5f60718293a4b5c6d7e8f9-20261323T024011.000123Z.jsonl.gz",
            "report-x-20261123T024011.000123Z.jsonl.gz",
            "report-.jsonl.gz",
            "report-é-é.jsonl.gz",
            "other",
        ] {
            assert_eq!(text.parse::<ReportName>(), Err(OtherName), "{text}");
        }
    }

    #[test]
    fn newer_is_greater_whatever_the_boot() {
        let name = |boot: &str, usec| {
            ReportName::new(Some(boot.repeat(32).parse().unwrap()), Timestamp::from_usec(usec))
        };
        assert!(name("a", 2) > name("b", 1));
    }
}

//! A journal entry as the catalogue needs it: what was said, and by whom.

use std::borrow::Cow;

use sysdiag_model::BootId;

/// What of an entry is read only when it is needed.
pub trait Fields {
    /// The value of a field (`systemd.journal-fields(7)`), the first if there are several.
    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>>;

    /// The address of the entry, as `journalctl --cursor` takes it.
    fn cursor(&self) -> Option<String>;
}

/// An entry without any fields, such as a line of `/dev/kmsg`.
#[derive(Debug, Clone, Copy)]
pub struct NoFields;

impl Fields for NoFields {
    fn field(&self, _: &str) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn cursor(&self) -> Option<String> {
        None
    }
}

/// One entry of the log.
///
/// Who sent it is judged by what the sender cannot choose: `_TRANSPORT`, `_PID`, `_COMM`. A field that
/// is given here is not looked up again in [`Event::fields`].
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// When it was received, in microseconds since 1970 (`__REALTIME_TIMESTAMP`).
    pub realtime_usec: u64,
    /// The same on the clock of the boot, in microseconds (`__MONOTONIC_TIMESTAMP`).
    pub monotonic_usec: Option<u64>,
    /// `_BOOT_ID`.
    pub boot_id: Option<BootId>,
    /// `MESSAGE`, bytes as stored.
    pub message: &'a [u8],
    /// `_TRANSPORT`.
    pub transport: Option<&'a str>,
    /// `SYSLOG_IDENTIFIER`. The kernel's own messages have `kernel`, and what programs write to
    /// `/dev/kmsg` has not.
    pub identifier: Option<&'a str>,
    /// `_COMM`.
    pub comm: Option<&'a str>,
    /// `_SYSTEMD_UNIT`.
    pub unit: Option<&'a str>,
    /// `_PID`.
    pub pid: Option<u32>,
    /// `PRIORITY`, 0..=7.
    pub priority: Option<u8>,
    /// `MESSAGE_ID`, 32 hexadecimal digits.
    pub message_id: Option<&'a str>,
    /// The rest of the entry.
    pub fields: &'a dyn Fields,
}

impl<'a> Event<'a> {
    /// A message of the kernel without further fields. Of `/dev/kmsg` only records of facility 0 are.
    pub const fn of_kernel(realtime_usec: u64, message: &'a [u8]) -> Self {
        Self {
            realtime_usec,
            monotonic_usec: None,
            boot_id: None,
            message,
            transport: Some("kernel"),
            identifier: Some("kernel"),
            comm: None,
            unit: None,
            pid: None,
            priority: None,
            message_id: None,
            fields: &NoFields,
        }
    }
}

/// A point in time on the clocks of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) realtime: u64,
    pub(crate) monotonic: Option<u64>,
}

impl When {
    pub(crate) const fn of(event: &Event<'_>) -> Self {
        Self { realtime: event.realtime_usec, monotonic: event.monotonic_usec }
    }

    /// Microseconds since `earlier`, by the clock that nobody sets if both have it; 0 if it is later.
    pub(crate) const fn usec_since(self, earlier: Self) -> u64 {
        match (self.monotonic, earlier.monotonic) {
            (Some(now), Some(then)) => now.saturating_sub(then),
            _ => self.realtime.saturating_sub(earlier.realtime),
        }
    }

    /// Whether it is at most `seconds` after `earlier`.
    pub(crate) const fn within(self, earlier: Self, seconds: u32) -> bool {
        self.usec_since(earlier) <= seconds as u64 * 1_000_000
    }
}

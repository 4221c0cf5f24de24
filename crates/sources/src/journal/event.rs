//! A journal entry as the catalogue of known-bad messages takes it.

use std::borrow::Cow;

use sysdiag_journal::{Entry, Field};
use sysdiag_logs::{Event, Fields};

use super::reader::boot_id;

/// An entry with its fields, which are read once.
pub(super) struct Read<'j> {
    entry: Entry<'j>,
    fields: Vec<Field<'j>>,
}

impl<'j> Read<'j> {
    pub(super) fn new(entry: Entry<'j>) -> Self {
        Self { entry, fields: entry.fields().collect() }
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().find(|field| field.name() == name.as_bytes());
        found.map(Field::value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// `PRIORITY`, 0..=7.
    pub(super) fn priority(&self) -> Option<u8> {
        self.text("PRIORITY")?.parse().ok().filter(|priority| *priority <= 7)
    }

    /// `SYSLOG_IDENTIFIER`, else `_COMM`.
    pub(super) fn sender(&self) -> Option<Cow<'_, str>> {
        let name = self.bytes("SYSLOG_IDENTIFIER").or_else(|| self.bytes("_COMM"))?;
        Some(String::from_utf8_lossy(name))
    }

    /// The same as the catalogue takes it.
    pub(super) fn event(&self) -> Event<'_> {
        Event {
            realtime_usec: self.entry.realtime_usec(),
            monotonic_usec: Some(self.entry.monotonic_usec()),
            boot_id: boot_id(self.entry.boot_id()),
            message: self.bytes("MESSAGE").unwrap_or_default(),
            transport: self.text("_TRANSPORT"),
            identifier: self.text("SYSLOG_IDENTIFIER"),
            comm: self.text("_COMM"),
            unit: self.text("_SYSTEMD_UNIT"),
            pid: self.text("_PID").and_then(|pid| pid.parse().ok()),
            priority: self.priority(),
            message_id: self.text("MESSAGE_ID"),
            fields: self,
        }
    }
}

impl Fields for Read<'_> {
    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.bytes(name).map(Cow::Borrowed)
    }

    fn cursor(&self) -> Option<String> {
        Some(self.entry.cursor())
    }
}

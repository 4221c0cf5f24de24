//! Entries as journald stores them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use sysdiag_logs::{Catalogue, Event, Fields, PatternSpec};
use sysdiag_model::BootId;

/// Noon of some day, in microseconds.
pub(crate) const NOON: u64 = 1_790_000_000_000_000;

/// The built-in patterns.
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::with(Vec::new()).unwrap()
}

/// The same, built once: its regexes are compiled when they are first needed.
pub(crate) fn shared() -> &'static Catalogue {
    static SHARED: OnceLock<Catalogue> = OnceLock::new();
    SHARED.get_or_init(catalogue)
}

/// A pattern as a user writes it.
pub(crate) fn parse(text: &str) -> PatternSpec {
    toml::from_str(text).unwrap()
}

/// An entry that owns what it consists of.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) usec: u64,
    pub(crate) boot: Option<BootId>,
    pub(crate) message: Vec<u8>,
    pub(crate) transport: String,
    pub(crate) identifier: Option<String>,
    pub(crate) comm: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) pid: Option<u32>,
    pub(crate) priority: Option<u8>,
    pub(crate) message_id: Option<String>,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Entry {
    pub(crate) fn of_kernel(message: &str) -> Self {
        Self {
            usec: NOON,
            boot: None,
            message: message.as_bytes().to_vec(),
            transport: "kernel".to_owned(),
            identifier: Some("kernel".to_owned()),
            comm: None,
            unit: None,
            pid: None,
            priority: Some(6),
            message_id: None,
            fields: BTreeMap::new(),
        }
    }

    pub(crate) fn of_audit(message: &str) -> Self {
        let identifier = Some("audit".to_owned());
        Self { transport: "audit".to_owned(), identifier, ..Self::of_kernel(message) }
    }

    pub(crate) fn of_program(name: &str, message: &str) -> Self {
        Self {
            transport: "syslog".to_owned(),
            identifier: Some(name.to_owned()),
            // As the kernel cuts it.
            comm: Some(name.chars().take(15).collect()),
            unit: Some(format!("{name}.service")),
            pid: Some(4711),
            ..Self::of_kernel(message)
        }
    }

    pub(crate) fn of_pid1(message: &str) -> Self {
        Self {
            transport: "journal".to_owned(),
            unit: Some("init.scope".to_owned()),
            pid: Some(1),
            ..Self::of_program("systemd", message)
        }
    }

    pub(crate) fn with_id(self, id: &str) -> Self {
        Self { message_id: Some(id.to_owned()), ..self }
    }

    pub(crate) fn with(mut self, field: &str, value: &str) -> Self {
        self.fields.insert(field.to_owned(), value.to_owned());
        self
    }

    /// This many milliseconds after noon.
    pub(crate) fn at(self, msec: u64) -> Self {
        Self { usec: NOON + msec * 1000, ..self }
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            realtime_usec: self.usec,
            monotonic_usec: None,
            boot_id: self.boot,
            message: &self.message,
            transport: Some(&self.transport),
            identifier: self.identifier.as_deref(),
            comm: self.comm.as_deref(),
            unit: self.unit.as_deref(),
            pid: self.pid,
            priority: self.priority,
            message_id: self.message_id.as_deref(),
            fields: self,
        }
    }
}

impl Fields for Entry {
    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.fields.get(name).map(|value| Cow::Borrowed(value.as_bytes()))
    }

    fn cursor(&self) -> Option<String> {
        Some(format!("s=0;t={:x}", self.usec))
    }
}

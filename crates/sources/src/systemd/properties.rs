//! Properties by name, each taken for what it should be: one of another type counts as absent.

use std::collections::HashMap;

use sysdiag_model::{Timestamp, UnitName};

use crate::dbus::{Malformed, Reply, Value};

/// The most entries taken of one list: far above any unit's.
const MAX_LIST: usize = 20_000;

/// The answer to a `GetAll`.
#[derive(Debug)]
pub(super) struct PropertyMap<'a>(HashMap<&'a str, Value<'a>>);

impl<'a> PropertyMap<'a> {
    pub(super) fn read(reply: &Reply<'a>) -> Result<Self, Malformed> {
        reply.properties()?.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.get(name)
    }

    pub(super) fn u64(&self, name: &str) -> Option<u64> {
        self.get(name)?.u64().ok()
    }

    /// A limit, where `UINT64_MAX` means none.
    pub(super) fn limit(&self, name: &str) -> Option<u64> {
        self.u64(name).filter(|limit| *limit != u64::MAX)
    }

    pub(super) fn u32(&self, name: &str) -> Option<u32> {
        self.get(name)?.u32().ok()
    }

    pub(super) fn i32(&self, name: &str) -> Option<i32> {
        self.get(name)?.i32().ok()
    }

    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        self.get(name)?.bool().ok()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.str().ok().map(str::to_owned)
    }

    /// A text that systemd leaves empty where there is none.
    pub(super) fn filled_text(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Some(texts) = self.get(name).and_then(|value| value.strings().ok()) else {
            return Vec::new();
        };
        texts.into_iter().take(MAX_LIST).map(str::to_owned).collect()
    }

    pub(super) fn units(&self, name: &str) -> Vec<UnitName> {
        self.texts(name).into_iter().map(UnitName::new).collect()
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_property(self.u64(name)?)
    }
}

/// A monotonic time property, where 0 means never.
pub(super) fn monotonic(value: &Value<'_>) -> Option<u64> {
    value.u64().ok().filter(|usec| *usec != 0 && *usec != u64::MAX)
}

//! Properties by name, each taken for what it should be: one of another type counts as absent.

use std::collections::HashMap;

use crate::dbus::{Malformed, Reply, Value};

/// The answer to a `GetAll`.
#[derive(Debug)]
pub(super) struct PropertyMap<'a>(HashMap<&'a str, Value<'a>>);

impl<'a> PropertyMap<'a> {
    pub(super) fn read(reply: &Reply<'a>) -> Result<Self, Malformed> {
        reply.properties()?.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.get(name)
    }

    pub(super) fn u64(&self, name: &str) -> Option<u64> {
        self.get(name)?.u64().ok()
    }

    pub(super) fn u32(&self, name: &str) -> Option<u32> {
        self.get(name)?.u32().ok()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.str().ok().map(str::to_owned)
    }

    /// A list of texts; empty if there is none.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.get(name).and_then(|value| value.strings().ok()).unwrap_or_default();
        texts.into_iter().map(str::to_owned).collect()
    }
}

/// A monotonic time property, where 0 means never.
pub(super) fn monotonic(value: &Value<'_>) -> Option<u64> {
    value.u64().ok().filter(|usec| *usec != 0 && *usec != u64::MAX)
}

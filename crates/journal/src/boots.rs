//! Which boots a journal holds.

use std::collections::BTreeMap;

use crate::id::Id128;
use crate::journal::Journal;

/// A boot that the journal has entries of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Its id.
    pub id: Id128,
    /// `CLOCK_REALTIME` of its first entry in microseconds.
    pub first_usec: u64,
    /// `CLOCK_REALTIME` of its last entry in microseconds.
    pub last_usec: u64,
    /// Number of entries.
    pub entries: u64,
}

impl Journal {
    /// The boots that have entries, the one that began first before the others. An entry that is in
    /// two files counts twice.
    pub fn boots(&self) -> Vec<Boot> {
        let mut boots = BTreeMap::<Id128, Boot>::new();
        for file in self.files() {
            let Some(range) = file.whole() else { continue };
            for value in file.values("_BOOT_ID", range) {
                let id =
                    value.bytes().and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok());
                let (Some(id), Some(first), Some(last)) = (id, value.first(), value.last()) else {
                    continue;
                };
                let (first, last) = (first.realtime_usec(), last.realtime_usec());
                let boot = boots.entry(id).or_insert(Boot {
                    id,
                    first_usec: first,
                    last_usec: last,
                    entries: 0,
                });
                // The clock may have been set back in between.
                boot.first_usec = boot.first_usec.min(first).min(last);
                boot.last_usec = boot.last_usec.max(last).max(first);
                boot.entries = boot.entries.saturating_add(value.count());
            }
        }
        let mut boots: Vec<Boot> = boots.into_values().collect();
        boots.sort_by_key(|boot| (boot.first_usec, boot.id));
        boots
    }
}

//! A boot or a time as a range of one file.

use crate::chain::Chain;
use crate::entry::Entry;
use crate::file::File;
use crate::header::State;
use crate::id::Id128;

/// Of what boot and time entries are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// Of this boot only.
    pub boot: Option<Id128>,
    /// Not taken in before: `CLOCK_REALTIME` in microseconds.
    pub since_usec: Option<u64>,
    /// Not taken in after: `CLOCK_REALTIME` in microseconds.
    pub until_usec: Option<u64>,
}

/// The entries of one file that lie in a window.
///
/// The entries of a boot follow each other, and so do those of a time but for jumps of the clock, so
/// that a window is a range of the file. Files with entries of several machines are the exception:
/// in them entries of other boots lie between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) entries: u64,
    /// Entries of other boots lie between: those of this one only are meant.
    pub(crate) only: Option<Id128>,
    /// All entries of the file.
    pub(crate) whole: bool,
}

impl Range {
    /// Number of entries.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// The places of `chain` that lie between the ends of the range.
    pub(crate) fn clip(&self, file: &File, chain: &Chain) -> (u64, u64) {
        if self.whole && self.high == u64::MAX {
            return (0, chain.len());
        }
        if self.whole {
            // But for what was written after the file was opened.
            let last = chain.len().checked_sub(1).and_then(|last| chain.nth(file, last));
            if last.is_some_and(|last| last <= self.high) {
                return (0, chain.len());
            }
        }
        let from = chain.partition(file, |offset| offset < self.low);
        let to = chain.partition_in(file, from, chain.len(), |offset| offset <= self.high);
        (from, to)
    }

    /// Whether the entry at `offset` belongs to it, if it lies between its ends.
    pub(crate) fn holds(&self, file: &File, offset: u64) -> bool {
        self.only.is_none_or(|boot| {
            file.faults.pass(file.entry_head(offset)).is_some_and(|head| head.boot_id == boot)
        })
    }
}

impl File {
    /// Whether nobody writes to it any more, and it seems to be as it was written.
    fn is_complete(&self) -> bool {
        self.header().state != State::Online
            && self.header().n_entries <= self.length() / 64
            && self.damage().is_empty()
    }

    /// All its entries.
    pub fn whole(&self) -> Option<Range> {
        self.range(&Window::default())
    }

    /// What of the file lies in `window`. None: nothing.
    pub fn range(&self, window: &Window) -> Option<Range> {
        if *window == Window::default() && self.is_complete() {
            // Nothing to look for, and nothing comes later.
            let (low, high, entries) = (0, u64::MAX, self.header().n_entries);
            return (entries > 0).then_some(Range { low, high, entries, only: None, whole: true });
        }
        let boot = match window.boot {
            Some(boot) => {
                let value = format!("_BOOT_ID={boot}");
                Some(Chain::of_data(self, self.find_data(value.as_bytes())?.1))
            }
            None => None,
        };
        let chain = boot.as_ref().unwrap_or_else(|| self.all());
        let last = self.last_entry();
        let realtime = |offset| self.entry_head(offset).map_or(0, |head| head.realtime);
        let mut from = match window.since_usec {
            Some(since) => chain.partition(self, |offset| realtime(offset) < since),
            None => 0,
        };
        let mut to = match window.until_usec {
            Some(until) => {
                chain.partition_in(self, from, chain.len(), |offset| realtime(offset) <= until)
            }
            None => chain.len(),
        };
        // Written after the file was opened.
        to = chain.partition_in(self, from.min(to), to, |offset| offset <= last);
        let mut low = None;
        while low.is_none() && from < to {
            low = chain.nth(self, from);
            from += u64::from(low.is_none());
        }
        let mut high = None;
        while high.is_none() && from < to {
            high = chain.nth(self, to - 1);
            to -= u64::from(high.is_none());
        }
        let (low, high) = (low?, high?);
        let entries = to - from;
        let only = window.boot.filter(|_| {
            let between =
                Range { low, high, entries, only: None, whole: false }.clip(self, self.all());
            between.1 - between.0 != entries
        });
        let whole = entries == self.all().len() && only.is_none();
        Some(Range { low, high, entries, only, whole })
    }

    /// The entries of a value's list, or of the whole file, that lie in `range`, oldest first.
    pub(crate) fn entries_of<'j>(
        &'j self,
        chain: &Chain,
        range: &Range,
        mut each: impl FnMut(Entry<'j>) -> bool,
    ) {
        let (from, to) = range.clip(self, chain);
        chain.walk(self, from, to, |offset| match Entry::read(self, offset) {
            Some(entry) if range.only.is_none_or(|boot| entry.boot_id() == boot) => each(entry),
            _ => true,
        });
    }
}

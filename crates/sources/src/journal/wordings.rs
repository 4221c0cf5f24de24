//! Templates of the messages of a boot or window: from the distinct messages, with their counts.
//!
//! Who sent a message, and how important it is, is read of its first and its last entry; if they differ,
//! of every one. When it came is read from the index.

use sysdiag_journal::{Entry, Value};
use sysdiag_logs::templates::{Mined, Miner, Seen, Settings};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates};
use sysdiag_model::{BootId, Timestamp};

use super::event::Read;
use crate::mask::mask_text;

/// Messages for debugging come and go with the settings of programs.
const LEAST_IMPORTANT: u8 = 6;
/// As much of a message is looked at.
const MOST_BYTES: usize = 4096;
const HOUR_USEC: u64 = 3_600_000_000;

/// Finds templates.
pub(super) struct Wordings {
    miner: Miner,
    until: Timestamp,
}

/// What the messages are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    pub(super) boot_id: Option<BootId>,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) from_boot: bool,
}

/// Who says it, and how important it is.
#[derive(PartialEq, Eq)]
struct Sender {
    name: String,
    priority: u8,
}

impl Sender {
    fn of(entry: Entry<'_>) -> Self {
        let read = Read::new(entry);
        let name = read.sender().map(std::borrow::Cow::into_owned).unwrap_or_default();
        // journald takes a message without one for information.
        Self { name, priority: read.priority().unwrap_or(6) }
    }
}

impl Wordings {
    pub(super) fn new(until: Timestamp, known: &[LogTemplate]) -> Self {
        Self { miner: Miner::with_known(Settings::default(), Some(until), known), until }
    }

    /// Takes in all entries that have one message.
    pub(super) fn add(&mut self, message: &[u8], value: &Value<'_>) {
        let bytes = message.get(..MOST_BYTES).unwrap_or(message);
        let text = String::from_utf8_lossy(bytes);
        let Some(first) = value.first() else { return };
        let sender = Sender::of(first);
        if value.count() == 1 {
            return self.see(&sender, &text, 1, first.realtime_usec(), first.realtime_usec());
        }
        let same = value.last().is_some_and(|last| Sender::of(last) == sender);
        // Entries of one hour and one sender at a time.
        let mut run: Option<(Sender, u64, u64, u64)> = None;
        value.entries(|entry| {
            let time = entry.realtime_usec();
            let who = if same { None } else { Some(Sender::of(entry)) };
            let goes_on = run.as_ref().is_some_and(|(of, _, from, _)| {
                self.hour(*from) == self.hour(time) && who.as_ref().is_none_or(|who| who == of)
            });
            if goes_on && let Some((_, count, _, to)) = &mut run {
                *count += 1;
                *to = time;
                return true;
            }
            if let Some((of, count, from, to)) = run.take() {
                self.see(&of, &text, count, from, to);
            }
            let who = who.unwrap_or_else(|| Sender { name: sender.name.clone(), ..sender });
            run = Some((who, 1, time, time));
            true
        });
        if let Some((of, count, from, to)) = run {
            self.see(&of, &text, count, from, to);
        }
    }

    fn hour(&self, time: u64) -> u64 {
        self.until.as_usec().saturating_sub(time) / HOUR_USEC
    }

    fn see(&mut self, sender: &Sender, text: &str, count: u64, from: u64, to: u64) {
        if sender.priority <= LEAST_IMPORTANT {
            let (first, last) = (Timestamp::from_usec(from), Timestamp::from_usec(to.max(from)));
            self.miner.add(&sender.name, sender.priority, text, Seen { count, first, last });
        }
    }

    /// The templates; secrets that are the same in all messages of one are masked.
    pub(super) fn finish(self, period: Period) -> LogTemplates {
        let Mined { mut templates, entries, dropped_templates, dropped_entries, .. } =
            self.miner.finish();
        for template in &mut templates {
            template.text = mask_text(&template.text).into_owned();
        }
        let Period { boot_id, since, until, from_boot } = period;
        LogTemplates {
            boot_id,
            since,
            until,
            from_boot,
            entries,
            templates,
            dropped_templates,
            dropped_entries,
            suppressed: std::collections::BTreeMap::new(),
        }
    }
}

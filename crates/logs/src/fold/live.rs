//! One problem while its messages come in.

use std::collections::{BTreeMap, VecDeque};

use sysdiag_model::snapshot::{LogLine, OomKill, PatternHit};
use sysdiag_model::{Severity, Timestamp, UnitName};

use crate::bounded;
use crate::catalogue::{Aggregate, Captures, PatternSpec};
use crate::event::{Event, When};

/// Longest message kept, in bytes.
const MOST_MESSAGE: usize = 2048;
/// As much is kept until secrets are masked, which a cut must not hide.
const MOST_RAW_MESSAGE: usize = 2 * MOST_MESSAGE;
const MOST_UNITS: usize = 16;
const MOST_DETAILS: usize = 24;
const MOST_FRAMES: usize = 8;
const MINUTE_USEC: u64 = 60_000_000;

/// Names of the priorities, `syslog(3)`.
const LEVELS: [&str; 8] = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// What is kept of an event until it is clear what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) when: When,
    pub(super) priority: u8,
    /// What it is about, or who logged it.
    pub(super) unit: Option<UnitName>,
    pub(super) captures: Captures,
    /// None: an example took it.
    line: Option<LogLine>,
}

impl Seen {
    pub(super) fn of(event: &Event<'_>, captures: Captures, unit: Option<UnitName>) -> Self {
        let name = event.identifier.or(event.comm);
        let level = event.priority.and_then(|priority| LEVELS.get(usize::from(priority)));
        let errno = event.fields.field("ERRNO");
        let errno = errno.and_then(|errno| std::str::from_utf8(&errno).ok()?.parse().ok());
        Self {
            when: When::of(event),
            priority: event.priority.unwrap_or(u8::MAX),
            unit,
            captures,
            line: Some(LogLine {
                time: Timestamp::from_usec(event.realtime_usec),
                level: level.map(|level| (*level).to_owned()),
                identifier: name.map(|name| bounded::text(name.as_bytes(), bounded::MOST_VALUE)),
                pid: event.pid,
                message: bounded::text(event.message, MOST_RAW_MESSAGE),
                cursor: event.fields.cursor(),
                errno: errno.filter(|errno: &i32| *errno > 0),
            }),
        }
    }

    pub(super) fn capture(&self, name: &str) -> Option<&str> {
        get(&self.captures, name)
    }
}

/// The value of a capture.
pub(super) fn get<'c>(captures: &'c Captures, name: &str) -> Option<&'c str> {
    captures.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// One problem.
#[derive(Debug)]
pub(super) struct Live {
    count: u64,
    sum: Option<u64>,
    first: u64,
    last: u64,
    /// The minute that is counted, and how many came in it.
    minute: (u64, u64),
    peak: u64,
    /// The last times, as many as make a burst.
    window: VecDeque<When>,
    burst_at: Option<u64>,
    recovered_at: Option<u64>,
    severity: Severity,
    units: Vec<UnitName>,
    pub(super) details: BTreeMap<String, String>,
    pub(super) frames: Vec<String>,
    pub(super) oom: Option<OomKill>,
    examples: Examples,
}

#[derive(Debug, Default)]
struct Examples {
    first: Option<LogLine>,
    middle: Option<(u8, LogLine)>,
    last: Option<(u8, LogLine)>,
}

impl Live {
    pub(super) fn new(when: When) -> Self {
        Self {
            count: 0,
            sum: None,
            first: when.realtime,
            last: when.realtime,
            minute: (0, 0),
            peak: 0,
            window: VecDeque::new(),
            burst_at: None,
            recovered_at: None,
            severity: Severity::Info,
            units: Vec::new(),
            details: BTreeMap::new(),
            frames: Vec::new(),
            oom: None,
            examples: Examples::default(),
        }
    }

    /// Another event.
    pub(super) fn count(&mut self, spec: &PatternSpec, seen: &mut Seen) {
        let now = seen.when.realtime;
        self.first = self.first.min(now);
        self.last = self.last.max(now);
        self.recovered_at = None;
        self.count = self.count.saturating_add(1);
        if let Some(sum) = &spec.sum {
            let more: u64 = seen.capture(sum).and_then(|text| text.parse().ok()).unwrap_or(0);
            self.sum = Some(self.sum.unwrap_or(0).saturating_add(more));
        }
        let minute = now / MINUTE_USEC;
        if minute != self.minute.0 {
            self.minute = (minute, 0);
        }
        self.minute.1 = self.minute.1.saturating_add(1);
        self.peak = self.peak.max(self.minute.1);
        if let Aggregate::Burst { count, seconds, .. } = spec.aggregate {
            self.window.push_back(seen.when);
            let most = usize::try_from(count).unwrap_or(usize::MAX);
            while self.window.len() > most {
                self.window.pop_front();
            }
            let together = self.window.front().is_some_and(|it| seen.when.within(*it, seconds));
            if self.burst_at.is_none() && self.window.len() == most && together {
                self.burst_at = Some(now);
            }
        }
        let by = spec
            .severity_by
            .as_ref()
            .and_then(|by| by.values.get(seen.capture(&by.capture)?).copied());
        self.severity = self.severity.max(by.unwrap_or(spec.severity));
        if let Some(unit) = &seen.unit {
            self.concerns(unit);
        }
        self.details.clear();
        self.frames.clear();
        self.say_more(&seen.captures);
        if let Some(line) = seen.line.take() {
            self.examples.take(self.count, seen.priority, line);
        }
    }

    /// It is well again.
    pub(super) const fn recover(&mut self, when: When) {
        self.recovered_at = Some(when.realtime);
    }

    /// Details of the event counted last that are not known yet.
    pub(super) fn say_more(&mut self, captures: &Captures) {
        for (name, value) in captures {
            if name == "frame" {
                if self.frames.len() < MOST_FRAMES {
                    self.frames.push(value.clone());
                }
            } else if name != "end"
                && self.details.len() < MOST_DETAILS
                && !self.details.contains_key(name)
            {
                self.details.insert(name.clone(), value.clone());
            }
        }
    }

    pub(super) fn concerns(&mut self, unit: &UnitName) {
        if self.units.len() < MOST_UNITS && !self.units.contains(unit) {
            self.units.push(unit.clone());
        }
    }

    /// Times of another boot say nothing about what comes together in this one.
    pub(super) fn forget_window(&mut self) {
        self.window.clear();
    }

    pub(super) const fn has_events(&self) -> bool {
        self.count > 0
    }

    /// What became of it; texts go through `mask`.
    pub(super) fn finish(
        self,
        spec: &PatternSpec,
        key: &str,
        mask: &dyn Fn(&str) -> String,
    ) -> PatternHit {
        let masked = |text: &str, limit| {
            let mut masked = mask(text);
            bounded::cut(&mut masked, limit);
            masked
        };
        let mut severity = self.severity;
        if let Aggregate::Burst { below, .. } = spec.aggregate
            && self.burst_at.is_none()
        {
            severity = below.min(severity);
        }
        if let Some(recovery) = &spec.recovery
            && self.recovered_at.is_some()
        {
            severity = severity.min(recovery.then);
        }
        let value = |text: String| masked(&text, bounded::MOST_VALUE);
        PatternHit {
            pattern: spec.id.clone(),
            title: spec.title.clone(),
            severity,
            key: masked(key, bounded::MOST_VALUE),
            count: self.count,
            sum: self.sum,
            first: Timestamp::from_usec(self.first),
            last: Timestamp::from_usec(self.last),
            peak_per_minute: self.peak,
            burst_at: self.burst_at.map(Timestamp::from_usec),
            recovered_at: self.recovered_at.map(Timestamp::from_usec),
            units: self.units,
            details: self.details.into_iter().map(|(name, text)| (name, value(text))).collect(),
            frames: self.frames,
            oom: self.oom,
            examples: self.examples.finish(&|text: &str| masked(text, MOST_MESSAGE)),
        }
    }
}

impl Examples {
    /// The first, the last, and of those between the most urgent; of equally urgent ones the one that
    /// came when the count was a power of two.
    fn take(&mut self, count: u64, priority: u8, line: LogLine) {
        if count == 1 {
            self.first = Some(line);
            return;
        }
        let Some(passed) = self.last.replace((priority, line)) else { return };
        let better = self.middle.as_ref().is_none_or(|(known, _)| {
            passed.0 < *known || (count.is_power_of_two() && passed.0 == *known)
        });
        if better {
            self.middle = Some(passed);
        }
    }

    fn finish(self, mask: &dyn Fn(&str) -> String) -> Vec<LogLine> {
        let middle = self.middle.map(|(_, line)| line);
        let lines = self.first.into_iter().chain(middle).chain(self.last.map(|(_, line)| line));
        lines.map(|line| LogLine { message: mask(&line.message), ..line }).collect()
    }
}

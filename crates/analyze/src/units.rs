//! What the snapshot says about a unit, whichever source said it.
//!
//! Only looks things up: whether something is a problem is decided in `health` and in the rules.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{
    Clock, JournalDigest, LogLine, Snapshot, Systemd, TracedExit, Unit, UnitDetail, UnitEvent,
    UnitEventKind, UnitTimes,
};
use sysdiag_model::{Probe, Timestamp};

use crate::words;

/// What a run says in its last moments is about its end.
const LAST_MOMENTS_USEC: u64 = 10_000_000;

/// The units of a host whose systemd could be read.
#[derive(Debug)]
pub(crate) struct Units<'a> {
    pub(crate) systemd: &'a Systemd,
    /// None: the journal could not be read.
    pub(crate) journal: Option<&'a JournalDigest>,
    /// Whether nothing is missing in the journal.
    pub(crate) journal_complete: bool,
    pub(crate) clock: Clock,
    events: BTreeMap<&'a str, Vec<&'a UnitEvent>>,
    exits: BTreeMap<&'a str, Vec<&'a TracedExit>>,
}

/// A value and the source it was read from, in words of an evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fact<T> {
    pub(crate) value: T,
    pub(crate) source: &'static str,
}

impl<'a> Units<'a> {
    /// None: systemd could not be read.
    pub(crate) fn of(snapshot: &'a Snapshot) -> Option<Self> {
        let systemd = snapshot.systemd.value()?;
        let journal = snapshot.journal.value();
        Some(Self {
            systemd,
            journal,
            journal_complete: matches!(snapshot.journal, Probe::Known(_)),
            clock: snapshot.clock,
            exits: exits(snapshot),
            events: journal.map_or_else(BTreeMap::new, |digest| this_boot(digest, snapshot)),
        })
    }

    /// What systemd logged about the unit in this boot, oldest first.
    pub(crate) fn events(&self, name: &str) -> &[&'a UnitEvent] {
        self.events.get(name).map_or(&[], Vec::as_slice)
    }

    /// Ends of processes of the unit that were traced, oldest first.
    pub(crate) fn traced_exits(
        &self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = &'a TracedExit> {
        self.exits.get(name).into_iter().flatten().copied()
    }

    /// The names of all units that systemd logged something about in this boot.
    pub(crate) fn names_with_events(&self) -> impl Iterator<Item = &'a str> {
        self.events.keys().copied()
    }

    /// All properties, if the unit was a suspect.
    pub(crate) fn detail(&self, name: &str) -> Option<&'a UnitDetail> {
        self.systemd.details.get(name)
    }

    /// `Result`, from the most direct source that has it.
    pub(crate) fn result(&self, name: &str) -> Option<Fact<&'a str>> {
        const PROPERTY: &str = "Result (D-Bus)";
        let systemd = self.systemd;
        let property = self
            .detail(name)
            .and_then(|detail| detail.result.as_deref())
            .or_else(|| systemd.services.get(name)?.result.as_deref())
            .or_else(|| systemd.sockets.get(name)?.result.as_deref())
            .or_else(|| systemd.timers.get(name)?.result.as_deref())
            .or_else(|| systemd.mounts.get(name)?.result.as_deref());
        if let Some(value) = property {
            return Some(Fact { value, source: PROPERTY });
        }
        self.last_failure(name)
    }

    /// The `Result` with which the unit last failed in this boot, whatever it does now.
    pub(crate) fn last_failure(&self, name: &str) -> Option<Fact<&'a str>> {
        let event = self.events(name).iter().rfind(|event| event.kind == UnitEventKind::Failed)?;
        event.unit_result.as_deref().map(|value| Fact { value, source: "journal UNIT_RESULT" })
    }

    /// When the unit entered the state it is in.
    pub(crate) fn since(&self, unit: &Unit) -> Option<Timestamp> {
        if let Some(time) = self.detail(unit.name.as_str()).and_then(|detail| detail.state_change) {
            return Some(time);
        }
        let times = unit.times?;
        [
            times.inactive_exit_usec,
            times.active_enter_usec,
            times.active_exit_usec,
            times.inactive_enter_usec,
        ]
        .into_iter()
        .flatten()
        .max()
        .map(|usec| self.clock.at_monotonic(usec))
    }

    /// The last `most` log lines, oldest first. None: the journal could not be read.
    pub(crate) fn recent_logs(&self, name: &str, most: usize) -> Option<Vec<LogLine>> {
        self.journal?;
        let lines = self.lines(name);
        Some(lines.get(lines.len().saturating_sub(most)..).unwrap_or(lines).to_vec())
    }

    /// The last `most` different lines that the unit's own processes logged, rather than systemd
    /// about them, oldest first: complaints if the last run made any, else whatever it said last.
    pub(crate) fn last_words(&self, name: &str, most: usize) -> Vec<&'a LogLine> {
        let own: Vec<&LogLine> =
            self.lines(name).iter().filter(|line| !words::is_of_manager(line)).collect();
        let Some(last) = own.last().map(|line| line.time) else { return Vec::new() };
        let from = last.minus_usec(LAST_MOMENTS_USEC);
        let complains = |line: &&&LogLine| line.time >= from && words::is_complaint(line);
        let complaints: Vec<&LogLine> = own.iter().filter(complains).copied().collect();
        let mut kept: Vec<&LogLine> = Vec::new();
        for line in if complaints.is_empty() { own } else { complaints }.into_iter().rev() {
            // What each run says again is said once.
            let said = kept.iter().any(|later| later.message == line.message);
            if kept.len() < most && !said && !words::is_filler(&line.message) {
                kept.push(line);
            }
        }
        kept.reverse();
        kept
    }

    /// The first complaint of the last ten seconds before `until`, whoever logged it, else the
    /// last remark of systemd; not what it says whenever a unit fails.
    pub(crate) fn first_complaint(&self, name: &str, until: Timestamp) -> Option<&'a LogLine> {
        let from = until.minus_usec(LAST_MOMENTS_USEC);
        let telling = |line: &&LogLine| line.time >= from && !words::is_stock(line, name);
        let lines = || self.lines(name).iter().filter(telling);
        lines().find(|line| words::is_complaint(line)).or_else(|| lines().next_back())
    }

    fn lines(&self, name: &str) -> &'a [LogLine] {
        self.journal.and_then(|journal| journal.recent.get(name)).map_or(&[], Vec::as_slice)
    }

    /// How the last start job of this boot ended, if it did not end well.
    ///
    /// Start jobs that ended well need not be among the events, so the unit's own times are asked
    /// whether it set out again later.
    pub(crate) fn failed_start(&self, name: &str) -> Option<&'a UnitEvent> {
        // A job that was given up says nothing of the unit: the one before it does.
        let given_up = |event: &UnitEvent| {
            matches!(event.job_result.as_deref(), Some("canceled" | "collected"))
        };
        let last = self.events(name).iter().rfind(|event| {
            matches!(event.kind, UnitEventKind::Started | UnitEventKind::StartFailed)
                && !given_up(event)
        })?;
        let ended_well = match last.job_result.as_deref() {
            Some(result) => matches!(result, "done" | "skipped"),
            None => last.kind == UnitEventKind::Started,
        };
        let again = self.last_time(name, |detail| detail.inactive_exit, |it| it.inactive_exit_usec);
        let stale = ended_well || again.is_some_and(|again| again > last.time);
        if stale { None } else { Some(last) }
    }

    /// When the unit last began to start.
    pub(crate) fn last_start(&self, name: &str) -> Option<Timestamp> {
        self.last_time(name, |detail| detail.inactive_exit, |it| it.inactive_exit_usec)
    }

    /// When the unit last came to an end: inactive or failed.
    pub(crate) fn last_end(&self, name: &str) -> Option<Timestamp> {
        self.last_time(name, |detail| detail.inactive_enter, |times| times.inactive_enter_usec)
    }

    /// One of the times of a unit: as the wall clock showed it then, else reckoned back.
    fn last_time(
        &self,
        name: &str,
        wall: fn(&UnitDetail) -> Option<Timestamp>,
        monotonic: fn(&UnitTimes) -> Option<u64>,
    ) -> Option<Timestamp> {
        self.detail(name).and_then(wall).or_else(|| {
            let usec = monotonic(self.systemd.unit(name)?.times.as_ref()?)?;
            Some(self.clock.at_monotonic(usec))
        })
    }
}

fn exits(snapshot: &Snapshot) -> BTreeMap<&str, Vec<&TracedExit>> {
    let mut exits: BTreeMap<&str, Vec<&TracedExit>> = BTreeMap::new();
    for exit in snapshot.trace.value().into_iter().flat_map(|trace| &trace.exits) {
        if let Some(unit) = &exit.process.unit {
            exits.entry(unit.as_str()).or_default().push(exit);
        }
    }
    exits
}

/// From when on what is in the digest is of the running boot. None: nothing is.
pub(crate) fn this_boot_from(digest: &JournalDigest, snapshot: &Snapshot) -> Option<Timestamp> {
    // Where the digest is of one boot, times say nothing: the clock may have been set since.
    match (digest.boot_id, snapshot.host.boot_id.value()) {
        (Some(read), Some(running)) if read != *running => None,
        (Some(_), _) => Some(Timestamp::from_usec(0)),
        (None, _) => Some(snapshot.clock.realtime.minus_usec(snapshot.clock.boottime_usec)),
    }
}

/// The events of the running boot by unit.
fn this_boot<'a>(
    digest: &'a JournalDigest,
    snapshot: &Snapshot,
) -> BTreeMap<&'a str, Vec<&'a UnitEvent>> {
    let Some(from) = this_boot_from(digest, snapshot) else { return BTreeMap::new() };
    let mut events: BTreeMap<&str, Vec<&UnitEvent>> = BTreeMap::new();
    for event in digest.unit_events.iter().filter(|event| event.time >= from) {
        events.entry(event.unit.as_str()).or_default().push(event);
    }
    events
}

//! The journal, read from its files: what systemd logged about units, the last lines of units, and
//! what was logged at all, as a bounded digest.
//!
//! No library of systemd is needed and no other program is asked, so that a mounted image and a
//! host without a running journald are read, too; the exception is `fallback`. Nothing is concluded here.

mod boots;
mod cycles;
mod distinct;
mod elsewhere;
mod event;
mod events;
mod examples;
mod export;
mod fallback;
mod files;
mod instead;
mod kernel;
mod kmsg;
mod known_bad;
mod line;
mod logs;
mod messages;
mod previous;
mod reader;
mod recent;
mod wording;
mod wordings;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sysdiag_journal::{Journal, Window};
use sysdiag_logs::Catalogue;
use sysdiag_model::snapshot::{
    BrokenCycle, JournalDigest, LogDigest, LogLine, LogTemplates, PreviousBoot, UnitEvent,
};
use sysdiag_model::{BootId, Gap, Probe, Timestamp, UnitName, Why};

pub use self::boots::{Boot, NoSuchBoot};
pub use self::elsewhere::read_directory;

use self::examples::Places;
use self::fallback::Wanted;
use self::files::Files;
use self::reader::{Reader, id_of};
use self::wordings::Period;
use crate::{KnownBoots, LogOptions, Options, Root};

/// Last lines of units, by unit.
pub type RecentLines = Vec<(UnitName, Vec<LogLine>)>;

/// The journal of one host, opened.
pub struct Source {
    files: Files,
    reader: Reader,
    /// The boot that runs now, if that is known (not in a mounted image).
    current: Option<BootId>,
    /// The boot that is read: the current one, else the last in the journal.
    boot: BootId,
    now: Timestamp,
    deadline: Instant,
    /// Number of entries of `boot`, counted when it is first asked for.
    entries: OnceCell<u64>,
}

/// Messages in groups, and where they are from.
#[derive(Debug, Clone, PartialEq)]
pub struct Logs {
    /// None: from all boots in the window.
    pub boot_id: Option<BootId>,
    /// The messages.
    pub digest: LogDigest,
}

/// What the gap of messages that were asked for, of the boot `number`, is about.
fn of_boot(number: i32) -> String {
    match number {
        0 => "log messages".to_owned(),
        number => format!("log messages of boot {number}"),
    }
}

/// Why `digest` has no messages of the boot `number` that was asked for, if the journal could be
/// read and does not hold that boot.
pub fn missing_boot(digest: &Probe<JournalDigest>, number: i32) -> Option<&str> {
    let what = of_boot(number);
    let mut gaps = digest.gaps().iter();
    gaps.find(|gap| gap.why == Why::Absent && gap.what == what)?.hint.as_deref()
}

/// The kernel's ring buffer in the place of the journal, which could not be read for `reason`.
pub fn ring_buffer(
    root: &Root,
    options: &Options,
    boot_id: Option<BootId>,
    reason: Gap,
) -> Probe<JournalDigest> {
    let Some(wanted) = options.logs.as_ref().filter(|_| root.is_host()) else {
        return Probe::Unknown(reason);
    };
    let hint = reason.hint.as_deref().unwrap_or("it cannot be read");
    let with = |instead: &str| Gap::new(&*reason.what, reason.why, format!("{hint}; {instead}"));
    if wanted.boot != 0 {
        return Probe::Unknown(with("the kernel's ring buffer holds the current boot only"));
    }
    match kmsg::digest(root, wanted, boot_id) {
        Ok((digest, mut gaps)) => {
            let hint = "only the kernel's own messages were read, from its ring buffer";
            gaps.push(Gap::new("messages of services", reason.why, hint));
            gaps.push(reason);
            gaps.sort();
            Probe::Partial(digest, gaps)
        }
        Err(gap) => {
            let why = gap.hint.as_deref().unwrap_or("it cannot be read");
            Probe::Unknown(with(&format!("nor can the kernel's ring buffer be read: {why}")))
        }
    }
}

impl Source {
    /// Opens the journal of this machine; `current` is the id of the boot that runs now.
    ///
    /// Every reading stops at `deadline`: what was read until then is given, with a gap.
    pub fn open(root: &Root, current: Option<BootId>, deadline: Instant) -> Result<Self, Gap> {
        Self::open_for(root, current, deadline, None)
    }

    /// As [`Source::open`]; if only `journalctl` can read the files, which may be a part of them, then at
    /// least the part that `logs` asks for.
    pub fn open_for(
        root: &Root,
        current: Option<BootId>,
        deadline: Instant,
        logs: Option<&LogOptions>,
    ) -> Result<Self, Gap> {
        let found = files::find(root, Wanted { deadline, logs })?;
        let live = root.is_host();
        Self::of(found, current, live, deadline)
    }

    /// Opens the journal in a folder, of whatever machine: the boot that is read is the last in it.
    pub fn open_directory(folder: &Path, deadline: Instant) -> Result<Self, Gap> {
        let wanted = Wanted { deadline, logs: None };
        Self::of(files::find_in(folder, wanted)?, None, false, deadline)
    }

    fn of(
        (files, journal): (Files, Journal),
        current: Option<BootId>,
        live: bool,
        deadline: Instant,
    ) -> Result<Self, Gap> {
        let reader = Reader::new(journal);
        let (boot, now) = if let Some(boot) = current.filter(|_| live) {
            (boot, now())
        } else {
            // No clock but the journal's own.
            let boots = boots::list(reader.journal(), current);
            let last = boots
                .last()
                .ok_or_else(|| Gap::new("journal", Why::Absent, "its files have no entries"))?;
            (current.unwrap_or(last.id), last.last)
        };
        Ok(Self { files, reader, current, boot, now, deadline, entries: OnceCell::new() })
    }

    /// What of the journal cannot be read at all: files of others, damaged files.
    pub fn gaps(&self) -> &[Gap] {
        &self.files.gaps
    }

    /// The boot that `number` means as in `journalctl --boot`: 0 the current one, -1 the one
    /// before, 1 the first in the journal.
    pub fn boot(&self, number: i32) -> Result<Boot, NoSuchBoot> {
        let boots = boots::list(self.reader.journal(), self.current);
        boots::pick(&boots, self.current, number)
    }

    /// The first round of a collection: unit events, and messages in groups if they are asked for.
    ///
    /// Recent lines are left to [`Source::recent`].
    pub fn digest(&self, options: &Options) -> Probe<JournalDigest> {
        let mut gaps = self.files.gaps.clone();
        // Before the logs, which can be any number: nobody's flood of messages keeps us from these.
        let (unit_events, more) = self.unit_events(options.restart_window);
        gaps.extend(more);
        let (broken_cycles, more) = self.broken_cycles();
        gaps.extend(more);
        let (previous_boot, more) = self.previous_boot();
        gaps.extend(more);
        // And some time is left for the second round.
        let now = Instant::now();
        let deadline = now + self.deadline.saturating_duration_since(now) / 2;
        let mut places = Places::default();
        let mut logs = match options.logs.as_ref().map(|logs| self.logs_until(logs, deadline)) {
            Some(Ok((logs, found, more))) => {
                gaps.extend(more);
                places = found;
                Some(logs)
            }
            Some(Err(error)) => {
                // In a damaged file it may be after all.
                let damaged = !self.files.gaps.is_empty() || !self.reader.damage().is_empty();
                let why = if damaged { Why::Malformed } else { Why::Absent };
                gaps.push(Gap::new(of_boot(error.asked), why, error.to_string()));
                None
            }
            None => None,
        };
        let window = options.logs.as_ref();
        let mut earlier_boots = Vec::new();
        if let (Some(wanted), Some(logs)) = (window, &mut logs) {
            if let Some(boot) = logs.boot_id {
                let (boots, more) = self.earlier_boots(&wanted.baseline, boot, deadline);
                earlier_boots = boots;
                gaps.extend(more);
            }
            if let Some(templates) = &mut logs.digest.templates {
                let line_at = |place| examples::at(self.reader.journal(), place);
                let history = &wanted.baseline.messages;
                examples::add(templates, &places, &earlier_boots, history, line_at);
            }
        }
        let digest = JournalDigest {
            boot_id: logs.as_ref().map_or(Some(self.boot), |logs| logs.boot_id),
            since: window.and_then(|window| window.since),
            until: window.and_then(|window| window.until),
            unit_events,
            broken_cycles,
            previous_boot,
            recent: BTreeMap::new(),
            logs: logs.map(|logs| logs.digest),
            earlier_boots,
        };
        gaps.extend(self.reader.damage());
        gaps.sort();
        gaps.dedup();
        Probe::with_gaps(digest, gaps)
    }

    /// What systemd logged about units in this boot, oldest first: failures (the newest of each
    /// unit), and the restarts of the last `restart_window`.
    pub fn unit_events(&self, restart_window: Duration) -> (Vec<UnitEvent>, Vec<Gap>) {
        let usec = u64::try_from(restart_window.as_micros()).unwrap_or(u64::MAX);
        let since = self.now.minus_usec(usec);
        events::read(&self.reader, &self.boot.to_string(), since, self.deadline)
    }

    /// Ordering cycles that systemd met in this boot, oldest first.
    pub fn broken_cycles(&self) -> (Vec<BrokenCycle>, Vec<Gap>) {
        cycles::read(&self.reader, &self.boot.to_string(), self.deadline)
    }

    /// How the boot before this one ended, if the journal has one and it is known which boot this is.
    pub fn previous_boot(&self) -> (Option<PreviousBoot>, Vec<Gap>) {
        let Some(current) = self.current else { return (None, Vec::new()) };
        previous::read(&self.files, &self.reader, current, self.now, self.deadline)
    }

    /// The last `n` lines of each of `units` in this boot, oldest first.
    pub fn recent(&self, units: &[UnitName], n: usize) -> (RecentLines, Vec<Gap>) {
        let count = || self.reader.journal().count(&Self::window(Some(self.boot), None, None));
        let entries = *self.entries.get_or_init(count);
        let boot = self.boot.to_string();
        recent::read(&self.reader, &boot, entries, units, n, self.deadline)
    }

    /// The last `n` lines of `unit` in any boot, oldest first.
    pub fn recent_of_any_boot(&self, unit: &UnitName, n: usize) -> (Vec<LogLine>, Vec<Gap>) {
        recent::of_any_boot(&self.reader, unit, n, self.deadline)
    }

    /// Messages in groups. `since` without a number of a boot means a window over all boots, as
    /// `journalctl --since`.
    pub fn logs(&self, options: &LogOptions) -> Result<(Logs, Vec<Gap>), NoSuchBoot> {
        self.logs_until(options, self.deadline).map(|(logs, _, gaps)| (logs, gaps))
    }

    fn logs_until(
        &self,
        options: &LogOptions,
        deadline: Instant,
    ) -> Result<(Logs, Places, Vec<Gap>), NoSuchBoot> {
        let (since, until) = (options.since, options.until);
        let boot_id = match options.boot {
            0 if since.is_some() => None,
            0 => Some(self.boot),
            number => Some(self.boot(number)?.id),
        };
        let counts = boots::count(self.reader.journal(), &Self::window(boot_id, since, until));
        if options.boot == 0 && boot_id.is_some() && counts.entries == 0 {
            // None at all, or none in the window?
            self.boot(0)?;
        }
        let id = boot_id.map(|boot| boot.to_string());
        let groups = logs::Window {
            boot_id: id.as_deref(),
            since,
            until,
            max_priority: options.max_priority,
        };
        let (mut digest, mut gaps) = logs::read(&self.reader, groups, &counts, deadline);
        let catalogue = Catalogue::with(options.patterns.clone());
        if let Ok(catalogue) = &catalogue {
            known_bad::mark(&mut digest.groups, self.reader.journal(), catalogue);
        }
        if let Err(error) = &catalogue {
            gaps.push(Gap::new("messages known to be bad", Why::Malformed, error.to_string()));
        }
        let (patterns, templates, places, more) = distinct::read(
            self.reader.journal(),
            Self::window(boot_id, since, until),
            self.period(boot_id, since, until),
            &options.baseline.messages.known(),
            catalogue.as_ref().ok().map(|catalogue| (catalogue, options.max_priority)),
            deadline,
        );
        gaps.extend(more);
        digest.patterns = patterns;
        digest.templates = Some(templates);
        Ok((Logs { boot_id, digest }, places, gaps))
    }

    /// What a window is of, as far as the journal tells.
    fn period(
        &self,
        boot_id: Option<BootId>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Period {
        let boots = boots::list(self.reader.journal(), self.current);
        let boot = boot_id.and_then(|id| boots.iter().find(|boot| boot.id == id));
        let first = boot.or(boots.first()).map_or(self.now, |boot| boot.first);
        let ended = boot.filter(|boot| Some(boot.id) != self.current);
        let last = ended.map_or(self.now, |boot| boot.last);
        let from_begin = since.is_none_or(|since| since <= first);
        Period {
            boot_id,
            since: since.unwrap_or(first).max(first),
            until: until.unwrap_or(last).min(last),
            from_boot: boot.is_some() && from_begin,
        }
    }

    /// The templates of boots before the one that is read, the newest first.
    fn earlier_boots(
        &self,
        known: &KnownBoots,
        of: BootId,
        deadline: Instant,
    ) -> (Vec<LogTemplates>, Vec<Gap>) {
        let boots = boots::list(self.reader.journal(), self.current);
        let (mut found, mut gaps) = (Vec::new(), Vec::new());
        let templates = known.messages.known();
        let before = boots.iter().rev().skip_while(|boot| boot.id != of).skip(1);
        for boot in before.take(known.boots).filter(|boot| !known.known.contains(&boot.id)) {
            let window = Self::window(Some(boot.id), None, None);
            let period = self.period(Some(boot.id), None, None);
            let journal = self.reader.journal();
            let (_, boot, _, more) =
                distinct::read(journal, window, period, &templates, None, deadline);
            // One that was not read whole would make messages new that are not.
            if more.is_empty() {
                found.push(boot);
                continue;
            }
            let hint = "they were not all read before the deadline";
            gaps.push(Gap::new("log messages of earlier boots", Why::TimedOut, hint));
            break;
        }
        (found, gaps)
    }

    fn window(boot: Option<BootId>, since: Option<Timestamp>, until: Option<Timestamp>) -> Window {
        Window {
            boot: boot.and_then(id_of),
            since_usec: since.map(Timestamp::as_usec),
            until_usec: until.map(Timestamp::as_usec),
        }
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_usec(u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX))
}

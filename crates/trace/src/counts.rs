//! What each unit did: complete counts, and its most frequent programs and failures, bounded.

use std::collections::HashMap;

use sysdiag_model::snapshot::{
    ProcessEnd, ProgramActivity, RepeatedEnding, TraceCounts, UnitActivity,
};
use sysdiag_model::{Timestamp, UnitName};

use crate::event::{Exit, text};

/// Units, programs and kinds of failures that are counted, of all units together: a hostile host can
/// make up as many as it likes.
const MOST_UNITS: usize = 1_024;
const MOST_PROGRAMS: usize = 4_096;
const MOST_ENDINGS: usize = 4_096;
/// Those that a unit shows.
const SHOWN_PROGRAMS: usize = 16;
const SHOWN_ENDINGS: usize = 16;
/// A process that lived for less is short-lived, microseconds.
const SHORT_USEC: u64 = 1_000_000;

/// Counts of a host.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) totals: TraceCounts,
    units: HashMap<String, Unit>,
    programs: usize,
    endings: usize,
    omitted: u64,
}

#[derive(Debug, Default)]
struct Unit {
    counts: TraceCounts,
    programs: HashMap<Vec<u8>, u64>,
    programs_omitted: u64,
    endings: HashMap<ProcessEnd, HashMap<Vec<u8>, Ending>>,
    endings_omitted: u64,
}

#[derive(Debug)]
struct Ending {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Counts {
    /// A process of the unit made another.
    pub(crate) fn fork(&mut self, unit: Option<&UnitName>) {
        self.totals.forks += 1;
        if let Some(unit) = self.unit(unit) {
            unit.counts.forks += 1;
        }
    }

    /// A process of the unit ran a program.
    pub(crate) fn exec(&mut self, unit: Option<&UnitName>, file: &[u8]) {
        self.totals.execs += 1;
        let room = self.programs < MOST_PROGRAMS;
        let Some(unit) = self.unit(unit) else { return };
        unit.counts.execs += 1;
        if let Some(count) = unit.programs.get_mut(file) {
            *count += 1;
        } else if room {
            unit.programs.insert(file.to_owned(), 1);
            self.programs += 1;
        } else {
            unit.programs_omitted += 1;
        }
    }

    /// A process of the unit ended.
    pub(crate) fn exit(&mut self, unit: Option<&UnitName>, exit: &Exit<'_>) {
        let (failed, killed) = match exit.end {
            ProcessEnd::Exited { status } => (status != 0, false),
            ProcessEnd::Killed { .. } => (false, true),
        };
        let add = |counts: &mut TraceCounts| {
            counts.exits += 1;
            counts.failures += u64::from(failed);
            counts.killed += u64::from(killed);
            counts.short_lived += u64::from(exit.lifetime_usec < SHORT_USEC);
        };
        add(&mut self.totals);
        let room = self.endings < MOST_ENDINGS;
        let Some(unit) = self.unit(unit) else { return };
        add(&mut unit.counts);
        if !failed && !killed {
            return;
        }
        let known = unit.endings.get_mut(&exit.end);
        if let Some(ending) = known.and_then(|by_name| by_name.get_mut(exit.process.command)) {
            ending.count += 1;
            ending.last = exit.time;
        } else if room {
            let by_name = unit.endings.entry(exit.end).or_default();
            let ending = Ending { count: 1, first: exit.time, last: exit.time };
            by_name.insert(exit.process.command.to_owned(), ending);
            self.endings += 1;
        } else {
            unit.endings_omitted += 1;
        }
    }

    /// The units, the busiest first, and how many events are of units that there was no room for.
    pub(crate) fn finish(self) -> (Vec<UnitActivity>, u64) {
        let mut units: Vec<UnitActivity> =
            self.units.into_iter().map(|(name, unit)| unit.finish(&name)).collect();
        let busy = |unit: &UnitActivity| {
            let counts = &unit.counts;
            counts.forks.saturating_add(counts.execs).saturating_add(counts.exits)
        };
        units.sort_by(|a, b| busy(b).cmp(&busy(a)).then_with(|| a.unit.cmp(&b.unit)));
        (units, self.omitted)
    }

    /// The place of a unit; no name stands for none.
    fn unit(&mut self, name: Option<&UnitName>) -> Option<&mut Unit> {
        let name = name.map_or("", UnitName::as_str);
        if !self.units.contains_key(name) {
            if self.units.len() >= MOST_UNITS {
                self.omitted += 1;
                return None;
            }
            self.units.insert(name.to_owned(), Unit::default());
        }
        self.units.get_mut(name)
    }
}

impl Unit {
    fn finish(self, name: &str) -> UnitActivity {
        let mut programs: Vec<ProgramActivity> = self
            .programs
            .into_iter()
            .map(|(file, execs)| ProgramActivity { file: text(&file), execs })
            .collect();
        programs.sort_by(|a, b| b.execs.cmp(&a.execs).then_with(|| a.file.cmp(&b.file)));
        let more: u64 = programs.iter().skip(SHOWN_PROGRAMS).map(|program| program.execs).sum();
        programs.truncate(SHOWN_PROGRAMS);

        let mut endings: Vec<RepeatedEnding> = Vec::new();
        for (end, by_name) in self.endings {
            endings.extend(by_name.into_iter().map(|(command, ending)| RepeatedEnding {
                command: text(&command),
                end,
                count: ending.count,
                first: ending.first,
                last: ending.last,
            }));
        }
        endings.sort_by(|a, b| {
            let by_name = || (&a.command, a.end).cmp(&(&b.command, b.end));
            b.count.cmp(&a.count).then_with(by_name)
        });
        let more_ends: u64 = endings.iter().skip(SHOWN_ENDINGS).map(|ending| ending.count).sum();
        endings.truncate(SHOWN_ENDINGS);
        UnitActivity {
            unit: (!name.is_empty()).then(|| UnitName::new(name)),
            counts: self.counts,
            programs,
            programs_omitted: self.programs_omitted.saturating_add(more),
            endings,
            endings_omitted: self.endings_omitted.saturating_add(more_ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PeakRss;

    use super::*;
    use crate::event::Process;

    fn an_exit(command: &[u8], second: u64, end: ProcessEnd) -> Exit<'_> {
        Exit {
            time: Timestamp::from_usec(second * 1_000_000),
            process: Process { pid: 7, parent: 1, uid: 0, command, group: None },
            program: None,
            never_execed: false,
            end,
            lifetime_usec: second * 400_000,
            peak_rss: PeakRss { bytes: 0, at_most: true },
            signal: None,
            oom_victim: false,
        }
    }

    #[test]
    fn ends_are_sorted_by_how_often() {
        let (failed, killed) =
            (ProcessEnd::Exited { status: 3 }, ProcessEnd::Killed { signal: 9, core: false });
        let unit = UnitName::from("a.service");
        let mut counts = Counts::default();
        for (second, end) in
            [(1, failed), (2, killed), (3, killed), (4, ProcessEnd::Exited { status: 0 })]
        {
            counts.exit(Some(&unit), &an_exit(b"worker", second, end));
        }
        counts.exit(None, &an_exit(b"other", 1, failed));
        counts.fork(Some(&unit));
        let totals = counts.totals;
        assert_eq!((totals.exits, totals.failures, totals.killed), (5, 2, 2));
        assert_eq!((totals.short_lived, totals.forks), (3, 1));
        let (units, omitted) = counts.finish();
        assert_eq!((units.len(), omitted), (2, 0));
        let [first, none] = &units[..] else { panic!("{units:?}") };
        assert_eq!((&first.unit, &none.unit), (&Some(unit), &None));
        assert_eq!((first.counts.exits, first.endings.len()), (4, 2));
        let most = &first.endings[0];
        assert_eq!((most.command.as_str(), most.end, most.count), ("worker", killed, 2));
        assert_eq!(most.first.as_usec() + 1_000_000, most.last.as_usec());
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let mut counts = Counts::default();
        for number in 0..MOST_PROGRAMS + 10 {
            counts.exec(None, format!("/tmp/{number}").as_bytes());
            let unit = UnitName::new(format!("{number}.service"));
            counts.fork(Some(&unit));
        }
        let (units, omitted) = counts.finish();
        assert_eq!(units.len(), MOST_UNITS);
        // All but those of the first units, one of which is none.
        assert_eq!(usize::try_from(omitted).unwrap(), MOST_PROGRAMS + 10 - (MOST_UNITS - 1));
        let none = units.iter().find(|unit| unit.unit.is_none()).unwrap();
        assert_eq!(none.programs.len(), SHOWN_PROGRAMS);
        let shown: u64 = none.programs.iter().map(|program| program.execs).sum();
        assert_eq!(shown + none.programs_omitted, none.counts.execs);
    }
}

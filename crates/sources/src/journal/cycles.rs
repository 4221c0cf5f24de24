//! Ordering cycles that systemd met, from what it logged when it dropped a job to break one.
//!
//! The one place where the wording of a message counts: before version 258 these messages have no
//! message id, and those of the boot have no fields at all, for systemd logs them to the kernel
//! before journald runs. So nothing is believed but entries that systemd itself wrote: of PID 1, by
//! the function that breaks cycles, or through `/dev/kmsg`, which only root can write, under its name
//! (the kernel's own messages always have the name `kernel`). The wording is that of versions 229 to
//! 259, `src/core/transaction.c`; it is not translated.

use std::ops::ControlFlow;
use std::time::Instant;

use sysdiag_model::snapshot::BrokenCycle;
use sysdiag_model::{Gap, Timestamp, UnitName, Why};

use super::line::{cut, lossy};
use super::messages::{CYCLE_BROKEN, CYCLE_FOUND, CYCLE_NOT_BROKEN};
use super::reader::{Entry, Faults, Reader, Select};

/// The function that logs it, in the field `CODE_FUNC`.
const FUNCTION: &str = "transaction_verify_order_one";
/// Lines that are read at most, newest first, of each of the two ways.
const MAX_LINES: usize = 2000;
/// Cycles that are kept, the newest.
const MAX_CYCLES: usize = 100;
/// Units of one ring that are kept.
const MAX_UNITS: usize = 1000;
/// Longest message, in bytes: two names of units and some words, or a ring on one line.
const MAX_MESSAGE: usize = 64 << 10;

/// The cycles of the boot, oldest first.
pub(super) fn read(
    reader: &Reader,
    boot_id: &str,
    deadline: Instant,
) -> (Vec<BrokenCycle>, Vec<Gap>) {
    let mut faults = Faults::default();
    let by_pid_1 = Select {
        all: vec![("_BOOT_ID", boot_id), ("_PID", "1")],
        any: vec![
            vec![("CODE_FUNC", FUNCTION)],
            vec![("MESSAGE_ID", CYCLE_FOUND)],
            vec![("MESSAGE_ID", CYCLE_BROKEN)],
            vec![("MESSAGE_ID", CYCLE_NOT_BROKEN)],
        ],
        ..Select::default()
    };
    let over_kernel = Select {
        all: vec![
            ("_BOOT_ID", boot_id),
            ("_TRANSPORT", "kernel"),
            ("SYSLOG_IDENTIFIER", "systemd"),
        ],
        // Errors and warnings: the rest of a boot need not be read.
        any: vec![vec![("PRIORITY", "3")], vec![("PRIORITY", "4")]],
        ..Select::default()
    };
    let (mut cycles, mut cut_off) = (Vec::new(), false);
    for (select, through_kernel) in [(over_kernel, true), (by_pid_1, false)] {
        let mut lines = Vec::new();
        reader.newest_first(&select, deadline, &mut faults, |entry| {
            if lines.len() >= MAX_LINES {
                cut_off = true;
                return ControlFlow::Break(());
            }
            if is_systemds(entry, through_kernel) {
                lines.push(line(entry));
            }
            ControlFlow::Continue(())
        });
        cycles.extend(assemble(lines.into_iter().rev(), through_kernel));
    }
    cycles.sort_by_key(|cycle| cycle.time);
    let too_many = cycles.len().saturating_sub(MAX_CYCLES);
    cycles.drain(..too_many);
    let mut gaps = faults.into_gaps("ordering cycles in the journal");
    if cut_off || too_many > 0 {
        let hint = format!("only the newest {MAX_CYCLES} and {MAX_LINES} lines of them are read");
        gaps.push(Gap::new("older ordering cycles in the journal", Why::Disabled, hint));
    }
    (cycles, gaps)
}

/// Whether systemd wrote it, by fields that nobody but journald, or root by way of the kernel, sets.
fn is_systemds(entry: &Entry<'_>, through_kernel: bool) -> bool {
    if through_kernel {
        entry.is("SYSLOG_PID", "1")
    } else {
        entry.is("_UID", "0") && entry.is("_TRANSPORT", "journal")
    }
}

struct Line {
    time: Timestamp,
    message: String,
    cursor: String,
}

fn line(entry: &Entry<'_>) -> Line {
    let message = entry.bytes("MESSAGE").unwrap_or_default();
    let message = cut(&lossy(message, MAX_MESSAGE), MAX_MESSAGE);
    Line { time: entry.time(), message, cursor: entry.cursor() }
}

/// What a line tells.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// The ring, from here on.
    Begin(&'a str),
    Next(&'a str),
    /// All of it at once, as version 258 and later do.
    Whole(Vec<&'a str>),
    Dropped(&'a str, &'a str),
    Refused,
}

/// Puts lines, oldest first, together to the cycles they tell of.
fn assemble(lines: impl Iterator<Item = Line>, through_kernel: bool) -> Vec<BrokenCycle> {
    let mut cycles = Vec::new();
    // The unit that all lines of one cycle begin with, and the ring so far.
    let mut open: Option<(String, Vec<UnitName>)> = None;
    for line in lines {
        let Some((unit, step)) = parse(&line.message) else { continue };
        let known = open.take().filter(|(about, _)| about == unit);
        let mut ring = known.map(|(_, ring)| ring).unwrap_or_default();
        let (dropped, job_type) = match step {
            Step::Begin(first) => {
                open = Some((unit.to_owned(), vec![first.into()]));
                continue;
            }
            Step::Whole(units) => {
                let units = units.into_iter().take(MAX_UNITS).map(UnitName::from).collect();
                open = Some((unit.to_owned(), units));
                continue;
            }
            Step::Next(next) => {
                // One that lost its beginning is begun anew: it shows as not whole.
                if ring.len() < MAX_UNITS {
                    ring.push(next.into());
                }
                open = Some((unit.to_owned(), ring));
                continue;
            }
            Step::Dropped(dropped, job_type) => {
                (Some(UnitName::from(dropped)), Some(job_type.to_owned()))
            }
            Step::Refused => (None, None),
        };
        // The walk over the ring ends at the unit that the lines are about.
        let whole = ring.len() > 1 && ring.iter().any(|name| *name == unit);
        if !whole {
            let known = ring.into_iter().chain(dropped.clone()).chain([UnitName::from(unit)]);
            ring = known.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        }
        cycles.push(BrokenCycle {
            time: line.time,
            units: ring,
            whole,
            dropped,
            job_type,
            through_kernel,
            cursor: Some(line.cursor),
        });
    }
    cycles
}

/// The unit that a line is about, and what it tells.
fn parse(message: &str) -> Option<(&str, Step<'_>)> {
    // No name of a unit has a blank in it.
    let (unit, text) = message.split_once(": ")?;
    if unit.contains(' ') {
        return None;
    }
    let step = if let Some(job) = text.strip_prefix("Found ordering cycle on ") {
        Step::Begin(job_of(job)?.0)
    } else if let Some(job) = text.strip_prefix("Found dependency on ") {
        Step::Next(job_of(job)?.0)
    } else if let Some(ring) = text.strip_prefix("Found ordering cycle: ") {
        // a/start after b/start after c/start - after a
        let (ring, _) = ring.split_once(" - after ")?;
        let jobs = ring.split(" after ").map(job_of);
        Step::Whole(jobs.map(|job| job.map(|(unit, _)| unit)).collect::<Option<_>>()?)
    } else if let Some(rest) = text.strip_prefix("Job ") {
        let (job, _) = rest.split_once(" deleted to break ordering cycle")?;
        let (dropped, job_type) = job_of(job)?;
        Step::Dropped(dropped, job_type)
    } else if text.starts_with("Unable to break cycle") {
        Step::Refused
    } else {
        return None;
    };
    Some((unit, step))
}

/// `a.service/start`.
fn job_of(text: &str) -> Option<(&str, &str)> {
    let (unit, job_type) = text.rsplit_once('/')?;
    let plain = |text: &str| !text.is_empty() && !text.contains([' ', '/']);
    (plain(unit) && plain(job_type)).then_some((unit, job_type))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(messages: &[&str]) -> Vec<BrokenCycle> {
        let lines = messages.iter().zip(1..).map(|(message, usec)| Line {
            time: Timestamp::from_usec(usec),
            message: (*message).to_owned(),
            cursor: String::new(),
        });
        assemble(lines, true)
    }

    fn names(cycle: &BrokenCycle) -> Vec<&str> {
        cycle.units.iter().map(UnitName::as_str).collect()
    }

    #[test]
    fn the_lines_of_252_and_257() {
        // e2e-cycle-c is after a, a after b, b after c.
        let found = told(&[
            "Queued start job for default target graphical.target.",
            "c.service: Found ordering cycle on a.service/start",
            "c.service: Found dependency on b.service/start",
            "c.service: Found dependency on c.service/start",
            "c.service: Job a.service/start deleted to break ordering cycle starting with c.service/start",
            "system.slice: Created slice",
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(names(&found[0]), ["a.service", "b.service", "c.service"]);
        assert_eq!(found[0].dropped, Some("a.service".into()));
        assert_eq!(found[0].job_type.as_deref(), Some("start"));
        assert!(found[0].whole && found[0].through_kernel);
        assert_eq!(found[0].time, Timestamp::from_usec(5));
    }

    #[test]
    fn the_lines_of_258_and_later() {
        let found = told(&[
            "m.target: Found ordering cycle: a.service/start after b.service/start after m.target/start - after a.service",
            "m.target: Job a.service/start deleted to break ordering cycle",
            "m.target: Found ordering cycle: x.service/stop after m.target/stop - after x.service",
            "m.target: Job x.service/stop deleted to break ordering cycle starting with m.target/stop",
        ]);
        assert_eq!(names(&found[0]), ["a.service", "b.service", "m.target"]);
        assert_eq!(names(&found[1]), ["x.service", "m.target"]);
        assert_eq!(found[1].job_type.as_deref(), Some("stop"));
        assert!(found.iter().all(|cycle| cycle.whole));
    }

    #[test]
    fn one_that_cannot_be_broken() {
        let found = told(&[
            "a.service: Found ordering cycle on b.service/start",
            "a.service: Found dependency on a.service/start",
            "a.service: Unable to break cycle starting with a.service/start",
        ]);
        assert_eq!(found[0].dropped, None);
        assert_eq!(names(&found[0]), ["b.service", "a.service"]);
    }

    #[test]
    fn lost_lines_leave_a_ring_that_is_not_whole() {
        let end = "c.service: Job a.service/start deleted to break ordering cycle starting with c.service/start";
        let found = told(&[end]);
        assert_eq!((names(&found[0]), found[0].whole), (vec!["a.service", "c.service"], false));
        let found = told(&["c.service: Found ordering cycle on a.service/start", end]);
        assert!(!found[0].whole);
        // The lines of another cycle are not mixed in.
        let found = told(&[
            "x.service: Found ordering cycle on y.service/start",
            "x.service: Found dependency on x.service/start",
            end,
        ]);
        assert_eq!((names(&found[0]), found[0].whole), (vec!["a.service", "c.service"], false));
    }

    #[test]
    fn other_messages_are_nothing() {
        for message in [
            "",
            "a.service: Failed with result 'exit-code'.",
            "Found ordering cycle on a.service/start",
            "a b.service: Found ordering cycle on a.service/start",
            "a.service: Found ordering cycle on a.service",
            "a.service: Found ordering cycle: a.service/start after ",
            "a.service: Job a b/start deleted to break ordering cycle",
        ] {
            assert_eq!(parse(message), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_lines_will_do(messages in prop::collection::vec(
            "[ab]\\.service: (Found (ordering cycle|dependency) on|Job|Found ordering cycle:) [ab/ ]{0,9}( deleted to break ordering cycle)?",
            0..12,
        )) {
            let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
            for cycle in told(&messages) {
                prop_assert!(!cycle.units.is_empty());
            }
        }
    }
}

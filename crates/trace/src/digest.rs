//! The bounded digest of events that a snapshot holds: complete counts, and single events as far as
//! there is room, what looks odd before all others.

use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::{ProcessEnd, Trace, TraceOmitted, TracedExec, TracedExit};

use crate::counts::Counts;
use crate::event::{Event, Exec, Exit, Mask};
use crate::tracer::Tracer;

/// Events that are kept of each kind: odd ones, and others.
const MOST_ODD: usize = 200;
const MOST_OTHER: usize = 100;
/// Bytes of arguments of each.
const MOST_ARGUMENTS: usize = 1024;

/// Events of one kind.
#[derive(Debug)]
struct Kept<T> {
    odd: Vec<T>,
    other: Vec<T>,
    omitted: u64,
}

/// What was seen so far.
#[derive(Debug)]
pub struct Digest {
    counts: Counts,
    execs: Kept<TracedExec>,
    exits: Kept<TracedExit>,
    mask: Mask,
}

impl<T> Kept<T> {
    const fn new() -> Self {
        Self { odd: Vec::new(), other: Vec::new(), omitted: 0 }
    }

    fn add(&mut self, is_odd: bool, make: impl FnOnce() -> T) {
        let (list, most) =
            if is_odd { (&mut self.odd, MOST_ODD) } else { (&mut self.other, MOST_OTHER) };
        if list.len() < most {
            list.push(make());
        } else {
            self.omitted += 1;
        }
    }

    fn by_time(self, time: impl Fn(&T) -> Timestamp) -> Vec<T> {
        let mut all = self.odd;
        all.extend(self.other);
        all.sort_by_key(time);
        all
    }
}

impl Digest {
    /// Of nothing yet; `mask` takes secrets out of arguments.
    pub fn new(mask: Mask) -> Self {
        Self { counts: Counts::default(), execs: Kept::new(), exits: Kept::new(), mask }
    }

    /// Takes an event in.
    pub fn add(&mut self, event: &Event<'_>) {
        let mask = self.mask;
        match event {
            Event::Fork(fork) => self.counts.fork(fork.group.and_then(|group| group.unit())),
            Event::Exec(exec) => {
                self.counts.exec(exec.process.unit(), exec.program.file);
                self.execs.add(is_odd_exec(exec), || exec.to_model(mask, MOST_ARGUMENTS));
            }
            Event::Exit(exit) => {
                self.counts.exit(exit.process.unit(), exit);
                self.exits.add(is_odd_exit(exit), || exit.to_model(mask, MOST_ARGUMENTS));
            }
            // What they are about is joined to exits.
            Event::Signal(..) | Event::OomVictim(_) => {}
        }
    }

    /// All of it, of a tracer that was detached.
    pub fn finish(self, tracer: &Tracer) -> Trace {
        let totals = self.counts.totals;
        let (units, unit_events) = self.counts.finish();
        let omitted =
            TraceOmitted { execs: self.execs.omitted, exits: self.exits.omitted, unit_events };
        let duration_usec = tracer.duration_usec();
        Trace {
            started: tracer.started(),
            ended: tracer.started().plus_usec(duration_usec),
            duration_usec,
            totals,
            units,
            execs: self.execs.by_time(|exec| exec.time),
            exits: self.exits.by_time(|exit| exit.time),
            lost: tracer.lost(),
            omitted,
        }
    }
}

/// Of a file that was deleted or that anybody may change.
fn is_odd_exec(exec: &Exec<'_>) -> bool {
    exec.deleted || exec.writable_by_all || exec.folder_writable_by_all
}

/// Failed, or asked for by a process of another unit.
fn is_odd_exit(exit: &Exit<'_>) -> bool {
    let failed = exit.end != ProcessEnd::Exited { status: 0 };
    let own = exit.process.unit();
    failed || exit.oom_victim || exit.signal.is_some_and(|signal| signal.sender.unit() != own)
}

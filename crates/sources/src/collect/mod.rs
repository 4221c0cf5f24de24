//! All sources at once: a thread and a deadline each, results by value through one channel.
//!
//! A source that has not answered at its deadline is left behind, not waited for: its thread may
//! hang in the kernel for ever without holding up the report. What had come of it by then is kept.

mod parts;
mod threads;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use sysdiag_model::{Snapshot, snapshot};

use self::parts::Parts;
use crate::{Options, Root, clock, host};

/// Answers on the way from the threads that may still be taken in after the deadline: those that
/// ended by the deadline themselves and say what they were waiting for.
const GRACE: Duration = Duration::from_millis(250);
/// How often the progress callback is called while nothing comes.
const TICK: Duration = Duration::from_millis(250);

/// A source that has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Name of the source.
    pub source: &'static str,
    /// How long it has been waited for.
    pub elapsed: Duration,
}

/// Reads the host. `progress` is called several times a second with the source that is waited for.
pub fn collect(root: &Root, options: &Options, progress: &mut dyn FnMut(Progress)) -> Snapshot {
    let begin = Instant::now();
    let deadline = begin + options.deadline;
    let host = host::read(root);
    let (sender, receiver) = mpsc::channel();
    let mut parts = Parts::start(root, options, &host, begin, deadline, &sender);
    // The threads hold the other senders: when all have ended, so does the channel.
    drop(sender);
    while !parts.complete() {
        let now = Instant::now();
        let left = (deadline + GRACE).saturating_duration_since(now);
        if left.is_zero() {
            break;
        }
        match receiver.recv_timeout(left.min(TICK)) {
            Ok(message) => parts.take(message),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                parts.tell_if_ready();
                if let Some(source) = parts.waiting_for() {
                    progress(Progress { source, elapsed: begin.elapsed() });
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let clock = clock::read();
    parts.into_snapshot(root, host, clock)
}

impl Parts {
    fn into_snapshot(self, root: &Root, host: snapshot::Host, clock: snapshot::Clock) -> Snapshot {
        let (systemd, cgroups, system, processes, journal, unit_files, ordering, timings) =
            self.finish(root);
        Snapshot {
            format: snapshot::FORMAT,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            clock,
            host,
            systemd,
            cgroups,
            system,
            processes,
            journal,
            unit_files,
            ordering,
            trace: snapshot::not_traced(),
            timings,
        }
    }
}

//! The job queue: which job waits for which, by the rules of `systemd.unit(5)`, Before= and After=.
//!
//! A start waits for any job of a unit that it comes after. A stop comes first, also before the
//! start of a unit that it is ordered after. What is ordered by details that were not read is not
//! known, and then nothing is concluded.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::UnitName;
use sysdiag_model::snapshot::Job;

use crate::units::Units;

/// Jobs whose order is looked at: more are waiting at once only while a host boots.
const MOST_JOBS: usize = 2_000;
/// Orders between jobs that are followed; beyond that nothing is concluded.
const MOST_ORDERS: usize = 100_000;

/// The queue with its order.
#[derive(Debug)]
pub(crate) struct Queue<'a> {
    jobs: Vec<&'a Job>,
    /// By index of the job: those it waits for directly.
    waits_for: Vec<Vec<usize>>,
    /// By index of the job: those that wait for it directly.
    holds_up: Vec<Vec<usize>>,
    /// By index of the job: whether it can come to an end, or that is not known.
    may_end: Vec<bool>,
}

impl<'a> Queue<'a> {
    pub(crate) fn of(units: &Units<'a>) -> Self {
        let jobs: Vec<&Job> = units.systemd.jobs.iter().take(MOST_JOBS).collect();
        let index: BTreeMap<&str, usize> =
            jobs.iter().enumerate().map(|(index, job)| (job.unit.as_str(), index)).collect();
        let mut waits_for: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); jobs.len()];
        let mut known = vec![false; jobs.len()];
        let mut orders = 0_usize;
        for (at, job) in jobs.iter().enumerate() {
            let Some(detail) = units.detail(job.unit.as_str()) else { continue };
            if let Some(known) = known.get_mut(at) {
                *known = true;
            }
            // Each edge is in the properties of both units: one of them may not have been read.
            for (property, at_is_later) in [("After", true), ("Before", false)] {
                let others = detail.dependencies.get(property).into_iter().flatten();
                let others = others.filter_map(|other| index.get(other.as_str()).copied());
                for other in others.filter(|other| *other != at) {
                    orders += 1;
                    if orders > MOST_ORDERS {
                        return Self::unknown(jobs);
                    }
                    let (early, late) = if at_is_later { (other, at) } else { (at, other) };
                    let Some((waiting, first)) = in_order(&jobs, early, late) else { continue };
                    if let Some(waits_for) = waits_for.get_mut(waiting) {
                        waits_for.insert(first);
                    }
                }
            }
        }
        let waits_for: Vec<Vec<usize>> =
            waits_for.into_iter().map(|set| set.into_iter().collect()).collect();
        let mut holds_up = vec![Vec::new(); jobs.len()];
        for (waiting, firsts) in waits_for.iter().enumerate() {
            for first in firsts {
                if let Some(holds_up) = holds_up.get_mut(*first) {
                    holds_up.push(waiting);
                }
            }
        }
        let mut queue = Self { jobs, waits_for, holds_up, may_end: Vec::new() };
        queue.may_end = queue.with_an_end(&known);
        queue
    }

    /// A queue without an order.
    fn unknown(jobs: Vec<&'a Job>) -> Self {
        let none = vec![Vec::new(); jobs.len()];
        let may_end = vec![true; jobs.len()];
        Self { jobs, waits_for: none.clone(), holds_up: none, may_end }
    }

    /// By index of the job: whether it runs, may run next, or waits for one of those, or for one
    /// of which not all is known.
    fn with_an_end(&self, known: &[bool]) -> Vec<bool> {
        let open = self.jobs.iter().enumerate().filter(|(at, job)| {
            let first = self.waits_for.get(*at).is_none_or(Vec::is_empty);
            job.state != "waiting" || first || !known.get(*at).copied().unwrap_or(false)
        });
        let mut may_end = vec![false; self.jobs.len()];
        let mut ahead: Vec<usize> = open.map(|(at, _)| at).collect();
        while let Some(at) = ahead.pop() {
            if let Some(seen) = may_end.get_mut(at).filter(|seen| !**seen) {
                *seen = true;
                ahead.extend(self.holds_up.get(at).into_iter().flatten());
            }
        }
        may_end
    }

    /// The jobs that wait, with their places.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (usize, &'a Job)> + '_ {
        self.jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.state == "waiting")
            .map(|(at, job)| (at, *job))
    }

    /// The running jobs that this one waits for, directly or behind others, by unit.
    pub(crate) fn behind(&self, at: usize) -> Vec<&'a Job> {
        let ahead = self.ahead_of(at);
        let jobs = ahead.into_iter().filter_map(|index| self.jobs.get(index).copied());
        jobs.filter(|job| job.state == "running").collect()
    }

    /// The units whose jobs wait for that of `unit`, directly or behind others, by name.
    pub(crate) fn held_up_by(&self, unit: &UnitName) -> Vec<&'a UnitName> {
        let Some(target) = self.jobs.iter().position(|job| job.unit == *unit) else {
            return Vec::new();
        };
        let mut held = BTreeSet::new();
        let mut open = vec![target];
        while let Some(first) = open.pop() {
            for waiting in self.holds_up.get(first).into_iter().flatten() {
                if *waiting != target && held.insert(*waiting) {
                    open.push(*waiting);
                }
            }
        }
        held.into_iter().filter_map(|at| self.jobs.get(at)).map(|job| &job.unit).collect()
    }

    /// Whether this job, which waits, can ever run: if not, it and all that it waits for wait for
    /// each other.
    pub(crate) fn may_end(&self, at: usize) -> bool {
        self.may_end.get(at).copied().unwrap_or(true)
    }

    /// Everything a job waits for, directly or behind others; itself too if it does.
    fn ahead_of(&self, at: usize) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut open = vec![at];
        while let Some(index) = open.pop() {
            for next in self.waits_for.get(index).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        seen
    }
}

/// Which of the jobs of two units, `early` before `late`, waits for which.
fn in_order(jobs: &[&Job], early: usize, late: usize) -> Option<(usize, usize)> {
    let (first, second) = (jobs.get(early)?, jobs.get(late)?);
    if first.job_type == "nop" || second.job_type == "nop" {
        return None;
    }
    let stops = matches!(second.job_type.as_str(), "stop" | "restart");
    let (waiting, ahead) = if stops { (early, late) } else { (late, early) };
    (jobs.get(waiting)?.state == "waiting").then_some((waiting, ahead))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{healthy, systemd_of};
    use crate::testing_events::depends;

    fn with(jobs: &[(&str, &str, &str)], after: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = healthy();
        for (id, (unit, job_type, state)) in (1..).zip(jobs) {
            systemd_of(&mut snapshot).jobs.push(Job {
                id,
                unit: (*unit).into(),
                job_type: (*job_type).to_owned(),
                state: (*state).to_owned(),
            });
            systemd_of(&mut snapshot).details.entry((*unit).into()).or_default();
        }
        for (late, early) in after {
            depends(&mut snapshot, late, "After", early);
        }
        snapshot
    }

    fn ends(snapshot: &Snapshot) -> Vec<bool> {
        let queue = Queue::of(&Units::of(snapshot).unwrap());
        queue.waiting().map(|(at, _)| queue.may_end(at)).collect()
    }

    const RING: [(&str, &str); 2] = [("a", "b"), ("b", "a")];

    #[test]
    fn starts_that_wait_for_each_other_never_end() {
        let both = [("a", "start", "waiting"), ("b", "start", "waiting")];
        assert_eq!(ends(&with(&both, &RING)), [false, false]);
        // One that is behind them as well.
        let three = [both[0], both[1], ("c", "start", "waiting")];
        let edges = [RING[0], RING[1], ("c", "a")];
        assert_eq!(ends(&with(&three, &edges)), [false; 3]);
        assert_eq!(ends(&with(&both, &RING[..1])), [true, true]);
    }

    #[test]
    fn what_waits_for_a_running_job_may_come_to_an_end() {
        let jobs =
            [("a", "start", "waiting"), ("b", "start", "waiting"), ("c", "start", "running")];
        let edges = [RING[0], RING[1], ("b", "c")];
        assert_eq!(ends(&with(&jobs, &edges)), [true, true]);
        let snapshot = with(&jobs, &edges);
        let queue = Queue::of(&Units::of(&snapshot).unwrap());
        assert_eq!(queue.held_up_by(&"c".into()), ["a", "b"]);
        assert_eq!(queue.behind(0)[0].unit, "c");
    }

    #[test]
    fn a_stop_comes_first_and_waits_in_reverse_order() {
        // b after a: a is stopped after b, and a start of a waits for the stop of b.
        for (first, second, waits) in [
            ("start", "start", vec!["b"]),
            ("stop", "stop", vec!["a"]),
            ("start", "stop", vec!["a"]),
            ("stop", "start", vec!["b"]),
            ("nop", "start", vec![]),
        ] {
            let jobs = [("a", first, "waiting"), ("b", second, "waiting")];
            let snapshot = with(&jobs, &[("b", "a")]);
            let queue = Queue::of(&Units::of(&snapshot).unwrap());
            let waiting = queue.waiting().filter(|(at, _)| !queue.ahead_of(*at).is_empty());
            let waiting: Vec<&str> = waiting.map(|(_, job)| job.unit.as_str()).collect();
            assert_eq!(waiting, waits, "{first} {second}");
        }
    }

    proptest! {
        /// By the definition: all that it waits for waits, for something, and is known.
        #[test]
        fn what_can_never_run_waits_for_nothing_else(
            running in prop::collection::vec(any::<bool>(), 6),
            read in prop::collection::vec(any::<bool>(), 6),
            after in prop::collection::vec((0..6_usize, 0..6_usize), 0..14),
        ) {
            let names = ["a", "b", "c", "d", "e", "f"];
            let state = |running: &bool| if *running { "running" } else { "waiting" };
            let jobs: Vec<_> =
                names.iter().zip(&running).map(|(name, it)| (*name, "start", state(it))).collect();
            let edges: Vec<_> = after.iter().map(|(a, b)| (names[*a], names[*b])).collect();
            let mut snapshot = with(&jobs, &edges);
            for (name, read) in names.iter().zip(&read) {
                if !read {
                    systemd_of(&mut snapshot).details.remove(*name);
                }
            }
            let queue = Queue::of(&Units::of(&snapshot).unwrap());
            for (at, _) in queue.waiting() {
                let closed = |at: usize| {
                    !running[at] && read[at] && !queue.waits_for[at].is_empty()
                };
                let never = closed(at) && queue.ahead_of(at).into_iter().all(closed);
                prop_assert_eq!(queue.may_end(at), !never);
                for (held, _) in queue.waiting() {
                    let held_up = queue.held_up_by(&queue.jobs[at].unit);
                    let waits = held != at && queue.ahead_of(held).contains(&at);
                    prop_assert_eq!(held_up.contains(&&queue.jobs[held].unit), waits);
                }
            }
        }
    }

    #[test]
    fn nothing_is_concluded_from_what_was_not_read() {
        let both = [("a", "start", "waiting"), ("b", "start", "waiting")];
        let mut snapshot = with(&both, &RING);
        systemd_of(&mut snapshot).details.remove("b");
        assert_eq!(ends(&snapshot), [true, true]);
    }
}

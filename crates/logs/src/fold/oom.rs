//! The lines of an OOM kill, put together: who asked, whose limit, who was killed.
//!
//! The kernel does one OOM kill at a time (`oom_lock`), so what precedes a kill belongs to it; with
//! `memory.oom.group` several kills follow, and all of it belongs to each of them. systemd says later
//! that it happened in a unit.

use sysdiag_model::UnitName;
use sysdiag_model::snapshot::OomKill;

use super::cgroup;
use super::live::Seen;
use crate::catalogue::OomPart;
use crate::event::When;

/// The report of a kill takes this long at most; a large host has many processes to list.
const MOST_REPORT_SECONDS: u32 = 60;
/// A limit of `max` is printed as the largest number of pages, in kB, which depends on the size of a
/// page: 9007199254740988 with 4 KiB, 9007199254740928 with 64 KiB.
const NO_LIMIT_KB: u64 = 9_007_199_254_740_000;

/// What was said of the kill that is to come.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// When its last line came.
    when: Option<When>,
    said: OomKill,
    /// A kill came already.
    killed: bool,
    /// More are to come.
    group: bool,
}

impl Report {
    /// Another line before the kill.
    pub(super) fn take(&mut self, part: OomPart, seen: &Seen) {
        self.expire(seen.when);
        if part == OomPart::Invoked || (self.killed && part != OomPart::Group) {
            *self = Self::default();
        }
        self.when = Some(seen.when);
        let kib = |name| seen.capture(name).and_then(|text| text.parse::<u64>().ok());
        let said = &mut self.said;
        match part {
            OomPart::Invoked => {
                said.requested_by = seen.capture("comm").map(str::to_owned);
                said.order = seen.capture("order").and_then(|text| text.parse().ok());
            }
            OomPart::Usage => {
                said.usage_bytes = kib("usage_kb").map(|kb| kb.saturating_mul(1024));
                let limit = kib("limit_kb").filter(|kb| *kb < NO_LIMIT_KB);
                said.limit_bytes = limit.map(|kb| kb.saturating_mul(1024));
            }
            OomPart::Constraint => {
                said.constraint = seen.capture("constraint").map(str::to_owned);
                said.limited_cgroup = seen.capture("oom_cgroup").map(str::to_owned);
                said.limited_unit = said.limited_cgroup.as_deref().and_then(unit);
                self.is_in(seen.capture("cgroup"));
            }
            OomPart::Group => {
                self.group = true;
                self.is_in(seen.capture("cgroup"));
            }
            OomPart::Kill | OomPart::Unit => {}
        }
    }

    fn is_in(&mut self, path: Option<&str>) {
        let Some(path) = path else { return };
        let units = cgroup::units(path);
        self.said.cgroup = Some(path.to_owned());
        self.said.unit = units.system;
        self.said.inner_unit = units.inner;
    }

    /// The kill, with all that was said before it.
    pub(super) fn kill(&mut self, seen: &Seen) -> OomKill {
        self.expire(seen.when);
        let number = |name| seen.capture(name).and_then(|text| text.parse().ok());
        if self.killed && !self.group {
            *self = Self::default();
        }
        let mut kill = self.said.clone();
        seen.capture("comm").unwrap_or_default().clone_into(&mut kill.victim);
        kill.victim_pid = number("pid");
        kill.victim_uid = number("uid");
        let anon = seen.capture("anon_kb").and_then(|text| text.parse::<u64>().ok());
        kill.victim_anon_bytes = anon.map(|kb| kb.saturating_mul(1024));
        self.killed = true;
        self.when = Some(seen.when);
        kill
    }

    fn expire(&mut self, now: When) {
        if self.when.is_some_and(|last| !now.within(last, MOST_REPORT_SECONDS)) {
            *self = Self::default();
        }
    }
}

fn unit(path: &str) -> Option<UnitName> {
    cgroup::units(path).system
}

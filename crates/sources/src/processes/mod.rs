//! Every process in `/proc`, `proc(5)`: one handle per process, two or three files each.
//!
//! Threads are not looked at, nor environments or open files.

mod cgroup;
mod deleted;
mod list;
mod pss;
mod stat;
mod visible;
mod watch;

use std::time::Instant;

use sysdiag_model::snapshot::Processes;
use sysdiag_model::{Gap, Probe, Why};

pub use self::cgroup::{join_cgroups, read_cgroups};
use self::list::Listed;
pub(crate) use self::visible::hide_option;
use crate::{Root, clock, file, gap};

/// The processes that this user can see, by PID.
///
/// cgroups are left to [`join_cgroups`] or [`read_cgroups`]. PSS is read as long as it is cheap
/// (see `pss`) and at most up to `deadline`. Zombies and uninterruptible processes, if there are
/// any, are watched for up to two seconds.
pub fn read(root: &Root, deadline: Instant) -> Probe<Processes> {
    let at_usec = clock::monotonic_usec();
    let begin = Instant::now();
    let proc = match file::open_dir(root, "/proc") {
        Ok(proc) => proc,
        Err(error) => return Probe::Unknown(gap::from_io("processes", &error)),
    };
    let Listed { mut processes, mut gaps, unreadable } = match list::read(&proc) {
        Ok(listed) => listed,
        Err(errno) => return Probe::Unknown(gap::from_io("processes", &errno.into())),
    };
    if processes.is_empty() && unreadable == 0 {
        return Probe::Unknown(Gap::new("processes", Why::Absent, "/proc is not mounted"));
    }
    gaps.extend(visible::hidden(root, &processes, unreadable));
    gaps.extend(pss::read(&proc, &mut processes, deadline));
    let deleted = deleted::read(root, &proc, &processes, deadline);
    let held = watch::read(&proc, &processes, &watch::LOOKS, begin, deadline);
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let processes =
        Processes { at_usec, ticks_per_second, list: processes, held: Probe::Known(held), deleted };
    Probe::with_gaps(processes, gaps)
}

#[cfg(test)]
mod tests;

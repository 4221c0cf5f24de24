//! Figures of the whole host: two samples of counters, memory, load, pressure, swap, file systems
//! and file handles. Each part is known or not by itself.

mod child;
mod clock_mark;
mod counters;
mod disks;
mod figures;
mod file_systems;
mod network;
mod remote;
mod restart;
mod usage;

use std::time::{Duration, Instant};

use sysdiag_model::snapshot::{FileSystem, Pressure, PressureKind, System, SystemCounters};
use sysdiag_model::{Gap, Probe, Why};

pub use self::child::{STATFS_CHILD, statfs_child};
use self::figures::MAX_BYTES;
pub(crate) use self::file_systems::may_never_answer;
use self::remote::Remote;
use crate::{Root, file, gap, pressure};

/// How long file systems of the network may take to say how full they are: those that live answer
/// in milliseconds, and a dead one is not to hold up the report until the deadline.
const REMOTE_WAIT: Duration = Duration::from_secs(1);

/// Between the first sample and the second.
#[derive(Debug)]
pub struct Sampler {
    root: Root,
    earlier: SystemCounters,
    file_systems: Probe<Vec<FileSystem>>,
    remote: Option<Remote>,
    started: Instant,
}

impl Sampler {
    /// Takes the first sample and asks the file systems how full they are; those that may never
    /// answer are asked by a child process, which runs this same program with [`STATFS_CHILD`].
    ///
    /// # Errors
    ///
    /// There is no `/proc`.
    pub fn start(root: &Root) -> Result<Self, Gap> {
        file::open_dir(root, "/proc").map_err(|error| gap::from_io("system", &error))?;
        let (earlier, _) = counters::read(root);
        let (file_systems, remote) = file_systems::read(root, remote::program());
        Ok(Self { root: root.clone(), earlier, file_systems, remote, started: Instant::now() })
    }

    /// Takes the second sample and reads the rest. The caller has waited in between.
    pub fn finish(self, deadline: Instant) -> Probe<System> {
        let Self { root, earlier, mut file_systems, remote, started } = self;
        let (counters, gaps) = counters::read(&root);
        let system = System {
            cpus_online: figures::cpus_online(&root),
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            page_size_bytes: rustix::param::page_size() as u64,
            earlier,
            counters,
            memory: figures::read(&root, "memory", "/proc/meminfo", figures::memory),
            load: figures::read(&root, "load", "/proc/loadavg", figures::load),
            pressure: read_pressure(&root),
            swaps: figures::read(&root, "swap", "/proc/swaps", figures::swaps),
            file_handles: figures::read(
                &root,
                "file handles",
                "/proc/sys/fs/file-nr",
                figures::file_handles,
            ),
            clock_mark: clock_mark::read(&root),
            restart: restart::read(&root),
            file_systems: {
                if let (Some(remote), Some(list)) = (remote, file_systems.value_mut()) {
                    remote.finish(list, deadline.min(started + REMOTE_WAIT));
                }
                file_systems
            },
        };
        Probe::with_gaps(system, gaps)
    }
}

/// `/proc/pressure/`: there are kernels without it, and kernels that want to be told to have it.
fn read_pressure(root: &Root) -> Probe<Pressure> {
    let mut gaps = Vec::new();
    let mut one = |name: &str| -> Option<PressureKind> {
        let path = format!("/proc/pressure/{name}");
        let what = format!("{name} pressure");
        let probe = gap::parsed(&what, &path, file::read(root, &path, MAX_BYTES), pressure::parse);
        gaps.extend(probe.gaps().iter().cloned());
        probe.value().copied()
    };
    let read = Pressure { cpu: one("cpu"), memory: one("memory"), io: one("io") };
    if gaps.len() < 3 {
        return Probe::with_gaps(read, gaps);
    }
    let absent = |gap: &Gap| matches!(gap.why, Why::Absent | Why::NotSupported);
    let why = if gaps.iter().all(absent) { Why::NotSupported } else { Why::NotPermitted };
    let hint = match why {
        Why::NotSupported => {
            "this kernel has no PSI, or wants psi=1 on its command line".to_owned()
        }
        _ => gap::or_as_root("/proc/pressure is not readable"),
    };
    Probe::Unknown(Gap::new("pressure", why, hint))
}

#[cfg(test)]
mod tests;

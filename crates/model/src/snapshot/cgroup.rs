//! The cgroup v2 tree, `Documentation/admin-guide/cgroup-v2.rst` of the kernel.
//!
//! Every file that was not there is `None`: a controller that is not enabled is not zero.

use serde::{Deserialize, Serialize};

use super::PressureKind;

/// All cgroups of the host, and an earlier sample of the counters for rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CgroupTree {
    /// Where the tree is mounted: `/sys/fs/cgroup`, `/sys/fs/cgroup/unified` on hybrid hosts.
    pub mount_point: String,
    /// `cgroup.controllers` of the root.
    pub controllers: Vec<String>,
    /// cgroup of PID 1's manager, not ending in a slash: empty on a host, a path in a container
    /// that sees its host's tree. `ControlGroup` properties are relative to it.
    pub root: String,
    /// `CLOCK_MONOTONIC` microseconds at which `groups` was read.
    pub at_usec: u64,
    /// Every cgroup, by path.
    pub groups: Vec<Cgroup>,
    /// `CLOCK_MONOTONIC` microseconds at which `earlier` was read.
    pub earlier_at_usec: u64,
    /// The counters of the same cgroups a moment before, by path.
    pub earlier: Vec<CgroupSample>,
}

impl CgroupTree {
    /// The cgroup at `path` (as `ControlGroup` gives it); `groups` is sorted by path.
    pub fn group(&self, path: &str) -> Option<&Cgroup> {
        let index = self.groups.binary_search_by(|group| group.path.as_str().cmp(path)).ok()?;
        self.groups.get(index)
    }

    /// The earlier sample at `path`; `earlier` is sorted by path.
    pub fn earlier_sample(&self, path: &str) -> Option<&CgroupSample> {
        let index = self.earlier.binary_search_by(|sample| sample.path.as_str().cmp(path)).ok()?;
        self.earlier.get(index)
    }
}

/// Counters of one cgroup that rates are computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupSample {
    /// Path below the mount, `/` for the root.
    pub path: String,
    /// Inode, to tell a cgroup from one that was made anew under the same name.
    pub inode: u64,
    /// `cpu.stat` `usage_usec`.
    pub cpu_usage_usec: Option<u64>,
    /// `io.stat` `rbytes`, all devices.
    pub io_read_bytes: Option<u64>,
    /// `io.stat` `wbytes`, all devices.
    pub io_write_bytes: Option<u64>,
}

/// One cgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cgroup {
    /// Path below the mount: `/system.slice/nginx.service`; `/` for the root.
    pub path: String,
    /// Inode of the directory, the id that eBPF programs see.
    pub inode: u64,
    /// `cgroup.procs`: processes in this cgroup itself. None: not readable (threaded, or gone).
    pub procs: Option<Vec<u32>>,
    /// `cpu.stat`.
    pub cpu: Option<CpuStat>,
    /// `cpu.max`.
    pub cpu_max: Option<CpuMax>,
    /// `memory.current` in bytes.
    pub memory_current_bytes: Option<u64>,
    /// `memory.peak` in bytes (kernel 5.19 and later).
    pub memory_peak_bytes: Option<u64>,
    /// `memory.max` in bytes. None also for `max`, no limit.
    pub memory_max_bytes: Option<u64>,
    /// `memory.high` in bytes. None also for `max`, no limit.
    pub memory_high_bytes: Option<u64>,
    /// `memory.swap.current` in bytes.
    pub memory_swap_current_bytes: Option<u64>,
    /// `memory.events`: with those of descendants.
    pub memory_events: Option<MemoryEvents>,
    /// `memory.events.local`: of this cgroup only.
    pub memory_events_local: Option<MemoryEvents>,
    /// `memory.stat`.
    pub memory_stat: Option<MemoryStat>,
    /// `io.stat`, all devices added up.
    pub io: Option<IoStat>,
    /// `pids.current`.
    pub pids_current: Option<u64>,
    /// `pids.max`. None also for `max`, no limit.
    pub pids_max: Option<u64>,
    /// `pids.events`: forks refused at the limit of this cgroup or one below it; before Linux 6.11
    /// of processes in this cgroup itself, at whatever limit.
    pub pids_events: Option<PidsEvents>,
    /// `pids.events.local` (Linux 6.11 and later): at the limit of this cgroup.
    pub pids_events_local: Option<PidsEvents>,
    /// `cpu.pressure`.
    pub cpu_pressure: Option<PressureKind>,
    /// `memory.pressure`.
    pub memory_pressure: Option<PressureKind>,
    /// `io.pressure`.
    pub io_pressure: Option<PressureKind>,
}

/// `cpu.stat`; throttling only where the cpu controller is enabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the key of the same name in cpu.stat")]
pub struct CpuStat {
    pub usage_usec: Option<u64>,
    pub user_usec: Option<u64>,
    pub system_usec: Option<u64>,
    pub nr_periods: Option<u64>,
    pub nr_throttled: Option<u64>,
    pub throttled_usec: Option<u64>,
}

/// `cpu.max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuMax {
    /// CPU time in microseconds allowed in each period. None: no limit.
    pub quota_usec: Option<u64>,
    /// Length of a period in microseconds.
    pub period_usec: u64,
}

/// `memory.events`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the key of the same name in memory.events")]
pub struct MemoryEvents {
    pub low: Option<u64>,
    pub high: Option<u64>,
    pub max: Option<u64>,
    pub oom: Option<u64>,
    pub oom_kill: Option<u64>,
    pub oom_group_kill: Option<u64>,
}

/// The parts of `memory.stat` that a report uses, in bytes; faults are counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the key of the same name in memory.stat")]
pub struct MemoryStat {
    pub anon_bytes: Option<u64>,
    pub file_bytes: Option<u64>,
    pub kernel_bytes: Option<u64>,
    pub shmem_bytes: Option<u64>,
    pub slab_bytes: Option<u64>,
    pub pgmajfault: Option<u64>,
}

/// `io.stat`, all devices added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "rbytes, wbytes, rios, wios, dbytes, dios of io.stat")]
pub struct IoStat {
    pub read_bytes: u64,
    pub write_bytes: u64,
    pub reads: u64,
    pub writes: u64,
    pub discarded_bytes: u64,
    pub discards: u64,
}

/// `pids.events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PidsEvents {
    /// Forks refused at a limit.
    pub max: u64,
}

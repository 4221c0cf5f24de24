//! The host as a whole, from `/proc` and `/sys` (`proc(5)`, `Documentation/admin-guide/iostats.rst`).

use serde::{Deserialize, Serialize};

use crate::{Gap, Probe, Timestamp, Why};

/// Figures of the whole host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// CPUs online.
    pub cpus_online: Option<u32>,
    /// `sysconf(_SC_CLK_TCK)`: ticks in a second, the unit of CPU times.
    pub ticks_per_second: u64,
    /// Bytes in a page.
    pub page_size_bytes: u64,
    /// Counters a moment before, for rates.
    pub earlier: SystemCounters,
    /// Counters now.
    pub counters: SystemCounters,
    /// `/proc/meminfo`.
    pub memory: Probe<MemoryInfo>,
    /// `/proc/loadavg`.
    pub load: Probe<LoadAverage>,
    /// `/proc/pressure/`.
    pub pressure: Probe<Pressure>,
    /// `/proc/swaps`.
    pub swaps: Probe<Vec<SwapArea>>,
    /// File systems with a device or of the network, from `/proc/self/mountinfo` and `statfs(2)`.
    pub file_systems: Probe<Vec<FileSystem>>,
    /// `/proc/sys/fs/file-nr`.
    pub file_handles: Probe<FileHandles>,
    /// What systemd-timesyncd says of the clock.
    #[serde(default = "clock_mark_not_taken")]
    pub clock_mark: Probe<ClockMark>,
    /// Whether the host is to be restarted.
    #[serde(default = "restart_not_taken")]
    pub restart: Probe<Restart>,
}

fn clock_mark_not_taken() -> Probe<ClockMark> {
    Probe::Unknown(not_taken("clock synchronisation"))
}

fn restart_not_taken() -> Probe<Restart> {
    Probe::Unknown(not_taken("whether a reboot is required"))
}

/// The gap in a snapshot that was taken before this was read.
pub(super) fn not_taken(what: &str) -> Gap {
    Gap::new(what, Why::Absent, "the capture was taken by an earlier version")
}

/// Counters that rates are computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemCounters {
    /// `CLOCK_MONOTONIC` microseconds at which they were read.
    pub at_usec: u64,
    /// The `cpu` line of `/proc/stat`.
    pub cpu: Option<CpuTicks>,
    /// `/proc/diskstats`, whole disks only.
    pub disks: Vec<DiskCounters>,
    /// `/proc/net/dev`, without the loopback.
    pub network: Vec<NetworkCounters>,
    /// `pswpin` of `/proc/vmstat`: pages swapped in.
    pub swapped_in_pages: Option<u64>,
    /// `pswpout` of `/proc/vmstat`: pages swapped out.
    pub swapped_out_pages: Option<u64>,
    /// `oom_kill` of `/proc/vmstat`.
    pub oom_kills: Option<u64>,
}

/// CPU time of all CPUs since boot, in ticks; guest time is contained in user and nice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns of /proc/stat, proc(5)")]
pub struct CpuTicks {
    pub user: u64,
    pub nice: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    pub steal: u64,
}

/// One line of `/proc/diskstats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCounters {
    /// `vda`, `nvme0n1`.
    pub name: String,
    /// Reads completed.
    pub reads: u64,
    /// Bytes read (sectors of 512 bytes).
    pub read_bytes: u64,
    /// Writes completed.
    pub writes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Milliseconds with I/O in flight.
    pub busy_msec: u64,
}

/// One line of `/proc/net/dev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "columns of /proc/net/dev")]
pub struct NetworkCounters {
    pub name: String,
    pub receive_bytes: u64,
    pub receive_errors: u64,
    pub receive_dropped: u64,
    pub transmit_bytes: u64,
    pub transmit_errors: u64,
    pub transmit_dropped: u64,
}

/// `/proc/meminfo` in bytes. `None`: this kernel has no such line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "lines of /proc/meminfo")]
pub struct MemoryInfo {
    pub total_bytes: u64,
    pub free_bytes: u64,
    pub available_bytes: Option<u64>,
    pub buffers_bytes: Option<u64>,
    pub cached_bytes: Option<u64>,
    pub shmem_bytes: Option<u64>,
    pub slab_unreclaimable_bytes: Option<u64>,
    pub dirty_bytes: Option<u64>,
    pub writeback_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    pub swap_free_bytes: Option<u64>,
    pub committed_bytes: Option<u64>,
    pub commit_limit_bytes: Option<u64>,
}

/// `/proc/loadavg`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoadAverage {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
    /// Threads that can run now.
    pub runnable: u32,
    /// Threads that exist.
    pub threads: u32,
}

/// Pressure stall information of the host, `Documentation/accounting/psi.rst`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// `/proc/pressure/cpu`.
    pub cpu: Option<PressureKind>,
    /// `/proc/pressure/memory`.
    pub memory: Option<PressureKind>,
    /// `/proc/pressure/io`.
    pub io: Option<PressureKind>,
}

/// One pressure file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PressureKind {
    /// Some tasks waited.
    pub some: Stall,
    /// All tasks waited. None: kernels before 5.13 do not say it for the CPU.
    pub full: Option<Stall>,
}

/// Share of wall time stalled, in per cent, and the total.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// Over ten seconds.
    pub avg10: f64,
    /// Over one minute.
    pub avg60: f64,
    /// Over five minutes.
    pub avg300: f64,
    /// Microseconds stalled since boot.
    pub total_usec: u64,
}

/// One line of `/proc/swaps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapArea {
    /// Device or file.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Higher ones are used first.
    pub priority: i32,
}

/// One mounted file system (the first mount of each device).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSystem {
    /// `major:minor`.
    pub device: String,
    /// What is mounted: `/dev/sda1`.
    pub source: String,
    /// Where.
    pub mount_point: String,
    /// `ext4`, `nfs4`.
    pub fs_type: String,
    /// Whether this mount is read-only.
    pub read_only: bool,
    /// Whether the file system itself is read-only (what an error remount does).
    pub super_read_only: bool,
    /// Whether any mount of it is read-only, those that others hide included: remounting read-only
    /// makes both so, an error of the file system only the file system itself. None: not known.
    pub any_mount_read_only: Option<bool>,
    /// `emergency_ro` or `shutdown`, with which newer kernels say after an error that nothing can be
    /// written (options of the file system).
    pub fault: Option<String>,
    /// Space and inodes, which a dead server keeps from us.
    pub usage: Probe<FsUsage>,
}

impl FileSystem {
    /// What the kernel calls the device: `sdb1` of `/dev/sdb1`, `dm-1` of `/dev/mapper/vg-data`.
    pub fn kernel_name(&self) -> std::borrow::Cow<'_, str> {
        let minor = self.device.split_once(':').map(|(_, minor)| minor);
        match minor.filter(|_| self.source.starts_with("/dev/mapper/")) {
            Some(minor) => format!("dm-{minor}").into(),
            None => self.source.rsplit('/').next().unwrap_or(&self.source).into(),
        }
    }
}

/// `statfs(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsUsage {
    /// Size in bytes.
    pub total_bytes: u64,
    /// Bytes free, the reserve of root included.
    pub free_bytes: u64,
    /// Bytes free for ordinary users.
    pub available_bytes: u64,
    /// Inodes. None: this file system has no fixed number (btrfs).
    pub total_inodes: Option<u64>,
    /// Inodes free.
    pub free_inodes: Option<u64>,
}

/// `/proc/sys/fs/file-nr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHandles {
    /// In use.
    pub allocated: u64,
    /// At most.
    pub max: u64,
}

/// `/run/systemd/timesync/synchronized`, `systemd-timesyncd.service(8)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockMark {
    /// When systemd-timesyncd last set the clock. None: not since it started.
    pub synchronized: Option<Timestamp>,
}

/// What says that the host should be restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// When a package asked for it, `/run/reboot-required`. None: none did.
    pub required: Option<Timestamp>,
    /// Which packages did, `/run/reboot-required.pkgs`.
    pub packages: Vec<String>,
    /// Releases of the kernels whose modules are installed, `/lib/modules`. None: not there.
    pub kernels: Option<Vec<String>>,
    /// Whether the running kernel has loaded any, `/proc/modules`. None: not known.
    pub modules_loaded: Option<bool>,
}

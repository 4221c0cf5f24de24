//! Resources: figures derived from two samples. Absent: could not be read, or no such controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UnitName;

/// Who uses what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceAnalysis {
    /// The host as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system_usage: Option<SystemUsage>,
    /// Every unit that has a cgroup, by name. Absent: no cgroup could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_usage: Option<Vec<UnitUsage>>,
    /// Processes below services by command name, most memory first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub child_process_groups: Option<Vec<ChildProcessGroup>>,
    /// By the sampled rate, then by total.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top_cpu_units: Option<Vec<UnitUsage>>,
    /// By memory in use now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top_memory_units: Option<Vec<UnitUsage>>,
    /// By bytes read and written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub top_io_units: Option<Vec<UnitUsage>>,
}

/// The host as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SystemUsage {
    /// CPUs online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus_online: Option<u32>,
    /// Per cent of all CPUs between the samples, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Of that, waiting for I/O is not part; this is its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iowait_percent: Option<f64>,
    /// Share taken by other guests of the hypervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steal_percent: Option<f64>,
    /// Load average over one minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_1min: Option<f64>,
    /// Load average over five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_5min: Option<f64>,
    /// Load average over fifteen minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_15min: Option<f64>,
    /// `MemTotal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total_bytes: Option<u64>,
    /// `MemAvailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_available_bytes: Option<u64>,
    /// `MemTotal` less `MemAvailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// `SwapTotal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_total_bytes: Option<u64>,
    /// `SwapTotal` less `SwapFree`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_used_bytes: Option<u64>,
    /// Pressure stall information of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_pressure: Option<PressureUsage>,
    /// As above, for memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_pressure: Option<PressureUsage>,
    /// As above, for I/O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_pressure: Option<PressureUsage>,
    /// Whole disks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskUsage>,
    /// Interfaces without the loopback.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<NetworkUsage>,
    /// Mounted file systems. Absent: could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_systems: Option<Vec<FileSystemUsage>>,
    /// File handles in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_handles_allocated: Option<u64>,
    /// File handles allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_handles_max: Option<u64>,
    /// Processes that were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_count: Option<u64>,
}

/// Pressure stall information: per cent of wall time stalled, and the total in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PressureUsage {
    /// Some tasks waited, over ten seconds.
    pub some_avg10_percent: f64,
    /// Some tasks waited, over one minute.
    pub some_avg60_percent: f64,
    /// Some tasks waited, since boot.
    pub some_total_usec: u64,
    /// All tasks waited, over ten seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_avg10_percent: Option<f64>,
    /// All tasks waited, since boot.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_total_usec: Option<u64>,
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DiskUsage {
    /// `vda`.
    pub name: String,
    /// Bytes read in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_bytes_per_second: Option<f64>,
    /// Bytes written in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub write_bytes_per_second: Option<f64>,
    /// Per cent of the time between the samples with I/O in flight.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub busy_percent: Option<f64>,
    /// Bytes read since boot.
    pub read_bytes: u64,
    /// Bytes written since boot.
    pub write_bytes: u64,
}

/// One network interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkUsage {
    /// `eth0`.
    pub name: String,
    /// Bytes received in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receive_bytes_per_second: Option<f64>,
    /// Bytes sent in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transmit_bytes_per_second: Option<f64>,
    /// Bytes received since the interface came up.
    pub receive_bytes: u64,
    /// Bytes sent since the interface came up.
    pub transmit_bytes: u64,
    /// Errors and drops in both directions.
    pub errors: u64,
}

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSystemUsage {
    /// Where it is mounted.
    pub mount_point: String,
    /// What is mounted.
    pub source: String,
    /// `ext4`.
    pub fs_type: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// Size.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_bytes: Option<u64>,
    /// In use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub used_bytes: Option<u64>,
    /// Free for ordinary users.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available_bytes: Option<u64>,
    /// Inodes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_inodes: Option<u64>,
    /// Inodes in use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub used_inodes: Option<u64>,
}

/// One unit's cgroup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnitUsage {
    /// The unit.
    pub name: UnitName,
    /// Path in the cgroup v2 tree.
    pub cgroup_path: String,
    /// When it became active, in microseconds after the kernel started (`CLOCK_MONOTONIC`): within a
    /// boot another value is another start. Absent: it is not active, or systemd could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active_enter_monotonic_usec: Option<u64>,
    /// CPU time since the unit started.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_usage_usec: Option<u64>,
    /// Per cent of one CPU between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_percent: Option<f64>,
    /// Memory in use, page cache included.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_current_bytes: Option<u64>,
    /// Memory that is no copy of a file (`anon` of `memory.stat`): only the unit can give it back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_anon_bytes: Option<u64>,
    /// Most memory ever in use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_peak_bytes: Option<u64>,
    /// Swap in use.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_swap_current_bytes: Option<u64>,
    /// Hard limit. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_max_bytes: Option<u64>,
    /// Limit above which it is throttled. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_high_bytes: Option<u64>,
    /// Processes killed by the kernel for memory in this unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_oom_kills: Option<u64>,
    /// Bytes read from devices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io_read_bytes: Option<u64>,
    /// Bytes written to devices.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io_write_bytes: Option<u64>,
    /// Bytes read in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io_read_bytes_per_second: Option<f64>,
    /// Bytes written in a second between the samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io_write_bytes_per_second: Option<f64>,
    /// Tasks (threads).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tasks_current: Option<u64>,
    /// Most tasks allowed. Absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tasks_max: Option<u64>,
    /// Forks refused at that limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tasks_max_events: Option<u64>,
    /// Periods in which it was throttled by `cpu.max`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_throttled_periods: Option<u64>,
    /// Time it was throttled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_throttled_usec: Option<u64>,
    /// CPU it may use, per cent of one CPU (`cpu.max`). Absent: no limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_max_percent: Option<f64>,
    /// Pressure stall information of the unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_pressure: Option<PressureUsage>,
    /// As above, for memory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub memory_pressure: Option<PressureUsage>,
    /// As above, for I/O.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub io_pressure: Option<PressureUsage>,
}

/// Processes of one service that run the same program, its main process excepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildProcessGroup {
    /// The service.
    pub parent_unit: UnitName,
    /// Name of the program (`comm`).
    pub command_name: String,
    /// How many.
    pub process_count: u64,
    /// Which, at most 64 of them.
    pub pids: Vec<u32>,
    /// CPU time they used.
    pub cpu_seconds_total: f64,
    /// PSS where it could be read of all of them, else RSS.
    pub memory_bytes: u64,
    /// Which of the two: `pss` or `rss`.
    pub memory_kind: String,
    /// The container they run in, by its cgroup: `docker:4f1c...`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<String>,
}

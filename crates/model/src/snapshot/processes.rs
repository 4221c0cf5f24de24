//! Processes, `proc(5)`.

use serde::{Deserialize, Serialize};

use super::system::not_taken;
use crate::Probe;

/// Every process this user can see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Processes {
    /// `CLOCK_MONOTONIC` microseconds at which the list was read.
    pub at_usec: u64,
    /// Ticks in a second, the unit of the CPU times.
    pub ticks_per_second: u64,
    /// By PID.
    pub list: Vec<Process>,
    /// Zombies and uninterruptible processes that stayed so while they were watched, by PID.
    #[serde(default = "held_not_taken")]
    pub held: Probe<Vec<Held>>,
    /// Processes that run programs or libraries which were deleted or replaced, by PID.
    #[serde(default = "deleted_not_taken")]
    pub deleted: Probe<Vec<DeletedFiles>>,
}

fn held_not_taken() -> Probe<Vec<Held>> {
    Probe::Unknown(not_taken("processes that are held up"))
}

fn deleted_not_taken() -> Probe<Vec<DeletedFiles>> {
    Probe::Unknown(not_taken("deleted programs"))
}

/// A process that was in one state, without a moment on a CPU, for as long as it was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Process id.
    pub pid: u32,
    /// `Z`: ended, its parent did not ask how. `D`: waits in the kernel, not even a signal wakes it.
    pub state: char,
    /// Microseconds for which it was watched.
    pub watched_usec: u64,
    /// The kernel function it waits in, `/proc/PID/wchan`. None: not permitted, or not told.
    pub wait_channel: Option<String>,
    /// Kernel functions, the innermost first, `/proc/PID/stack`. Empty: not permitted.
    pub stack: Vec<String>,
}

/// Files that a process runs although they are not in the file system any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedFiles {
    /// Process id.
    pub pid: u32,
    /// The program itself, `/proc/PID/exe`.
    pub program: Option<String>,
    /// Libraries, from the executable mappings in `/proc/PID/maps`; at most 16.
    pub libraries: Vec<String>,
}

/// One process. `None`: not readable by this user, or the process ended meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id in the collector's PID namespace.
    pub pid: u32,
    /// Parent; 0 for PID 1 and kernel threads' root.
    pub ppid: u32,
    /// `R`, `S`, `D`, `Z`, ...
    pub state: char,
    /// Name of the program, at most 15 bytes (`comm`).
    pub comm: String,
    /// Arguments, bounded, secrets masked. Empty: a kernel thread or a zombie.
    pub cmdline: Option<Vec<String>>,
    /// Clock ticks after boot (`CLOCK_BOOTTIME`); with the PID it identifies the process.
    pub start_ticks: u64,
    /// CPU time in user mode, in ticks.
    pub user_ticks: u64,
    /// CPU time in the kernel, in ticks.
    pub system_ticks: u64,
    /// Resident set in bytes.
    pub rss_bytes: u64,
    /// Proportional set in bytes (`smaps_rollup`). Also `None` of the only process of a service,
    /// which would cost much to read and is close to its resident set.
    pub pss_bytes: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Effective user id.
    pub uid: Option<u32>,
    /// Path in the cgroup v2 tree.
    pub cgroup: Option<String>,
    /// Kernel thread (flag `PF_KTHREAD`).
    pub kernel_thread: bool,
}

//! The manager and its units as `org.freedesktop.systemd1(5)` gives them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChangedFile, UnitDetail};
use crate::{Timestamp, UnitName};

/// PID 1 and every unit it has loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Systemd {
    /// How PID 1 was reached.
    pub transport: Transport,
    /// Properties of the manager.
    pub manager: Manager,
    /// Every loaded unit, by name.
    pub units: Vec<Unit>,
    /// The job queue.
    pub jobs: Vec<Job>,
    /// What `default.target` is an alias of.
    pub default_target: Option<UnitName>,
    /// `After=` of the default target and of the units on the critical chain below it.
    pub chain_after: BTreeMap<UnitName, Vec<UnitName>>,
    /// Services that run, start, stop or failed; those that run say no more than `n_restarts`.
    pub services: BTreeMap<UnitName, ServiceState>,
    /// Every loaded socket unit.
    pub sockets: BTreeMap<UnitName, SocketState>,
    /// Every loaded timer unit.
    pub timers: BTreeMap<UnitName, TimerState>,
    /// Mount units in question.
    pub mounts: BTreeMap<UnitName, MountState>,
    /// All properties of the suspects and of what they depend on.
    pub details: BTreeMap<UnitName, UnitDetail>,
    /// Loaded units whose files are not as they were when systemd read them. None: not looked at.
    #[serde(default)]
    pub changed_on_disk: Option<ChangedOnDisk>,
}

/// Which loaded units have other files than systemd read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedOnDisk {
    /// The files that changed, by unit; none where it is not known which.
    pub units: BTreeMap<UnitName, Vec<ChangedFile>>,
}

impl Systemd {
    /// The loaded unit of this name; `units` is sorted by name.
    pub fn unit(&self, name: &str) -> Option<&Unit> {
        let index = self.units.binary_search_by(|unit| unit.name.as_str().cmp(name)).ok()?;
        self.units.get(index)
    }
}

/// How PID 1 was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// `/run/systemd/private`, root only: no dbus-daemon between.
    PrivateSocket,
    /// The system bus.
    SystemBus,
}

/// Properties of `org.freedesktop.systemd1.Manager`. `None`: this version does not have it.
///
/// Boot timestamps are `CLOCK_MONOTONIC` microseconds as the manager gives them, 0 where the phase
/// did not happen; firmware and loader count backwards from the kernel's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the D-Bus property of the same name")]
pub struct Manager {
    pub version: String,
    pub features: Option<String>,
    /// Empty: none detected.
    pub virtualization: Option<String>,
    pub architecture: Option<String>,
    /// `running`, `degraded`, `starting`, `initializing`, `maintenance`, `stopping`.
    pub system_state: Option<String>,
    /// Colon-separated, empty if not tainted.
    pub tainted: Option<String>,
    pub n_failed_units: Option<u32>,
    pub n_jobs: Option<u32>,
    pub n_names: Option<u32>,
    pub firmware_monotonic_usec: Option<u64>,
    pub loader_monotonic_usec: Option<u64>,
    /// `KernelTimestamp` (`CLOCK_REALTIME`): when the kernel started.
    pub kernel_realtime: Option<Timestamp>,
    pub initrd_monotonic_usec: Option<u64>,
    pub userspace_monotonic_usec: Option<u64>,
    pub finish_monotonic_usec: Option<u64>,
    /// 0 in a container: how systemd-analyze tells.
    pub security_start_monotonic_usec: Option<u64>,
    /// systemd 255 and later, 0 without a soft reboot.
    pub soft_reboot_start_monotonic_usec: Option<u64>,
    pub units_load_start_monotonic_usec: Option<u64>,
    pub units_load_finish_monotonic_usec: Option<u64>,
    /// `UnitsLoadStartTimestamp` (`CLOCK_REALTIME`): when units were first read from disk.
    #[serde(default)]
    pub units_load_start_realtime: Option<Timestamp>,
    /// `UnitsLoadTimestamp` (`CLOCK_REALTIME`): when the last `daemon-reload` began, if there was one.
    #[serde(default)]
    pub units_load_realtime: Option<Timestamp>,
    #[serde(default)]
    pub units_load_monotonic_usec: Option<u64>,
    /// `UnitPath`: the unit search path, the directory that wins first.
    #[serde(default)]
    pub unit_path: Vec<String>,
    pub default_start_limit_interval_usec: Option<u64>,
    pub default_start_limit_burst: Option<u32>,
}

/// One unit as `ListUnits` gives it, with its timestamps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Primary name.
    pub name: UnitName,
    /// `Description=`.
    pub description: String,
    /// `loaded`, `not-found`, `bad-setting`, `error`, `masked`.
    pub load_state: String,
    /// `active`, `reloading`, `inactive`, `failed`, `activating`, `deactivating`, `maintenance`.
    pub active_state: String,
    /// Finer, by kind of unit: `running`, `auto-restart`, `exited`, `dead`.
    pub sub_state: String,
    /// The unit whose state this one follows (devices).
    pub following: Option<UnitName>,
    /// Type of the queued job: `start`, `stop`.
    pub job_type: Option<String>,
    /// None: not read, because the unit is not loaded or vanished meanwhile.
    pub times: Option<UnitTimes>,
}

impl Unit {
    /// Whether the unit is in the state `failed`.
    pub fn is_failed(&self) -> bool {
        self.active_state == "failed"
    }
}

/// When a unit last changed state: `CLOCK_MONOTONIC` microseconds. `None`: never in this boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitTimes {
    /// `InactiveExitTimestampMonotonic`: began to start.
    pub inactive_exit_usec: Option<u64>,
    /// `ActiveEnterTimestampMonotonic`: was up.
    pub active_enter_usec: Option<u64>,
    /// `ActiveExitTimestampMonotonic`: began to stop.
    pub active_exit_usec: Option<u64>,
    /// `InactiveEnterTimestampMonotonic`: was down.
    pub inactive_enter_usec: Option<u64>,
}

/// One entry of the job queue (`ListJobs`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Number of the job.
    pub id: u32,
    /// Unit it works on.
    pub unit: UnitName,
    /// `start`, `stop`, `restart`, `verify-active`, ...
    pub job_type: String,
    /// `waiting` or `running`.
    pub state: String,
}

/// State of a service that is not simply running or stopped. `None`: not asked, or not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// `Result`: `success`, `exit-code`, `signal`, `oom-kill`, `timeout`, ...
    pub result: Option<String>,
    /// `NRestarts`: automatic restarts since the unit was last started by hand.
    pub n_restarts: Option<u32>,
    /// `ExecMainCode`: `CLD_EXITED` 1, `CLD_KILLED` 2, `CLD_DUMPED` 3 (`sigaction(2)`), 0: has not ended.
    pub exec_main_code: Option<i32>,
    /// `ExecMainStatus`: exit status or signal number.
    pub exec_main_status: Option<i32>,
}

/// State of a socket unit. `None`: not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketState {
    /// `Result`: `success`, `resources`, `trigger-limit-hit`, `service-start-limit-hit`, ...
    pub result: Option<String>,
    /// `NAccepted`: connections accepted (`Accept=yes` only).
    pub n_accepted: Option<u32>,
    /// `NConnections`: connections open now (`Accept=yes` only).
    pub n_connections: Option<u32>,
    /// `NRefused`: refused for `MaxConnections=`.
    pub n_refused: Option<u32>,
    /// `Listen`: (`Stream`, `/run/x.sock`).
    #[serde(default)]
    pub listen: Vec<(String, String)>,
    /// Paths of `listen` that are not in the file system although the socket is active.
    /// None: not looked at, or not all of them could be.
    #[serde(default)]
    pub missing_paths: Option<Vec<String>>,
    /// `WantedBy` and `RequiredBy` of a socket that was never started in this boot.
    #[serde(default)]
    pub wanted_by: Option<Vec<UnitName>>,
    /// `ConditionResult` of such a socket; `false` also if it was never tested.
    #[serde(default)]
    pub condition_result: Option<bool>,
    /// `ConditionTimestamp` of such a socket: whether its conditions were tested.
    #[serde(default)]
    pub condition_tested: Option<bool>,
}

/// State of a timer unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerState {
    /// `Result`: `success`, `resources`, `start-limit-hit`.
    pub result: Option<String>,
    /// `Unit`: what it starts.
    pub unit: Option<UnitName>,
    /// `LastTriggerUSec`. None: has not elapsed yet.
    pub last_trigger: Option<Timestamp>,
    /// `NextElapseUSecRealtime`. None: no calendar event ahead.
    pub next_elapse: Option<Timestamp>,
    /// `NextElapseUSecMonotonic` (`CLOCK_MONOTONIC`, or `CLOCK_BOOTTIME` with `WakeSystem=`).
    /// None: no monotonic event ahead.
    pub next_elapse_monotonic_usec: Option<u64>,
    /// `AccuracyUSec`: it may elapse this much later.
    pub accuracy_usec: Option<u64>,
    /// `RandomizedDelayUSec`, already in the next elapse.
    pub randomized_delay_usec: Option<u64>,
}

/// State of a mount unit in question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountState {
    /// `Result`: `success`, `exit-code`, `timeout`, ...
    pub result: Option<String>,
}

//! Everything a suspect says of itself (`GetAll("")`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccountFact, AssertFact, FileFact};
use crate::{Timestamp, UnitName};

/// Properties of one unit. `None`: the unit or this version of systemd does not have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the D-Bus property of the same name")]
#[serde(default)]
pub struct UnitDetail {
    pub names: Vec<UnitName>,
    pub fragment_path: Option<String>,
    pub drop_in_paths: Vec<String>,
    /// The file a generator made the unit from: `/etc/fstab`.
    pub source_path: Option<String>,
    /// `enabled`, `disabled`, `static`, `masked`, ...
    pub unit_file_state: Option<String>,
    pub documentation: Vec<String>,
    pub need_daemon_reload: Option<bool>,
    pub load_error: Option<LoadError>,
    /// 32 hex digits, new at every start.
    pub invocation_id: Option<String>,
    pub state_change: Option<Timestamp>,
    pub inactive_exit: Option<Timestamp>,
    pub active_enter: Option<Timestamp>,
    pub active_exit: Option<Timestamp>,
    pub inactive_enter: Option<Timestamp>,
    pub condition_result: Option<bool>,
    pub assert_result: Option<bool>,
    pub asserts: Vec<AssertFact>,
    pub start_limit_interval_usec: Option<u64>,
    pub start_limit_burst: Option<u32>,
    pub job_timeout_usec: Option<u64>,
    /// How long a job may run, waiting in the queue not counted: what `DefaultDeviceTimeoutSec=` and
    /// `x-systemd.device-timeout=` set.
    pub job_running_timeout_usec: Option<u64>,
    /// By property name: `Requires`, `After`, `RequiredBy`, ...
    pub dependencies: BTreeMap<String, Vec<UnitName>>,
    /// `Result` of services, sockets, timers, mounts, swaps, paths.
    pub result: Option<String>,
    pub control_group: Option<String>,
    pub slice: Option<UnitName>,
    pub memory_max_bytes: Option<u64>,
    pub memory_high_bytes: Option<u64>,
    pub tasks_max: Option<u64>,
    pub service: Option<ServiceDetail>,
    /// What the unit cannot start without, settings with `-` in front left out.
    pub files: Vec<FileFact>,
    pub accounts: Vec<AccountFact>,
    /// `Listen` of a socket: (`Stream`, `/run/x.sock`).
    pub listen: Vec<(String, String)>,
    /// `TriggerLimitIntervalUSec` and `TriggerLimitBurst` of a socket or path.
    pub trigger_limit_interval_usec: Option<u64>,
    pub trigger_limit_burst: Option<u32>,
    /// `What` of a mount or swap, `Where` of a mount or automount, `Type` of a mount.
    pub mount_what: Option<String>,
    pub mount_where: Option<String>,
    pub mount_type: Option<String>,
    /// `Options` of a mount or swap.
    pub mount_options: Option<String>,
    /// `TimeoutUSec` of a mount or swap. None: no limit, or not read.
    pub mount_timeout_usec: Option<u64>,
    /// Whether the path in `What` of a failed mount or swap exists. None: it is no path, or could not be
    /// looked at.
    pub mount_what_exists: Option<bool>,
    /// All other scalar properties as text, for the page about one unit; empty otherwise.
    pub properties: BTreeMap<String, String>,
}

/// Why a unit could not be loaded (`LoadError`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadError {
    /// D-Bus error name: `org.freedesktop.systemd1.NoSuchUnit`.
    pub name: String,
    /// In words.
    pub message: String,
}

/// Properties of `org.freedesktop.systemd1.Service`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the D-Bus property of the same name")]
#[serde(default)]
pub struct ServiceDetail {
    /// `simple`, `oneshot`, `notify`, ...
    pub service_type: Option<String>,
    /// `Restart=`.
    pub restart: Option<String>,
    pub restart_usec: Option<u64>,
    pub n_restarts: Option<u32>,
    /// 0: none.
    pub main_pid: Option<u32>,
    pub control_pid: Option<u32>,
    pub exec_main_pid: Option<u32>,
    pub exec_main_start: Option<Timestamp>,
    pub exec_main_exit: Option<Timestamp>,
    /// `CLD_EXITED` 1, `CLD_KILLED` 2, `CLD_DUMPED` 3; 0: has not ended.
    pub exec_main_code: Option<i32>,
    pub exec_main_status: Option<i32>,
    /// `ReloadResult`: how the last reload ended, `success` if there was none.
    pub reload_result: Option<String>,
    /// `KillMode=`: `control-group`, `process`, `mixed`, `none`.
    pub kill_mode: Option<String>,
    pub status_text: Option<String>,
    pub status_errno: Option<i32>,
    pub timeout_start_usec: Option<u64>,
    pub timeout_stop_usec: Option<u64>,
    /// `RuntimeMaxSec=`: after this long it is stopped, and has failed. None: never.
    pub runtime_max_usec: Option<u64>,
    pub watchdog_usec: Option<u64>,
    pub user: Option<String>,
    pub group: Option<String>,
    pub supplementary_groups: Vec<String>,
    pub dynamic_user: Option<bool>,
    pub working_directory: Option<String>,
    pub root_directory: Option<String>,
    pub root_image: Option<String>,
    pub pid_file: Option<String>,
    /// By property name: `ExecStartPre`, `ExecStart`, ...
    pub exec: BTreeMap<String, Vec<ExecCommand>>,
}

/// One command line of a unit and how its last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecCommand {
    /// The program.
    pub path: String,
    /// The arguments, secrets masked.
    pub argv: Vec<String>,
    /// Its failure is ignored (`-` before the path).
    pub ignore_failure: bool,
    /// None: has not been started.
    pub started: Option<Timestamp>,
    /// None: has not ended.
    pub exited: Option<Timestamp>,
    /// 0: has not run.
    pub pid: u32,
    /// As `ExecMainCode`.
    pub code: i32,
    /// Exit status or signal number.
    pub status: i32,
}

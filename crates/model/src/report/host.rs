//! The machine and its system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the head line of a report says. Absent: could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReportHost {
    /// `PRETTY_NAME` of `os-release(5)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// `/proc/sys/kernel/osrelease`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// As `uname -m` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// `Version` of the manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub systemd_version: Option<String>,
    /// `SystemState` of the manager: `running`, `degraded`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_state: Option<String>,
    /// `Virtualization` of the manager: `kvm`, `systemd-nspawn`; `none` on bare metal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtualization: Option<String>,
    /// Name of PID 1, where it is not systemd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Since boot; in a container since the container's manager started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_usec: Option<u64>,
}

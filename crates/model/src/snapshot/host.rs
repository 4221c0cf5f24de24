//! What machine it is.

use serde::{Deserialize, Serialize};

use crate::{BootId, Probe};

/// The identity of a host and of its running system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// `/proc/sys/kernel/hostname`.
    pub hostname: Probe<String>,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Probe<BootId>,
    /// `/etc/os-release`, `os-release(5)`.
    pub os: Probe<OsRelease>,
    /// `/proc/sys/kernel/osrelease`.
    pub kernel_release: Probe<String>,
    /// As `uname -m` prints it.
    pub architecture: Probe<String>,
    /// `/proc/1/comm`: `systemd` on the hosts this program is for.
    pub init_name: Probe<String>,
    /// Effective user id of the collecting process.
    pub collector_uid: u32,
    /// Commands that a report could propose and that this host does not have.
    #[serde(default)]
    pub missing_tools: Vec<String>,
}

/// The parts of `os-release(5)` that a report names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, such as `debian`.
    pub id: Option<String>,
    /// `NAME`, such as `Debian GNU/Linux`.
    pub name: Option<String>,
    /// `VERSION_ID`, such as `12`.
    pub version_id: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
}

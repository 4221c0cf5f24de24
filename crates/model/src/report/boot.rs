//! Boot performance, with the meanings of `systemd-analyze(1)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UnitName;

/// How long the boot took, and what took long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BootAnalysis {
    /// How far the boot is.
    pub state: BootState,
    /// Whether the manager runs in a container, where there is no firmware, loader or kernel phase.
    pub container: bool,
    /// The phases.
    pub times: BootTimes,
    /// `systemd-analyze time`'s second line: the default target and when it was reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_target: Option<UnitName>,
    /// Microseconds of userspace until the default target was reached. Absent: never reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_target_reached_usec: Option<u64>,
    /// Units by the time they took to start, longest first.
    pub blame: Vec<BlameEntry>,
    /// The chain of units the default target waited for, from the target down.
    pub critical_chain: Vec<ChainLink>,
}

/// How far the boot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BootState {
    /// The figures are final.
    Finished,
    /// Jobs of the boot are still in the queue: there is no total yet.
    Unfinished,
}

/// Phases of the boot in microseconds. Absent: the phase did not happen, or is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BootTimes {
    /// Firmware, until the loader started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware_usec: Option<u64>,
    /// Boot loader, until the kernel started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader_usec: Option<u64>,
    /// Kernel, until the initrd's or the host's manager started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_usec: Option<u64>,
    /// Initrd, until the host's manager started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initrd_usec: Option<u64>,
    /// Soft reboot, until the manager started again (systemd 255 and later).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_reboot_usec: Option<u64>,
    /// Userspace, until the job queue was empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userspace_usec: Option<u64>,
    /// All phases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_usec: Option<u64>,
}

/// One line of `systemd-analyze blame`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlameEntry {
    /// The unit.
    pub unit: UnitName,
    /// Microseconds from the beginning of its start to its end.
    pub time_usec: u64,
}

/// One line of `systemd-analyze critical-chain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainLink {
    /// The unit.
    pub unit: UnitName,
    /// `@`: microseconds of userspace until it began to start (if it took time) or was up.
    /// Absent: it was up before userspace began, or (first line) it took time itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_usec: Option<u64>,
    /// `+`: microseconds it took. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_usec: Option<u64>,
    /// 0 for the default target; units of the same depth finished at the same time.
    pub depth: u32,
    /// The chain below this unit was shown already (`...`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub shown_above: bool,
}

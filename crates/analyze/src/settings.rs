//! Thresholds of rules and sizes of lists, with their defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::noise::{Expect, Ignore};

/// What the configuration says about the analysis. Every field has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Length of the lists of top units.
    pub top_units: usize,
    /// Window in which restarts are counted, in seconds.
    pub crash_loop_window_seconds: u64,
    /// Restarts within the window from which on a unit is flapping.
    pub crash_loop_restarts: u64,
    /// A unit is stuck when it has been activating, deactivating or reloading for longer than this, in seconds.
    pub stuck_seconds: u64,
    /// A timer is overdue when it should have elapsed longer ago than this, in seconds.
    pub timer_overdue_seconds: u64,
    /// A unit that failed and is well again is reported for this long if there is no earlier report; so
    /// is a device that did not come and that nothing needs any more. In seconds.
    pub recovered_window_seconds: u64,
    /// A boot is slow to finish when it takes longer than this, in seconds.
    pub boot_unfinished_seconds: u64,
    /// A phase of the boot that took longer than this is reported, in seconds.
    pub boot_slow_phase_seconds: u64,
    /// A unit on the critical chain that took longer than this is reported, in seconds.
    pub boot_slow_unit_seconds: u64,
    /// A boot that took so much longer than earlier ones of this host is reported, in per cent.
    pub boot_slower_percent: f64,
    /// That the previous boot ended without a shutdown is a warning so long after the start of this
    /// one, in hours, and a note from then on.
    pub previous_boot_unclean_hours: u64,
    /// A file system is nearly full from this share on, in per cent of space or inodes.
    pub file_system_warning_percent: f64,
    /// A file system is as good as full from this share on, in per cent.
    pub file_system_critical_percent: f64,
    /// A file system with more space left than this, in bytes, is not full, whatever its share.
    pub file_system_enough_bytes: u64,
    /// Memory is short when less than this share is available, in per cent.
    pub memory_available_warning_percent: f64,
    /// Swap is short from this share in use on, in per cent, while tasks wait for memory.
    pub swap_used_warning_percent: f64,
    /// Memory pressure (some, over one minute) from which on full swap matters, in per cent of the time.
    pub swap_pressure_percent: f64,
    /// A unit is near its limit from this share of `memory.max` on, in per cent.
    pub unit_memory_warning_percent: f64,
    /// Memory of a unit that grew for so long, in seconds, ...
    pub memory_leak_seconds: u64,
    /// ... and by so much, in per cent, is reported.
    pub memory_leak_growth_percent: f64,
    /// A unit is near its limit from this share of `pids.max` on, in per cent.
    pub unit_tasks_warning_percent: f64,
    /// A unit is throttled from this share of its periods of `cpu.max` on, in per cent.
    pub unit_cpu_throttled_percent: f64,
    /// Time after which a unit that was killed for memory and runs again is not an error any more, in seconds.
    pub oom_kill_window_seconds: u64,
    /// Messages known to be bad are told for so long, in seconds; those of faults that stay, such as of
    /// disks and of the kernel itself, until the next boot.
    pub logged_window_seconds: u64,
    /// Pressure on memory and I/O (some, over one minute) that is reported, in per cent of the time.
    pub pressure_warning_percent: f64,
    /// Pressure on the CPU (some, over one minute) that is reported, in per cent of the time; a busy
    /// host is at 50 without harm.
    pub cpu_pressure_warning_percent: f64,
    /// Pressure of a unit's own on memory and I/O (some, over one minute) that is reported, in per
    /// cent of the time.
    pub unit_pressure_warning_percent: f64,
    /// Pressure of a unit's own on the CPU (full, over one minute: nothing of it ran) that is
    /// reported, in per cent of the time.
    pub unit_cpu_pressure_warning_percent: f64,
    /// Memory pressure of a unit (some, over one minute) from which on it is held back by
    /// `memory.high`, in per cent of the time.
    pub unit_memory_throttled_percent: f64,
    /// The host thrashes when at least this much is swapped in, and as much out, in bytes a second,
    /// while tasks wait for memory (`swap_pressure_percent`).
    pub swap_thrashing_rate_bytes: u64,
    /// Zombies of one parent from which on they are a warning; fewer are mentioned.
    pub zombie_processes: u64,
    /// A process that cannot be interrupted is reported when it is older than this, in seconds.
    pub uninterruptible_seconds: u64,
    /// The clock should be synchronised after a time service was active for this long, in seconds.
    pub clock_unsynchronized_seconds: u64,
    /// File handles are short from this share of the maximum on, in per cent.
    pub file_handles_warning_percent: f64,
    /// Processes of a unit that lived for less than a second, so many a second while they were traced,
    /// are reported, ...
    pub short_lived_per_second: f64,
    /// ... if they were traced for so long, in seconds.
    pub short_lived_traced_seconds: u64,
    /// Processes of a unit that failed in one way so often while they were traced are reported.
    pub failing_children: u64,
    /// `[[ignore]]`: findings that nobody wants to hear of.
    #[serde(skip)]
    pub ignore: Vec<Ignore>,
    /// `[[expect]]`: states of units that are normal on this host.
    #[serde(skip)]
    pub expect: Vec<Expect>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            top_units: 10,
            crash_loop_window_seconds: 600,
            crash_loop_restarts: 3,
            stuck_seconds: 300,
            timer_overdue_seconds: 300,
            recovered_window_seconds: 3600,
            boot_unfinished_seconds: 300,
            boot_slow_phase_seconds: 120,
            boot_slow_unit_seconds: 60,
            boot_slower_percent: 30.0,
            previous_boot_unclean_hours: 24,
            file_system_warning_percent: 90.0,
            file_system_critical_percent: 97.0,
            file_system_enough_bytes: 20 << 30,
            memory_available_warning_percent: 5.0,
            swap_used_warning_percent: 90.0,
            swap_pressure_percent: 10.0,
            unit_memory_warning_percent: 95.0,
            memory_leak_seconds: 21_600,
            memory_leak_growth_percent: 20.0,
            unit_tasks_warning_percent: 90.0,
            unit_cpu_throttled_percent: 25.0,
            oom_kill_window_seconds: 86_400,
            logged_window_seconds: 86_400,
            pressure_warning_percent: 40.0,
            cpu_pressure_warning_percent: 90.0,
            unit_pressure_warning_percent: 40.0,
            unit_cpu_pressure_warning_percent: 50.0,
            unit_memory_throttled_percent: 10.0,
            swap_thrashing_rate_bytes: 1 << 20,
            zombie_processes: 10,
            uninterruptible_seconds: 10,
            clock_unsynchronized_seconds: 600,
            file_handles_warning_percent: 90.0,
            short_lived_per_second: 10.0,
            short_lived_traced_seconds: 5,
            failing_children: 5,
            ignore: Vec::new(),
            expect: Vec::new(),
        }
    }
}

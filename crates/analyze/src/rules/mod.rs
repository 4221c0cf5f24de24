//! The rules, one small file each; one line here registers a rule.

mod boot_unfinished;
mod cpu_pressure_high;
mod file_handles_low;
mod file_system_full;
mod file_system_inodes;
mod io_pressure_high;
mod memory_low;
mod memory_pressure_high;
mod support;
mod swap_exhausted;
mod unit_cpu_throttled;
mod unit_memory_near_limit;
mod unit_oom_killed;
mod unit_tasks_near_limit;

use crate::Rule;

/// Every rule.
pub const ALL: &[&Rule] = &[
    &boot_unfinished::RULE,
    &cpu_pressure_high::RULE,
    &file_handles_low::RULE,
    &file_system_full::RULE,
    &file_system_inodes::RULE,
    &io_pressure_high::RULE,
    &memory_low::RULE,
    &memory_pressure_high::RULE,
    &swap_exhausted::RULE,
    &unit_cpu_throttled::RULE,
    &unit_memory_near_limit::RULE,
    &unit_oom_killed::RULE,
    &unit_tasks_near_limit::RULE,
];

/// The rule of this identifier.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}

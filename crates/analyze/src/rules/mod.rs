//! The rules, one small file each; one line here registers a rule.

mod access_denied;
mod boot_slow_phase;
mod boot_slow_unit;
mod boot_slower_than_usual;
mod boot_unfinished;
pub(crate) mod bound_unit_stopped;
mod clock_not_synchronized;
mod consumers;
mod core_dump;
mod cpu_pressure_high;
mod deleted_programs;
mod dependency_failed;
mod device_missing;
mod disk_error;
mod file_handles_low;
mod file_system_error;
mod file_system_full;
mod file_system_inodes;
mod file_system_read_only;
mod growth;
mod hardware_error;
mod io_pressure_high;
mod jobs_stuck;
mod kernel_fault;
mod killed_by_other_unit;
mod limit_reached;
mod log_pattern;
mod logged;
mod logged_trouble;
mod login_failures;
mod memory_low;
mod memory_pressure_high;
mod missing_file;
mod missing_user;
mod network_error;
mod oom_limit;
mod ordering_cycle;
mod ordering_cycle_broken;
mod out_of_memory;
mod previous_boot_unclean;
mod processes_uninterruptible;
mod reboot_required;
mod requirement_unavailable;
mod socket_failed;
mod socket_not_listening;
mod socket_refused;
mod support;
mod swap_exhausted;
mod swap_thrashing;
mod system_degraded;
mod system_maintenance;
mod timer_failed;
mod timer_never_elapses;
mod timer_overdue;
mod timer_service_failed;
mod triggered_unit_missing;
mod unit_changed_on_disk;
mod unit_children_fail;
mod unit_cpu_throttled;
mod unit_failed;
mod unit_flapping;
mod unit_forks_refused;
mod unit_left_over_processes;
mod unit_memory_leak;
mod unit_memory_near_limit;
mod unit_memory_throttled;
mod unit_not_as_expected;
mod unit_oom_killed;
mod unit_pressure_high;
pub(crate) mod unit_recovered;
mod unit_reload_failed;
mod unit_short_lived_processes;
mod unit_stuck;
mod unit_tasks_near_limit;
mod unsafe_program_run;
mod zombie_processes;

pub(crate) use unit_pressure_high::{LIKELY_CAUSE, LIMIT_OF};

use crate::Rule;

/// Rule about the states that the configuration expects.
pub(crate) const NOT_AS_EXPECTED: &str = "unit-not-as-expected";

/// Every rule.
pub const ALL: &[&Rule] = &[
    &access_denied::RULE,
    &boot_slow_phase::RULE,
    &boot_slow_unit::RULE,
    &boot_slower_than_usual::RULE,
    &boot_unfinished::RULE,
    &bound_unit_stopped::RULE,
    &clock_not_synchronized::RULE,
    &core_dump::RULE,
    &cpu_pressure_high::RULE,
    &deleted_programs::RULE,
    &dependency_failed::RULE,
    &device_missing::RULE,
    &disk_error::RULE,
    &file_handles_low::RULE,
    &file_system_error::RULE,
    &file_system_full::RULE,
    &file_system_inodes::RULE,
    &file_system_read_only::RULE,
    &hardware_error::RULE,
    &io_pressure_high::RULE,
    &jobs_stuck::RULE,
    &kernel_fault::RULE,
    &killed_by_other_unit::RULE,
    &limit_reached::RULE,
    &log_pattern::RULE,
    &logged_trouble::RULE,
    &login_failures::RULE,
    &memory_low::RULE,
    &memory_pressure_high::RULE,
    &missing_file::RULE,
    &missing_user::RULE,
    &network_error::RULE,
    &ordering_cycle::RULE,
    &ordering_cycle_broken::RULE,
    &out_of_memory::RULE,
    &previous_boot_unclean::RULE,
    &processes_uninterruptible::RULE,
    &reboot_required::RULE,
    &requirement_unavailable::RULE,
    &socket_failed::RULE,
    &socket_not_listening::RULE,
    &socket_refused::RULE,
    &swap_exhausted::RULE,
    &swap_thrashing::RULE,
    &system_degraded::RULE,
    &system_maintenance::RULE,
    &timer_failed::RULE,
    &timer_never_elapses::RULE,
    &timer_overdue::RULE,
    &timer_service_failed::RULE,
    &triggered_unit_missing::RULE,
    &unit_changed_on_disk::RULE,
    &unit_children_fail::RULE,
    &unit_cpu_throttled::RULE,
    &unit_failed::RULE,
    &unit_flapping::RULE,
    &unit_forks_refused::RULE,
    &unit_left_over_processes::RULE,
    &unit_memory_leak::RULE,
    &unit_memory_near_limit::RULE,
    &unit_memory_throttled::RULE,
    &unit_not_as_expected::RULE,
    &unit_oom_killed::RULE,
    &unit_pressure_high::RULE,
    &unit_recovered::RULE,
    &unit_reload_failed::RULE,
    &unit_short_lived_processes::RULE,
    &unit_stuck::RULE,
    &unit_tasks_near_limit::RULE,
    &unsafe_program_run::RULE,
    &zombie_processes::RULE,
];

/// The rule of this identifier.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn identifiers_are_unique_kebab_case_and_sorted() {
        let ids: Vec<&str> = ALL.iter().map(|rule| rule.id).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for id in ids {
            let word =
                |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
            assert!(id.split('-').all(word), "{id}");
        }
    }

    #[test]
    fn every_rule_is_explained() {
        for rule in ALL {
            let explanation = rule.explanation;
            for text in [rule.title, explanation.checks, explanation.matters, explanation.todo] {
                let first = text.chars().next().unwrap_or(' ');
                assert!(text.len() > 10 && !first.is_ascii_lowercase(), "{}: {text}", rule.id);
                assert!(!text.contains("  "), "{}: {text}", rule.id);
            }
            assert!(!rule.title.ends_with('.'), "{}", rule.id);
            assert!(!explanation.references.is_empty(), "{}", rule.id);
        }
    }
}

//! Tasks wait for memory.

use sysdiag_model::{Finding, Severity};

use super::consumers::Used;
use super::support::{Resource, high_pressure, with_consumers};
use crate::{Context, Explanation, Need, Rule, Section};

pub(super) const MEMORY: Resource = Resource {
    file: "memory",
    name: "memory",
    of_host: |pressure| pressure.memory,
    of_cgroup: |group| group.memory_pressure,
};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "memory-pressure-high",
    title: "Tasks wait for memory",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Pressure stall information: tasks waited for memory (some) in at least \
                 pressure_warning_percent (40) of the last minute, and in half of that of the \
                 last five. In a container its own cgroup is looked at, not the machine.",
        matters: "The kernel is busy taking memory from one task to give it to another \
                  (thrashing): the host can become unreachable before the OOM killer acts.",
        todo: "See which units hold memory and whether they grow; limit them with MemoryHigh= or \
               MemoryMax=, enable systemd-oomd, or add memory.",
        references: &[
            "Documentation/accounting/psi.rst",
            "systemd-cgtop(1)",
            "systemd-oomd.service(8)",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let threshold = context.settings.pressure_warning_percent;
    high_pressure(&RULE, context, &MEMORY, threshold)
        .into_iter()
        .map(|finding| with_consumers(finding, context, Used::Memory))
        .map(|finding| finding.next("systemd-cgtop --order=memory --iterations=1"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cgroup_of, findings, healthy, pressure, system_of, systemd_of};

    #[test]
    fn fires_once_above_the_threshold() {
        let mut snapshot = healthy();
        system_of(&mut snapshot).pressure.value_mut().unwrap().memory = Some(pressure(93.4));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "Tasks waited for memory in 93 % of the last minute");
        assert_eq!(found[0].evidence[0].source, "/proc/pressure/memory");
    }

    #[test]
    fn silent_below_it_and_after_a_short_peak() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let mut peak = pressure(95.0);
        peak.some.avg300 = 15.0;
        system_of(&mut snapshot).pressure.value_mut().unwrap().memory = Some(peak);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn a_container_is_judged_by_its_own_pressure() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        system_of(&mut snapshot).pressure.value_mut().unwrap().memory = Some(pressure(95.0));
        assert!(findings(&RULE, &snapshot).is_empty());
        cgroup_of(&mut snapshot, "/").memory_pressure = Some(pressure(95.0));
        assert_eq!(findings(&RULE, &snapshot)[0].evidence[0].source, "/memory.pressure");
    }
}

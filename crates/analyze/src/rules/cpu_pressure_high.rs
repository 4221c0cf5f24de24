//! Tasks wait for a CPU most of the time.

use sysdiag_model::{Finding, Severity};

use super::consumers::Used;
use super::support::{Resource, high_pressure, with_consumers};
use crate::{Context, Explanation, Need, Rule, Section};

pub(super) const CPU: Resource = Resource {
    file: "cpu",
    name: "a CPU",
    of_host: |pressure| pressure.cpu,
    of_cgroup: |group| group.cpu_pressure,
};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "cpu-pressure-high",
    title: "Tasks wait for a CPU",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Pressure stall information: tasks waited for a CPU (some) in at least \
                 cpu_pressure_warning_percent (90) of the last minute, and in half of that of \
                 the last five. In a container its own cgroup is looked at, not the machine.",
        matters: "Everything takes longer than it has to: requests time out and watchdogs fire \
                  although nothing is broken.",
        todo: "See which units use the CPU; limit them with CPUQuota= or CPUWeight=, or add \
               CPUs.",
        references: &[
            "Documentation/accounting/psi.rst",
            "systemd-cgtop(1)",
            "systemd.resource-control(5), CPUWeight=",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let threshold = context.settings.cpu_pressure_warning_percent;
    high_pressure(&RULE, context, &CPU, threshold)
        .into_iter()
        .map(|finding| with_consumers(finding, context, Used::Cpu))
        .map(|finding| finding.next("systemd-cgtop --order=cpu --iterations=2"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cgroup_of, findings, healthy, pressure, system_of, systemd_of};

    #[test]
    fn fires_once_above_the_threshold() {
        let mut snapshot = healthy();
        system_of(&mut snapshot).pressure.value_mut().unwrap().cpu = Some(pressure(93.4));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "Tasks waited for a CPU in 93 % of the last minute");
        assert_eq!(found[0].evidence[0].source, "/proc/pressure/cpu");
    }

    #[test]
    fn silent_below_it_and_after_a_short_peak() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let mut peak = pressure(95.0);
        peak.some.avg300 = 15.0;
        system_of(&mut snapshot).pressure.value_mut().unwrap().cpu = Some(peak);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn a_container_is_judged_by_its_own_pressure() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        system_of(&mut snapshot).pressure.value_mut().unwrap().cpu = Some(pressure(95.0));
        assert!(findings(&RULE, &snapshot).is_empty());
        cgroup_of(&mut snapshot, "/").cpu_pressure = Some(pressure(95.0));
        assert_eq!(findings(&RULE, &snapshot)[0].evidence[0].source, "/cpu.pressure");
    }
}

//! A unit is held back by its CPU quota.

use sysdiag_model::snapshot::Cgroup;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{change, file, units};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Below this many periods (10 s at the usual length) a share says nothing.
const MIN_PERIODS: u64 = 100;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-cpu-throttled",
    title: "A unit is held back by its CPU quota",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Periods of cpu.max in which a unit used up its quota and was stopped until the \
                 next, from unit_cpu_throttled_percent (25) of at least 100 periods on (cpu.stat, \
                 since the unit started).",
        matters: "The unit is slower than the machine would let it be: every burst waits for the \
                  rest of the period, which shows as latency rather than as CPU use.",
        todo: "Raise CPUQuota=, or use CPUWeight= instead: it divides the CPU only when others \
               want it too.",
        references: &[
            "systemd.resource-control(5), CPUQuota=",
            "Documentation/scheduler/sched-bwc.rst",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    units(context)
        .filter_map(|(unit, group)| {
            let quota = unit.cpu_max_percent?;
            let (throttled, periods) = throttled(context, group)?;
            let percent = throttled as f64 / periods as f64 * 100.0;
            let title = format!(
                "{} was throttled in {} of its CPU periods: its quota is {} of one CPU",
                unit.name,
                amount::percent(percent),
                amount::percent(quota),
            );
            let mut finding = Finding::new(RULE.id, RULE.severity, unit.name.as_str(), title)
                .because(file(group, "cpu.max", Value::Percent(quota)))
                .next(change(&unit.name, "CPUQuota"));
            let source = format!("{}/cpu.stat", group.path);
            for (what, value) in [("nr_throttled", throttled), ("nr_periods", periods)] {
                finding = finding.because(Evidence::new(what, Value::Count(value), &source));
            }
            if let Some(usec) = group.cpu?.throttled_usec {
                finding =
                    finding.because(Evidence::new("throttled_usec", Value::Usec(usec), source));
            }
            Some(finding)
        })
        .collect()
}

/// Periods in which it was throttled, and all, if that is often.
fn throttled(context: &Context<'_>, group: &Cgroup) -> Option<(u64, u64)> {
    let periods = group.cpu?.nr_periods.filter(|periods| *periods >= MIN_PERIODS)?;
    let throttled = group.cpu?.nr_throttled?;
    let percent = throttled as f64 / periods as f64 * 100.0;
    (percent >= context.settings.unit_cpu_throttled_percent).then_some((throttled, periods))
}

/// Whether this rule speaks of the group.
pub(super) fn is_throttled(context: &Context<'_>, group: &Cgroup) -> bool {
    let has_quota = group.cpu_max.is_some_and(|max| max.quota_usec.is_some());
    has_quota && throttled(context, group).is_some()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{CpuMax, CpuStat};

    use super::*;
    use crate::testing::{cgroup_of, findings, healthy};

    fn with(nr_periods: u64, nr_throttled: u64) -> Snapshot {
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, "/system.slice/nginx.service");
        group.cpu_max = Some(CpuMax { quota_usec: Some(20_000), period_usec: 100_000 });
        group.cpu = Some(CpuStat {
            nr_periods: Some(nr_periods),
            nr_throttled: Some(nr_throttled),
            throttled_usec: Some(1_000_000),
            ..CpuStat::default()
        });
        snapshot
    }

    #[test]
    fn fires_once_when_throttled_often() {
        let found = findings(&RULE, &with(200, 126));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "nginx.service was throttled in 63 % of its CPU periods: its quota is 20 % of one CPU"
        );
    }

    #[test]
    fn silent_when_seldom_or_too_early_to_say() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(200, 10)).is_empty());
        assert!(findings(&RULE, &with(50, 50)).is_empty());
    }
}

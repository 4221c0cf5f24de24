//! Swap is used up while tasks wait for memory.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::memory_pressure_high::MEMORY;
use super::support::{HOST, pressure, with_top};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "swap-exhausted",
    title: "Swap is used up while memory is short",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Swap in use from swap_used_warning_percent (90) on, while tasks waited for memory \
                 in at least swap_pressure_percent (10) of the last minute. Full swap alone is \
                 normal: the kernel puts there what nobody needs.",
        matters: "There is nowhere left to put memory: the next step is the OOM killer.",
        todo: "Find the unit that grows (memory.swap.current, systemd-cgtop), limit or restart it; \
               add memory or swap.",
        references: &[
            "proc_meminfo(5)",
            "Documentation/accounting/psi.rst",
            "systemd.resource-control(5), MemorySwapMax=",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(usage) = &context.resources.system_usage else { return Vec::new() };
    let (Some(total), Some(used), Some((stalls, source))) = (
        usage.swap_total_bytes.filter(|bytes| *bytes > 0),
        usage.swap_used_bytes,
        pressure(context, &MEMORY),
    ) else {
        return Vec::new();
    };
    let percent = used as f64 / total as f64 * 100.0;
    let waited = stalls.some.avg60;
    let settings = context.settings;
    if percent < settings.swap_used_warning_percent || waited < settings.swap_pressure_percent {
        return Vec::new();
    }
    let title = format!(
        "{} of {} of swap are in use, and tasks waited for memory in {} of the last minute",
        amount::bytes(used),
        amount::bytes(total),
        amount::percent(waited),
    );
    let finding = Finding::new(RULE.id, RULE.severity, HOST, title)
        .because(Evidence::new("swap in use", Value::Bytes(used), "/proc/meminfo"))
        .because(Evidence::new("SwapTotal", Value::Bytes(total), "/proc/meminfo"))
        .because(Evidence::new("some avg60", Value::Percent(waited), source))
        .next("systemd-cgtop --order=memory --iterations=1");
    let top = context.resources.top_memory_units.as_ref();
    vec![with_top(finding, top, "memory.swap.current", |unit| {
        unit.memory_swap_current_bytes.filter(|bytes| *bytes > 0).map(Value::Bytes)
    })]
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{GIB, findings, healthy, pressure, system_of};

    fn with(swap_free: u64, waited: f64) -> Snapshot {
        let mut snapshot = healthy();
        let system = system_of(&mut snapshot);
        system.memory.value_mut().unwrap().swap_free_bytes = Some(swap_free);
        system.pressure.value_mut().unwrap().memory = Some(pressure(waited));
        snapshot
    }

    #[test]
    fn fires_once_when_full_and_waiting() {
        let found = findings(&RULE, &with(GIB / 10, 15.0));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "1.9 GiB of 2 GiB of swap are in use, and tasks waited for memory in 15 % of the last \
             minute"
        );
    }

    #[test]
    fn silent_when_only_one_is_true() {
        assert!(findings(&RULE, &with(0, 1.0)).is_empty());
        assert!(findings(&RULE, &with(GIB, 50.0)).is_empty());
    }
}

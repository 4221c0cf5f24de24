//! Memory goes to swap and comes back at once.

use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::consumers::whole;
use super::memory_pressure_high::MEMORY;
use super::support::{HOST, is_container, pressure, with_top};
use crate::resources::per_second;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "swap-thrashing",
    title: "Memory is swapped out and back in",
    severity: Severity::Error,
    section: Section::Resources,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "Pages swapped in and pages swapped out between two samples (pswpin and pswpout of \
                 /proc/vmstat), both of at least swap_thrashing_rate_bytes (1 MiB), or the first \
                 alone where memory is short (memory_available_warning_percent), while \
                 tasks waited for memory in at least swap_pressure_percent (10) of the last ten \
                 seconds. Silent in containers: the counters are of the whole machine.",
        matters: "What is swapped out is needed again at once: the host works for its memory \
                  rather than for its users, and everything on the swap disk waits.",
        todo: "See which units hold memory and swap; stop or limit one (MemoryHigh=, MemoryMax=), \
               or add memory.",
        references: &[
            "proc_vmstat(5)",
            "Documentation/accounting/psi.rst",
            "systemd.resource-control(5), MemorySwapMax=",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    finding(context).into_iter().collect()
}

fn finding(context: &Context<'_>) -> Option<Finding> {
    if is_container(context) {
        return None;
    }
    let system = context.snapshot.system.value()?;
    let (earlier, now) = (&system.earlier, &system.counters);
    let interval = now.at_usec.checked_sub(earlier.at_usec).filter(|usec| *usec > 0);
    let rate = |earlier: Option<u64>, now: Option<u64>| {
        let bytes = |pages: u64| pages.saturating_mul(system.page_size_bytes);
        per_second(bytes(earlier?), bytes(now?), interval)
    };
    let swapped_in = rate(earlier.swapped_in_pages, now.swapped_in_pages)?;
    let swapped_out = rate(earlier.swapped_out_pages, now.swapped_out_pages)?;
    let threshold = context.settings.swap_thrashing_rate_bytes.max(1) as f64;
    let (stalls, source) = pressure(context, &MEMORY)?;
    let waited = stalls.some.avg10;
    if swapped_in < threshold || waited < context.settings.swap_pressure_percent {
        return None;
    }
    // Pages go out in bursts, and some need not be written again: where nothing is left, what comes
    // in takes the place of other pages, seen or not.
    let meanwhile = if swapped_out >= threshold {
        format!("and {} go out to it", amount::bytes(whole(swapped_out)))
    } else {
        format!("while only {} of memory are available", amount::bytes(short_of_memory(context)?))
    };
    let title = format!(
        "{} a second come in from swap {meanwhile}, and tasks waited for memory in {} of the last \
         ten seconds",
        amount::bytes(whole(swapped_in)),
        amount::percent(waited),
    );
    let finding = Finding::new(RULE.id, RULE.severity, HOST, title)
        .because(Evidence::new("pswpin a second", Value::Bytes(whole(swapped_in)), "/proc/vmstat"))
        .because(Evidence::new(
            "pswpout a second",
            Value::Bytes(whole(swapped_out)),
            "/proc/vmstat",
        ))
        .because(Evidence::new("some avg10", Value::Percent(waited), source))
        .next("systemd-cgtop --order=memory --iterations=1");
    let top = context.resources.top_memory_units.as_ref();
    Some(with_top(finding, top, "memory.current", |unit| {
        unit.memory_current_bytes.map(Value::Bytes)
    }))
}

/// Memory that is available, if that is little.
fn short_of_memory(context: &Context<'_>) -> Option<u64> {
    let usage = context.resources.system_usage.as_ref()?;
    let (available, total) = (usage.memory_available_bytes?, usage.memory_total_bytes?);
    let percent = available as f64 / total as f64 * 100.0;
    (percent < context.settings.memory_available_warning_percent).then_some(available)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{findings, healthy, pressure, system_of, systemd_of};

    fn with(pages_in: u64, pages_out: u64, waited: f64) -> Snapshot {
        let mut snapshot = healthy();
        let system = system_of(&mut snapshot);
        (system.earlier.swapped_in_pages, system.counters.swapped_in_pages) =
            (Some(1_000), Some(1_000 + pages_in));
        (system.earlier.swapped_out_pages, system.counters.swapped_out_pages) =
            (Some(5_000), Some(5_000 + pages_out));
        system.pressure.value_mut().unwrap().memory = Some(pressure(waited));
        snapshot
    }

    #[test]
    fn fires_once_when_pages_go_both_ways() {
        let found = findings(&RULE, &with(640, 1_280, 35.0));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "10 MiB a second come in from swap and 20 MiB go out to it, and tasks waited for \
             memory in 35 % of the last ten seconds"
        );
    }

    #[test]
    fn silent_one_way_slowly_without_stalls_and_in_a_container() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(0, 12_800, 35.0)).is_empty());
        assert!(findings(&RULE, &with(12_800, 0, 35.0)).is_empty());
        assert!(findings(&RULE, &with(20, 20, 35.0)).is_empty());
        assert!(findings(&RULE, &with(640, 1_280, 5.0)).is_empty());
        let mut snapshot = with(640, 1_280, 35.0);
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn pages_that_come_in_are_enough_where_nothing_is_left() {
        let mut snapshot = with(640, 0, 35.0);
        let memory = system_of(&mut snapshot).memory.value_mut().unwrap();
        memory.available_bytes = Some(300 << 20);
        assert_eq!(
            findings(&RULE, &snapshot)[0].title,
            "10 MiB a second come in from swap while only 300 MiB of memory are available, and \
             tasks waited for memory in 35 % of the last ten seconds"
        );
    }

    #[test]
    fn a_counter_that_went_back_says_nothing() {
        let mut snapshot = with(640, 1_280, 35.0);
        system_of(&mut snapshot).counters.swapped_in_pages = Some(1);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

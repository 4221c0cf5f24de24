//! Programs that crashed in units that are up.

use sysdiag_model::snapshot::{Unit, UnitEventKind};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, Value};

use crate::amount::count;
use crate::human::{ago, shell_word};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "core-dump",
    title: "A process dumped core",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Core dumps that systemd-coredump logged in this boot within the last 24 hours, \
                 by unit. Units in the state failed are left to unit-failed.",
        matters: "A program crashed: a bug, or memory that went bad. The unit runs, but a worker, \
                 a request or a session was lost.",
        todo: "See the stack of the last crash with coredumpctl info; install debug symbols and \
               report it.",
        references: &["coredumpctl(1)", "systemd-coredump(8)"],
    },
    check,
};

/// Crashes further back than this are history.
const WINDOW_USEC: u64 = 24 * 3_600 * 1_000_000;

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let failed = |name: &&str| units.systemd.unit(name).is_some_and(Unit::is_failed);
    let names = units.names_with_events().filter(|name| !failed(name));
    names.filter_map(|name| finding(&units, name)).collect()
}

fn finding(units: &Units<'_>, name: &str) -> Option<Finding> {
    let now = units.clock.realtime;
    let dumps: Vec<Timestamp> = units
        .events(name)
        .iter()
        .filter(|event| event.kind == UnitEventKind::CoreDump)
        .map(|event| event.time)
        .filter(|time| now.usec_since(*time) <= WINDOW_USEC)
        .collect();
    let (first, last) = (*dumps.first()?, *dumps.last()?);
    let number = dumps.len() as u64;
    let title = match number {
        1 => format!("A process of {name} dumped core {}", ago(last, now)),
        _ => format!(
            "Processes of {name} dumped core {}, last {}",
            count(number, "time", "times"),
            ago(last, now)
        ),
    };
    Some(
        Finding::new(RULE.id, RULE.severity, name, title)
            .since(Some(first))
            .because(Evidence::new("core dumps", Value::Count(number), "journal COREDUMP_UNIT"))
            .next(format!("coredumpctl info COREDUMP_UNIT={}", shell_word(name))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::{event, failed_service};

    #[test]
    fn fires_once_for_all_dumps_of_a_unit() {
        let mut snapshot = healthy();
        for seconds in [240, 600] {
            event(&mut snapshot, "nginx.service", UnitEventKind::CoreDump, seconds);
        }
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "Processes of nginx.service dumped core 2 times, last 4 min ago"
        );
    }

    #[test]
    fn silent_about_a_unit_that_failed_of_it() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "core-dump", 3, 11);
        event(&mut snapshot, "a.service", UnitEventKind::CoreDump, 240);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

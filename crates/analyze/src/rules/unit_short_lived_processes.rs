//! A unit that runs one short process after another.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::{Trace, UnitActivity};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use crate::trace::{per_second, who};
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Programs that are listed.
const MAX_PROGRAMS: usize = 5;
const MAX_CHARACTERS: usize = 100;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-short-lived-processes",
    title: "A unit starts many processes that live for less than a second",
    severity: Severity::Warning,
    section: Section::Trace,
    needs: &[Need::Trace],
    explanation: Explanation {
        checks: "Processes of a unit that ended within a second of their start, while they were \
                 traced (run --enable-ebpf): from 10 a second on (short_lived_per_second), traced \
                 for 5 seconds or longer (short_lived_traced_seconds). A note for sessions of \
                 users, whose work that may be, and for units that are just starting or stopping, \
                 such as a oneshot service that runs.",
        matters: "Every process costs a millisecond or so of CPU time to make and to take away, \
                  which no list of processes shows: they are gone before one looks. Often it is a \
                  loop in a script, or a check that is run far too often.",
        todo: "See which programs it runs (the evidence; sysdiag-analyzer trace --unit UNIT shows \
               them as they come) and what makes it run them.",
        references: &["execve(2)", "fork(2)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(trace) = context.snapshot.trace.value() else { return Vec::new() };
    let least_usec = context.settings.short_lived_traced_seconds.saturating_mul(1_000_000);
    if trace.duration_usec < least_usec {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let units = trace.units.iter().filter(|it| seen.insert(it.unit.as_ref()));
    units.filter_map(|unit| finding(context, trace, unit)).collect()
}

fn finding(context: &Context<'_>, trace: &Trace, activity: &UnitActivity) -> Option<Finding> {
    let unit = activity.unit.as_ref()?;
    let counts = activity.counts;
    let rate = per_second(counts.short_lived, trace.duration_usec)?;
    if rate < context.settings.short_lived_per_second {
        return None;
    }
    let severity = if who::is_of_user(unit) || is_under_way(context, unit) {
        Severity::Info
    } else {
        RULE.severity
    };
    let names: Vec<&str> =
        activity.programs.iter().take(3).map(|program| last_part(&program.file)).collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(": {}", human::shortened(&names.join(", "), MAX_CHARACTERS))
    };
    let title = format!(
        "{unit} starts {rate:.0} processes a second that live for less than a second{names}"
    );
    let source = "eBPF trace, process exit";
    let share = counts.short_lived as f64 * 100.0 / counts.exits.max(counts.short_lived) as f64;
    let mut finding = Finding::new(RULE.id, severity, unit.as_str(), title)
        .since(None)
        .because(Evidence::new("short-lived processes", Value::Count(counts.short_lived), source))
        .because(Evidence::new("traced for", Value::Usec(trace.duration_usec), "eBPF trace"))
        .because(Evidence::new("share of its processes that ended", Value::Percent(share), source));
    for program in activity.programs.iter().take(MAX_PROGRAMS) {
        let times = amount::count(program.execs, "time", "times");
        let what = format!("{} {times}", human::shortened(&program.file, MAX_CHARACTERS));
        finding = finding.because(Evidence::text("ran", what, "eBPF trace, process exec"));
    }
    Some(finding.next(human::systemctl("status", unit.as_str())))
}

/// What starts and stops runs many a command meanwhile.
fn is_under_way(context: &Context<'_>, unit: &UnitName) -> bool {
    let systemd = context.snapshot.systemd.value();
    let unit = systemd.and_then(|systemd| systemd.unit(unit.as_str()));
    unit.is_some_and(|unit| matches!(unit.active_state.as_str(), "activating" | "deactivating"))
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{ProgramActivity, TraceCounts};

    use super::*;
    use crate::Settings;
    use crate::testing::{add_unit, findings, findings_with, healthy, unit};
    use crate::testing_trace::{activity, trace_of};

    fn spawning(name: &str, short_lived: u64) -> Snapshot {
        let mut snapshot = healthy();
        let activity = activity(&mut snapshot, name);
        activity.counts =
            TraceCounts { exits: short_lived + 20, short_lived, ..TraceCounts::default() };
        activity.programs = [("/usr/bin/grep", 90), ("/bin/sh", 30)]
            .map(|(file, execs)| ProgramActivity { file: file.to_owned(), execs })
            .to_vec();
        snapshot
    }

    #[test]
    fn fires_once_with_the_rate_and_the_programs() {
        let found = findings(&RULE, &spawning("nginx.service", 180));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "nginx.service starts 36 processes a second that live for less than a second: grep, sh"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence[2].value, Value::Percent(90.0));
        assert_eq!(found[0].evidence[3].value, Value::Text("/usr/bin/grep 90 times".to_owned()));
    }

    #[test]
    fn what_users_do_and_what_is_starting_is_a_note() {
        assert_eq!(findings(&RULE, &spawning("session-3.scope", 180))[0].severity, Severity::Info);
        let mut snapshot = spawning("backup.service", 180);
        add_unit(&mut snapshot, unit("backup.service", "activating", "start"));
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Info);
    }

    #[test]
    fn silent_below_the_rate_for_a_short_trace_and_without_one() {
        assert!(findings(&RULE, &spawning("nginx.service", 49)).is_empty());
        assert_eq!(findings(&RULE, &spawning("nginx.service", 50)).len(), 1);
        let mut short = spawning("nginx.service", 180);
        trace_of(&mut short).duration_usec = 4_999_999;
        assert!(findings(&RULE, &short).is_empty());
        assert!(findings(&RULE, &healthy()).is_empty());
        let settings = Settings { short_lived_per_second: 40.0, ..Settings::default() };
        assert!(findings_with(&RULE, &spawning("nginx.service", 180), &settings).is_empty());
    }
}

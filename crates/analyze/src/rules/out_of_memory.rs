//! Memory ran out, and no unit that is loaded tells of it.

use super::logged::{self, Family, Logged};
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "out-of-memory",
    title: "Memory ran out",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds: kills by the kernel or systemd-oomd of processes whose unit \
                 is not loaded any more or is not known, such as those of a session that is closed (units that are \
                 loaded are the business of unit-oom-killed); memory that the kernel itself found none of, \
                 again and again; nothing left to be killed.",
        matters: "A process was ended in the middle of its work, and nothing that still runs shows it.",
        todo: "The message names the process, what it used, and the cgroup whose limit it was. Limit what \
               grows, or give it more.",
        references: &[
            "https://docs.kernel.org/admin-guide/mm/concepts.html#oom-killer",
            "systemd-oomd.service(8)",
        ],
    },
    check: |context| {
        logged::findings_that(context, &RULE, &FAMILY, |logged| !is_told(context, logged))
    },
};

const FAMILY: Family = Family {
    patterns: &["oom.", "mem.alloc_failure", "mem.deadlocked"],
    except: &[],
    stays: false,
    passes: &[],
    subject: logged::program,
};

/// Whether `unit-oom-killed` looks at the unit.
fn is_told(context: &Context<'_>, logged: &Logged<'_>) -> bool {
    let Some(systemd) = context.snapshot.systemd.value() else { return false };
    logged.hit.pattern.starts_with("oom.")
        && logged.units.iter().any(|unit| systemd.unit(unit.as_str()).is_some())
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Gap, Probe, Severity, Snapshot, Why};

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::{hit_of, logged};

    /// A kill in `unit`.
    fn killed(unit: &str) -> Snapshot {
        let mut snapshot = healthy();
        logged(&mut snapshot, "oom.memcg_kill", Severity::Error, 240, 2);
        let hit = hit_of(&mut snapshot);
        unit.clone_into(&mut hit.key);
        hit.units = vec![unit.into()];
        snapshot
    }

    #[test]
    fn fires_about_a_unit_that_is_gone() {
        let found = findings(&RULE, &killed("session-3.scope"));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].subject.as_str(), found[0].severity),
            ("session-3.scope", Severity::Error)
        );
        assert!(found[0].title.contains("2 times, last 4 min ago"), "{}", found[0].title);
    }

    #[test]
    fn fires_where_nobody_knows_the_units() {
        let mut snapshot = killed("nginx.service");
        snapshot.systemd = Probe::Unknown(Gap::new("systemd", Why::Disabled, "not read"));
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
    }

    #[test]
    fn silent_about_units_that_are_loaded_and_about_a_page_that_is_damaged() {
        let mut snapshot = killed("nginx.service");
        logged(&mut snapshot, "mem.bad_page", Severity::Critical, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

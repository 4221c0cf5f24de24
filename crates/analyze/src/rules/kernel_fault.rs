//! The kernel found a fault in itself.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "kernel-fault",
    title: "The kernel found a fault in itself",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Messages of the kernel about itself in this boot: oopses, BUGs, warnings of its code, lockups, tasks that hung, RCU stalls, damaged lists and pages. Hung tasks, stalls and soft lockups, which pass, count within logged_window_seconds. Only what the kernel itself said counts; a task is about its unit, if it still runs.",
        matters: "After an oops the kernel goes on in a state that nobody knows: what it does from then on, writing to disks included, is not to be trusted.",
        todo: "Save the messages, look whether the function is known to be faulty in this version, update the kernel; reboot after an oops.",
        references: &["https://docs.kernel.org/admin-guide/bug-hunting.html"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["kern.", "mem.bad_page"],
    except: &[],
    stays: true, // What a CPU or a process waited for came after all, or it waits still, which its process shows.
    passes: &[
        "kern.hung_task",
        "kern.soft_lockup",
        "kern.rcu_",
        "kern.clocksource",
        "kern.unregister_netdev",
    ],
    subject: logged::unit_or_host,
};

#[cfg(test)]
mod tests {
    use sysdiag_model::Severity;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::logged;

    #[test]
    fn fires_once_for_all_messages_about_one_thing() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "kern.oops", Severity::Error, 240, 3);
        logged(&mut snapshot, "kern.oops", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "kern.oops", Severity::Info, 240, 3);
        logged(&mut snapshot, "kern.taint", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

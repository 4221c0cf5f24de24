//! The network stack of the kernel is in trouble.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "network-error",
    title: "The network stack of the kernel is in trouble",
    severity: sysdiag_model::Severity::Error,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds: devices that do not send, links that come and go, full tables of connections or neighbours, floods, and an address that another machine has.",
        matters: "Packets are dropped: connections hang or are refused, for reasons that no service's own log shows.",
        todo: "Check cable, switch port and driver of the device; enlarge the table that is full (sysctl).",
        references: &["https://docs.kernel.org/networking/nf_conntrack-sysctl.html"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family =
    Family { patterns: &["net."], except: &[], stays: false, passes: &[], subject: logged::device };

#[cfg(test)]
mod tests {
    use sysdiag_model::Severity;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::logged;

    #[test]
    fn fires_once_for_all_messages_about_one_thing() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "net.conntrack_full", Severity::Error, 240, 3);
        logged(&mut snapshot, "net.conntrack_full", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "net.conntrack_full", Severity::Info, 240, 3);
        logged(&mut snapshot, "net.martian", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

//! A security module denied something.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "access-denied",
    title: "A security module denied something",
    severity: sysdiag_model::Severity::Warning,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds: what SELinux and AppArmor denied.",
        matters: "A service that is denied what it needs fails in ways its own log does not explain; one that is denied what it does not need may be broken into.",
        todo: "See what was denied (ausearch -m avc, or the message), and correct label, profile or program.",
        references: &["ausearch(8)", "apparmor(7)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["mac."],
    except: &[],
    stays: false,
    passes: &[],
    subject: logged::resource,
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
        logged(&mut snapshot, "mac.apparmor", Severity::Error, 240, 3);
        logged(&mut snapshot, "mac.apparmor", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "mac.apparmor", Severity::Info, 240, 3);
        logged(&mut snapshot, "auth.pam", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

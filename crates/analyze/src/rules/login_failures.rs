//! Log-ins fail again and again.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "login-failures",
    title: "Log-ins fail again and again",
    severity: sysdiag_model::Severity::Warning,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds: ten and more wrong passwords within five minutes from one address or for one user, accounts that were locked, and what sudo refused. What sshd, PAM and sudo themselves say counts.",
        matters: "Someone is guessing, or a program goes on with an old password and will lock the account.",
        todo: "Look where it comes from; block the address, or find the program.",
        references: &["sshd_config(5)", "pam_faillock(8)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["auth."],
    except: &[],
    stays: false,
    passes: &[],
    subject: logged::origin,
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
        logged(&mut snapshot, "auth.ssh_fail", Severity::Error, 240, 3);
        logged(&mut snapshot, "auth.ssh_fail", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "auth.ssh_fail", Severity::Info, 240, 3);
        logged(&mut snapshot, "disk.full", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

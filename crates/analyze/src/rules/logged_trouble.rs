//! A message that is known to be bad was logged about a program.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "logged-trouble",
    title: "A message that is known to be bad was logged about a program",
    severity: sysdiag_model::Severity::Error,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds, at the priority asked for and worse: no space left, a certificate that is not accepted, names that are not resolved, a port that is taken, a clock that no server keeps right; and processes that crashed without a core dump, as the kernel says. Patterns of the user's own are told by the rule log-pattern.",
        matters: "The program goes on, or its unit does, but what it was asked to do did not happen.",
        todo: "Read the message in its place in the log.",
        references: &["journalctl(1)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["disk.full", "tls.", "dns.", "port.", "time.", "proc.segfault", "proc.trap"],
    except: &[],
    stays: false,
    passes: &[],
    subject: logged::program,
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
        logged(&mut snapshot, "tls.cert", Severity::Error, 240, 3);
        logged(&mut snapshot, "tls.cert", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "tls.cert", Severity::Info, 240, 3);
        logged(&mut snapshot, "auth.pam", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

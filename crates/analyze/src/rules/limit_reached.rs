//! A limit was reached.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "limit-reached",
    title: "A limit was reached",
    severity: sysdiag_model::Severity::Error,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Within logged_window_seconds: the host's limit of open files, a program's own, and watched files.",
        matters: "A program that can open no more files accepts no more connections and writes no more data, without ending.",
        todo: "Find what leaks or needs more; raise LimitNOFILE= of the unit, or fs.inotify.max_user_watches.",
        references: &["systemd.exec(5), LimitNOFILE=", "inotify(7)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["limit.file_max", "limit.emfile", "limit.inotify"],
    except: &[],
    stays: false,
    passes: &[],
    subject: logged::unit,
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
        logged(&mut snapshot, "limit.emfile", Severity::Error, 240, 3);
        logged(&mut snapshot, "limit.emfile", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "limit.emfile", Severity::Info, 240, 3);
        logged(&mut snapshot, "limit.pids_cgroup", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

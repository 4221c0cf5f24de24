//! A message that the configuration calls bad was logged.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "log-pattern",
    title: "A message that the configuration calls bad was logged",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Messages that a pattern of [[logs.patterns]] in the configuration describes, within logged_window_seconds.",
        matters: "Whoever wrote the pattern knows.",
        todo: "Read the message in its place in the log.",
        references: &["config.toml.example"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

/// What the ids of built-in patterns begin with.
const BUILT_IN: [&str; 26] = [
    "auth.", "boot.", "disk.", "dm.", "dns.", "fs.", "fw.", "gpu.", "hw.", "journal.", "kern.",
    "limit.", "mac.", "md.", "mem.", "net.", "nvme.", "oom.", "port.", "proc.", "sd.", "smart.",
    "time.", "tls.", "usb.", "virt.",
];

const FAMILY: Family =
    Family { patterns: &[""], except: &BUILT_IN, stays: false, passes: &[], subject: logged::unit };

#[cfg(test)]
mod tests {
    use sysdiag_model::Severity;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::logged;

    #[test]
    fn fires_once_for_all_messages_about_one_thing() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "shop.payment_refused", Severity::Error, 240, 3);
        logged(&mut snapshot, "shop.payment_refused", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn the_built_in_patterns_are_left_to_others() {
        let catalogue = sysdiag_logs::Catalogue::with(Vec::new()).unwrap();
        for (_, spec) in catalogue.specs() {
            assert!(BUILT_IN.iter().any(|begin| spec.id.starts_with(begin)), "{}", spec.id);
        }
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "shop.payment_refused", Severity::Info, 240, 3);
        logged(&mut snapshot, "disk.full", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

//! A file system found an error in itself.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "file-system-error",
    title: "A file system found an error in itself",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "What ext4, XFS, Btrfs, NFS and the journal of file systems logged about errors in this boot.",
        matters: "What is damaged on disk is read wrong or not at all; most file systems stop writing to avoid worse.",
        todo: "Save the data, look at the disk below, unmount the file system and check it (fsck, xfs_repair, btrfs scrub).",
        references: &["fsck(8)", "ext4(5)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family =
    Family { patterns: &["fs."], except: &[], stays: true, passes: &[], subject: logged::device };

#[cfg(test)]
mod tests {
    use sysdiag_model::Severity;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::logged;

    #[test]
    fn fires_once_for_all_messages_about_one_thing() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "fs.ext4_error", Severity::Error, 240, 3);
        logged(&mut snapshot, "fs.ext4_error", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "fs.ext4_error", Severity::Info, 240, 3);
        logged(&mut snapshot, "fs.fat_unclean", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

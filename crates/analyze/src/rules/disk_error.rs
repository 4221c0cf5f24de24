//! A disk or a path to it failed.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "disk-error",
    title: "A disk or a path to it failed",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Reads and writes that failed, links that were reset, disks that were given up, arrays that lost a member, and what smartd says, in this boot.",
        matters: "A disk that fails once fails again: what was on the block is lost, and file systems above it turn read-only.",
        todo: "Save the data first. Then look at the disk (smartctl -a) and its cable; replace it.",
        references: &["smartctl(8)", "mdadm(8)"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &[
        "disk.ata",
        "disk.blk",
        "disk.buffer",
        "disk.scsi",
        "nvme.",
        "smart.",
        "md.",
        "dm.",
    ],
    except: &[],
    stays: true,
    passes: &[],
    subject: logged::device,
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
        logged(&mut snapshot, "disk.blk_io", Severity::Error, 240, 3);
        logged(&mut snapshot, "disk.blk_io", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "disk.blk_io", Severity::Info, 240, 3);
        logged(&mut snapshot, "disk.full", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

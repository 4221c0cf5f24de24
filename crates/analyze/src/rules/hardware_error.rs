//! The hardware reported errors.

use super::logged::{self, Family};
use crate::{Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hardware-error",
    title: "The hardware reported errors",
    severity: sysdiag_model::Severity::Critical,
    section: Section::Logs,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Machine checks, errors of memory (EDAC), of the firmware (CPER) and of the PCI Express bus, heat, graphics processors and USB devices that do not answer, as the kernel logged them in this boot; heat and USB, which pass, within logged_window_seconds.",
        matters: "Hardware that corrects errors today often cannot tomorrow; what is not corrected ends processes or damages data.",
        todo: "Look which part it is about, check its temperature and seat, test it, and replace it.",
        references: &["https://docs.kernel.org/admin-guide/ras.html"],
    },
    check: |context| logged::findings(context, &RULE, &FAMILY),
};

const FAMILY: Family = Family {
    patterns: &["hw.", "gpu.", "usb."],
    except: &[],
    stays: true,
    passes: &["hw.thermal_", "usb."],
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
        logged(&mut snapshot, "hw.edac_ue", Severity::Error, 240, 3);
        logged(&mut snapshot, "hw.edac_ue", Severity::Warning, 300, 1);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(found[0].title.contains("4 times, last 4 min ago"), "{}", found[0].title);
        assert!(found[0].severity <= RULE.severity);
    }

    #[test]
    fn silent_about_what_is_only_information_and_about_others() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "hw.edac_ue", Severity::Info, 240, 3);
        logged(&mut snapshot, "fw.bug", Severity::Info, 240, 3);
        assert_eq!(findings(&RULE, &snapshot), []);
    }
}

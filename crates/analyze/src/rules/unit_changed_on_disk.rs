//! Units whose files changed after systemd read them.

use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Evidence, Finding, Severity};

use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-changed-on-disk",
    title: "A unit file was changed and not reloaded",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "NeedDaemonReload of the units in question (failed, restarting, between two \
                 states): their file or a drop-in changed on disk since systemd read it. A \
                 warning for units that failed, else a note.",
        matters: "What you read in the file is not what runs: a mended unit goes on failing as \
                 before.",
        todo: "Run systemctl daemon-reload, then restart the unit.",
        references: &["systemctl(1), daemon-reload"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let changed =
        units.systemd.details.iter().filter(|(_, it)| it.need_daemon_reload == Some(true));
    changed
        .map(|(name, detail)| {
            let failed = units.systemd.unit(name.as_str()).is_some_and(Unit::is_failed);
            let severity = if failed { RULE.severity } else { Severity::Info };
            let title = format!("{name} was changed on disk, and systemd goes by the old files");
            let mut finding = Finding::new(RULE.id, severity, name.as_str(), title)
                .because(Evidence::text("NeedDaemonReload", "yes", "NeedDaemonReload (D-Bus)"))
                .next("systemctl daemon-reload");
            for path in detail.fragment_path.iter().chain(&detail.drop_in_paths) {
                finding = finding.because(Evidence::text(
                    "file",
                    path,
                    "FragmentPath, DropInPaths (D-Bus)",
                ));
            }
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy, systemd_of};
    use crate::testing_events::failed_service;

    fn changed(state: Option<bool>) -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.need_daemon_reload = state;
        detail.fragment_path = Some("/etc/systemd/system/a.service".to_owned());
        snapshot
    }

    #[test]
    fn fires_once_on_a_changed_unit() {
        let found = findings(&RULE, &changed(Some(true)));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence.len(), 2);
    }

    #[test]
    fn silent_about_units_as_they_were_read() {
        assert!(findings(&RULE, &changed(Some(false))).is_empty());
        assert!(findings(&RULE, &changed(None)).is_empty());
    }
}

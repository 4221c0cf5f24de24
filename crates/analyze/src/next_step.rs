//! Commands that this host can run: what a rule proposes where nothing is missing may not work here.

use sysdiag_model::{Finding, Snapshot, UnitName};

use crate::human::systemctl;

/// Puts another command in the place of one that this host does not have, or that has nothing to show.
pub(crate) fn make_valid(findings: &mut [Finding], snapshot: &Snapshot) {
    let missing = &snapshot.host.missing_tools;
    let works = |command: &str| {
        let tool = command.split_whitespace().next().unwrap_or_default();
        let silent = tool == "journalctl" && snapshot.journal.value().is_none();
        !silent && !missing.iter().any(|it| it == tool)
    };
    for finding in findings {
        if finding.next.as_deref().is_none_or(&works) {
            continue;
        }
        let is_unit = UnitName::from(finding.subject.as_str()).unit_type().is_some();
        let status = is_unit.then(|| systemctl("status", &finding.subject));
        let explain = || format!("sysdiag-analyzer explain {}", finding.rule);
        finding.next = Some(status.filter(|command| works(command)).unwrap_or_else(explain));
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Gap, Probe, Severity, Why};

    use super::*;
    use crate::testing::healthy;

    fn next(subject: &str, command: &str, snapshot: &Snapshot) -> String {
        let mut findings = [Finding::new("core-dump", Severity::Error, subject, "").next(command)];
        make_valid(&mut findings, snapshot);
        findings[0].next.clone().unwrap()
    }

    #[test]
    fn a_tool_that_is_not_there_is_not_proposed() {
        let mut snapshot = healthy();
        let dump = "coredumpctl info COREDUMP_UNIT=a.service";
        assert_eq!(next("a.service", dump, &snapshot), dump);
        snapshot.host.missing_tools = vec!["coredumpctl".to_owned()];
        assert_eq!(next("a.service", dump, &snapshot), "systemctl status a.service");
        assert_eq!(next("/var", dump, &snapshot), "sysdiag-analyzer explain core-dump");
        snapshot.host.missing_tools.push("systemctl".to_owned());
        assert_eq!(next("a.service", dump, &snapshot), "sysdiag-analyzer explain core-dump");
    }

    #[test]
    fn where_there_is_no_journal_nobody_is_sent_there() {
        let mut snapshot = healthy();
        let journal = "journalctl -b -n 50 --unit=a.service";
        assert_eq!(next("a.service", journal, &snapshot), journal);
        snapshot.journal = Probe::Unknown(Gap::new("journal", Why::Absent, "none"));
        assert_eq!(next("a.service", journal, &snapshot), "systemctl status a.service");
        assert_eq!(next("host", journal, &snapshot), "sysdiag-analyzer explain core-dump");
    }
}

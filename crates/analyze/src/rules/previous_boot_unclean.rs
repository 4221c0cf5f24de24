//! The boot before this one did not end with a shutdown.

use sysdiag_model::snapshot::{BootEnd, LogLine};
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{HOST, is_container};
use crate::human::{ago, shortened};
use crate::{Context, Explanation, Need, Rule, Section};

/// Characters of a message that are shown.
const MAX_MESSAGE: usize = 200;
/// Last messages that are shown.
const MOST_LINES: usize = 3;
const JOURNAL: &str = "journal";

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "previous-boot-unclean",
    title: "The previous boot ended without a shutdown",
    severity: Severity::Warning,
    section: Section::Boot,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "The end of the newest earlier boot in the system's journal: whether journald says \
                 that it stops, or systemd that it has reached shutdown.target or stopped \
                 sysinit.target. A warning for previous_boot_unclean_hours (24) from the start of \
                 this boot, then a note; in containers, which are often ended by force, a note. \
                 Nothing is said where the end cannot be read or the journal is not kept over \
                 boots.",
        matters: "The host lost power, crashed, hung until somebody or a watchdog reset it, or a \
                  shutdown did not finish. What was not yet on disk is lost, also the last \
                  messages; it may happen again.",
        todo: "Read the last messages of that boot. They seldom name the cause: see also the event \
               log of the hardware or of the hypervisor, and /var/lib/systemd/pstore for what the \
               kernel said last. Where nothing is found, look at power, temperature and memory.",
        references: &[
            "journalctl(1), --boot",
            "systemd.special(7), shutdown.target",
            "systemd-pstore.service(8)",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    finding(context).into_iter().collect()
}

fn finding(context: &Context<'_>) -> Option<Finding> {
    let previous = context.snapshot.journal.value()?.previous_boot.as_ref()?;
    let how = match previous.end {
        BootEnd::Shutdown => return None,
        BootEnd::ShutdownUnfinished => "in the middle of a shutdown",
        BootEnd::Sudden => "without a shutdown",
    };
    let clock = &context.snapshot.clock;
    let recent = context.settings.previous_boot_unclean_hours.saturating_mul(3_600_000_000);
    let severity = if is_container(context) || clock.boottime_usec > recent {
        Severity::Info
    } else {
        RULE.severity
    };
    let last = previous.last_entry;
    let title = format!("The previous boot ended {how} {}", ago(last, clock.realtime));
    let mut finding = Finding::new(RULE.id, severity, HOST, title)
        .since(Some(last))
        .because(Evidence::new("last message", Value::Time(last), JOURNAL))
        .next(format!("journalctl --boot={} --lines=200 --no-pager", previous.boot_id));
    if let Some(line) = &previous.told_by {
        finding = finding.because(message("shutdown", line));
    }
    for line in &previous.trouble {
        finding = finding.because(message("trouble", line));
    }
    let skipped = previous.last_lines.len().saturating_sub(MOST_LINES);
    for line in previous.last_lines.iter().skip(skipped) {
        finding = finding.because(message("among the last messages", line));
    }
    if let Some(file) = &previous.put_aside {
        finding = finding.because(Evidence::text("journal file not closed", file, JOURNAL));
    }
    Some(finding)
}

fn message(what: &str, line: &LogLine) -> Evidence {
    let from = line.identifier.as_deref().unwrap_or("unknown");
    Evidence::text(what, format!("{from}: {}", shortened(&line.message, MAX_MESSAGE)), JOURNAL)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PreviousBoot;
    use sysdiag_model::{Gap, Probe, Snapshot, Why};

    use super::*;
    use crate::testing::{findings, healthy, systemd_of};
    use crate::testing_events::{ago as seconds_ago, journal_of};
    use crate::{Past, Scope, Settings, assess};

    fn line(identifier: &str, text: &str) -> LogLine {
        LogLine {
            time: seconds_ago(4_000),
            level: None,
            identifier: Some(identifier.to_owned()),
            pid: None,
            message: text.to_owned(),
            cursor: None,
            errno: None,
        }
    }

    fn ended(end: BootEnd) -> Snapshot {
        let mut snapshot = healthy();
        journal_of(&mut snapshot).previous_boot = Some(PreviousBoot {
            boot_id: "ffeeddccbbaa99887766554433221100".parse().unwrap(),
            last_entry: seconds_ago(3 * 3_600),
            end,
            told_by: None,
            trouble: Vec::new(),
            last_lines: Vec::new(),
            put_aside: None,
        });
        snapshot
    }

    fn previous(snapshot: &mut Snapshot) -> &mut PreviousBoot {
        journal_of(snapshot).previous_boot.as_mut().unwrap()
    }

    #[test]
    fn fires_once_when_it_ended_suddenly() {
        let mut snapshot = ended(BootEnd::Sudden);
        let boot = previous(&mut snapshot);
        boot.trouble = vec![line("kernel", "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!")];
        boot.last_lines = (0..5).map(|n| line("app", &format!("working {n}"))).collect();
        boot.put_aside = Some("/var/log/journal/x/system@y.journal~".to_owned());
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "The previous boot ended without a shutdown 3 h ago");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].since, Some(seconds_ago(3 * 3_600)));
        assert_eq!(
            found[0].next.as_deref(),
            Some("journalctl --boot=ffeeddccbbaa99887766554433221100 --lines=200 --no-pager")
        );
        let what: Vec<&str> = found[0].evidence.iter().map(|it| it.what.as_str()).collect();
        let last = "among the last messages";
        assert_eq!(what, ["last message", "trouble", last, last, last, "journal file not closed"]);
        assert_eq!(found[0].evidence[4].value, Value::Text("app: working 4".to_owned()));
    }

    #[test]
    fn a_shutdown_that_did_not_finish_is_said_to_be_one() {
        let mut snapshot = ended(BootEnd::ShutdownUnfinished);
        previous(&mut snapshot).told_by = Some(line("systemd-logind", "The system will reboot."));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].title, "The previous boot ended in the middle of a shutdown 3 h ago");
        assert_eq!(found[0].evidence[1].what, "shutdown");
    }

    #[test]
    fn a_note_when_it_is_long_ago_or_a_container() {
        let mut snapshot = ended(BootEnd::Sudden);
        snapshot.clock.boottime_usec = 25 * 3_600_000_000;
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Info);
        let mut snapshot = ended(BootEnd::Sudden);
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Info);
    }

    #[test]
    fn silent_when_it_ended_well_or_is_not_known() {
        assert!(findings(&RULE, &ended(BootEnd::Shutdown)).is_empty());
        assert!(findings(&RULE, &healthy()).is_empty());
    }

    #[test]
    fn a_part_of_reports_about_the_boot_only() {
        let settings = Settings::default();
        let past = Probe::Known(Past::default());
        let snapshot = ended(BootEnd::Sudden);
        let boot = Scope { boot: true, ..Scope::default() };
        assert_eq!(assess(&snapshot, &past, &settings, &boot).findings.len(), 1);
        let health = Scope { health: true, ..Scope::default() };
        assert_eq!(assess(&snapshot, &past, &settings, &health).findings, []);
        // What was not read of the journal is told there, too.
        let mut snapshot = healthy();
        let digest = journal_of(&mut snapshot).clone();
        let gap = Gap::new("journal of the system", Why::NotPermitted, "run as root");
        snapshot.journal = Probe::Partial(digest, vec![gap.clone()]);
        assert_eq!(assess(&snapshot, &past, &settings, &boot).not_assessed[0], gap);
    }
}

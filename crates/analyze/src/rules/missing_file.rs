//! Files that units cannot start without and that do not exist.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::FileFact;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp};

use super::support::{Victim, and_others, victims};
use crate::human::{shell_word, shortened, systemctl};
use crate::lacks::{self, Lack};
use crate::{Context, Explanation, Need, Rule, Section, errno};

/// Units that stand as evidence; the findings about them hang below this one.
const MOST_UNITS: usize = 5;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "missing-file",
    title: "A file that a unit cannot start without does not exist",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that failed, or are restarted again and again, at the step at which a file \
                 is needed (203/EXEC, 200/CHDIR, 226/NAMESPACE and others, or the result \
                 resources), where that file is not on disk now: the program, the interpreter it \
                 names, EnvironmentFile=, WorkingDirectory=, RootDirectory=, ReadWritePaths=, \
                 BindPaths=, LoadCredential= and the like. The journal's ERRNO must not say \
                 otherwise. Files on network file systems are not looked at.",
        matters: "None of these units can be started before the file is there.",
        todo: "Install or restore the file, mend the link that should lead to it, or correct the \
               setting (systemctl edit UNIT). If the unit may do without it, put - in front of \
               the path.",
        references: &["systemd.exec(5), Process Exit Codes", "systemd.service(5), ExecStart="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut by_path: BTreeMap<&str, Vec<(Victim<'_>, &FileFact)>> = BTreeMap::new();
    for victim in victims(context) {
        if let Lack::Missing(file) = victim.reason.lack {
            by_path.entry(&file.path).or_default().push((victim, file));
        }
    }
    by_path.into_iter().map(|(path, needed)| finding(path, &needed)).collect()
}

fn finding(path: &str, needed: &[(Victim<'_>, &FileFact)]) -> Finding {
    let shown = shortened(path, 160);
    let (first, file) =
        needed.first().map_or((None, None), |(victim, file)| (Some(victim), Some(file)));
    let gone = file.map_or_else(String::new, |file| lacks::gone(file));
    let others = and_others(needed.len());
    let who = first.map_or("", |victim| victim.unit);
    let why = match (others, file) {
        (Some(units), _) => format!("{units} cannot start without it"),
        (None, Some(FileFact { interpreter_of: Some(program), .. })) => {
            format!("{who} needs it to run {}", shortened(program, 160))
        }
        (None, file) => {
            let setting = file.map_or("", |file| file.setting.as_str());
            format!("{who} cannot start without it ({setting}=)")
        }
    };
    let since: Option<Timestamp> = needed.iter().filter_map(|(victim, _)| victim.since).min();
    let next = match file.and_then(|file| file.interpreter_of.as_deref()) {
        Some(program) => format!("head -n 1 {}", shell_word(program)),
        None => systemctl("cat", who),
    };
    let mut finding =
        Finding::new(RULE.id, RULE.severity, path, format!("{shown} {gone}, but {why}"))
            .since(since)
            .next(next);
    for (victim, file) in needed.iter().take(MOST_UNITS) {
        let said = match &file.interpreter_of {
            Some(program) => format!("interpreter of {}", shortened(program, 160)),
            None => format!("{}=", file.setting),
        };
        let source = format!("{} (D-Bus), lstat(2)", file.setting);
        finding = finding.because(Evidence::text(victim.unit, said, source));
    }
    if let Some(number) = needed.iter().find_map(|(victim, _)| victim.reason.errno) {
        let said = format!("{} ({number})", errno::words(number));
        finding = finding.because(Evidence::text("error", said, "journal ERRNO"));
    }
    finding
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{FileState, UnitEventKind};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{event, failed_service, needs_file};

    const PROGRAM: &str = "/usr/bin/example";

    fn not_there(name: &str, snapshot: &mut Snapshot) {
        failed_service(snapshot, name, "exit-code", 1, 203);
        needs_file(snapshot, name, "ExecStart", PROGRAM, FileState::Missing);
    }

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        findings(&RULE, snapshot).into_iter().map(|finding| finding.title).collect()
    }

    #[test]
    fn fires_once_on_a_program_that_is_not_there() {
        let mut snapshot = healthy();
        not_there("a.service", &mut snapshot);
        let event = event(&mut snapshot, "a.service", UnitEventKind::SpawnFailed, 240);
        (event.errno, event.executable) = (Some(2), Some(PROGRAM.to_owned()));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "/usr/bin/example does not exist, but a.service cannot start without it (ExecStart=)"
        );
        assert_eq!(found[0].key.as_str(), "missing-file:/usr/bin/example");
        assert_eq!(found[0].next.as_deref(), Some("systemctl cat a.service"));
        assert_eq!(found[0].evidence.len(), 2);
    }

    #[test]
    fn ten_units_that_need_it_are_one_problem() {
        let mut snapshot = healthy();
        for number in 0..10 {
            not_there(&format!("a{number}.service"), &mut snapshot);
        }
        assert_eq!(
            titles(&snapshot),
            ["/usr/bin/example does not exist, but 10 units cannot start without it"]
        );
    }

    #[test]
    fn every_step_has_its_setting() {
        for (status, setting) in [
            (200, "WorkingDirectory"),
            (209, "StandardOutput"),
            (226, "ReadWritePaths"),
            (226, "BindPaths"),
            (243, "LoadCredential"),
        ] {
            let mut snapshot = healthy();
            failed_service(&mut snapshot, "a.service", "exit-code", 1, status);
            needs_file(&mut snapshot, "a.service", setting, "/srv/x", FileState::Missing);
            let expected = format!(
                "/srv/x does not exist, but a.service cannot start without it ({setting}=)"
            );
            assert_eq!(titles(&snapshot), [expected]);
            // At another step it was not that.
            failed_service(&mut snapshot, "a.service", "exit-code", 1, 217);
            needs_file(&mut snapshot, "a.service", setting, "/srv/x", FileState::Missing);
            assert_eq!(titles(&snapshot), [""; 0]);
        }
    }

    #[test]
    fn an_environment_file_is_what_systemd_could_not_read() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "resources", 0, 0);
        needs_file(&mut snapshot, "a.service", "EnvironmentFile", "/etc/a.env", FileState::Missing);
        assert_eq!(
            titles(&snapshot),
            ["/etc/a.env does not exist, but a.service cannot start without it (EnvironmentFile=)"]
        );
    }

    #[test]
    fn an_interpreter_and_the_end_of_a_link_are_named() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 203);
        needs_file(&mut snapshot, "a.service", "ExecStart", PROGRAM, FileState::Program);
        let file =
            needs_file(&mut snapshot, "a.service", "ExecStart", "/opt/python", FileState::Missing);
        file.interpreter_of = Some(PROGRAM.to_owned());
        file.leads_to = Some("/opt/python3.11".to_owned());
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "/opt/python leads to /opt/python3.11, which does not exist, but a.service needs it to \
             run /usr/bin/example"
        );
        assert_eq!(found[0].next.as_deref(), Some("head -n 1 /usr/bin/example"));
    }

    #[test]
    fn a_unit_that_waits_for_its_next_try_needs_it_too() {
        let mut snapshot = healthy();
        not_there("a.service", &mut snapshot);
        add_unit(&mut snapshot, unit("a.service", "activating", "auto-restart"));
        assert_eq!(titles(&snapshot).len(), 1);
        add_unit(&mut snapshot, unit("a.service", "active", "running"));
        assert_eq!(titles(&snapshot), [""; 0]);
    }

    #[test]
    fn silent_where_it_is_there_or_was_not_the_reason() {
        let mut snapshot = healthy();
        not_there("a.service", &mut snapshot);
        let event = event(&mut snapshot, "a.service", UnitEventKind::SpawnFailed, 240);
        // Permission denied: what is missing now was there.
        event.errno = Some(13);
        assert_eq!(titles(&snapshot), [""; 0]);
        for state in [Some(FileState::Program), None] {
            let mut snapshot = healthy();
            not_there("a.service", &mut snapshot);
            let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
            detail.files[0].state = state;
            assert_eq!(titles(&snapshot), [""; 0]);
        }
        assert_eq!(titles(&healthy()), [""; 0]);
    }
}

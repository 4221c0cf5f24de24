//! Units whose files changed after systemd read them.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{ChangedFile, FileChange, Unit};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "unit-changed-on-disk",
    title: "A unit file was changed and not reloaded",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "The unit file, the drop-ins and the source (such as /etc/fstab) of every loaded unit: \
                 one changed, came or went since systemd last read them. Files are looked at by \
                 their time of change (ctime), and compared with those systemd says it has loaded; \
                 where the content changed, systemd is asked as well (NeedDaemonReload). A new file \
                 that hides the loaded one is found too, which systemd does not notice. A warning for \
                 units that failed and for units whose file is gone, else a note. Several units \
                 with one changed file are one finding about that file.",
        matters: "What you read in the file is not what runs: a mended unit goes on failing as \
                  before, and a change may break the service at the next boot, when nobody looks.",
        todo: "Run systemctl daemon-reload, then restart the unit.",
        references: &["systemctl(1), daemon-reload", "systemd.unit(5), Unit File Load Path"],
    },
    check,
};

/// Files and units that are named in one finding.
const MOST: usize = 8;

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let systemd = units.systemd;
    let looked = systemd.changed_on_disk.as_ref();
    let mut findings = Vec::new();
    let mut shared: BTreeMap<&str, Vec<(&UnitName, &ChangedFile)>> = BTreeMap::new();
    for (name, files) in looked.iter().flat_map(|looked| &looked.units) {
        let unit = systemd.unit(name.as_str());
        match files.as_slice() {
            [file] if !unit.is_some_and(Unit::is_failed) => {
                shared.entry(&file.path).or_default().push((name, file));
            }
            files => findings.push(of_unit(name, unit, files)),
        }
    }
    for (path, of_path) in shared {
        let names: Vec<&UnitName> = of_path.iter().map(|(name, _)| *name).collect();
        match of_path.as_slice() {
            [(name, file)] => {
                let unit = systemd.unit(name.as_str());
                findings.push(of_unit(name, unit, std::slice::from_ref(*file)));
            }
            [(_, file), ..] => findings.push(of_file(path, file, &names)),
            [] => {}
        }
    }
    // Where files were not looked at, systemd knows.
    let told = systemd.details.iter().filter(|(_, detail)| detail.need_daemon_reload == Some(true));
    let told = told.filter(|_| looked.is_none());
    for (name, detail) in told {
        let mut finding = of_unit(name, systemd.unit(name.as_str()), &[]);
        for path in detail.fragment_path.iter().chain(&detail.drop_in_paths).take(MOST) {
            let source = "FragmentPath, DropInPaths (D-Bus)";
            finding = finding.because(Evidence::text("file", path, source));
        }
        findings.push(finding);
    }
    findings
}

fn of_unit(name: &UnitName, unit: Option<&Unit>, files: &[ChangedFile]) -> Finding {
    let title = match files {
        [file] => sentence(name, file),
        [old, new] if is_lost(old) && new.change == FileChange::Added && is_unit_file(new) => {
            format!(
                "The file of {name} is gone from disk, and systemd does not go by the one below it"
            )
        }
        _ => format!("{name} was changed on disk, and systemd goes by the old files"),
    };
    let bad = unit.is_some_and(Unit::is_failed)
        || (unit.is_some_and(|unit| unit.load_state == "loaded")
            && files.iter().any(is_lost)
            && !files.iter().any(|file| file.change == FileChange::Added && is_unit_file(file)));
    let severity = if bad { RULE.severity } else { Severity::Info };
    let finding = Finding::new(RULE.id, severity, name.as_str(), title)
        .since(files.iter().filter_map(|file| file.time).max())
        .next("systemctl daemon-reload");
    let finding = files.iter().take(MOST).fold(finding, because);
    // What came or went is told by comparison: not all of it is noticed by systemd.
    if !files.is_empty() && files.iter().all(|file| file.change != FileChange::Changed) {
        return finding;
    }
    finding.because(Evidence::text("NeedDaemonReload", "yes", "NeedDaemonReload (D-Bus)"))
}

/// One file, several units.
fn of_file(path: &str, file: &ChangedFile, units: &[&UnitName]) -> Finding {
    let verb = match file.change {
        FileChange::Changed => "was changed",
        FileChange::Added => "was added",
        FileChange::Removed => "is gone",
    };
    let count = amount::count(units.len() as u64, "unit", "units");
    let title = format!("{path} {verb}, and systemd goes by the old files for {count}");
    let severity = if is_lost(file) { RULE.severity } else { Severity::Info };
    let finding = Finding::new(RULE.id, severity, path, title)
        .since(file.time)
        .next("systemctl daemon-reload");
    let mut names: Vec<&str> = units.iter().take(MOST).map(|name| name.as_str()).collect();
    if units.len() > MOST {
        names.push("...");
    }
    let source = "FragmentPath, DropInPaths, SourcePath (D-Bus)";
    let names = Evidence::text("units", names.join(", "), source);
    because(finding, file).because(names)
}

fn because(finding: Finding, file: &ChangedFile) -> Finding {
    let what = match file.change {
        FileChange::Changed => "changed file",
        FileChange::Added => "new file",
        FileChange::Removed => "file that is gone",
    };
    let finding = finding.because(Evidence::text(what, &file.path, "the unit search path"));
    match (file.time, file.change) {
        (Some(time), FileChange::Removed) => {
            finding.because(Evidence::new("its folder changed", Value::Time(time), "st_ctime"))
        }
        (Some(time), _) => finding.because(Evidence::new("changed", Value::Time(time), "st_ctime")),
        (None, _) => finding,
    }
}

fn sentence(name: &UnitName, file: &ChangedFile) -> String {
    use FileChange::{Added, Changed, Removed};
    match (is_drop_in(file), is_unit_file(file), file.change) {
        (true, _, Changed) => {
            format!("A drop-in of {name} was changed on disk, and systemd goes by the old one")
        }
        (true, _, Added) => {
            format!("A drop-in of {name} was added on disk, and systemd has not read it")
        }
        (true, _, Removed) => {
            format!("A drop-in of {name} is gone from disk, and systemd still goes by it")
        }
        (_, true, Changed) => {
            format!("The file of {name} was changed on disk, and systemd goes by the old one")
        }
        (_, true, Added) => {
            format!("Another file for {name} was added on disk, and systemd goes by the old one")
        }
        (_, true, Removed) => {
            format!("The file of {name} is gone from disk, and systemd goes by what it read before")
        }
        (_, _, Removed) => format!("{} is gone, and {name} was made from it", file.path),
        (_, _, _) => format!("{} was changed, and {name} was made from the old one", file.path),
    }
}

fn is_drop_in(file: &ChangedFile) -> bool {
    file.path.rsplit_once('/').is_some_and(|(folder, _)| folder.strip_suffix(".d").is_some())
}

fn is_unit_file(file: &ChangedFile) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    !is_drop_in(file) && UnitName::from(name).unit_type().is_some()
}

/// After the next reload systemd does not know how to start, stop or reload the unit.
fn is_lost(file: &ChangedFile) -> bool {
    file.change == FileChange::Removed && is_unit_file(file)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::ChangedOnDisk;
    use sysdiag_model::{Snapshot, Timestamp};

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::failed_service;

    const FILE: &str = "/etc/systemd/system/nginx.service";

    fn changed(snapshot: &mut Snapshot, unit: &str, path: &str, change: FileChange) {
        let time = Some(Timestamp::from_usec(1_000_000));
        let file = ChangedFile { path: path.to_owned(), change, time };
        let looked = systemd_of(snapshot).changed_on_disk.get_or_insert_default();
        looked.units.entry(unit.into()).or_default().push(file);
    }

    #[test]
    fn names_the_file_that_changed_and_when() {
        let mut snapshot = healthy();
        changed(&mut snapshot, "nginx.service", FILE, FileChange::Changed);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].subject.as_str(), found[0].severity),
            ("nginx.service", Severity::Info)
        );
        assert_eq!(
            found[0].title,
            "The file of nginx.service was changed on disk, and systemd goes by the old one"
        );
        let what: Vec<&str> = found[0].evidence.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(what, ["changed file", "changed", "NeedDaemonReload"]);
        assert_eq!(found[0].since, Some(Timestamp::from_usec(1_000_000)));
    }

    #[test]
    fn a_file_that_is_gone_is_a_warning_a_drop_in_is_not() {
        for (path, change, severity, says) in [
            (FILE, FileChange::Removed, Severity::Warning, "The file of nginx.service is gone"),
            (FILE, FileChange::Added, Severity::Info, "Another file for"),
            ("/run/x.service.d/a.conf", FileChange::Removed, Severity::Info, "is gone from disk"),
            ("/run/x.service.d/a.conf", FileChange::Added, Severity::Info, "has not read it"),
            ("/etc/fstab", FileChange::Changed, Severity::Info, "/etc/fstab was changed"),
        ] {
            let mut snapshot = healthy();
            changed(&mut snapshot, "nginx.service", path, change);
            let found = findings(&RULE, &snapshot);
            assert_eq!((found.len(), found[0].severity), (1, severity), "{path}");
            assert!(found[0].title.contains(says), "{}", found[0].title);
        }
    }

    #[test]
    fn one_file_of_several_units_is_one_finding() {
        let mut snapshot = healthy();
        let path = "/etc/systemd/system/service.d/all.conf";
        for index in 0..20 {
            let name = format!("s{index}.service");
            add_unit(&mut snapshot, unit(&name, "active", "running"));
            changed(&mut snapshot, &name, path, FileChange::Added);
        }
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        changed(&mut snapshot, "a.service", path, FileChange::Added);
        let found = findings(&RULE, &snapshot);
        let subjects: Vec<&str> = found.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(subjects, ["a.service", path]);
        assert_eq!(found[0].severity, Severity::Warning);
        assert!(found[1].title.contains("for 20 units"), "{}", found[1].title);
    }

    fn told(state: Option<bool>) -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.need_daemon_reload = state;
        detail.fragment_path = Some("/etc/systemd/system/a.service".to_owned());
        snapshot
    }

    #[test]
    fn believes_systemd_where_files_were_not_looked_at() {
        let found = findings(&RULE, &told(Some(true)));
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
        assert_eq!(found[0].evidence.len(), 2);
    }

    #[test]
    fn silent_about_units_as_they_were_read() {
        assert!(findings(&RULE, &told(Some(false))).is_empty());
        assert!(findings(&RULE, &told(None)).is_empty());
        // Links were made without a reload: systemd says it of every unit.
        let mut snapshot = told(Some(true));
        systemd_of(&mut snapshot).changed_on_disk = Some(ChangedOnDisk::default());
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

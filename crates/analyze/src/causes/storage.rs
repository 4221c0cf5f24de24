//! Whether a unit failed for what is wrong with a file system: no space, not writable, a disk that fails.
//!
//! Proven by an error number of systemd's, or by what the unit itself logged last. Which file system
//! it was, its paths say; without any it is the only one in trouble, or nobody knows.

use sysdiag_model::{Evidence, Finding, Snapshot, Value};

use super::disk;
use crate::errno::{self, EIO, ENOSPC, EROFS};
use crate::lacks;
use crate::units::Units;

/// Lines of a unit that are looked at.
const LINES: usize = 5;

/// Errors of a write or read, and the rules that say why, the most telling first.
const ERRORS: [(i32, &[&str]); 3] = [
    (ENOSPC, &["file-system-full", "file-system-inodes"]),
    (EROFS, &["file-system-read-only"]),
    (EIO, &["file-system-read-only", "file-system-error", "disk-error"]),
];

/// The place in `findings` of what explains the failure of `unit`.
pub(super) fn of_failure(
    units: &Units<'_>,
    snapshot: &Snapshot,
    findings: &[Finding],
    unit: &str,
) -> Option<usize> {
    let lines = units.last_words(unit, LINES);
    let messages: Vec<&str> = lines.iter().map(|line| line.message.as_str()).collect();
    let service = units.detail(unit).and_then(|detail| detail.service.as_ref());
    let number = service
        .and_then(|service| service.status_errno)
        .or_else(|| lacks::not_spawned(units, unit)?.errno);
    let home = service.and_then(|service| service.working_directory.as_deref());
    of_messages(snapshot, findings, &messages, number, home)
}

/// The place in `findings` of what explains that a program found no space, which it logged as
/// `finding` tells.
pub(super) fn of_logged<'a>(
    snapshot: &Snapshot,
    findings: &[Finding],
    finding: &'a Finding,
) -> Option<usize> {
    let text = |fact: &'a Evidence| match &fact.value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    };
    let messages: Vec<&str> = finding.evidence.iter().filter_map(text).collect();
    of_messages(snapshot, findings, &messages, None, None)
}

fn of_messages(
    snapshot: &Snapshot,
    findings: &[Finding],
    messages: &[&str],
    number: Option<i32>,
    home: Option<&str>,
) -> Option<usize> {
    ERRORS.iter().find_map(|(error, rules)| {
        let words = errno::words(*error);
        let told: Vec<&str> =
            messages.iter().filter(|message| message.contains(&words)).copied().collect();
        if told.is_empty() && number != Some(*error) {
            return None;
        }
        let paths = told.iter().flat_map(|message| paths(message));
        let places: Vec<&str> =
            paths.chain(home).filter_map(|path| mount_point(snapshot, path)).collect();
        let at = |place: &&str| trouble_at(snapshot, findings, rules, place);
        // A path that was named lies elsewhere.
        let only = || if places.is_empty() { only_one(findings, rules) } else { None };
        places.iter().find_map(at).or_else(only)
    })
}

/// The finding of one of `rules` about the file system at `mount_point`, or about its disk.
fn trouble_at(
    snapshot: &Snapshot,
    findings: &[Finding],
    rules: &[&str],
    mount_point: &str,
) -> Option<usize> {
    let is = |finding: &Finding| {
        rules.contains(&finding.rule.as_str()) && finding.subject == mount_point
    };
    let below = || {
        let disk = rules.contains(&"disk-error");
        disk.then(|| disk::under_mount(snapshot, findings, mount_point)).flatten()
    };
    findings.iter().position(is).or_else(below)
}

/// The only finding of the first of `rules` that found anything; rules of one kind of trouble count
/// as one.
fn only_one(findings: &[Finding], rules: &[&str]) -> Option<usize> {
    let of = |rule: &str| {
        let numbered = findings.iter().enumerate();
        numbered.filter(|(_, it)| it.rule == rule).map(|(index, _)| index).collect::<Vec<_>>()
    };
    let found: Vec<usize> = if rules.contains(&"disk-error") {
        // A chain: what is read-only is so for its errors, and these are of the disk.
        rules.iter().map(|rule| of(rule)).find(|list| !list.is_empty())?
    } else {
        rules.iter().flat_map(|rule| of(rule)).collect()
    };
    match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Absolute paths in a sentence: from a slash at the beginning of a word on.
fn paths(message: &str) -> impl Iterator<Item = &str> {
    let words = message.split(|c: char| c.is_whitespace() || "'\"`:,;()[]{}=<>".contains(c));
    words.filter(|word| word.len() > 1 && word.starts_with('/'))
}

/// The mount point that `path` is below.
fn mount_point<'a>(snapshot: &'a Snapshot, path: &str) -> Option<&'a str> {
    let list = snapshot.system.value()?.file_systems.value()?;
    let below = |mount_point: &&str| {
        let rest = path.strip_prefix(mount_point.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let points = list.iter().map(|mounted| mounted.mount_point.as_str());
    points.filter(below).max_by_key(|mount_point| mount_point.len())
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Probe, Severity};

    use crate::testing::{GIB, file_system, healthy, system_of, systemd_of};
    use crate::testing_events::{assessed, failed_service, hit_of, line, logged};

    /// The cause of the failure of a unit that logged this, on a host where `/var` is full.
    fn cause(message: &str, more_full: bool, number: Option<i32>) -> Option<String> {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        line(&mut snapshot, "a.service", message);
        let service = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        service.service.as_mut().unwrap().status_errno = number;
        let srv = if more_full { 0 } else { 10 * GIB };
        system_of(&mut snapshot).file_systems = Probe::Known(vec![
            file_system("/", 100 * GIB, 60 * GIB),
            file_system("/var", 20 * GIB, 0),
            file_system("/srv", 20 * GIB, srv),
        ]);
        let report = assessed(&snapshot);
        let failed = report.findings.iter().find(|finding| finding.rule == "unit-failed").unwrap();
        failed.cause.as_ref().map(|key| key.as_str().to_owned())
    }

    #[test]
    fn the_path_that_was_named_tells_which() {
        let var = Some("file-system-full:/var".to_owned());
        let said = "could not write to file \"/var/lib/db/wal\": No space left on device";
        assert_eq!(cause(said, true, None), var);
        assert_eq!(cause("write error: No space left on device", false, None), var);
        assert_eq!(cause("goodbye", false, Some(28)), var);
    }

    #[test]
    fn a_disk_that_fails_is_behind_errors_of_what_is_on_it() {
        let cause = |message: &str| {
            let mut snapshot = healthy();
            failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
            line(&mut snapshot, "a.service", message);
            logged(&mut snapshot, "disk.blk_io", Severity::Error, 300, 7);
            hit_of(&mut snapshot).key = "sdb".to_owned();
            let mut srv = file_system("/srv", 20 * GIB, GIB);
            "/dev/sdb1".clone_into(&mut srv.source);
            system_of(&mut snapshot).file_systems =
                Probe::Known(vec![file_system("/", 100 * GIB, 60 * GIB), srv]);
            let report = assessed(&snapshot);
            let failed = report.findings.iter().find(|it| it.rule == "unit-failed").unwrap();
            failed.cause.as_ref().map(|key| key.as_str().to_owned())
        };
        let disk = Some("disk-error:sdb".to_owned());
        assert_eq!(cause("read /srv/db/wal: Input/output error"), disk);
        assert_eq!(cause("fsync: Input/output error"), disk);
        assert_eq!(cause("read /var/x: Input/output error"), None);
        assert_eq!(cause("write /srv/x: Read-only file system"), None);
    }

    #[test]
    fn a_program_that_tells_of_no_space_is_not_a_second_problem() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "disk.full", Severity::Error, 60, 2);
        let hit = hit_of(&mut snapshot);
        hit.key = "db.service".to_owned();
        hit.units = vec!["db.service".into()];
        "could not extend file \"/var/lib/db/1\": No space left on device"
            .clone_into(&mut hit.examples[0].message);
        system_of(&mut snapshot).file_systems =
            Probe::Known(vec![file_system("/", 100 * GIB, 60 * GIB), file_system("/var", GIB, 0)]);
        let report = assessed(&snapshot);
        let told = report.findings.iter().find(|it| it.rule == "logged-trouble").unwrap();
        assert_eq!(told.cause.as_ref().unwrap().as_str(), "file-system-full:/var");
    }

    #[test]
    fn nothing_is_guessed() {
        assert_eq!(cause("write error: No space left on device", true, None), None);
        assert_eq!(cause("/home/x: No space left on device", false, None), None);
        assert_eq!(cause("/var/x: Permission denied", false, None), None);
        assert_eq!(cause("goodbye", false, Some(13)), None);
    }
}

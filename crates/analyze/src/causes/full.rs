//! Whether a unit failed for want of space, and which file system was full.
//!
//! Proven by an error number of systemd's, or by what the unit itself logged last. Which file system
//! it was, its paths say; without any it is the only one that is full, or nobody knows.

use sysdiag_model::snapshot::LogLine;
use sysdiag_model::{Finding, Snapshot};

use crate::errno::{self, ENOSPC};
use crate::lacks;
use crate::units::Units;

/// Lines of a unit that are looked at.
const LINES: usize = 5;

/// The place in `findings` of the file system whose want of space explains the failure of `unit`.
pub(super) fn file_system(
    units: &Units<'_>,
    snapshot: &Snapshot,
    findings: &[Finding],
    unit: &str,
) -> Option<usize> {
    let words = errno::words(ENOSPC);
    let lines = units.last_words(unit, LINES);
    let told: Vec<&&LogLine> = lines.iter().filter(|line| line.message.contains(&words)).collect();
    let service = units.detail(unit).and_then(|detail| detail.service.as_ref());
    let by_number = service.and_then(|service| service.status_errno) == Some(ENOSPC)
        || lacks::not_spawned(units, unit).and_then(|event| event.errno) == Some(ENOSPC);
    if told.is_empty() && !by_number {
        return None;
    }
    let full: Vec<usize> = findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| {
            matches!(finding.rule.as_str(), "file-system-full" | "file-system-inodes")
        })
        .map(|(index, _)| index)
        .collect();
    let is_at = |index: &&usize, mount_point: &str| {
        findings.get(**index).is_some_and(|finding| finding.subject == mount_point)
    };
    let paths = told.iter().flat_map(|line| paths(&line.message));
    let home = service.and_then(|service| service.working_directory.as_deref());
    let places: Vec<&str> =
        paths.chain(home).filter_map(|path| mount_point(snapshot, path)).collect();
    let named = places.iter().find_map(|place| full.iter().find(|index| is_at(index, place)));
    if let Some(index) = named {
        return Some(*index);
    }
    match full.as_slice() {
        // A path that was named lies elsewhere.
        [only] if places.is_empty() => Some(*only),
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
    use sysdiag_model::Probe;

    use crate::testing::{GIB, file_system, healthy, system_of, systemd_of};
    use crate::testing_events::{assessed, failed_service, line};

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
    fn nothing_is_guessed() {
        assert_eq!(cause("write error: No space left on device", true, None), None);
        assert_eq!(cause("/home/x: No space left on device", false, None), None);
        assert_eq!(cause("/var/x: Permission denied", false, None), None);
        assert_eq!(cause("goodbye", false, Some(13)), None);
    }
}

//! Whether systemd-timesyncd has set the clock, without asking it: a call over D-Bus would start
//! timedated.
//!
//! Other time services leave nothing that can be read: chronyd and ntpd are asked over a socket of
//! their own. `adjtimex(2)` would tell for all of them; there is no safe way to call it yet.

use std::io;

use rustix::fs::fstat;
use sysdiag_model::snapshot::ClockMark;
use sysdiag_model::{Probe, Timestamp};

use crate::{Root, file, gap};

/// Touched whenever the clock was set; its folder goes when the service stops.
const MARK: &str = "/run/systemd/timesync/synchronized";

/// The mark of systemd-timesyncd.
pub(super) fn read(root: &Root) -> Probe<ClockMark> {
    match modified(root, MARK) {
        Ok(time) => Probe::Known(ClockMark { synchronized: Some(time) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Probe::Known(ClockMark { synchronized: None })
        }
        Err(error) => Probe::Unknown(gap::of_file("clock synchronisation", MARK, &error)),
    }
}

/// When the file at `path` was last written. Needs no permission to read it.
pub(super) fn modified(root: &Root, path: &str) -> io::Result<Timestamp> {
    let stat = fstat(file::open_path(root, path)?)?;
    // Only whole seconds: no rule looks closer.
    let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
    Ok(Timestamp::from_usec(seconds.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    use sysdiag_model::Why;

    use super::*;

    #[test]
    fn the_mark_says_when() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        assert_eq!(read(&root), Probe::Known(ClockMark { synchronized: None }));
        let place = folder.path().join("run/systemd/timesync");
        fs::create_dir_all(&place).unwrap();
        let mark = fs::File::create(place.join("synchronized")).unwrap();
        mark.set_modified(UNIX_EPOCH + Duration::from_secs(1_790_000_000)).unwrap();
        let time = Timestamp::from_usec(1_790_000_000_000_000);
        assert_eq!(read(&root), Probe::Known(ClockMark { synchronized: Some(time) }));
    }

    #[test]
    fn what_is_in_the_way_is_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("run/systemd")).unwrap();
        fs::write(folder.path().join("run/systemd/timesync"), "").unwrap();
        assert_eq!(read(&Root::at(folder.path())).gaps()[0].why, Why::Malformed);
    }
}

//! Asking file systems that may never answer, through a child that can be left behind.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use sysdiag_model::snapshot::FileSystem;
use sysdiag_model::{Gap, Probe, Why};

use super::child::{MAX_PATHS, STATFS_CHILD};
use super::usage;
use crate::{file, gap, text};

/// Children that still hang in the kernel; a long-running program (the exporter) makes no more.
const MAX_HANGING: usize = 4;
/// A line is under two hundred bytes.
const MAX_OUTPUT: usize = MAX_PATHS * 256;

/// Killed children that had not ended yet: they are reaped when the next one is started.
static HANGING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A child at work.
#[derive(Debug)]
pub(super) struct Remote {
    child: Child,
    output: ChildStdout,
    /// Of each path given to the child, where in the list its file system is.
    places: Vec<usize>,
}

/// This program itself, even if its file was replaced meanwhile.
pub(super) fn program() -> &'static Path {
    Path::new("/proc/self/exe")
}

/// What is said of a file system that did not answer.
pub(super) fn no_answer(mount_point: &str) -> Gap {
    Gap::new(
        format!("space of {mount_point}"),
        Why::TimedOut,
        "statfs(2) did not answer: the server or FUSE daemon behind it may be dead",
    )
}

impl Remote {
    /// Starts a child on `paths`: (place in the list, mount point).
    pub(super) fn start(program: &Path, paths: &[(usize, Vec<u8>)]) -> io::Result<Self> {
        if reap() >= MAX_HANGING {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let asked = paths.iter().take(MAX_PATHS);
        let mut child = Command::new(program)
            .arg(STATFS_CHILD)
            .args(asked.clone().map(|(_, path)| OsStr::from_bytes(path)))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let Some(output) = child.stdout.take() else {
            leave(child);
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self { child, output, places: asked.map(|(place, _)| *place).collect() })
    }

    /// Fills in what has been answered by `until`, and leaves the child behind. Mounts that turn out
    /// to be single files are no file systems and leave the list.
    pub(super) fn finish(self, list: &mut Vec<FileSystem>, until: Instant) {
        let mut files = HashSet::new();
        let (output, ended) = self.read_until(until);
        leave(self.child);
        if ended {
            // Nothing hangs: this is our own fault, or somebody killed the child.
            for place in &self.places {
                let Some(file_system) = list.get_mut(*place) else { continue };
                let what = format!("space of {}", file_system.mount_point);
                let hint = "the process that asks for it ended without an answer";
                file_system.usage = Probe::Unknown(Gap::new(what, Why::Malformed, hint));
            }
        }
        for line in text::lines(&output) {
            let Some((place, usage)) = answer(line) else { continue };
            let place = self.places.get(place).copied();
            let Some(file_system) = place.and_then(|place| list.get_mut(place)) else { continue };
            file_system.usage = match usage {
                Ok(usage) => Probe::Known(usage),
                Err(Errno::NOTDIR) => {
                    files.insert(file_system.mount_point.clone());
                    continue;
                }
                Err(errno) => Probe::Unknown(gap::from_io(
                    format!("space of {}", file_system.mount_point),
                    &errno.into(),
                )),
            };
        }
        list.retain(|file_system| !files.contains(&file_system.mount_point));
    }

    /// All the child prints, until it ends (and whether it did), every path is answered or time
    /// is up.
    fn read_until(&self, until: Instant) -> (Vec<u8>, bool) {
        let mut output = vec![0; MAX_OUTPUT];
        let mut length = 0;
        let mut ended = false;
        loop {
            let answered = output.iter().take(length).filter(|byte| **byte == b'\n').count();
            let ready = answered < self.places.len() && self.wait(until);
            let Some(rest) = output.get_mut(length..).filter(|rest| ready && !rest.is_empty())
            else {
                break;
            };
            match file::read_some(&self.output, rest) {
                Ok(0) | Err(_) => {
                    ended = true;
                    break;
                }
                Ok(count) => length += count,
            }
        }
        output.truncate(length);
        (output, ended)
    }

    /// Whether there is something to read before `until`.
    fn wait(&self, until: Instant) -> bool {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut descriptors = [PollFd::new(&self.output, PollFlags::IN)];
            match poll(&mut descriptors, Some(&timeout)) {
                // A signal came between.
                Err(Errno::INTR) => {}
                ready => return ready.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

fn answer(line: &[u8]) -> Option<(usize, Result<sysdiag_model::snapshot::FsUsage, Errno>)> {
    let (index, rest) = text::split_once(line, b' ')?;
    let index = usize::try_from(text::number(index)?).ok()?;
    let (kind, rest) = text::split_once(rest, b' ')?;
    match kind {
        b"ok" => Some((index, Ok(usage::from_line(rest)?))),
        b"error" => {
            let errno = i32::try_from(text::small(rest)?).ok()?;
            // The range of errno(3), which the type insists on.
            (1..4096).contains(&errno).then(|| (index, Err(Errno::from_raw_os_error(errno))))
        }
        _ => None,
    }
}

/// Kills the child and does not wait for it: in `statfs(2)` it may not die.
fn leave(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    if !matches!(child.try_wait(), Ok(Some(_))) {
        HANGING.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }
}

/// Takes note of children that have ended; returns how many have not.
fn reap() -> usize {
    let mut hanging = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
    hanging.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    hanging.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file_system(mount_point: &str) -> FileSystem {
        FileSystem {
            device: "0:50".to_owned(),
            source: "server:/x".to_owned(),
            mount_point: mount_point.to_owned(),
            fs_type: "nfs4".to_owned(),
            read_only: false,
            super_read_only: false,
            any_mount_read_only: Some(false),
            fault: None,
            usage: Probe::Unknown(no_answer(mount_point)),
        }
    }

    #[test]
    fn a_child_that_hangs_is_left_behind_at_the_deadline() {
        // cat blocks in the kernel on opening a FIFO that nobody writes to.
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        let paths = [(0, fifo.as_os_str().as_bytes().to_vec())];
        let remote = Remote::start(Path::new("/bin/cat"), &paths).unwrap();
        let mut list = vec![file_system("/nfs")];
        let begin = Instant::now();
        remote.finish(&mut list, begin + std::time::Duration::from_millis(100));
        assert!(begin.elapsed() >= std::time::Duration::from_millis(100));
        assert!(begin.elapsed() < std::time::Duration::from_secs(5));
        assert_eq!(list[0].usage, Probe::Unknown(no_answer("/nfs")));
    }

    #[test]
    fn a_child_that_ends_or_never_stops_printing_is_no_answer() {
        for program in ["/bin/true", "/usr/bin/yes"] {
            let paths = [(0, b"/nfs".to_vec())];
            let remote = Remote::start(Path::new(program), &paths).unwrap();
            let mut list = vec![file_system("/nfs")];
            remote.finish(&mut list, Instant::now() + std::time::Duration::from_secs(30));
            assert_eq!(list[0].usage.value(), None, "{program}");
        }
        assert!(Remote::start(Path::new("/no/such/program"), &[]).is_err());
    }

    #[test]
    fn a_single_file_leaves_the_list() {
        // echo prints its arguments, of which the second is what the child would print.
        let paths = [(0, b"/etc/hosts".to_vec()), (1, b"\n0 error 20\n1 ok 10 5 4 - -".to_vec())];
        let remote = Remote::start(Path::new("/bin/echo"), &paths).unwrap();
        let mut list = vec![file_system("/etc/hosts"), file_system("/nfs")];
        remote.finish(&mut list, Instant::now() + std::time::Duration::from_secs(30));
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].usage.value().unwrap().available_bytes, 4);
    }

    #[test]
    fn answers() {
        let (index, usage) = answer(b"3 ok 10 5 4 - -").unwrap();
        assert_eq!((index, usage.unwrap().available_bytes), (3, 4));
        assert_eq!(answer(b"0 error 116").unwrap(), (0, Err(Errno::STALE)));
        for wrong in ["", "0", "0 ok", "0 ok 1 2", "x ok 1 2 3 4 5", "0 error 0", "0 error 99999"] {
            assert_eq!(answer(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(line: Vec<u8>, words in "[0-9]{1,3} (ok|error) [0-9 -]{0,30}") {
            let _ = answer(&line);
            let _ = answer(words.as_bytes());
        }
    }
}

//! The list of processes and what `stat` and `cmdline` say of each.

use std::mem::MaybeUninit;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, RawDir, fstat, openat};
use rustix::io::Errno;
use sysdiag_model::snapshot::Process;
use sysdiag_model::{Gap, Why};

use super::stat;
use crate::mask::mask_args;
use crate::{file, gap, text};

/// Hosts with more are read in part.
const MAX_PROCESSES: usize = 100_000;
/// Longer command lines are cut, which the last argument then says.
const CMDLINE_BYTES: usize = 4096;
/// `stat` is under 400 bytes.
const STAT_BYTES: usize = 2048;

/// The processes and what could not be read.
pub(super) struct Listed {
    pub(super) processes: Vec<Process>,
    pub(super) gaps: Vec<Gap>,
    /// Processes that are there and that we may not look at.
    pub(super) unreadable: usize,
}

/// Every process of `proc`, by PID.
pub(super) fn read(proc: &OwnedFd) -> Result<Listed, Errno> {
    let mut pids = pids(proc)?;
    pids.sort_unstable();
    let mut gaps = Vec::new();
    if pids.len() > MAX_PROCESSES {
        let what = gap::processes(pids.len() - MAX_PROCESSES);
        let hint = format!("only the first {MAX_PROCESSES} were read");
        gaps.push(Gap::new(what, Why::Malformed, hint));
        pids.truncate(MAX_PROCESSES);
    }
    let mut reader = Reader {
        buffer: vec![0; CMDLINE_BYTES.max(STAT_BYTES)],
        page_bytes: rustix::param::page_size() as u64,
    };
    let mut processes = Vec::with_capacity(pids.len());
    let (mut unreadable, mut malformed) = (0, 0_usize);
    for pid in pids {
        match reader.process(proc, pid) {
            Ok(Some(process)) => processes.push(process),
            Ok(None) => malformed += 1,
            Err(Errno::ACCESS | Errno::PERM) => unreadable += 1,
            // It ended in between.
            Err(_) => {}
        }
    }
    if malformed > 0 {
        let what = gap::processes(malformed);
        gaps.push(Gap::new(what, Why::Malformed, "/proc/PID/stat is not as proc(5) describes"));
    }
    Ok(Listed { processes, gaps, unreadable })
}

/// The numbers among the names in `proc`.
fn pids(proc: &OwnedFd) -> Result<Vec<u32>, Errno> {
    let mut pids = Vec::with_capacity(1024);
    let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(proc, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if let Some(pid) = text::small(entry.file_name().to_bytes()) {
            pids.push(pid);
            // A directory without end, of which only the number of names is still of interest.
            if pids.len() > 10 * MAX_PROCESSES {
                break;
            }
        }
    }
    Ok(pids)
}

struct Reader {
    buffer: Vec<u8>,
    page_bytes: u64,
}

impl Reader {
    /// One process; `None`: its `stat` is malformed.
    fn process(&mut self, proc: &OwnedFd, pid: u32) -> Result<Option<Process>, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(proc, rustix::path::DecInt::new(pid), flags, Mode::empty())?;
        let length = file::read_once(&dir, c"stat", &mut self.buffer)?;
        let stat = self.buffer.get(..length).and_then(stat::parse);
        let Some(stat) = stat.filter(|stat| stat.pid == pid) else { return Ok(None) };
        let cmdline = if stat.kernel_thread || stat.state == 'Z' {
            Some(Vec::new())
        } else {
            self.cmdline(&dir)
        };
        Ok(Some(Process {
            pid,
            ppid: stat.ppid,
            state: stat.state,
            comm: stat.comm,
            cmdline,
            start_ticks: stat.start_ticks,
            user_ticks: stat.user_ticks,
            system_ticks: stat.system_ticks,
            rss_bytes: stat.rss_pages.saturating_mul(self.page_bytes),
            pss_bytes: None,
            threads: stat.threads,
            // The owner of the directory is the effective user, `proc_pid(5)`.
            uid: fstat(&dir).ok().map(|stat| stat.st_uid),
            cgroup: None,
            kernel_thread: stat.kernel_thread,
        }))
    }

    fn cmdline(&mut self, dir: impl AsFd) -> Option<Vec<String>> {
        let buffer = self.buffer.get_mut(..CMDLINE_BYTES)?;
        let length = file::read_once(dir, c"cmdline", buffer).ok()?;
        Some(cmdline(buffer.get(..length)?, length == CMDLINE_BYTES))
    }
}

/// Arguments, each ended by a NUL. A program that writes its own title leaves many NULs behind it.
fn cmdline(bytes: &[u8], cut: bool) -> Vec<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let Some(bytes) = bytes.get(..end).filter(|bytes| !bytes.is_empty()) else { return Vec::new() };
    let mut args: Vec<String> = bytes.split(|byte| *byte == 0).map(text::string).collect();
    if cut && let Some(last) = args.last_mut() {
        last.push('…');
    }
    mask_args(args)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments() {
        assert_eq!(cmdline(b"/bin/cat\0a b\0\0", false), ["/bin/cat", "a b"]);
        assert_eq!(cmdline(b"x\0\0y\0", false), ["x", "", "y"]);
        assert_eq!(cmdline(b"nginx: worker process\0\0\0\0", false), ["nginx: worker process"]);
        assert_eq!(cmdline(b"", false), [""; 0]);
        assert_eq!(cmdline(b"\0\0", false), [""; 0]);
        assert_eq!(cmdline(b"a\0\xffb", true), ["a", "\u{fffd}b…"]);
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(cmdline(b"app\0--password\0x\0", false), ["app", "--password", "[masked]"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, cut: bool) {
            let _ = cmdline(&bytes, cut);
        }
    }
}

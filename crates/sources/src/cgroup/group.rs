//! The files of one group into figures, through one buffer.

use std::ffi::CStr;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use sysdiag_model::snapshot::{Cgroup, CpuStat, IoStat};
use sysdiag_model::{Gap, Why};

use super::figures;
use super::files::{File, FileSet};
use super::walk::Entry;
use crate::{file, pressure};

/// The longest file that the kernel prints in one go is `memory.stat` or an `io.stat` of many disks.
const BUFFER_BYTES: usize = 128 * 1024;
/// `cgroup.procs` of more than a hundred thousand processes.
const MAX_PROCS_BYTES: usize = 1024 * 1024;
/// The kernel fills a page before it ends a read of a list early, so less than that was all.
const SURELY_ALL: usize = 2048;

/// Reads groups.
pub(super) struct Reader {
    buffer: Vec<u8>,
    procs_cut: Option<String>,
}

/// Why a file gave nothing.
enum Missing {
    /// The whole group is gone.
    Vanished,
    /// This file only.
    NotRead,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BUFFER_BYTES], procs_cut: None }
    }

    /// What rates are computed from. `None`: the group vanished.
    pub(super) fn counters(
        &mut self,
        entry: &Entry<'_>,
    ) -> Option<(Option<CpuStat>, Option<IoStat>)> {
        let (mut cpu, mut io) = (None, None);
        for (file, name) in entry.files.and(FileSet::counters()).iter() {
            let bytes = match self.file(entry.dir, name) {
                Ok(bytes) => bytes,
                // cpu.stat is in every group.
                Err(Missing::Vanished) if file == File::CpuStat => return None,
                Err(_) => continue,
            };
            match file {
                File::CpuStat => cpu = figures::cpu_stat(bytes),
                _ => io = figures::io_stat(bytes),
            }
        }
        Some((cpu, io))
    }

    /// Everything else. `None`: the group vanished.
    pub(super) fn group(&mut self, entry: &Entry<'_>) -> Option<Cgroup> {
        let mut group = empty(entry);
        for (file, name) in entry.files.iter() {
            if file == File::Procs {
                match self.procs(entry, name) {
                    Ok(procs) => group.procs = procs,
                    Err(Missing::Vanished) => return None,
                    Err(Missing::NotRead) => {}
                }
            } else if let Ok(bytes) = self.file(entry.dir, name) {
                take(&mut group, file, bytes);
            }
        }
        Some(group)
    }

    /// Lists that were too long.
    pub(super) fn gaps(self) -> Option<Gap> {
        let path = self.procs_cut?;
        Some(Gap::new(
            format!("processes of the cgroup {path}"),
            Why::Malformed,
            format!("cgroup.procs is longer than {MAX_PROCS_BYTES} bytes"),
        ))
    }

    /// A file that one read gives whole.
    fn file(&mut self, dir: &OwnedFd, name: &CStr) -> Result<&[u8], Missing> {
        let length = file::read_once(dir, name, &mut self.buffer).map_err(Missing::from)?;
        // A full buffer may be half of a file.
        self.buffer.get(..length).filter(|_| length < self.buffer.len()).ok_or(Missing::NotRead)
    }

    /// `cgroup.procs`, a list that may take several reads.
    fn procs(&mut self, entry: &Entry<'_>, name: &CStr) -> Result<Option<Vec<u32>>, Missing> {
        let procs = file::open_at(entry.dir, name)?;
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                if length >= MAX_PROCS_BYTES {
                    self.procs_cut.get_or_insert_with(|| entry.path.to_owned());
                    return Ok(None);
                }
                self.buffer.resize(length.saturating_mul(2), 0);
            }
            let rest = self.buffer.get_mut(length..).ok_or(Missing::NotRead)?;
            let count = file::read_some(&procs, rest)?;
            length += count;
            if count == 0 || length < SURELY_ALL {
                break;
            }
        }
        let bytes = self.buffer.get(..length).ok_or(Missing::NotRead)?;
        Ok(figures::procs(bytes))
    }
}

impl From<Errno> for Missing {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NODEV => Self::Vanished,
            _ => Self::NotRead,
        }
    }
}

fn take(group: &mut Cgroup, file: File, bytes: &[u8]) {
    match file {
        File::Procs => group.procs = figures::procs(bytes),
        File::CpuStat => group.cpu = figures::cpu_stat(bytes),
        File::CpuPressure => group.cpu_pressure = pressure::parse(bytes),
        File::MemoryPressure => group.memory_pressure = pressure::parse(bytes),
        File::IoPressure => group.io_pressure = pressure::parse(bytes),
        File::CpuMax => group.cpu_max = figures::cpu_max(bytes),
        File::MemoryCurrent => group.memory_current_bytes = figures::value(bytes),
        File::MemoryPeak => group.memory_peak_bytes = figures::value(bytes),
        File::MemoryMax => group.memory_max_bytes = figures::value(bytes),
        File::MemoryHigh => group.memory_high_bytes = figures::value(bytes),
        File::MemorySwapCurrent => group.memory_swap_current_bytes = figures::value(bytes),
        File::MemoryEvents => group.memory_events = figures::memory_events(bytes),
        File::MemoryEventsLocal => group.memory_events_local = figures::memory_events(bytes),
        File::MemoryStat => group.memory_stat = figures::memory_stat(bytes),
        File::IoStat => group.io = figures::io_stat(bytes),
        File::PidsCurrent => group.pids_current = figures::value(bytes),
        File::PidsMax => group.pids_max = figures::value(bytes),
        File::PidsEvents => group.pids_events = figures::pids_events(bytes),
        File::PidsEventsLocal => group.pids_events_local = figures::pids_events(bytes),
    }
}

fn empty(entry: &Entry<'_>) -> Cgroup {
    Cgroup {
        path: entry.path.to_owned(),
        inode: entry.inode,
        procs: None,
        cpu: None,
        cpu_max: None,
        memory_current_bytes: None,
        memory_peak_bytes: None,
        memory_max_bytes: None,
        memory_high_bytes: None,
        memory_swap_current_bytes: None,
        memory_events: None,
        memory_events_local: None,
        memory_stat: None,
        io: None,
        pids_current: None,
        pids_max: None,
        pids_events: None,
        pids_events_local: None,
        cpu_pressure: None,
        memory_pressure: None,
        io_pressure: None,
    }
}

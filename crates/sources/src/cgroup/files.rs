//! Which files a cgroup can have: known beforehand, a file that is not there costs no system call.

use std::ffi::CStr;

/// A file of a cgroup that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum File {
    Procs,
    CpuStat,
    CpuPressure,
    MemoryPressure,
    IoPressure,
    CpuMax,
    MemoryCurrent,
    MemoryPeak,
    MemoryMax,
    MemoryHigh,
    MemorySwapCurrent,
    MemoryEvents,
    MemoryEventsLocal,
    MemoryStat,
    IoStat,
    PidsCurrent,
    PidsMax,
    PidsEvents,
    PidsEventsLocal,
}

use File::{
    CpuMax, CpuPressure, CpuStat, IoPressure, IoStat, MemoryCurrent, MemoryEvents,
    MemoryEventsLocal, MemoryHigh, MemoryMax, MemoryPeak, MemoryPressure, MemoryStat,
    MemorySwapCurrent, PidsCurrent, PidsEvents, PidsEventsLocal, PidsMax, Procs,
};

/// Names, in the order of reading: `cgroup.procs` first, which tells a group that vanished.
const FILES: [(File, &CStr); 19] = [
    (Procs, c"cgroup.procs"),
    (CpuStat, c"cpu.stat"),
    (CpuPressure, c"cpu.pressure"),
    (MemoryPressure, c"memory.pressure"),
    (IoPressure, c"io.pressure"),
    (CpuMax, c"cpu.max"),
    (MemoryCurrent, c"memory.current"),
    (MemoryPeak, c"memory.peak"),
    (MemoryMax, c"memory.max"),
    (MemoryHigh, c"memory.high"),
    (MemorySwapCurrent, c"memory.swap.current"),
    (MemoryEvents, c"memory.events"),
    (MemoryEventsLocal, c"memory.events.local"),
    (MemoryStat, c"memory.stat"),
    (IoStat, c"io.stat"),
    (PidsCurrent, c"pids.current"),
    (PidsMax, c"pids.max"),
    (PidsEvents, c"pids.events"),
    (PidsEventsLocal, c"pids.events.local"),
];

/// A set of [`File`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSet(u32);

/// Files that every group but the root has.
const BASE: FileSet = FileSet::of(&[Procs, CpuStat, CpuPressure, MemoryPressure, IoPressure]);
/// Files by controller, the first one being there wherever the controller is enabled.
const CONTROLLERS: [(&[u8], File, FileSet); 4] = [
    (b"cpu", CpuMax, FileSet::of(&[CpuMax])),
    (
        b"memory",
        MemoryCurrent,
        FileSet::of(&[
            MemoryCurrent,
            MemoryPeak,
            MemoryMax,
            MemoryHigh,
            MemorySwapCurrent,
            MemoryEvents,
            MemoryEventsLocal,
            MemoryStat,
        ]),
    ),
    (b"io", IoStat, FileSet::of(&[IoStat])),
    (b"pids", PidsCurrent, FileSet::of(&[PidsCurrent, PidsMax, PidsEvents, PidsEventsLocal])),
];

impl FileSet {
    pub(super) const fn none() -> Self {
        Self(0)
    }

    pub(super) const fn all() -> Self {
        Self(u32::MAX)
    }

    /// What rates are computed from.
    pub(super) const fn counters() -> Self {
        Self::of(&[CpuStat, IoStat])
    }

    const fn of(mut files: &[File]) -> Self {
        let mut set = 0;
        while let [first, rest @ ..] = files {
            set |= 1 << *first as u8;
            files = rest;
        }
        Self(set)
    }

    pub(super) const fn contains(self, file: File) -> bool {
        self.0 & (1 << file as u8) != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Adds the file of this name, if it is one that is read.
    pub(super) fn add_name(&mut self, name: &CStr) {
        let found = FILES.iter().find(|(_, known)| *known == name);
        if let Some((file, _)) = found {
            *self = self.with(Self::of(&[*file]));
        }
    }

    /// The files of groups whose parent's `cgroup.subtree_control` is `enabled`.
    pub(super) fn below(enabled: &[u8]) -> Self {
        let mut set = BASE;
        for word in crate::text::fields(enabled) {
            for (name, _, files) in &CONTROLLERS {
                if word == *name {
                    set = set.with(*files);
                }
            }
        }
        set
    }

    /// Files that this kernel does not have (`memory.peak` before 5.19, pressure without PSI), as
    /// the listing of a group other than the root shows.
    pub(super) fn unknown_to_kernel(listed: Self) -> Self {
        let groups = [(Procs, BASE)].into_iter();
        let groups = groups.chain(CONTROLLERS.map(|(_, sign, files)| (sign, files)));
        groups
            .filter(|(sign, _)| listed.contains(*sign))
            .fold(Self::none(), |unknown, (_, files)| unknown.with(files.without(listed)))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (File, &'static CStr)> {
        FILES.into_iter().filter(move |(file, _)| self.contains(*file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&CStr]) -> FileSet {
        let mut set = FileSet::none();
        for name in names {
            set.add_name(name);
        }
        set
    }

    #[test]
    fn every_file_has_a_bit_of_its_own_and_a_name() {
        let names = FILES.map(|(_, name)| name);
        let set = listed(&names);
        assert_eq!(set.iter().count(), FILES.len());
        assert_eq!(set.0.count_ones() as usize, FILES.len());
    }

    #[test]
    fn controllers_bring_their_files() {
        let set = FileSet::below(b"cpu pids\n");
        assert!(set.contains(CpuMax) && set.contains(PidsMax) && set.contains(CpuStat));
        assert!(!set.contains(MemoryCurrent) && !set.contains(IoStat));
        assert!(!FileSet::below(b"cpuset").contains(CpuMax));
    }

    #[test]
    fn an_old_kernel_is_recognised() {
        let unknown = FileSet::unknown_to_kernel(listed(&[
            c"cgroup.procs",
            c"cpu.stat",
            c"memory.current",
            c"memory.max",
        ]));
        assert!(unknown.contains(MemoryPeak) && unknown.contains(IoPressure));
        // Nothing is known of a controller that is not enabled there.
        assert!(!unknown.contains(PidsEvents) && !unknown.contains(CpuMax));
        assert!(!unknown.contains(MemoryMax) && !unknown.contains(CpuStat));
    }
}

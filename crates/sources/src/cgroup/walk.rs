//! The walk over the tree: one handle per group, no path but the group's own, nothing followed.
//!
//! The directories of a group without children are not listed: cgroupfs counts sub-directories in
//! the link count, as every Unix file system that counts them does, and which files there are
//! follows from the parent's `cgroup.subtree_control`. A listing of 60 names costs more than
//! reading three files.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, RawDir, fstat, openat};
use rustix::io::Errno;
use sysdiag_model::{Gap, Why};

use super::files::FileSet;
use super::locate::Location;
use crate::{Root, file, gap, text};

/// systemd's trees are a handful deep; each level holds a file handle.
const MAX_DEPTH: usize = 64;
/// The kernel's own limit is higher, and no host has as many.
const MAX_GROUPS: usize = 100_000;
/// Bytes of names for one `getdents64(2)`.
const LISTING_BYTES: usize = 32 * 1024;

/// One cgroup, open.
pub(super) struct Entry<'a> {
    pub(super) dir: &'a OwnedFd,
    /// Path below the mount, `/` for the root.
    pub(super) path: &'a str,
    pub(super) inode: u64,
    /// Files that it can have, of those asked for.
    pub(super) files: FileSet,
}

/// What is done with each group.
pub(super) trait Visit {
    fn visit(&mut self, entry: Entry<'_>);
}

/// What came of a walk beside the groups.
#[derive(Debug)]
pub(super) struct Walked {
    /// `cgroup.controllers` of the top.
    pub(super) controllers: Vec<String>,
    /// Parts of the tree that were not read.
    pub(super) gaps: Vec<Gap>,
}

/// A walk in progress.
pub(super) struct Walk {
    /// Files that are asked for and that this kernel has.
    wanted: FileSet,
    listing: Vec<MaybeUninit<u8>>,
    words: Vec<u8>,
    groups: usize,
    refused: usize,
    failed: Option<(String, Errno)>,
    left_out: usize,
}

impl Walk {
    pub(super) fn new(wanted: FileSet) -> Self {
        Self {
            wanted,
            listing: vec![MaybeUninit::uninit(); LISTING_BYTES],
            words: vec![0; 4096],
            groups: 0,
            refused: 0,
            failed: None,
            left_out: 0,
        }
    }

    /// Shows every group of the tree to `visitor`, parents first.
    pub(super) fn run(
        mut self,
        root: &Root,
        location: &Location,
        visitor: &mut impl Visit,
    ) -> Result<Walked, Gap> {
        let top = file::open_dir(root, location.mount_path.as_slice())
            .map_err(|error| gap::from_io("cgroups", &error))?;
        let controllers = self.read_words(&top, c"cgroup.controllers").unwrap_or_default();
        let controllers = text::fields(controllers).map(text::string).collect();
        self.group(&top, "/", 0, FileSet::all(), visitor);
        Ok(Walked { controllers, gaps: self.gaps() })
    }

    fn group(
        &mut self,
        dir: &OwnedFd,
        path: &str,
        depth: usize,
        possible: FileSet,
        visitor: &mut impl Visit,
    ) {
        let Ok(stat) = fstat(dir) else { return };
        let mut files = possible.and(self.wanted);
        let mut children = Vec::new();
        // The top always: a root cgroup has not the files that others have.
        if depth == 0 || stat.st_nlink != 2 {
            let listed = match self.list(dir, &mut children) {
                Ok(listed) => listed,
                Err(errno) => return self.not_read(path, errno),
            };
            files = listed.and(self.wanted);
            if depth > 0 {
                self.wanted = self.wanted.without(FileSet::unknown_to_kernel(listed));
            }
        }
        self.groups += 1;
        visitor.visit(Entry { dir, path, inode: stat.st_ino, files });
        if children.is_empty() {
            return;
        }
        // Unreadable, every file is tried.
        let below =
            self.read_words(dir, c"cgroup.subtree_control").map_or(FileSet::all(), FileSet::below);
        for name in children {
            if depth >= MAX_DEPTH || self.groups >= MAX_GROUPS {
                self.left_out += 1;
                continue;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let parent = path.strip_suffix('/').unwrap_or(path);
            let path = format!("{parent}/{}", String::from_utf8_lossy(name.to_bytes()));
            match openat(dir, &name, flags, Mode::empty()) {
                Ok(dir) => self.group(&dir, &path, depth + 1, below, visitor),
                Err(errno) => self.not_read(&path, errno),
            }
        }
    }

    /// The directories and the known files in `dir`.
    fn list(&mut self, dir: impl AsFd, children: &mut Vec<CString>) -> Result<FileSet, Errno> {
        let mut files = FileSet::none();
        let mut entries = RawDir::new(dir, &mut self.listing);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            match entry.file_type() {
                FileType::RegularFile => files.add_name(name),
                FileType::Directory if name == c"." || name == c".." => {}
                FileType::Directory => children.push(name.to_owned()),
                _ => {}
            }
        }
        Ok(files)
    }

    /// A file of names, cut off at what no controllers fill.
    fn read_words(&mut self, dir: &OwnedFd, name: &std::ffi::CStr) -> Option<&[u8]> {
        let length = file::read_once(dir, name, &mut self.words).ok()?;
        self.words.get(..length)
    }

    /// A group that went away during the walk is none; any other error is told.
    fn not_read(&mut self, path: &str, errno: Errno) {
        if matches!(errno, Errno::NOENT | Errno::NODEV | Errno::NOTDIR | Errno::LOOP) {
            return;
        }
        self.refused += 1;
        self.failed.get_or_insert_with(|| (path.to_owned(), errno));
    }

    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if let Some((path, errno)) = &self.failed {
            let error = io::Error::from(*errno);
            let mut gap = gap::from_io(format!("{} cgroups and those below", self.refused), &error);
            gap.hint = gap.hint.map(|hint| format!("{path}: {hint}"));
            gaps.push(gap);
        }
        if self.left_out > 0 {
            gaps.push(Gap::new(
                format!("{} cgroups and those below", self.left_out),
                Why::Malformed,
                format!("more than {MAX_GROUPS} cgroups or {MAX_DEPTH} levels"),
            ));
        }
        gaps
    }
}

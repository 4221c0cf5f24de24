//! Opening and reading small files of the kernel: bounded, never blocking on a FIFO, and below a
//! [`Root`] never out of it by a symbolic link.

use std::io;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, read as read_fd};
use rustix::path::Arg;

use crate::Root;

/// Opens the directory at `path`, an absolute path below `root`.
pub(crate) fn open_dir(root: &Root, path: impl Arg) -> io::Result<OwnedFd> {
    open(root, path, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// A handle to ask `stat` of, whatever is at `path`; needs no permission to read it.
pub(crate) fn open_path(root: &Root, path: impl Arg) -> io::Result<OwnedFd> {
    open(root, path, OFlags::PATH)
}

/// Opens `path`, an absolute path below `root`.
pub(crate) fn open(root: &Root, path: impl Arg, flags: OFlags) -> io::Result<OwnedFd> {
    let mut flags = flags | OFlags::CLOEXEC;
    // A FIFO in a mounted image would block an open for ever; openat2(2) refuses these with a path.
    if !flags.contains(OFlags::PATH) {
        flags |= OFlags::NOCTTY | OFlags::NONBLOCK;
    }
    if root.is_host() {
        return Ok(openat(CWD, path, flags, Mode::empty())?);
    }
    let top = openat(CWD, root.path("/"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    Ok(openat2(top, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
}

/// All of the file at `path` below `root`; an error if it is longer than `limit` bytes.
pub(crate) fn read(root: &Root, path: impl Arg, limit: usize) -> io::Result<Vec<u8>> {
    let file = open(root, path, OFlags::RDONLY)?;
    let mut bytes = vec![0; limit.saturating_add(1).min(16 * 1024)];
    let mut length = 0;
    loop {
        let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) else {
            if length > limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            bytes.resize(length.saturating_mul(2).min(limit.saturating_add(1)), 0);
            continue;
        };
        match read_some(&file, rest)? {
            0 => break,
            count => length += count,
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Opens `name` in `dir` and reads once into `buffer`: one `read(2)` gives all of the files that
/// the kernel prints in one go (`single_open`), and most of no other.
pub(crate) fn read_once(dir: impl AsFd, name: impl Arg, buffer: &mut [u8]) -> Result<usize, Errno> {
    let file = open_at(dir, name)?;
    read_some(&file, buffer)
}

/// Opens `name` in `dir`, not following a symbolic link.
pub(crate) fn open_at(dir: impl AsFd, name: impl Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    openat(dir, name, flags, Mode::empty())
}

/// `read(2)`, again when a signal came between.
pub(crate) fn read_some(file: impl AsFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| read_fd(&file, &mut *buffer))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let content = vec![b'x'; 100_000];
        fs::write(folder.path().join("file"), &content).unwrap();
        assert_eq!(read(&root, "/file", 100_000).unwrap(), content);
        assert_eq!(read(&root, "/file", 99_999).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::write(folder.path().join("empty"), "").unwrap();
        assert_eq!(read(&root, "/empty", 10).unwrap(), b"");
    }

    #[test]
    fn a_link_does_not_lead_out_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        symlink("/usr/target", folder.path().join("link")).unwrap();
        assert_eq!(read(&root, "/link", 10).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(folder.path().join("usr")).unwrap();
        fs::write(folder.path().join("usr/target"), "inside").unwrap();
        assert_eq!(read(&root, "/link", 10).unwrap(), b"inside");
    }

    #[test]
    fn a_fifo_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        rustix::fs::mkfifoat(CWD, folder.path().join("fifo"), Mode::RUSR).unwrap();
        assert_eq!(read(&Root::at(folder.path()), "/fifo", 10).unwrap(), b"");
    }
}

//! How full a file system is, `statfs(2)`, without setting off an automount.

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, StatFs, StatxFlags, fstatfs, openat, statx,
};
use rustix::io::Errno;
use sysdiag_model::snapshot::FsUsage;

/// `AUTOFS_SUPER_MAGIC` of `linux/magic.h`.
const AUTOFS: u64 = 0x0187;

/// What is mounted at `path`. A handle opened by `O_PATH` does not set off an automount, `open(2)`.
///
/// # Errors
///
/// As `statfs(2)`; `ENODEV`: `path` is an automount point with nothing mounted, or not `device`
/// (`major:minor`), which another mount hides; `ENOTDIR`: a single file is mounted there.
pub(super) fn usage(path: &[u8], device: Option<&[u8]>) -> Result<FsUsage, Errno> {
    let place = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    // The kernel knows both without asking a server.
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    match statx(&place, c"", flags, StatxFlags::TYPE) {
        Ok(found) => {
            let number = format!("{}:{}", found.stx_dev_major, found.stx_dev_minor);
            if device.is_some_and(|device| device != number.as_bytes()) {
                return Err(Errno::NODEV);
            }
            if FileType::from_raw_mode(found.stx_mode.into()) != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
        }
        // A server that refuses the one may answer the other.
        Err(_) if device.is_none() => {}
        Err(errno) => return Err(errno),
    }
    let statfs = fstatfs(&place)?;
    if u64::try_from(statfs.f_type) == Ok(AUTOFS) {
        return Err(Errno::NODEV);
    }
    Ok(from_statfs(&statfs))
}

fn from_statfs(statfs: &StatFs) -> FsUsage {
    let block = u64::try_from(statfs.f_frsize).unwrap_or_default();
    let block = if block == 0 { u64::try_from(statfs.f_bsize).unwrap_or_default() } else { block };
    // btrfs and other file systems that make inodes as they need them say 0.
    let has_inodes = statfs.f_files > 0;
    FsUsage {
        total_bytes: statfs.f_blocks.saturating_mul(block),
        free_bytes: statfs.f_bfree.saturating_mul(block),
        available_bytes: statfs.f_bavail.saturating_mul(block),
        total_inodes: has_inodes.then_some(statfs.f_files),
        free_inodes: has_inodes.then_some(statfs.f_ffree),
    }
}

/// One line from the child to its parent: five figures, `-` for an unknown one.
pub(super) fn to_line(usage: &FsUsage) -> String {
    let or_dash = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |n| n.to_string());
    format!(
        "{} {} {} {} {}",
        usage.total_bytes,
        usage.free_bytes,
        usage.available_bytes,
        or_dash(usage.total_inodes),
        or_dash(usage.free_inodes)
    )
}

/// What [`to_line`] wrote.
pub(super) fn from_line(line: &[u8]) -> Option<FsUsage> {
    let mut fields = crate::text::fields(line);
    let mut figure = || crate::text::number(fields.next()?);
    let (total_bytes, free_bytes, available_bytes) = (figure()?, figure()?, figure()?);
    let (total_inodes, free_inodes) = (figure(), figure());
    Some(FsUsage { total_bytes, free_bytes, available_bytes, total_inodes, free_inodes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_root_of_this_machine() {
        let usage = usage(b"/", None).unwrap();
        assert!(usage.total_bytes >= usage.free_bytes);
        assert!(usage.free_bytes >= usage.available_bytes);
        assert!(usage.total_bytes > 0);
    }

    #[test]
    fn a_file_is_no_file_system() {
        assert_eq!(usage(b"/proc/self/stat", None), Err(Errno::NOTDIR));
        assert_eq!(usage(b"/proc/self/stat", Some(b"999:1")), Err(Errno::NODEV));
    }

    #[test]
    fn another_device_is_not_taken_for_it() {
        assert_eq!(usage(b"/proc", Some(b"999:1")), Err(Errno::NODEV));
        assert_eq!(usage(b"/no/such/place", None), Err(Errno::NOENT));
    }

    proptest! {
        #[test]
        fn lines_come_back(total: u64, free: u64, available: u64, inodes: Option<(u64, u64)>) {
            let usage = FsUsage {
                total_bytes: total,
                free_bytes: free,
                available_bytes: available,
                total_inodes: inodes.map(|(total, _)| total),
                free_inodes: inodes.map(|(_, free)| free),
            };
            prop_assert_eq!(from_line(to_line(&usage).as_bytes()), Some(usage));
        }

        #[test]
        fn nothing_panics(line: Vec<u8>) {
            let _ = from_line(&line);
        }
    }
}

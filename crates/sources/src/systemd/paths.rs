//! Whether the files that sockets, mounts and swaps are about are there.
//!
//! systemd does not notice that somebody removed the path of a socket: it holds the socket still,
//! and nobody can connect any more.

use std::collections::BTreeMap;
use std::time::Instant;

use sysdiag_model::snapshot::{FileState, SocketState, UnitDetail};
use sysdiag_model::{UnitName, UnitType};

use super::look::Look;
use super::units::Listed;
use crate::Root;

/// Kinds of `Listen` whose address is a path if it begins with a slash; that of a message queue
/// looks like one and is none.
const WITH_PATH: [&str; 5] = ["Stream", "Datagram", "SequentialPacket", "FIFO", "Special"];
/// The most paths that are looked at: a host has some dozens.
const MAX_PATHS: usize = 2000;

/// Looks for the paths of the sockets that are active.
pub(super) fn of_sockets(
    root: &Root,
    deadline: Instant,
    listed: &[Listed],
    sockets: &mut BTreeMap<UnitName, SocketState>,
) {
    let Some(mut look) = Look::new(root, deadline) else { return };
    let mut left = MAX_PATHS;
    let active = listed.iter().filter(|listed| listed.unit.active_state == "active");
    for listed in active {
        let Some(socket) = sockets.get_mut(&listed.unit.name) else { continue };
        let paths: Vec<&String> = socket
            .listen
            .iter()
            .filter(|(kind, path)| WITH_PATH.contains(&kind.as_str()) && path.starts_with('/'))
            .map(|(_, path)| path)
            .collect();
        if paths.len() > left {
            break;
        }
        left = left.saturating_sub(paths.len());
        socket.missing_paths = missing(&mut look, &paths);
    }
}

/// None: not all of them could be looked at.
fn missing(look: &mut Look<'_>, paths: &[&String]) -> Option<Vec<String>> {
    let mut missing = Vec::new();
    for path in paths {
        if look.at(path)?.state == FileState::Missing {
            missing.push((*path).clone());
        }
    }
    Some(missing)
}

/// Looks for what mounts and swaps in question are to use: devices, and files to swap to. What
/// else a mount names need not be a path although it looks like one (`//server/share`).
pub(super) fn of_mounts(
    root: &Root,
    deadline: Instant,
    details: &mut BTreeMap<UnitName, UnitDetail>,
) {
    let Some(mut look) = Look::new(root, deadline) else { return };
    for (name, detail) in details.iter_mut() {
        let is_path = |what: &&str| match name.unit_type() {
            Some(UnitType::Mount) => what.starts_with("/dev/"),
            Some(UnitType::Swap) => what.starts_with('/'),
            _ => false,
        };
        let what = detail.mount_what.as_deref().filter(is_path);
        let found = what.and_then(|what| look.at(what));
        detail.mount_what_exists = found.map(|found| found.state != FileState::Missing);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    fn host() -> (tempfile::TempDir, Root, Instant) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["proc/self", "run", "dev"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /nfs rw - nfs4 s:/ rw\n";
        fs::write(folder.path().join("proc/self/mountinfo"), mounts).unwrap();
        fs::write(folder.path().join("run/here.sock"), "").unwrap();
        fs::write(folder.path().join("dev/vda"), "").unwrap();
        let root = Root::at(folder.path());
        (folder, root, Instant::now() + Duration::from_secs(30))
    }

    #[test]
    fn only_what_is_not_there_is_missing() {
        let (_folder, root, soon) = host();
        let mut look = Look::new(&root, soon).unwrap();
        let path = |path: &str| path.to_owned();
        let (here, gone, nfs) = (path("/run/here.sock"), path("/run/x/x.sock"), path("/nfs/x"));
        assert_eq!(missing(&mut look, &[&here]), Some(Vec::new()));
        assert_eq!(missing(&mut look, &[&here, &gone]), Some(vec![gone.clone()]));
        assert_eq!(missing(&mut look, &[&gone, &nfs]), None);
    }

    #[test]
    fn devices_of_mounts_and_files_of_swaps_are_looked_for() {
        let (_folder, root, soon) = host();
        let with =
            |what: &str| UnitDetail { mount_what: Some(what.to_owned()), ..UnitDetail::default() };
        let mut details = BTreeMap::from([
            (UnitName::from("a.mount"), with("/dev/vda")),
            (UnitName::from("b.mount"), with("/dev/vdb")),
            (UnitName::from("c.mount"), with("//server/share")),
            (UnitName::from("d.swap"), with("/swapfile")),
        ]);
        of_mounts(&root, soon, &mut details);
        let seen: Vec<Option<bool>> =
            details.values().map(|detail| detail.mount_what_exists).collect();
        assert_eq!(seen, [Some(true), Some(false), None, Some(false)]);
    }
}

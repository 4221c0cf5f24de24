//! The cgroup of each process.

use std::collections::HashMap;

use sysdiag_model::snapshot::{CgroupTree, Process, Processes};

use crate::{Root, file, text};

/// `/proc/PID/cgroup` has a line per hierarchy.
const BUFFER_BYTES: usize = 16 * 1024;

/// Fills in the cgroups of processes from the tree's `cgroup.procs`: no system call.
pub fn join_cgroups(processes: &mut Processes, tree: &CgroupTree) {
    let groups = tree.groups.iter().filter_map(|group| Some((group.procs.as_ref()?, &group.path)));
    let paths: HashMap<u32, &String> =
        groups.flat_map(|(pids, path)| pids.iter().map(move |pid| (*pid, path))).collect();
    for process in &mut processes.list {
        if let Some(path) = paths.get(&process.pid) {
            process.cgroup = Some((*path).clone());
        }
    }
}

/// Fills in the cgroups that are not known yet from `/proc/PID/cgroup`: three system calls a
/// process, for when there is no tree. `subtree` is the part of the hierarchy that paths are
/// relative to in the snapshot, empty on a host.
pub fn read_cgroups(root: &Root, processes: &mut Processes, subtree: &str) {
    let Ok(proc) = file::open_dir(root, "/proc") else { return };
    let mut buffer = vec![0; BUFFER_BYTES];
    let unknown = |process: &&mut Process| process.cgroup.is_none();
    for process in processes.list.iter_mut().filter(unknown) {
        let path = format!("{}/cgroup", process.pid);
        let Ok(length) = file::read_once(&proc, path, &mut buffer) else { continue };
        process.cgroup = buffer.get(..length).and_then(|bytes| parse(bytes, subtree));
    }
}

/// The line of the unified hierarchy, `0::/system.slice/x.service`.
fn parse(bytes: &[u8], subtree: &str) -> Option<String> {
    let path = text::lines(bytes).find_map(|line| line.strip_prefix(b"0::/"))?;
    // Of a group that was removed since.
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let path = format!("/{}", text::string(path));
    match path.strip_prefix(subtree) {
        Some("") => Some("/".to_owned()),
        Some(rest) if rest.starts_with('/') => Some(rest.to_owned()),
        _ => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_unified_line() {
        for (text, subtree, expected) in [
            ("0::/init.scope\n", "", Some("/init.scope")),
            ("9:name=systemd:/x\n0::/a/b.service\n", "", Some("/a/b.service")),
            ("0::/a/b.service (deleted)\n", "", Some("/a/b.service")),
            ("0::/docker/1/b.service\n", "/docker/1", Some("/b.service")),
            ("0::/docker/1\n", "/docker/1", Some("/")),
            ("0::/docker/12\n", "/docker/1", Some("/docker/12")),
            ("0::/\n", "", Some("/")),
            ("9:name=systemd:/x\n", "", None),
            ("", "", None),
        ] {
            assert_eq!(parse(text.as_bytes(), subtree).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, subtree in "(/[a-c]{0,2}){0,2}") {
            let _ = parse(&bytes, &subtree);
        }
    }
}

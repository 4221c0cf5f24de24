//! Where the cgroup v2 tree is mounted, and where in it PID 1's manager is.

use sysdiag_model::{Gap, Why};

use crate::mountinfo::{self, Mount};
use crate::{Root, file, gap, text};

/// `/proc/1/cgroup` has a line per hierarchy.
const MAX_BYTES: usize = 64 * 1024;

/// A mounted cgroup v2 tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// Mount point, as text.
    pub(super) mount_point: String,
    /// Mount point, as the kernel has it.
    pub(super) mount_path: Vec<u8>,
    /// The cgroup of the manager, see [`sysdiag_model::snapshot::CgroupTree::root`].
    pub(super) manager_root: String,
    /// Whether hierarchies of version 1 are mounted beside.
    pub(super) has_v1: bool,
}

/// Finds the tree of the host below `root`.
pub(super) fn locate(root: &Root) -> Result<Location, Gap> {
    let mounts =
        mountinfo::read(root).map_err(|error| gap::of_file("cgroups", mountinfo::PATH, &error))?;
    let (mount, has_v1) = choose(&mounts)?;
    // Without permission to look at PID 1 it is taken for an ordinary host.
    let cgroup = file::read(root, "/proc/1/cgroup", MAX_BYTES).unwrap_or_default();
    Ok(Location {
        mount_point: text::string(&mount.mount_point),
        manager_root: text::string(manager_root(&cgroup, &mount.root)),
        mount_path: mount.mount_point.into_owned(),
        has_v1,
    })
}

/// The host's own mount among those that containers add.
fn choose(mountinfo: &[u8]) -> Result<(Mount<'_>, bool), Gap> {
    let mut has_v1 = false;
    let mut best: Option<(u8, Mount<'_>)> = None;
    for mount in mountinfo::parse(mountinfo) {
        match mount.fs_type {
            b"cgroup" => has_v1 = true,
            b"cgroup2" => {
                let rank = match &*mount.mount_point {
                    b"/sys/fs/cgroup" => 0,
                    b"/sys/fs/cgroup/unified" => 1,
                    _ => 2,
                };
                if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                    best = Some((rank, mount));
                }
            }
            _ => {}
        }
    }
    let missing = if has_v1 {
        Gap::new(
            "cgroups",
            Why::NotSupported,
            "only cgroup v1 is mounted; boot with systemd.unified_cgroup_hierarchy=1",
        )
    } else {
        Gap::new("cgroups", Why::Absent, "no cgroup v2 file system is mounted")
    };
    best.map(|(_, mount)| (mount, has_v1)).ok_or(missing)
}

/// The cgroup of PID 1 in the tree as mounted, without the `/init.scope` that systemd moves into.
fn manager_root<'a>(proc_1_cgroup: &'a [u8], mount_root: &[u8]) -> &'a [u8] {
    let line = text::lines(proc_1_cgroup).find_map(|line| line.strip_prefix(b"0::"));
    let path = line.unwrap_or_default();
    // Of a bind mount of a part of the tree only what is below is seen.
    let path = match mount_root {
        b"/" => path,
        part => path.strip_prefix(part).unwrap_or(path),
    };
    let path = path.strip_suffix(b"/init.scope").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    // Outside of our cgroup namespace: not in this tree.
    if path.starts_with(b"/..") { b"" } else { path }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V1: &[u8] = b"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
    const V2: &[u8] = b"32 31 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
    const UNIFIED: &[u8] = b"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const FOREIGN: &[u8] = b"50 31 0:38 / /srv/jail/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_hosts_own_mount_is_taken() {
        for (text, expected, v1) in [
            ([FOREIGN, V2].concat(), "/sys/fs/cgroup", false),
            ([FOREIGN, V1, UNIFIED].concat(), "/sys/fs/cgroup/unified", true),
            (FOREIGN.to_vec(), "/srv/jail/sys/fs/cgroup", false),
        ] {
            let (mount, has_v1) = choose(&text).unwrap();
            assert_eq!(text::string(&mount.mount_point), expected);
            assert_eq!(has_v1, v1);
        }
    }

    #[test]
    fn version_1_alone_is_said() {
        let gap = choose(V1).unwrap_err();
        assert_eq!(gap.why, Why::NotSupported);
        assert!(gap.hint.unwrap().contains("only cgroup v1 is mounted"));
        assert_eq!(choose(b"").unwrap_err().why, Why::Absent);
    }

    #[test]
    fn the_managers_own_cgroup() {
        for (cgroup, mount_root, expected) in [
            (&b"0::/init.scope\n"[..], &b"/"[..], &b""[..]),
            (b"9:name=systemd:/\n0::/\n", b"/", b""),
            (b"0::/foo/init.scope\n", b"/", b"/foo"),
            (b"0::/docker/1/init.scope\n", b"/docker/1", b""),
            (b"0::/../../init.scope\n", b"/", b""),
            (b"", b"/", b""),
            (b"1:name=systemd:/init.scope\n", b"/", b""),
        ] {
            assert_eq!(manager_root(cgroup, mount_root), expected, "{}", text::string(cgroup));
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, root: Vec<u8>) {
            let _ = choose(&bytes);
            let _ = manager_root(&bytes, &root);
        }
    }
}

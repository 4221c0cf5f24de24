//! Control groups by the number that the kernel gives with each event: the inode of the group's
//! directory. All are listed once after the programs are attached, then kept up by events. Those that
//! were removed are kept, too: what ran in them is still to be told.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use sysdiag_model::{UnitName, place};

use crate::event::text;

/// Groups that are remembered.
const MOST: usize = 65_536;
/// Of those, removed ones.
const MOST_REMOVED: usize = 8_192;
/// Of a path in the tree; the kernel's own bound in these events is 1 KiB.
const MOST_BYTES: usize = 4096;
const ROOT_SLICE: &str = "-.slice";

/// A control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    path: Box<str>,
    unit: Option<UnitName>,
    removed: bool,
}

impl Group {
    /// Path in the cgroup v2 tree, `/system.slice/nginx.service`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The unit of the system's manager that it belongs to. None: of no unit.
    pub fn unit(&self) -> Option<&UnitName> {
        self.unit.as_ref()
    }
}

/// Every control group there is and was.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_id: HashMap<u64, Group>,
    removed: VecDeque<u64>,
    /// The cgroup of the system's manager, empty on a host.
    manager: String,
}

impl Groups {
    /// Of the host below `root`. Without a tree all groups are unknown until they are made.
    pub(crate) fn new(root: &Path) -> Self {
        let mut groups = Self { manager: manager(root), ..Self::default() };
        groups.walk(root);
        groups
    }

    /// Lists those there are.
    pub(crate) fn walk(&mut self, root: &Path) {
        let Ok(mounts) = fs::read(root.join("proc/self/mountinfo")) else { return };
        let Some(mount) = mount_point(&mounts) else { return };
        let top = root.join(mount.strip_prefix("/").unwrap_or(&mount));
        let mut left = vec![(top, String::new())];
        if let Some((top, _)) = left.first()
            && let Ok(meta) = fs::metadata(top)
        {
            self.add(std::os::unix::fs::MetadataExt::ino(&meta), b"/");
        }
        while let Some((folder, path)) = left.pop() {
            // Removed meanwhile, or more than is kept of a path.
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    continue;
                }
                let path = format!("{path}/{}", text(entry.file_name().as_bytes()));
                if path.len() <= MOST_BYTES && self.by_id.len() < MOST {
                    self.add(entry.ino(), path.as_bytes());
                    left.push((entry.path(), path));
                }
            }
        }
    }

    /// One was made.
    pub(crate) fn add(&mut self, id: u64, path: &[u8]) {
        if self.by_id.len() >= MOST {
            let Some(oldest) = self.removed.pop_front() else { return };
            self.by_id.remove(&oldest);
        }
        let path = text(path);
        let unit = place(&self.manager, &path).map(|place| place.unit);
        let unit = unit.filter(|unit| unit.as_str() != ROOT_SLICE);
        self.by_id.insert(id, Group { path: path.into_boxed_str(), unit, removed: false });
    }

    /// One was removed.
    pub(crate) fn remove(&mut self, id: u64) {
        let Some(group) = self.by_id.get_mut(&id).filter(|group| !group.removed) else { return };
        group.removed = true;
        self.removed.push_back(id);
        if self.removed.len() > MOST_REMOVED
            && let Some(oldest) = self.removed.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&Group> {
        self.by_id.get(&id)
    }
}

/// Where the tree is, `proc_pid_mountinfo(5)`: the host's own mount among those that containers add.
fn mount_point(mountinfo: &[u8]) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(mountinfo);
    let points = text.lines().filter_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        let mut fields = fields.split(' ').skip(3);
        let whole = fields.next()? == "/" && rest.starts_with("cgroup2 ");
        fields.next().filter(|_| whole)
    });
    let rank = |point: &&str| match *point {
        "/sys/fs/cgroup" => 0,
        "/sys/fs/cgroup/unified" => 1,
        _ => 2,
    };
    points.min_by_key(rank).map(PathBuf::from)
}

/// The cgroup of PID 1 without the `/init.scope` that systemd moves into.
fn manager(root: &Path) -> String {
    let text = fs::read(root.join("proc/1/cgroup")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let path = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    let path = path.strip_suffix("/init.scope").unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_hosts_own_tree_is_taken() {
        let foreign = "50 31 0:38 / /srv/jail/cgroup rw - cgroup2 cgroup2 rw\n";
        let part = "50 31 0:38 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let v1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let unified = "41 31 0:38 / /sys/fs/cgroup/unified rw shared:1 - cgroup2 cgroup2 rw\n";
        let own = "32 31 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        for (text, expected) in [
            ([foreign, own].concat(), Some("/sys/fs/cgroup")),
            ([foreign, part, v1, unified].concat(), Some("/sys/fs/cgroup/unified")),
            (v1.to_owned(), None),
            ("\n - cgroup2 \n1 2 3 - cgroup2 x\n".to_owned(), None),
        ] {
            assert_eq!(mount_point(text.as_bytes()).as_deref(), expected.map(Path::new));
        }
    }

    #[test]
    fn a_tree_is_listed_and_kept_up() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("sys/fs/cgroup");
        fs::create_dir_all(tree.join("system.slice/a.service/worker")).unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        let line = "32 31 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        fs::write(root.path().join("proc/self/mountinfo"), line).unwrap();
        let mut groups = Groups::new(root.path());
        let id = |path: &str| fs::metadata(tree.join(path)).unwrap().ino();
        let worker = groups.get(id("system.slice/a.service/worker")).unwrap();
        assert_eq!(worker.path(), "/system.slice/a.service/worker");
        assert_eq!(worker.unit().unwrap(), "a.service");
        assert_eq!(groups.get(id("")).unwrap().unit(), None);

        groups.add(7, b"/b.scope");
        groups.remove(7);
        groups.remove(7);
        assert_eq!(groups.get(7).unwrap().unit().unwrap(), "b.scope");
        for id in 100..100 + MOST_REMOVED as u64 {
            groups.add(id, b"/c.scope");
            groups.remove(id);
        }
        assert_eq!(groups.get(7), None);
        assert_eq!(groups.by_id.len(), 4 + MOST_REMOVED);
    }
}

//! Mounted file systems that can fill up, from `/proc/self/mountinfo`.
//!
//! Kernel file systems without space (proc, sysfs, cgroup, ...) are left out, as are automount
//! points: looking at one would mount it.

use std::collections::HashSet;
use std::path::Path;

use rustix::io::Errno;
use sysdiag_model::snapshot::{FileSystem, FsUsage};
use sysdiag_model::{Gap, Probe, Why};

use super::remote::{self, Remote};
use super::usage;
use crate::mountinfo::{self, Mount, has_option};
use crate::{Root, gap, text};

/// Hosts with more are read in part.
const MAX_FILE_SYSTEMS: usize = 2000;
/// File systems without a device of their own whose space is that of disks.
const LOCAL_WITHOUT_DEVICE: [&[u8]; 5] = [b"btrfs", b"zfs", b"overlay", b"bcachefs", b"ubifs"];
/// File systems behind a server or a daemon that may be dead.
const REMOTE: [&[u8]; 17] = [
    b"nfs",
    b"nfs4",
    b"cifs",
    b"smb3",
    b"smbfs",
    b"ncpfs",
    b"ceph",
    b"glusterfs",
    b"lustre",
    b"gfs2",
    b"ocfs2",
    b"9p",
    b"virtiofs",
    b"afs",
    b"orangefs",
    b"fuse",
    b"fuseblk",
];
/// Options with which ext4 (Linux 6.15 and later) says that it gave up after an error.
const FAULTS: [&str; 2] = ["emergency_ro", "shutdown"];
/// Where memory file systems hold what users and daemons write.
const TMPFS: [&[u8]; 4] = [b"/tmp", b"/var/tmp", b"/run", b"/dev/shm"];

/// How a file system is asked for its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By ourselves, after a look at whether it is the device that mountinfo says.
    Direct { check_device: bool },
    /// By the child.
    Child,
}

/// The file systems, and the child that asks those which may not answer.
pub(super) fn read(root: &Root, program: &Path) -> (Probe<Vec<FileSystem>>, Option<Remote>) {
    let bytes = match mountinfo::read(root) {
        Ok(bytes) => bytes,
        Err(error) => {
            let gap = gap::of_file("file systems", mountinfo::PATH, &error);
            return (Probe::Unknown(gap), None);
        }
    };
    // The mounts of an image or a fixture are not there.
    let ask = root.is_host().then_some(usage::usage as Ask);
    let Listed { list, for_child, mut gaps } = gather(&bytes, ask);
    let remote = match for_child.as_slice() {
        [] => None,
        paths => match Remote::start(program, paths) {
            Ok(remote) => Some(remote),
            Err(error) => {
                gaps.push(gap::from_io("space of network and FUSE file systems", &error));
                None
            }
        },
    };
    (Probe::with_gaps(list, gaps), remote)
}

/// Asks a local file system for its space, see [`usage::usage`].
type Ask = fn(&[u8], Option<&[u8]>) -> Result<FsUsage, Errno>;

/// The file systems before the child was asked.
struct Listed {
    list: Vec<FileSystem>,
    /// Place in the list and mount point of those that the child is to ask.
    for_child: Vec<(usize, Vec<u8>)>,
    gaps: Vec<Gap>,
}

/// One mount of each device: the first that is a directory.
fn gather(mountinfo: &[u8], ask: Option<Ask>) -> Listed {
    let mut listed = Listed { list: Vec::new(), for_child: Vec::new(), gaps: Vec::new() };
    let mounts = select(mountinfo);
    let read_only: HashSet<&[u8]> = mountinfo::parse(mountinfo)
        .filter(|mount| has_option(mount.options, b"ro"))
        .map(|mount| mount.device)
        .collect();
    // Whether a part of a remote one is a directory is not to be known here; a whole one always is.
    let whole: HashSet<&[u8]> = mounts
        .iter()
        .filter(|(mount, way)| *way == Way::Child && mount.root.as_ref() == b"/")
        .map(|(mount, _)| mount.device)
        .collect();
    let mut devices = HashSet::new();
    for (mount, way) in &mounts {
        let is_part = mount.root.as_ref() != b"/" && whole.contains(mount.device);
        if devices.contains(mount.device) || is_part {
            continue;
        }
        if listed.list.len() >= MAX_FILE_SYSTEMS {
            let hint = format!("only the first {MAX_FILE_SYSTEMS} were read");
            listed.gaps.push(Gap::new("some file systems", Why::Malformed, hint));
            break;
        }
        let mut file_system = describe(mount, read_only.contains(mount.device));
        match (way, ask) {
            (_, None) => {}
            (Way::Child, Some(_)) => {
                file_system.usage = Probe::Unknown(remote::no_answer(&file_system.mount_point));
                let place = listed.list.len();
                listed.for_child.push((place, mount.mount_point.to_vec()));
            }
            (Way::Direct { check_device }, Some(ask)) => {
                let device = check_device.then_some(mount.device);
                match ask(&mount.mount_point, device) {
                    Ok(usage) => file_system.usage = Probe::Known(usage),
                    // Hidden by another mount, unmounted since, or a single file (containers have
                    // such mounts): the device may be seen elsewhere.
                    Err(Errno::NODEV | Errno::NOENT | Errno::NOTDIR) => continue,
                    Err(errno) => {
                        let what = format!("space of {}", file_system.mount_point);
                        file_system.usage = Probe::Unknown(gap::from_io(what, &errno.into()));
                    }
                }
            }
        }
        devices.insert(mount.device);
        listed.list.push(file_system);
    }
    listed
}

fn describe(mount: &Mount<'_>, any_mount_read_only: bool) -> FileSystem {
    let mount_point = text::string(&mount.mount_point);
    let usage = Probe::Unknown(Gap::new(
        format!("space of {mount_point}"),
        Why::NotSupported,
        "only the running host can be asked",
    ));
    FileSystem {
        device: text::string(mount.device),
        source: crate::mask::mask_text(&text::string(&mount.source)).into_owned(),
        mount_point,
        fs_type: text::string(mount.fs_type),
        read_only: has_option(mount.options, b"ro"),
        super_read_only: has_option(mount.super_options, b"ro"),
        any_mount_read_only: Some(any_mount_read_only),
        fault: FAULTS
            .into_iter()
            .find(|fault| has_option(mount.super_options, fault.as_bytes()))
            .map(str::to_owned),
        usage,
    }
}

/// The mounts that may be looked at: of each place the last one, which is what is seen there. One
/// device can have several.
fn select(mountinfo: &[u8]) -> Vec<(Mount<'_>, Way)> {
    let mounts: Vec<_> = mountinfo::parse(mountinfo).collect();
    let mut seen_places = HashSet::new();
    let mut visible: Vec<_> = mounts
        .iter()
        .rev()
        .filter(|mount| seen_places.insert(mount.mount_point.as_ref()))
        .collect();
    visible.reverse();
    let mut chosen = Vec::new();
    for mount in visible {
        let Some(way) = way(mount) else { continue };
        // On the way to a mount below a dead server the kernel hangs as well.
        let way = if way != Way::Child && below_remote(&mounts, mount) { Way::Child } else { way };
        chosen.push((mount.clone(), way));
    }
    chosen
}

fn way(mount: &Mount<'_>) -> Option<Way> {
    let kind = mount.fs_type;
    if is_remote(kind) {
        // Portals of the desktop show each user's own files: nothing that fills up.
        let portal = kind == b"fuse.portal" || kind == b"fuse.gvfsd-fuse" || kind == b"fuse.lxcfs";
        return (!portal).then_some(Way::Child);
    }
    if !mount.device.starts_with(b"0:") {
        return Some(Way::Direct { check_device: true });
    }
    let memory = kind == b"tmpfs" && TMPFS.contains(&mount.mount_point.as_ref());
    let local = LOCAL_WITHOUT_DEVICE.contains(&kind);
    // btrfs gives every subvolume a device number of its own.
    (memory || local).then_some(Way::Direct { check_device: kind != b"btrfs" })
}

fn is_remote(kind: &[u8]) -> bool {
    REMOTE.contains(&kind) || kind.starts_with(b"fuse.")
}

/// Whether a file system of this kind may keep whoever asks for its files waiting for ever: a server,
/// a daemon or a mount on demand is behind it.
pub(crate) fn may_never_answer(kind: &[u8]) -> bool {
    is_remote(kind) || kind == b"autofs"
}

fn below_remote(mounts: &[Mount<'_>], mount: &Mount<'_>) -> bool {
    mounts.iter().any(|above| {
        may_never_answer(above.fs_type)
            && mount.mount_point.strip_prefix(above.mount_point.as_ref()).is_some_and(|rest| {
                rest.starts_with(b"/") || (above.mount_point.as_ref() == b"/" && rest != b"")
            })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(lines: &[&str]) -> Vec<(String, Way)> {
        let lines: Vec<_> = lines.iter().map(|line| format!("1 0 {line}\n")).collect();
        let text = lines.concat();
        select(text.as_bytes())
            .into_iter()
            .map(|(mount, way)| (text::string(&mount.mount_point), way))
            .collect()
    }

    const CHECKED: Way = Way::Direct { check_device: true };

    #[test]
    fn disks_and_what_can_fill_up() {
        let chosen = chosen(&[
            "0:21 / /proc rw - proc proc rw",
            "0:5 / /dev rw - devtmpfs udev rw",
            "8:1 / / rw - ext4 /dev/sda1 rw",
            "0:23 / /dev/shm rw - tmpfs tmpfs rw",
            "0:24 / /run/user/0 rw - tmpfs tmpfs rw",
            "0:30 / /data rw - btrfs /dev/sdb rw",
            "0:40 / /var/lib/x rw - overlay overlay rw",
            "7:0 / /snap/core ro - squashfs /dev/loop0 ro",
            "0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
        ]);
        assert_eq!(
            chosen,
            [
                ("/".to_owned(), CHECKED),
                ("/dev/shm".to_owned(), CHECKED),
                ("/data".to_owned(), Way::Direct { check_device: false }),
                ("/var/lib/x".to_owned(), CHECKED),
                ("/snap/core".to_owned(), CHECKED),
            ]
        );
    }

    /// The mount points that [`gather`] keeps, where these are single files.
    fn kept(lines: &[&str]) -> Vec<String> {
        let lines: Vec<_> = lines.iter().map(|line| format!("1 0 {line}\n")).collect();
        let ask: Ask = |path, _| match path {
            b"/etc/hosts" | b"/run/host/os-release" => Err(Errno::NOTDIR),
            b"/hidden" => Err(Errno::NODEV),
            _ => usage::usage(b"/", None),
        };
        let listed = gather(lines.concat().as_bytes(), Some(ask));
        listed.list.into_iter().map(|file_system| file_system.mount_point).collect()
    }

    #[test]
    fn of_each_device_the_first_mount_and_of_each_place_the_last() {
        let kept = kept(&[
            "8:1 / / rw - ext4 /dev/sda1 rw",
            "8:1 /srv /srv rw - ext4 /dev/sda1 rw",
            "8:2 / /mnt rw - ext4 /dev/sda2 rw",
            "8:3 / /mnt rw - ext4 /dev/sda3 rw",
        ]);
        assert_eq!(kept, ["/", "/mnt"]);
        let text = b"1 0 8:2 / /mnt rw - ext4 a rw\n1 0 8:3 / /mnt rw - ext4 b rw\n";
        assert_eq!(select(text)[0].0.device, b"8:3");
    }

    #[test]
    fn single_files_that_are_mounted_are_no_file_systems() {
        let kept = kept(&[
            "8:1 /etc/hosts /etc/hosts rw - ext4 /dev/sda1 rw",
            "8:2 /usr/lib/os-release /run/host/os-release ro - ext4 /dev/sda2 rw",
            "8:2 /data /data rw - ext4 /dev/sda2 rw",
            "8:3 / /hidden rw - ext4 /dev/sda3 rw",
            // Remote ones are not looked at here.
            "0:50 /resolv.conf /etc/resolv.conf rw - virtiofs host rw",
            "0:50 / /host rw - virtiofs host rw",
        ]);
        assert_eq!(kept, ["/data", "/host"]);
    }

    #[test]
    fn servers_and_daemons_are_asked_by_the_child_and_automounts_by_nobody() {
        let chosen = chosen(&[
            "0:50 / /nfs rw - nfs4 server:/x rw",
            "8:4 / /nfs/local rw - ext4 /dev/sda4 rw",
            "8:5 / /nfsx rw - ext4 /dev/sda5 rw",
            "0:51 / /home/u/s rw - fuse.sshfs u@h: rw",
            "8:6 / /ntfs rw - fuseblk /dev/sda6 rw",
            "0:52 / /net rw - autofs systemd-1 rw",
        ]);
        assert_eq!(
            chosen,
            [
                ("/nfs".to_owned(), Way::Child),
                ("/nfs/local".to_owned(), Way::Child),
                ("/nfsx".to_owned(), CHECKED),
                ("/home/u/s".to_owned(), Way::Child),
                ("/ntfs".to_owned(), Way::Child),
            ]
        );
    }

    #[test]
    fn read_only_is_of_the_mount_or_of_the_file_system() {
        let text =
            b"1 0 8:1 / / ro,noatime - ext4 /dev/sda1 rw\n1 0 8:2 / /x rw - ext4 /dev/sda2 ro\n";
        let list = gather(text, None).list;
        assert_eq!((list[0].read_only, list[0].super_read_only), (true, false));
        assert_eq!((list[1].read_only, list[1].super_read_only), (false, true));
        let any: Vec<_> = list.iter().map(|mount| mount.any_mount_read_only).collect();
        assert_eq!(any, [Some(true), Some(false)]);
        assert_eq!(list[0].fault, None);
    }

    #[test]
    fn a_mount_that_is_hidden_or_of_a_part_counts_when_one_is_read_only() {
        let text = b"1 0 8:1 / /x rw - ext4 /dev/sda1 ro\n2 0 8:1 /a /y ro - ext4 /dev/sda1 ro\n\
                     3 0 8:2 / /z rw - ext4 /dev/sda2 rw,errors=continue,emergency_ro\n";
        let list = gather(text, None).list;
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].any_mount_read_only, Some(true));
        assert_eq!(list[1].fault.as_deref(), Some("emergency_ro"));
    }

    #[test]
    fn of_a_fixture_the_space_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("proc/self")).unwrap();
        std::fs::write(
            folder.path().join("proc/self/mountinfo"),
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / /nfs rw - nfs s:/ rw\n",
        )
        .unwrap();
        let (probe, remote) = read(&Root::at(folder.path()), Path::new("/no/such/program"));
        let list = probe.value().unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].usage.gaps()[0].why, Why::NotSupported);
        assert!(remote.is_none());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = select(&bytes);
        }
    }
}

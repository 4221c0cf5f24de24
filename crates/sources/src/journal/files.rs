//! Which journal files a host has, and which of them can be read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sysdiag_model::{BootId, Gap, Why};

use super::index::{Index, Unreadable};
use crate::{Root, file, gap};

/// Files beyond this many are not looked at; journald itself keeps at most 100 archived ones
/// unless told otherwise (`SystemMaxFiles=`, `journald.conf(5)`).
pub(super) const MAX_FILES: usize = 4096;

/// What helps who may not read all.
fn permission_hint() -> &'static str {
    if rustix::process::geteuid().is_root() {
        "root may not read it: a security module or a container is in the way"
    } else {
        "run as root or join the group systemd-journal"
    }
}

/// The journal of one host.
#[derive(Debug)]
pub(super) struct Files {
    /// Folders that hold at least one readable file.
    pub(super) folders: Vec<PathBuf>,
    /// Readable files and their length when they were found.
    pub(super) readable: BTreeMap<PathBuf, u64>,
    /// Whose sequence numbers their entries have, by the id of the file.
    pub(super) seqnum_ids: BTreeMap<u128, u128>,
    /// What of the journal cannot be read.
    pub(super) gaps: Vec<Gap>,
    /// The readable files that are the system's, not a user's.
    pub(super) of_system: BTreeMap<PathBuf, End>,
    /// When the newest of the system's files that cannot be read was last written to, in
    /// microseconds. None: all can be read.
    pub(super) unread_usec: Option<u64>,
}

/// How far a file goes, as its header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Time of its last entry in microseconds, 0 if it has none.
    pub(super) last_usec: u64,
    /// See [`Index::last_boot`].
    pub(super) last_boot: Option<BootId>,
}

/// Finds the files of this machine below `/run/log/journal` and `/var/log/journal`.
///
/// `journal~` files, which journald puts aside after a crash, hold the boot that crashed and are
/// among them.
pub(super) fn find(root: &Root) -> Result<Files, Gap> {
    let mut files = Files {
        folders: Vec::new(),
        readable: BTreeMap::new(),
        seqnum_ids: BTreeMap::new(),
        gaps: Vec::new(),
        of_system: BTreeMap::new(),
        unread_usec: None,
    };
    let mut denied = Denied::default();
    for folder in folders(root, &mut denied) {
        let before = files.readable.len();
        scan(&folder, &mut files, &mut denied);
        if files.readable.len() > before {
            files.folders.push(folder);
        }
    }
    if files.readable.is_empty() {
        return Err(if denied.any() {
            Gap::new("journal", Why::NotPermitted, permission_hint())
        } else if let Some(gap) = files.gaps.pop() {
            gap
        } else {
            Gap::new(
                "journal",
                Why::Absent,
                "no journal files in /var/log/journal and /run/log/journal: see Storage= in journald.conf(5)",
            )
        });
    }
    if denied.system {
        files.unread_usec = Some(u64::MAX);
    }
    if denied.any() {
        let what = if denied.system { "journal of the system" } else { "journals of other users" };
        files.gaps.push(Gap::new(what, Why::NotPermitted, permission_hint()));
    }
    Ok(files)
}

/// What was refused.
#[derive(Debug, Default)]
struct Denied {
    system: bool,
    others: bool,
}

impl Denied {
    const fn any(&self) -> bool {
        self.system || self.others
    }

    fn note(&mut self, name: &str) {
        if name.starts_with("user-") {
            self.others = true;
        } else {
            self.system = true;
        }
    }
}

/// The folders of this machine; those of every machine if it has no id (a mounted image).
fn folders(root: &Root, denied: &mut Denied) -> Vec<PathBuf> {
    let id = file::read(root, "/etc/machine-id", 4096).ok();
    let id = id.and_then(|bytes| String::from_utf8(bytes).ok());
    let id = id.map(|text| text.trim().to_owned()).filter(|text| is_machine_id(text));
    let mut folders = Vec::new();
    for parent in ["/var/log/journal", "/run/log/journal"] {
        let parent = root.path(parent);
        if let Some(id) = &id {
            folders.push(parent.join(id));
            continue;
        }
        match fs::read_dir(&parent) {
            Ok(entries) => folders.extend(
                entries
                    .flatten()
                    .filter(|entry| is_machine_id(&entry.file_name().to_string_lossy()))
                    .map(|entry| entry.path())
                    .take(64),
            ),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied.system = true,
            Err(_) => {}
        }
    }
    folders
}

fn is_machine_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn scan(folder: &Path, files: &mut Files, denied: &mut Denied) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            denied.system = true;
            return;
        }
        // One of the two is there as a rule, seldom both.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            files.gaps.push(gap::from_io(format!("journal in {}", folder.display()), &error));
            files.unread_usec = Some(u64::MAX);
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_journal = name.ends_with(".journal") || name.ends_with(".journal~");
        if !is_journal || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if files.readable.len() >= MAX_FILES {
            let hint = format!("only {MAX_FILES} files are read");
            files.gaps.push(Gap::new("older journal files", Why::Disabled, hint));
            files.unread_usec = Some(u64::MAX);
            return;
        }
        let path = entry.path();
        let of_system = name.starts_with("system");
        match Index::open(&path) {
            Ok(index) => {
                files.seqnum_ids.insert(index.file_id, index.seqnum_id);
                if of_system {
                    let last_usec = index.last_realtime_usec;
                    files
                        .of_system
                        .insert(path.clone(), End { last_usec, last_boot: index.last_boot });
                }
                files.readable.insert(path, index.length());
            }
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                denied.note(&name);
            }
            // Vacuumed since the folder was read.
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                files.gaps.push(unreadable(&path, &error));
                if of_system {
                    files.unread_usec = files.unread_usec.max(Some(written_usec(&path)));
                }
            }
        }
    }
}

/// When a file was last written to, in microseconds; nobody knows: just now.
pub(super) fn written_usec(path: &Path) -> u64 {
    let modified = fs::metadata(path).and_then(|about| about.modified()).ok();
    let since_epoch = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.and_then(|time| u64::try_from(time.as_micros()).ok()).unwrap_or(u64::MAX)
}

/// The gap that a file leaves which cannot be read.
pub(super) fn unreadable(path: &Path, error: &Unreadable) -> Gap {
    let what = format!("journal file {}", path.display());
    match error {
        Unreadable::Io(error) => gap::from_io(what, error),
        Unreadable::Damaged(_) => Gap::new(what, Why::Malformed, error.to_string()),
        Unreadable::Unsupported(_) => Gap::new(what, Why::NotSupported, error.to_string()),
    }
}

//! Which journal files a host has, and which of them can be read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sysdiag_journal::{Cause, Journal, Options};
use sysdiag_model::{BootId, Gap, Why};

use super::fallback::Wanted;
use super::instead;
use super::reader::{MAX_VALUE_BYTES, boot_id, unopened};
use crate::{Root, file, gap};

/// Files beyond this many are not looked at; journald itself keeps at most 100 archived ones
/// unless told otherwise (`SystemMaxFiles=`, `journald.conf(5)`).
pub(super) const MAX_FILES: usize = 4096;

/// Machines whose journals are read together.
const MAX_MACHINES: usize = 64;

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
    /// What of the journal cannot be read.
    pub(super) gaps: Vec<Gap>,
    /// The readable files that are the system's, not a user's.
    pub(super) of_system: BTreeMap<PathBuf, End>,
    /// When the newest of the system's files that cannot be read was last written to, in
    /// microseconds. None: all can be read.
    pub(super) unread_usec: Option<u64>,
}

/// How far a file goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Time of its last entry in microseconds, 0 if it has none.
    pub(super) last_usec: u64,
    /// Boot of its last entry.
    pub(super) last_boot: Option<BootId>,
}

/// Finds the files of this machine below `/run/log/journal` and `/var/log/journal`.
///
/// `journal~` files, which journald puts aside after a crash, hold the boot that crashed and are
/// among them.
pub(super) fn find(root: &Root, wanted: Wanted<'_>) -> Result<(Files, Journal), Gap> {
    let mut denied = Denied::default();
    let folders = folders(root, &mut denied);
    open(
        &folders,
        denied,
        "/var/log/journal and /run/log/journal: see Storage= in journald.conf(5)",
        wanted,
    )
}

/// The files in `folder` and in those of its folders that are named by a machine id, as
/// `journalctl --directory` has them.
pub(super) fn find_in(folder: &Path, wanted: Wanted<'_>) -> Result<(Files, Journal), Gap> {
    let entries = fs::read_dir(folder)
        .map_err(|error| gap::from_io(format!("journal in {}", folder.display()), &error))?;
    let machines = machines(entries);
    let folders: Vec<PathBuf> = iter::once(folder.to_owned()).chain(machines).collect();
    open(&folders, Denied::default(), &folder.display().to_string(), wanted)
}

/// Opens what is in `folders`, which are called `place`.
fn open(
    folders: &[PathBuf],
    mut denied: Denied,
    place: &str,
    wanted: Wanted<'_>,
) -> Result<(Files, Journal), Gap> {
    let mut files = Files { gaps: Vec::new(), of_system: BTreeMap::new(), unread_usec: None };
    let mut paths = Vec::new();
    for folder in folders {
        scan(folder, &mut paths, &mut files, &mut denied);
    }
    let options = Options { max_value_bytes: MAX_VALUE_BYTES, max_files: MAX_FILES };
    let mut journal = Journal::open(&paths, &options);
    let instead = instead::read(&mut journal, wanted);
    files.gaps.extend(instead.gaps);
    for damage in journal.unopened() {
        if instead.read.contains(&damage.path) {
            continue;
        }
        let name = damage.path.file_name().unwrap_or_default().to_string_lossy();
        match &damage.cause {
            Cause::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                denied.note(&name);
            }
            // Vacuumed since the folder was read.
            Cause::Io(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ => {
                let mut gap = unopened(damage);
                if let Some(why) = instead.failed.get(&damage.path) {
                    let hint = gap.hint.unwrap_or_default();
                    gap.hint = Some(format!("{hint}; nor by journalctl: {why}"));
                }
                files.gaps.push(gap);
                if is_of_system(&name) {
                    files.unread_usec = files.unread_usec.max(Some(written_usec(&damage.path)));
                }
            }
        }
    }
    for file in journal.files() {
        let name = file.path().file_name().unwrap_or_default().to_string_lossy();
        if is_of_system(&name) {
            let (last_boot, last_usec) = file.newest().unzip();
            let last_boot = last_boot.and_then(boot_id);
            let end = End { last_usec: last_usec.unwrap_or(0), last_boot };
            files.of_system.insert(file.path().to_owned(), end);
        }
    }
    if journal.files().is_empty() {
        return Err(if denied.any() {
            Gap::new("journal", Why::NotPermitted, permission_hint())
        } else if let Some(gap) = files.gaps.pop() {
            gap
        } else {
            Gap::new("journal", Why::Absent, format!("no journal files in {place}"))
        });
    }
    if denied.system || instead.is_cut_off {
        files.unread_usec = Some(u64::MAX);
    }
    if denied.any() {
        let what = if denied.system { "journal of the system" } else { "journals of other users" };
        files.gaps.push(Gap::new(what, Why::NotPermitted, permission_hint()));
    }
    Ok((files, journal))
}

/// Whether a file of this name is the system's, not a user's.
pub(super) fn is_of_system(name: &str) -> bool {
    name.starts_with("system")
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
            Ok(entries) => folders.extend(machines(entries)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied.system = true,
            Err(_) => {}
        }
    }
    folders
}

/// The folders that are named by the id of a machine.
fn machines(entries: fs::ReadDir) -> impl Iterator<Item = PathBuf> {
    entries
        .flatten()
        .filter(|entry| is_machine_id(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .take(MAX_MACHINES)
}

fn is_machine_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn scan(folder: &Path, paths: &mut Vec<PathBuf>, files: &mut Files, denied: &mut Denied) {
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
        let is_journal = sysdiag_journal::is_journal_file(&name.to_string_lossy());
        if !is_journal || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if paths.len() >= MAX_FILES {
            let hint = format!("only {MAX_FILES} files are read");
            files.gaps.push(Gap::new("older journal files", Why::Disabled, hint));
            files.unread_usec = Some(u64::MAX);
            return;
        }
        paths.push(entry.path());
    }
}

/// When a file was last written to, in microseconds; nobody knows: just now.
pub(super) fn written_usec(path: &Path) -> u64 {
    let modified = fs::metadata(path).and_then(|about| about.modified()).ok();
    let since_epoch = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.and_then(|time| u64::try_from(time.as_micros()).ok()).unwrap_or(u64::MAX)
}

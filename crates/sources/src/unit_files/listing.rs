//! What lies in the directories of the search path: names, links, times. Nothing is opened but
//! directories.

use std::collections::{BTreeMap, HashMap};
use std::io;

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, readlinkat, statat};
use rustix::io::Errno;
use sysdiag_model::{Gap, Timestamp, Why};

use super::lookup::Meaning;
use super::search_path::SearchPath;
use crate::{Root, file, gap};

/// The most entries of the whole search path: Debian with everything installed has some thousands.
const MAX_ENTRIES: usize = 100_000;
/// The longest target of a link that is taken, `PATH_MAX`.
const MAX_TARGET: usize = 4096;

/// The search path as it is now.
#[derive(Debug, Default)]
pub struct Listing {
    pub(super) directories: Vec<Directory>,
    /// Files and links by name, the one that wins first.
    pub(super) units: BTreeMap<String, Vec<Entry>>,
    /// `*.d`, `*.wants`, `*.requires`, `*.upholds` by name, the one that wins first.
    pub(super) folders: BTreeMap<String, Vec<Folder>>,
    /// Names that mean another one, which need not be there.
    pub(super) aliases: Vec<String>,
    room: usize,
    full: bool,
}

/// A directory of the search path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) path: String,
    /// Device and inode. None: it is not there.
    identity: Option<(u64, u64)>,
    /// When an entry was last added, taken away or renamed.
    pub(super) changed: Option<Timestamp>,
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which directory of the search path.
    pub(super) directory: usize,
    pub(super) path: String,
    pub(super) kind: Kind,
    /// When its content or name last changed (`st_ctime`); of a link, whichever is later of its own
    /// time and that of what it leads to.
    pub(super) changed: Timestamp,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    File {
        empty: bool,
    },
    Link {
        /// As an absolute path below the root, `.` and `..` taken out.
        target: String,
        /// Which directory of the search path the target is in.
        inside: Option<usize>,
        /// It leads to an empty file or to `/dev/null`.
        masks: bool,
    },
}

/// A directory `*.d` and the like, with its entries by name.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) directory: usize,
    pub(super) changed: Timestamp,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// The directory that is being listed.
struct Place<'a> {
    /// Which directory of the search path it is, or is in.
    directory: usize,
    path: &'a str,
    fd: &'a OwnedFd,
    /// Look at the ends of all links, not only of those that lead out of the search path.
    follow_all: bool,
    /// Which directory of the search path the parents of targets are.
    parents: HashMap<String, Option<usize>>,
}

/// Ends of the names of folders beside the units.
pub(super) const FOLDERS: [&str; 4] = [".d", ".wants", ".requires", ".upholds"];

impl Listing {
    /// Lists every directory of `path` below `root`. What could not be read is a gap; directories that
    /// are not there are not.
    pub fn read(root: &Root, path: &SearchPath) -> (Self, Vec<Gap>) {
        let mut listing = Self { room: MAX_ENTRIES, ..Self::default() };
        let mut gaps = Vec::new();
        let mut opened = Vec::new();
        for path in path.directories() {
            let (identity, changed) = match open(root, path) {
                Ok(Some((fd, stat))) => {
                    opened.push((listing.directories.len(), fd));
                    (Some((stat.st_dev, stat.st_ino)), Some(changed(&stat)))
                }
                Ok(None) => (None, None),
                Err(error) => {
                    gaps.push(gap::of_file("unit files", path, &error));
                    (None, None)
                }
            };
            listing.directories.push(Directory { path: path.clone(), identity, changed });
        }
        for (index, fd) in opened {
            let Some(directory) = listing.directories.get(index) else { continue };
            let first = listing.directories.iter().position(|it| it.identity == directory.identity);
            // The same directory by another name, `/lib` and `/usr/lib`, counts once.
            if first != Some(index) {
                continue;
            }
            let path = directory.path.clone();
            if let Err(error) = listing.directory(root, index, &path, &fd) {
                gaps.push(gap::of_file("unit files", &path, &error));
            }
        }
        let is_alias =
            |name: &&String| matches!(listing.meaning(name), Some((_, Meaning::Alias(_))));
        listing.aliases = listing.units.keys().filter(is_alias).cloned().collect();
        if listing.full {
            let hint = format!("more than {MAX_ENTRIES} entries in the unit search path");
            gaps.push(Gap::new("unit files", Why::NotSupported, hint));
        }
        (listing, gaps)
    }

    /// Every name with a file or link, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.units.keys().map(String::as_str)
    }

    fn directory(&mut self, root: &Root, index: usize, path: &str, fd: &OwnedFd) -> io::Result<()> {
        let mut place =
            Place { directory: index, path, fd, follow_all: false, parents: HashMap::new() };
        for entry in Dir::read_from(fd)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let is_folder = FOLDERS.iter().any(|end| name.ends_with(end));
            if !is_folder && super::name::parts(name).is_none() {
                continue;
            }
            if is_folder {
                self.folder(root, index, &format!("{path}/{name}"), name);
            } else if let Some(entry) = self.entry(root, &mut place, name) {
                self.units.entry(name.to_owned()).or_default().push(entry);
            }
        }
        Ok(())
    }

    /// One that cannot be opened is as one that is not there, as systemd takes it.
    fn folder(&mut self, root: &Root, index: usize, path: &str, name: &str) {
        let Ok(Some((fd, stat))) = open(root, path) else { return };
        let mut entries = BTreeMap::new();
        let follow_all = name.strip_suffix(".d").is_some();
        let parents = HashMap::new();
        // As systemd names drop-ins (`DropInPaths`): no link on the way to the folder.
        let resolved = if follow_all { resolved(root, &fd) } else { None };
        let path = resolved.as_deref().unwrap_or(path);
        let mut place = Place { directory: index, path, fd: &fd, follow_all, parents };
        let Ok(dir) = Dir::read_from(&fd) else { return };
        for entry in dir.map_while(Result::ok) {
            let Ok(file) = entry.file_name().to_str() else { continue };
            if matches!(file, "." | "..") {
                continue;
            }
            if let Some(entry) = self.entry(root, &mut place, file) {
                entries.insert(file.to_owned(), entry);
            }
        }
        let folder = Folder { directory: index, changed: changed(&stat), entries };
        self.folders.entry(name.to_owned()).or_default().push(folder);
    }

    /// A file or link. Directories, sockets and what vanished meanwhile are no unit files.
    fn entry(&mut self, root: &Root, place: &mut Place<'_>, name: &str) -> Option<Entry> {
        if self.room == 0 {
            self.full = true;
            return None;
        }
        self.room -= 1;
        let stat = statat(place.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let path = format!("{}/{name}", place.path);
        let mut time = changed(&stat);
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File { empty: stat.st_size == 0 },
            FileType::Symlink => {
                let target = readlinkat(place.fd, name, Vec::new()).ok()?;
                let target = target.to_str().ok().filter(|target| target.len() <= MAX_TARGET)?;
                let target = absolute(place.path, target);
                let parent = target.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
                let inside = *place
                    .parents
                    .entry(parent)
                    .or_insert_with_key(|parent| self.search_directory(root, parent));
                // A unit in the search path is listed by itself.
                let follows = place.follow_all || inside.is_none();
                let leads_to = if follows { follow(root, &target) } else { None };
                time = leads_to.as_ref().map_or(time, |stat| time.max(changed(stat)));
                let masks = target == "/dev/null" || leads_to.as_ref().is_some_and(is_nothing);
                Kind::Link { target, inside, masks }
            }
            _ => return None,
        };
        Some(Entry { directory: place.directory, path, kind, changed: time })
    }

    /// Which directory of the search path `path` is, by its name or by what it is.
    fn search_directory(&self, root: &Root, path: &str) -> Option<usize> {
        if let Some(index) = self.directories.iter().position(|it| it.path == path) {
            return Some(index);
        }
        let (_, stat) = open(root, path).ok().flatten()?;
        let identity = Some((stat.st_dev, stat.st_ino));
        self.directories.iter().position(|it| it.identity == identity)
    }
}

fn open(root: &Root, path: &str) -> io::Result<Option<(OwnedFd, Stat)>> {
    match file::open_dir(root, path) {
        Ok(fd) => {
            let stat = fstat(&fd)?;
            Ok(Some((fd, stat)))
        }
        Err(error)
            if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::NOTDIR)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Where an open directory is below the root, by procfs; none if it does not say.
fn resolved(root: &Root, fd: &OwnedFd) -> Option<String> {
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let path = std::fs::read_link(link).ok()?;
    if root.is_host() {
        return path.into_os_string().into_string().ok();
    }
    let top = root.path("/").canonicalize().ok()?;
    Some(format!("/{}", path.strip_prefix(top).ok()?.to_str()?))
}

/// What is at the end of a link.
fn follow(root: &Root, path: &str) -> Option<Stat> {
    let fd = file::open(root, path, rustix::fs::OFlags::PATH).ok()?;
    fstat(&fd).ok()
}

/// An empty file or a device, which is how systemd tells a mask.
fn is_nothing(stat: &Stat) -> bool {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => stat.st_size == 0,
        FileType::CharacterDevice | FileType::BlockDevice => true,
        _ => false,
    }
}

/// `st_ctime`, which nothing but a change can set.
pub(super) fn changed(stat: &Stat) -> Timestamp {
    let seconds = u64::try_from(stat.st_ctime).unwrap_or_default();
    Timestamp::from_usec(
        seconds.saturating_mul(1_000_000).saturating_add(stat.st_ctime_nsec / 1000),
    )
}

/// `target` as seen from `folder`, without `.` and `..`.
fn absolute(folder: &str, target: &str) -> String {
    let whole =
        if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_absolute() {
        for (target, expected) in [
            ("../b.service", "/etc/systemd/b.service"),
            ("b.service", "/etc/systemd/system/b.service"),
            ("/lib//systemd/./x", "/lib/systemd/x"),
            ("/../../..", "/"),
        ] {
            assert_eq!(absolute("/etc/systemd/system", target), expected, "{target}");
        }
    }
}

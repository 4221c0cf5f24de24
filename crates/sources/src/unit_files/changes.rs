//! Which files of units changed since systemd read them, by `st_ctime`: packages install files with
//! the times of their build, which say nothing.
//!
//! Only narrows down whom to ask: a change of a file need not concern systemd, and of a file that is
//! gone the directory alone tells.

use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{OFlags, fstat};
use sysdiag_model::snapshot::{ChangedFile, FileChange};
use sysdiag_model::{Timestamp, UnitName, UnitType};

use super::declarations;
use super::listing::{Entry, Listing, changed};
use super::name::{self, drop_in_names, template_of};
use super::search_path::{Origin, origin};
use crate::{Root, file};

/// The most generated units whose source is looked at.
const MAX_GENERATED: usize = 1000;

/// Loaded units that may have other files than systemd read.
#[derive(Debug, Default)]
pub struct Candidates<'a> {
    /// By name: a file of theirs, or the file they were generated from, changed.
    pub by_name: BTreeSet<&'a UnitName>,
    /// Of a directory that gained or lost an entry it is not known whose; so everyone else.
    pub others: Vec<&'a UnitName>,
}

/// What systemd says the files of a loaded unit are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadedFiles {
    /// `FragmentPath`.
    pub fragment: Option<String>,
    /// `DropInPaths`.
    pub drop_ins: Vec<String>,
    /// `SourcePath`.
    pub source: Option<String>,
}

impl Listing {
    /// Whom of `loaded` to ask. Without `since`, everyone.
    pub fn candidates<'a>(
        &self,
        root: &Root,
        since: Option<Timestamp>,
        loaded: impl Iterator<Item = &'a UnitName>,
    ) -> Candidates<'a> {
        let mut candidates = Candidates::default();
        let changed = since.map(|since| self.changed_names(root, since));
        for unit in loaded {
            if changed.as_ref().is_some_and(|changed| changed.concern(unit.as_str())) {
                candidates.by_name.insert(unit);
            } else if changed.as_ref().is_none_or(|changed| changed.directories) && has_files(unit)
            {
                candidates.others.push(unit);
            }
        }
        candidates
    }

    fn changed_names(&self, root: &Root, since: Timestamp) -> ChangedNames {
        let mut changed = ChangedNames {
            directories: self.directories.iter().any(|directory| {
                is_theirs(&directory.path) && directory.changed.is_some_and(|time| time > since)
            }),
            units: self.changed_sources(root, since),
            folders: BTreeSet::new(),
        };
        for (name, entries) in &self.units {
            if entries.iter().any(|entry| self.is_changed(entry.directory, entry.changed, since)) {
                changed.units.insert(name.clone());
            }
        }
        for (name, folders) in &self.folders {
            let Some(base) = name.strip_suffix(".d") else { continue };
            let is_changed = folders.iter().any(|folder| {
                let times = folder.entries.values().map(|entry| entry.changed);
                let last = times.chain([folder.changed]).max();
                last.is_some_and(|time| self.is_changed(folder.directory, time, since))
            });
            if is_changed {
                changed.folders.insert(base.to_owned());
            }
        }
        // What changed of an alias changed of the unit.
        let aliases = self.aliases();
        let real = |set: &BTreeSet<String>| -> Vec<String> {
            let real = set.iter().filter_map(|name| aliases.get(name.as_str()));
            real.map(|name| name.as_str().to_owned()).collect()
        };
        changed.units.extend(real(&changed.units));
        changed.folders.extend(real(&changed.folders));
        changed
    }

    fn is_changed(&self, directory: usize, time: Timestamp, since: Timestamp) -> bool {
        time > since && self.directories.get(directory).is_some_and(|it| is_theirs(&it.path))
    }

    /// Generated units whose source changed: mounts, after an edit of `/etc/fstab`. Generators write
    /// their output anew at every load, so its own time says nothing.
    fn changed_sources(&self, root: &Root, since: Timestamp) -> BTreeSet<String> {
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut changed = BTreeSet::new();
        let generated = self.units.iter().flat_map(|(name, entries)| {
            let of_generator = entries.iter().filter(|entry| self.is_generated(entry));
            of_generator.map(move |entry| (name, entry))
        });
        for (name, entry) in generated.take(MAX_GENERATED) {
            let (said, _) = declarations(root, &[&entry.path]);
            let source =
                said.into_iter().rfind(|it| it.section == "Unit" && it.key == "SourcePath");
            let Some(path) = source.map(|source| source.value) else { continue };
            let is_changed = *known.entry(path).or_insert_with_key(|path| {
                !is_kernels(path) && time_of(root, path).is_none_or(|time| time > since)
            });
            if is_changed {
                changed.insert(name.clone());
            }
        }
        changed
    }

    fn is_generated(&self, entry: &Entry) -> bool {
        let directory = self.directories.get(entry.directory);
        directory.is_some_and(|it| origin(&it.path) == Origin::Generated)
    }

    /// The files that others than the kernel, systemd and its generators write.
    fn watched<'a>(&self, loaded: &'a LoadedFiles) -> impl Iterator<Item = &'a String> {
        let all = loaded.fragment.iter().chain(&loaded.drop_ins).chain(&loaded.source);
        all.filter(|path| !is_kernels(path) && !self.is_own(path))
    }

    /// Which of the files that a unit was loaded from are gone.
    pub fn removed_files(&self, root: &Root, loaded: &LoadedFiles) -> Vec<ChangedFile> {
        let gone = self.watched(loaded).filter(|path| time_of(root, path).is_none());
        let removed = gone.map(|path| ChangedFile {
            path: path.clone(),
            change: FileChange::Removed,
            time: time_of_folder(root, path),
        });
        removed.collect()
    }

    /// Which of the files of `unit` are not as systemd read them at `since`, given what it says they
    /// are. Without `since`, only what was added or removed is known.
    pub fn changed_files(
        &self,
        root: &Root,
        unit: &UnitName,
        loaded: &LoadedFiles,
        since: Option<Timestamp>,
    ) -> Vec<ChangedFile> {
        let mut files = self.removed_files(root, loaded);
        for path in self.watched(loaded) {
            let time = time_of(root, path);
            if let Some(time) = time.filter(|time| since.is_some_and(|since| *time > since)) {
                let (path, change) = (path.clone(), FileChange::Changed);
                files.push(ChangedFile { path, change, time: Some(time) });
            }
        }
        let on_disk = self.find(unit);
        let is_new =
            |time: Option<Timestamp>| time.zip(since).is_none_or(|(time, since)| time > since);
        let added = |path: &String, time| ChangedFile {
            path: path.clone(),
            change: FileChange::Added,
            time,
        };
        // What is not new is left out for a reason that systemd knows, unless what hid it is gone.
        let is_gone = loaded.fragment.as_ref().is_some_and(|path| time_of(root, path).is_none());
        let fragment = on_disk.iter().filter_map(|it| it.fragment.as_ref()).map(|it| &it.path);
        for path in fragment.filter(|path| loaded.fragment.as_ref().is_some_and(|it| it != *path)) {
            let time = time_of(root, path);
            if is_gone || is_new(time) {
                files.push(added(path, time));
            }
        }
        let drop_ins = on_disk.iter().flat_map(|it| &it.drop_ins);
        for path in drop_ins.filter(|path| !loaded.drop_ins.contains(path)) {
            let time = time_of(root, path);
            if is_new(time) {
                files.push(added(path, time));
            }
        }
        files
    }

    /// Whether systemd or a generator wrote the file, which happens at every load.
    fn is_own(&self, path: &str) -> bool {
        let own = self.directories.iter().filter(|directory| !is_theirs(&directory.path));
        own.filter_map(|directory| path.strip_prefix(&directory.path))
            .any(|rest| rest.starts_with('/'))
    }
}

/// Names of files that changed.
struct ChangedNames {
    /// A directory of the search path gained or lost an entry.
    directories: bool,
    units: BTreeSet<String>,
    /// Folders of drop-ins, without their `.d`.
    folders: BTreeSet<String>,
}

impl ChangedNames {
    fn concern(&self, unit: &str) -> bool {
        let of_template = || template_of(unit).is_some_and(|name| self.units.contains(&name));
        self.units.contains(unit)
            || of_template()
            || (!self.folders.is_empty()
                && (drop_in_names(unit).iter().any(|name| self.folders.contains(name))
                    || name::parts(unit)
                        .is_some_and(|parts| self.folders.contains(parts.kind.suffix()))))
    }
}

/// Whether an administrator or a package writes to `directory`, rather than systemd.
fn is_theirs(directory: &str) -> bool {
    origin(directory) == Origin::Files
}

/// Devices and scopes hardly ever have files, and there are many.
fn has_files(unit: &UnitName) -> bool {
    !matches!(unit.unit_type(), Some(UnitType::Device | UnitType::Scope) | None)
}

/// Sources there have no times: `/proc/swaps`, `/proc/self/mountinfo`.
fn is_kernels(path: &str) -> bool {
    path.starts_with("/proc/") || path.starts_with("/sys/")
}

/// `st_ctime` of what is at `path`, links followed; none if nothing is.
fn time_of(root: &Root, path: &str) -> Option<Timestamp> {
    let fd = file::open(root, path, OFlags::PATH).ok()?;
    fstat(&fd).ok().map(|stat| changed(&stat))
}

/// When the folder that `path` was in last changed, or the one above it if that is gone too.
fn time_of_folder(root: &Root, path: &str) -> Option<Timestamp> {
    let above = std::iter::successors(path.rsplit_once('/'), |(above, _)| above.rsplit_once('/'));
    above.filter(|(folder, _)| !folder.is_empty()).find_map(|(folder, _)| time_of(root, folder))
}

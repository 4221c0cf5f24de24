//! Saved reports: one gzip-compressed JSON line per file, in a directory of the owner's only.
//!
//! Only whole files of this program are counted and deleted. What is damaged, of a newer version or
//! of the predecessor (same directory, same names, another schema) is named and left alone.

mod digests;
mod index;
mod look_back;
mod messages;
mod name;
mod read;
mod replace;
mod retention;
mod save;

pub use look_back::LookBack;
pub use name::ReportName;
pub use read::Unusable;
pub use retention::Retained;
pub use save::SaveError;

use std::io;
use std::path::{Path, PathBuf};

use sysdiag_analyze::PastReport;
use sysdiag_logs::compare::Baseline;
use sysdiag_model::{Report, Timestamp};

use index::Mark;

/// A directory of reports; it need not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    directory: PathBuf,
}

/// A file of the directory that is named like a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Boot and time.
    pub name: ReportName,
    /// The file.
    pub path: PathBuf,
    /// Compressed size.
    pub size_bytes: u64,
    mark: Mark,
}

/// A file that is no usable report, and why.
pub type Skipped = (PathBuf, Unusable);

impl Store {
    /// The reports in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Where the reports are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Files that are named like reports, the newest first; and those whose names only begin and
    /// end so. None of them has been opened.
    pub fn entries(&self) -> io::Result<(Vec<Entry>, Vec<PathBuf>)> {
        let listing = match std::fs::read_dir(&self.directory) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((vec![], vec![])),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        let mut misnamed = Vec::new();
        for item in listing {
            let item = item?;
            let file_name = item.file_name();
            let Some(text) = file_name.to_str() else { continue };
            if let Ok(name) = text.parse::<ReportName>() {
                // Gone since: another run applied its retention.
                let Ok(metadata) = item.path().symlink_metadata() else { continue };
                let (path, mark) = (item.path(), Mark::of(&metadata));
                entries.push(Entry { name, path, size_bytes: metadata.len(), mark });
            } else if ReportName::resembles(text) {
                misnamed.push(item.path());
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.name));
        misnamed.sort();
        Ok((entries, misnamed))
    }

    /// Reads one report.
    pub fn read(&self, entry: &Entry) -> Result<Report, Unusable> {
        read::report(&entry.path)
    }

    /// The newest usable reports that `wanted` accepts, newest first, and the files among them that
    /// are not usable.
    pub fn last(
        &self,
        count: usize,
        wanted: impl Fn(&Report) -> bool,
    ) -> io::Result<(Vec<Report>, Vec<Skipped>)> {
        let (mut reports, mut skipped) = (Vec::new(), Vec::new());
        for entry in self.entries()?.0 {
            if reports.len() == count {
                break;
            }
            match self.read(&entry) {
                Ok(report) if wanted(&report) => reports.push(report),
                Ok(_) | Err(Unusable::Gone) => {}
                Err(why) => skipped.push((entry.path, why)),
            }
        }
        Ok((reports, skipped))
    }

    /// Saves `report` under its boot and time; the file is whole or not there.
    pub fn save(&self, report: &Report) -> Result<PathBuf, SaveError> {
        let path = save::save(&self.directory, report)?;
        let name = ReportName::new(report.boot_id, report.timestamp);
        if let Ok(data) = path.symlink_metadata() {
            let (size_bytes, mark) = (data.len(), Mark::of(&data));
            let entry = Entry { name, path: path.clone(), size_bytes, mark };
            if let Err(error) = digests::remember(&entry, PastReport::of(report)) {
                tracing::info!(%error, "digest of the report not written");
            }
        }
        Ok(path)
    }

    /// What the last `count` usable reports of this host say, and some of those before.
    pub fn look_back(&self, count: usize, hostname: Option<&str>) -> io::Result<LookBack> {
        look_back::read(self, count, hostname)
    }

    /// The report that was made at `time`, if it is there and usable.
    pub fn at(&self, time: Timestamp) -> io::Result<Option<Report>> {
        let (entries, _) = self.entries()?;
        let mut made_then = entries.iter().filter(|entry| entry.name.time() == time);
        Ok(made_then.find_map(|entry| self.read(entry).ok()))
    }

    /// What earlier boots of this host logged; nothing if nothing is stored.
    pub fn messages(&self, hostname: Option<&str>) -> io::Result<Baseline> {
        messages::read(&self.directory, hostname)
    }

    /// Where that is stored.
    pub fn messages_path(&self) -> PathBuf {
        self.directory.join(messages::FILE)
    }

    /// Stores what boots of this host logged, in place of what is stored.
    pub fn save_messages(&self, hostname: Option<&str>, messages: &Baseline) -> io::Result<()> {
        messages::write(&self.directory, hostname, messages)
    }

    /// Deletes the oldest usable reports beyond the newest `max_files`.
    pub fn retain(&self, max_files: usize) -> io::Result<Retained> {
        retention::apply(self, max_files)
    }
}

#[cfg(test)]
mod tests;

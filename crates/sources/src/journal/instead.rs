//! Journal files that our reader cannot open, read by `journalctl` instead.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use sysdiag_journal::{Cause, Damage, Journal};
use sysdiag_model::{Gap, Why};

use super::fallback::{self, Found, Wanted, is_plain};
use super::files::is_of_system;
use super::reader::{name_of, unopened};

/// Files that are given to it at once.
const MOST_FILES: usize = 256;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Instead {
    /// That it was done and why, and what is missing all the same.
    pub(super) gaps: Vec<Gap>,
    /// The files that were read.
    pub(super) read: BTreeSet<PathBuf>,
    /// The files that were not, and why.
    pub(super) failed: BTreeMap<PathBuf, String>,
    /// Of those that were read a part is missing.
    pub(super) is_cut_off: bool,
}

/// Whether another reader may do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hope {
    /// What is missing is missing here: a feature, or room for a map.
    Real,
    /// The file is damaged: worth trying if there is nothing else.
    Last,
}

fn hope(damage: &Damage) -> Option<Hope> {
    match &damage.cause {
        Cause::Io(error) => {
            let gone = [io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound];
            (!gone.contains(&error.kind())).then_some(Hope::Real)
        }
        Cause::Unsupported(_) => Some(Hope::Real),
        _ => Some(Hope::Last),
    }
}

/// Adds what `journalctl` reads of the files that could not be opened, if it is worth trying.
pub(super) fn read(journal: &mut Journal, wanted: Wanted<'_>) -> Instead {
    let mut instead = Instead::default();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let has_system = journal.files().iter().any(|file| is_of_system(&name(file.path())));
    let worth = |damage: &&Damage| match hope(damage) {
        Some(Hope::Real) => damage.path.is_file() && is_plain(&damage.path),
        Some(Hope::Last) => !has_system && damage.path.is_file() && is_plain(&damage.path),
        None => false,
    };
    let list: Vec<Damage> =
        journal.unopened().iter().filter(worth).take(MOST_FILES).cloned().collect();
    // A damaged one would keep it from reading the others.
    let (sound, damaged): (Vec<_>, Vec<_>) =
        list.into_iter().partition(|damage| hope(damage) == Some(Hope::Real));
    let list = if sound.is_empty() { damaged } else { sound };
    let paths: Vec<PathBuf> = list.iter().map(|damage| damage.path.clone()).collect();
    // Under the name of one of the files: of the system's, and none that was put aside, if there is one.
    let rank = |path: &&PathBuf| (!is_of_system(&name(path)), name(path).ends_with('~'));
    let Some(place) = paths.iter().min_by_key(rank) else { return instead };
    let found = match fallback::read(&paths, journal.files().is_empty(), wanted) {
        Ok(found) => found,
        Err(why) => {
            instead.failed = paths.iter().map(|path| (path.clone(), why.clone())).collect();
            return instead;
        }
    };
    let Found { entries, cut_off } = found;
    instead.is_cut_off = cut_off.is_some();
    let lost =
        cut_off.into_iter().map(|hint| Gap::new("older journal entries", Why::Disabled, hint));
    instead.gaps.extend(lost);
    let left_out = entries.values_left_out + entries.malformed;
    if left_out > 0 {
        let what = format!("{left_out} values or entries in the journal");
        let hint = "left out: too long, or not in the export format";
        instead.gaps.push(Gap::new(what, Why::NotSupported, hint));
    }
    for image in entries.images.into_values() {
        if let Err(damage) = journal.add_image(place, image) {
            instead.is_cut_off = true;
            instead.gaps.push(unopened(&damage));
        }
    }
    for damage in &list {
        let mut gap = unopened(damage);
        gap.what = name_of(&damage.path);
        gap.hint = Some(format!("read by journalctl: {}", gap.hint.unwrap_or_default()));
        instead.gaps.push(gap);
    }
    instead.read.extend(paths);
    instead
}

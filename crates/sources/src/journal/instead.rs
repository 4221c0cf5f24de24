//! Journal files that our reader cannot open, read by `journalctl` instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{io, iter};

use sysdiag_journal::{Cause, Damage, Journal};
use sysdiag_model::{Gap, Why};

use super::fallback::{self, Found, Wanted, is_plain};
use super::files::{is_of_system, written_usec};
use super::reader::unopened;

/// Files that are given to it at once.
const MOST_FILES: usize = 256;
/// Files that are given to it alone.
const MOST_ALONE: usize = 8;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    let has_system = journal.files().iter().any(|file| is_of_system(&name(file.path())));
    let worth = |damage: &&Damage| {
        let worth = match hope(damage) {
            Some(Hope::Last) => !has_system,
            hope => hope.is_some(),
        };
        worth && damage.path.is_file() && is_plain(&damage.path)
    };
    let list: Vec<Damage> =
        journal.unopened().iter().filter(worth).take(MOST_FILES).cloned().collect();
    let groups = groups(list);
    let share = groups.len().max(1);
    let alone = journal.files().is_empty() && groups.len() == 1;
    for group in groups {
        instead.add(journal, &group, alone, share, wanted);
    }
    instead
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Files that are read together. One that it cannot read keeps it from reading others: of those that it
/// may refuse each is alone, and only the newest are tried.
fn groups(list: Vec<Damage>) -> Vec<Vec<Damage>> {
    let is_refused_here = |damage: &Damage| matches!(damage.cause, Cause::Io(_));
    let (here, mut others): (Vec<_>, Vec<_>) = list.into_iter().partition(is_refused_here);
    others.sort_by_key(|damage| std::cmp::Reverse(written_usec(&damage.path)));
    let alone = others.into_iter().take(MOST_ALONE).map(|damage| vec![damage]);
    iter::once(here).filter(|here| !here.is_empty()).chain(alone).collect()
}

impl Instead {
    fn add(
        &mut self,
        journal: &mut Journal,
        group: &[Damage],
        alone: bool,
        share: usize,
        wanted: Wanted<'_>,
    ) {
        let paths: Vec<PathBuf> = group.iter().map(|damage| damage.path.clone()).collect();
        // Under the name of one of the files: of the system's, and none that was put aside, if there is one.
        let rank = |path: &&PathBuf| (!is_of_system(&name(path)), name(path).ends_with('~'));
        let Some(place) = paths.iter().min_by_key(rank) else { return };
        let Found { entries, cut_off } = match fallback::read(&paths, alone, share, wanted) {
            Ok(found) => found,
            Err(why) => {
                self.failed.extend(paths.iter().map(|path| (path.clone(), why.clone())));
                return;
            }
        };
        if let Some(hint) = cut_off {
            self.is_cut_off = true;
            self.gaps.push(Gap::new("older journal entries", Why::Disabled, hint));
        }
        let left_out = entries.values_left_out + entries.malformed;
        if left_out > 0 {
            let what = format!("{left_out} values or entries in the journal");
            let hint = "left out: too long, or not in the export format";
            self.gaps.push(Gap::new(what, Why::NotSupported, hint));
        }
        for image in entries.images.into_values() {
            if let Err(damage) = journal.add_image(place, image) {
                self.is_cut_off = true;
                self.gaps.push(unopened(&damage));
            }
        }
        for damage in group {
            let mut gap = unopened(damage);
            if hope(damage) == Some(Hope::Real) {
                gap.why = Why::NotSupported;
            }
            gap.hint = Some(format!("read by journalctl: {}", gap.hint.unwrap_or_default()));
            self.gaps.push(gap);
        }
        self.read.extend(paths);
    }
}

//! Which loaded units have other files on disk than systemd read: `NeedDaemonReload`, asked of those
//! whose files changed since the last load. Of all units it would cost PID 1 10 to 25 ms.
//!
//! systemd does not notice a new file that hides the one it loaded, nor, in systemd 252, a new folder of
//! drop-ins; both are found by comparing what it has loaded with what is there.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{ChangedOnDisk, Clock, FileChange, Manager};
use sysdiag_model::{Timestamp, UnitName};

use super::names::UNIT;
use super::units::Listed;
use crate::Root;
use crate::dbus::{Call, Connection, Error, MAX_WINDOW, Value};
use crate::unit_files::{Listing, LoadedFiles};

/// The most units whose files are looked for.
const MAX_CHANGED: usize = 1000;
/// Always loaded, made of no file: that it needs a reload means that systemd says so of every unit.
const WITHOUT_FILE: &str = "-.slice";

const FILES: [&str; 3] = ["FragmentPath", "DropInPaths", "SourcePath"];

/// When systemd last read units from disk, by the clock of files. None: it does not say.
///
/// If the clock was set back since then, files changed later have earlier times than the load, so the
/// load is put as far back.
pub(super) fn last_load(manager: &Manager, now: Clock) -> Option<Timestamp> {
    let reload = manager.units_load_realtime.map(|time| (time, manager.units_load_monotonic_usec));
    let (time, monotonic) = reload.or_else(|| {
        manager.units_load_start_realtime.map(|it| (it, manager.units_load_start_monotonic_usec))
    })?;
    let reckoned = monotonic.filter(|usec| *usec != 0).map(|usec| now.at_monotonic(usec));
    Some(reckoned.map_or(time, |reckoned| reckoned.min(time)))
}

/// Asks, and says what changed of the units that need a reload.
pub(super) fn read(
    connection: &mut Connection,
    root: &Root,
    listing: &Listing,
    since: Option<Timestamp>,
    units: &[Listed],
) -> Result<ChangedOnDisk, Error> {
    let paths: BTreeMap<&UnitName, &str> =
        units.iter().map(|listed| (&listed.unit.name, listed.path.as_str())).collect();
    let in_state = |state| {
        let units = units.iter().map(|listed| &listed.unit);
        units.filter(move |unit| unit.load_state == state).map(|unit| &unit.name)
    };
    let masked: BTreeSet<&UnitName> = in_state("masked").collect();
    let is_masked = |name: &UnitName| masked.contains(name);
    let loaded = in_state("loaded").chain(in_state("masked"));
    let candidates = listing.candidates(root, since, loaded);
    let mut changed = ChangedOnDisk::default();
    if candidates.by_name.is_empty() && candidates.others.is_empty() {
        return Ok(changed);
    }
    let asked: Vec<(&UnitName, &str)> = candidates
        .by_name
        .iter()
        .chain(&candidates.others)
        .filter_map(|name| Some((*name, *paths.get(name)?)))
        .collect();
    let without_file = UnitName::from(WITHOUT_FILE);
    let reference = paths.get(&without_file).copied();
    let calls = asked.iter().map(|(_, path)| *path).chain(reference);
    let calls = calls.map(|path| Call::get(path, UNIT, "NeedDaemonReload"));
    let mut need = vec![false; asked.len()];
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let yes = reply.is_ok_and(|reply| reply.value().is_ok_and(|it| it.bool() == Ok(true)));
        match need.get_mut(call) {
            Some(need) => *need = yes,
            None => changed.links_only = yes,
        }
    })?;
    let look_at: Vec<(&UnitName, &str, bool)> = asked
        .into_iter()
        .zip(need)
        .map(|((name, path), need)| (name, path, need && !changed.links_only))
        .filter(|(name, _, need)| *need || candidates.by_name.contains(name))
        .take(MAX_CHANGED)
        .collect();
    let files = files_of(connection, look_at.iter().map(|(_, path, _)| *path))?;
    for ((name, _, need), loaded) in look_at.into_iter().zip(files) {
        let mut found = listing.changed_files(root, name, &loaded, since);
        if is_masked(name) {
            // Drop-ins do not count, although systemd 252 takes those of the whole kind for a change.
            found.retain(|file| Some(&file.path) == loaded.fragment.as_ref());
        }
        // It may have been loaded after the change: nobody says. What it has not read, it has not.
        found.retain(|file| {
            need || match file.change {
                FileChange::Changed => false,
                FileChange::Removed => true,
                FileChange::Added => file.time.zip(since).is_some_and(|(time, since)| time > since),
            }
        });
        if !found.is_empty() || (need && !is_masked(name)) {
            changed.units.insert(name.clone(), found);
        }
    }
    Ok(changed)
}

/// What systemd says the files of each unit are. A unit that vanished meanwhile has none.
fn files_of<'a>(
    connection: &mut Connection,
    paths: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<LoadedFiles>, Error> {
    let mut files = vec![LoadedFiles::default(); paths.clone().count()];
    let calls = paths.flat_map(|path| FILES.iter().map(move |name| Call::get(path, UNIT, name)));
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let (Some(files), Ok(reply)) = (files.get_mut(call / FILES.len()), reply) else { return };
        let Ok(value) = reply.value() else { return };
        match call % FILES.len() {
            0 => files.fragment = filled(&value),
            1 => {
                let paths = value.strings().unwrap_or_default();
                files.drop_ins = paths.into_iter().map(str::to_owned).collect();
            }
            _ => files.source = filled(&value),
        }
    })?;
    Ok(files)
}

fn filled(value: &Value<'_>) -> Option<String> {
    value.str().ok().filter(|text| !text.is_empty()).map(str::to_owned)
}

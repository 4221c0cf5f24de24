//! Which loaded units have other files on disk than systemd read.
//!
//! What systemd says its files are (`FragmentPath`, `DropInPaths`, `SourcePath`) is in its memory and cheap
//! to ask; it is compared with what is there. `NeedDaemonReload` is asked only where a file has other
//! content: it has systemd look at the disk, which takes systemd 257 0.6 ms a unit. It also does not
//! notice a new file that hides the one it loaded, nor, in systemd 252, a new folder of drop-ins.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{ChangedFile, ChangedOnDisk, Clock, FileChange, Manager};
use sysdiag_model::{Timestamp, UnitName};

use super::names::UNIT;
use super::units::Listed;
use crate::Root;
use crate::dbus::{Call, Connection, Error, MAX_WINDOW, Value};
use crate::unit_files::{Listing, LoadedFiles};

/// The most units that are asked whether they need a reload, and the most of those with the same
/// changed files: the others are in the same case.
const MAX_ASKED: usize = 64;
const ASKED_OF_EACH: usize = 4;
/// Always loaded, made of no file: that it needs a reload means that systemd says so of every unit,
/// because links were made or removed (`systemctl enable --no-reload`).
const WITHOUT_FILE: &str = "-.slice";

/// What the files of a unit are; the last one is not asked of those who can only have lost a file.
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

/// The loaded units that are not as their files say, with those files.
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
    let candidates = listing.candidates(root, since, in_state("loaded").chain(in_state("masked")));
    let with_path = |name: &UnitName| paths.get(name).copied();

    let mut changed: BTreeMap<&UnitName, Vec<ChangedFile>> = BTreeMap::new();
    let by_name: Vec<(&UnitName, &str)> =
        candidates.by_name.iter().filter_map(|name| Some((*name, with_path(name)?))).collect();
    for ((name, _), loaded) in by_name.iter().zip(files_of(connection, &by_name, &FILES)?) {
        let mut files = listing.changed_files(root, name, &loaded, since);
        // Drop-ins of a masked unit do not count.
        files.retain(|file| !masked.contains(name) || Some(&file.path) == loaded.fragment.as_ref());
        changed.insert(name, files);
    }
    let others: Vec<(&UnitName, &str)> =
        candidates.others.iter().filter_map(|name| Some((*name, with_path(name)?))).collect();
    let of_others = FILES.get(..2).unwrap_or(&FILES);
    for ((name, _), loaded) in others.iter().zip(files_of(connection, &others, of_others)?) {
        let mut files = listing.removed_files(root, &loaded);
        if !files.is_empty() {
            // What takes the place of it.
            files = listing.changed_files(root, name, &loaded, since);
        }
        changed.insert(name, files);
    }
    changed.retain(|_, files| !files.is_empty() || since.is_none());
    let says = asked(connection, &changed, since, with_path)?;
    let units = changed.into_iter().filter_map(|(name, mut files)| {
        let needs = says.get(name).copied().unwrap_or(false);
        // The unit may have been loaded after the change.
        files.retain(|file| needs || file.change != FileChange::Changed);
        (needs || !files.is_empty()).then(|| (name.clone(), files))
    });
    Ok(ChangedOnDisk { units: units.collect() })
}

/// Of the units with files of other content, whether they were read before that: `NeedDaemonReload`.
/// Without `since`, of all units, because no time says which those are.
fn asked<'a>(
    connection: &mut Connection,
    changed: &BTreeMap<&'a UnitName, Vec<ChangedFile>>,
    since: Option<Timestamp>,
    with_path: impl Fn(&UnitName) -> Option<&'a str>,
) -> Result<BTreeMap<&'a UnitName, bool>, Error> {
    let mut groups: BTreeMap<Vec<&str>, Vec<&UnitName>> = BTreeMap::new();
    for (name, files) in changed {
        let contents = files.iter().filter(|file| file.change == FileChange::Changed);
        let contents: Vec<&str> = contents.map(|file| file.path.as_str()).collect();
        if !contents.is_empty() {
            groups.entry(contents).or_default().push(name);
        }
    }
    let all = since.is_none().then(|| changed.keys().copied());
    let few = groups.values().flat_map(|units| units.iter().copied().take(ASKED_OF_EACH));
    let few = few.take(if since.is_some() { MAX_ASKED } else { 0 });
    let asked: Vec<(&UnitName, &str)> = all
        .into_iter()
        .flatten()
        .chain(few)
        .filter_map(|name| Some((name, with_path(name)?)))
        .collect();
    let mut says = BTreeMap::new();
    if asked.is_empty() {
        return Ok(says);
    }
    let calls = asked.iter().map(|(_, path)| *path).chain(with_path(&WITHOUT_FILE.into()));
    let calls = calls.map(|path| Call::get(path, UNIT, "NeedDaemonReload"));
    let mut of_every_unit = false;
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let yes = reply.is_ok_and(|reply| reply.value().is_ok_and(|it| it.bool() == Ok(true)));
        match asked.get(call) {
            Some((name, _)) => {
                says.insert(*name, yes);
            }
            None => of_every_unit = yes,
        }
    })?;
    if of_every_unit {
        says.clear();
    }
    for units in groups.values() {
        let answers = || units.iter().filter_map(|name| says.get(*name));
        if answers().count() > 0 && answers().all(|yes| *yes) {
            says.extend(units.iter().map(|name| (*name, true)));
        }
    }
    Ok(says)
}

/// What systemd says the files of each unit are. A unit that vanished meanwhile has none.
fn files_of(
    connection: &mut Connection,
    units: &[(&UnitName, &str)],
    properties: &[&'static str],
) -> Result<Vec<LoadedFiles>, Error> {
    let mut files = vec![LoadedFiles::default(); units.len()];
    let calls = units
        .iter()
        .flat_map(|(_, path)| properties.iter().map(|name| Call::get(path, UNIT, name)));
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let unit = files.get_mut(call / properties.len().max(1));
        let (Some(files), Ok(reply)) = (unit, reply) else { return };
        let Ok(value) = reply.value() else { return };
        match call % properties.len().max(1) {
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

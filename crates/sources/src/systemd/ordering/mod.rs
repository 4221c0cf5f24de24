//! The ordering of all loaded units, when the full graph is asked for: who is after whom, and of the
//! few that may be on a cycle where each edge may come from.
//!
//! `After` is asked of every unit; `Before` is its mirror and is not. On a host without a cycle that
//! is all.

mod files;
mod suspects;

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{Ordering, UnitOrigin};
use sysdiag_model::{Gap, Probe, UnitName, Why};

use super::Session;
use super::connect::gap;
use super::names::UNIT;
use crate::dbus::{Call, MAX_WINDOW, Malformed, Value};

pub(crate) use files::read_files;

/// What the gaps are about.
const WHAT: &str = "ordering of units";
/// The most edges that are kept: hosts have ten for each unit.
const MAX_EDGES: usize = 1_000_000;
/// The most units that are asked where their ordering comes from.
const MAX_ORIGINS: usize = 500;

/// Properties that tell where an ordering edge may come from.
const PROPERTIES: [&str; 16] = [
    "Names",
    "FragmentPath",
    "DropInPaths",
    "SourcePath",
    "NeedDaemonReload",
    "DefaultDependencies",
    "RequiresMountsFor",
    "Requires",
    "Requisite",
    "Wants",
    "BindsTo",
    "PartOf",
    "Upholds",
    "Conflicts",
    "Triggers",
    "TriggeredBy",
];

impl Session {
    /// The ordering among the loaded units. The files of those that may be on a cycle are not read
    /// yet: see [`read_files`].
    pub fn ordering(&mut self) -> Probe<Ordering> {
        let mut gaps = Vec::new();
        let after = match self.after(&mut gaps) {
            Ok(after) => after,
            Err(gap) => return Probe::Unknown(gap),
        };
        let mut suspects = suspects::may_be_on_a_cycle(&after);
        let left_out = suspects.len().saturating_sub(MAX_ORIGINS);
        if left_out > 0 {
            suspects = suspects.into_iter().take(MAX_ORIGINS).collect();
            let what = format!("files of {left_out} more units that may be on a cycle");
            gaps.push(Gap::new(what, Why::NotSupported, "more than this program reads"));
        }
        let origins = self.origins(&suspects, &mut gaps);
        Probe::with_gaps(Ordering { after, origins }, gaps)
    }

    fn after(&mut self, gaps: &mut Vec<Gap>) -> Result<BTreeMap<UnitName, Vec<UnitName>>, Gap> {
        let loaded: Vec<(&UnitName, &str)> = self
            .listed
            .iter()
            .filter(|(_, known)| known.loaded)
            .map(|(name, known)| (name, known.path.as_str()))
            .collect();
        let calls = loaded.iter().map(|(_, path)| Call::get(path, UNIT, "After"));
        let mut lists: Vec<Option<Vec<UnitName>>> = vec![None; loaded.len()];
        let (listed, mut room, mut odd) = (&self.listed, MAX_EDGES, 0_usize);
        let outcome = self.connection.pipeline(calls, MAX_WINDOW, |index, reply| {
            // A unit that vanished meanwhile is on no cycle.
            let (Some(slot), Ok(reply)) = (lists.get_mut(index), reply) else { return };
            let Ok(names) = reply.value().and_then(|value| value.strings()) else {
                odd += 1;
                return;
            };
            let known = names
                .into_iter()
                .filter_map(|name| listed.get_key_value(name))
                .filter(|(_, known)| known.loaded)
                .take(room)
                .map(|(name, _)| name.clone());
            let list: Vec<UnitName> = known.collect();
            room = room.saturating_sub(list.len());
            *slot = Some(list);
        });
        outcome.map_err(|error| gap(WHAT, &error))?;
        if odd > 0 {
            let what = format!("ordering of {odd} units");
            gaps.push(Gap::new(what, Why::Malformed, "After is not a list of names"));
        }
        if room == 0 {
            let hint = format!("more than {MAX_EDGES} edges");
            gaps.push(Gap::new(WHAT, Why::NotSupported, hint));
        }
        let names = loaded.into_iter().map(|(name, _)| name.clone());
        Ok(names.zip(lists).filter_map(|(name, list)| Some((name, list?))).collect())
    }

    fn origins(
        &mut self,
        units: &BTreeSet<UnitName>,
        gaps: &mut Vec<Gap>,
    ) -> BTreeMap<UnitName, UnitOrigin> {
        let asked: Vec<(&UnitName, &str)> = units
            .iter()
            .filter_map(|name| Some((name, self.listed.get(name)?.path.as_str())))
            .collect();
        let questions: Vec<(&UnitName, &str, &'static str)> = asked
            .iter()
            .flat_map(|(name, path)| {
                PROPERTIES.iter().map(move |property| (*name, *path, *property))
            })
            .collect();
        let calls = questions.iter().map(|(_, path, property)| Call::get(path, UNIT, property));
        let mut origins: BTreeMap<UnitName, UnitOrigin> = BTreeMap::new();
        let outcome = self.connection.pipeline(calls, MAX_WINDOW, |index, reply| {
            // Not every version has every property.
            let (Some((unit, _, property)), Ok(reply)) = (questions.get(index), reply) else {
                return;
            };
            let origin = origins.entry((*unit).clone()).or_default();
            // One of another type counts as absent.
            let _ = reply.value().and_then(|value| apply(origin, property, &value));
        });
        if let Err(error) = outcome {
            gaps.push(gap("where the ordering of units comes from", &error));
        }
        origins
    }
}

fn apply(origin: &mut UnitOrigin, property: &str, value: &Value<'_>) -> Result<(), Malformed> {
    let names = |value: &Value<'_>| -> Result<Vec<UnitName>, Malformed> {
        Ok(value.strings()?.into_iter().map(UnitName::new).collect())
    };
    let texts = |value: &Value<'_>| -> Result<Vec<String>, Malformed> {
        Ok(value.strings()?.into_iter().map(str::to_owned).collect())
    };
    let path = |value: &Value<'_>| -> Result<Option<String>, Malformed> {
        Ok(Some(value.str()?).filter(|path| !path.is_empty()).map(str::to_owned))
    };
    match property {
        "Names" => origin.names = names(value)?,
        "FragmentPath" => origin.fragment_path = path(value)?,
        "DropInPaths" => origin.drop_in_paths = texts(value)?,
        "SourcePath" => origin.source_path = path(value)?,
        "NeedDaemonReload" => origin.need_daemon_reload = Some(value.bool()?),
        "DefaultDependencies" => origin.default_dependencies = Some(value.bool()?),
        "RequiresMountsFor" => origin.requires_mounts_for = texts(value)?,
        _ => {
            let list = names(value)?;
            if !list.is_empty() {
                origin.dependencies.insert(property.to_owned(), list);
            }
        }
    }
    Ok(())
}

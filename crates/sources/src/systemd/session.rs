//! Both rounds over one connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use sysdiag_model::snapshot::{Systemd, UnitDetail};
use sysdiag_model::{Gap, Probe, UnitName, Why};

use super::connect::{connect, gap};
use super::units::Listed;
use super::{chain, detail, kinds, manager, units};
use crate::Root;
use crate::dbus::{Call, Connection, MAX_WINDOW};

/// The most units asked for everything: each costs PID 1 half a millisecond.
const MAX_DETAILS: usize = 128;
/// How far requirements of failed units are followed.
const MAX_DEPTH: usize = 16;
/// Requirements that can be why a unit failed.
const FOLLOWED: [&str; 4] = ["Requires", "Requisite", "BindsTo", "Wants"];

/// A connection to PID 1 after the first round, for the second.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    listed: HashMap<UnitName, Known>,
}

#[derive(Debug)]
struct Known {
    path: String,
    /// Whether its properties say why another unit that requires it failed. Those of a masked or
    /// missing unit say nothing that its load state does not.
    ill: bool,
}

/// What the second round gives.
#[derive(Debug, Default)]
pub struct Deep {
    /// All properties of the suspects and of what they rest on that is not well.
    pub details: BTreeMap<UnitName, UnitDetail>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// First round: the manager, all units, their timestamps, sockets, timers, the chain.
pub fn open(
    root: &Root,
    init_name: Option<&str>,
    deadline: Instant,
) -> (Probe<Systemd>, Option<Session>) {
    let (mut connection, transport) = match connect(root, init_name, deadline) {
        Ok(connected) => connected,
        Err(gap) => return (Probe::Unknown(gap), None),
    };
    let manager = match manager::read(&mut connection) {
        Ok(manager) => manager,
        Err(error) => return (Probe::Unknown(gap("systemd", &error)), None),
    };
    let (mut listed, left_out) = match units::list(&mut connection) {
        Ok(units) => units,
        Err(error) => return (Probe::Unknown(gap("systemd", &error)), None),
    };
    let finish = manager.finish_monotonic_usec.filter(|usec| *usec != 0);
    let mut systemd = Systemd {
        transport,
        manager,
        units: Vec::new(),
        jobs: Vec::new(),
        default_target: None,
        chain_after: BTreeMap::new(),
        services: BTreeMap::new(),
        sockets: BTreeMap::new(),
        timers: BTreeMap::new(),
        mounts: BTreeMap::new(),
        details: BTreeMap::new(),
    };
    let mut gaps = Vec::new();
    if left_out > 0 {
        gaps.push(Gap {
            what: format!("{left_out} units"),
            why: Why::NotSupported,
            hint: Some("more units are loaded than this program reads".to_owned()),
        });
    }
    // From here on a failure costs one part, or, if the connection is gone, all later parts.
    let mut note = |what: &str, error: Option<crate::dbus::Error>| {
        if let Some(error) = error {
            gaps.push(gap(what, &error));
        }
    };
    match manager::jobs(&mut connection) {
        Ok(jobs) => systemd.jobs = jobs,
        Err(error) => note("job queue of systemd", Some(error)),
    }
    note("timestamps of units", units::read_times(&mut connection, &mut listed).err());
    note(
        "state of sockets, timers and services",
        kinds::read(&mut connection, &listed, &mut systemd).err(),
    );
    match manager::default_target_path(&mut connection) {
        Ok(path) => {
            systemd.default_target = path.and_then(|path| {
                listed.iter().find(|unit| unit.path == path).map(|unit| unit.unit.name.clone())
            });
        }
        Err(error) => note("default target", Some(error)),
    }
    // An unfinished boot has no chain yet.
    if let (Some(target), Some(finish)) = (systemd.default_target.clone(), finish) {
        match chain::read(&mut connection, &listed, &target, finish) {
            Ok(after) => systemd.chain_after = after,
            Err(error) => note("critical chain", Some(error)),
        }
    }
    let known = listed
        .iter()
        .map(|listed| {
            let unit = &listed.unit;
            let ill = unit.is_failed()
                || matches!(
                    unit.load_state.as_str(),
                    "error" | "bad-setting" | "masked" | "not-found"
                );
            (unit.name.clone(), Known { path: listed.path.clone(), ill })
        })
        .collect();
    systemd.units = listed.into_iter().map(|Listed { unit, .. }| unit).collect();
    (Probe::with_gaps(systemd, gaps), Some(Session { connection, listed: known }))
}

impl Session {
    /// Second round: everything about the suspects, then about those of their requirements that
    /// are not well, and so on. `asked`: the unit whose page is wanted, with all its properties.
    pub fn deepen(mut self, suspects: &[UnitName], asked: Option<&UnitName>) -> Deep {
        let mut deep = Deep::default();
        let mut seen = BTreeSet::new();
        let mut next: Vec<UnitName> = suspects.to_vec();
        let mut left_out = 0_usize;
        for _ in 0..MAX_DEPTH {
            next.retain(|name| self.listed.contains_key(name) && seen.insert(name.clone()));
            let room = MAX_DETAILS.saturating_sub(deep.details.len());
            left_out += next.len().saturating_sub(room);
            next.truncate(room);
            if next.is_empty() {
                break;
            }
            if let Err(gap) = self.read(&next, asked, &mut deep) {
                deep.gaps.push(gap);
                break;
            }
            next = self.rests_on(&next, &deep.details);
        }
        if left_out > 0 {
            deep.gaps.push(Gap {
                what: format!("properties of {left_out} more units in question"),
                why: Why::NotSupported,
                hint: Some("see one of them with analyze-unit".to_owned()),
            });
        }
        deep
    }

    fn read(
        &mut self,
        names: &[UnitName],
        asked: Option<&UnitName>,
        deep: &mut Deep,
    ) -> Result<(), Gap> {
        let paths: Vec<&str> = names
            .iter()
            .filter_map(|name| self.listed.get(name))
            .map(|known| known.path.as_str())
            .collect();
        let calls = paths.iter().map(|path| Call::get_all(path, ""));
        // Each answer is some 15 kB: few at a time keep the buffer small.
        let outcome = self.connection.pipeline(calls, MAX_WINDOW / 10, |index, reply| {
            let (Some(name), Ok(reply)) = (names.get(index), reply) else { return };
            match detail::read(name, &reply, asked == Some(name)) {
                Ok(detail) => {
                    deep.details.insert(name.clone(), detail);
                }
                Err(error) => deep.gaps.push(Gap::new(
                    format!("properties of {name}"),
                    Why::Malformed,
                    error.to_string(),
                )),
            }
        });
        outcome.map(|_| ()).map_err(|error| gap("properties of units in question", &error))
    }

    fn rests_on(
        &self,
        names: &[UnitName],
        details: &BTreeMap<UnitName, UnitDetail>,
    ) -> Vec<UnitName> {
        let required = names
            .iter()
            .filter_map(|name| details.get(name))
            .flat_map(|detail| FOLLOWED.iter().filter_map(|edge| detail.dependencies.get(*edge)))
            .flatten();
        let ill = required.filter(|name| self.listed.get(*name).is_some_and(|known| known.ill));
        ill.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

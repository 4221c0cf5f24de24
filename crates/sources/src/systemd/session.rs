//! Both rounds over one connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use sysdiag_model::snapshot::{Systemd, UnitDetail, UnitFiles};
use sysdiag_model::{Gap, Probe, UnitName, UnitType, Why};

use super::connect::{connect, gap};
use super::names::{UNIT, interface_of};
use super::units::Listed;
use super::{chain, changed, detail, kinds, manager, needs, on_disk, paths, units};
use crate::dbus::{Call, Connection, MAX_WINDOW, Malformed, Reply};
use crate::unit_files::{self, SearchPath};
use crate::{Root, clock};

/// The most units asked for everything: each costs PID 1 about half a millisecond.
const MAX_DETAILS: usize = 128;
/// How far requirements of failed units are followed.
const MAX_DEPTH: usize = 16;
/// Units asked who requires them, of those that cannot be started at all.
const MAX_UNAVAILABLE: usize = 500;
/// Edges from a unit that cannot be started to those that need it.
const NEEDED_BY: [&str; 3] = ["RequiredBy", "RequisiteOf", "BoundBy"];
/// Requirements that can be why a unit failed.
const FOLLOWED: [&str; 4] = ["Requires", "Requisite", "BindsTo", "Wants"];

/// A connection to PID 1 after the first round, for the second.
#[derive(Debug)]
pub struct Session {
    pub(super) connection: Connection,
    pub(super) listed: HashMap<UnitName, Known>,
    root: Root,
    deadline: Instant,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) path: String,
    /// Whether systemd has its file: only then can it be started.
    pub(super) loaded: bool,
    /// Whether its properties say why another unit that requires it failed. Those of a masked or
    /// missing unit say nothing that its load state does not.
    ill: bool,
    /// Masked, missing or in error: it cannot be started.
    unavailable: bool,
}

/// What the second round gives.
#[derive(Debug, Default)]
pub struct Deep {
    /// All properties of the suspects and of what they rest on that is not well.
    pub details: BTreeMap<UnitName, UnitDetail>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// What the first round gives.
#[derive(Debug)]
pub struct Opened {
    /// The manager and its units.
    pub systemd: Probe<Systemd>,
    /// The unit files on disk, read even where systemd cannot be.
    pub unit_files: Probe<UnitFiles>,
    /// For the second round. None: there is nobody to ask.
    pub session: Option<Session>,
}

/// First round: the manager, all units, their timestamps, sockets, timers, the chain, and which units
/// have other files now. If `asked` is an alias of a loaded unit, that one has a detail already, with
/// this name.
pub fn open(
    root: &Root,
    init_name: Option<&str>,
    asked: Option<&UnitName>,
    deadline: Instant,
) -> Opened {
    let without = |gap: Gap| Opened {
        systemd: Probe::Unknown(gap),
        unit_files: unit_files::collect(root, &SearchPath::standard(), asked).1,
        session: None,
    };
    let (mut connection, transport) = match connect(root, init_name, deadline) {
        Ok(connected) => connected,
        Err(gap) => return without(gap),
    };
    let manager = match manager::read(&mut connection) {
        Ok(manager) => manager,
        Err(error) => return without(gap("systemd", &error)),
    };
    let (mut listed, left_out) = match units::list(&mut connection) {
        Ok(units) => units,
        Err(error) => return without(gap("systemd", &error)),
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
        changed_on_disk: None,
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
    paths::of_sockets(root, deadline, &listed, &mut systemd.sockets);
    match manager::unit_path(&mut connection, "default.target") {
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
    if let Some(asked) = asked.filter(|name| !listed.iter().any(|unit| unit.unit.name == **name))
        && let Ok(Some(path)) = manager::unit_path(&mut connection, asked.as_str())
        && let Some(primary) = listed.iter().find(|unit| unit.path == path)
    {
        let detail = UnitDetail { names: vec![asked.clone()], ..UnitDetail::default() };
        systemd.details.insert(primary.unit.name.clone(), detail);
    }
    let path = SearchPath::of_manager(&systemd.manager.unit_path);
    let (listing, unit_files) = unit_files::collect(root, &path, asked);
    let since = changed::last_load(&systemd.manager, clock::read());
    match changed::read(&mut connection, root, &listing, since, &listed) {
        Ok(changed) => systemd.changed_on_disk = Some(changed),
        Err(error) => note("units that changed on disk", Some(error)),
    }
    let known = listed
        .iter()
        .map(|listed| {
            let unit = &listed.unit;
            let unavailable = matches!(
                unit.load_state.as_str(),
                "error" | "bad-setting" | "masked" | "not-found"
            );
            let ill = unit.is_failed() || unavailable;
            let loaded = unit.load_state == "loaded";
            (unit.name.clone(), Known { path: listed.path.clone(), loaded, ill, unavailable })
        })
        .collect();
    systemd.units = listed.into_iter().map(|Listed { unit, .. }| unit).collect();
    let session = Session { connection, listed: known, root: root.clone(), deadline };
    Opened { systemd: Probe::with_gaps(systemd, gaps), unit_files, session: Some(session) }
}

impl Session {
    /// Second round: everything about the suspects, then about those of their requirements that
    /// are not well, and so on. `asked`: the unit whose page is wanted, with all its properties.
    pub fn deepen(mut self, suspects: &[UnitName], asked: Option<&UnitName>) -> Deep {
        let mut deep = Deep::default();
        let mut seen = BTreeSet::new();
        let mut next: Vec<UnitName> = suspects.to_vec();
        match self.requirers(&mut deep) {
            Ok(requirers) => next.extend(requirers),
            Err(gap) => deep.gaps.push(gap),
        }
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
        let unloaded = suspects.iter().filter(|name| !self.listed.contains_key(*name));
        let mut ill: Vec<&UnitName> =
            self.listed.iter().filter(|(_, known)| known.ill).map(|(name, _)| name).collect();
        ill.sort();
        deep.gaps.extend(on_disk::add(&mut deep.details, &self.root, unloaded, &ill));
        for detail in deep.details.values_mut().filter(|detail| lacks_a_stream(detail)) {
            on_disk::add_streams(detail, &self.root);
        }
        needs::look_at(&mut deep.details, &self.root, self.deadline);
        paths::of_mounts(&self.root, self.deadline, &mut deep.details);
        if left_out > 0 {
            deep.gaps.push(Gap {
                what: format!("properties of {left_out} more units in question"),
                why: Why::NotSupported,
                hint: Some("see one of them with analyze-unit".to_owned()),
            });
        }
        deep
    }

    /// Who requires units that cannot be started: such a unit may run, or nobody may have noticed that
    /// it was left out of the boot. Most that are missing are only wanted, or ordered with.
    fn requirers(&mut self, deep: &mut Deep) -> Result<BTreeSet<UnitName>, Gap> {
        let mut unavailable: Vec<(&UnitName, &Known)> =
            self.listed.iter().filter(|(_, known)| known.unavailable).collect();
        unavailable.sort_by_key(|(name, _)| *name);
        let asked = unavailable.iter().take(MAX_UNAVAILABLE);
        let questions: Vec<(&UnitName, &str, &str)> = asked
            .flat_map(|(name, known)| {
                NEEDED_BY.iter().map(|edge| (*name, known.path.as_str(), *edge))
            })
            .collect();
        let calls = questions.iter().map(|(_, path, edge)| Call::get(path, UNIT, edge));
        let mut requirers = BTreeSet::new();
        let outcome = self.connection.pipeline(calls, MAX_WINDOW, |index, reply| {
            let (Some((unit, _, edge)), Ok(reply)) = (questions.get(index), reply) else { return };
            let Ok(value) = reply.value() else { return };
            let mut detail = UnitDetail::default();
            detail::apply(&mut detail, None, edge, &value);
            // Most have none: then there is nothing to keep.
            for (edge, others) in detail.dependencies {
                requirers.extend(others.iter().cloned());
                let kept = deep.details.entry((*unit).clone()).or_default();
                kept.dependencies.insert(edge, others);
            }
        });
        let outcome = outcome.map(|_| ());
        outcome.map_err(|error| gap("what requires units that cannot be started", &error))?;
        Ok(requirers)
    }

    fn read(
        &mut self,
        names: &[UnitName],
        asked: Option<&UnitName>,
        deep: &mut Deep,
    ) -> Result<(), Gap> {
        let questions = questions(&self.listed, names, asked);
        let calls = questions.iter().map(|question| question.call);
        let outcome = self.connection.pipeline(calls, MAX_WINDOW, |index, reply| {
            // A unit that vanished meanwhile has no properties any more.
            let (Some(question), Ok(reply)) = (questions.get(index), reply) else { return };
            if let Err(error) = take(deep, question, &reply) {
                let what = format!("properties of {}", question.unit);
                deep.gaps.push(Gap::new(what, Why::Malformed, error.to_string()));
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

/// Whether a process could not be started for its standard input, output or error
/// (`systemd.exec(5)`, exit statuses 208, 209 and 222).
fn lacks_a_stream(detail: &UnitDetail) -> bool {
    detail.service.iter().any(|service| {
        let commands = service.exec.values().flatten().map(|command| command.status);
        commands.chain(service.exec_main_status).any(|status| matches!(status, 208 | 209 | 222))
    })
}

/// One call of the second round.
struct Question<'a> {
    unit: &'a UnitName,
    kind: Option<UnitType>,
    /// None: all properties of an interface.
    property: Option<&'static str>,
    /// Keep what has no field of its own as well.
    whole: bool,
    call: Call<'a>,
}

fn take(deep: &mut Deep, question: &Question<'_>, reply: &Reply<'_>) -> Result<(), Malformed> {
    let detail = deep.details.entry(question.unit.clone()).or_default();
    match question.property {
        Some(name) => detail::apply(detail, question.kind, name, &reply.value()?),
        None => {
            for property in reply.properties()? {
                let (name, value) = property?;
                detail::apply(detail, question.kind, name, &value);
                if question.whole {
                    detail::keep_text(detail, name, &value);
                }
            }
        }
    }
    Ok(())
}

/// Everything on the interface of the unit's kind, and what is needed of the common one. The
/// unit whose page is wanted is asked for all there is.
fn questions<'a>(
    listed: &'a HashMap<UnitName, Known>,
    names: &'a [UnitName],
    asked: Option<&UnitName>,
) -> Vec<Question<'a>> {
    let mut questions = Vec::new();
    for unit in names {
        let Some(known) = listed.get(unit) else { continue };
        let kind = unit.unit_type();
        let is_asked = asked == Some(unit);
        let mut ask = |property, call| {
            questions.push(Question { unit, kind, property, whole: is_asked, call });
        };
        if is_asked {
            ask(None, Call::get_all(&known.path, ""));
            continue;
        }
        if let Some(interface) = kind.and_then(interface_of) {
            ask(None, Call::get_all(&known.path, interface));
        }
        for property in detail::OF_UNIT.iter().chain(&detail::DEPENDENCIES) {
            ask(Some(*property), Call::get(&known.path, UNIT, property));
        }
    }
    questions
}

//! The page about one unit: what systemd says of it if it is loaded, what its files say if not.

mod files;
mod on_disk;
mod processes;

use sysdiag_model::report::{BootAnalysis, ResourceAnalysis, UnitPage};
use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Snapshot, UnitName};

use crate::units::Units;
use crate::{Settings, dependencies, health};

/// Log lines on the page.
const LINES: usize = 50;

/// Everything about the unit that `asked` is a name of. None: it is neither loaded nor, as far as the
/// snapshot knows, on disk.
pub(crate) fn analyze(
    snapshot: &Snapshot,
    settings: &Settings,
    asked: &UnitName,
    boot: Option<&BootAnalysis>,
    resources: &ResourceAnalysis,
) -> Option<UnitPage> {
    let units = Units::of(snapshot);
    let loaded = units.as_ref().and_then(|units| Some((units, resolve(units, snapshot, asked)?)));
    let mut page = match loaded {
        Some((units, unit)) => of_loaded(snapshot, settings, units, unit, boot, resources),
        None => on_disk::page(snapshot, units.as_ref(), files::on_disk(snapshot, asked)?),
    };
    files::add(&mut page, snapshot, units.as_ref(), asked);
    Some(page)
}

/// The primary name of the unit that `asked` is a name of. None: it is neither loaded nor, as far as
/// the snapshot knows, on disk.
pub fn find_unit(snapshot: &Snapshot, asked: &UnitName) -> Option<UnitName> {
    let units = Units::of(snapshot);
    let loaded = units.as_ref().and_then(|units| resolve(units, snapshot, asked));
    let loaded = loaded.map(|unit| &unit.name);
    loaded.or_else(|| files::on_disk(snapshot, asked).map(|unit| &unit.name)).cloned()
}

fn of_loaded(
    snapshot: &Snapshot,
    settings: &Settings,
    units: &Units<'_>,
    unit: &Unit,
    boot: Option<&BootAnalysis>,
    resources: &ResourceAnalysis,
) -> UnitPage {
    let name = unit.name.as_str();
    let detail = units.detail(name);
    let problem = health::of_unit(units, unit, settings, LINES);
    let usage = resources.unit_usage.as_ref();
    let usage = usage.and_then(|all| all.iter().find(|usage| usage.name == unit.name));
    let blame = boot.and_then(|boot| boot.blame.iter().find(|entry| entry.unit == unit.name));
    let control_group = detail.and_then(|detail| detail.control_group.as_deref());
    let cgroup = usage.map(|usage| usage.cgroup_path.clone()).or_else(|| {
        let root = snapshot.cgroups.value().map_or("", |tree| &tree.root);
        control_group.filter(|path| !path.is_empty()).map(|path| format!("{root}{path}"))
    });
    UnitPage {
        name: unit.name.clone(),
        aliases: Vec::new(),
        asked_as: None,
        description: Some(unit.description.clone()).filter(|text| !text.is_empty()),
        load_state: problem.load_state,
        active_state: problem.active_state,
        sub_state: problem.sub_state,
        unit_file_state: detail.and_then(|detail| detail.unit_file_state.clone()),
        fragment_path: detail.and_then(|detail| detail.fragment_path.clone()),
        fragment_target: None,
        enabled_by: Vec::new(),
        install: None,
        instances: None,
        timer: None,
        listens: Vec::new(),
        drop_in_paths: detail.map(|detail| detail.drop_in_paths.clone()).unwrap_or_default(),
        since: problem.since,
        result: problem.result,
        exit_status: problem.exit_status,
        signal: problem.signal,
        activation_usec: blame.map(|entry| entry.time_usec),
        usage: usage.cloned(),
        dependencies: dependencies::list(units, name),
        processes: cgroup.and_then(|path| processes::below(snapshot, &path)),
        recent_logs: problem.recent_logs,
        history: None,
        properties: detail.map(|detail| detail.properties.clone()).unwrap_or_default(),
    }
}

/// The loaded unit that has this name, as systemd or the links on disk say.
fn resolve<'a>(units: &Units<'a>, snapshot: &Snapshot, asked: &UnitName) -> Option<&'a Unit> {
    let by_name = |name: &UnitName| units.systemd.unit(name.as_str());
    by_name(asked)
        .or_else(|| {
            let details = &units.systemd.details;
            let (primary, _) = details.iter().find(|(_, detail)| detail.names.contains(asked))?;
            by_name(primary)
        })
        .or_else(|| by_name(files::alias_of(snapshot, asked)?))
        .or_else(|| by_name(&files::on_disk(snapshot, asked)?.name))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{TimerState, UnitFiles, UnitOnDisk};

    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};

    pub(super) fn page_of(snapshot: &Snapshot, asked: &str) -> Option<UnitPage> {
        let settings = Settings::default();
        let resources = crate::resources::analyze(snapshot, &settings);
        analyze(snapshot, &settings, &asked.into(), None, &resources)
    }

    #[test]
    fn a_template_has_instances() {
        let mut snapshot = healthy();
        for name in ["getty@tty1.service", "getty@tty2.service", "other@tty1.service"] {
            add_unit(&mut snapshot, unit(name, "active", "running"));
        }
        assert!(page_of(&snapshot, "getty@.service").is_none());
        let template = UnitOnDisk {
            name: "getty@.service".into(),
            names: vec!["getty@.service".into()],
            fragment: None,
            drop_ins: Vec::new(),
            links: Vec::new(),
            asks_for: Vec::new(),
            unit_file_state: None,
            declarations: Vec::new(),
        };
        snapshot.unit_files.value_mut().unwrap().asked = Some(template);
        let instances = page_of(&snapshot, "getty@.service").unwrap().instances.unwrap();
        let names: Vec<&str> = instances.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["getty@tty1.service", "getty@tty2.service"]);
        assert!(page_of(&snapshot, "getty@tty1.service").unwrap().instances.is_none());
    }

    #[test]
    fn links_on_disk_tell_an_alias_in_a_capture() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("dbus-broker.service", "active", "running"));
        let aliases = [("dbus.service".into(), "dbus-broker.service".into())].into();
        let files = UnitFiles { aliases, ..UnitFiles::default() };
        *snapshot.unit_files.value_mut().unwrap() = files;
        let page = page_of(&snapshot, "dbus.service").unwrap();
        assert_eq!(page.name, "dbus-broker.service");
        assert_eq!(page.asked_as.unwrap(), "dbus.service");
        assert_eq!(page.aliases, ["dbus.service"]);
        assert!(page_of(&snapshot, "dbus-broker.service").unwrap().asked_as.is_none());
    }

    #[test]
    fn a_timer_has_its_times() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        let now = snapshot.clock;
        let timer = TimerState {
            unit: Some("a.service".into()),
            next_elapse_monotonic_usec: Some(now.monotonic_usec + 5_000_000),
            ..TimerState::default()
        };
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer);
        let timer = page_of(&snapshot, "a.timer").unwrap().timer.unwrap();
        assert_eq!(timer.next_elapse, Some(now.realtime.plus_usec(5_000_000)));
        assert_eq!((timer.unit.unwrap().as_str(), timer.last_trigger), ("a.service", None));
    }
}

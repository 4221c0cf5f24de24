//! The page about one unit.

mod processes;

use sysdiag_model::report::{BootAnalysis, ResourceAnalysis, UnitPage};
use sysdiag_model::snapshot::Unit;
use sysdiag_model::{Snapshot, UnitName};

use crate::units::Units;
use crate::{Settings, dependencies, health};

/// Log lines on the page.
const LINES: usize = 50;

/// Everything about the unit that `asked` is a name of. None: systemd could not be read, or no
/// unit of this name is loaded.
pub(crate) fn analyze(
    snapshot: &Snapshot,
    settings: &Settings,
    asked: &UnitName,
    boot: Option<&BootAnalysis>,
    resources: &ResourceAnalysis,
) -> Option<UnitPage> {
    let units = Units::of(snapshot)?;
    let unit = resolve(&units, asked)?;
    let name = unit.name.as_str();
    let detail = units.detail(name);
    let problem = health::of_unit(&units, unit, settings, LINES);
    let usage = resources.unit_usage.as_ref();
    let usage = usage.and_then(|all| all.iter().find(|usage| usage.name == unit.name));
    let blame = boot.and_then(|boot| boot.blame.iter().find(|entry| entry.unit == unit.name));
    let control_group = detail.and_then(|detail| detail.control_group.as_deref());
    let cgroup = usage.map(|usage| usage.cgroup_path.clone()).or_else(|| {
        let root = snapshot.cgroups.value().map_or("", |tree| &tree.root);
        control_group.filter(|path| !path.is_empty()).map(|path| format!("{root}{path}"))
    });
    Some(UnitPage {
        name: unit.name.clone(),
        description: Some(unit.description.clone()).filter(|text| !text.is_empty()),
        load_state: problem.load_state,
        active_state: problem.active_state,
        sub_state: problem.sub_state,
        unit_file_state: detail.and_then(|detail| detail.unit_file_state.clone()),
        fragment_path: detail.and_then(|detail| detail.fragment_path.clone()),
        drop_in_paths: detail.map(|detail| detail.drop_in_paths.clone()).unwrap_or_default(),
        since: problem.since,
        result: problem.result,
        exit_status: problem.exit_status,
        signal: problem.signal,
        activation_usec: blame.map(|entry| entry.time_usec),
        usage: usage.cloned(),
        dependencies: dependencies::list(&units, name),
        processes: cgroup.and_then(|path| processes::below(snapshot, &path)),
        recent_logs: problem.recent_logs,
        history: None,
        properties: detail.map(|detail| detail.properties.clone()).unwrap_or_default(),
    })
}

/// The loaded unit that has this name or alias.
pub(crate) fn resolve<'a>(units: &Units<'a>, asked: &UnitName) -> Option<&'a Unit> {
    units.systemd.unit(asked.as_str()).or_else(|| {
        let details = &units.systemd.details;
        let (primary, _) = details.iter().find(|(_, detail)| detail.names.contains(asked))?;
        units.systemd.unit(primary.as_str())
    })
}

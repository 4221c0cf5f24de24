//! What several rules about resources say in the same way.

use sysdiag_model::report::UnitUsage;
use sysdiag_model::snapshot::{Cgroup, LogLine, Pressure, PressureKind, Process};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName, UnitType, Value};

use super::consumers::{self, Used};
use crate::health::ending;
use crate::health::flapping::waits_for_restart;
use crate::lacks::{self, Reason};
use crate::resources::place;
use crate::units::Units;
use crate::{Context, Rule, amount, human};

/// What findings about the whole host are about.
pub(super) const HOST: &str = "host";

/// A unit that cannot be started for want of something.
pub(super) struct Victim<'a> {
    pub(super) unit: &'a str,
    pub(super) reason: Reason<'a>,
    /// Since when it has been in its state.
    pub(super) since: Option<Timestamp>,
}

/// Units that failed or wait for their next try, and that lack something, by name.
pub(super) fn victims<'a>(context: &Context<'a>) -> Vec<Victim<'a>> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let down =
        units.systemd.units.iter().filter(|unit| unit.is_failed() || waits_for_restart(unit));
    down.filter_map(|unit| {
        let name = unit.name.as_str();
        let result = units.result(name).map(|fact| fact.value);
        let ending = ending::of(&units, name, result);
        let reason = lacks::of(&units, name, result, ending.as_ref())?;
        Some(Victim { unit: name, reason, since: units.since(unit) })
    })
    .collect()
}

/// `10 units`; none: it is one.
pub(super) fn and_others(number: usize) -> Option<String> {
    (number > 1).then(|| amount::count(number as u64, "unit", "units"))
}

/// Units of a kind with their cgroups.
pub(super) fn units<'a>(
    context: &'a Context<'_>,
) -> impl Iterator<Item = (&'a UnitUsage, &'a Cgroup)> {
    let tree = context.snapshot.cgroups.value();
    context
        .resources
        .unit_usage
        .iter()
        .flatten()
        .filter_map(move |unit| Some((unit, tree?.group(&unit.cgroup_path)?)))
}

/// Whether the host is a container, which shares kernel and clock with the machine around it.
pub(super) fn is_container(context: &Context<'_>) -> bool {
    context.boot.is_some_and(|boot| boot.container)
}

/// The unit that a process belongs to. None: it is in none, or that is not known.
pub(super) fn unit_of(context: &Context<'_>, process: &Process) -> Option<UnitName> {
    let root = context.snapshot.cgroups.value().map_or("", |tree| tree.root.as_str());
    let unit = place(root, process.cgroup.as_deref()?)?.unit;
    (unit != "-.slice").then_some(unit)
}

/// The last messages of the kernel that were kept.
pub(super) fn kernel_lines<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a LogLine> {
    let logs = context.snapshot.journal.value().and_then(|journal| journal.logs.as_ref());
    logs.into_iter()
        .flat_map(|logs| &logs.groups)
        .filter(|group| group.transport.as_deref() == Some("kernel"))
        .flat_map(|group| &group.examples)
}

/// A slice has no processes of its own: what it counts is what its units did.
pub(super) fn is_slice(unit: &UnitName) -> bool {
    unit.unit_type() == Some(UnitType::Slice)
}

/// The command that changes `setting` of the unit; those of scopes cannot be edited.
pub(super) fn change(unit: &UnitName, setting: &str) -> String {
    if unit.unit_type() == Some(UnitType::Scope) {
        return human::systemctl("status", unit.as_str());
    }
    format!("{}   # {setting}=", human::systemctl("edit", unit.as_str()))
}

/// A figure of a cgroup, with the file it was read from.
pub(super) fn file(group: &Cgroup, name: &str, value: Value) -> Evidence {
    Evidence::new(name, value, format!("{}/{name}", group.path.trim_end_matches('/')))
}

/// Which pressure, and what it is called.
pub(super) struct Resource {
    /// `cpu`, `memory`, `io`: the name of the file.
    pub(super) file: &'static str,
    /// In a sentence: "tasks waited for ...".
    pub(super) name: &'static str,
    pub(super) of_host: fn(&Pressure) -> Option<PressureKind>,
    pub(super) of_cgroup: fn(&Cgroup) -> Option<PressureKind>,
}

/// The pressure on the host. In a container the files in /proc are of the machine around it, those
/// of its own root cgroup are its own.
pub(super) fn pressure(
    context: &Context<'_>,
    resource: &Resource,
) -> Option<(PressureKind, String)> {
    let snapshot = context.snapshot;
    if context.boot.is_some_and(|boot| boot.container) {
        let tree = snapshot.cgroups.value()?;
        let path = if tree.root.is_empty() { "/" } else { tree.root.as_str() };
        let kind = (resource.of_cgroup)(tree.group(path)?).filter(is_a_share)?;
        return Some((kind, format!("{}/{}.pressure", path.trim_end_matches('/'), resource.file)));
    }
    let kind = (resource.of_host)(snapshot.system.value()?.pressure.value()?).filter(is_a_share)?;
    Some((kind, format!("/proc/pressure/{}", resource.file)))
}

fn is_a_share(kind: &PressureKind) -> bool {
    (0.0..=100.0).contains(&kind.some.avg60) && (0.0..=100.0).contains(&kind.some.avg300)
}

/// A finding if tasks waited for `resource` for at least `threshold` per cent of the last minute,
/// and half of that over five: the start of a service or of the host alone is none.
pub(super) fn high_pressure(
    rule: &Rule,
    context: &Context<'_>,
    resource: &Resource,
    threshold: f64,
) -> Vec<Finding> {
    let Some((kind, source)) = pressure(context, resource) else { return Vec::new() };
    let some = kind.some;
    if some.avg60 < threshold || some.avg300 < threshold / 2.0 {
        return Vec::new();
    }
    let title = format!(
        "Tasks waited for {} in {} of the last minute",
        resource.name,
        amount::percent(some.avg60)
    );
    let mut finding = Finding::new(rule.id, rule.severity, HOST, title)
        .because(Evidence::new("some avg60", Value::Percent(some.avg60), source.clone()))
        .because(Evidence::new("some avg300", Value::Percent(some.avg300), source.clone()));
    if let Some(full) = kind.full.filter(|full| full.avg60 > 0.0) {
        finding = finding.because(Evidence::new("full avg60", Value::Percent(full.avg60), source));
    }
    vec![finding]
}

/// The three units that use most of it in the sample, as evidence, and the first in the title if it
/// is a burden to others.
pub(super) fn with_consumers(mut finding: Finding, context: &Context<'_>, used: Used) -> Finding {
    if let Some(burden) = consumers::burden(context, used) {
        finding.title = format!("{}: {}", finding.title, burden.sentence());
    }
    for consumer in consumers::most(context, used).iter().take(3) {
        finding = finding.because(consumer.evidence());
    }
    finding
}

/// The units that use most of something, as evidence.
pub(super) fn with_top(
    mut finding: Finding,
    top: Option<&Vec<UnitUsage>>,
    what: &str,
    value: fn(&UnitUsage) -> Option<Value>,
) -> Finding {
    for unit in top.into_iter().flatten().take(3) {
        if let Some(value) = value(unit) {
            finding = finding.because(Evidence::new(unit.name.as_str(), value, what));
        }
    }
    finding
}

/// The worse severity from `worse` per cent on.
pub(super) fn graded(percent: f64, worse: f64) -> Severity {
    if percent >= worse { Severity::Error } else { Severity::Warning }
}

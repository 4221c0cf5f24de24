//! A unit waits for a resource that another one uses, and which one that is.

use std::collections::BTreeMap;

use sysdiag_model::report::UnitUsage;
use sysdiag_model::snapshot::{Cgroup, Stall};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use super::consumers::{Consumer, Used, rival};
use super::cpu_pressure_high::CPU;
use super::io_pressure_high::IO;
use super::memory_pressure_high::MEMORY;
use super::support::{Resource, change, file, is_slice, units};
use super::unit_cpu_throttled::is_throttled;
use super::unit_memory_throttled::hits;
use crate::resources::place;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Evidence that names the unit which uses the resource.
pub(crate) const LIKELY_CAUSE: &str = "likely cause";
/// Evidence that names the unit whose limit it is.
pub(crate) const LIMIT_OF: &str = "limit of";
/// A limit is reached from this share on.
const AT_LIMIT: f64 = 0.9;
/// Below this share of memory left, in per cent, units take it from each other.
const SHORT_PERCENT: f64 = 20.0;
/// Units that are listed beside the first.
const MAX_OTHERS: usize = 10;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-pressure-high",
    title: "A unit waits for a resource that another one uses",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Pressure stall information of each unit over the last minute, and half as much \
                 over five: memory and I/O (some) from unit_pressure_warning_percent (40) on, the \
                 CPU (full: nothing of the unit could run) from unit_cpu_pressure_warning_percent \
                 (50) on. Named as the likely cause is the other unit that uses most of the \
                 resource in the sample, if that is more than the waiting unit uses itself; for \
                 memory a limit of the unit or of a slice above it comes first. A unit that waits \
                 for I/O where no other is known to do more is a remark: the disk is its own.",
        matters: "The unit is slow, its watchdog and its clients run out of patience, although \
                  nothing is wrong with it.",
        todo: "Restrain the unit that is named (CPUWeight=, CPUQuota=, IOWeight=, MemoryHigh=), or \
               favour the one that waits. I/O is known of units with IOAccounting=yes only.",
        references: &[
            "Documentation/accounting/psi.rst",
            "Documentation/admin-guide/cgroup-v2.rst",
            "systemd.resource-control(5)",
        ],
    },
    check,
};

/// A unit that waits.
struct Waiting<'a> {
    unit: &'a UnitUsage,
    group: &'a Cgroup,
    used: Used,
    stall: Stall,
    /// The unit whose limit of memory it is: its own, or a slice above it.
    limit: Option<(UnitName, &'a Cgroup)>,
    rival: Option<Consumer<'a>>,
}

fn check(context: &Context<'_>) -> Vec<Finding> {
    // Those that one unit makes wait are told together.
    let mut together: BTreeMap<(u8, String), Vec<Waiting<'_>>> = BTreeMap::new();
    for (unit, group) in units(context).filter(|(unit, _)| !is_slice(&unit.name)) {
        let Some(waiting) = waiting(context, unit, group) else { continue };
        let cause = waiting.limit.as_ref().map(|(owner, _)| owner.as_str());
        let cause = cause.or_else(|| Some(waiting.rival?.unit.name.as_str()));
        // Without a cause each stands for itself.
        let key = cause.unwrap_or(unit.name.as_str()).to_owned();
        together.entry((waiting.used as u8, key)).or_default().push(waiting);
    }
    together.into_values().filter_map(finding).collect()
}

/// What the unit waits for most, if it does so more than the settings allow.
fn waiting<'a>(
    context: &'a Context<'_>,
    unit: &'a UnitUsage,
    group: &'a Cgroup,
) -> Option<Waiting<'a>> {
    let settings = context.settings;
    let some = settings.unit_pressure_warning_percent;
    let memory = group.memory_pressure.map(|kind| (Used::Memory, kind.some, some));
    let io = group.io_pressure.map(|kind| (Used::Io, kind.some, some));
    // Some tasks of a busy unit always wait for a CPU: for each other.
    let full = group.cpu_pressure.and_then(|kind| kind.full);
    let cpu = full.map(|full| (Used::Cpu, full, settings.unit_cpu_pressure_warning_percent));
    let (used, stall) = [memory, io, cpu]
        .into_iter()
        .flatten()
        .filter(|(_, stall, threshold)| {
            (*threshold..=100.0).contains(&stall.avg60) && stall.avg300 >= threshold / 2.0
        })
        .filter(|(used, ..)| !is_held_back(context, *used, group))
        .max_by(|(_, a, _), (_, b, _)| a.avg60.total_cmp(&b.avg60))
        .map(|(used, stall, _)| (used, stall))?;
    let limit = if used == Used::Memory { limit(context, group) } else { None };
    let within = |owner: &Cgroup, path: &str| {
        path.strip_prefix(owner.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    let rival = match (&limit, used) {
        (Some((_, owner)), _) => rival(context, used, unit, |_, path| within(owner, path)),
        // Where there is enough, nobody takes it from anybody.
        (None, Used::Memory) if !is_short(context) => None,
        (None, _) => rival(context, used, unit, |_, _| true),
    };
    Some(Waiting { unit, group, used, stall, limit, rival })
}

/// Whether its own quota or soft limit makes it wait, of which other rules tell.
fn is_held_back(context: &Context<'_>, used: Used, group: &Cgroup) -> bool {
    let tree = context.snapshot.cgroups.value();
    match used {
        Used::Cpu => tree.is_some_and(|tree| {
            tree.groups
                .iter()
                .filter(|above| is_at_or_above(&above.path, &group.path))
                .any(|above| is_throttled(context, above))
        }),
        Used::Memory => {
            is_at(group.memory_current_bytes, group.memory_high_bytes)
                && hits(group).is_some_and(|hits| hits > 0)
        }
        Used::Io => false,
    }
}

fn is_at_or_above(above: &str, path: &str) -> bool {
    let rest = path.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_at(current: Option<u64>, limit: Option<u64>) -> bool {
    let both = current.zip(limit.filter(|limit| *limit > 0));
    both.is_some_and(|(current, limit)| current as f64 >= limit as f64 * AT_LIMIT)
}

/// The nearest limit of memory, at or above the unit, that is reached.
fn limit<'a>(context: &'a Context<'_>, group: &Cgroup) -> Option<(UnitName, &'a Cgroup)> {
    let tree = context.snapshot.cgroups.value()?;
    let reached = tree
        .groups
        .iter()
        .filter(|above| is_at_or_above(&above.path, &group.path))
        .filter(|above| {
            is_at(above.memory_current_bytes, above.memory_max_bytes)
                || is_at(above.memory_current_bytes, above.memory_high_bytes)
        })
        .max_by_key(|above| above.path.len())?;
    Some((place(&tree.root, &reached.path)?.unit, reached))
}

fn is_short(context: &Context<'_>) -> bool {
    let usage = context.resources.system_usage.as_ref();
    let share = usage.and_then(|usage| {
        Some(usage.memory_available_bytes? as f64 / usage.memory_total_bytes? as f64 * 100.0)
    });
    share.is_some_and(|share| share < SHORT_PERCENT)
}

fn finding(mut together: Vec<Waiting<'_>>) -> Option<Finding> {
    together.sort_by(|a, b| b.stall.avg60.total_cmp(&a.stall.avg60));
    let (first, others) = together.split_first()?;
    let resource = resource(first.used);
    let more = match others.len() {
        0 => String::new(),
        count => format!(" and {}", amount::count(count as u64, "more unit", "more units")),
    };
    let name = &first.unit.name;
    let own_limit = first.limit.as_ref().filter(|(owner, _)| owner == name);
    let reason = match (&first.limit, first.rival) {
        (Some((_, group)), _) if own_limit.is_some() => {
            format!(": its own limit is {}", bytes_of_limit(group))
        }
        (Some((owner, group)), _) => {
            format!(": the limit of {owner} is {}", bytes_of_limit(group))
        }
        (None, Some(rival)) => format!(": {}", rival.sentence()),
        (None, None) => String::new(),
    };
    let title = format!(
        "{name}{more} waited for {} in {} of the last minute{reason}",
        resource.name,
        amount::percent(first.stall.avg60),
    );
    let explained = first.limit.is_some() || first.rival.is_some();
    let severity =
        if first.used == Used::Io && !explained { Severity::Info } else { RULE.severity };
    let mut finding = Finding::new(RULE.id, severity, name.as_str(), title);
    let which = if first.used == Used::Cpu { "full" } else { "some" };
    let pressure = format!("{}.pressure", resource.file);
    for (what, value) in [("avg60", first.stall.avg60), ("avg300", first.stall.avg300)] {
        let fact = file(first.group, &pressure, Value::Percent(value));
        finding = finding.because(Evidence { what: format!("{which} {what}"), ..fact });
    }
    for other in others.iter().take(MAX_OTHERS) {
        let fact = file(other.group, &pressure, Value::Percent(other.stall.avg60));
        finding = finding.because(Evidence { what: other.unit.name.to_string(), ..fact });
    }
    if let Some(own) = Consumer::of(first.unit, first.used) {
        finding = finding.because(own.evidence());
    }
    if let Some(rival) = first.rival {
        finding = finding.because(rival.evidence());
    }
    let source = "cgroup tree";
    if let Some((owner, group)) = &first.limit {
        finding = finding.because(Evidence::text(LIMIT_OF, owner.as_str(), source));
        for (name, value) in [
            ("memory.current", group.memory_current_bytes),
            ("memory.max", group.memory_max_bytes),
            ("memory.high", group.memory_high_bytes),
        ] {
            if let Some(value) = value {
                finding = finding.because(file(group, name, Value::Bytes(value)));
            }
        }
    } else if let Some(rival) = first.rival {
        finding = finding.because(Evidence::text(LIKELY_CAUSE, rival.unit.name.as_str(), source));
    }
    Some(finding.next(next(first)))
}

fn bytes_of_limit(group: &Cgroup) -> String {
    let high =
        group.memory_high_bytes.filter(|high| is_at(group.memory_current_bytes, Some(*high)));
    high.or(group.memory_max_bytes).map_or_else(|| "reached".to_owned(), amount::bytes)
}

const fn resource(used: Used) -> &'static Resource {
    match used {
        Used::Cpu => &CPU,
        Used::Memory => &MEMORY,
        Used::Io => &IO,
    }
}

fn next(waiting: &Waiting<'_>) -> String {
    let setting = match waiting.used {
        Used::Cpu => "CPUWeight",
        Used::Memory => "MemoryHigh",
        Used::Io => "IOWeight",
    };
    match (&waiting.limit, waiting.rival) {
        (Some((owner, _)), _) => change(owner, "MemoryMax"),
        (None, Some(rival)) => change(&rival.unit.name, setting),
        (None, None) => {
            format!("systemd-cgtop --order={} --iterations=2", resource(waiting.used).file)
        }
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{CgroupSample, CpuMax, CpuStat, IoStat, PressureKind};

    use super::*;
    use crate::testing::{
        GIB, MIB, add_unit, cgroup_of, findings, healthy, pressure, system_of, unit,
    };

    const NGINX: &str = "/system.slice/nginx.service";
    const HOG: &str = "/system.slice/hog.service";

    fn all_waited(percent: f64) -> PressureKind {
        let kind = pressure(percent);
        PressureKind { full: Some(kind.some), ..kind }
    }

    /// nginx waits, and hog uses two CPUs and 40 MiB a second.
    fn with_hog() -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("hog.service", "active", "running"));
        let mut samples = Vec::new();
        for (path, cpu, io) in [(HOG, 500_000, 10 * MIB), (NGINX, 10_000, 0)] {
            let group = cgroup_of(&mut snapshot, path);
            group.cpu = Some(CpuStat { usage_usec: Some(cpu), ..CpuStat::default() });
            group.io = Some(IoStat { write_bytes: io, ..IoStat::default() });
            samples.push(CgroupSample {
                path: path.to_owned(),
                inode: group.inode,
                cpu_usage_usec: Some(0),
                io_read_bytes: Some(0),
                io_write_bytes: Some(0),
            });
        }
        snapshot.cgroups.value_mut().unwrap().earlier = samples;
        snapshot
    }

    fn said<'a>(finding: &'a Finding, what: &str) -> Option<&'a Value> {
        finding.evidence.iter().find(|fact| fact.what == what).map(|fact| &fact.value)
    }

    #[test]
    fn fires_once_and_names_who_uses_the_cpu() {
        let mut snapshot = with_hog();
        cgroup_of(&mut snapshot, NGINX).cpu_pressure = Some(all_waited(71.0));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "nginx.service waited for a CPU in 71 % of the last minute: hog.service uses 200 % of \
             one CPU"
        );
        assert_eq!(said(&found[0], "CPU of nginx.service"), Some(&Value::Percent(4.0)));
        assert_eq!(said(&found[0], "CPU of hog.service"), Some(&Value::Percent(200.0)));
        let cause = Value::Text("hog.service".to_owned());
        assert_eq!(said(&found[0], LIKELY_CAUSE), Some(&cause));
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit hog.service   # CPUWeight="));
    }

    #[test]
    fn those_that_one_makes_wait_are_told_together() {
        let mut snapshot = with_hog();
        cgroup_of(&mut snapshot, NGINX).io_pressure = Some(pressure(71.0));
        add_unit(&mut snapshot, unit("db.service", "active", "running"));
        cgroup_of(&mut snapshot, "/system.slice/db.service").io_pressure = Some(pressure(80.0));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "db.service and 1 more unit waited for I/O in 80 % of the last minute: hog.service \
             reads and writes 40 MiB a second"
        );
        assert_eq!(said(&found[0], "nginx.service"), Some(&Value::Percent(71.0)));
    }

    #[test]
    fn a_unit_that_uses_the_disk_itself_is_a_remark() {
        let mut snapshot = with_hog();
        cgroup_of(&mut snapshot, HOG).io_pressure = Some(pressure(71.0));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(found[0].title, "hog.service waited for I/O in 71 % of the last minute");
    }

    #[test]
    fn a_limit_of_memory_comes_before_a_rival() {
        let mut snapshot = with_hog();
        cgroup_of(&mut snapshot, NGINX).memory_pressure = Some(pressure(71.0));
        cgroup_of(&mut snapshot, NGINX).memory_current_bytes = Some(511 * MIB);
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "nginx.service waited for memory in 71 % of the last minute: its own limit is 512 MiB"
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl edit nginx.service   # MemoryMax="));

        cgroup_of(&mut snapshot, NGINX).memory_current_bytes = Some(100 * MIB);
        let slice = cgroup_of(&mut snapshot, "/system.slice");
        (slice.memory_current_bytes, slice.memory_max_bytes) = (Some(GIB), Some(GIB));
        cgroup_of(&mut snapshot, HOG).memory_current_bytes = Some(900 * MIB);
        let found = findings(&RULE, &snapshot);
        assert_eq!(
            found[0].title,
            "nginx.service waited for memory in 71 % of the last minute: the limit of system.slice \
             is 1 GiB"
        );
        let held = Value::Bytes(900 * MIB);
        assert_eq!(said(&found[0], "memory of hog.service"), Some(&held));
    }

    #[test]
    fn who_holds_the_memory_of_the_host_is_named_only_when_it_is_short() {
        let mut snapshot = with_hog();
        cgroup_of(&mut snapshot, NGINX).memory_pressure = Some(pressure(71.0));
        cgroup_of(&mut snapshot, HOG).memory_current_bytes = Some(12 * GIB);
        let enough = findings(&RULE, &snapshot);
        assert_eq!(enough[0].title, "nginx.service waited for memory in 71 % of the last minute");
        system_of(&mut snapshot).memory.value_mut().unwrap().available_bytes = Some(GIB);
        let short = findings(&RULE, &snapshot);
        assert!(short[0].title.ends_with(": hog.service holds 12 GiB"), "{}", short[0].title);
    }

    #[test]
    fn silent_below_for_a_short_peak_for_itself_and_behind_a_quota() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = with_hog();
        let mut peak = all_waited(95.0);
        peak.full.as_mut().unwrap().avg300 = 5.0;
        cgroup_of(&mut snapshot, NGINX).cpu_pressure = Some(peak);
        // More threads than CPUs: some always wait, never all.
        let busy = PressureKind { full: Some(pressure(1.0).some), ..pressure(99.0) };
        cgroup_of(&mut snapshot, HOG).cpu_pressure = Some(busy);
        assert!(findings(&RULE, &snapshot).is_empty());

        let group = cgroup_of(&mut snapshot, NGINX);
        group.cpu_pressure = Some(all_waited(95.0));
        group.cpu_max = Some(CpuMax { quota_usec: Some(20_000), period_usec: 100_000 });
        group.cpu = Some(CpuStat {
            usage_usec: Some(10_000),
            nr_periods: Some(200),
            nr_throttled: Some(190),
            ..CpuStat::default()
        });
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

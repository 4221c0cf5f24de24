//! What each unit uses, from its cgroup.

use std::collections::BTreeMap;

use sysdiag_model::report::{PressureUsage, UnitUsage};
use sysdiag_model::snapshot::{Cgroup, CgroupSample, CgroupTree, PressureKind, Systemd, Unit};
use sysdiag_model::{UnitName, UnitType, place};

use super::rates::{interval_usec, per_second, percent_of_time};

/// Every unit that has a cgroup, by name; slices too, each with the sum of what lies in it.
///
/// `systemd` says which units exist; without it the names of the cgroups have to do.
pub(super) fn unit_usage(tree: &CgroupTree, systemd: Option<&Systemd>) -> Vec<UnitUsage> {
    let mut units: BTreeMap<UnitName, UnitUsage> = BTreeMap::new();
    for group in &tree.groups {
        let Some(place) = place(&tree.root, &group.path).filter(|place| place.own) else {
            continue;
        };
        let known = systemd.is_none_or(|systemd| systemd.unit(place.unit.as_str()).is_some());
        if known {
            let unit = systemd.and_then(|systemd| systemd.unit(place.unit.as_str()));
            units.entry(place.unit.clone()).or_insert_with(|| UnitUsage {
                active_enter_monotonic_usec: unit.and_then(up_since),
                ..usage(place.unit, group, tree)
            });
        }
    }
    units.into_values().collect()
}

/// When it became active, if it is. The stamp stays when it no longer is.
fn up_since(unit: &Unit) -> Option<u64> {
    let up = matches!(unit.active_state.as_str(), "active" | "reloading");
    unit.times.filter(|_| up)?.active_enter_usec
}

/// The `length` units that use most CPU, memory and I/O.
pub(super) struct Top {
    pub(super) cpu: Vec<UnitUsage>,
    pub(super) memory: Vec<UnitUsage>,
    pub(super) io: Vec<UnitUsage>,
}

/// Slices are left out, the sums of others; so is what used nothing, and what is not known.
pub(super) fn top(units: &[UnitUsage], length: usize) -> Top {
    Top {
        cpu: by(units, length, |unit| {
            // Rates are compared to a tenth of a per cent; below that the total decides.
            let tenths = (unit.cpu_percent.unwrap_or(0.0) * 10.0).round();
            let rank = (to_u64(tenths), unit.cpu_usage_usec.unwrap_or(0));
            (rank != (0, 0)).then_some(rank)
        }),
        memory: by(units, length, |unit| {
            unit.memory_current_bytes.filter(|bytes| *bytes > 0).map(|bytes| (bytes, 0))
        }),
        io: by(units, length, |unit| {
            let sum = unit.io_read_bytes?.saturating_add(unit.io_write_bytes?);
            (sum > 0).then_some((sum, 0))
        }),
    }
}

fn by(
    units: &[UnitUsage],
    length: usize,
    rank: impl Fn(&UnitUsage) -> Option<(u64, u64)>,
) -> Vec<UnitUsage> {
    let mut ranked: Vec<((u64, u64), &UnitUsage)> = units
        .iter()
        .filter(|unit| unit.name.unit_type() != Some(UnitType::Slice))
        .filter_map(|unit| Some((rank(unit)?, unit)))
        .collect();
    // Stable: units that use the same stay in the order of their names.
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    ranked.into_iter().take(length).map(|(_, unit)| unit.clone()).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which keeps the order"
)]
const fn to_u64(value: f64) -> u64 {
    value as u64
}

fn usage(name: UnitName, group: &Cgroup, tree: &CgroupTree) -> UnitUsage {
    let interval = interval_usec(tree.earlier_at_usec, tree.at_usec);
    // A cgroup made anew under the same name has counters of its own.
    let earlier = tree.earlier_sample(&group.path).filter(|sample| sample.inode == group.inode);
    let before = |field: fn(&CgroupSample) -> Option<u64>| earlier.and_then(field);
    let cpu_usage_usec = group.cpu.and_then(|cpu| cpu.usage_usec);
    let io_read_bytes = group.io.map(|io| io.read_bytes);
    let io_write_bytes = group.io.map(|io| io.write_bytes);
    let events = group.memory_events.or(group.memory_events_local);
    UnitUsage {
        name,
        active_enter_monotonic_usec: None,
        cgroup_path: group.path.clone(),
        cpu_usage_usec,
        cpu_percent: before(|sample| sample.cpu_usage_usec)
            .zip(cpu_usage_usec)
            .and_then(|(earlier, now)| percent_of_time(earlier, now, interval)),
        memory_current_bytes: group.memory_current_bytes,
        memory_anon_bytes: group.memory_stat.and_then(|stat| stat.anon_bytes),
        memory_peak_bytes: group.memory_peak_bytes,
        memory_swap_current_bytes: group.memory_swap_current_bytes,
        memory_max_bytes: group.memory_max_bytes,
        memory_high_bytes: group.memory_high_bytes,
        memory_oom_kills: events.and_then(|events| events.oom_kill),
        io_read_bytes,
        io_write_bytes,
        io_read_bytes_per_second: before(|sample| sample.io_read_bytes)
            .zip(io_read_bytes)
            .and_then(|(earlier, now)| per_second(earlier, now, interval)),
        io_write_bytes_per_second: before(|sample| sample.io_write_bytes)
            .zip(io_write_bytes)
            .and_then(|(earlier, now)| per_second(earlier, now, interval)),
        tasks_current: group.pids_current,
        tasks_max: group.pids_max,
        tasks_max_events: group.pids_events.map(|events| events.max),
        cpu_throttled_periods: group.cpu.and_then(|cpu| cpu.nr_throttled),
        cpu_throttled_usec: group.cpu.and_then(|cpu| cpu.throttled_usec),
        cpu_max_percent: group.cpu_max.and_then(|max| {
            let quota = max.quota_usec?;
            (max.period_usec > 0).then(|| quota as f64 / max.period_usec as f64 * 100.0)
        }),
        cpu_pressure: group.cpu_pressure.map(pressure),
        memory_pressure: group.memory_pressure.map(pressure),
        io_pressure: group.io_pressure.map(pressure),
    }
}

/// A pressure file as a report shows it.
pub(super) fn pressure(kind: PressureKind) -> PressureUsage {
    PressureUsage {
        some_avg10_percent: kind.some.avg10,
        some_avg60_percent: kind.some.avg60,
        some_total_usec: kind.some.total_usec,
        full_avg10_percent: kind.full.map(|full| full.avg10),
        full_total_usec: kind.full.map(|full| full.total_usec),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{CpuMax, CpuStat, IoStat};

    use super::*;
    use crate::testing::{add_unit, cgroup_of, healthy, unit};

    const NGINX: &str = "/system.slice/nginx.service";

    fn units(snapshot: &Snapshot) -> Vec<UnitUsage> {
        unit_usage(snapshot.cgroups.value().unwrap(), snapshot.systemd.value())
    }

    fn nginx(snapshot: &Snapshot) -> UnitUsage {
        units(snapshot).into_iter().find(|unit| unit.name == "nginx.service").unwrap()
    }

    fn sample(snapshot: &mut Snapshot, sample: CgroupSample) {
        snapshot.cgroups.value_mut().unwrap().earlier = vec![sample];
    }

    #[test]
    fn a_unit_that_systemd_does_not_know_is_none() {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, "/system.slice/planted.service");
        let names = |snapshot: &Snapshot| -> Vec<String> {
            units(snapshot).iter().map(|unit| unit.name.to_string()).collect()
        };
        assert_eq!(names(&snapshot), ["nginx.service"]);
        let gap =
            sysdiag_model::Gap::new("systemd", sysdiag_model::Why::Absent, "PID 1 is not systemd");
        snapshot.systemd = sysdiag_model::Probe::Unknown(gap);
        assert_eq!(
            names(&snapshot),
            ["-.slice", "init.scope", "nginx.service", "planted.service", "system.slice"]
        );
    }

    #[test]
    fn rates_come_from_the_earlier_sample_of_the_same_cgroup() {
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, NGINX);
        group.cpu = Some(CpuStat { usage_usec: Some(1_125_000), ..CpuStat::default() });
        group.io = Some(IoStat { read_bytes: 5_000, write_bytes: 100, ..IoStat::default() });
        let inode = group.inode;
        let earlier = CgroupSample {
            path: NGINX.to_owned(),
            inode,
            cpu_usage_usec: Some(1_000_000),
            io_read_bytes: Some(4_000),
            io_write_bytes: None,
        };
        sample(&mut snapshot, earlier.clone());
        let usage = nginx(&snapshot);
        assert_eq!(usage.cpu_percent, Some(50.0));
        assert_eq!(usage.io_read_bytes_per_second, Some(4_000.0));
        assert_eq!(usage.io_write_bytes_per_second, None);

        sample(&mut snapshot, CgroupSample { inode: inode + 1, ..earlier });
        assert_eq!(nginx(&snapshot).cpu_percent, None);
    }

    #[test]
    fn absent_files_stay_absent() {
        let mut snapshot = healthy();
        let group = cgroup_of(&mut snapshot, NGINX);
        group.memory_current_bytes = None;
        group.pids_current = None;
        group.cpu_max = Some(CpuMax { quota_usec: Some(50_000), period_usec: 0 });
        let usage = nginx(&snapshot);
        assert_eq!((usage.memory_current_bytes, usage.tasks_current), (None, None));
        assert_eq!((usage.io_read_bytes, usage.cpu_max_percent), (None, None));
    }

    #[test]
    fn the_top_has_no_slices_and_the_rate_comes_before_the_total() {
        let mut snapshot = healthy();
        for (name, total) in [("busy.service", 10), ("old.service", 9_000_000), ("system.slice", 1)]
        {
            add_unit(&mut snapshot, unit(name, "active", "running"));
            if name.ends_with(".service") {
                let group = cgroup_of(&mut snapshot, &format!("/system.slice/{name}"));
                group.cpu = Some(CpuStat { usage_usec: Some(total), ..CpuStat::default() });
            }
        }
        let mut all = units(&snapshot);
        all.iter_mut().find(|unit| unit.name == "busy.service").unwrap().cpu_percent = Some(3.0);
        let names = |list: Vec<UnitUsage>| -> Vec<String> {
            list.iter().map(|unit| unit.name.to_string()).collect()
        };
        assert_eq!(names(top(&all, 2).cpu), ["busy.service", "old.service"]);
        assert_eq!(names(top(&all, 10).memory), ["busy.service", "nginx.service", "old.service"]);
        assert!(names(top(&all, 10).io).is_empty());
    }
}

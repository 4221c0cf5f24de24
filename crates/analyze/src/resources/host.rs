//! What the host as a whole uses.

use sysdiag_model::report::{DiskUsage, FileSystemUsage, NetworkUsage, SystemUsage};
use sysdiag_model::snapshot::{CpuTicks, FileSystem, Processes, System, SystemCounters};

use super::rates::{interval_usec, per_second, percent_of_time};
use super::units::pressure;

/// Figures of the host, those of `system` that could be read.
pub(super) fn system_usage(system: &System, processes: Option<&Processes>) -> SystemUsage {
    let (earlier, now) = (&system.earlier, &system.counters);
    let cpu =
        earlier.cpu.zip(now.cpu).and_then(|(earlier, now)| CpuShares::between(&earlier, &now));
    let memory = system.memory.value();
    let load = system.load.value();
    let stalls = system.pressure.value();
    let handles = system.file_handles.value();
    let interval = interval_usec(earlier.at_usec, now.at_usec);
    SystemUsage {
        cpus_online: system.cpus_online,
        cpu_percent: cpu.map(|cpu| cpu.used),
        iowait_percent: cpu.map(|cpu| cpu.iowait),
        steal_percent: cpu.map(|cpu| cpu.steal),
        load_1min: load.map(|load| load.one),
        load_5min: load.map(|load| load.five),
        load_15min: load.map(|load| load.fifteen),
        memory_total_bytes: memory.map(|memory| memory.total_bytes),
        memory_available_bytes: memory.and_then(|memory| memory.available_bytes),
        memory_used_bytes: memory
            .and_then(|memory| memory.total_bytes.checked_sub(memory.available_bytes?)),
        swap_total_bytes: memory.and_then(|memory| memory.swap_total_bytes),
        swap_used_bytes: memory
            .and_then(|memory| memory.swap_total_bytes?.checked_sub(memory.swap_free_bytes?)),
        cpu_pressure: stalls.and_then(|stalls| stalls.cpu).map(pressure),
        memory_pressure: stalls.and_then(|stalls| stalls.memory).map(pressure),
        io_pressure: stalls.and_then(|stalls| stalls.io).map(pressure),
        disks: disks(earlier, now, interval),
        network: network(earlier, now, interval),
        file_systems: system
            .file_systems
            .value()
            .map(|list| list.iter().map(file_system).collect()),
        file_handles_allocated: handles.map(|handles| handles.allocated),
        file_handles_max: handles.map(|handles| handles.max),
        process_count: processes.map(|processes| processes.list.len() as u64),
    }
}

/// Shares of the time of all CPUs, in per cent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CpuShares {
    /// Neither idle, nor waiting for I/O, nor taken by the hypervisor.
    used: f64,
    iowait: f64,
    steal: f64,
}

impl CpuShares {
    fn between(earlier: &CpuTicks, now: &CpuTicks) -> Option<Self> {
        // The kernel's idle and iowait can step back by a tick (proc(5)); others cannot.
        let idle = now.idle.saturating_sub(earlier.idle);
        let iowait = now.iowait.saturating_sub(earlier.iowait);
        let steal = now.steal.checked_sub(earlier.steal)?;
        let used = [
            (earlier.user, now.user),
            (earlier.nice, now.nice),
            (earlier.system, now.system),
            (earlier.irq, now.irq),
            (earlier.softirq, now.softirq),
        ]
        .into_iter()
        .try_fold(0_u64, |sum, (earlier, now)| sum.checked_add(now.checked_sub(earlier)?))?;
        let total = [idle, iowait, steal].into_iter().try_fold(used, u64::checked_add)?;
        let share = |ticks: u64| ticks as f64 / total as f64 * 100.0;
        (total > 0).then(|| Self { used: share(used), iowait: share(iowait), steal: share(steal) })
    }
}

fn disks(earlier: &SystemCounters, now: &SystemCounters, interval: Option<u64>) -> Vec<DiskUsage> {
    now.disks
        .iter()
        .map(|disk| {
            let before = earlier.disks.iter().find(|other| other.name == disk.name);
            DiskUsage {
                name: disk.name.clone(),
                read_bytes_per_second: before
                    .and_then(|before| per_second(before.read_bytes, disk.read_bytes, interval)),
                write_bytes_per_second: before
                    .and_then(|before| per_second(before.write_bytes, disk.write_bytes, interval)),
                // Counted in whole milliseconds: it can exceed the interval by one.
                busy_percent: before
                    .and_then(|before| {
                        let usec = |msec: u64| msec.saturating_mul(1_000);
                        percent_of_time(usec(before.busy_msec), usec(disk.busy_msec), interval)
                    })
                    .map(|percent| percent.min(100.0)),
                read_bytes: disk.read_bytes,
                write_bytes: disk.write_bytes,
            }
        })
        .collect()
}

fn network(
    earlier: &SystemCounters,
    now: &SystemCounters,
    interval: Option<u64>,
) -> Vec<NetworkUsage> {
    now.network
        .iter()
        .map(|card| {
            let before = earlier.network.iter().find(|other| other.name == card.name);
            NetworkUsage {
                name: card.name.clone(),
                receive_bytes_per_second: before.and_then(|before| {
                    per_second(before.receive_bytes, card.receive_bytes, interval)
                }),
                transmit_bytes_per_second: before.and_then(|before| {
                    per_second(before.transmit_bytes, card.transmit_bytes, interval)
                }),
                receive_bytes: card.receive_bytes,
                transmit_bytes: card.transmit_bytes,
                errors: card
                    .receive_errors
                    .saturating_add(card.receive_dropped)
                    .saturating_add(card.transmit_errors)
                    .saturating_add(card.transmit_dropped),
            }
        })
        .collect()
}

fn file_system(mounted: &FileSystem) -> FileSystemUsage {
    let usage = mounted.usage.value();
    FileSystemUsage {
        mount_point: mounted.mount_point.clone(),
        source: mounted.source.clone(),
        fs_type: mounted.fs_type.clone(),
        read_only: mounted.read_only || mounted.super_read_only,
        total_bytes: usage.map(|usage| usage.total_bytes),
        used_bytes: usage.and_then(|usage| usage.total_bytes.checked_sub(usage.free_bytes)),
        available_bytes: usage.map(|usage| usage.available_bytes),
        total_inodes: usage.and_then(|usage| usage.total_inodes),
        used_inodes: usage.and_then(|usage| usage.total_inodes?.checked_sub(usage.free_inodes?)),
    }
}

/// Space in use as `df(1)` counts it: the reserve of root is neither used nor to be had.
pub fn space_used_percent(file_system: &FileSystemUsage) -> Option<f64> {
    let used = file_system.used_bytes?;
    let reachable = used.checked_add(file_system.available_bytes?).filter(|bytes| *bytes > 0)?;
    Some(used as f64 / reachable as f64 * 100.0)
}

/// Inodes in use. None: the file system has no fixed number of them.
pub fn inodes_used_percent(file_system: &FileSystemUsage) -> Option<f64> {
    let total = file_system.total_inodes.filter(|inodes| *inodes > 0)?;
    Some(file_system.used_inodes? as f64 / total as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{DiskCounters, NetworkCounters};

    use super::*;
    use crate::testing::{GIB, file_system as mounted, healthy, system_of};

    #[test]
    fn cpu_is_the_share_of_all_cpus() {
        let mut snapshot = healthy();
        let usage = system_usage(system_of(&mut snapshot), None);
        assert_eq!(usage.cpu_percent, Some(10.0));
        assert_eq!(usage.iowait_percent, Some(0.0));
        assert_eq!(usage.memory_used_bytes, Some(6 * GIB));
        assert_eq!(usage.swap_used_bytes, Some(0));
        assert_eq!(usage.process_count, None);
    }

    #[test]
    fn idle_may_step_back_and_others_may_not() {
        let ticks = |user, idle, steal| CpuTicks {
            user,
            nice: 0,
            system: 0,
            idle,
            iowait: 0,
            irq: 0,
            softirq: 0,
            steal,
        };
        let shares = CpuShares::between(&ticks(10, 100, 0), &ticks(20, 99, 10)).unwrap();
        assert_eq!(shares, CpuShares { used: 50.0, iowait: 0.0, steal: 50.0 });
        assert_eq!(CpuShares::between(&ticks(10, 100, 0), &ticks(9, 200, 0)), None);
        assert_eq!(CpuShares::between(&ticks(10, 100, 0), &ticks(10, 100, 0)), None);
        assert_eq!(CpuShares::between(&ticks(0, 0, 0), &ticks(u64::MAX, 1, 0)), None);
    }

    #[test]
    fn a_device_that_is_new_or_was_reset_has_no_rate() {
        let disk = |name: &str, read_bytes| DiskCounters {
            name: name.to_owned(),
            reads: 0,
            read_bytes,
            writes: 0,
            write_bytes: 0,
            busy_msec: read_bytes,
        };
        let card = |receive_bytes| NetworkCounters {
            name: "eth0".to_owned(),
            receive_bytes,
            receive_errors: u64::MAX,
            receive_dropped: 1,
            transmit_bytes: 0,
            transmit_errors: 0,
            transmit_dropped: 0,
        };
        let mut snapshot = healthy();
        let system = system_of(&mut snapshot);
        system.earlier.disks = vec![disk("vda", 0), disk("vdb", 9)];
        system.counters.disks = vec![disk("vda", 1_000), disk("vdb", 1), disk("vdc", 5)];
        system.earlier.network = vec![card(100)];
        system.counters.network = vec![card(350)];
        let usage = system_usage(system, None);
        let rates: Vec<_> = usage
            .disks
            .iter()
            .map(|disk| (disk.read_bytes_per_second, disk.busy_percent))
            .collect();
        assert_eq!(rates, [(Some(4_000.0), Some(100.0)), (None, None), (None, None)]);
        assert_eq!(usage.network[0].receive_bytes_per_second, Some(1_000.0));
        assert_eq!(usage.network[0].errors, u64::MAX);
    }

    #[test]
    fn space_is_counted_as_df_does() {
        let mut mount = mounted("/", 100, 20);
        mount.usage.value_mut().unwrap().free_bytes = 25;
        let usage = file_system(&mount);
        assert_eq!(usage.used_bytes, Some(75));
        assert!((space_used_percent(&usage).unwrap() - 75.0 / 95.0 * 100.0).abs() < 1e-9);
        assert_eq!(inodes_used_percent(&usage), Some(10.0));
        let nothing = FileSystemUsage {
            used_bytes: Some(0),
            available_bytes: Some(0),
            total_inodes: Some(0),
            ..usage
        };
        assert_eq!((space_used_percent(&nothing), inodes_used_percent(&nothing)), (None, None));
    }
}

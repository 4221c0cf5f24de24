//! Counters as a broken or hostile host could report them.

use proptest::prelude::*;
use sysdiag_model::UnitName;
use sysdiag_model::snapshot::{
    Cgroup, CgroupSample, CpuMax, CpuStat, CpuTicks, DiskCounters, FileHandles, FsUsage, IoStat,
    Manager, MemoryEvents, MemoryStat, NetworkCounters, PidsEvents, Process, Snapshot, System,
    SystemCounters, UnitTimes,
};

use crate::testing::{add_unit, cgroup_of, healthy, process, system_of, systemd_of, unit};

const NGINX: &str = "/system.slice/nginx.service";

/// Figures without end: what the strategy chose, then zeros.
struct Figures(std::vec::IntoIter<u64>);

impl Figures {
    fn next(&mut self) -> u64 {
        self.0.next().unwrap_or(0)
    }

    fn maybe(&mut self) -> Option<u64> {
        Some(self.next()).filter(|figure| figure % 3 != 1)
    }

    fn percent(&mut self) -> f64 {
        f64::from_bits(self.next())
    }

    fn cpu(&mut self) -> CpuTicks {
        CpuTicks {
            user: self.next(),
            nice: self.next(),
            system: self.next(),
            idle: self.next(),
            iowait: self.next(),
            irq: self.next(),
            softirq: self.next(),
            steal: self.next(),
        }
    }

    fn counters(&mut self, counters: &mut SystemCounters) {
        counters.at_usec = self.next();
        counters.cpu = Some(self.cpu());
        counters.disks = vec![DiskCounters {
            name: "vda".to_owned(),
            reads: 0,
            read_bytes: self.next(),
            writes: 0,
            write_bytes: self.next(),
            busy_msec: self.next(),
        }];
        counters.network = vec![NetworkCounters {
            name: "eth0".to_owned(),
            receive_bytes: self.next(),
            receive_errors: self.next(),
            receive_dropped: self.next(),
            transmit_bytes: self.next(),
            transmit_errors: self.next(),
            transmit_dropped: self.next(),
        }];
    }

    fn system(&mut self, system: &mut System) {
        self.counters(&mut system.earlier);
        self.counters(&mut system.counters);
        let memory = system.memory.value_mut().unwrap();
        memory.total_bytes = self.next();
        memory.available_bytes = self.maybe();
        memory.swap_total_bytes = self.maybe();
        memory.swap_free_bytes = self.maybe();
        let mounted = &mut system.file_systems.value_mut().unwrap()[0];
        *mounted.usage.value_mut().unwrap() = FsUsage {
            total_bytes: self.next(),
            free_bytes: self.next(),
            available_bytes: self.next(),
            total_inodes: self.maybe(),
            free_inodes: self.maybe(),
        };
        *system.file_handles.value_mut().unwrap() =
            FileHandles { allocated: self.next(), max: self.next() };
        let pressure = system.pressure.value_mut().unwrap();
        for kind in [&mut pressure.cpu, &mut pressure.memory, &mut pressure.io] {
            let some = &mut kind.as_mut().unwrap().some;
            (some.avg60, some.avg300) = (self.percent(), self.percent());
        }
    }

    fn cgroup(&mut self, group: &mut Cgroup) {
        group.cpu = Some(CpuStat {
            usage_usec: self.maybe(),
            nr_periods: self.maybe(),
            nr_throttled: self.maybe(),
            throttled_usec: self.maybe(),
            ..CpuStat::default()
        });
        group.cpu_max = Some(CpuMax { quota_usec: self.maybe(), period_usec: self.next() });
        group.memory_current_bytes = self.maybe();
        group.memory_max_bytes = self.maybe();
        group.memory_events = Some(MemoryEvents {
            max: self.maybe(),
            oom_kill: self.maybe(),
            ..MemoryEvents::default()
        });
        group.memory_stat = self.maybe().map(|anon| MemoryStat {
            anon_bytes: Some(anon),
            kernel_bytes: self.maybe(),
            shmem_bytes: self.maybe(),
            ..MemoryStat::default()
        });
        group.io =
            Some(IoStat { read_bytes: self.next(), write_bytes: self.next(), ..IoStat::default() });
        (group.pids_current, group.pids_max) = (self.maybe(), self.maybe());
        group.pids_events = self.maybe().map(|max| PidsEvents { max });
    }

    fn manager(&mut self, manager: &mut Manager) {
        for stamp in [
            &mut manager.firmware_monotonic_usec,
            &mut manager.loader_monotonic_usec,
            &mut manager.initrd_monotonic_usec,
            &mut manager.userspace_monotonic_usec,
            &mut manager.finish_monotonic_usec,
            &mut manager.security_start_monotonic_usec,
            &mut manager.soft_reboot_start_monotonic_usec,
        ] {
            *stamp = self.maybe();
        }
        manager.system_state = Some("starting".to_owned());
    }

    fn unit_times(&mut self) -> UnitTimes {
        UnitTimes {
            inactive_exit_usec: self.maybe(),
            active_enter_usec: self.maybe(),
            active_exit_usec: self.maybe(),
            inactive_enter_usec: self.maybe(),
        }
    }

    /// Parents in a circle and PIDs seen twice, too.
    fn process(&mut self) -> Process {
        let small = |figure: u64| u32::try_from(figure % 4).unwrap();
        let mut process = process(small(self.next()), small(self.next()), "worker", NGINX);
        (process.user_ticks, process.system_ticks) = (self.next(), self.next());
        (process.rss_bytes, process.pss_bytes) = (self.next(), self.maybe());
        process.start_ticks = self.next();
        process
    }
}

/// A healthy host whose every figure was replaced, mostly by those where arithmetic goes wrong.
pub(super) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let figure = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(u64::MAX - 1),
        any::<u64>(),
        0..1_000_u64,
        Just(1_000_000),
    ];
    prop::collection::vec(figure, 150).prop_map(|figures| host(Figures(figures.into_iter())))
}

fn host(mut figures: Figures) -> Snapshot {
    let mut snapshot = healthy();
    snapshot.clock.monotonic_usec = figures.next();
    snapshot.clock.boottime_usec = figures.next();
    figures.system(system_of(&mut snapshot));

    let group = cgroup_of(&mut snapshot, NGINX);
    figures.cgroup(group);
    let inode = group.inode;
    let tree = snapshot.cgroups.value_mut().unwrap();
    (tree.earlier_at_usec, tree.at_usec) = (figures.next(), figures.next());
    tree.earlier = vec![CgroupSample {
        path: NGINX.to_owned(),
        inode,
        cpu_usage_usec: figures.maybe(),
        io_read_bytes: figures.maybe(),
        io_write_bytes: figures.maybe(),
    }];

    let systemd = systemd_of(&mut snapshot);
    figures.manager(&mut systemd.manager);
    systemd.chain_after.insert(
        "multi-user.target".into(),
        ["nginx.service", "multi-user.target", "nginx.service"].map(UnitName::from).to_vec(),
    );
    for name in ["multi-user.target", "nginx.service"] {
        let mut unit = unit(name, "active", "active");
        unit.times = Some(figures.unit_times());
        add_unit(&mut snapshot, unit);
    }

    let processes = snapshot.processes.value_mut().unwrap();
    processes.ticks_per_second = figures.next();
    processes.list = (0..4).map(|_| figures.process()).collect();
    snapshot
}

//! A small healthy host for the tests of rules: each test breaks one thing in it.
//!
//! It has just what rules look at; the shape of real hosts is tested with captures and in guests.

use sysdiag_model::report::{BootAnalysis, HealthAnalysis};
use sysdiag_model::snapshot::{
    Cgroup, CgroupTree, Clock, ClockMark, CpuStat, CpuTicks, FORMAT, FileHandles, FileSystem,
    FsUsage, Host, JournalDigest, LoadAverage, Manager, MemoryEvents, MemoryInfo, MemoryStat,
    Pressure, PressureKind, Process, Processes, Restart, Snapshot, Stall, System, SystemCounters,
    Systemd, Transport, Unit, UnitFiles, UnitTimes, not_traced, ordering_not_collected,
};
use sysdiag_model::{Finding, Gap, Probe, Timestamp, Why};

use crate::{Context, Past, Rule, Settings};

pub(crate) const GIB: u64 = 1 << 30;
pub(crate) const MIB: u64 = 1 << 20;
/// "Now" on the monotonic clock: an hour after the boot.
pub(crate) const NOW_USEC: u64 = 3_600_000_000;

/// The findings of one rule about `snapshot`, called as the engine calls it.
pub(crate) fn findings(rule: &Rule, snapshot: &Snapshot) -> Vec<Finding> {
    findings_with(rule, snapshot, &Settings::default())
}

/// As [`findings`], with other thresholds.
pub(crate) fn findings_with(rule: &Rule, snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    findings_of(rule, snapshot, Past::default(), settings)
}

/// As [`findings`], after earlier reports.
pub(crate) fn findings_after(rule: &Rule, past: Past, snapshot: &Snapshot) -> Vec<Finding> {
    findings_of(rule, snapshot, past, &Settings::default())
}

fn findings_of(rule: &Rule, snapshot: &Snapshot, past: Past, settings: &Settings) -> Vec<Finding> {
    if rule.needs.iter().any(|need| need.missing(snapshot).is_some()) {
        return Vec::new();
    }
    let boot: Option<BootAnalysis> = snapshot.systemd.value().map(crate::boot::analyze);
    let health: Option<HealthAnalysis> = crate::health::analyze(snapshot, settings);
    let resources = crate::resources::analyze(snapshot, settings);
    let graph = crate::graph::analyze(snapshot);
    (rule.check)(&Context {
        snapshot,
        past: &Probe::Known(past),
        settings,
        boot: boot.as_ref(),
        health: health.as_ref(),
        resources: &resources,
        graph: graph.as_ref(),
    })
}

/// A host with nothing wrong: Debian, an hour up, one web server in a cgroup with limits.
pub(crate) fn healthy() -> Snapshot {
    Snapshot {
        format: FORMAT,
        program_version: "0.0.0".to_owned(),
        clock: Clock {
            realtime: Timestamp::from_usec(1_790_000_000_000_000),
            monotonic_usec: NOW_USEC,
            boottime_usec: NOW_USEC,
        },
        host: Host {
            hostname: Probe::Known("web-03".to_owned()),
            boot_id: Probe::Known("0a1b2c3d4e5f60718293a4b5c6d7e8f9".parse().unwrap()),
            os: Probe::Unknown(Gap::new("os-release", Why::Absent, "not needed here")),
            kernel_release: Probe::Known("6.1.0-37-amd64".to_owned()),
            architecture: Probe::Known("x86_64".to_owned()),
            init_name: Probe::Known("systemd".to_owned()),
            collector_uid: 0,
            missing_tools: Vec::new(),
        },
        systemd: Probe::Known(systemd()),
        cgroups: Probe::Known(cgroups()),
        system: Probe::Known(system()),
        processes: Probe::Known(Processes {
            at_usec: NOW_USEC,
            ticks_per_second: 100,
            list: vec![process(1, 0, "systemd", "/init.scope")],
            held: Probe::Known(Vec::new()),
            deleted: Probe::Known(Vec::new()),
        }),
        journal: Probe::Known(JournalDigest {
            boot_id: None,
            since: None,
            until: None,
            unit_events: Vec::new(),
            broken_cycles: Vec::new(),
            previous_boot: None,
            recent: std::collections::BTreeMap::new(),
            logs: None,
            earlier_boots: Vec::new(),
        }),
        unit_files: Probe::Known(UnitFiles::default()),
        ordering: ordering_not_collected(),
        trace: not_traced(),
        timings: Vec::new(),
    }
}

/// The systemd of a snapshot, to be changed.
pub(crate) fn systemd_of(snapshot: &mut Snapshot) -> &mut Systemd {
    snapshot.systemd.value_mut().unwrap()
}

/// The counters of the host, to be changed.
pub(crate) fn system_of(snapshot: &mut Snapshot) -> &mut System {
    snapshot.system.value_mut().unwrap()
}

/// The cgroup at `path`, to be changed; made if it is not there.
pub(crate) fn cgroup_of<'a>(snapshot: &'a mut Snapshot, path: &str) -> &'a mut Cgroup {
    let groups = &mut snapshot.cgroups.value_mut().unwrap().groups;
    let index = match groups.binary_search_by(|group| group.path.as_str().cmp(path)) {
        Ok(index) => index,
        Err(index) => {
            groups.insert(index, cgroup(path));
            index
        }
    };
    &mut groups[index]
}

/// A loaded unit; adds it to a snapshot with [`add_unit`].
pub(crate) fn unit(name: &str, active_state: &str, sub_state: &str) -> Unit {
    Unit {
        name: name.into(),
        description: String::new(),
        load_state: "loaded".to_owned(),
        active_state: active_state.to_owned(),
        sub_state: sub_state.to_owned(),
        following: None,
        job_type: None,
        times: Some(UnitTimes {
            inactive_exit_usec: Some(3_000_000),
            active_enter_usec: Some(4_000_000),
            active_exit_usec: None,
            inactive_enter_usec: None,
        }),
    }
}

/// Adds `unit`, or puts it in the place of the one of the same name.
pub(crate) fn add_unit(snapshot: &mut Snapshot, unit: Unit) {
    let units = &mut systemd_of(snapshot).units;
    units.retain(|other| other.name != unit.name);
    units.push(unit);
    units.sort_by(|a, b| a.name.cmp(&b.name));
}

/// A sleeping process.
pub(crate) fn process(pid: u32, ppid: u32, comm: &str, cgroup: &str) -> Process {
    Process {
        pid,
        ppid,
        state: 'S',
        comm: comm.to_owned(),
        cmdline: Some(vec![comm.to_owned()]),
        start_ticks: u64::from(pid),
        user_ticks: 100,
        system_ticks: 50,
        rss_bytes: 8 * MIB,
        pss_bytes: Some(6 * MIB),
        threads: 1,
        uid: Some(0),
        cgroup: Some(cgroup.to_owned()),
        kernel_thread: false,
    }
}

/// An empty cgroup with all controllers.
pub(crate) fn cgroup(path: &str) -> Cgroup {
    Cgroup {
        path: path.to_owned(),
        inode: path.len() as u64 + 1,
        procs: Some(Vec::new()),
        cpu: Some(CpuStat { usage_usec: Some(1_000_000), ..CpuStat::default() }),
        cpu_max: None,
        memory_current_bytes: Some(64 * MIB),
        memory_peak_bytes: Some(128 * MIB),
        memory_max_bytes: None,
        memory_high_bytes: None,
        memory_swap_current_bytes: Some(0),
        memory_events: Some(MemoryEvents { oom_kill: Some(0), ..MemoryEvents::default() }),
        memory_events_local: Some(MemoryEvents { oom_kill: Some(0), ..MemoryEvents::default() }),
        memory_stat: Some(MemoryStat {
            anon_bytes: Some(40 * MIB),
            file_bytes: Some(20 * MIB),
            kernel_bytes: Some(4 * MIB),
            shmem_bytes: Some(0),
            slab_bytes: Some(2 * MIB),
            pgmajfault: Some(0),
        }),
        io: None,
        pids_current: Some(3),
        pids_max: None,
        pids_events: None,
        pids_events_local: None,
        cpu_pressure: None,
        memory_pressure: None,
        io_pressure: None,
    }
}

/// A pressure file that says the same over every window.
pub(crate) fn pressure(some_percent: f64) -> PressureKind {
    let stall = |avg| Stall { avg10: avg, avg60: avg, avg300: avg, total_usec: 1_000_000 };
    PressureKind { some: stall(some_percent), full: Some(stall(some_percent / 2.0)) }
}

fn systemd() -> Systemd {
    Systemd {
        transport: Transport::PrivateSocket,
        manager: Manager {
            version: "252.38-1~deb12u1".to_owned(),
            features: None,
            virtualization: Some(String::new()),
            architecture: Some("x86-64".to_owned()),
            system_state: Some("running".to_owned()),
            tainted: Some(String::new()),
            n_failed_units: Some(0),
            n_jobs: Some(0),
            n_names: Some(2),
            firmware_monotonic_usec: Some(5_000_000),
            loader_monotonic_usec: Some(1_500_000),
            kernel_realtime: Some(Timestamp::from_usec(1_789_996_400_000_000)),
            initrd_monotonic_usec: Some(800_000),
            userspace_monotonic_usec: Some(2_000_000),
            finish_monotonic_usec: Some(9_000_000),
            security_start_monotonic_usec: Some(2_001_000),
            soft_reboot_start_monotonic_usec: None,
            units_load_start_monotonic_usec: Some(2_100_000),
            units_load_finish_monotonic_usec: Some(2_200_000),
            units_load_start_realtime: None,
            units_load_realtime: None,
            units_load_monotonic_usec: None,
            unit_path: Vec::new(),
            default_start_limit_interval_usec: Some(10_000_000),
            default_start_limit_burst: Some(5),
        },
        units: vec![
            unit("multi-user.target", "active", "active"),
            unit("nginx.service", "active", "running"),
        ],
        jobs: Vec::new(),
        default_target: Some("multi-user.target".into()),
        chain_after: std::collections::BTreeMap::new(),
        services: std::collections::BTreeMap::new(),
        sockets: std::collections::BTreeMap::new(),
        timers: std::collections::BTreeMap::new(),
        mounts: std::collections::BTreeMap::new(),
        details: std::collections::BTreeMap::new(),
        changed_on_disk: None,
    }
}

fn cgroups() -> CgroupTree {
    let mut nginx = cgroup("/system.slice/nginx.service");
    nginx.memory_max_bytes = Some(512 * MIB);
    nginx.pids_max = Some(100);
    CgroupTree {
        mount_point: "/sys/fs/cgroup".to_owned(),
        controllers: ["cpu", "io", "memory", "pids"].map(str::to_owned).to_vec(),
        root: String::new(),
        at_usec: NOW_USEC,
        groups: vec![cgroup("/"), cgroup("/init.scope"), cgroup("/system.slice"), nginx],
        earlier_at_usec: NOW_USEC - 250_000,
        earlier: Vec::new(),
    }
}

fn system() -> System {
    let counters = |at_usec, ticks: u64| SystemCounters {
        at_usec,
        cpu: Some(CpuTicks {
            user: 100 + ticks / 10,
            nice: 0,
            system: 50,
            idle: 1_000 + ticks - ticks / 10,
            iowait: 5,
            irq: 0,
            softirq: 0,
            steal: 0,
        }),
        disks: Vec::new(),
        network: Vec::new(),
        swapped_in_pages: Some(0),
        swapped_out_pages: Some(0),
        oom_kills: Some(0),
    };
    System {
        cpus_online: Some(4),
        ticks_per_second: 100,
        page_size_bytes: 4096,
        earlier: counters(NOW_USEC - 250_000, 0),
        counters: counters(NOW_USEC, 100),
        memory: Probe::Known(MemoryInfo {
            total_bytes: 16 * GIB,
            free_bytes: 4 * GIB,
            available_bytes: Some(10 * GIB),
            buffers_bytes: None,
            cached_bytes: None,
            shmem_bytes: None,
            slab_unreclaimable_bytes: None,
            dirty_bytes: None,
            writeback_bytes: None,
            swap_total_bytes: Some(2 * GIB),
            swap_free_bytes: Some(2 * GIB),
            committed_bytes: None,
            commit_limit_bytes: None,
        }),
        load: Probe::Known(LoadAverage {
            one: 0.2,
            five: 0.1,
            fifteen: 0.1,
            runnable: 1,
            threads: 200,
        }),
        pressure: Probe::Known(Pressure {
            cpu: Some(pressure(1.0)),
            memory: Some(pressure(0.0)),
            io: Some(pressure(0.5)),
        }),
        swaps: Probe::Known(Vec::new()),
        file_systems: Probe::Known(vec![file_system("/", 100 * GIB, 60 * GIB)]),
        file_handles: Probe::Known(FileHandles { allocated: 2_000, max: 1_000_000 }),
        clock_mark: Probe::Known(ClockMark { synchronized: None }),
        restart: Probe::Known(Restart {
            required: None,
            packages: Vec::new(),
            kernels: Some(vec!["6.1.0-37-amd64".to_owned()]),
            modules_loaded: Some(true),
        }),
    }
}

/// A file system with plenty of inodes.
pub(crate) fn file_system(mount_point: &str, total: u64, available: u64) -> FileSystem {
    FileSystem {
        device: "254:1".to_owned(),
        source: "/dev/vda1".to_owned(),
        mount_point: mount_point.to_owned(),
        fs_type: "ext4".to_owned(),
        read_only: false,
        super_read_only: false,
        any_mount_read_only: Some(false),
        fault: None,
        usage: Probe::Known(FsUsage {
            total_bytes: total,
            free_bytes: available,
            available_bytes: available,
            total_inodes: Some(1_000_000),
            free_inodes: Some(900_000),
        }),
    }
}

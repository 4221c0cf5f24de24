//! CPU time of [`assess`]: a host of 650 units that is well, and one where 100 of them fail and flap.
//!
//! The whole program is to need little beside what PID 1 needs to answer it; this is its own part.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sysdiag_analyze::{Past, Scope, Settings, assess};
use sysdiag_model::snapshot::{
    Cgroup, CgroupTree, Clock, CpuStat, ExecCommand, FORMAT, Host, JournalDigest, LogDigest,
    LogGroup, LogLine, Manager, Process, Processes, ServiceDetail, Snapshot, Systemd, Transport,
    Unit, UnitDetail, UnitEvent, UnitEventKind, UnitFiles, UnitTimes, not_traced,
    ordering_not_collected,
};
use sysdiag_model::{Gap, Probe, Timestamp, UnitName, Why};

const UNITS: u64 = 650;
const FAILED: u64 = 100;
const EVENTS_EACH: u64 = 20;
const NOW_USEC: u64 = 3_600_000_000;

fn now() -> Timestamp {
    Timestamp::from_usec(1_790_000_000_000_000)
}

fn name(index: u64) -> String {
    format!("app-{index:03}.service")
}

fn path(index: u64) -> String {
    format!("/system.slice/{}", name(index))
}

fn host(failed: u64) -> Snapshot {
    Snapshot {
        format: FORMAT,
        program_version: "0.0.0".to_owned(),
        clock: Clock { realtime: now(), monotonic_usec: NOW_USEC, boottime_usec: NOW_USEC },
        host: Host {
            hostname: Probe::Known("bench".to_owned()),
            boot_id: Probe::Unknown(Gap::new("boot id", Why::Absent, "")),
            os: Probe::Unknown(Gap::new("os-release", Why::Absent, "")),
            kernel_release: Probe::Known("6.1.0".to_owned()),
            architecture: Probe::Known("x86_64".to_owned()),
            init_name: Probe::Known("systemd".to_owned()),
            collector_uid: 0,
            missing_tools: Vec::new(),
        },
        systemd: Probe::Known(systemd(failed)),
        cgroups: Probe::Known(CgroupTree {
            mount_point: "/sys/fs/cgroup".to_owned(),
            controllers: ["cpu", "io", "memory", "pids"].map(str::to_owned).to_vec(),
            root: String::new(),
            at_usec: NOW_USEC,
            groups: (0..UNITS).map(cgroup).collect(),
            earlier_at_usec: NOW_USEC - 250_000,
            earlier: Vec::new(),
        }),
        system: Probe::Unknown(Gap::new("system", Why::Disabled, "")),
        processes: Probe::Known(Processes {
            at_usec: NOW_USEC,
            ticks_per_second: 100,
            list: (0..UNITS).map(process).collect(),
            held: Probe::Known(Vec::new()),
            deleted: Probe::Known(Vec::new()),
        }),
        journal: Probe::Known(journal(failed)),
        unit_files: Probe::Known(UnitFiles::default()),
        ordering: ordering_not_collected(),
        trace: not_traced(),
        timings: Vec::new(),
    }
}

fn systemd(failed: u64) -> Systemd {
    let details = (0..failed).map(|index| (UnitName::from(name(index).as_str()), detail(index)));
    Systemd {
        transport: Transport::PrivateSocket,
        manager: Manager {
            version: "252".to_owned(),
            features: None,
            virtualization: None,
            architecture: None,
            system_state: Some(if failed > 0 { "degraded" } else { "running" }.to_owned()),
            tainted: None,
            n_failed_units: None,
            n_jobs: None,
            n_names: None,
            firmware_monotonic_usec: None,
            loader_monotonic_usec: None,
            kernel_realtime: None,
            initrd_monotonic_usec: None,
            userspace_monotonic_usec: Some(2_000_000),
            finish_monotonic_usec: Some(9_000_000),
            security_start_monotonic_usec: None,
            soft_reboot_start_monotonic_usec: None,
            units_load_start_monotonic_usec: None,
            units_load_finish_monotonic_usec: None,
            units_load_start_realtime: None,
            units_load_realtime: None,
            units_load_monotonic_usec: None,
            unit_path: Vec::new(),
            default_start_limit_interval_usec: None,
            default_start_limit_burst: None,
        },
        units: (0..UNITS).map(|index| unit(index, index < failed)).collect(),
        jobs: Vec::new(),
        default_target: Some("multi-user.target".into()),
        chain_after: BTreeMap::new(),
        services: BTreeMap::new(),
        sockets: BTreeMap::new(),
        timers: BTreeMap::new(),
        mounts: BTreeMap::new(),
        details: details.collect(),
        changed_on_disk: None,
    }
}

fn unit(index: u64, failed: bool) -> Unit {
    let (active, sub) = if failed { ("failed", "failed") } else { ("active", "running") };
    Unit {
        name: name(index).as_str().into(),
        description: format!("Application {index}"),
        load_state: "loaded".to_owned(),
        active_state: active.to_owned(),
        sub_state: sub.to_owned(),
        following: None,
        job_type: None,
        times: Some(UnitTimes {
            inactive_exit_usec: Some(3_000_000 + index),
            active_enter_usec: Some(4_000_000 + index * 1_000),
            active_exit_usec: None,
            inactive_enter_usec: failed.then_some(NOW_USEC - 1_000_000),
        }),
    }
}

/// Each failed unit requires the one before it: one long chain of causes in ten.
fn detail(index: u64) -> UnitDetail {
    let start = ExecCommand {
        path: "/usr/bin/app".to_owned(),
        argv: vec!["/usr/bin/app".to_owned(), "--serve".to_owned()],
        ignore_failure: false,
        started: Some(now().minus_usec(2_000_000)),
        exited: Some(now().minus_usec(1_000_000)),
        pid: 4711,
        code: 1,
        status: 1,
    };
    let requires = (!index.is_multiple_of(10)).then(|| UnitName::from(name(index - 1).as_str()));
    UnitDetail {
        result: Some("exit-code".to_owned()),
        dependencies: BTreeMap::from([("Requires".to_owned(), requires.into_iter().collect())]),
        service: Some(ServiceDetail {
            n_restarts: Some(5),
            exec_main_code: Some(1),
            exec_main_status: Some(1),
            exec: BTreeMap::from([("ExecStart".to_owned(), vec![start])]),
            ..ServiceDetail::default()
        }),
        ..UnitDetail::default()
    }
}

fn cgroup(index: u64) -> Cgroup {
    Cgroup {
        path: path(index),
        inode: index + 1,
        procs: Some(Vec::new()),
        cpu: Some(CpuStat { usage_usec: Some(index * 1_000), ..CpuStat::default() }),
        cpu_max: None,
        memory_current_bytes: Some(index << 20),
        memory_peak_bytes: Some(index << 21),
        memory_max_bytes: None,
        memory_high_bytes: None,
        memory_swap_current_bytes: Some(0),
        memory_events: None,
        memory_events_local: None,
        memory_stat: None,
        io: None,
        pids_current: Some(1),
        pids_max: Some(4_915),
        pids_events: None,
        pids_events_local: None,
        cpu_pressure: None,
        memory_pressure: None,
        io_pressure: None,
    }
}

fn process(index: u64) -> Process {
    let pid = u32::try_from(index).unwrap_or(u32::MAX) + 100;
    Process {
        pid,
        ppid: 1,
        state: 'S',
        comm: "app".to_owned(),
        cmdline: None,
        start_ticks: index,
        user_ticks: 100,
        system_ticks: 50,
        rss_bytes: 8 << 20,
        pss_bytes: Some(6 << 20),
        threads: 1,
        uid: Some(0),
        cgroup: Some(path(index)),
        kernel_thread: false,
    }
}

fn journal(failed: u64) -> JournalDigest {
    let line = |index: u64| LogLine {
        time: now().minus_usec(1_000_000),
        level: Some("ERR".to_owned()),
        identifier: Some("app".to_owned()),
        pid: Some(4711),
        message: format!("cannot open database {index}"),
        cursor: None,
        errno: None,
    };
    let event = |index: u64, round: u64| UnitEvent {
        unit: name(index).as_str().into(),
        kind: UnitEventKind::RestartScheduled,
        time: now().minus_usec((EVENTS_EACH - round) * 1_000_000),
        job_type: None,
        job_result: None,
        unit_result: None,
        exit_code: None,
        exit_status: None,
        command: None,
        errno: None,
        executable: None,
        n_restarts: None,
        invocation_id: None,
        cursor: None,
    };
    let group = |index: u64| LogGroup {
        known_bad: false,
        priority: 3,
        transport: Some("stdout".to_owned()),
        identifier: Some(format!("app-{index}")),
        message_id: None,
        units: vec![name(index).as_str().into()],
        wording: "cannot open database #".to_owned(),
        count: 20,
        first: now().minus_usec(9_000_000),
        last: now(),
        examples: vec![line(index); 3],
    };
    JournalDigest {
        earlier_boots: Vec::new(),
        boot_id: None,
        since: None,
        until: None,
        broken_cycles: Vec::new(),
        previous_boot: None,
        unit_events: (0..EVENTS_EACH)
            .flat_map(|round| (0..failed).map(move |index| event(index, round)))
            .collect(),
        recent: (0..failed)
            .map(|index| (name(index).as_str().into(), (0..50).map(line).collect()))
            .collect(),
        logs: Some(LogDigest {
            entries: 10_000,
            by_priority: [0; 8],
            max_priority: 4,
            groups: (0..failed).map(group).collect(),
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        }),
    }
}

fn bench(criterion: &mut Criterion) {
    for (title, failed) in [("650 units, all well", 0), ("650 units, 100 failed", FAILED)] {
        let snapshot = host(failed);
        let past = Probe::Known(Past::default());
        let (settings, scope) = (Settings::default(), Scope::run());
        let findings = assess(&snapshot, &past, &settings, &scope).findings.len();
        assert_eq!(findings > 0, failed > 0, "the host must be what the title says");
        criterion.bench_function(title, |bencher| {
            bencher.iter(|| assess(black_box(&snapshot), &past, &settings, &scope));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);

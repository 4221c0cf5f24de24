//! Reports built in code for the tests of every sink: figures and names that a real host gives, and
//! those that only a hostile one does.

use sysdiag_model::report::{
    BlameEntry, BootAnalysis, BootState, BootTimes, ChainLink, ChildProcessGroup, ComparedWith,
    Dependency, EnablingLink, FileSystemUsage, HealthAnalysis, ListenAddress, LogAnalysis,
    LogPattern, LogResource, LogSpike, LogVanished, LogWording, PastFinding, PressureUsage,
    ReportHost, ResourceAnalysis, SCHEMA_VERSION, SocketProblem, SystemUsage, TimerProblem,
    UnitDependencies, UnitHistory, UnitInstance, UnitPage, UnitProblem, UnitProcess, UnitTimer,
    UnitUsage,
};
use sysdiag_model::snapshot::{LogLine, Outcome, SourceTiming, TemplateId};
use sysdiag_model::{
    Evidence, Finding, FindingKey, FindingStatus, Gap, Report, Severity, Timestamp, UnitName,
    Value, Why,
};

use super::fixtures_trace::{hostile_trace, traced};

fn now() -> Timestamp {
    "2026-11-23T02:40:11.500000Z".parse().unwrap()
}

pub(super) fn ago(seconds: u64) -> Timestamp {
    now().minus_usec(seconds * 1_000_000)
}

pub(super) fn empty() -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        hostname: None,
        timestamp: now(),
        boot_id: None,
        host: ReportHost::default(),
        findings: Vec::new(),
        resolved_findings: Vec::new(),
        ignored_findings: Vec::new(),
        not_assessed: Vec::new(),
        boot_analysis: None,
        health_analysis: None,
        resource_analysis: None,
        log_analysis: None,
        dependency_analysis: None,
        full_dependency_analysis: None,
        ebpf_analysis: None,
        unit_analysis: None,
        timings: Vec::new(),
        errors: Vec::new(),
    }
}

fn usage(name: &str, cpu: f64, memory_mib: u64) -> UnitUsage {
    UnitUsage {
        name: name.into(),
        active_enter_monotonic_usec: Some(12_000_000),
        cgroup_path: format!("/system.slice/{name}"),
        cpu_usage_usec: Some(34_200_000),
        cpu_percent: Some(cpu),
        memory_current_bytes: Some(memory_mib << 20),
        memory_anon_bytes: Some(memory_mib << 19),
        memory_peak_bytes: Some(memory_mib << 21),
        memory_swap_current_bytes: Some(0),
        memory_max_bytes: (memory_mib > 500).then_some(512 << 20),
        memory_high_bytes: None,
        memory_oom_kills: (memory_mib > 500).then_some(2),
        io_read_bytes: Some(4 << 30),
        io_write_bytes: Some(memory_mib << 18),
        io_read_bytes_per_second: Some(1e6),
        io_write_bytes_per_second: Some(0.0),
        tasks_current: Some(12),
        tasks_max: Some(4915),
        tasks_max_events: Some(0),
        cpu_throttled_periods: None,
        cpu_throttled_usec: None,
        cpu_max_percent: None,
        cpu_pressure: None,
        memory_pressure: None,
        io_pressure: None,
    }
}

fn problem(name: &str, active: &str, sub: &str) -> UnitProblem {
    UnitProblem {
        name: name.into(),
        load_state: "loaded".into(),
        active_state: active.into(),
        sub_state: sub.into(),
        result: Some("exit-code".into()),
        exit_status: Some(1),
        signal: None,
        core_dumped: false,
        since: Some(ago(240)),
        restarts_in_window: Some(6),
        recent_logs: Some(vec![
            log("app", "starting"),
            log("app", "cannot open /etc/app.conf: No such file or directory"),
        ]),
    }
}

fn log(identifier: &str, message: &str) -> LogLine {
    LogLine {
        time: ago(242),
        level: Some("ERR".into()),
        identifier: Some(identifier.into()),
        pid: Some(812),
        message: message.into(),
        cursor: None,
        errno: None,
    }
}

pub(super) fn boot() -> BootAnalysis {
    let link = |unit: &str, depth, at, took| ChainLink {
        unit: unit.into(),
        at_usec: Some(at),
        took_usec: took,
        depth,
        shown_above: false,
    };
    BootAnalysis {
        state: BootState::Finished,
        container: false,
        times: BootTimes {
            firmware_usec: Some(3_200_000),
            loader_usec: Some(1_900_400),
            kernel_usec: Some(2_000_000),
            userspace_usec: Some(17_012_345),
            total_usec: Some(24_112_745),
            ..BootTimes::default()
        },
        default_target: Some("graphical.target".into()),
        default_target_reached_usec: Some(16_998_000),
        blame: (0..25u64)
            .map(|index| BlameEntry {
                unit: UnitName::new(format!("dev-sda{index}.device")),
                time_usec: 9_801_000 / (index + 1),
            })
            .collect(),
        critical_chain: vec![
            link("graphical.target", 0, 16_998_000, None),
            link("multi-user.target", 1, 16_998_000, None),
            link("app.service", 2, 12_000_000, Some(4_900_000)),
            link("network.target", 3, 11_999_000, None),
            link("basic.target", 3, 11_999_000, None),
        ],
    }
}

fn host() -> ReportHost {
    ReportHost {
        os: Some("Debian GNU/Linux 12 (bookworm)".into()),
        kernel: Some("6.1.0-37-amd64".into()),
        architecture: Some("x86_64".into()),
        systemd_version: Some("252.39-1~deb12u1".into()),
        system_state: Some("running".into()),
        virtualization: Some("kvm".into()),
        init: None,
        uptime_usec: Some(273_600_000_000),
    }
}

fn resources() -> ResourceAnalysis {
    let units = vec![
        usage("postgresql.service", 88.4, 511),
        usage("app-with-a-rather-long-name@instance-0001.service", 12.0, 1800),
        usage("nginx.service", 3.4, 64),
        usage("cron.service", 0.0, 3),
    ];
    ResourceAnalysis {
        system_usage: Some(SystemUsage {
            cpus_online: Some(4),
            cpu_percent: Some(12.4),
            load_1min: Some(0.5),
            load_5min: Some(0.42),
            load_15min: Some(0.3),
            memory_total_bytes: Some(33_500_000_000),
            memory_used_bytes: Some(20_400_000_000),
            swap_total_bytes: Some(1 << 30),
            swap_used_bytes: Some(0),
            io_pressure: Some(PressureUsage {
                some_avg10_percent: 2.1,
                some_avg60_percent: 1.0,
                some_total_usec: 1,
                full_avg10_percent: Some(0.0),
                full_total_usec: Some(1),
            }),
            file_systems: Some(vec![file_system("/", 40), file_system("/var/lib/postgresql", 93)]),
            ..SystemUsage::default()
        }),
        top_cpu_units: Some(units.clone()),
        top_memory_units: Some(units.clone()),
        top_io_units: Some(units.clone()),
        unit_usage: Some(units),
        child_process_groups: Some(vec![ChildProcessGroup {
            parent_unit: "php-fpm.service".into(),
            command_name: "php-fpm: pool www".into(),
            process_count: 12,
            pids: (100..112).collect(),
            cpu_seconds_total: 34.25,
            memory_bytes: 512 << 20,
            memory_kind: "pss".into(),
            container: Some(format!("docker:{}", "4f".repeat(32))),
        }]),
    }
}

fn file_system(mount_point: &str, used: u64) -> FileSystemUsage {
    FileSystemUsage {
        mount_point: mount_point.into(),
        source: "/dev/vda1".into(),
        fs_type: "ext4".into(),
        read_only: false,
        total_bytes: Some(100 << 30),
        used_bytes: Some(used << 30),
        available_bytes: Some((100 - used) << 30),
        total_inodes: Some(1000),
        used_inodes: Some(10),
    }
}

fn timing(source: &str, elapsed_usec: u64, outcome: Outcome) -> SourceTiming {
    SourceTiming { source: source.into(), start_usec: 4_000, elapsed_usec, outcome }
}

pub(super) fn healthy() -> Report {
    Report {
        hostname: Some("web-03".into()),
        host: host(),
        boot_analysis: Some(boot()),
        health_analysis: Some(HealthAnalysis {
            failed_units: Vec::new(),
            flapping_units: Vec::new(),
            problematic_sockets: Vec::new(),
            problematic_timers: Vec::new(),
            stuck_units: Vec::new(),
            jobs: Vec::new(),
            all_units_count: 412,
        }),
        resource_analysis: Some(resources()),
        log_analysis: Some(logs(Vec::new())),
        dependency_analysis: Some(Vec::new()),
        full_dependency_analysis: None,
        ebpf_analysis: None,
        timings: vec![timing("systemd", 80_000, Outcome::Complete)],
        ..empty()
    }
}

fn out_of_memory() -> Finding {
    Finding::new(
        "unit-oom-killed",
        Severity::Critical,
        "postgresql.service",
        "postgresql.service failed 4 min ago: the kernel killed it, its memory limit is 512 MiB",
    )
    .since(Some(ago(240)))
    .because(Evidence::text("memory.events oom_kill", "1 → 2", "/system.slice/postgresql.service"))
    .because(Evidence::new(
        "memory.max",
        Value::Bytes(512 << 20),
        "/system.slice/postgresql.service",
    ))
    .because(Evidence::text(
        "kernel",
        "Memory cgroup out of memory: Killed process 812 (postgres) total-vm:1048576kB",
        "journal",
    ))
    .next("systemctl edit postgresql.service   # MemoryMax=")
}

pub(super) fn faulty() -> Report {
    let mut report = healthy();
    report.host.system_state = Some("degraded".into());
    let mut effect = Finding::new(
        "unit-failed",
        Severity::Error,
        "app.service",
        "app.service (Requires) failed 3 min ago with result 'dependency'",
    );
    effect.cause = Some(FindingKey::new("unit-oom-killed", "postgresql.service"));
    let mut further = Finding::new(
        "unit-failed",
        Severity::Error,
        "web.service",
        "web.service (Requires) was not started",
    );
    further.cause = Some(effect.key.clone());
    let mut full = Finding::new(
        "file-system-full",
        Severity::Warning,
        "/var/lib/postgresql",
        "/var/lib/postgresql is 93 % full",
    )
    .because(Evidence::new("used", Value::Percent(93.0), "statfs"))
    .next("du -xh --max-depth=1 /var/lib/postgresql");
    full.status = Some(FindingStatus::New);
    let mut memory = out_of_memory();
    memory.status = Some(FindingStatus::Continuing);
    memory.reports_in_a_row = Some(7);
    memory.first_seen = Some(report.timestamp.minus_usec(7_200_000_000));
    memory.comes_and_goes = Some(5);
    let mut ignored = Finding::new(
        "unit-failed",
        Severity::Error,
        "backup-1.service",
        "backup-1.service failed 3 h ago: its main process exited with status 1",
    );
    ignored.ignored_because = Some("the tape library is out for repair".into());
    report.ignored_findings = vec![ignored];
    let note = Finding::new("swap-none", Severity::Info, "host", "The host has no swap");
    report.findings = vec![memory, effect, further, full, note];
    report.resolved_findings = vec![Finding::new(
        "unit-failed",
        Severity::Error,
        "old.service",
        "old.service failed 2 d ago",
    )];
    report.not_assessed = vec![
        Gap::new("eBPF", Why::NotPermitted, "needs CAP_BPF"),
        Gap::new("PSS of 3 processes", Why::NotPermitted, "run as root"),
    ];
    let mut timer = problem("backup.timer", "active", "waiting");
    timer.result = None;
    report.health_analysis = Some(HealthAnalysis {
        failed_units: vec![
            UnitProblem {
                result: Some("oom-kill".into()),
                exit_status: None,
                signal: Some("SIGKILL".into()),
                ..problem("postgresql.service", "failed", "failed")
            },
            problem("app.service", "failed", "failed"),
        ],
        flapping_units: vec![problem("flap.service", "activating", "auto-restart")],
        problematic_sockets: vec![SocketProblem {
            unit: problem("app.socket", "failed", "failed"),
            problem: "failed".into(),
            refused: Some(3),
        }],
        problematic_timers: vec![TimerProblem {
            unit: timer,
            problem: "its service failed".into(),
            triggers: Some("backup.service".into()),
            last_trigger: Some(ago(4000)),
            next_elapse: None,
        }],
        stuck_units: Vec::new(),
        jobs: Vec::new(),
        all_units_count: 412,
    });
    report.dependency_analysis = Some(vec![UnitDependencies {
        unit: "app.service".into(),
        dependencies: dependencies(),
        first_causes: vec!["postgresql.service".into()],
    }]);
    let mut logs = logs(vec![LogPattern {
        pattern_key: "disk.full".into(),
        level: "ERR".into(),
        title: Some("A program found no space left to write".into()),
        severity: Some(Severity::Error),
        count: 2,
        first: ago(500),
        last: ago(240),
        peak_per_minute: Some(1),
        resources: vec![LogResource { key: "postgresql.service".into(), count: 2 }],
        units: vec!["postgresql.service".into()],
        examples: vec![log("postgres", "could not write to file: No space left on device")],
    }]);
    let wording = |sender: &str, text: &str, level: &str| LogWording {
        id: TemplateId::new(7),
        sender: sender.into(),
        text: text.into(),
        level: level.into(),
        count: 12,
        at_least: false,
        first: ago(500),
        last: ago(240),
        units: vec!["app.service".into(), "web.service".into()],
        example: Some(log(sender, &text.replace("<*>", "192.0.2.7"))),
    };
    logs.not_compared = None;
    logs.compared_with =
        Some(ComparedWith { boots: 3, covered_usec: 1, since: ago(90_000), complete: true });
    logs.new_templates = Some(vec![wording("app", "cannot reach the database at <*>", "ERR")]);
    logs.spikes = Some(vec![LogSpike {
        wording: wording("nginx", "upstream timed out", "WARNING"),
        spike_count: 90,
        expected: 4.0,
        hours_ago: Some(2),
    }]);
    logs.vanished = Some(vec![LogVanished {
        id: TemplateId::new(8),
        sender: "backup".into(),
        text: "finished in <*> s".into(),
        level: "INFO".into(),
        boots_with: 3,
        boots: 3,
        last: ago(90_000),
    }]);
    logs.rare = Some(Vec::new());
    report.log_analysis = Some(logs);
    report.errors =
        vec!["report not saved: /var/lib/sysdiag-analyzer/history: Permission denied".into()];
    report
}

fn logs(patterns: Vec<LogPattern>) -> LogAnalysis {
    LogAnalysis {
        entries_analyzed: 12_345,
        patterns,
        suppressed: Vec::new(),
        compared_with: None,
        not_compared: Some("no earlier boot to compare with".into()),
        new_templates: None,
        spikes: None,
        vanished: None,
        rare: None,
    }
}

fn dependencies() -> Vec<Dependency> {
    let to = |edge_type: &str, name: &str, state: Option<&str>, problematic| Dependency {
        name: name.into(),
        edge_type: edge_type.into(),
        load_state: state.map(|_| "loaded".into()),
        active_state: state.map(Into::into),
        sub_state: state.map(Into::into),
        problematic,
    };
    vec![
        to("After", "sysinit.target", Some("active"), false),
        to("Requires", "postgresql.service", Some("failed"), true),
        to("Wants", "gone.service", None, false),
    ]
}

pub(super) fn unit_page() -> Report {
    let mut report = healthy();
    report.boot_analysis = None;
    report.resource_analysis = None;
    report.log_analysis = None;
    report.dependency_analysis = None;
    report.health_analysis = None;
    report.findings = vec![out_of_memory()];
    let process = |pid, depth, command: &str| UnitProcess {
        pid,
        ppid: 1,
        depth,
        state: 'S',
        command: command.into(),
        cpu_usage_usec: 1_234_567,
        memory_bytes: 96 << 20,
    };
    report.unit_analysis = Some(UnitPage {
        name: "postgresql.service".into(),
        description: Some("PostgreSQL RDBMS".into()),
        load_state: "loaded".into(),
        active_state: "failed".into(),
        sub_state: "failed".into(),
        unit_file_state: Some("enabled".into()),
        fragment_path: Some("/lib/systemd/system/postgresql.service".into()),
        aliases: vec!["postgres.service".into()],
        asked_as: None,
        fragment_target: None,
        enabled_by: vec![EnablingLink {
            by: "multi-user.target".into(),
            edge_type: "Wants".into(),
            unit: "postgresql.service".into(),
            path: "/etc/systemd/system/multi-user.target.wants/postgresql.service".into(),
        }],
        install: Some([("WantedBy".into(), "multi-user.target".into())].into()),
        instances: None,
        timer: None,
        listens: Vec::new(),
        drop_in_paths: vec!["/etc/systemd/system/postgresql.service.d/memory.conf".into()],
        since: Some(ago(240)),
        result: Some("oom-kill".into()),
        exit_status: None,
        signal: Some("SIGKILL".into()),
        activation_usec: Some(1_234_567),
        usage: Some(usage("postgresql.service", 88.4, 511)),
        dependencies: dependencies(),
        processes: Some(vec![
            process(812, 0, "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main"),
            process(901, 1, "postgres: checkpointer"),
        ]),
        recent_logs: Some(vec![log(
            "postgres",
            "database system is ready to accept connections on every address it listens on",
        )]),
        history: Some(UnitHistory {
            reports: 20,
            reports_with_findings: 3,
            findings: vec![PastFinding {
                timestamp: ago(3_600),
                rule: "unit-failed".to_owned(),
                severity: Severity::Error,
                title:
                    "postgresql.service failed 10 min ago: its main process exited with status 1"
                        .to_owned(),
            }],
        }),
        properties: [("Restart".to_owned(), "no".to_owned())].into(),
    });
    report
}

/// The page of a template that is not loaded.
pub(super) fn unit_on_disk() -> Report {
    let mut report = unit_page();
    let page = report.unit_analysis.as_mut().unwrap();
    page.name = "backup@.service".into();
    page.aliases = vec!["save@.service".into()];
    page.asked_as = Some("save@.service".into());
    page.description = Some("Backup of %i".into());
    (page.load_state, page.active_state, page.sub_state) =
        ("not-loaded".into(), "inactive".into(), "dead".into());
    page.unit_file_state = Some("disabled".into());
    page.fragment_path = Some("/etc/systemd/system/backup@.service".into());
    page.fragment_target = Some("/opt/backup/backup@.service".into());
    page.enabled_by.clear();
    page.instances = Some(vec![UnitInstance {
        name: "backup@home.service".into(),
        active_state: "failed".into(),
        sub_state: "failed".into(),
    }]);
    page.timer = Some(UnitTimer {
        unit: Some("backup@home.service".into()),
        last_trigger: Some(ago(3_600)),
        next_elapse: None,
    });
    let address = "/run/backup.sock".to_owned();
    page.listens = vec![ListenAddress { kind: "Stream".into(), address }];
    page.properties = [("After", "x"), ("ExecStart", "/opt/backup/run %i"), ("Type", "oneshot")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    (page.since, page.result, page.signal, page.usage) = (None, None, None, None);
    (page.processes, page.activation_usec, page.history) = (None, None, None);
    report
}

pub(super) fn all_unknown() -> Report {
    let mut report = empty();
    report.host.init = Some("tini".into());
    for source in ["systemd", "cgroups", "system", "processes", "journal"] {
        report.not_assessed.push(Gap::new(source, Why::Absent, "nothing is there to be read"));
        report.timings.push(timing(source, 5_000_000, Outcome::TimedOut));
    }
    report
}

pub(super) fn hostile() -> Report {
    let long = "\u{7d71}".repeat(85);
    let bad = format!("evil\x1b]0;owned\x07\u{202e}ecivres.\n\u{9b}31m{long}.service");
    let mut report = unit_page();
    let faulty = faulty();
    report.hostname = Some("web\x1b[2J\r\n".into());
    report.host.os = Some("🦀 OS\x00".into());
    report.findings = vec![
        Finding::new(&bad, Severity::Error, &*bad, format!("{bad} failed"))
            .because(Evidence::text(&*bad, "a\nb\tc\x1b[31mred", &*bad))
            .next(format!("systemctl status '{bad}'")),
    ];
    report.not_assessed = vec![Gap::new(&*bad, Why::Malformed, &*bad)];
    report.errors = vec![bad.clone()];
    let page = report.unit_analysis.as_mut().unwrap();
    page.name = (&*bad).into();
    page.description = Some("e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{200b}".into());
    page.processes.as_mut().unwrap()[0].command = bad.clone();
    page.recent_logs.as_mut().unwrap()[0].message = bad.clone();
    page.dependencies[0].name = (&*bad).into();
    let on_disk = unit_on_disk().unit_analysis.unwrap();
    page.asked_as = Some((&*bad).into());
    page.aliases = vec![(&*bad).into()];
    page.fragment_target = Some(bad.clone());
    page.enabled_by[0].by = (&*bad).into();
    page.enabled_by[0].path.clone_from(&bad);
    page.unit_file_state = Some("disabled".into());
    page.install = Some([(bad.clone(), bad.clone())].into());
    (page.instances, page.timer, page.listens) =
        (on_disk.instances, on_disk.timer, on_disk.listens);
    page.instances.as_mut().unwrap()[0].name = (&*bad).into();
    page.timer.as_mut().unwrap().unit = Some((&*bad).into());
    page.listens[0].address.clone_from(&bad);
    page.properties = [(bad.clone(), bad.clone())].into();
    report.health_analysis = faulty.health_analysis;
    report.health_analysis.as_mut().unwrap().failed_units[0].name = (&*bad).into();
    report.resource_analysis = Some(resources());
    let usage = report.resource_analysis.as_mut().unwrap();
    usage.top_cpu_units.as_mut().unwrap()[0].name = (&*bad).into();
    usage.child_process_groups.as_mut().unwrap()[0].command_name = bad;
    report
}

/// All of them, for what must hold of any report.
pub(super) fn all() -> Vec<Report> {
    let makers = [
        empty,
        healthy,
        faulty,
        unit_page,
        unit_on_disk,
        all_unknown,
        hostile,
        traced,
        hostile_trace,
    ];
    makers.into_iter().map(|make: fn() -> Report| make()).collect()
}

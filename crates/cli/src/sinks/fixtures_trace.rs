//! Reports of hosts that were traced.

use sysdiag_model::report::{EbpfAnalysis, EbpfEnding, EbpfExec, EbpfExit, EbpfSignal, EbpfUnit};
use sysdiag_model::snapshot::{ProgramActivity, TraceLosses, TraceOmitted};
use sysdiag_model::{Report, Timestamp};

use super::fixtures::{ago, healthy, hostile};

fn unit(name: Option<&str>, execs: u64, programs: &[(&str, u64)]) -> EbpfUnit {
    EbpfUnit {
        unit: name.map(Into::into),
        forks: execs + 3,
        execs,
        exits: execs + 2,
        failures: 0,
        killed: 0,
        short_lived: execs,
        forks_per_second: Some((execs + 3) as f64 / 5.0),
        execs_per_second: Some(execs as f64 / 5.0),
        programs: programs
            .iter()
            .map(|(file, execs)| ProgramActivity { file: (*file).to_owned(), execs: *execs })
            .collect(),
        programs_omitted: 0,
        endings: Vec::new(),
        endings_omitted: 0,
    }
}

fn exec(time: Timestamp, pid: u32, unit: &str, line: &[&str]) -> EbpfExec {
    let file = line[0].to_owned();
    EbpfExec {
        time,
        pid,
        ppid: 700,
        uid: 33,
        unit: Some(unit.into()),
        cgroup_path: Some(format!("/system.slice/{unit}")),
        command: file.rsplit('/').next().unwrap().to_owned(),
        file,
        interpreter: None,
        arguments: Some(line.iter().map(|word| (*word).to_owned()).collect()),
        arguments_cut: false,
        deleted: false,
        writable_by_all: false,
        folder_writable_by_all: false,
    }
}

fn exit(time: Timestamp, pid: u32, unit: &str, command: &str) -> EbpfExit {
    EbpfExit {
        time,
        pid,
        ppid: 700,
        uid: 33,
        unit: Some(unit.into()),
        cgroup_path: Some(format!("/system.slice/{unit}")),
        command: command.to_owned(),
        file: None,
        arguments: None,
        arguments_cut: false,
        never_execed: true,
        duration_usec: 1_840,
        exit_status: Some(0),
        signal: None,
        core_dumped: false,
        oom_victim: false,
        peak_rss_bytes: 1_900_544,
        peak_rss_at_most: true,
        sent: None,
    }
}

/// A host with a busy monitor, a shell that does not find its command, and a worker that was killed.
pub(super) fn traced() -> Report {
    let mut monitor = unit(
        Some("check-everything-often@production.service"),
        1_260,
        &[("/usr/bin/grep", 720), ("/bin/sh", 360), ("/usr/bin/awk", 180)],
    );
    (monitor.failures, monitor.killed) = (12, 1);
    monitor.endings = vec![
        EbpfEnding {
            command: "sh".into(),
            exit_status: Some(127),
            signal: None,
            core_dumped: false,
            count: 12,
            first: ago(5),
            last: ago(1),
        },
        EbpfEnding {
            command: "awk".into(),
            exit_status: None,
            signal: Some("SIGSEGV".into()),
            core_dumped: true,
            count: 1,
            first: ago(2),
            last: ago(2),
        },
    ];
    let mut web = unit(Some("nginx.service"), 2, &[("/usr/sbin/nginx", 2)]);
    web.killed = 1;
    web.endings = vec![EbpfEnding {
        command: "nginx".into(),
        exit_status: None,
        signal: Some("SIGKILL".into()),
        core_dumped: false,
        count: 1,
        first: ago(3),
        last: ago(3),
    }];
    let mut per_unit = vec![monitor, web, unit(None, 1, &[("/sbin/modprobe", 1)])];
    per_unit.extend(
        ["cron.service", "ssh.service", "session-3.scope"].map(|name| unit(Some(name), 0, &[])),
    );
    let mut missing = exit(ago(1), 4_713, "check-everything-often@production.service", "sh");
    (missing.exit_status, missing.never_execed) = (Some(127), false);
    missing.file = Some("/bin/sh".into());
    missing.arguments = Some(["sh", "-c", "/opt/check --fast"].map(str::to_owned).to_vec());
    let mut killed = exit(ago(3), 812, "nginx.service", "nginx");
    (killed.exit_status, killed.signal) = (None, Some("SIGKILL".into()));
    (killed.duration_usec, killed.peak_rss_at_most, killed.never_execed) =
        (86_400_000_000, false, false);
    killed.sent = Some(EbpfSignal {
        time: ago(3),
        signal: "SIGKILL".into(),
        by_kernel: false,
        pid: 4_720,
        uid: 0,
        command: "pkill".into(),
        unit: Some("session-3.scope".into()),
        cgroup_path: Some("/user.slice/user-0.slice/session-3.scope".into()),
    });
    let mut odd = exec(ago(4), 4_711, "nginx.service", &["/tmp/.x/miner", "--pool", "a b"]);
    (odd.folder_writable_by_all, odd.arguments_cut) = (true, true);
    let mut report = healthy();
    report.ebpf_analysis = Some(EbpfAnalysis {
        started: ago(5),
        ended: ago(0),
        duration_usec: 5_000_000,
        forks: 1_290,
        execs: 1_263,
        exits: 1_275,
        failures: 12,
        killed: 2,
        short_lived: 1_270,
        lost: 7,
        lost_by_kind: TraceLosses { exits: 7, ..TraceLosses::default() },
        exec_events: vec![
            odd,
            exec(ago(2), 4_712, "cron.service", &["/usr/bin/grep", "-q", "ok", "/run/state"]),
        ],
        exit_events: vec![killed, missing, exit(ago(1), 4_714, "cron.service", "grep")],
        per_unit,
        omitted: TraceOmitted { execs: 1_261, exits: 1_272, unit_events: 0 },
    });
    report
}

/// The same, where every text is chosen by whoever ran the programs.
pub(super) fn hostile_trace() -> Report {
    let bad = hostile().errors.remove(0);
    let mut report = traced();
    let trace = report.ebpf_analysis.as_mut().unwrap();
    for unit in &mut trace.per_unit {
        unit.unit = Some((&*bad).into());
        unit.programs.iter_mut().for_each(|program| program.file.clone_from(&bad));
        unit.endings.iter_mut().for_each(|ending| ending.command.clone_from(&bad));
    }
    for event in &mut trace.exec_events {
        (event.file, event.command) = (bad.clone(), bad.clone());
        event.interpreter = Some(bad.clone());
        event.arguments = Some(vec![bad.clone(), String::new()]);
        event.unit = Some((&*bad).into());
    }
    for event in &mut trace.exit_events {
        (event.file, event.command) = (Some(bad.clone()), bad.clone());
        event.arguments = Some(vec![bad.clone(); 400]);
        if let Some(sent) = &mut event.sent {
            sent.command.clone_from(&bad);
        }
    }
    report
}

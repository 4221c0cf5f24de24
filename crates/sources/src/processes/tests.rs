//! Processes in a folder, and those of this machine.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sysdiag_model::snapshot::{Cgroup, CgroupTree};

use super::*;

fn process(folder: &Path, pid: u32, name: &str, cmdline: &str) {
    child_of(1, folder, pid, name, cmdline);
}

fn child_of(ppid: u32, folder: &Path, pid: u32, name: &str, cmdline: &str) {
    let dir = folder.join(format!("proc/{pid}"));
    fs::create_dir_all(&dir).unwrap();
    let stat = format!(
        "{pid} ({name}) S {ppid} 1 1 0 -1 0 0 0 0 0 11 22 0 0 20 0 4 0 5555 9000000 3 18446744073709551615 1\n"
    );
    fs::write(dir.join("stat"), stat).unwrap();
    fs::write(dir.join("cmdline"), cmdline).unwrap();
    fs::write(dir.join("smaps_rollup"), "Rss: 12 kB\nPss: 5 kB\n").unwrap();
    fs::write(dir.join("cgroup"), format!("0::/system.slice/{pid}.service\n")).unwrap();
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[test]
fn processes_by_pid() {
    let folder = tempfile::tempdir().unwrap();
    process(folder.path(), 812, "app", "/usr/bin/app\0--token\0abc\0");
    child_of(812, folder.path(), 900, "worker", "");
    process(folder.path(), 901, "lonely", "");
    process(folder.path(), 1, "systemd", "/sbin/init\0");
    fs::create_dir(folder.path().join("proc/813")).unwrap();
    fs::create_dir(folder.path().join("proc/sys")).unwrap();
    let root = Root::at(folder.path());
    let Probe::Known(mut processes) = read(&root, soon()) else { panic!() };
    let pids: Vec<_> = processes.list.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [1, 812, 900, 901], "813 ended meanwhile");
    let app = processes.list[1].clone();
    assert_eq!((app.comm.as_str(), app.ppid, app.state, app.threads), ("app", 1, 'S', 4));
    assert_eq!((app.user_ticks, app.system_ticks, app.start_ticks), (11, 22, 5555));
    assert_eq!(app.cmdline.unwrap(), ["/usr/bin/app", "--token", "[masked]"]);
    assert_eq!(app.rss_bytes, 3 * rustix::param::page_size() as u64);
    assert_eq!(app.pss_bytes, Some(5 * 1024));
    assert_eq!(processes.list[2].pss_bytes, Some(5 * 1024));
    assert_eq!(processes.list[3].pss_bytes, None, "it has nobody to share with");
    assert_eq!(app.uid, Some(rustix::process::geteuid().as_raw()));
    assert_eq!(app.cgroup, None);
    read_cgroups(&root, &mut processes, "");
    assert_eq!(processes.list[1].cgroup.as_deref(), Some("/system.slice/812.service"));
}

#[test]
fn damaged_and_hidden_ones_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    process(folder.path(), 812, "app", "");
    process(folder.path(), 813, "app", "");
    fs::write(folder.path().join("proc/813/stat"), "813 (app) S").unwrap();
    fs::create_dir_all(folder.path().join("proc/self")).unwrap();
    fs::write(
        folder.path().join("proc/self/mountinfo"),
        "22 27 0:21 / /proc rw - proc proc rw,hidepid=invisible\n",
    )
    .unwrap();
    let probe = read(&Root::at(folder.path()), soon());
    let gaps: Vec<_> = probe.gaps().iter().map(|gap| (gap.what.as_str(), gap.why)).collect();
    assert_eq!(
        gaps,
        [("1 process", Why::Malformed), ("processes of other users", Why::NotPermitted)]
    );
    assert!(probe.gaps()[1].hint.as_deref().unwrap().contains("hidepid=invisible"));
    assert_eq!(probe.value().unwrap().list.len(), 1);
}

#[test]
fn without_time_there_is_no_pss() {
    let folder = tempfile::tempdir().unwrap();
    process(folder.path(), 1, "init", "");
    child_of(7, folder.path(), 8, "worker", "");
    let probe = read(&Root::at(folder.path()), Instant::now());
    assert_eq!(probe.gaps()[0].what, "PSS of 1 process");
    assert_eq!(probe.gaps()[0].why, Why::TimedOut);
    assert_eq!(probe.value().unwrap().list[1].pss_bytes, None);
}

#[test]
fn an_empty_proc_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(&Root::at(folder.path()), soon()).gaps()[0].why, Why::Absent);
    fs::create_dir(folder.path().join("proc")).unwrap();
    assert_eq!(read(&Root::at(folder.path()), soon()).gaps()[0].why, Why::Absent);
}

#[test]
fn cgroups_come_from_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    process(folder.path(), 1, "init", "");
    process(folder.path(), 2, "app", "");
    let mut probe = read(&Root::at(folder.path()), soon());
    let group: Cgroup = serde_json::from_value(serde_json::json!({
        "path": "/app.service", "inode": 7, "procs": [2, 3],
    }))
    .unwrap();
    let tree = CgroupTree {
        mount_point: String::new(),
        controllers: vec![],
        root: String::new(),
        at_usec: 0,
        groups: vec![group],
        earlier_at_usec: 0,
        earlier: vec![],
    };
    let processes = probe.value_mut().unwrap();
    join_cgroups(processes, &tree);
    let cgroups: Vec<_> = processes.list.iter().map(|process| process.cgroup.as_deref()).collect();
    assert_eq!(cgroups, [None, Some("/app.service")]);
}

#[test]
fn this_machine() {
    let probe = read(&Root::host(), soon());
    let processes = probe.value().unwrap();
    let this = processes.list.iter().find(|process| process.pid == std::process::id()).unwrap();
    assert_eq!(this.uid, Some(rustix::process::geteuid().as_raw()));
    assert!(this.threads >= 1 && this.rss_bytes > 0 && !this.kernel_thread);
    // It may not fit in the budget.
    assert!(this.pss_bytes.is_none_or(|pss| pss > 0 && pss <= this.rss_bytes * 2));
    assert!(processes.list.is_sorted_by(|a, b| a.pid < b.pid));
}

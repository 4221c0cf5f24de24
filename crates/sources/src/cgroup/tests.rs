//! Whole trees in a folder, and the tree of this machine.

use std::fs;
use std::path::Path;

use super::*;

/// A host with one slice of two services, as a kernel of 5.10 would show it.
fn host() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write(
        "proc/self/mountinfo",
        "25 23 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
    );
    write("proc/1/cgroup", "0::/init.scope\n");
    let top = "sys/fs/cgroup";
    write(&format!("{top}/cgroup.controllers"), "cpuset cpu io memory pids\n");
    write(&format!("{top}/cgroup.subtree_control"), "cpu io memory pids\n");
    write(&format!("{top}/cgroup.procs"), "2\n");
    write(&format!("{top}/cpu.stat"), "usage_usec 900\nuser_usec 500\nsystem_usec 400\n");
    let slice = format!("{top}/system.slice");
    write(&format!("{slice}/cgroup.subtree_control"), "memory pids\n");
    for group in [slice.clone(), format!("{slice}/a.service"), format!("{slice}/b\\x2dc.service")] {
        write(&format!("{group}/cgroup.procs"), "");
        write(&format!("{group}/cpu.stat"), "usage_usec 90\nuser_usec 50\nsystem_usec 40\n");
        write(&format!("{group}/memory.current"), "4096\n");
        write(&format!("{group}/memory.max"), "max\n");
        write(&format!("{group}/pids.current"), "0\n");
    }
    write(&format!("{slice}/io.stat"), "8:0 rbytes=5 wbytes=6 rios=1 wios=1 dbytes=0 dios=0\n");
    write(&format!("{slice}/a.service/cgroup.procs"), "812\n813\n");
    write(&format!("{slice}/a.service/memory.max"), "1048576\n");
    // Neither controller is enabled below the slice: the kernel would show no such files.
    write(&format!("{slice}/a.service/io.stat"), "8:0 rbytes=7\n");
    write(&format!("{slice}/a.service/memory.peak"), "8192\n");
    folder
}

fn tree(folder: &Path) -> Probe<CgroupTree> {
    Sampler::start(&Root::at(folder)).unwrap().finish()
}

#[test]
fn a_whole_tree() {
    let folder = host();
    let probe = tree(folder.path());
    let Probe::Known(tree) = probe else { panic!("{:?}", probe.gaps()) };
    let paths: Vec<_> = tree.groups.iter().map(|group| group.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/", "/system.slice", "/system.slice/a.service", "/system.slice/b\\x2dc.service"]
    );
    assert_eq!(tree.mount_point, "/sys/fs/cgroup");
    assert_eq!(tree.root, "");
    assert_eq!(tree.controllers, ["cpuset", "cpu", "io", "memory", "pids"]);
    assert_eq!(tree.earlier.len(), 4);
    assert!(tree.at_usec >= tree.earlier_at_usec);

    let root = tree.group("/").unwrap();
    assert_eq!(root.cpu.unwrap().usage_usec, Some(900));
    assert_eq!(root.memory_current_bytes, None);
    let slice = tree.group("/system.slice").unwrap();
    assert_eq!(slice.io.unwrap().write_bytes, 6);
    assert_eq!(tree.earlier_sample("/system.slice").unwrap().io_read_bytes, Some(5));
    let service = tree.group("/system.slice/a.service").unwrap();
    assert_eq!(service.procs.as_deref(), Some(&[812, 813][..]));
    assert_eq!(service.memory_max_bytes, Some(1_048_576));
    assert_eq!(service.pids_current, Some(0));
    let sample = tree.earlier_sample("/system.slice/a.service").unwrap();
    assert_eq!((sample.cpu_usage_usec, sample.inode), (Some(90), service.inode));
}

#[test]
fn files_that_a_group_cannot_have_are_not_read() {
    let folder = host();
    let tree = tree(folder.path()).value().unwrap().clone();
    let service = tree.group("/system.slice/a.service").unwrap();
    assert_eq!(service.io, None, "the io controller is not enabled in the slice");
    assert_eq!(service.memory_peak_bytes, None, "the slice shows that this kernel has none");
    assert_eq!(service.cpu_pressure, None);
}

#[test]
fn links_are_not_followed() {
    let folder = host();
    let slice = folder.path().join("sys/fs/cgroup/system.slice");
    std::os::unix::fs::symlink("../system.slice", slice.join("loop.service")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", slice.join("cpu.pressure")).unwrap();
    assert_eq!(tree(folder.path()).value().unwrap().groups.len(), 4);
}

#[test]
fn a_tree_without_end_has_one() {
    let folder = host();
    let mut deep = folder.path().join("sys/fs/cgroup/system.slice");
    for _ in 0..80 {
        deep.push("x");
    }
    fs::create_dir_all(&deep).unwrap();
    let probe = tree(folder.path());
    assert!(probe.gaps().iter().any(|gap| gap.hint.as_deref().unwrap().contains("64 levels")));
}

#[test]
fn a_group_that_ended_between_the_samples_is_in_the_earlier_only() {
    let folder = host();
    let sampler = Sampler::start(&Root::at(folder.path())).unwrap();
    fs::remove_dir_all(folder.path().join("sys/fs/cgroup/system.slice/a.service")).unwrap();
    let probe = sampler.finish();
    assert_eq!(probe.gaps(), []);
    let tree = probe.value().unwrap();
    assert!(tree.group("/system.slice/a.service").is_none());
    assert!(tree.earlier_sample("/system.slice/a.service").is_some());
}

#[test]
fn no_tree_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Sampler::start(&Root::at(folder.path())).unwrap_err().why, Why::Absent);
    fs::create_dir_all(folder.path().join("proc/self")).unwrap();
    fs::write(
        folder.path().join("proc/self/mountinfo"),
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
    )
    .unwrap();
    assert_eq!(Sampler::start(&Root::at(folder.path())).unwrap_err().why, Why::NotSupported);
}

#[test]
fn a_hybrid_host_says_which_controllers_are_elsewhere() {
    let folder = host();
    let mut mounts = fs::read(folder.path().join("proc/self/mountinfo")).unwrap();
    mounts.extend(b"32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    fs::write(folder.path().join("proc/self/mountinfo"), mounts).unwrap();
    fs::write(folder.path().join("sys/fs/cgroup/cgroup.controllers"), "cpu pids\n").unwrap();
    let probe = tree(folder.path());
    assert_eq!(probe.gaps()[0].what, "cgroup controllers io, memory");
    assert!(probe.gaps()[0].hint.as_deref().unwrap().contains("cgroup v1"));
}

#[test]
fn this_machine() {
    // Whatever is mounted here: a tree that holds this process, or the reason why there is none.
    match Sampler::start(&Root::host()) {
        Err(gap) => assert!(matches!(gap.why, Why::NotSupported | Why::Absent), "{gap:?}"),
        Ok(sampler) => {
            let probe = sampler.finish();
            let tree = probe.value().unwrap();
            let this = std::process::id();
            let holds = |group: &&Cgroup| group.procs.as_ref().is_some_and(|p| p.contains(&this));
            let group = tree.groups.iter().find(holds).expect("the cgroup of this process");
            assert!(group.cpu.unwrap().usage_usec.is_some());
            assert!(tree.groups.is_sorted_by(|a, b| a.path < b.path));
        }
    }
}

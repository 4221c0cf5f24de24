//! A host in a folder, and this machine.

use std::fs;
use std::path::Path;

use super::*;

fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("proc")).unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn system(folder: &Path) -> Probe<System> {
    Sampler::start(&Root::at(folder)).unwrap().finish(Instant::now() + Duration::from_secs(5))
}

#[test]
fn two_samples() {
    let folder = host(&[
        ("proc/stat", "cpu  1 2 3 4 5 6 7 8 0 0\n"),
        ("proc/diskstats", "8 0 sda 1 0 2 0 3 0 4 0 0 5 0\n"),
        ("proc/self/net/dev", "eth0: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0\n"),
        ("proc/vmstat", "pswpin 1\npswpout 2\noom_kill 3\n"),
        ("proc/pressure/cpu", "some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n"),
        ("sys/devices/system/cpu/online", "0-7\n"),
    ]);
    let sampler = Sampler::start(&Root::at(folder.path())).unwrap();
    fs::write(folder.path().join("proc/stat"), "cpu  11 2 3 4 5 6 7 8 0 0\n").unwrap();
    let probe = sampler.finish(Instant::now());
    let Probe::Known(system) = probe else { panic!("{:?}", probe.gaps()) };
    assert_eq!(system.earlier.cpu.unwrap().user, 1);
    assert_eq!(system.counters.cpu.unwrap().user, 11);
    assert!(system.counters.at_usec >= system.earlier.at_usec);
    assert_eq!(system.counters.disks[0].write_bytes, 2048);
    assert_eq!(system.counters.network[0].transmit_bytes, 2);
    assert_eq!(system.counters.oom_kills, Some(3));
    assert_eq!(system.cpus_online, Some(8));
    let Probe::Partial(pressure, gaps) = system.pressure else { panic!("{:?}", system.pressure) };
    assert!((pressure.cpu.unwrap().some.avg10 - 1.0).abs() < 1e-9);
    assert_eq!((pressure.memory, gaps.len()), (None, 2));
    assert_eq!(system.memory.gaps()[0].why, Why::Absent);
}

#[test]
fn what_is_missing_is_said() {
    let folder = host(&[("proc/stat", "nonsense\n"), ("proc/loadavg", "x\n")]);
    let probe = system(folder.path());
    let system = probe.value().unwrap();
    assert_eq!(system.counters.cpu, None);
    let gaps: Vec<_> = probe.gaps().iter().map(|gap| (gap.what.as_str(), gap.why)).collect();
    assert_eq!(
        gaps,
        [
            ("CPU time", Why::Malformed),
            ("disk I/O", Why::Absent),
            ("network I/O", Why::Absent),
            ("swap activity", Why::Absent)
        ]
    );
    assert_eq!(system.load.gaps()[0].why, Why::Malformed);
    assert_eq!(system.pressure.gaps()[0].why, Why::NotSupported);
    assert_eq!(system.file_systems.gaps()[0].why, Why::Absent);
}

#[test]
fn no_proc_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Sampler::start(&Root::at(folder.path())).unwrap_err().why, Why::Absent);
}

#[test]
fn this_machine() {
    let probe = system(Path::new("/"));
    let system = probe.value().unwrap();
    assert!(system.counters.cpu.unwrap().idle >= system.earlier.cpu.unwrap().idle);
    let memory = system.memory.value().unwrap();
    assert!(memory.total_bytes > memory.free_bytes);
    assert!(system.load.value().unwrap().threads > 0);
    let online = std::thread::available_parallelism().unwrap().get();
    assert!(system.cpus_online.unwrap() as usize >= online);
    let list = system.file_systems.value().unwrap();
    let root = list.iter().find(|fs| fs.mount_point == "/").expect("the root file system");
    assert!(root.usage.value().unwrap().total_bytes > 0);
}

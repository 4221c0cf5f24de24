//! Programs and libraries that processes run although they were deleted or replaced, as after an
//! upgrade: the new version is on the disk, the old one, with its faults, in memory.
//!
//! Every process is asked for its program, one `readlink(2)` each. The mappings of a process, which
//! cost up to a hundred times as much, are read only if anything was installed since it started, and
//! within a budget of CPU time. What somebody deletes by hand from a folder of libraries that is not
//! one of the usual ones is therefore not seen.

use std::time::Instant;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{StatxFlags, readlinkat, statx};
use rustix::io::Errno;
use sysdiag_model::snapshot::{Clock, DeletedFiles, Process};
use sysdiag_model::{Gap, Probe, Why};

use crate::{Root, clock, file, gap, text};

/// CPU time for all of it.
const BUDGET_USEC: u64 = 30_000;
/// Of a process with more mappings than fit in this the rest is not looked at.
const MAX_MAPS_BYTES: usize = 2 * 1024 * 1024;
/// Libraries of a process.
const MAX_LIBRARIES: usize = 16;
/// Longer paths are not the usual ones.
const MAX_PATH: usize = 512;
/// Who installed something touches one of these: the lists of package managers, and the folders of
/// libraries. That of the machine's architecture joins them.
const INSTALLED: [&str; 10] = [
    "/var/lib/dpkg/status",
    "/var/lib/rpm",
    "/usr/lib/sysimage/rpm",
    "/var/lib/pacman/local",
    "/lib/apk/db/installed",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/lib",
    "/lib",
];
/// Clocks and file systems are not exact to the second.
const MARGIN_SECONDS: u64 = 5;
/// Programs here were never installed: they are deleted on purpose.
const NOT_INSTALLED: [&[u8]; 7] =
    [b"/memfd:", b"/dev/", b"/tmp/", b"/var/tmp/", b"/run/", b"/proc/", b"/SYSV"];
/// Where libraries are installed.
const LIBRARIES: [&[u8]; 4] = [b"/usr/", b"/lib", b"/opt/", b"/snap/"];
/// What the kernel puts behind the path of a file that has none any more, `proc_pid_exe(5)`.
const DELETED: &[u8] = b" (deleted)";

/// The processes of `processes` that run something deleted.
pub(super) fn read(
    root: &Root,
    proc: &OwnedFd,
    processes: &[Process],
    deadline: Instant,
) -> Probe<Vec<DeletedFiles>> {
    let mut found: Vec<DeletedFiles> = Vec::new();
    let mut refused = 0_usize;
    let mut old = Vec::new();
    let newest = newest_change(root);
    let clock = clock::read();
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    for process in processes.iter().filter(|process| !process.kernel_thread && process.state != 'Z')
    {
        let program = match readlinkat(proc, format!("{}/exe", process.pid), Vec::new()) {
            Ok(target) => deleted_program(target.to_bytes()),
            Err(Errno::ACCESS | Errno::PERM) => {
                refused += 1;
                continue;
            }
            // It ended in between.
            Err(_) => continue,
        };
        let started = started_seconds(process.start_ticks / ticks_per_second, &clock);
        if newest.is_none_or(|newest| started <= newest.saturating_add(MARGIN_SECONDS)) {
            old.push(process.pid);
        }
        if program.is_some() {
            found.push(DeletedFiles { pid: process.pid, program, libraries: Vec::new() });
        }
    }
    let unread = libraries(proc, &old, deadline, &mut found);
    found.sort_by_key(|files| files.pid);
    let mut gaps = Vec::new();
    if refused > 0 {
        let what = format!("deleted programs of {}", gap::processes(refused));
        gaps.push(Gap::new(what, Why::NotPermitted, gap::or_as_root("/proc/PID/exe is refused")));
    }
    if unread > 0 {
        let what = format!("deleted libraries of {}", gap::processes(unread));
        gaps.push(Gap::new(what, Why::TimedOut, "reading all mappings takes too long"));
    }
    Probe::with_gaps(found, gaps)
}

/// Adds the libraries of `pids`; how many processes could not be looked at.
fn libraries(
    proc: &OwnedFd,
    pids: &[u32],
    deadline: Instant,
    found: &mut Vec<DeletedFiles>,
) -> usize {
    let begin = clock::thread_cpu_usec();
    let mut maps = Vec::new();
    for (done, pid) in pids.iter().enumerate() {
        let spent = clock::thread_cpu_usec().saturating_sub(begin);
        if spent >= BUDGET_USEC || Instant::now() >= deadline {
            return pids.len() - done;
        }
        if read_maps(proc, *pid, &mut maps).is_err() {
            continue;
        }
        let libraries = deleted_libraries(&maps);
        if libraries.is_empty() {
            continue;
        }
        match found.iter_mut().find(|files| files.pid == *pid) {
            Some(files) => files.libraries = libraries,
            None => found.push(DeletedFiles { pid: *pid, program: None, libraries }),
        }
    }
    0
}

/// `/proc/PID/maps`, which the kernel gives a page at a time.
fn read_maps(proc: &OwnedFd, pid: u32, maps: &mut Vec<u8>) -> Result<(), Errno> {
    let file = file::open_at(proc, format!("{pid}/maps"))?;
    maps.clear();
    while maps.len() < MAX_MAPS_BYTES {
        let length = maps.len();
        maps.resize(length + 32 * 1024, 0);
        let count = file::read_some(&file, maps.get_mut(length..).unwrap_or_default())?;
        maps.truncate(length + count);
        if count == 0 {
            break;
        }
    }
    Ok(())
}

/// When something was last installed, in seconds since 1970. None: nothing here says so.
fn newest_change(root: &Root) -> Option<u64> {
    let machine = rustix::system::uname();
    let multiarch = format!("/usr/lib/{}-linux-gnu", machine.machine().to_string_lossy());
    let paths = INSTALLED.into_iter().chain([multiarch.as_str()]);
    paths.filter_map(|path| changed_seconds(root, path)).max()
}

fn changed_seconds(root: &Root, path: &str) -> Option<u64> {
    let handle = file::open_path(root, path).ok()?;
    let flags = rustix::fs::AtFlags::EMPTY_PATH | rustix::fs::AtFlags::STATX_DONT_SYNC;
    let stat = statx(handle.as_fd(), c"", flags, StatxFlags::CTIME).ok()?;
    u64::try_from(stat.stx_ctime.tv_sec).ok()
}

/// When a process started by the wall clock.
const fn started_seconds(after_boot: u64, clock: &Clock) -> u64 {
    let now = clock.realtime.as_usec() / 1_000_000;
    let boot = now.saturating_sub(clock.boottime_usec / 1_000_000);
    boot.saturating_add(after_boot)
}

fn deleted_program(target: &[u8]) -> Option<String> {
    let path = target.strip_suffix(DELETED)?;
    let installed = path.starts_with(b"/")
        && path.len() <= MAX_PATH
        && !NOT_INSTALLED.iter().any(|prefix| path.starts_with(prefix));
    installed.then(|| text::string(without_suffix(path)))
}

/// The libraries among executable mappings whose files are gone.
fn deleted_libraries(maps: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text::lines(maps) {
        let Some(path) = line.strip_suffix(DELETED).and_then(executable_path) else { continue };
        let path = without_suffix(path);
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let is_library = name.windows(3).any(|part| part == b".so")
            && path.len() <= MAX_PATH
            && LIBRARIES.iter().any(|prefix| path.starts_with(prefix));
        if is_library && found.len() < MAX_LIBRARIES {
            found.push(text::string(path));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The path of a line `address perms offset dev inode path`, if it may be executed.
fn executable_path(line: &[u8]) -> Option<&[u8]> {
    let permissions = text::fields(line).nth(1)?;
    if permissions.get(2) != Some(&b'x') {
        return None;
    }
    let start = line.iter().position(|byte| *byte == b'/')?;
    line.get(start..)
}

/// Package managers rename what they replace: `.dpkg-new`, `.dpkg-tmp`, `;5f3a1b2c` of RPM.
fn without_suffix(path: &[u8]) -> &[u8] {
    for suffix in [&b".dpkg-new"[..], b".dpkg-tmp"] {
        if let Some(path) = path.strip_suffix(suffix) {
            return path;
        }
    }
    match path.split_last_chunk::<9>() {
        Some((stem, [b';', digits @ ..])) if digits.iter().all(u8::is_ascii_hexdigit) => stem,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const MAPS: &str = "\
7f0-7f1 r--p 00000000 fe:00 12 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f1-7f2 r-xp 00001000 fe:00 12                         /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f2-7f3 r-xp 00001000 fe:00 13 /usr/lib/x86_64-linux-gnu/libc.so.6
7f3-7f4 r-xp 00000000 00:01 14 /memfd:libffi.so (deleted)
7f4-7f5 rwxs 00000000 00:01 15 /dev/zero (deleted)
7f5-7f6 r-xp 00000000 fe:00 16 /tmp/jit-812.so (deleted)
7f6-7f7 r-xp 00000000 fe:00 17 /usr/bin/app (deleted)
7f7-7f8 r-xp 00000000 fe:00 18 /usr/lib/app/plug in.so.dpkg-new (deleted)
7f8-7f9 r-xp 00000000 00:00 0 [vdso]
";

    #[test]
    fn libraries_that_are_executed_and_gone() {
        assert_eq!(
            deleted_libraries(MAPS.as_bytes()),
            ["/usr/lib/app/plug in.so", "/usr/lib/x86_64-linux-gnu/libssl.so.3"]
        );
    }

    #[test]
    fn programs_that_were_installed() {
        for (target, expected) in [
            ("/usr/sbin/nginx (deleted)", Some("/usr/sbin/nginx")),
            ("/usr/sbin/sshd;5f3a1b2c (deleted)", Some("/usr/sbin/sshd")),
            ("/usr/bin/x.dpkg-tmp (deleted)", Some("/usr/bin/x")),
            ("/usr/sbin/nginx", None),
            ("/memfd:runc_cloned:/proc/self/exe (deleted)", None),
            ("/tmp/installer.AbC/run (deleted)", None),
            ("(unreachable)/x (deleted)", None),
            (" (deleted)", None),
        ] {
            assert_eq!(deleted_program(target.as_bytes()).as_deref(), expected, "{target}");
        }
    }

    fn process(folder: &std::path::Path, pid: u32, program: &str, maps: &str) {
        let dir = folder.join(format!("proc/{pid}"));
        fs::create_dir_all(&dir).unwrap();
        let stat = format!("{pid} (app) S 1 1 1 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 5555 9000 3 1\n");
        fs::write(dir.join("stat"), stat).unwrap();
        fs::write(dir.join("cmdline"), "").unwrap();
        fs::write(dir.join("maps"), maps).unwrap();
        symlink(program, dir.join("exe")).unwrap();
    }

    fn found(folder: &std::path::Path) -> Vec<(u32, bool, usize)> {
        let root = Root::at(folder);
        let proc = file::open_dir(&root, "/proc").unwrap();
        let processes = super::super::list::read(&proc).unwrap().processes;
        let probe = read(&root, &proc, &processes, Instant::now() + Duration::from_mins(1));
        let Probe::Known(found) = probe else { panic!("{:?}", probe.gaps()) };
        let brief =
            |files: &DeletedFiles| (files.pid, files.program.is_some(), files.libraries.len());
        found.iter().map(brief).collect()
    }

    #[test]
    fn mappings_are_read_of_those_that_are_older_than_what_was_installed() {
        let folder = tempfile::tempdir().unwrap();
        process(folder.path(), 10, "/usr/bin/app (deleted)", MAPS);
        process(folder.path(), 11, "/usr/bin/other", MAPS);
        process(folder.path(), 12, "/usr/bin/other", "");
        // Nothing says when anything was installed.
        assert_eq!(found(folder.path()), [(10, true, 2), (11, false, 2)]);
        // They started 55 seconds after the boot of this machine, this folder is new.
        fs::create_dir_all(folder.path().join("usr/lib")).unwrap();
        assert!(newest_change(&Root::at(folder.path())).is_some());
        assert_eq!(found(folder.path()), [(10, true, 2), (11, false, 2)]);
        // One that started a day from now has whatever was installed up to now.
        let stat = folder.path().join("proc/11/stat");
        let ticks = rustix::param::clock_ticks_per_second();
        let start = (clock::read().boottime_usec / 1_000_000 + 86_400) * ticks;
        let text = fs::read_to_string(&stat).unwrap().replace(" 5555 ", &format!(" {start} "));
        fs::write(&stat, text).unwrap();
        assert_eq!(found(folder.path()), [(10, true, 2)]);
    }

    #[test]
    fn what_started_later_has_what_was_installed() {
        let time = |seconds: u64| sysdiag_model::Timestamp::from_usec(seconds * 1_000_000);
        let clock = Clock {
            realtime: time(1_790_000_000),
            monotonic_usec: 0,
            boottime_usec: 3_600_000_000,
        };
        assert_eq!(started_seconds(55, &clock), 1_790_000_000 - 3_600 + 55);
    }

    #[test]
    fn without_time_it_is_said() {
        let folder = tempfile::tempdir().unwrap();
        process(folder.path(), 10, "/usr/bin/app", MAPS);
        let root = Root::at(folder.path());
        let proc = file::open_dir(&root, "/proc").unwrap();
        let processes = super::super::list::read(&proc).unwrap().processes;
        let probe = read(&root, &proc, &processes, Instant::now());
        assert_eq!(probe.gaps()[0].what, "deleted libraries of 1 process");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "([0-9a-f-]{0,4} r-xp 0 0 0 ?/usr/[a-z./;0-9]{0,12}( \\(deleted\\))?\n){0,4}") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let _ = (deleted_libraries(bytes), deleted_program(bytes), without_suffix(bytes));
            }
        }
    }
}

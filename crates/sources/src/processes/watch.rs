//! Processes that are held up: zombies that nobody reaps, and those that wait in the kernel and
//! cannot be interrupted.
//!
//! Both states are normal for a moment, so whoever is in one is looked at again for up to two
//! seconds: a host without such processes is not kept waiting. A process that had a CPU in between
//! (its context switches say so) was not held up. Of a process with several threads only the first
//! is looked at.

use std::thread;
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, openat};
use sysdiag_model::snapshot::{Held, Process};

use super::stat;
use crate::{file, text};

/// How long after the first look the next ones come.
pub(super) const LOOKS: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// More are not watched.
const MAX_WATCHED: usize = 2000;
/// Of so many the wait channel and the stack are read.
const MAX_DESCRIBED: usize = 64;
/// Frames of a stack.
const MAX_FRAMES: usize = 16;
const BUFFER_BYTES: usize = 8 * 1024;

/// One that is watched.
struct Watched {
    pid: u32,
    start_ticks: u64,
    state: char,
    /// Times it was taken off a CPU; a zombie was for the last time.
    switches: u64,
}

/// Those of `processes`, read at `begin`, that are zombies or uninterruptible and stay so until the
/// last of `looks` that comes before `deadline`.
pub(super) fn read(
    proc: &OwnedFd,
    processes: &[Process],
    looks: &[Duration],
    begin: Instant,
    deadline: Instant,
) -> Vec<Held> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut watched: Vec<Watched> = processes
        .iter()
        .filter(|process| held_up(process))
        .take(MAX_WATCHED)
        .map(|process| Watched {
            pid: process.pid,
            start_ticks: process.start_ticks,
            state: process.state,
            switches: 0,
        })
        .collect();
    watched.retain_mut(|one| {
        let seen = look(proc, one, &mut buffer);
        one.switches = seen.unwrap_or_default();
        seen.is_some()
    });
    let first = Instant::now();
    let mut last = first;
    for after in looks {
        let at = begin + *after;
        if watched.is_empty() || at >= deadline {
            break;
        }
        thread::sleep(at.saturating_duration_since(Instant::now()));
        watched.retain(|one| look(proc, one, &mut buffer) == Some(one.switches));
        last = Instant::now();
    }
    let seen = last.saturating_duration_since(first).as_micros();
    let watched_usec = u64::try_from(seen).unwrap_or(u64::MAX);
    let describe = |(index, one): (usize, Watched)| {
        let waits = one.state == 'D' && index < MAX_DESCRIBED;
        Held {
            pid: one.pid,
            state: one.state,
            watched_usec,
            wait_channel: wait_channel(proc, one.pid, &mut buffer).filter(|_| waits),
            stack: if waits { stack(proc, one.pid, &mut buffer) } else { Vec::new() },
        }
    };
    watched.into_iter().enumerate().map(describe).collect()
}

/// A leader that ended before its other threads is shown as a zombie, too. Kernel threads wait so
/// as a matter of course.
fn held_up(process: &Process) -> bool {
    match process.state {
        'D' => !process.kernel_thread,
        'Z' => process.threads <= 1,
        _ => false,
    }
}

/// Its context switches. `None`: it is not the same process in the same state any more, or does not
/// say.
fn look(proc: &OwnedFd, one: &Watched, buffer: &mut [u8]) -> Option<u64> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(proc, rustix::path::DecInt::new(one.pid), flags, Mode::empty()).ok()?;
    let length = file::read_once(&dir, c"stat", buffer).ok()?;
    let stat = stat::parse(buffer.get(..length)?)?;
    if (stat.start_ticks, stat.state) != (one.start_ticks, one.state) {
        return None;
    }
    if one.state == 'Z' {
        return Some(0);
    }
    switches(&dir, buffer)
}

fn switches(dir: impl AsFd, buffer: &mut [u8]) -> Option<u64> {
    let length = file::read_once(dir, c"status", buffer).ok()?;
    parse_switches(buffer.get(..length)?)
}

/// `voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches` of `/proc/PID/status`.
fn parse_switches(status: &[u8]) -> Option<u64> {
    let value = |name: &[u8]| {
        let line = text::lines(status).find_map(|line| line.strip_prefix(name))?;
        text::number(line.strip_prefix(b":")?.trim_ascii())
    };
    value(b"voluntary_ctxt_switches")?.checked_add(value(b"nonvoluntary_ctxt_switches")?)
}

/// `/proc/PID/wchan`: `0` where it is not permitted, or not asleep.
fn wait_channel(proc: &OwnedFd, pid: u32, buffer: &mut [u8]) -> Option<String> {
    let length = file::read_once(proc, format!("{pid}/wchan"), buffer).ok()?;
    function(buffer.get(..length)?)
}

/// `/proc/PID/stack`: lines of `[<0>] function+0x12/0x34 [module]`.
fn stack(proc: &OwnedFd, pid: u32, buffer: &mut [u8]) -> Vec<String> {
    let Ok(length) = file::read_once(proc, format!("{pid}/stack"), buffer) else {
        return Vec::new();
    };
    parse_stack(buffer.get(..length).unwrap_or_default())
}

fn parse_stack(bytes: &[u8]) -> Vec<String> {
    text::lines(bytes)
        .filter_map(|line| text::fields(line).nth(1))
        .filter_map(|frame| function(frame.split(|byte| *byte == b'+').next()?))
        .take(MAX_FRAMES)
        .collect()
}

/// A name as in C.
fn function(name: &[u8]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
    let fits = (1..=128).contains(&name.len()) && name != b"0" && name.iter().all(plain);
    fits.then(|| text::string(name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::Root;

    fn write(folder: &Path, pid: u32, state: char, switches: u64) {
        let dir = folder.join(format!("proc/{pid}"));
        fs::create_dir_all(&dir).unwrap();
        let threads = if pid == 13 { 4 } else { 1 };
        let flags = if pid == 14 { 0x0020_0000 } else { 0 };
        let stat = format!(
            "{pid} (app) {state} 1 1 1 0 -1 {flags} 0 0 0 0 11 22 0 0 20 0 {threads} 0 5555 9000000 3 1\n"
        );
        fs::write(dir.join("stat"), stat).unwrap();
        let status = format!(
            "Name:\tapp\nvoluntary_ctxt_switches:\t{switches}\nnonvoluntary_ctxt_switches:\t1\n"
        );
        fs::write(dir.join("status"), status).unwrap();
        fs::write(dir.join("cmdline"), "").unwrap();
        fs::write(dir.join("wchan"), "rpc_wait_bit_killable").unwrap();
        let stack =
            "[<0>] rpc_wait_bit_killable+0x1e/0x90 [sunrpc]\n[<0>] nfs4_stat+0x1/0x2 [nfsv4]\n";
        fs::write(dir.join("stack"), stack).unwrap();
    }

    fn held(folder: &Path) -> Vec<Held> {
        let proc = file::open_dir(&Root::at(folder), "/proc").unwrap();
        let processes = super::super::list::read(&proc).unwrap().processes;
        let looks = [Duration::from_millis(1), Duration::from_millis(2)];
        let begin = Instant::now();
        read(&proc, &processes, &looks, begin, begin + Duration::from_mins(1))
    }

    #[test]
    fn only_those_that_stay() {
        let folder = tempfile::tempdir().unwrap();
        for (pid, state) in [(10, 'D'), (11, 'Z'), (12, 'S'), (13, 'Z'), (14, 'D')] {
            write(folder.path(), pid, state, 7);
        }
        let found = held(folder.path());
        let brief: Vec<_> = found.iter().map(|one| (one.pid, one.state)).collect();
        assert_eq!(brief, [(10, 'D'), (11, 'Z')], "13 has other threads, 14 is the kernel's");
        assert!(found[0].watched_usec > 0);
        assert_eq!(found[0].wait_channel.as_deref(), Some("rpc_wait_bit_killable"));
        assert_eq!(found[0].stack, ["rpc_wait_bit_killable", "nfs4_stat"]);
        assert_eq!((found[1].wait_channel.as_deref(), found[1].stack.len()), (None, 0));
    }

    #[test]
    fn another_state_another_process_and_a_moment_on_a_cpu_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path().join("proc");
        for pid in [20, 21, 22] {
            write(folder.path(), pid, 'D', 7);
        }
        let one = |pid| Watched { pid, start_ticks: 5555, state: 'D', switches: 8 };
        let handle = file::open_dir(&Root::at(folder.path()), "/proc").unwrap();
        let mut buffer = vec![0; BUFFER_BYTES];
        assert_eq!(look(&handle, &one(20), &mut buffer), Some(8));
        write(folder.path(), 20, 'S', 7);
        write(folder.path(), 21, 'D', 8);
        fs::remove_dir_all(proc.join("22")).unwrap();
        assert_eq!(look(&handle, &one(20), &mut buffer), None);
        assert_eq!(look(&handle, &one(21), &mut buffer), Some(9));
        assert_eq!(look(&handle, &one(22), &mut buffer), None);
        let other = Watched { start_ticks: 1, ..one(21) };
        assert_eq!(look(&handle, &other, &mut buffer), None);
    }

    #[test]
    fn nothing_is_waited_for_without_a_candidate() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 12, 'S', 7);
        let proc = file::open_dir(&Root::at(folder.path()), "/proc").unwrap();
        let processes = super::super::list::read(&proc).unwrap().processes;
        let begin = Instant::now();
        let looks = [Duration::from_hours(1)];
        let found = read(&proc, &processes, &looks, begin, begin + Duration::from_hours(2));
        assert_eq!(found, []);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "(\\[<0>\\] [a-z0_+/]{0,9}\n|voluntary_ctxt_switches:\t?[0-9]{0,22}\n){0,5}") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let _ = (parse_switches(bytes), parse_stack(bytes), function(bytes));
            }
        }
    }
}

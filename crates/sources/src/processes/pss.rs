//! Proportional memory, `/proc/PID/smaps_rollup`: what processes share is divided among them.
//!
//! The kernel walks the whole page table for it (20 to 60 ns a page in memory, 60 us of a small
//! `sleep`), so it is read where it makes a difference: of processes that have a parent beside
//! PID 1 or children, which share memory with them. Of a service of one process the RSS says
//! nearly the same, and its cgroup says it better. And it is read within a budget, those with the
//! most memory first, leaving out any that would not fit in what is left.

use std::collections::HashSet;
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use sysdiag_model::snapshot::Process;
use sysdiag_model::{Gap, Why};

use crate::{clock, file, gap, text};

/// CPU time for all of it.
const BUDGET_USEC: u64 = 50_000;
/// What a page that is in memory takes, measured in a virtual machine.
const PAGE_NSEC: u64 = 60;
/// Bytes of `smaps_rollup`, under 1000.
const BUFFER_BYTES: usize = 4096;

/// Reads PSS into `processes`; the gaps say of how many it was not read.
pub(super) fn read(proc: &OwnedFd, processes: &mut [Process], deadline: Instant) -> Vec<Gap> {
    let begin = clock::thread_cpu_usec();
    let order = order(processes);
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut refused, mut too_long, mut unsupported) = (0_usize, 0_usize, 0_usize);
    for index in order {
        let Some(process) = processes.get_mut(index) else { continue };
        let spent = clock::thread_cpu_usec().saturating_sub(begin);
        let expected = spent.saturating_add(estimate_usec(process.rss_bytes));
        if expected > BUDGET_USEC || Instant::now() >= deadline {
            too_long += 1;
            continue;
        }
        let path = format!("{}/smaps_rollup", process.pid);
        match file::read_once(proc, path, &mut buffer) {
            Ok(length) => process.pss_bytes = buffer.get(..length).and_then(parse),
            Err(Errno::ACCESS | Errno::PERM) => refused += 1,
            Err(Errno::NOENT) => unsupported += 1,
            // It ended in between.
            Err(_) => {}
        }
    }
    // Processes that ended are few; a kernel without the file has it for none.
    let unsupported = if unsupported > processes.len() / 2 { unsupported } else { 0 };
    let refused_hint = if rustix::process::geteuid().is_root() {
        "needs CAP_SYS_PTRACE, which this container withholds; RSS stands in for it"
    } else {
        "run as root; RSS stands in for it"
    };
    [
        (refused, Why::NotPermitted, refused_hint),
        (too_long, Why::TimedOut, "it takes too long; RSS stands in for it"),
        (unsupported, Why::NotSupported, "no smaps_rollup: Linux before 4.14, or built without it"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, why, hint)| Gap::new(format!("PSS of {}", gap::processes(count)), why, hint))
    .collect()
}

/// Where in the list those are that may share memory, the biggest first. Kernel threads and zombies
/// have no memory.
fn order(processes: &[Process]) -> Vec<usize> {
    let parents: HashSet<u32> = processes.iter().map(|process| process.ppid).collect();
    let shares = |process: &Process| {
        process.rss_bytes > 0
            && !process.kernel_thread
            && (process.ppid > 1 || (process.pid != 1 && parents.contains(&process.pid)))
    };
    let mut order: Vec<(u64, usize)> = (0..)
        .zip(processes)
        .filter(|(_, process)| shares(process))
        .map(|(index, process)| (process.rss_bytes, index))
        .collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    order.into_iter().map(|(_, index)| index).collect()
}

const fn estimate_usec(rss_bytes: u64) -> u64 {
    (rss_bytes / 4096).saturating_mul(PAGE_NSEC) / 1000
}

/// The line `Pss:  123 kB`, in bytes.
fn parse(bytes: &[u8]) -> Option<u64> {
    let value = text::lines(bytes).find_map(|line| line.strip_prefix(b"Pss:"))?;
    text::number(text::fields(value).next()?)?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_sum_of_all_mappings() {
        let text = b"55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:  900 kB\nPss:  123 kB\nPss_Anon: 7 kB\n";
        assert_eq!(parse(text), Some(123 * 1024));
        assert_eq!(parse(b"Rss: 900 kB\n"), None);
        assert_eq!(parse(b"Pss: -1 kB\n"), None);
    }

    #[test]
    fn the_estimate_grows_with_memory() {
        assert_eq!(estimate_usec(0), 0);
        assert_eq!(estimate_usec(1 << 30), 15_728);
        assert!(estimate_usec(u64::MAX) > BUDGET_USEC);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "Pss: *[0-9kB -]{0,30}") {
            let _ = parse(&bytes);
            let _ = parse(words.as_bytes());
        }
    }
}

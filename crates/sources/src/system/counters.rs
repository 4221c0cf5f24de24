//! Counters of the whole host that rates are computed from.

use sysdiag_model::snapshot::{CpuTicks, SystemCounters};
use sysdiag_model::{Gap, Probe};

use super::figures;
use super::{disks, network};
use crate::{Root, clock, text};

/// One sample, and what it lacks.
pub(super) fn read(root: &Root) -> (SystemCounters, Vec<Gap>) {
    let mut gaps = Vec::new();
    let at_usec = clock::monotonic_usec();
    let cpu = figures::read(root, "CPU time", "/proc/stat", cpu_ticks);
    let disks =
        figures::read(root, "disk I/O", "/proc/diskstats", |bytes| Some(disks::parse(bytes)));
    let network = figures::read(root, "network I/O", "/proc/self/net/dev", |bytes| {
        Some(network::parse(bytes))
    });
    let paging = figures::read(root, "swap activity", "/proc/vmstat", |bytes| Some(paging(bytes)));
    let cpu = take(cpu, &mut gaps);
    let disks = take(disks, &mut gaps).unwrap_or_default();
    let network = take(network, &mut gaps).unwrap_or_default();
    let paging = take(paging, &mut gaps).unwrap_or_default();
    let counters = SystemCounters {
        at_usec,
        cpu,
        disks,
        network,
        swapped_in_pages: paging.swapped_in,
        swapped_out_pages: paging.swapped_out,
        oom_kills: paging.oom_kills,
    };
    (counters, gaps)
}

fn take<T>(probe: Probe<T>, gaps: &mut Vec<Gap>) -> Option<T> {
    match probe {
        Probe::Known(value) => Some(value),
        Probe::Partial(value, more) => {
            gaps.extend(more);
            Some(value)
        }
        Probe::Unknown(gap) => {
            gaps.push(gap);
            None
        }
    }
}

/// The `cpu` line of `/proc/stat`, the first.
fn cpu_ticks(bytes: &[u8]) -> Option<CpuTicks> {
    let line = text::lines(bytes).find_map(|line| line.strip_prefix(b"cpu "))?;
    let mut fields = text::fields(line).map(text::number);
    let mut next = || fields.next().flatten();
    Some(CpuTicks {
        user: next()?,
        nice: next()?,
        system: next()?,
        idle: next()?,
        iowait: next()?,
        irq: next()?,
        softirq: next()?,
        steal: next()?,
    })
}

/// Some lines of `/proc/vmstat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Paging {
    swapped_in: Option<u64>,
    swapped_out: Option<u64>,
    oom_kills: Option<u64>,
}

fn paging(bytes: &[u8]) -> Paging {
    let mut paging = Paging::default();
    for line in text::lines(bytes) {
        match text::split_once(line, b' ') {
            Some((b"pswpin", value)) => paging.swapped_in = text::number(value),
            Some((b"pswpout", value)) => paging.swapped_out = text::number(value),
            Some((b"oom_kill", value)) => paging.oom_kills = text::number(value),
            _ => {}
        }
    }
    paging
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_cpus_together() {
        let ticks = cpu_ticks(b"cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
        let ticks = ticks.unwrap();
        assert_eq!((ticks.user, ticks.idle, ticks.steal), (10, 40, 80));
        assert_eq!(cpu_ticks(b"cpu0 1 2 3 4 5 6 7 8\n"), None);
        assert_eq!(cpu_ticks(b"cpu  1 2 3 -4 5 6 7 8\n"), None);
    }

    #[test]
    fn a_kernel_without_swap_counts_none() {
        let with = paging(b"pswpin 1\npswpout 2\npgfault 9\noom_kill 3\n");
        assert_eq!(with, Paging { swapped_in: Some(1), swapped_out: Some(2), oom_kills: Some(3) });
        assert_eq!(paging(b"pgfault 9\n"), Paging::default());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "(cpu |pswpin |oom_kill )?[0-9 \n-]{0,40}") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let _ = (cpu_ticks(bytes), paging(bytes));
            }
        }
    }
}

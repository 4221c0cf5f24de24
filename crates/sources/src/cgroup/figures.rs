//! The formats of cgroup v2 files, `Documentation/admin-guide/cgroup-v2.rst`.
//!
//! A key that is not there is `None`, as is a number that is none; unknown keys are skipped.

use sysdiag_model::snapshot::{CpuMax, CpuStat, IoStat, MemoryEvents, MemoryStat, PidsEvents};

use crate::text;

/// A file of one number; `max` and what is no number are `None`.
pub(super) fn value(bytes: &[u8]) -> Option<u64> {
    text::single(bytes).and_then(text::number)
}

/// `cgroup.procs`: a process id a line. 0 stands for a process outside of our PID namespace.
pub(super) fn procs(bytes: &[u8]) -> Option<Vec<u32>> {
    let pids: Option<Vec<u32>> = text::lines(bytes).map(text::small).collect();
    pids.map(|mut pids| {
        pids.retain(|pid| *pid != 0);
        pids
    })
}

/// `cpu.stat`.
pub(super) fn cpu_stat(bytes: &[u8]) -> Option<CpuStat> {
    let mut stat = CpuStat::default();
    for (key, value) in pairs(bytes) {
        match key {
            b"usage_usec" => stat.usage_usec = text::number(value),
            b"user_usec" => stat.user_usec = text::number(value),
            b"system_usec" => stat.system_usec = text::number(value),
            b"nr_periods" => stat.nr_periods = text::number(value),
            b"nr_throttled" => stat.nr_throttled = text::number(value),
            b"throttled_usec" => stat.throttled_usec = text::number(value),
            _ => {}
        }
    }
    (stat != CpuStat::default()).then_some(stat)
}

/// `cpu.max`: `$MAX $PERIOD`.
pub(super) fn cpu_max(bytes: &[u8]) -> Option<CpuMax> {
    let mut fields = text::fields(bytes);
    let quota_usec = match fields.next()? {
        b"max" => None,
        quota => Some(text::number(quota)?),
    };
    Some(CpuMax { quota_usec, period_usec: text::number(fields.next()?)? })
}

/// `memory.events` and `memory.events.local`.
pub(super) fn memory_events(bytes: &[u8]) -> Option<MemoryEvents> {
    let mut events = MemoryEvents::default();
    for (key, value) in pairs(bytes) {
        match key {
            b"low" => events.low = text::number(value),
            b"high" => events.high = text::number(value),
            b"max" => events.max = text::number(value),
            b"oom" => events.oom = text::number(value),
            b"oom_kill" => events.oom_kill = text::number(value),
            b"oom_group_kill" => events.oom_group_kill = text::number(value),
            _ => {}
        }
    }
    (events != MemoryEvents::default()).then_some(events)
}

/// `memory.stat`.
pub(super) fn memory_stat(bytes: &[u8]) -> Option<MemoryStat> {
    let mut stat = MemoryStat::default();
    for (key, value) in pairs(bytes) {
        match key {
            b"anon" => stat.anon_bytes = text::number(value),
            b"file" => stat.file_bytes = text::number(value),
            b"kernel" => stat.kernel_bytes = text::number(value),
            b"shmem" => stat.shmem_bytes = text::number(value),
            b"slab" => stat.slab_bytes = text::number(value),
            b"pgmajfault" => stat.pgmajfault = text::number(value),
            _ => {}
        }
    }
    (stat != MemoryStat::default()).then_some(stat)
}

/// `io.stat`: a line per device, `8:0 rbytes=1 wbytes=2 ...`, added up. No line is no I/O yet.
///
/// Some kernels print the number of a device without figures before that of the next one on the
/// same line. One figure that is none makes the sum unknown.
pub(super) fn io_stat(bytes: &[u8]) -> Option<IoStat> {
    let mut sum = IoStat::default();
    for field in text::fields(bytes) {
        let Some((key, value)) = text::split_once(field, b'=') else { continue };
        let figure = match key {
            b"rbytes" => &mut sum.read_bytes,
            b"wbytes" => &mut sum.write_bytes,
            b"rios" => &mut sum.reads,
            b"wios" => &mut sum.writes,
            b"dbytes" => &mut sum.discarded_bytes,
            b"dios" => &mut sum.discards,
            _ => continue,
        };
        *figure = figure.checked_add(text::number(value)?)?;
    }
    Some(sum)
}

/// `pids.events`.
pub(super) fn pids_events(bytes: &[u8]) -> Option<PidsEvents> {
    let (_, max) = pairs(bytes).find(|(key, _)| *key == b"max")?;
    Some(PidsEvents { max: text::number(max)? })
}

/// Lines of `key value`.
fn pairs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text::lines(bytes).filter_map(|line| text::split_once(line, b' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_values() {
        assert_eq!(value(b"4096\n"), Some(4096));
        assert_eq!(value(b"0\n"), Some(0));
        for none in [&b"max\n"[..], b"", b"\n", b"-1\n", b"18446744073709551616\n"] {
            assert_eq!(value(none), None);
        }
    }

    #[test]
    fn processes_of_other_namespaces_are_left_out() {
        assert_eq!(procs(b"1\n0\n4194304\n"), Some(vec![1, 4_194_304]));
        assert_eq!(procs(b""), Some(vec![]));
        assert_eq!(procs(b"1\n-2\n"), None);
    }

    #[test]
    fn cpu_with_and_without_the_controller() {
        let plain = cpu_stat(b"usage_usec 30\nuser_usec 10\nsystem_usec 20\n").unwrap();
        assert_eq!(plain.usage_usec, Some(30));
        assert_eq!(plain.nr_throttled, None);
        let full = cpu_stat(
            b"usage_usec 30\nuser_usec 10\nsystem_usec 20\nnice_usec 0\ncore_sched.force_idle_usec 0\n\
              nr_periods 9\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n",
        )
        .unwrap();
        assert_eq!(full.nr_periods, Some(9));
        assert_eq!(full.nr_throttled, Some(0));
        assert_eq!(cpu_stat(b""), None);
        assert_eq!(cpu_stat(b"usage_usec -1\n"), None);
    }

    #[test]
    fn cpu_limits() {
        assert_eq!(
            cpu_max(b"max 100000\n"),
            Some(CpuMax { quota_usec: None, period_usec: 100_000 })
        );
        assert_eq!(
            cpu_max(b"20000 100000\n"),
            Some(CpuMax { quota_usec: Some(20_000), period_usec: 100_000 })
        );
        assert_eq!(cpu_max(b"20000\n"), None);
        assert_eq!(cpu_max(b"-5 100000\n"), None);
    }

    #[test]
    fn memory_events_of_old_kernels() {
        let old = memory_events(b"low 0\nhigh 3\nmax 0\noom 1\noom_kill 1\n").unwrap();
        assert_eq!((old.high, old.oom_kill, old.oom_group_kill), (Some(3), Some(1), None));
        let new = memory_events(b"low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
        assert_eq!(new.unwrap().oom_group_kill, Some(0));
        assert_eq!(memory_events(b""), None);
    }

    #[test]
    fn memory_parts() {
        let stat =
            memory_stat(b"anon 5\nfile 6\nkernel_stack 7\npgfault 8\npgmajfault 9\n").unwrap();
        assert_eq!(
            (stat.anon_bytes, stat.file_bytes, stat.pgmajfault),
            (Some(5), Some(6), Some(9))
        );
        assert_eq!(stat.kernel_bytes, None);
    }

    #[test]
    fn every_device_counts() {
        let io = io_stat(
            b"254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n\
              7:1 7:0 8:16 rbytes=1 wbytes=1 rios=1 wios=1 dbytes=1 dios=1 cost.usage=5\n",
        )
        .unwrap();
        assert_eq!(
            io,
            IoStat {
                read_bytes: 4097,
                write_bytes: 8193,
                reads: 2,
                writes: 3,
                discarded_bytes: 1,
                discards: 1
            }
        );
        assert_eq!(io_stat(b""), Some(IoStat::default()));
    }

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown() {
        assert_eq!(io_stat(b"8:0 rbytes=-1 wbytes=2\n"), None);
        assert_eq!(io_stat(b"8:0 rbytes=18446744073709551615\n8:1 rbytes=1\n"), None);
    }

    #[test]
    fn forks_refused() {
        assert_eq!(pids_events(b"max 3\n"), Some(PidsEvents { max: 3 }));
        assert_eq!(pids_events(b"max\n"), None);
        assert_eq!(pids_events(b""), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(
            bytes: Vec<u8>,
            words in "((usage_usec|anon|max|rbytes|8:0)[ =][0-9max-]{0,22}[ \n]){0,6}",
        ) {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let _ = (value(bytes), procs(bytes), cpu_stat(bytes), cpu_max(bytes));
                let _ = (memory_events(bytes), memory_stat(bytes), io_stat(bytes), pids_events(bytes));
            }
        }
    }
}

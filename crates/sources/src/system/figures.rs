//! Small files of the whole host, `proc(5)`: memory, load, swap, file handles, CPUs.

use sysdiag_model::Probe;
use sysdiag_model::snapshot::{FileHandles, LoadAverage, MemoryInfo, SwapArea};

use crate::{Root, file, gap, mountinfo, text};

/// Longer than any of these files.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// One file through its parser.
pub(super) fn read<T>(
    root: &Root,
    what: &str,
    path: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Probe<T> {
    gap::parsed(what, path, file::read(root, path, MAX_BYTES), parse)
}

/// `/sys/devices/system/cpu/online`.
pub(super) fn cpus_online(root: &Root) -> Option<u32> {
    let bytes = file::read(root, "/sys/devices/system/cpu/online", MAX_BYTES).ok()?;
    count_of_list(&bytes)
}

/// How many numbers are in a list like `0-3,8`.
fn count_of_list(bytes: &[u8]) -> Option<u32> {
    let list = text::single(bytes)?;
    list.split(|byte| *byte == b',').try_fold(0_u32, |count, part| {
        let (first, last) = text::split_once(part, b'-').unwrap_or((part, part));
        let (first, last) = (text::small(first)?, text::small(last)?);
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// `/proc/meminfo`. `None`: not even the total is there.
pub(super) fn memory(bytes: &[u8]) -> Option<MemoryInfo> {
    let (mut total, mut free) = (None, None);
    let mut info = MemoryInfo {
        total_bytes: 0,
        free_bytes: 0,
        available_bytes: None,
        buffers_bytes: None,
        cached_bytes: None,
        shmem_bytes: None,
        slab_unreclaimable_bytes: None,
        dirty_bytes: None,
        writeback_bytes: None,
        swap_total_bytes: None,
        swap_free_bytes: None,
        committed_bytes: None,
        commit_limit_bytes: None,
    };
    for line in text::lines(bytes) {
        let Some((key, value)) = text::split_once(line, b':') else { continue };
        let field = match key {
            b"MemTotal" => &mut total,
            b"MemFree" => &mut free,
            b"MemAvailable" => &mut info.available_bytes,
            b"Buffers" => &mut info.buffers_bytes,
            b"Cached" => &mut info.cached_bytes,
            b"Shmem" => &mut info.shmem_bytes,
            b"SUnreclaim" => &mut info.slab_unreclaimable_bytes,
            b"Dirty" => &mut info.dirty_bytes,
            b"Writeback" => &mut info.writeback_bytes,
            b"SwapTotal" => &mut info.swap_total_bytes,
            b"SwapFree" => &mut info.swap_free_bytes,
            b"Committed_AS" => &mut info.committed_bytes,
            b"CommitLimit" => &mut info.commit_limit_bytes,
            _ => continue,
        };
        *field = kibibytes(value);
    }
    Some(MemoryInfo { total_bytes: total?, free_bytes: free?, ..info })
}

/// `   1234 kB`, in bytes.
pub(crate) fn kibibytes(value: &[u8]) -> Option<u64> {
    text::number(text::fields(value).next()?)?.checked_mul(1024)
}

/// `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`.
pub(super) fn load(bytes: &[u8]) -> Option<LoadAverage> {
    let mut fields = text::fields(bytes);
    let mut average = || text::decimal(fields.next()?);
    let (one, five, fifteen) = (average()?, average()?, average()?);
    let (runnable, threads) = text::split_once(fields.next()?, b'/')?;
    let (runnable, threads) = (text::small(runnable)?, text::small(threads)?);
    Some(LoadAverage { one, five, fifteen, runnable, threads })
}

/// `/proc/swaps`: a head line, then `path type size used priority` in KiB.
pub(super) fn swaps(bytes: &[u8]) -> Option<Vec<SwapArea>> {
    text::lines(bytes).skip(1).map(swap).collect()
}

fn swap(line: &[u8]) -> Option<SwapArea> {
    let mut fields = text::fields(line);
    let path = text::string(&mountinfo::unescape(fields.next()?));
    let mut fields = fields.skip(1);
    let size_bytes = kibibytes(fields.next()?)?;
    let used_bytes = kibibytes(fields.next()?)?;
    let priority = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some(SwapArea { path, size_bytes, used_bytes, priority })
}

/// `/proc/sys/fs/file-nr`: allocated, free (always 0), maximum.
pub(super) fn file_handles(bytes: &[u8]) -> Option<FileHandles> {
    let mut fields = text::fields(bytes).map(text::number);
    let (allocated, _, max) = (fields.next()??, fields.next()??, fields.next()??);
    Some(FileHandles { allocated, max })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_in_bytes() {
        let info =
            memory(b"MemTotal:  2048 kB\nMemFree:  1024 kB\nHugePages_Total: 0\nDirty: 4 kB\n");
        let info = info.unwrap();
        assert_eq!((info.total_bytes, info.free_bytes), (2_097_152, 1_048_576));
        assert_eq!(info.dirty_bytes, Some(4096));
        assert_eq!(info.swap_total_bytes, None, "a kernel without swap has no such line");
        assert_eq!(memory(b"MemTotal: x kB\nMemFree: 1 kB\n"), None);
        assert_eq!(memory(b""), None);
    }

    #[test]
    fn loads() {
        let load_average = load(b"0.20 1.18 12.12 3/80 11206\n").unwrap();
        assert!((load_average.fifteen - 12.12).abs() < 1e-9);
        assert_eq!((load_average.runnable, load_average.threads), (3, 80));
        assert_eq!(load(b"0.20 0.18 0.12\n"), None);
        assert_eq!(load(b"-1 0.18 0.12 1/2 3\n"), None);
    }

    #[test]
    fn swap_areas() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(swaps(head.as_bytes()), Some(vec![]));
        let areas = swaps(
            format!(
                "{head}/swap\\040file   file\t\t1024\t\t4\t\t-2\n/dev/zram0 partition 8 0 100\n"
            )
            .as_bytes(),
        )
        .unwrap();
        assert_eq!(areas[0].path, "/swap file");
        assert_eq!(
            (areas[0].size_bytes, areas[0].used_bytes, areas[0].priority),
            (1 << 20, 4096, -2)
        );
        assert_eq!(areas[1].priority, 100);
        assert_eq!(swaps(format!("{head}/x file 1\n").as_bytes()), None);
    }

    #[test]
    fn handles() {
        assert_eq!(
            file_handles(b"1184\t0\t9223372036854775807\n"),
            Some(FileHandles { allocated: 1184, max: 9_223_372_036_854_775_807 })
        );
        assert_eq!(file_handles(b"1184\n"), None);
    }

    #[test]
    fn lists_of_cpus() {
        for (list, count) in
            [("0-3", Some(4)), ("0", Some(1)), ("0-1,4,6-7\n", Some(5)), ("3-1", None), ("", None)]
        {
            assert_eq!(count_of_list(list.as_bytes()), count, "{list}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "((MemTotal|MemFree):? ?)?([0-9/,. \t\n-]{0,24})") {
            for bytes in [bytes.as_slice(), words.as_bytes()] {
                let _ = (memory(bytes), load(bytes), swaps(bytes), file_handles(bytes));
                let _ = count_of_list(bytes);
            }
        }
    }
}

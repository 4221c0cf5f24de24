//! `/proc/diskstats`, `Documentation/admin-guide/iostats.rst`: whole disks only, because what goes
//! through a partition is counted for its disk, too.

use std::collections::HashSet;

use sysdiag_model::snapshot::DiskCounters;

use crate::text;

/// The unit of `/proc/diskstats`, whatever the disk's own sector is.
const SECTOR_BYTES: u64 = 512;
/// Hosts with more are read in part.
const MAX_DISKS: usize = 10_000;

/// The disks; loop, RAM and compressed-RAM devices only if they were ever used.
pub(super) fn parse(bytes: &[u8]) -> Vec<DiskCounters> {
    let mut names: HashSet<&[u8]> = HashSet::new();
    let mut disks = Vec::new();
    for line in text::lines(bytes).take(MAX_DISKS) {
        let mut fields = text::fields(line).skip(2);
        let Some(name) = fields.next() else { continue };
        if disk_of_partition(name).is_some_and(|disk| names.contains(disk)) {
            continue;
        }
        names.insert(name);
        let Some(disk) = counters(name, fields) else { continue };
        let virtual_disk =
            [&b"loop"[..], b"ram", b"zram"].iter().any(|kind| name.starts_with(kind));
        if !virtual_disk || disk.reads > 0 || disk.writes > 0 {
            disks.push(disk);
        }
    }
    disks
}

fn counters<'a>(name: &[u8], fields: impl Iterator<Item = &'a [u8]>) -> Option<DiskCounters> {
    let mut fields = fields.map(text::number);
    // Columns 4 to 13; the merges and the time of reads and writes are not used.
    let (reads, _, sectors_read, _) =
        (fields.next()??, fields.next()??, fields.next()??, fields.next()??);
    let (writes, _, sectors_written, _) =
        (fields.next()??, fields.next()??, fields.next()??, fields.next()??);
    let (_, busy_msec) = (fields.next()??, fields.next()??);
    Some(DiskCounters {
        name: text::string(name),
        reads,
        read_bytes: sectors_read.checked_mul(SECTOR_BYTES)?,
        writes,
        write_bytes: sectors_written.checked_mul(SECTOR_BYTES)?,
        busy_msec,
    })
}

/// The disk that a partition of this name would be on. The kernel names partitions by adding a
/// number to the disk's name, behind a `p` if that ends in a digit; disks come before theirs.
fn disk_of_partition(name: &[u8]) -> Option<&[u8]> {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let stem = name.get(..name.len() - digits).filter(|_| digits > 0)?;
    match stem {
        [disk @ .., b'p'] if disk.last().is_some_and(u8::is_ascii_digit) => Some(disk),
        disk => Some(disk),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        parse(text.as_bytes()).into_iter().map(|disk| disk.name).collect()
    }

    #[test]
    fn sectors_are_512_bytes() {
        let disks = parse(b" 254  0 vda 10 1 16 5 20 2 32 6 0 77 11 0 0 0 0 3 1\n");
        assert_eq!(
            disks,
            [DiskCounters {
                name: "vda".to_owned(),
                reads: 10,
                read_bytes: 8192,
                writes: 20,
                write_bytes: 16384,
                busy_msec: 77
            }]
        );
    }

    #[test]
    fn partitions_are_left_out() {
        let lines: Vec<_> = [
            "sda",
            "sda1",
            "sda12",
            "nvme0n1",
            "nvme0n1p1",
            "mmcblk0",
            "mmcblk0boot0",
            "mmcblk0p2",
            "dm-1",
            "dm-11",
            "md0",
            "md0p1",
            "xvda1",
            "sr0",
            "loop7",
        ]
        .iter()
        .map(|name| format!("8 0 {name} 1 0 1 0 1 0 1 0 0 1 1\n"))
        .collect();
        let text = lines.concat();
        assert_eq!(
            names(&text),
            [
                "sda",
                "nvme0n1",
                "mmcblk0",
                "mmcblk0boot0",
                "dm-1",
                "dm-11",
                "md0",
                "xvda1",
                "sr0",
                "loop7"
            ]
        );
    }

    #[test]
    fn unused_loop_devices_are_no_disks() {
        let text = "7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n1 0 ram0 0 0 0 0 0 0 0 0 0 0 0\n8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n";
        assert_eq!(names(text), ["sda"]);
    }

    #[test]
    fn damaged_lines_are_left_out() {
        assert_eq!(names("8 0 sda 1 0 1\n8 16 sdb 1 0 x 0 1 0 1 0 0 1 1\n8\n\n"), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "([0-9]{1,20} [a-z0-9]{0,4} ?){0,30}") {
            let _ = parse(&bytes);
            let _ = parse(words.as_bytes());
        }
    }
}

//! The kernel's ring buffer, where there is no journal: what the kernel itself said, as far back as the
//! buffer goes (`/dev/kmsg`, `Documentation/ABI/testing/dev-kmsg`).
//!
//! Programs can write there, too, but not as the kernel (facility 0): what they wrote is left out.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use sysdiag_logs::templates::{Miner, Seen, Settings};
use sysdiag_logs::{Catalogue, Event, Folder};
use sysdiag_model::snapshot::{JournalDigest, LogDigest, LogTemplates};
use sysdiag_model::{BootId, Gap, Timestamp, Why};

use super::now;
use crate::mask::mask_text;
use crate::{LogOptions, Root, gap};

const KMSG: &str = "/dev/kmsg";
/// Records that are read at most: the buffer is some hundred KiB large, a record 40 bytes at least.
const MOST_RECORDS: usize = 200_000;
/// A read gives one record, which is no longer than this (`CONSOLE_EXT_LOG_MAX`).
const RECORD: usize = 8192;

/// One message of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// 0..=7.
    pub(super) priority: u8,
    /// On the clock `CLOCK_MONOTONIC`, in microseconds since the boot.
    pub(super) monotonic_usec: u64,
    /// Without the escapes of what is not printable.
    pub(super) message: Vec<u8>,
}

/// A record of `/dev/kmsg`: `priority,sequence,usec,flags;message`, then lines that begin with a blank.
/// None: it is not one, or not of the kernel itself.
pub(super) fn parse(record: &[u8]) -> Option<Record> {
    let at = record.iter().position(|byte| *byte == b';')?;
    let (head, message) = record.split_at_checked(at)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut numbers = head.split(',').map(str::parse::<u64>);
    let prefix = numbers.next()?.ok()?;
    let monotonic_usec = numbers.nth(1)?.ok()?;
    // The facility stands above the three bits of the priority.
    if prefix >> 3 != 0 {
        return None;
    }
    let line = message.get(1..)?.split(|byte| *byte == b'\n').next()?;
    let priority = u8::try_from(prefix & 7).ok()?;
    Some(Record { priority, monotonic_usec, message: plain(line).into_owned() })
}

/// `\x1b` back to the byte it stands for.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = rest.strip_prefix(b"\\x").and_then(|hex| {
            let digits = std::str::from_utf8(hex.get(..2)?).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, hex.get(2..)?))
        });
        let (byte, after) = escaped.unwrap_or((*byte, after));
        plain.push(byte);
        rest = after;
    }
    Cow::Owned(plain)
}

/// Reads what the buffer holds now.
fn read(root: &Root) -> io::Result<(Vec<Record>, bool)> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(root.path(KMSG))?;
    // In a container it may be a pipe, of which nothing can be read: that is not an empty buffer.
    if !file.metadata()?.file_type().is_char_device() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut records = Vec::new();
    let mut lost = false;
    let mut buffer = vec![0; RECORD];
    for _ in 0..MOST_RECORDS {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => records.extend(buffer.get(..length).and_then(parse)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // Overwritten before it was read: the next read goes on with the oldest that is there.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PIPE) => lost = true,
            Err(error) => return Err(error),
        }
    }
    Ok((records, lost))
}

/// The digest of the ring buffer, in the place of a journal that is not there for the reason `why`.
pub(super) fn digest(
    root: &Root,
    options: &LogOptions,
    boot_id: Option<BootId>,
) -> Result<(JournalDigest, Vec<Gap>), Gap> {
    let what = "kernel ring buffer";
    let (records, lost) = read(root).map_err(|error| gap::from_io(what, &error))?;
    let mut gaps = Vec::new();
    if lost {
        gaps.push(Gap::new(what, Why::Absent, "its oldest messages were overwritten meanwhile"));
    }
    let monotonic = clock_gettime(ClockId::Monotonic);
    let uptime = u64::try_from(monotonic.tv_sec).unwrap_or(0) * 1_000_000
        + u64::try_from(monotonic.tv_nsec).unwrap_or(0) / 1000;
    let (now, begin) = (now(), now().minus_usec(uptime));
    let at = |record: &Record| Timestamp::from_usec(begin.as_usec() + record.monotonic_usec);
    let wanted = |record: &&Record| {
        options.since.is_none_or(|since| at(record) >= since)
            && options.until.is_none_or(|until| at(record) <= until)
    };
    let records: Vec<&Record> = records.iter().filter(wanted).collect();
    let mut by_priority = [0; 8];
    for record in &records {
        if let Some(count) = by_priority.get_mut(usize::from(record.priority)) {
            *count += 1;
        }
    }
    let patterns = match Catalogue::with(options.patterns.clone()) {
        Ok(catalogue) => {
            let mut folder = Folder::new(&catalogue);
            let mut candidates = Vec::new();
            for record in &records {
                candidates.clear();
                catalogue.candidates(&record.message, &mut candidates);
                let event = Event {
                    monotonic_usec: Some(record.monotonic_usec),
                    priority: Some(record.priority),
                    boot_id,
                    ..Event::of_kernel(at(record).as_usec(), &record.message)
                };
                folder.push(&event, &candidates);
            }
            Some(folder.finish_masked(&|text| mask_text(text).into_owned()))
        }
        Err(error) => {
            gaps.push(Gap::new("messages known to be bad", Why::Malformed, error.to_string()));
            None
        }
    };
    let known = &options.baseline.templates;
    let mut miner = Miner::with_known(Settings::default(), Some(now), known);
    for record in &records {
        let seen = Seen { count: 1, first: at(record), last: at(record) };
        let text = String::from_utf8_lossy(&record.message);
        miner.add("kernel", record.priority, &text, seen);
    }
    let mined = miner.finish();
    let mut templates = mined.templates;
    for template in &mut templates {
        template.text = mask_text(&template.text).into_owned();
    }
    let since = records.first().map_or(begin, |record| at(record));
    let logs = LogDigest {
        entries: records.len() as u64,
        by_priority,
        max_priority: options.max_priority.min(7),
        groups: Vec::new(),
        entries_not_grouped: 0,
        patterns,
        templates: Some(LogTemplates {
            boot_id,
            since,
            until: now,
            // What came first may have been overwritten.
            from_boot: false,
            entries: mined.entries,
            templates,
            dropped_templates: mined.dropped_templates,
            dropped_entries: mined.dropped_entries,
            suppressed: std::collections::BTreeMap::new(),
        }),
    };
    let digest = JournalDigest {
        boot_id,
        since: options.since,
        until: options.until,
        unit_events: Vec::new(),
        broken_cycles: Vec::new(),
        previous_boot: None,
        recent: std::collections::BTreeMap::new(),
        logs: Some(logs),
        earlier_boots: Vec::new(),
    };
    Ok((digest, gaps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_kernel_is_read_and_one_of_a_program_is_not() {
        let record =
            parse(b"3,812,5140900,-;I/O error, dev sda\\x09x; sector 8\n SUBSYSTEM=block\n");
        assert_eq!(
            record,
            Some(Record {
                priority: 3,
                monotonic_usec: 5_140_900,
                message: b"I/O error, dev sda\tx; sector 8".to_vec(),
            })
        );
        // Facility 1: what a program writes.
        assert_eq!(parse(b"11,813,5140901,-;Out of memory: Killed process 1 (x)\n"), None);
        for broken in ["", ";", "x,1,2;y", "6,1;y", "6;y", "6,1,2,-"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn an_escape_that_is_none_stays() {
        for (text, expected) in
            [("a\\x1bb", "a\u{1b}b"), ("\\x", "\\x"), ("\\xzz", "\\xzz"), ("\\\\", "\\\\")]
        {
            assert_eq!(plain(text.as_bytes()).as_ref(), expected.as_bytes());
        }
    }
}

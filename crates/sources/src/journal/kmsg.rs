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
use sysdiag_model::snapshot::{JournalDigest, LogDigest, LogLine, LogTemplates};
use sysdiag_model::{BootId, Gap, Timestamp, Why};

use super::examples::{self, Places};
use super::{line, now};
use crate::mask::mask_text;
use crate::{LogOptions, Root, gap};

const KMSG: &str = "/dev/kmsg";
/// Records that are read at most: the buffer is some hundred KiB large, a record 40 bytes at least.
const MOST_RECORDS: usize = 200_000;
/// A read gives one record, which is no longer than this (`CONSOLE_EXT_LOG_MAX`).
const RECORD: usize = 8192;

/// One message in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Who wrote it: 0 is the kernel, which a program cannot claim to be.
    facility: u64,
    /// 0..=7.
    pub(super) priority: u8,
    /// Its number since the boot, from 0.
    sequence: u64,
    /// On the clock `CLOCK_MONOTONIC`, in microseconds since the boot.
    pub(super) monotonic_usec: u64,
    /// Without the escapes of what is not printable.
    pub(super) message: Vec<u8>,
}

/// A record of `/dev/kmsg`: `priority,sequence,usec,flags;message`, then lines that begin with a blank.
/// None: it is not one.
pub(super) fn parse(record: &[u8]) -> Option<Record> {
    let at = record.iter().position(|byte| *byte == b';')?;
    let (head, message) = record.split_at_checked(at)?;
    let head = std::str::from_utf8(head).ok()?;
    let mut numbers = head.split(',').map(|number| number.parse::<u64>().ok());
    let (prefix, sequence) = (numbers.next()??, numbers.next()??);
    let monotonic_usec = numbers.next()??;
    let line = message.get(1..)?.split(|byte| *byte == b'\n').next()?;
    Some(Record {
        // It stands above the three bits of the priority.
        facility: prefix >> 3,
        priority: u8::try_from(prefix & 7).ok()?,
        sequence,
        monotonic_usec,
        message: plain(line).into_owned(),
    })
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

/// What the buffer held when it was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Buffer {
    /// The kernel's own messages.
    records: Vec<Record>,
    /// The number of the next message, of whoever.
    next: u64,
    /// Messages that were overwritten before they could be read.
    overwritten: u64,
}

impl Buffer {
    fn add(&mut self, record: Record) {
        self.overwritten += record.sequence.saturating_sub(self.next);
        self.next = record.sequence.saturating_add(1);
        if record.facility == 0 {
            self.records.push(record);
        }
    }
}

/// Reads what the buffer holds now, without waiting for more.
fn read(root: &Root) -> io::Result<Buffer> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(root.path(KMSG))?;
    // In a container it may be a pipe, of which nothing can be read: that is not an empty buffer.
    if !file.metadata()?.file_type().is_char_device() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "/dev/kmsg is no device here"));
    }
    let mut held = Buffer::default();
    let mut buffer = vec![0; RECORD];
    for _ in 0..MOST_RECORDS {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                if let Some(record) = buffer.get(..length).and_then(parse) {
                    held.add(record);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Overwritten before it was read: the next read goes on with the oldest that is there.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PIPE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}

/// The digest of the ring buffer, in the place of a journal that is not there for the reason `why`.
pub(super) fn digest(
    root: &Root,
    options: &LogOptions,
    boot_id: Option<BootId>,
) -> Result<(JournalDigest, Vec<Gap>), Gap> {
    let what = "kernel ring buffer";
    let Buffer { records, overwritten, .. } =
        read(root).map_err(|error| gap::from_io(what, &error))?;
    let mut gaps = Vec::new();
    if overwritten > 0 {
        let hint = format!("{overwritten} messages of this boot were overwritten by later ones");
        gaps.push(Gap::new(what, Why::Absent, hint));
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
    let history = &options.baseline.messages;
    let mut miner = Miner::with_known(Settings::default(), Some(now), &history.known());
    for (place, record) in (0..).zip(&records) {
        let seen = Seen { count: 1, first: at(record), last: at(record), place, unit: None };
        let text = String::from_utf8_lossy(&record.message);
        miner.add("kernel", record.priority, &text, seen);
    }
    let mined = miner.finish();
    let mut templates = mined.templates;
    for template in &mut templates {
        template.text = mask_text(&template.text).into_owned();
    }
    let since = records.first().map_or(begin, |record| at(record));
    let mut templates = LogTemplates {
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
        known_bad: Vec::new(),
    };
    let places = Places { whence: mined.whence, units: Vec::new() };
    let line_at = |place| {
        let record: &Record = records.get(usize::try_from(place).ok()?)?;
        Some(LogLine {
            time: at(record),
            level: line::level(record.priority),
            identifier: Some("kernel".to_owned()),
            pid: None,
            message: line::message(&record.message),
            cursor: None,
            errno: None,
        })
    };
    examples::add(&mut templates, &places, &[], history, line_at);
    let logs = LogDigest {
        entries: records.len() as u64,
        by_priority,
        max_priority: options.max_priority.min(7),
        groups: Vec::new(),
        entries_not_grouped: 0,
        patterns,
        templates: Some(templates),
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
    fn a_record_is_read() {
        let record =
            parse(b"3,812,5140900,-;I/O error, dev sda\\x09x; sector 8\n SUBSYSTEM=block\n");
        assert_eq!(
            record,
            Some(Record {
                facility: 0,
                priority: 3,
                sequence: 812,
                monotonic_usec: 5_140_900,
                message: b"I/O error, dev sda\tx; sector 8".to_vec(),
            })
        );
        for broken in ["", ";", "x,1,2;y", "6,1;y", "6;y", "6,1,2,-"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn what_a_program_wrote_is_left_out_and_what_was_overwritten_is_counted() {
        let mut buffer = Buffer::default();
        for record in [
            "6,40,1,-;Linux version 6.1.0\n",
            // Facility 1: what a program writes.
            "10,41,2,-;Out of memory: Killed process 1 (x)\n",
            // Others came between, and were overwritten while the buffer was read.
            "4,52,3,-;e2e: segfault\n",
        ] {
            buffer.add(parse(record.as_bytes()).unwrap());
        }
        assert_eq!((buffer.overwritten, buffer.next), (40 + 10, 53));
        let messages: Vec<_> = buffer.records.iter().map(|record| record.sequence).collect();
        assert_eq!(messages, [40, 52]);
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

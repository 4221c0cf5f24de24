//! What every peer is asked, and what it answers: the same line from all, or the benchmark is void.

mod patterns;

use std::collections::HashMap;
use std::fmt::Write as _;

pub use patterns::{Hits, Texts};

/// The fields of a task that reads fields, in this order.
pub const FIELDS: [&str; 3] = ["PRIORITY", "_SYSTEMD_UNIT", "MESSAGE"];
/// The priorities of warnings and worse.
pub const WARNINGS: [&str; 5] = ["0", "1", "2", "3", "4"];

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// How many entries each priority has.
    Counts,
    /// Three fields of the warnings and worse.
    Warnings,
    /// How often each message was logged in one boot.
    Messages,
    /// How many entries of one boot each pattern of the catalogue of known-bad messages means.
    Catalogue,
    /// Three fields of everything.
    Scan,
}

/// `PROGRAM TASK DIRECTORY BOOT`.
pub struct Arguments {
    /// What to do.
    pub task: Task,
    /// Where the journal is.
    pub directory: String,
    /// 32 hexadecimal digits: the boot of `Messages` and `Catalogue`.
    pub boot: String,
}

impl Arguments {
    /// Those of this process.
    pub fn parse() -> Self {
        let mut arguments = std::env::args().skip(1);
        let task = match arguments.next().as_deref() {
            Some("counts") => Task::Counts,
            Some("warnings") => Task::Warnings,
            Some("messages") => Task::Messages,
            Some("catalogue") => Task::Catalogue,
            Some("scan") => Task::Scan,
            other => panic!("no task {other:?} (counts, warnings, messages, catalogue, scan)"),
        };
        let directory = arguments.next().expect("a directory");
        Self { task, directory, boot: arguments.next().unwrap_or_default() }
    }
}

/// The answer to `Warnings` and `Scan`: entries, and a sum over what was read that is the same in any order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    entries: u64,
    fields: u64,
    bytes: u64,
    mixed: u64,
}

impl Sum {
    /// One more entry.
    pub fn entry(&mut self) {
        self.entries += 1;
    }

    /// One of its fields: `index` in `FIELDS`. Reads both ends of the value, so that no peer gets
    /// away with a length; not all of it, so that the time is the reader's.
    pub fn field(&mut self, index: usize, value: &[u8]) {
        self.fields += 1;
        self.bytes += value.len() as u64;
        let word = |bytes: Option<&[u8]>| {
            bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
        };
        let first = match value.first_chunk::<8>() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => value.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        };
        let last = word(value.len().checked_sub(8).and_then(|at| value.get(at..)));
        self.mixed = self.mixed.wrapping_add(
            (first ^ last.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15 + 2 * index as u64),
        );
    }

    /// The answer.
    pub fn line(&self) -> String {
        format!(
            "{} entries, {} fields, {} bytes, {:016x}",
            self.entries, self.fields, self.bytes, self.mixed
        )
    }
}

/// The answer to `Counts`.
pub fn counts_line(mut counts: Vec<(String, u64)>) -> String {
    counts.sort();
    counts.iter().fold(String::new(), |mut line, (priority, count)| {
        let _ = write!(line, "{priority}: {count} ");
        line
    })
}

/// The answer to `Messages`.
pub fn messages_line<'a>(messages: impl IntoIterator<Item = (&'a [u8], u64)>) -> String {
    let (mut distinct, mut sum) = (0_u64, Sum::default());
    let mut entries = 0_u64;
    for (message, count) in messages {
        distinct += 1;
        entries += count;
        sum.field(0, message);
        sum.field(1, &(count ^ message.len() as u64).to_le_bytes());
    }
    format!("{distinct} distinct of {entries}, {}", sum.line())
}

/// Messages and how often they came, for peers that do not count themselves.
#[derive(Default)]
pub struct Counter(HashMap<Vec<u8>, u64>);

impl Counter {
    /// One more.
    pub fn add(&mut self, message: &[u8]) {
        match self.0.get_mut(message) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(message.to_vec(), 1);
            }
        }
    }

    /// The answer.
    pub fn line(&self) -> String {
        messages_line(self.0.iter().map(|(message, count)| (message.as_slice(), *count)))
    }
}

/// Says what it cost beside the answer: anonymous and file pages now, and the most of both (KiB).
pub fn done(answer: &str) {
    println!("{answer}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cost: Vec<&str> = status
        .lines()
        .filter(|line| ["VmHWM", "RssAnon", "RssFile"].iter().any(|name| line.starts_with(name)))
        .collect();
    eprintln!("{}", cost.join(" ").replace('\t', " "));
}

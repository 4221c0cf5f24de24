//! The answer in what `journalctl -o json` printed, so that it is known to have read the same:
//! `journalctl ... | from-json TASK -`. Not timed.

use std::collections::BTreeMap;
use std::io::BufRead;

use journal_bench::{Arguments, Counter, FIELDS, Sum, Task, counts_line, done};
use serde_json::Value;

/// A text, or bytes as numbers where it is none.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(numbers) => {
            numbers.iter().map(|n| n.as_u64().and_then(|n| u8::try_from(n).ok())).collect()
        }
        _ => None,
    }
}

fn main() {
    let arguments = Arguments::parse();
    let (mut sum, mut counts, mut messages) =
        (Sum::default(), BTreeMap::<String, u64>::new(), Counter::default());
    for line in std::io::stdin().lock().lines() {
        let entry: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let field = |name: &str| entry.get(name).and_then(bytes);
        match arguments.task {
            Task::Counts => {
                if let Some(priority) = field(FIELDS[0]) {
                    *counts.entry(String::from_utf8_lossy(&priority).into_owned()).or_default() +=
                        1;
                }
            }
            Task::Messages => {
                if let Some(message) = field(FIELDS[2]) {
                    messages.add(&message);
                }
            }
            Task::Warnings | Task::Scan => {
                sum.entry();
                for (index, name) in FIELDS.iter().enumerate() {
                    if let Some(value) = field(name) {
                        sum.field(index, &value);
                    }
                }
            }
        }
    }
    done(&match arguments.task {
        Task::Counts => counts_line(counts.into_iter().collect()),
        Task::Messages => messages.line(),
        Task::Warnings | Task::Scan => sum.line(),
    });
}

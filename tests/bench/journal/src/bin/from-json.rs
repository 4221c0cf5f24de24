//! The answer in what `journalctl -o json` printed, so that it is known to have read the same:
//! `journalctl ... | from-json TASK -`. Not timed, but for the catalogue, where matching is the task.
//! `from-json fields` says which fields that needs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::BufRead;

use journal_bench::{Arguments, Counter, FIELDS, Hits, Sum, Task, Texts, counts_line, done};
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
    if std::env::args().nth(1).as_deref() == Some("fields") {
        println!("{}", Hits::new().fields().into_iter().collect::<Vec<_>>().join(","));
        return;
    }
    let arguments = Arguments::parse();
    let (mut sum, mut counts, mut messages) =
        (Sum::default(), BTreeMap::<String, u64>::new(), Counter::default());
    let (mut hits, mut texts) = (Hits::new(), Texts::default());
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
            Task::Catalogue => {
                let Some(text) = field(FIELDS[2]) else { continue };
                let candidates = texts.candidates(&mut hits, &text);
                let get = |name: &str| field(name).map(Cow::Owned);
                if !candidates.is_empty() {
                    hits.by_text(candidates, get);
                }
                let id = field("MESSAGE_ID").unwrap_or_default();
                let id = String::from_utf8_lossy(&id).to_ascii_lowercase();
                if !hits.catalogue.by_message_id(&id).is_empty() {
                    hits.by_id(get);
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
        Task::Catalogue => hits.line(),
        Task::Warnings | Task::Scan => sum.line(),
    });
}

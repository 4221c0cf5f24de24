//! The peer: the same tasks through the crate `sdjournal`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use journal_bench::{
    Arguments, Counter, FIELDS, Hits, Sum, Task, Texts, WARNINGS, counts_line, done,
};
use sdjournal::{Journal, JournalConfig};

fn main() {
    let arguments = Arguments::parse();
    let config = JournalConfig { allow_mmap_online: true, ..JournalConfig::default() };
    let journal = Journal::open_dir_with_config(&arguments.directory, config).expect("a journal");
    let mut query = journal.query();
    match arguments.task {
        Task::Warnings => {
            for priority in WARNINGS {
                query.or_group(|group| {
                    group.match_exact("PRIORITY", priority.as_bytes());
                });
            }
        }
        Task::Catalogue => return done(&catalogue(&journal, &arguments.boot)),
        Task::Messages => {
            query.match_exact("_BOOT_ID", arguments.boot.as_bytes());
        }
        Task::Counts | Task::Scan => {}
    }
    query.seek_head();
    let (mut sum, mut counts, mut messages) =
        (Sum::default(), BTreeMap::<Vec<u8>, u64>::new(), Counter::default());
    for entry in query.iter().expect("a query") {
        let entry = entry.expect("an entry");
        match arguments.task {
            Task::Counts => {
                if let Some(priority) = entry.get(FIELDS[0]) {
                    match counts.get_mut(priority) {
                        Some(count) => *count += 1,
                        None => _ = counts.insert(priority.to_vec(), 1),
                    }
                }
            }
            Task::Messages => {
                if let Some(message) = entry.get(FIELDS[2]) {
                    messages.add(message);
                }
            }
            Task::Catalogue => {}
            Task::Warnings | Task::Scan => {
                sum.entry();
                for (index, name) in FIELDS.iter().enumerate() {
                    if let Some(value) = entry.get(name) {
                        sum.field(index, value);
                    }
                }
            }
        }
    }
    done(&match arguments.task {
        Task::Counts => counts_line(
            counts
                .iter()
                .map(|(priority, count)| (String::from_utf8_lossy(priority).into_owned(), *count))
                .collect(),
        ),
        Task::Messages => messages.line(),
        Task::Warnings | Task::Catalogue | Task::Scan => sum.line(),
    });
}

fn catalogue(journal: &Journal, boot: &str) -> String {
    let (mut hits, mut texts) = (Hits::new(), Texts::default());
    let mut query = journal.query();
    query.match_exact("_BOOT_ID", boot.as_bytes());
    query.seek_head();
    for entry in query.iter().expect("a query") {
        let entry = entry.expect("an entry");
        let Some(text) = entry.get("MESSAGE") else { continue };
        let candidates = texts.candidates(&mut hits, text);
        if !candidates.is_empty() {
            hits.by_text(candidates, |name| entry.get(name).map(Cow::Borrowed));
        }
    }
    let mut query = journal.query();
    for id in hits.catalogue.message_ids() {
        query.or_group(|group| {
            group.match_exact("_BOOT_ID", boot.as_bytes());
            group.match_exact("MESSAGE_ID", id.as_bytes());
        });
    }
    query.seek_head();
    for entry in query.iter().expect("a query") {
        let entry = entry.expect("an entry");
        hits.by_id(|name| entry.get(name).map(Cow::Borrowed));
    }
    hits.line()
}

//! The reader that is measured.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;

use journal_bench::{
    Arguments, FIELDS, Hits, Sum, Task, WARNINGS, counts_line, done, messages_line,
};
use sysdiag_journal::{Direction, Field, Journal, Match, Options, Select, Window};

fn main() {
    let arguments = Arguments::parse();
    let journal = Journal::open(&[Path::new(&arguments.directory)], &Options::default());
    let window = Window::default();
    let answer = match arguments.task {
        Task::Counts => {
            let values = journal.distinct("PRIORITY", &window, 100).expect("few priorities");
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            counts_line(
                values.into_iter().map(|value| (text(value.value), value.entries)).collect(),
            )
        }
        Task::Warnings => {
            let group = WARNINGS.iter().map(|value| Match::new("PRIORITY", value)).collect();
            fields(&journal, &Select::matching(window, group))
        }
        Task::Messages => {
            let boot = arguments.boot.parse().expect("a boot");
            let window = Window { boot: Some(boot), ..window };
            let values = journal.distinct("MESSAGE", &window, usize::MAX).expect("no bound");
            messages_line(values.iter().map(|value| (value.value.as_slice(), value.entries)))
        }
        Task::Catalogue => {
            let boot = arguments.boot.parse().expect("a boot");
            catalogue(&journal, Window { boot: Some(boot), ..window })
        }
        Task::Scan => fields(&journal, &Select::all(window)),
    };
    assert!(journal.damage().is_empty(), "{:?}", journal.damage());
    done(&answer);
}

fn fields(journal: &Journal, select: &Select) -> String {
    let mut sum = Sum::default();
    journal.columns(select, Direction::Forward, &FIELDS, |row| {
        sum.entry();
        for (index, value) in row.values.iter().enumerate() {
            if let Some(value) = value {
                sum.field(index, value);
            }
        }
        ControlFlow::Continue(())
    });
    sum.line()
}

/// Distinct messages of the boot, as the program has it.
fn catalogue(journal: &Journal, window: Window) -> String {
    let mut hits = Hits::new();
    let mut candidates = Vec::new();
    for file in journal.files() {
        let Some(range) = file.range(&window) else { continue };
        for value in file.values("MESSAGE", range) {
            hits.messages(value.count());
            candidates.clear();
            hits.catalogue.candidates(&value.bytes().expect("a message"), &mut candidates);
            if !candidates.is_empty() {
                value.entries(|entry| {
                    let fields: Vec<Field<'_>> = entry.fields().collect();
                    hits.by_text(&candidates, |name| of(&fields, name));
                    true
                });
            }
        }
    }
    let ids = hits.catalogue.message_ids().map(|id| Match::new("MESSAGE_ID", id)).collect();
    for entry in journal.entries(&Select::matching(window, ids), Direction::Forward) {
        let fields: Vec<Field<'_>> = entry.fields().collect();
        hits.by_id(|name| of(&fields, name));
    }
    hits.line()
}

fn of<'f>(fields: &'f [Field<'_>], name: &str) -> Option<Cow<'f, [u8]>> {
    let field = fields.iter().find(|field| field.name() == name.as_bytes())?;
    Some(Cow::Borrowed(field.value()))
}

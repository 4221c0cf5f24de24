//! The reader that is measured.

use std::ops::ControlFlow;
use std::path::Path;

use journal_bench::{Arguments, FIELDS, Sum, Task, WARNINGS, counts_line, done, messages_line};
use sysdiag_journal::{Direction, Journal, Match, Options, Select, Window};

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

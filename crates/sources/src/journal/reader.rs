//! Entries that match, newest first, from `sysdiag-journal`; what could not be read, as gaps.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use sysdiag_journal::{Cause, Damage, Direction, Field, Id128, Journal, Match as Term, Window};
use sysdiag_model::{BootId, Gap, Timestamp, Why};

use crate::gap;

/// Longest value that is read: one beyond it (a core dump stored in the journal) is left out, with a
/// gap. It bounds the memory that a compressed value takes, which anyone may send.
pub(super) const MAX_VALUE_BYTES: usize = 256 << 10;

/// The readable files of a journal.
pub(super) struct Reader {
    journal: Journal,
}

/// `FIELD=value`.
pub(super) type Match<'a> = (&'static str, &'a str);

/// Which entries: those with every match of `all`, and with every match of one of `any` (of one at
/// least; an empty `any` asks for nothing more).
#[derive(Debug, Default, Clone)]
pub(super) struct Select<'a> {
    pub(super) all: Vec<Match<'a>>,
    pub(super) any: Vec<Vec<Match<'a>>>,
    /// Not before, by the entry's `CLOCK_REALTIME`.
    pub(super) since: Option<Timestamp>,
    /// Not after.
    pub(super) until: Option<Timestamp>,
}

impl Select<'_> {
    /// The same as the journal's library has it. None: a boot was asked for by what is no id.
    fn compile(&self) -> Option<sysdiag_journal::Select> {
        let mut window = Window {
            boot: None,
            since_usec: self.since.map(Timestamp::as_usec),
            until_usec: self.until.map(Timestamp::as_usec),
        };
        let mut all = Vec::new();
        for (field, value) in &self.all {
            if *field == "_BOOT_ID" {
                window.boot = Some(value.parse().ok()?);
            } else {
                all.push(Term::new(field, value));
            }
        }
        let branch = |branch: &Vec<Match<'_>>| {
            let terms = branch.iter().map(|(field, value)| Term::new(field, value));
            all.iter().cloned().chain(terms).collect()
        };
        let groups = match (self.any.is_empty(), all.is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => vec![all],
            _ => self.any.iter().map(branch).collect(),
        };
        Some(sysdiag_journal::Select { window, groups })
    }
}

/// One entry with its fields, which are read when the first of them is asked for.
pub(super) struct Entry<'a> {
    entry: sysdiag_journal::Entry<'a>,
    fields: OnceCell<Vec<Field<'a>>>,
}

impl Reader {
    pub(super) const fn new(journal: Journal) -> Self {
        Self { journal }
    }

    /// The files.
    pub(super) const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Calls `each` with the entries of `select`, newest first, until it breaks, the deadline
    /// passes or there are no more.
    pub(super) fn newest_first(
        &self,
        select: &Select<'_>,
        deadline: Instant,
        faults: &mut Faults,
        mut each: impl FnMut(&Entry<'_>) -> ControlFlow<()>,
    ) {
        let Some(select) = select.compile() else { return };
        for entry in self.journal.entries(&select, Direction::Backward) {
            if Instant::now() >= deadline {
                faults.timed_out = true;
                break;
            }
            if each(&Entry::new(entry)).is_break() {
                break;
            }
        }
        faults.damage = self.damage();
    }

    /// What could not be read of the files that could be opened.
    pub(super) fn damage(&self) -> Vec<Gap> {
        self.damage_of(|_| true)
    }

    /// As [`Reader::damage`], of the files whose paths `fit`.
    pub(super) fn damage_of(&self, fit: impl Fn(&Path) -> bool) -> Vec<Gap> {
        let files = self.journal.files().iter().filter(|file| fit(file.path()));
        damage(files.flat_map(sysdiag_journal::File::damage))
    }
}

impl<'a> Entry<'a> {
    pub(super) const fn new(entry: sysdiag_journal::Entry<'a>) -> Self {
        Self { entry, fields: OnceCell::new() }
    }

    fn fields(&self) -> &[Field<'a>] {
        self.fields.get_or_init(|| self.entry.fields().collect())
    }

    /// The first value of a field, if it is UTF-8.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(field)?).ok()
    }

    /// The first value of a field.
    pub(super) fn bytes(&self, field: &str) -> Option<&[u8]> {
        let found = self.fields().iter().find(|found| found.name() == field.as_bytes());
        found.map(Field::value)
    }

    /// Whether a field has this value.
    pub(super) fn is(&self, field: &str, value: &str) -> bool {
        let (field, value) = (field.as_bytes(), value.as_bytes());
        self.fields().iter().any(|found| found.name() == field && found.value() == value)
    }

    /// When the journal took it in.
    pub(super) const fn received(&self) -> Timestamp {
        Timestamp::from_usec(self.entry.realtime_usec())
    }

    /// When the sender's message came in at the socket (`_SOURCE_REALTIME_TIMESTAMP`, the time
    /// that `journalctl` shows), else when the journal took it in.
    pub(super) fn time(&self) -> Timestamp {
        let source = self.text("_SOURCE_REALTIME_TIMESTAMP").and_then(|text| text.parse().ok());
        source.filter(|usec| *usec != 0).map_or_else(|| self.received(), Timestamp::from_usec)
    }

    /// Its address for `journalctl --cursor`.
    pub(super) fn cursor(&self) -> String {
        self.entry.cursor()
    }
}

/// What went wrong while entries were read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The deadline passed.
    pub(super) timed_out: bool,
    damage: Vec<Gap>,
}

impl Faults {
    /// What they leave unread, as parts of `what`.
    pub(super) fn into_gaps(mut self, what: &str) -> Vec<Gap> {
        let damage = std::mem::take(&mut self.damage);
        self.late(what).into_iter().chain(damage).collect()
    }

    /// That the deadline passed, if it did.
    pub(super) fn late(self, what: &str) -> Vec<Gap> {
        let hint = "only the newest entries were read before the deadline";
        self.timed_out.then(|| Gap::new(what, Why::TimedOut, hint)).into_iter().collect()
    }
}

/// One gap for each file that is damaged, and one for values that are too long.
fn damage(list: impl Iterator<Item = Damage>) -> Vec<Gap> {
    let mut of_files = BTreeMap::<_, (Damage, u64)>::new();
    let mut too_long = 0;
    for damage in list {
        match damage.cause {
            Cause::TooLong => too_long += 1,
            Cause::More(more) => {
                if let Some((_, count)) = of_files.get_mut(&damage.path) {
                    *count += more;
                }
            }
            _ => of_files.entry(damage.path.clone()).or_insert_with(|| (damage, 0)).1 += 1,
        }
    }
    let mut gaps: Vec<Gap> =
        of_files.into_values().map(|(first, count)| of_file(&first, count)).collect();
    if too_long > 0 {
        let values = if too_long == 1 { "value" } else { "values" };
        gaps.push(Gap::new(
            format!("{too_long} long {values} in the journal"),
            Why::NotSupported,
            "left out: more than 256 KiB",
        ));
    }
    gaps
}

fn of_file(first: &Damage, count: u64) -> Gap {
    let at = first.offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    let more = if count > 1 { format!(", and {} more faults", count - 1) } else { String::new() };
    let hint =
        format!("damaged{at}: {}{more}; the rest is read; see journalctl --verify", first.cause);
    Gap::new(name_of(&first.path), Why::Malformed, hint)
}

/// The gap that a file leaves which cannot be opened.
pub(super) fn unopened(damage: &Damage) -> Gap {
    let what = name_of(&damage.path);
    match &damage.cause {
        Cause::Io(error) => gap::from_io(what, error),
        Cause::Unsupported(_) => Gap::new(what, Why::NotSupported, damage.cause.to_string()),
        cause => Gap::new(what, Why::Malformed, cause.to_string()),
    }
}

fn name_of(path: &Path) -> String {
    format!("journal file {}", path.display())
}

/// The id of a boot as the model has it.
pub(super) fn boot_id(id: Id128) -> Option<BootId> {
    id.to_string().parse().ok()
}

/// The id of a boot as the journal has it.
pub(super) fn id_of(boot: BootId) -> Option<Id128> {
    boot.to_string().parse().ok()
}

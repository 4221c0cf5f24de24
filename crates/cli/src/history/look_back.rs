//! The past that analysis looks back on: digests of the last reports, and of some before.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use sysdiag_analyze::{Past, PastReport};
use sysdiag_model::BootId;

use super::digests::{Digests, Known};
use super::{Entry, Store, Unusable};

/// Reports that are unpacked in one run, because nothing is remembered of them.
const MOST_UNPACKED: usize = 8;
/// Reports before the last ones: of each day and of each boot the last.
const MOST_OLDER: usize = 60;
const DAY_USEC: u64 = 86_400_000_000;

/// What was found when looking back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LookBack {
    /// What earlier reports said.
    pub past: Past,
    /// Files newer than the last report that are none, and why not.
    pub skipped: Vec<(PathBuf, String)>,
}

/// Looks back over `count` reports of `hostname`.
pub(super) fn read(store: &Store, count: usize, hostname: Option<&str>) -> io::Result<LookBack> {
    let (entries, _) = store.entries()?;
    let mut reader =
        Reader { store, digests: Digests::read(store.directory()), hostname, left: MOST_UNPACKED };
    let mut found = LookBack::default();
    let mut rest = entries.iter();
    while found.past.reports.len() < count
        && let Some(entry) = rest.next()
    {
        match reader.look(entry) {
            Look::Here(report) => found.past.reports.push(*report),
            Look::Elsewhere => {}
            Look::Unusable(why) => {
                if found.past.reports.is_empty() {
                    found.skipped.push((entry.path.clone(), why));
                }
            }
            // Without this one the reports before it would seem to follow each other.
            Look::NotYet => break,
        }
    }
    let mut seen = Seen::of(&found.past.reports);
    for entry in rest {
        if found.past.older.len() == MOST_OLDER {
            break;
        }
        if seen.has(entry) {
            continue;
        }
        if let Look::Here(report) = reader.look(entry) {
            seen.add(entry);
            found.past.older.push(*report);
        }
    }
    if let Err(error) = reader.digests.write(store.directory(), &entries) {
        tracing::info!(%error, "digests of reports not written");
    }
    Ok(found)
}

/// Days and boots that a report is known of.
struct Seen {
    days: BTreeSet<u64>,
    boots: BTreeSet<Option<BootId>>,
}

impl Seen {
    fn of(reports: &[PastReport]) -> Self {
        Self {
            days: reports.iter().map(|report| report.timestamp.as_usec() / DAY_USEC).collect(),
            boots: reports.iter().map(|report| report.boot_id).collect(),
        }
    }

    fn has(&self, entry: &Entry) -> bool {
        self.days.contains(&(entry.name.time().as_usec() / DAY_USEC))
            && self.boots.contains(&entry.name.boot_id())
    }

    fn add(&mut self, entry: &Entry) {
        self.days.insert(entry.name.time().as_usec() / DAY_USEC);
        self.boots.insert(entry.name.boot_id());
    }
}

struct Reader<'a> {
    store: &'a Store,
    digests: Digests,
    hostname: Option<&'a str>,
    /// Reports that may still be unpacked.
    left: usize,
}

/// What is known of a file.
enum Look {
    /// A report of this host.
    Here(Box<PastReport>),
    /// A report of another host, or one that is gone.
    Elsewhere,
    Unusable(String),
    /// Nothing is remembered, and enough were unpacked.
    NotYet,
}

impl Reader<'_> {
    fn look(&mut self, entry: &Entry) -> Look {
        let known = match self.digests.get(entry) {
            Some(known) => known,
            None if self.left == 0 => return Look::NotYet,
            None => {
                self.left -= 1;
                let known = match self.store.read(entry) {
                    Ok(report) => Known::Report(Box::new(PastReport::of(&report))),
                    Err(Unusable::Gone) => return Look::Elsewhere,
                    Err(why @ (Unusable::Damaged(_) | Unusable::Predecessor)) => {
                        Known::Unusable(why.to_string())
                    }
                    // That may change while the file does not.
                    Err(why) => return Look::Unusable(why.to_string()),
                };
                self.digests.add(entry, &known);
                known
            }
        };
        match known {
            Known::Report(report) if report.hostname.as_deref() == self.hostname => {
                Look::Here(report)
            }
            Known::Report(_) => Look::Elsewhere,
            Known::Unusable(why) => Look::Unusable(why),
        }
    }
}

//! What is asked for, held against and stored, on a recorded host.

use std::collections::BTreeMap;
use std::path::Path;

use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::{LogTemplate, LogTemplates, TemplateId};
use tempfile::TempDir;

use super::*;

const DAY: u64 = 86_400_000_000;

fn id(number: u64) -> BootId {
    format!("{number:032x}").parse().unwrap()
}

/// A boot of a day, with a message of its own and one that all have.
fn boot(number: u64) -> LogTemplates {
    let since = Timestamp::from_usec(1_790_000_000_000_000 + number * DAY);
    let template = |id: u64, text: String| LogTemplate {
        id: TemplateId::new(id),
        sender: "daemon".to_owned(),
        text,
        priority: 4,
        count: 1,
        first: since,
        last: since,
        recent_hours: None,
        example: None,
    };
    LogTemplates {
        boot_id: Some(id(number)),
        since,
        until: since.plus_usec(DAY / 2),
        from_boot: true,
        entries: 2,
        templates: vec![template(1, "always".to_owned()), template(100 + number, "own".to_owned())],
        dropped_templates: 0,
        dropped_entries: 0,
        suppressed: BTreeMap::new(),
        known_bad: Vec::new(),
    }
}

fn baseline(boots: &[u64]) -> Baseline {
    let mut baseline = Baseline::default();
    for number in boots {
        baseline.add(&boot(*number));
    }
    baseline
}

fn boots(baseline: &Baseline) -> Vec<BootId> {
    baseline.boots().iter().filter_map(|boot| boot.boot_id).collect()
}

/// A recorded host in boot 5, read from its beginning, with what was read of earlier boots.
fn snapshot(earlier: &[u64]) -> Snapshot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hosts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with("-healthy.json.gz"))
        .collect();
    files.sort();
    let mut snapshot = sysdiag_sources::capture::read(&files[0]).unwrap();
    snapshot.host.boot_id = Probe::Known(id(5));
    let journal = snapshot.journal.value_mut().unwrap();
    (journal.since, journal.until) = (None, None);
    journal.earlier_boots = earlier.iter().map(|number| boot(*number)).collect();
    journal.logs.as_mut().unwrap().templates = Some(boot(5));
    snapshot
}

fn templates(snapshot: &mut Snapshot) -> &mut LogTemplates {
    let journal = snapshot.journal.value_mut().unwrap();
    journal.logs.as_mut().unwrap().templates.as_mut().unwrap()
}

fn store() -> (TempDir, Store) {
    let directory = TempDir::new().unwrap();
    let store = Store::new(directory.path());
    (directory, store)
}

/// The boots that are stored after a run that knew `known`.
fn saved(known: &[u64], snapshot: &Snapshot) -> Vec<BootId> {
    let (_directory, store) = store();
    Messages(Ok(baseline(known))).save(&store, snapshot);
    let hostname = snapshot.host.hostname.value().map(String::as_str);
    boots(&store.messages(hostname).unwrap())
}

#[test]
fn the_last_boot_is_read_again_for_its_end_was_not_seen() {
    let known = Messages(Ok(baseline(&[1, 2, 3]))).known(4);
    assert_eq!((known.boots, known.known), (4, vec![id(1), id(2)]));
    assert_eq!(known.messages.templates().len(), 4);
    assert_eq!(Messages::none().known(2), KnownBoots { boots: 2, ..KnownBoots::default() });
}

#[test]
fn a_boot_and_those_after_it_are_no_past_of_it() {
    let messages = Messages(Ok(baseline(&[3, 4, 5, 6])));
    assert_eq!(boots(&messages.before(&snapshot(&[]))), [id(3), id(4)]);
    let mut asked = snapshot(&[]);
    *templates(&mut asked) = boot(4);
    assert_eq!(boots(&messages.before(&asked)), [id(3)]);
}

#[test]
fn what_was_read_is_stored() {
    assert_eq!(saved(&[], &snapshot(&[4, 3])), [id(3), id(4), id(5)]);
    assert_eq!(saved(&[2, 3], &snapshot(&[4])), [id(2), id(3), id(4), id(5)]);
    // A boot that went on is known to its end.
    let (_directory, store) = store();
    let mut later = snapshot(&[]);
    templates(&mut later).until = boot(5).until.plus_usec(1);
    Messages(Ok(baseline(&[4, 5]))).save(&store, &later);
    let hostname = later.host.hostname.value().map(String::as_str);
    let stored = store.messages(hostname).unwrap();
    assert_eq!(stored.boots()[1].until, boot(5).until.plus_usec(1));
    assert_eq!(stored.templates().len(), 3);
}

#[test]
fn a_part_of_a_boot_is_not_stored() {
    let cuts: [&dyn Fn(&mut Snapshot); 5] = [
        &|snapshot| templates(snapshot).from_boot = false,
        &|snapshot| templates(snapshot).boot_id = Some(id(4)),
        &|snapshot| templates(snapshot).boot_id = None,
        &|snapshot| snapshot.journal.value_mut().unwrap().until = Some(boot(5).until),
        &|snapshot| {
            let journal = snapshot.journal.value().unwrap().clone();
            let gap = Gap::new(TEMPLATES, Why::TimedOut, "read before the deadline");
            snapshot.journal = Probe::with_gaps(journal, vec![gap]);
        },
    ];
    for (number, cut) in cuts.iter().enumerate() {
        let mut part = snapshot(&[4]);
        cut(&mut part);
        assert_eq!(saved(&[3], &part), [id(3), id(4)], "{number}");
        // Nothing new: nothing is written.
        let mut part = snapshot(&[]);
        cut(&mut part);
        assert_eq!(saved(&[3], &part), [], "{number}");
    }
}

#[test]
fn without_access_nothing_is_known_and_nothing_written() {
    let gap = Gap::new("history", Why::NotPermitted, "run as root");
    let refused = Messages(Err(gap.clone()));
    assert_eq!(refused.past().gaps(), [gap]);
    assert_eq!(refused.known(3), KnownBoots { boots: 3, ..KnownBoots::default() });
    assert_eq!(refused.before(&snapshot(&[])), Baseline::default());
    let (directory, store) = store();
    refused.save(&store, &snapshot(&[4]));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

//! Entries that `journalctl` printed, put into a file in memory: it answers as the files do that they are
//! from.

use std::collections::BTreeMap;
use std::path::Path;

use sysdiag_journal::{Id128, Image, Journal, Options, Stamp};
use tempfile::TempDir;

use super::query::{Pool, Query, Start};
use super::rng::Rng;
use super::{export, journalctl, ours, synthetic};

/// Of a cursor: the source of its number, and the rest.
fn stamp(cursor: &str) -> (Id128, Stamp) {
    let parts: BTreeMap<&str, &str> =
        cursor.split(';').map(|part| part.split_once('=').unwrap()).collect();
    let number = |key| u64::from_str_radix(parts[key], 16).unwrap();
    let stamp = Stamp {
        seqnum: number("i"),
        realtime_usec: number("t"),
        monotonic_usec: number("m"),
        boot_id: parts["b"].parse().unwrap(),
        xor_hash: number("x"),
    };
    (parts["s"].parse().unwrap(), stamp)
}

#[test]
fn entries_from_elsewhere_answer_as_their_files_do() {
    let directory = TempDir::new().unwrap();
    for (phase, name) in [(0, "a.journal"), (1, "b.journal")] {
        let entries = synthetic::entries(30, phase, 400);
        journalctl::import(&directory.path().join(name), &[], &synthetic::stream(&entries))
            .unwrap();
    }
    let text = journalctl::export(directory.path(), &Query::default().arguments()).unwrap();
    let entries = export::read(&text).unwrap();
    assert_eq!(entries.len(), 800);
    let mut images = BTreeMap::new();
    // The newest first, as is asked for where not all may be kept.
    for entry in entries.iter().rev() {
        let (source, stamp) = stamp(&entry.cursor);
        let image = images
            .entry(source)
            .or_insert_with(|| Image::new(source, Id128::from_u128(1), 64 << 20));
        let boot = [b"_BOOT_ID=".to_vec(), entry.boot.clone().into_bytes()].concat();
        let fields = entry.fields.iter().filter(|(name, _)| name != "_BOOT_ID");
        let fields = fields.map(|(name, value)| [name.as_bytes(), b"=", value].concat());
        let fields: Vec<Vec<u8>> = [boot].into_iter().chain(fields).collect();
        assert!(image.add(stamp, fields.iter().map(Vec::as_slice)));
    }
    let mut journal = Journal::open(&[] as &[&Path], &Options::default());
    for image in images.into_values() {
        assert!(!image.is_empty() && image.len() <= 800 && image.size() < 64 << 20);
        journal.add_image(Path::new("image"), image).unwrap();
    }
    let systemd = journalctl::version().unwrap();
    let (pool, mut rng) = (Pool::new(entries), Rng::new(30));
    let mut answered = 0;
    for number in 0..100 {
        let query = pool.query(&mut rng);
        // The place of a cursor in the middle is that of the files.
        if matches!(query.start, Some(Start::At(_) | Start::After(_))) {
            continue;
        }
        let theirs = journalctl::export(directory.path(), &query.arguments()).unwrap();
        let ours = ours::print(&journal, &query, systemd).unwrap();
        assert!(ours == theirs, "question {number}: {:?}", query.arguments());
        answered += u32::from(!ours.is_empty());
    }
    assert!(answered >= 20, "only {answered} answers to compare");
    assert!(journal.damage().is_empty(), "{:?}", journal.damage());
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut image = Image::new(Id128::from_u128(2), Id128::from_u128(1), 100_000);
    let stamp = |seqnum| Stamp {
        seqnum,
        realtime_usec: seqnum,
        monotonic_usec: seqnum,
        boot_id: Id128::from_u128(3),
        xor_hash: 0,
    };
    let long = [b"MESSAGE=".to_vec(), vec![b'x'; 200_000]].concat();
    assert!(!image.add(stamp(1), [long.as_slice()].into_iter()));
    let added = (1..).take_while(|n| image.add(stamp(*n), [b"PRIORITY=6".as_slice()].into_iter()));
    let added = added.count();
    assert!(added > 500 && added == image.len() && image.size() <= 100_000, "{added} entries");
    let mut journal = Journal::open(&[] as &[&Path], &Options::default());
    journal.add_image(Path::new("image"), image).unwrap();
    assert!(journal.files()[0].length() <= 100_000);
    let distinct = journal.distinct("PRIORITY", &sysdiag_journal::Window::default(), 9).unwrap();
    assert_eq!(distinct[0].entries, added as u64);
}

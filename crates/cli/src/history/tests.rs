//! Saving, reading and deleting, with real files.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use sysdiag_model::report::{ReportHost, SCHEMA_VERSION};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates, TemplateId};
use sysdiag_model::{BootId, Timestamp};
use tempfile::TempDir;

use super::*;

const BOOT: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

fn report(second: u64) -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        hostname: Some("web-03".to_owned()),
        timestamp: Timestamp::from_usec(1_790_000_000_000_001 + second * 1_000_000),
        boot_id: Some(BOOT.parse::<BootId>().unwrap()),
        host: ReportHost::default(),
        findings: vec![],
        resolved_findings: vec![],
        ignored_findings: vec![],
        not_assessed: vec![],
        boot_analysis: None,
        health_analysis: None,
        resource_analysis: None,
        log_analysis: None,
        dependency_analysis: None,
        full_dependency_analysis: None,
        ebpf_analysis: None,
        unit_analysis: None,
        timings: vec![],
        errors: vec![],
    }
}

fn store() -> (TempDir, Store) {
    let directory = TempDir::new().unwrap();
    let store = Store::new(directory.path().join("made/history"));
    (directory, store)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn files(store: &Store) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(store.directory())
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        // Written and rewritten at will; has tests of its own.
        .filter(|name| name != ".digests.jsonl")
        .collect();
    names.sort();
    names
}

/// A file named like the report of this second, with these contents.
fn plant(store: &Store, second: u64, bytes: &[u8]) -> PathBuf {
    let name = ReportName::new(Some(BOOT.parse().unwrap()), report(second).timestamp);
    let path = store.directory().join(name.to_string());
    fs::write(&path, bytes).unwrap();
    path
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn saved_is_read_again_and_private() {
    let (_directory, store) = store();
    let path = store.save(&report(0)).unwrap();
    assert_eq!(
        path.file_name().unwrap().to_str().unwrap(),
        format!("report-{BOOT}-20260921T141320.000001Z.jsonl.gz")
    );
    assert_eq!(mode(store.directory()), 0o700);
    assert_eq!(mode(&path), 0o600);
    let (entries, misnamed) = store.entries().unwrap();
    assert_eq!((entries.len(), misnamed.len()), (1, 0));
    assert_eq!(store.read(&entries[0]).unwrap(), report(0));
    assert_eq!(files(&store).len(), 1, "a temporary file was left behind");
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.ends_with('\n'));
}

#[test]
fn an_existing_report_is_never_replaced() {
    let (_directory, store) = store();
    store.save(&report(0)).unwrap();
    let mut other = report(0);
    other.hostname = Some("other".to_owned());
    let error = store.save(&other).unwrap_err().to_string();
    assert!(error.contains("report not saved"), "{error}");
    let (entries, _) = store.entries().unwrap();
    assert_eq!(store.read(&entries[0]).unwrap(), report(0));
    assert_eq!(files(&store).len(), 1);
}

#[test]
fn damaged_files_are_named_kept_and_not_counted() {
    let (_directory, store) = store();
    let whole = store.save(&report(1)).unwrap();
    let bytes = fs::read(&whole).unwrap();
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let damaged = [
        plant(&store, 10, b""),
        plant(&store, 11, b"\x1f\x8b"),
        plant(&store, 12, &bytes[..bytes.len() - 1]),
        plant(&store, 13, &bytes[..bytes.len() / 2]),
        plant(&store, 14, &flipped),
        plant(&store, 15, &gzip("not JSON\n")),
        plant(&store, 16, &gzip("{\"schema_version\": 1}\n")),
        plant(&store, 17, &gzip(&"[".repeat(100_000))),
        plant(&store, 18, &gzip(&format!("{{\"a\": {}", "[".repeat(100_000)))),
    ];
    for path in &damaged {
        let why = read::report(path).unwrap_err();
        assert!(matches!(why, Unusable::Damaged(_)), "{}: {why}", path.display());
    }
    let predecessor = plant(&store, 20, &gzip("{\"hostname\":\"a\",\"errors\":[]}\n"));
    assert_eq!(read::report(&predecessor), Err(Unusable::Predecessor));
    let newer = plant(&store, 21, &gzip("{\"schema_version\":99,\"new\":1}\n"));
    assert_eq!(read::report(&newer), Err(Unusable::Newer(99)));
    let link = store.directory().join(ReportName::new(None, report(22).timestamp).to_string());
    std::os::unix::fs::symlink(&whole, &link).unwrap();
    assert!(matches!(read::report(&link), Err(Unusable::Unreadable(_))));

    store.save(&report(2)).unwrap();
    store.save(&report(3)).unwrap();
    let before = files(&store).len();
    let (latest, skipped) = store.last(1, |_| true).unwrap();
    assert_eq!(latest, [report(3)]);
    assert_eq!(skipped.len(), 12);
    let (both, _) = store.last(2, |_| true).unwrap();
    assert_eq!(both, [report(3), report(2)]);
    let retained = store.retain(2).unwrap();
    assert_eq!(retained.deleted, [whole]);
    assert_eq!(retained.skipped.len(), 12);
    // One less, and the index.
    assert_eq!(files(&store).len(), before);
}

#[test]
fn the_oldest_go_first() {
    let (_directory, store) = store();
    for second in [5, 1, 4, 2, 3] {
        store.save(&report(second)).unwrap();
    }
    // Older, and not deleted: not a name of ours.
    let other = store.directory().join("report-old.jsonl.gz");
    fs::write(&other, gzip("{}")).unwrap();
    store.retain(5).unwrap();
    assert_eq!(store.entries().unwrap().0.len(), 5);
    let retained = store.retain(3).unwrap();
    assert_eq!(retained.deleted.len(), 2);
    let (entries, misnamed) = store.entries().unwrap();
    let times: Vec<Timestamp> = entries.iter().map(|entry| entry.name.time()).collect();
    assert_eq!(times, [5, 4, 3].map(|second| report(second).timestamp));
    assert_eq!(misnamed, [other]);
}

#[test]
fn the_last_report_of_another_host_does_not_count() {
    let (_directory, store) = store();
    store.save(&report(1)).unwrap();
    let mut other = report(2);
    other.hostname = Some("other".to_owned());
    store.save(&other).unwrap();
    let wanted = |report: &Report| report.hostname.as_deref() == Some("web-03");
    assert_eq!(store.last(1, wanted).unwrap().0, [report(1)]);
}

#[test]
fn nothing_is_left_where_nothing_can_be_saved() {
    let (directory, _) = store();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::new(&file).save(&report(0)).unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()));
    assert!(error.hint().contains("--no-save"));
    // A file can be made there and not be filled, as on a full disk; works for root too.
    let error = Store::new("/proc/self/fd/history").save(&report(0)).unwrap_err();
    assert!(error.hint().contains("--no-save"));
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn only_abandoned_temporary_files_are_removed() {
    let (_directory, store) = store();
    let whole = store.save(&report(0)).unwrap();
    let name = whole.file_name().unwrap().to_str().unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    let planted = [
        (format!(".{name}.123"), true),
        (format!(".{name}.124"), false),
        (".report-x.1".to_owned(), true),
    ];
    for (name, is_old) in &planted {
        let file = fs::File::create(store.directory().join(name)).unwrap();
        if *is_old {
            file.set_modified(old).unwrap();
        }
    }
    store.save(&report(1)).unwrap();
    let left = files(&store);
    let is_left = |index: usize| left.contains(&planted[index].0);
    assert_eq!([is_left(0), is_left(1), is_left(2)], [false, true, true]);
}

#[test]
fn an_unknown_boot_has_a_name() {
    let (_directory, store) = store();
    let mut unknown = report(0);
    unknown.boot_id = None;
    let path = store.save(&unknown).unwrap();
    assert!(path.to_str().unwrap().contains(&"0".repeat(32)));
    assert_eq!(store.last(1, |_| true).unwrap().0, [unknown]);
}

#[test]
fn a_known_file_that_changes_is_looked_at_again() {
    let (_directory, store) = store();
    for second in 1..=4 {
        store.save(&report(second)).unwrap();
    }
    assert_eq!(store.retain(3).unwrap().deleted.len(), 1);
    assert!(files(&store).contains(&".index.json".to_owned()));
    assert_eq!(mode(&store.directory().join(".index.json")), 0o600);
    // Damaged in place, with its size and modification time as they were.
    let (entries, _) = store.entries().unwrap();
    let newest = &entries[0].path;
    let modified = fs::metadata(newest).unwrap().modified().unwrap();
    let mut bytes = fs::read(newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(newest, bytes).unwrap();
    fs::File::options().write(true).open(newest).unwrap().set_modified(modified).unwrap();
    store.save(&report(5)).unwrap();
    let retained = store.retain(3).unwrap();
    assert_eq!(retained.skipped.len(), 1);
    assert_eq!(retained.deleted.len(), 0, "the damaged file was counted");
    // An index that says nothing, or nonsense, costs time only.
    for nonsense in [&b""[..], b"{}", b"\xff", b"{\"version\":1,\"whole\":{\"a\":[1]}}"] {
        fs::write(store.directory().join(".index.json"), nonsense).unwrap();
        assert_eq!(store.retain(3).unwrap().skipped.len(), 1);
    }
    assert_eq!(store.entries().unwrap().0.len(), 4);
    assert_eq!(store.retain(2).unwrap().deleted.len(), 1);
}

/// A report with one finding, saved at this second.
fn save_failing(store: &Store, second: u64, hostname: &str) {
    let mut failing = report(second);
    failing.hostname = Some(hostname.to_owned());
    let severity = sysdiag_model::Severity::Error;
    let finding = sysdiag_model::Finding::new("unit-failed", severity, "a.service", "failed");
    failing.findings.push(finding);
    store.save(&failing).unwrap();
}

fn digests(store: &Store) -> PathBuf {
    store.directory().join(".digests.jsonl")
}

fn seconds(reports: &[PastReport]) -> Vec<u64> {
    let first = report(0).timestamp;
    reports.iter().map(|past| past.timestamp.usec_since(first) / 1_000_000).collect()
}

#[test]
fn what_was_saved_is_looked_back_on_without_unpacking_it() {
    let (_directory, store) = store();
    for second in 1..=30 {
        save_failing(&store, second, if second == 20 { "other" } else { "web-03" });
    }
    assert_eq!(mode(&digests(&store)), 0o600);
    let back = store.look_back(25, Some("web-03")).unwrap();
    let all: Vec<u64> = (5..=30).rev().filter(|second| *second != 20).collect();
    assert_eq!(seconds(&back.past.reports), all);
    assert_eq!(back.past.reports[0].findings[0].key.as_str(), "unit-failed:a.service");
    assert!(back.past.older.is_empty() && back.skipped.is_empty());
    // A report that is gone is not remembered, one that was changed is read again.
    let (entries, _) = store.entries().unwrap();
    fs::remove_file(&entries[0].path).unwrap();
    fs::write(&entries[1].path, gzip("{}")).unwrap();
    let back = store.look_back(25, Some("web-03")).unwrap();
    assert_eq!(seconds(&back.past.reports)[..2], [28, 27]);
    assert_eq!(back.skipped.len(), 1);
    assert_eq!(store.look_back(25, None).unwrap().past.reports, []);
}

#[test]
fn digests_that_are_missing_damaged_or_foreign_are_made_again() {
    let (_directory, store) = store();
    for second in 1..=12 {
        save_failing(&store, second, "web-03");
    }
    let whole = fs::read_to_string(digests(&store)).unwrap();
    let expected = store.look_back(12, Some("web-03")).unwrap();
    assert_eq!(expected.past.reports.len(), 12);
    let lines: Vec<&str> = whole.lines().collect();
    for text in [
        String::new(),
        "nonsense".to_owned(),
        whole.chars().take(whole.len() / 2).collect(),
        whole.replace("\"version\":1", "\"version\":9"),
        whole.replace("\"mark\":[", "\"mark\":[1"),
        whole.replace("}\n", "\n"),
        // Each line about another report than it says.
        lines.iter().map(|line| line.replace("\"timestamp\":\"2", "\"timestamp\":\"3")).collect(),
    ] {
        fs::write(digests(&store), &text).unwrap();
        // Some at every run.
        let first = store.look_back(12, Some("web-03")).unwrap();
        assert!(first.past.reports.len() >= 8, "{text:.80}");
        assert_eq!(first.past.reports[..8], expected.past.reports[..8]);
        assert_eq!(store.look_back(12, Some("web-03")).unwrap(), expected, "{text:.80}");
        assert_eq!(store.look_back(12, Some("web-03")).unwrap(), expected, "{text:.80}");
    }
    // Readable by others, a link, a folder: not added to, and not trusted with more.
    let elsewhere = store.directory().join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    fs::remove_file(digests(&store)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, digests(&store)).unwrap();
    store.look_back(12, Some("web-03")).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    assert!(digests(&store).symlink_metadata().unwrap().is_file());
    fs::set_permissions(digests(&store), fs::Permissions::from_mode(0o644)).unwrap();
    store.look_back(12, Some("web-03")).unwrap();
    assert_eq!(mode(&digests(&store)), 0o600);
    fs::remove_file(digests(&store)).unwrap();
    fs::create_dir(digests(&store)).unwrap();
    assert_eq!(store.look_back(12, Some("web-03")).unwrap().past.reports.len(), 8);
    save_failing(&store, 13, "web-03");
}

#[test]
fn of_what_is_older_each_day_and_each_boot_is_remembered() {
    let (_directory, store) = store();
    let day = 86_400;
    for (second, boot) in [(0, 'a'), (1, 'a'), (2, 'b'), (day, 'b'), (day + 1, 'b'), (2 * day, 'b')]
    {
        let mut report = report(second);
        report.boot_id = Some(boot.to_string().repeat(32).parse().unwrap());
        store.save(&report).unwrap();
    }
    let back = store.look_back(1, Some("web-03")).unwrap();
    assert_eq!(seconds(&back.past.reports), [2 * day]);
    assert_eq!(seconds(&back.past.older), [day + 1, 2, 1]);
}

#[test]
fn what_is_said_of_reports_that_are_gone_is_not_kept_for_ever() {
    let (_directory, store) = store();
    for second in 1..=260 {
        store.save(&report(second)).unwrap();
        store.retain(2).unwrap();
    }
    assert_eq!(store.look_back(5, Some("web-03")).unwrap().past.reports.len(), 2);
    let text = fs::read_to_string(digests(&store)).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(store.look_back(5, Some("web-03")).unwrap().past.reports.len(), 2);
}

/// What a boot logged.
fn messages() -> Baseline {
    let (since, until) = (Timestamp::from_usec(1_790_000_000_000_000), report(0).timestamp);
    let template = LogTemplate {
        id: TemplateId::new(7),
        sender: "sshd".to_owned(),
        text: "Accepted key for <*>".to_owned(),
        priority: 6,
        count: 3,
        first: since,
        last: until,
        recent_hours: None,
        example: None,
    };
    let mut baseline = Baseline::default();
    baseline.add(&LogTemplates {
        boot_id: Some(BOOT.parse().unwrap()),
        since,
        until,
        from_boot: true,
        entries: 3,
        templates: vec![template],
        dropped_templates: 0,
        dropped_entries: 0,
        suppressed: std::collections::BTreeMap::new(),
        known_bad: Vec::new(),
    });
    baseline
}

#[test]
fn messages_of_this_host_are_read_again_and_private() {
    let (_directory, store) = store();
    assert_eq!(store.messages(Some("web-03")).unwrap(), Baseline::default());
    // Without a report there is no directory, and none is made.
    assert!(store.save_messages(Some("web-03"), &messages()).is_err());
    assert!(!store.directory().exists());
    store.save(&report(0)).unwrap();
    store.save_messages(Some("web-03"), &messages()).unwrap();
    assert_eq!(store.messages(Some("web-03")).unwrap(), messages());
    assert_eq!(mode(&store.messages_path()), 0o600);
    for other in [Some("web-04"), None] {
        assert_eq!(store.messages(other).unwrap(), Baseline::default());
    }
    assert_eq!(files(&store).len(), 2, "a temporary file was left behind");
    assert_eq!(store.entries().unwrap().0.len(), 1);
    assert_eq!(store.retain(1).unwrap().deleted, Vec::<PathBuf>::new());
    assert!(store.messages_path().exists());
}

#[test]
fn messages_that_cannot_be_used_are_an_error_and_are_replaced() {
    let (_directory, store) = store();
    store.save(&report(0)).unwrap();
    store.save_messages(None, &messages()).unwrap();
    let path = store.messages_path();
    let whole = fs::read_to_string(&path).unwrap();
    let mut damaged: Vec<Vec<u8>> = vec![
        vec![],
        b"\0\0\0".to_vec(),
        b"[]".to_vec(),
        b"{\"version\":1}".to_vec(),
        "[".repeat(100_000).into_bytes(),
        whole.replace("\"version\":1", "\"version\":2").into_bytes(),
        whole.replace("\"format\":1", "\"format\":2").into_bytes(),
        whole.replace("0000000000000007", "000000000000000x").into_bytes(),
        vec![b' '; (32 << 20) + 1],
    ];
    damaged.extend((1..whole.len()).step_by(17).map(|end| whole.as_bytes()[..end].to_vec()));
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        let error = store.messages(None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "only what saves replaces it");
    }
    fs::remove_file(&path).unwrap();
    let elsewhere = store.directory().join("elsewhere");
    fs::write(&elsewhere, &whole).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(store.messages(None).is_err(), "a link is followed");
    store.save_messages(None, &Baseline::default()).unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), whole, "what a link leads to was written");
    assert_eq!(store.messages(None).unwrap(), Baseline::default());
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert!(store.messages(None).is_err());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(store.messages(None).is_err());
    assert!(store.save_messages(None, &messages()).is_err());
    assert!(path.is_dir());
    assert_eq!(files(&store).len(), 3, "a temporary file was left behind");
}

#[test]
fn more_messages_than_are_kept_are_cut_when_read() {
    let (_directory, store) = store();
    store.save(&report(0)).unwrap();
    store.save_messages(None, &messages()).unwrap();
    let mut stored: serde_json::Value =
        serde_json::from_slice(&fs::read(store.messages_path()).unwrap()).unwrap();
    let templates = stored["messages"]["templates"].as_array_mut().unwrap();
    let template = templates[0].clone();
    for number in 0..10_000 {
        let mut other = template.clone();
        other["id"] = format!("{number:016x}").into();
        other["text"] = format!("text {number}").into();
        templates.push(other);
    }
    fs::write(store.messages_path(), stored.to_string()).unwrap();
    let read = store.messages(None).unwrap();
    assert!((1..=4_000).contains(&read.templates().len()), "{}", read.templates().len());
    assert!(!read.boots()[0].complete);
}

//! `analyze-logs --directory`: the journal of another machine, as its files alone.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::sandbox::Sandbox;

/// Three boots of a Debian 12, as recorded for the tests of the reader.
const RECORDED: &str = "../sources/tests/fixtures/journal/reboots-bookworm";

/// Unpacks the recorded journal into `folder`; the ids of its boots, oldest first.
fn unpack(folder: &Path) -> Vec<String> {
    fs::create_dir_all(folder).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    for packed in fs::read_dir(&from).unwrap() {
        let packed = packed.unwrap().path();
        let name = packed.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_suffix(".gz").filter(|name| name.contains(".journal")) else {
            continue;
        };
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(&packed).unwrap()).read_to_end(&mut bytes).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
    let boots = fs::read_to_string(from.join("boots")).unwrap();
    boots.lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_folder_of_journal_files_is_read_and_nothing_of_this_host() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("web-03");
    let boots = unpack(&folder);
    // The files themselves, and below the id of their machine, as journald keeps them.
    let parent = sandbox.path("copied");
    let id =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED).join("machine-id"));
    unpack(&parent.join(id.unwrap().trim()));
    let mut reports = Vec::new();
    for place in [&folder, &parent] {
        let run = sandbox.run(&["-o", "json", "analyze-logs", "-D", text(place)]);
        assert!([0, 1].contains(&run.code), "{}", run.stderr);
        reports.push(run.report());
    }
    let report = &reports[0];
    assert_eq!(report["boot_id"], Value::from(boots[2].clone()));
    assert_eq!(report["log_analysis"], reports[1]["log_analysis"]);
    // As many as journalctl printed of that boot.
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED).join("all.json.gz");
    let mut all = String::new();
    GzDecoder::new(File::open(recorded).unwrap()).read_to_string(&mut all).unwrap();
    let in_boot = all.lines().filter(|line| line.contains(&boots[2])).count();
    assert_eq!(report["log_analysis"]["entries_analyzed"], Value::from(in_boot));
    assert_eq!(report["host"]["uptime_usec"], Value::Null);
    let gaps = report["not_assessed"].as_array().unwrap();
    assert!(gaps.iter().any(|gap| gap["what"] == "everything but the journal"), "{gaps:?}");
    assert_eq!(sandbox.saved(), Vec::<PathBuf>::new());

    let before = sandbox.run(&["-o", "json", "analyze-logs", "-D", text(&folder), "-b", "-1"]);
    assert_eq!(before.report()["boot_id"], Value::from(boots[1].clone()));
}

#[test]
fn a_folder_that_has_no_journal_is_refused() {
    let sandbox = Sandbox::new();
    let empty = sandbox.path("empty");
    fs::create_dir(&empty).unwrap();
    let none = sandbox.path("none");
    sandbox.run(&["analyze-logs", "-D", text(&none)]).refused(2, &[text(&none), "No such file"]);
    sandbox.run(&["analyze-logs", "-D", text(&empty)]).refused(2, &["no journal files in"]);
    fs::write(empty.join("system.journal"), b"LPKSHHRH and then nothing").unwrap();
    sandbox.run(&["analyze-logs", "-D", text(&empty)]).refused(2, &["system.journal"]);
    let folder = sandbox.path("web-03");
    unpack(&folder);
    let far = ["analyze-logs", "-D", text(&folder), "-b", "-9"];
    sandbox.run(&far).refused(2, &["boot -9 is not in the journal: it holds boots -2..0"]);
    for args in [
        &["--from", "x", "analyze-logs", "-D", "y"][..],
        &["analyze-logs", "-D", "y", "--from", "x"],
    ] {
        sandbox.run(args).refused(2, &["--directory", "--from"]);
    }
}

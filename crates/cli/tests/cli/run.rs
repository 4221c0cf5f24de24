//! The main job on the machine that tests run on, whatever its PID 1 is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::sandbox::{Outcome, Sandbox, has_systemd, outcome};
use serde_json::Value;

/// Exit code of a run that did all it should.
fn check_code(outcome: &Outcome) {
    let expected: &[i32] = if has_systemd() { &[0, 1] } else { &[3] };
    assert!(expected.contains(&outcome.code), "{}: {}", outcome.code, outcome.stderr);
}

#[test]
fn json_is_one_valid_document_and_says_what_is_missing() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["-o", "json", "run", "--no-save"]);
    check_code(&run);
    let report = run.report();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["errors"], Value::Array(vec![]));
    assert!(report["resource_analysis"]["system_usage"].as_object().unwrap().len() > 3);
    assert_eq!(report.get("health_analysis").is_some(), has_systemd());
    for gap in report["not_assessed"].as_array().unwrap() {
        assert!(!gap["what"].as_str().unwrap().is_empty());
    }
    assert!(report["timings"].as_array().unwrap().len() >= 5);
    assert_eq!(run.stderr, "");
    assert_eq!(sandbox.saved().len(), 0);
}

#[test]
fn text_does_not_claim_health_where_nothing_is_known() {
    let run = Sandbox::new().run(&["run", "--no-save"]);
    check_code(&run);
    assert!(!run.stdout.contains('\u{1b}'), "colours without a terminal");
    if !has_systemd() {
        assert!(!run.stdout.contains("no problems"), "{}", run.stdout);
        assert!(run.stdout.to_lowercase().contains("not assessed"), "{}", run.stdout);
    }
}

#[test]
fn saved_report_is_the_printed_one() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(&["-o", "json", "run"]);
    check_code(&first);
    let second = sandbox.run(&["-o", "json", "run"]);
    check_code(&second);
    let files = sandbox.saved();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(fs::metadata(sandbox.history()).unwrap().permissions().mode() & 0o777, 0o700);
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let opened = sandbox.run(&["-o", "json", "show-history", "--open", "1"]);
    assert_eq!(opened.code, 0);
    assert_eq!(opened.report(), second.report());
    let older = sandbox.run(&["-o", "json", "show-history", "--open", "2"]);
    assert_eq!(older.report(), first.report());
    assert_eq!(sandbox.run(&["show-history", "--open", "1"]).code, 0);
    sandbox.run(&["show-history", "--open", "3"]).refused(2, &["there are 2 reports"]);

    let list = sandbox.run(&["-o", "json", "show-history"]).json();
    assert_eq!(list["reports_count"], 2);
    assert_eq!(list["reports"][0]["timestamp"], second.report()["timestamp"]);
    assert!(list["reports"][0]["size_bytes"].as_u64().unwrap() > 100);
    let text = sandbox.run(&["show-history", "-n", "1"]);
    assert!(text.stdout.contains("1 of 2 reports"), "{}", text.stdout);
    assert!(text.stdout.contains(files[1].file_name().unwrap().to_str().unwrap()));
}

#[test]
fn retention_keeps_the_newest_and_damaged_files_stay() {
    let sandbox = Sandbox::new();
    let config = fs::read_to_string(sandbox.path("config.toml")).unwrap();
    sandbox.configure(&format!("{config}max_files = 2\n"));
    let damaged = "report-00000000000000000000000000000000-20990101T000000.000000Z.jsonl.gz";
    fs::create_dir(sandbox.history()).unwrap();
    fs::write(sandbox.history().join(damaged), b"nothing of ours").unwrap();
    for _ in 0..3 {
        let run = sandbox.run(&["-o", "json", "run"]);
        check_code(&run);
        run.report();
        assert_eq!(run.stderr.matches(damaged).count(), 1, "{}", run.stderr);
    }
    assert_eq!(sandbox.saved().len(), 3);
    assert_eq!(fs::read(sandbox.history().join(damaged)).unwrap(), b"nothing of ours");
    let list = sandbox.run(&["show-history", "-n", "20"]);
    assert_eq!(list.code, 0);
    assert_eq!(format!("{}{}", list.stdout, list.stderr).matches(damaged).count(), 1);
    let list = sandbox.run(&["-o", "json", "show-history"]).json();
    assert_eq!(list["reports_count"], 2);
    assert_eq!(list["skipped"].as_array().unwrap().len(), 1);
}

#[test]
fn a_report_that_cannot_be_saved_is_printed() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("history", "a file");
    let run = sandbox.run(&["-o", "json", "run"]);
    assert_eq!(run.code, 4);
    let report = run.report();
    assert_eq!(report["errors"].as_array().unwrap().len(), 1);
    assert!(run.stderr.contains("not saved") && run.stderr.contains("--no-save"), "{}", run.stderr);
    assert_eq!(fs::read(file).unwrap(), b"a file");
}

#[test]
fn other_commands_have_only_their_sections_and_save_nothing() {
    let sandbox = Sandbox::new();
    for (command, section) in [
        ("analyze-boot", "boot_analysis"),
        ("analyze-health", "health_analysis"),
        // Its section is always there; on any Linux something of it is known.
        ("analyze-resources", "resource_analysis"),
        ("analyze-logs", "log_analysis"),
    ] {
        let outcome = sandbox.run(&["-o", "json", command]);
        let report = outcome.report();
        for other in [
            "boot_analysis",
            "health_analysis",
            "resource_analysis",
            "log_analysis",
            "dependency_analysis",
            "unit_analysis",
        ] {
            assert!(other == section || report.get(other).is_none(), "{command}: {other}");
        }
        // Without what the command rests on it says so, and that it is missing.
        let is_there = report.get(section).is_some();
        assert_eq!(outcome.code != 3, is_there, "{command}: {}", outcome.code);
        assert!(is_there || !report["not_assessed"].as_array().unwrap().is_empty());
    }
    assert_eq!(sandbox.saved().len(), 0);
}

#[test]
fn one_unit() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["-o", "json", "analyze-unit", "no-such-unit-here"]);
    if has_systemd() {
        outcome.refused(2, &["no-such-unit-here.service is not loaded", "hint: "]);
    } else {
        assert_eq!(outcome.code, 3);
        outcome.report();
    }
}

#[test]
fn logs_go_to_standard_error() {
    let run = Sandbox::new().run(&["-vvv", "-o", "json", "run", "--no-save"]);
    check_code(&run);
    run.report();
    let quiet = Sandbox::new().run(&["-q", "-o", "json", "run", "--no-save"]);
    assert_eq!(quiet.stderr, "");
}

/// Runs with this standard output; what is on standard error.
fn with_stdout(
    sandbox: &Sandbox,
    args: &[&str],
    stdout: impl Into<Stdio>,
) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sysdiag-analyzer"))
        .arg("-c")
        .arg(sandbox.path("config.toml"))
        .args(args)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let sandbox = Sandbox::new();
    for args in
        [&["man"][..], &["completions", "bash"], &["--help"], &["explain"], &["config", "show"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(with_stdout(&sandbox, args, writer), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let sandbox = Sandbox::new();
    for args in [&["man"][..], &["config", "show"], &["-o", "json", "explain"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, stderr) = with_stdout(&sandbox, args, full);
        assert_eq!(code, Some(4), "{args:?}: {stderr}");
        assert!(stderr.contains("standard output"), "{stderr}");
    }
}

#[test]
fn as_wide_as_columns_says_else_80() {
    let sandbox = Sandbox::new();
    let widest = |columns: Option<&str>| {
        let mut command = sandbox.command(&["run", "--no-save"]);
        columns.map(|columns| command.env("COLUMNS", columns));
        // The head is as wide as it may be.
        outcome(&mut command).stdout.lines().next().unwrap().chars().count()
    };
    assert_eq!(widest(None), 80);
    assert_eq!(widest(Some("132")), 132);
    for odd in ["", "0", "-1", "wide", "99999"] {
        assert_eq!(widest(Some(odd)), 80, "{odd}");
    }
}

#[test]
fn remembered_messages_that_are_damaged_are_named_once_and_left_to_a_run_that_saves() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.history()).unwrap();
    let path = sandbox.history().join(".messages.json");
    for damaged in ["", "{}", "{\"version\":1,\"hostname\":null,\"messages\":{\"format\":1}}"] {
        for command in [&["run", "--no-save"][..], &["analyze-logs"]] {
            fs::write(&path, damaged).unwrap();
            let named = sandbox.run(command);
            assert_eq!(named.stderr.matches(".messages.json").count(), 1, "{}", named.stderr);
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        }
    }
    // Other commands do not ask for messages, and a capture is of the host alone.
    let capture = sandbox.path("host.cap");
    let capture = capture.to_str().unwrap();
    for command in [&["analyze-health"][..], &["capture", capture], &["run", "--from", capture]] {
        assert!(!sandbox.run(command).stderr.contains(".messages.json"), "{command:?}");
    }
    check_code(&sandbox.run(&["run"]));
    // Where there is no journal nothing was learnt: then it stays as it was.
    let has_journal = fs::read_to_string(&path).unwrap().contains("\"boot_id\"");
    let again = sandbox.run(&["run", "--no-save"]);
    assert_eq!(again.stderr.contains(".messages.json"), !has_journal, "{}", again.stderr);
}

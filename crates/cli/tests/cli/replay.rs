//! A captured host is analysed instead of this one; a damaged capture is refused.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sysdiag_analyze::Scope;
use sysdiag_analyzer::sinks;
use sysdiag_model::{Snapshot, UnitName};
use sysdiag_sources::{LogOptions, Options, Root, capture, collect};

use crate::sandbox::{Sandbox, has_systemd};

/// The file of a capture of this machine.
fn captured(sandbox: &Sandbox) -> String {
    let path = sandbox.path("host.cap");
    let path = path.to_str().unwrap();
    let capture = sandbox.run(&["capture", path]);
    assert_eq!((capture.code, capture.stdout.as_str()), (0, ""), "{}", capture.stderr);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    path.to_owned()
}

#[test]
fn the_same_capture_gives_the_same_report() {
    let sandbox = Sandbox::new();
    let path = captured(&sandbox);
    let run = sandbox.run(&["-o", "json", "run", "--from", &path]);
    assert!([0, 1, 3].contains(&run.code), "{}", run.stderr);
    let report = run.report();
    let before = sandbox.run(&["--from", &path, "-o", "json", "run"]);
    assert_eq!(before.report(), report);
    assert_eq!(sandbox.saved().len(), 0, "a replay was saved");
    for command in ["analyze-boot", "analyze-health", "analyze-resources", "analyze-logs"] {
        sandbox.run(&["-o", "json", command, "--from", &path]).report();
    }
    assert_eq!(sandbox.run(&["run", "--from", &path]).code, run.code);
}

#[test]
fn what_a_capture_does_not_hold_is_refused() {
    let sandbox = Sandbox::new();
    let path = captured(&sandbox);
    for args in [
        &["analyze-logs", "--boot", "-1"][..],
        &["analyze-logs", "--boot=1"],
        &["analyze-logs", "--since", "-1h"],
        &["analyze-logs", "--until", "2020-01-01"],
        &["run", "--since", "yesterday"],
    ] {
        let mut args = args.to_vec();
        args.extend(["--from", &path]);
        sandbox.run(&args).refused(2, &["a capture holds"]);
    }
    let unit = sandbox.run(&["-o", "json", "analyze-unit", "no-such-unit-here", "--from", &path]);
    if has_systemd() {
        unit.refused(2, &["no-such-unit-here.service"]);
    } else {
        assert_eq!(unit.code, 3);
    }
}

#[test]
fn damaged_captures_are_refused() {
    let sandbox = Sandbox::new();
    let path = captured(&sandbox);
    let whole = fs::read(&path).unwrap();
    let mut damaged: Vec<Vec<u8>> = [0, 1, 10, 100, whole.len() / 2, whole.len() - 1]
        .iter()
        .map(|length| whole[..*length].to_vec())
        .collect();
    for part in 1..4 {
        let mut flipped = whole.clone();
        flipped[whole.len() * part / 4] ^= 0xff;
        damaged.push(flipped);
    }
    damaged.push(b"{}".to_vec());
    damaged.push(vec![0; 100_000]);
    for bytes in damaged {
        let path = sandbox.write("damaged.cap", &bytes);
        sandbox.run(&["run", "--from", path.to_str().unwrap()]).refused(2, &["damaged.cap"]);
    }
    for path in [sandbox.path(""), sandbox.path("none.cap"), "/dev/zero".into()] {
        let path = path.to_str().unwrap();
        sandbox.run(&["run", "--from", path]).refused(2, &[path]);
    }
}

#[test]
fn a_capture_that_cannot_be_written_is_exit_code_4() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("no/such/folder/host.cap");
    let path = path.to_str().unwrap();
    sandbox.run(&["capture", path]).refused(4, &["no/such/folder", "No such file"]);
    // What root can see is not written through a link that somebody left.
    let precious = sandbox.write("precious", "");
    let link = sandbox.path("link");
    std::os::unix::fs::symlink(&precious, &link).unwrap();
    sandbox.run(&["capture", link.to_str().unwrap()]);
    assert_eq!(fs::read(&precious).unwrap(), b"");
}

#[test]
fn the_report_of_a_snapshot_is_that_of_its_capture_byte_by_byte() {
    let sandbox = Sandbox::new();
    let logs = LogOptions { max_priority: 4, ..LogOptions::default() };
    let options = Options { logs: Some(logs), recent_of_all_units: true, ..Options::default() };
    let live = collect(&Root::host(), &options, &mut |_| {});
    let path = sandbox.path("live.cap");
    capture::write(&path, &live).unwrap();
    let loaded = capture::read(&path).unwrap();
    let page = Scope { unit: Some(UnitName::new("init.scope")), ..Scope::default() };
    for scope in [Scope::run(), page] {
        let report = |snapshot: &Snapshot| {
            let past = sysdiag_model::Probe::Known(sysdiag_analyze::Past::default());
            let settings = sysdiag_analyze::Settings::default();
            let report = sysdiag_analyze::assess(snapshot, &past, &settings, &scope);
            let mut text = Vec::new();
            sinks::json::write(&report, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(report(&live), report(&loaded));
    }
}

/// The capture `from` with its JSON changed.
fn changed(sandbox: &Sandbox, from: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(from).unwrap()).read_to_string(&mut text).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    change(&mut document["snapshot"]);
    let path = sandbox.write("changed.cap", document.to_string());
    path.to_str().unwrap().to_owned()
}

/// Has one file system only, of 1000 bytes.
fn fill(snapshot: &mut Value, available_bytes: u64) {
    let probe = snapshot["system"].as_object_mut().unwrap();
    let mut system = probe.remove("known").unwrap_or_else(|| probe["partial"][0].take());
    system["file_systems"] = json!({"known": [{
        "device": "8:1", "source": "/dev/sda1", "mount_point": "/full", "fs_type": "ext4",
        "read_only": false, "super_read_only": false,
        "usage": {"known": {
            "total_bytes": 1000, "free_bytes": available_bytes, "available_bytes": available_bytes,
        }},
    }]});
    snapshot["system"] = json!({"known": system});
}

#[test]
fn findings_make_the_exit_code_and_the_higher_wins() {
    let sandbox = Sandbox::new();
    let path = changed(&sandbox, &captured(&sandbox), |snapshot| {
        fill(snapshot, 0);
        snapshot["systemd"] = json!({"unknown": {"what": "systemd", "why": "absent"}});
    });
    let code = |args: &[&str]| {
        let mut args = args.to_vec();
        args.extend(["-o", "json", "--from", &path]);
        let outcome = sandbox.run(&args);
        let report = outcome.report();
        let full = |finding: &Value| finding["key"] == "file-system-full:/full";
        let found = report["findings"].as_array().unwrap().iter().any(full);
        (outcome.code, found)
    };
    assert_eq!(code(&["analyze-resources"]), (1, true));
    assert_eq!(code(&["analyze-resources", "--fail-on", "critical"]), (1, true));
    assert_eq!(code(&["analyze-boot"]), (3, false));
    // Findings, and no systemd.
    assert_eq!(code(&["run"]), (3, true));
}

#[test]
fn what_is_below_fail_on_is_exit_code_0() {
    let sandbox = Sandbox::new();
    let path = changed(&sandbox, &captured(&sandbox), |snapshot| {
        let gap = |what: &str| json!({"unknown": {"what": what, "why": "absent"}});
        snapshot["cgroups"] = gap("cgroups");
        snapshot["processes"] = gap("processes");
        fill(snapshot, 80);
        for part in ["memory", "load", "pressure", "swaps", "file_handles"] {
            snapshot["system"]["known"][part] = gap(part);
        }
    });
    for (severity, expected) in [("critical", 0), ("error", 0), ("warning", 1), ("info", 1)] {
        let args = ["analyze-resources", "--from", &path, "--fail-on", severity];
        assert_eq!(sandbox.run(&args).code, expected, "{severity}");
    }
}

#[test]
fn a_pipe_is_read_if_somebody_writes_to_it() {
    let sandbox = Sandbox::new();
    let bytes = fs::read(captured(&sandbox)).unwrap();
    let fifo = sandbox.path("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let nobody = sandbox.run(&["run", "--from", fifo.to_str().unwrap()]);
    nobody.refused(2, &["fifo", "it is empty"]);
    let mut command = sandbox.command(&["-o", "json", "run", "--from", "/dev/stdin"]);
    let outcome = crate::sandbox::outcome(command.write_stdin(bytes));
    assert!([0, 1, 3].contains(&outcome.code), "{}", outcome.stderr);
    outcome.report();
}

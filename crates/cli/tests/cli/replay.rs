//! A captured host is analysed instead of this one; a damaged capture is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

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

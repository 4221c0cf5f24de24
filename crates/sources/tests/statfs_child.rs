//! The child that asks file systems, as a process: this test is the program that starts itself.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, though without the harness by which clippy knows one"
)]

use std::io;
use std::process::{Command, Stdio, exit};

use sysdiag_sources::system::{STATFS_CHILD, statfs_child};

fn main() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == STATFS_CHILD) {
        exit(statfs_child(args, &mut io::stdout()));
    }
    answers_and_ends();
}

fn child(paths: &[&str]) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(STATFS_CHILD).args(paths).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn answers_and_ends() {
    let output = child(&["/", "/no/such/place", "/proc"]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{text}");
    let mut root = lines[0].split(' ');
    assert_eq!((root.next(), root.next()), (Some("0"), Some("ok")));
    assert!(root.next().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(lines[1], "1 error 2");
    assert!(lines[2].starts_with("2 ok "));
}

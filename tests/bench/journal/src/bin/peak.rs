//! The most memory a program takes: `peak PROGRAM ARGUMENT...`, on standard error, in KiB.
//!
//! The kernel keeps the most of all pages only, among them those of mapped files; so the anonymous ones
//! are looked at while it runs, as often as can be.

use std::process::{Command, Stdio};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().expect("a program");
    let mut child =
        Command::new(program).args(arguments).stdout(Stdio::null()).spawn().expect("it starts");
    let path = format!("/proc/{}/status", child.id());
    let (mut anonymous, mut most) = (0, 0);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().ok()
        };
        anonymous = anonymous.max(number("RssAnon:").unwrap_or(0));
        most = most.max(number("VmHWM:").unwrap_or(0));
    };
    eprintln!("anonymous {anonymous} kB, with mapped files {most} kB, {status}");
}

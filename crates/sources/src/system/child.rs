//! The child process that asks file systems which may never answer: of the network and of FUSE.
//!
//! `statfs(2)` of a dead server cannot be interrupted, so whoever calls it must be expendable. One
//! thread a path: a dead one does not keep a living one from answering.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc;
use std::thread;

use rustix::process::{Signal, set_parent_process_death_signal};

use super::usage;

/// The hidden argument by which this program is started as the child.
pub const STATFS_CHILD: &str = "statfs-child";
/// Paths that one child takes.
pub(super) const MAX_PATHS: usize = 128;

/// What the program does when its first argument is [`STATFS_CHILD`]: `args` are the paths that
/// follow. Prints `index ok figures` or `index error errno` a line as each path answers. The exit
/// status is 0, or 1 if nobody reads what it prints.
pub fn statfs_child(args: impl IntoIterator<Item = OsString>, output: &mut impl Write) -> i32 {
    // The parent kills its child at the deadline; if it dies before, the kernel does.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let (sender, receiver) = mpsc::channel();
    for (index, path) in args.into_iter().take(MAX_PATHS).enumerate() {
        let sender = sender.clone();
        let ask = move || {
            let answer = match usage::usage(path.as_bytes(), None) {
                Ok(usage) => format!("{index} ok {}\n", usage::to_line(&usage)),
                Err(errno) => format!("{index} error {}\n", errno.raw_os_error()),
            };
            // Nobody listens once the output is closed.
            let _ = sender.send(answer);
        };
        // A path without a thread stays without an answer.
        let _ = thread::Builder::new().stack_size(64 * 1024).spawn(ask);
    }
    drop(sender);
    for answer in receiver {
        if output.write_all(answer.as_bytes()).and_then(|()| output.flush()).is_err() {
            return 1;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_answered() {
        let mut output = Vec::new();
        let paths = ["/proc/self", "/no/such/place"].map(OsString::from);
        assert_eq!(statfs_child(paths, &mut output), 0);
        let text = String::from_utf8(output).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert!(lines[0].starts_with("0 ok "), "{text}");
        assert_eq!(lines[1], "1 error 2");
    }
}

//! `journalctl` and `systemd-journal-remote` of this machine: what our reader must agree with.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// What `journalctl -o export` prints for these arguments.
pub(crate) fn export(directory: &Path, arguments: &[OsString]) -> io::Result<Vec<u8>> {
    let run = Command::new("journalctl")
        .arg("--directory")
        .arg(directory)
        .args(["--output=export", "--no-pager", "--quiet"])
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| missing("journalctl", &error))?;
    // A boot without entries is a failure of journalctl with nothing to say.
    if run.status.success() || (run.stdout.is_empty() && run.stderr.is_empty()) {
        return Ok(run.stdout);
    }
    Err(io::Error::other(format!("journalctl: {}", String::from_utf8_lossy(&run.stderr))))
}

/// The version of systemd that `journalctl` belongs to.
pub(crate) fn version() -> io::Result<u32> {
    let run = Command::new("journalctl")
        .arg("--version")
        .output()
        .map_err(|error| missing("journalctl", &error))?;
    let said = String::from_utf8_lossy(&run.stdout);
    let number = said.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("journalctl --version: {said}")))
}

/// Writes a journal file out of text in the export format.
pub(crate) fn import(file: &Path, environment: &[(&str, &str)], text: &[u8]) -> io::Result<()> {
    const REMOTE: &str = "/lib/systemd/systemd-journal-remote";
    let compress = environment.iter().all(|(name, value)| (*name, *value) != ("COMPRESS", "no"));
    let mut run = Command::new(REMOTE)
        .arg(format!("--compress={}", if compress { "yes" } else { "no" }))
        .arg("--output")
        .arg(file)
        .arg("-")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(REMOTE, &error))?;
    let mut input = run.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // It says little, so that it never waits for us to read before we have written all.
    input.write_all(text)?;
    drop(input);
    let run = run.wait_with_output()?;
    if run.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{REMOTE}: {}", String::from_utf8_lossy(&run.stderr))))
}

fn missing(program: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{program}: {error} (scripts/setup.sh installs it)"))
}

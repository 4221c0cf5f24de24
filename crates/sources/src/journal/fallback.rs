//! `journalctl`, where journal files are there and our reader cannot read them.
//!
//! The one place where another program is run, as the last resort: for files with features that are not
//! known here, files that cannot be mapped (a limit on the address space: `journalctl` maps parts of
//! them), and damaged ones if nothing else of the system's journal can be read. It is run by its absolute
//! path, only if nobody but root can have put it there; with no shell, no environment and no input; its
//! output is read up to bounds of bytes and time, parsed by [`super::export`], and it is killed and reaped
//! on every way out. With what privileges we have: those that would have read the files.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, getrlimit, pidfd_open};
use sysdiag_model::Timestamp;

use super::export::{self, Entries, Limits};
use super::line::{cut, lossy};
use super::reader::MAX_VALUE_BYTES;
use crate::LogOptions;

/// Where it is on every system that has merged `/usr`, and on those that have not.
const PROGRAM: &str = "/usr/bin/journalctl";
/// Bytes of its output that are read at most.
const MOST_OUTPUT: u64 = 1 << 30;
/// As much of what it complains about is kept.
const MOST_COMPLAINTS: usize = 1024;
/// All entries, as they are kept in memory.
const MOST_KEPT: usize = 64 << 20;
/// Of the address space, where that is limited.
const SHARE: u64 = 16;
/// All values of an entry.
const MOST_OF_ENTRY: usize = 4 * MAX_VALUE_BYTES;
/// A killed child ends within this time, or is left behind.
const PATIENCE: Duration = Duration::from_millis(500);

/// Killed children that had not ended yet.
static HANGING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// What is wanted of the files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// When all has to be read and looked at.
    pub(super) deadline: Instant,
    /// The messages that are asked for. The newest of all are read besides.
    pub(super) logs: Option<&'a LogOptions>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) entries: Entries,
    /// Why not all was read.
    pub(super) cut_off: Option<String>,
}

/// Reads `files`, the newest entries first. `alone`: they are all of the journal, so that boots can be
/// counted. `share`: between so many calls of this the memory is shared. Err: why nothing was read.
pub(super) fn read(
    files: &[PathBuf],
    alone: bool,
    share: usize,
    wanted: Wanted<'_>,
) -> Result<Found, String> {
    let program = Path::new(PROGRAM);
    trusted(program)?;
    let mut entries = Entries::new(limits(share));
    let mut cut_off = None;
    // The other half is for looking at what was read.
    let left = wanted.deadline.saturating_duration_since(Instant::now()) / 2;
    let windows = [window(alone, wanted.logs), Some(Vec::new())];
    let runs = windows.iter().flatten().count().max(1);
    for window in windows.into_iter().flatten() {
        let time = left / u32::try_from(runs).unwrap_or(1);
        if let Err(why) = run(program, &arguments(files, window), time, &mut entries) {
            cut_off = Some(why);
        }
    }
    match cut_off {
        Some(why) if entries.count == 0 => Err(why),
        cut_off => Ok(Found { entries, cut_off }),
    }
}

/// How much is kept: less where memory is limited, for what is kept is laid out and mapped, too.
fn limits(share: usize) -> Limits {
    let space = getrlimit(Resource::As).current;
    let all = space.map_or(MOST_KEPT, |space| {
        usize::try_from(space / SHARE).unwrap_or(usize::MAX).min(MOST_KEPT)
    });
    Limits { value: MAX_VALUE_BYTES, entry: MOST_OF_ENTRY, all: all / share.max(1) }
}

/// Whether nobody but root can have written the program: it and the folders it is in are root's, and
/// nobody else may write to them.
fn trusted(program: &Path) -> Result<(), String> {
    for part in program.ancestors() {
        let about = part
            .symlink_metadata()
            .map_err(|error| format!("{}: {}", part.display(), crate::gap::reason(&error)))?;
        let is_right = if part == program { about.is_file() } else { about.is_dir() };
        if !is_right || about.uid() != 0 || about.mode() & 0o022 != 0 {
            return Err(format!("{} is not root's alone", part.display()));
        }
    }
    Ok(())
}

/// The part that is asked for, if it is not what comes first anyway.
fn window(alone: bool, logs: Option<&LogOptions>) -> Option<Vec<OsString>> {
    let logs = logs?;
    let mut arguments = Vec::new();
    let mut time = |name: &str, time: Option<Timestamp>| {
        let Some(usec) = time.map(Timestamp::as_usec) else { return };
        // systemd.time(7)
        let (seconds, rest) = (usec / 1_000_000, usec % 1_000_000);
        arguments.push(format!("{name}=@{seconds}.{rest:06}").into());
    };
    time("--since", logs.since);
    time("--until", logs.until);
    if logs.boot != 0 && alone {
        arguments.push(format!("--boot={}", logs.boot).into());
    }
    (!arguments.is_empty()).then_some(arguments)
}

fn arguments(files: &[PathBuf], window: Vec<OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["--quiet", "--no-pager", "--output=export", "--reverse"].map(OsString::from).into();
    for file in files {
        let mut argument = OsString::from("--file=");
        argument.push(file);
        arguments.push(argument);
    }
    arguments.extend(window);
    arguments
}

/// Whether `journalctl` takes a path as it is: it is a pattern to it (`glob(7)`, with braces).
pub(super) fn is_plain(path: &Path) -> bool {
    !path.as_os_str().as_encoded_bytes().iter().any(|byte| b"*?[]{}\\~".contains(byte))
}

/// Runs it once. Err: why not all was read.
fn run(
    program: &Path,
    arguments: &[OsString],
    time: Duration,
    entries: &mut Entries,
) -> Result<(), String> {
    let running = Running::start(program, arguments, Instant::now() + time)
        .map_err(|error| format!("{}: {}", program.display(), crate::gap::reason(&error)))?;
    let mut output = BufReader::with_capacity(64 << 10, running);
    let read = export::read(&mut output, entries);
    let mut running = output.into_inner();
    let count = entries.count;
    if entries.full {
        return Err(format!("only {count} entries are kept"));
    }
    match read {
        Ok(()) => match running.ended() {
            Some(status) if status.success() => Ok(()),
            // A boot without entries is a failure that nothing is said about.
            Some(_) if running.complaints.is_empty() => Ok(()),
            Some(_) => Err(running.complaint()),
            None => Err("journalctl did not end".to_owned()),
        },
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(format!("only {count} entries were read before the deadline"))
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(format!("only {count} entries were read: there are more than 1 GiB"))
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && count == 0 => {
            Err(running.complaint())
        }
        Err(error) => Err(format!("its output: {}", crate::gap::reason(&error))),
    }
}

/// A child at work. To drop it is to kill it.
#[derive(Debug)]
struct Running {
    child: Option<Child>,
    output: ChildStdout,
    errors: Option<ChildStderr>,
    complaints: Vec<u8>,
    deadline: Instant,
    /// Bytes of the output that may still be read.
    left: u64,
}

impl Running {
    fn start(program: &Path, arguments: &[OsString], deadline: Instant) -> io::Result<Self> {
        HANGING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let Some(output) = output else {
            end(child);
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let child = Some(child);
        Ok(Self { child, output, errors, complaints: Vec::new(), deadline, left: MOST_OUTPUT })
    }

    /// Waits until there is something to read from the output; what is complained about is read meanwhile.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            let mut descriptors = vec![PollFd::new(&self.output, PollFlags::IN)];
            descriptors.extend(self.errors.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            wait(&mut descriptors, self.deadline)?;
            let ready = |at: usize| descriptors.get(at).is_some_and(|it| !it.revents().is_empty());
            let (output, errors) = (ready(0), ready(1));
            if errors {
                self.take_complaints();
            }
            if output {
                return Ok(());
            }
        }
    }

    /// Reads some of what is there. What is beyond the bound is read as well, so that it can go on.
    fn take_complaints(&mut self) {
        let Some(pipe) = &mut self.errors else { return };
        let mut buffer = [0; 1024];
        let read = pipe.read(&mut buffer).unwrap_or(0);
        let room = MOST_COMPLAINTS.saturating_sub(self.complaints.len());
        self.complaints.extend(buffer.iter().take(read.min(room)));
        if read == 0 {
            self.errors = None;
        }
    }

    /// How it ended, if it does before the deadline.
    fn ended(&mut self) -> Option<ExitStatus> {
        while let Some(errors) = &self.errors {
            wait(&mut [PollFd::new(errors, PollFlags::IN)], self.deadline).ok()?;
            self.take_complaints();
        }
        let child = self.child.as_mut()?;
        if let Some(pidfd) = pidfd(child) {
            wait(&mut [PollFd::new(&pidfd, PollFlags::IN)], self.deadline).ok()?;
        }
        child.try_wait().ok().flatten()
    }

    /// The first line of what it complained about.
    fn complaint(&self) -> String {
        let text = lossy(&self.complaints, MOST_COMPLAINTS);
        let line = text.lines().next().unwrap_or("it ended without an output");
        format!("journalctl: {}", cut(line, 200))
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // Even if there is always something to read.
        if Instant::now() >= self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.wait()?;
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.output.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            end(child);
        }
    }
}

fn pidfd(child: &Child) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Kills and reaps it. One that is stuck in the kernel is reaped when the next one is started.
fn end(mut child: Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    // It may have ended by itself.
    let _ = child.kill();
    if let Some(pidfd) = pidfd(&child) {
        let _ = wait(&mut [PollFd::new(&pidfd, PollFlags::IN)], Instant::now() + PATIENCE);
    }
    if !matches!(child.try_wait(), Ok(Some(_))) {
        HANGING.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }
}

/// Waits until one of them is ready.
fn wait(descriptors: &mut [PollFd<'_>], until: Instant) -> io::Result<()> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(descriptors, Some(&timeout)) {
            // A signal came between.
            Err(Errno::INTR) => {}
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use flate2::read::GzDecoder;
    use sysdiag_journal::{Direction, Journal, Options, Select, Window};

    use super::*;

    /// A recorded journal, unpacked into `folder`.
    fn recorded(suite: &str, folder: &Path) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal").join(suite);
        let file = fs::File::open(from.join("system.journal.gz")).unwrap();
        let mut bytes = Vec::new();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        let path = folder.join("system.journal");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Entries in their order, the fields of each in one of their own.
    fn everything(journal: &Journal, window: Window) -> Vec<(String, Vec<Vec<u8>>)> {
        let entries = journal.entries(&Select::all(window), Direction::Forward);
        let list = entries.map(|entry| {
            let field = |name: &[u8], value: &[u8]| [name, b"=", value].concat();
            let fields = entry.fields().map(|it| field(it.name(), it.value()));
            let mut fields: Vec<Vec<u8>> = fields.collect();
            fields.sort();
            (entry.cursor(), fields)
        });
        list.collect()
    }

    #[test]
    fn journalctl_gives_what_our_reader_gives() {
        for suite in ["bookworm", "trixie", "machine"] {
            let folder = tempfile::tempdir().unwrap();
            let path = recorded(suite, folder.path());
            let options = Options { max_value_bytes: MAX_VALUE_BYTES, ..Options::default() };
            let direct = Journal::open(&[&path], &options);
            let middle = direct.boots()[0].first_usec + 1_000_000;
            // A part that is asked for, which the newest entries have again.
            let logs =
                LogOptions { since: Some(Timestamp::from_usec(middle)), ..LogOptions::default() };
            let deadline = Instant::now() + Duration::from_mins(2);
            let wanted = Wanted { deadline, logs: Some(&logs) };
            let found = read(std::slice::from_ref(&path), true, 1, wanted).unwrap();
            assert_eq!(found.cut_off, None);
            let left_out = found.entries.values_left_out;
            assert_eq!(found.entries.malformed, 0);
            let mut instead = Journal::open(&[] as &[&Path], &Options::default());
            for image in found.entries.images.into_values() {
                instead.add_image(&path, image).unwrap();
            }
            for since_usec in [None, Some(middle)] {
                let window = Window { since_usec, ..Window::default() };
                let expected = everything(&direct, window);
                assert!(expected.len() > 50, "{suite}: {} entries", expected.len());
                assert_eq!(everything(&instead, window), expected);
                for field in ["PRIORITY", "MESSAGE", "_SYSTEMD_UNIT"] {
                    let values = |journal: &Journal| journal.distinct(field, &window, 1 << 20);
                    assert_eq!(values(&instead), values(&direct), "{field}");
                }
            }
            assert_eq!(instead.boots(), direct.boots());
            assert!(instead.damage().is_empty(), "{:?}", instead.damage());
            // The same that are too long.
            assert_eq!(direct.damage().len() as u64, left_out, "{:?}", direct.damage());
        }
    }

    #[test]
    fn what_journalctl_cannot_read_either_is_said_in_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.journal");
        fs::write(&path, vec![b'x'; 4096]).unwrap();
        let wanted = Wanted { deadline: Instant::now() + Duration::from_mins(1), logs: None };
        let why = read(&[path], true, 1, wanted).unwrap_err();
        assert!(why.starts_with("journalctl: "), "{why}");
    }

    fn started(program: &str, arguments: &[&str], time: Duration) -> Running {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Running::start(Path::new(program), &arguments, Instant::now() + time).unwrap()
    }

    fn is_there(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn one_that_says_nothing_is_killed_at_the_deadline_and_reaped() {
        let mut running = started("/bin/sleep", &["1000"], Duration::from_millis(100));
        let pid = running.child.as_ref().unwrap().id();
        assert!(is_there(pid));
        let error = running.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(running);
        assert!(!is_there(pid), "not even a zombie");
    }

    #[test]
    fn one_that_never_stops_is_read_up_to_the_bound() {
        let mut running = started("/usr/bin/yes", &[], Duration::from_mins(1));
        let pid = running.child.as_ref().unwrap().id();
        running.left = 100_000;
        let mut bytes = Vec::new();
        let error = running.read_to_end(&mut bytes).unwrap_err();
        assert_eq!((error.kind(), bytes.len()), (io::ErrorKind::FileTooLarge, 100_000));
        drop(running);
        assert!(!is_there(pid));
    }

    #[test]
    fn what_it_complains_about_is_bounded_and_does_not_keep_it() {
        let script = "yes complaint | head -c 1000000 >&2; echo done; exit 3";
        let mut running = started("/bin/sh", &["-c", script], Duration::from_mins(1));
        let mut text = String::new();
        running.read_to_string(&mut text).unwrap();
        assert_eq!(text, "done\n");
        assert_eq!(running.ended().unwrap().code(), Some(3));
        assert_eq!(running.complaints.len(), MOST_COMPLAINTS);
        assert_eq!(running.complaint(), "journalctl: complaint");
    }

    #[test]
    fn it_gets_no_environment_and_no_input() {
        let mut text = String::new();
        let mut running = started("/usr/bin/env", &[], Duration::from_mins(1));
        running.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
        let mut running = started("/bin/cat", &[], Duration::from_mins(1));
        running.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
    }

    #[test]
    fn only_what_is_roots_alone_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("journalctl");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // Whoever owns it: anybody may write to /tmp.
        assert!(trusted(&program).is_err());
        assert!(trusted(Path::new("/usr/bin/no-such-program")).is_err());
        assert!(trusted(Path::new("/usr/bin")).is_err());
        assert_eq!(trusted(Path::new("/usr/bin/env")), Ok(()));
    }

    #[test]
    fn a_window_is_asked_for_as_journalctl_takes_it() {
        let logs = LogOptions {
            since: Some(Timestamp::from_usec(1_700_000_000_000_042)),
            boot: -2,
            ..LogOptions::default()
        };
        let text = |window: Option<Vec<OsString>>| {
            window.map(|list| list.join(" ".as_ref()).into_string().unwrap())
        };
        let since = "--since=@1700000000.000042";
        assert_eq!(text(window(true, Some(&logs))), Some(format!("{since} --boot=-2")));
        assert_eq!(text(window(false, Some(&logs))), Some(since.to_owned()));
        assert_eq!(window(true, Some(&LogOptions::default())), None);
        assert_eq!(window(true, None), None);
        assert!(is_plain(Path::new("/var/log/journal/0123/system@0005-ab.journal")));
        assert!(!is_plain(Path::new("/var/log/journal/*/a.journal")));
    }
}

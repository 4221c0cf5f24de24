//! How the boot before this one ended: with a shutdown, or without.
//!
//! A boot that ends well leaves a trace at its end: journald logs that it stops, and before that
//! systemd that it has reached `shutdown.target` (where `/var` is a file system of its own, journald
//! leaves it earlier: then the last that it holds is that `sysinit.target` was stopped). Only the
//! end is read, newest entry first, and only entries count that journald or systemd themselves
//! wrote, by message ids and by fields that no sender can set. That there is no trace is believed
//! only if the end is there and could be read: a file that is gone, refused or damaged leaves it
//! open, and so does a journal that is not kept over boots any more.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use sysdiag_model::snapshot::{BootEnd, LogLine, PreviousBoot};
use sysdiag_model::{BootId, Gap, Timestamp, Why};

use super::files::{End, Files, written_usec};
use super::kernel::matters;
use super::line::{line, lossy};
use super::messages::{
    JOURNAL_START, JOURNAL_STOP, POWER_KEY, POWER_KEY_LONG_PRESS, SHUTDOWN, UNIT_STARTED,
    UNIT_STOPPED, UNIT_STOPPING,
};
use super::reader::{Entry, Faults, Reader, Select, boot_id};

/// Entries that are read at most. A shutdown logs some tens after it has stopped the services.
const MAX_ENTRIES: usize = 60;
/// A shutdown that was asked for longer before the end came to nothing (`JobTimeoutSec=` of
/// `poweroff.target` and the like is 30 minutes).
const SHUTDOWN_USEC: u64 = 40 * 60 * 1_000_000;
/// Last lines that are kept.
const LAST_LINES: usize = 5;
/// Lines about trouble that are kept, the newest.
const MAX_TROUBLE: usize = 5;
/// As much of a message of the kernel is looked at.
const MAX_LOOKED_AT: usize = 1024;
/// `systemd.special(7)`: reached when the services have been stopped.
const SHUTDOWN_TARGETS: [&str; 8] = [
    "shutdown.target",
    "umount.target",
    "final.target",
    "poweroff.target",
    "reboot.target",
    "halt.target",
    "kexec.target",
    "exit.target",
];
/// Stopped when all that depends on them has been.
const FIRST_TARGETS: [&str; 2] = ["sysinit.target", "local-fs.target"];
/// What moves the journal from `/var` to `/run` when it is stopped.
const JOURNAL_FLUSH: &str = "systemd-journal-flush.service";
const LOGIND: &str = "systemd-logind.service";
const WHAT: &str = "how the previous boot ended";

/// How the boot before `current` ended. None: there is none in the journal, or it is not known.
pub(super) fn read(
    files: &Files,
    reader: &Reader,
    current: BootId,
    now: Timestamp,
    deadline: Instant,
) -> (Option<PreviousBoot>, Vec<Gap>) {
    let Some(found) = find(files, reader, current) else { return (None, Vec::new()) };
    let mut gaps = Vec::new();
    if found.last > now {
        let hint = "an earlier boot seems to be later than now: the clock was set back";
        gaps.push(Gap::new(WHAT, Why::Malformed, hint));
        return (None, gaps);
    }
    let id = found.id.to_string();
    let select = Select { all: vec![("_BOOT_ID", id.as_str())], ..Select::default() };
    let mut faults = Faults::default();
    let mut tail = Tail::default();
    reader.newest_first(&select, deadline, &mut faults, |entry| tail.add(entry));
    if tail.end.is_none() {
        let select = Select {
            all: vec![
                ("_BOOT_ID", id.as_str()),
                ("MESSAGE_ID", SHUTDOWN),
                ("_SYSTEMD_UNIT", LOGIND),
            ],
            since: Some(found.last.minus_usec(SHUTDOWN_USEC)),
            ..Select::default()
        };
        reader.newest_first(&select, deadline, &mut faults, |entry| tail.add_asked(entry));
    }
    let complete = tail.newest.is_some_and(|newest| newest >= found.last);
    // What a damaged file lost may be of that boot, or of a newer one, if it was written to since.
    let last = found.last.as_usec();
    let mut faults = faults.late(WHAT);
    faults.extend(
        reader.damage_of(|path| files.of_system.contains_key(path) && written_usec(path) >= last),
    );
    if !faults.is_empty() {
        gaps.extend(faults);
        return (None, gaps);
    }
    if !complete {
        gaps.push(Gap::new(WHAT, Why::Malformed, "its last entries are not in the journal files"));
        return (None, gaps);
    }
    (Some(tail.finish(&found)), gaps)
}

/// The newest boot but the current one in the files of the system.
struct Found {
    id: BootId,
    /// Of its last entry.
    last: Timestamp,
    file: PathBuf,
}

/// None: there is none, or there may be a newer one in a file that cannot be read.
fn find(files: &Files, reader: &Reader, current: BootId) -> Option<Found> {
    let mut found = None::<Found>;
    for file in reader.journal().files() {
        let is_older =
            |end: &End| found.as_ref().is_some_and(|found| end.last_usec < found.last.as_usec());
        let Some(range) = file.whole() else { continue };
        if files.of_system.get(file.path()).is_none_or(is_older) {
            continue;
        }
        for value in file.values("_BOOT_ID", range) {
            let Some(last) = value.last() else { continue };
            let Some(id) = boot_id(last.boot_id()).filter(|id| *id != current) else { continue };
            let last = Timestamp::from_usec(last.realtime_usec());
            // Of the same moment: the file that comes first.
            if found.as_ref().is_none_or(|found| last > found.last) {
                found = Some(Found { id, last, file: file.path().to_owned() });
            }
        }
    }
    let known = |found: &Found| {
        // What was last written to before that cannot hold what came after.
        files.unread_usec.is_none_or(|unread| unread < found.last.as_usec())
            // Where this boot keeps nothing, others may have kept nothing either.
            && files.of_system.iter().any(|(path, end)| {
                path.parent() == found.file.parent() && end.last_boot == Some(current)
            })
    };
    found.filter(known)
}

/// The end of a boot, newest entry first.
#[derive(Default)]
struct Tail {
    read: usize,
    /// When the journal took in the newest entry.
    newest: Option<Timestamp>,
    end: Option<(BootEnd, Option<LogLine>)>,
    trouble: Vec<LogLine>,
    last_lines: Vec<LogLine>,
}

impl Tail {
    fn add(&mut self, entry: &Entry<'_>) -> ControlFlow<()> {
        self.newest = self.newest.or_else(|| Some(entry.received()));
        let sign = Facts::of(entry).sign();
        match sign {
            Some(Sign::Shutdown) => {
                self.end = Some((BootEnd::Shutdown, line(entry)));
                return ControlFlow::Break(());
            }
            // What is older was said by a journald that was restarted since, such as the initrd's.
            Some(Sign::JournalStarted) => return ControlFlow::Break(()),
            _ => {}
        }
        if self.last_lines.len() < LAST_LINES {
            self.last_lines.extend(line(entry));
        }
        if self.trouble.len() < MAX_TROUBLE && (sign == Some(Sign::PowerKey) || is_fault(entry)) {
            self.trouble.extend(line(entry));
        }
        self.read += 1;
        if self.read >= MAX_ENTRIES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn add_asked(&mut self, entry: &Entry<'_>) -> ControlFlow<()> {
        if Facts::of(entry).sign() != Some(Sign::ShutdownAsked) {
            return ControlFlow::Continue(());
        }
        self.end = Some((BootEnd::ShutdownUnfinished, line(entry)));
        ControlFlow::Break(())
    }

    fn finish(mut self, found: &Found) -> PreviousBoot {
        let (end, told_by) = self.end.unwrap_or((BootEnd::Sudden, None));
        if end == BootEnd::Shutdown {
            self.last_lines.clear();
            self.trouble.clear();
        }
        self.last_lines.reverse();
        self.trouble.reverse();
        let file = found.file.display().to_string();
        PreviousBoot {
            boot_id: found.id,
            last_entry: found.last,
            end,
            told_by,
            trouble: self.trouble,
            last_lines: self.last_lines,
            put_aside: Some(file).filter(|file| file.ends_with('~')),
        }
    }
}

/// Whether the kernel itself, not somebody over `/dev/kmsg`, tells of a fault.
fn is_fault(entry: &Entry<'_>) -> bool {
    entry.is("_TRANSPORT", "kernel")
        && entry.is("SYSLOG_IDENTIFIER", "kernel")
        && entry.bytes("MESSAGE").is_some_and(|text| matters(&lossy(text, MAX_LOOKED_AT)))
}

/// What an entry tells of the end of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// The services were stopped, or journald was.
    Shutdown,
    /// Somebody asked for a shutdown.
    ShutdownAsked,
    JournalStarted,
    PowerKey,
}

/// The fields that decide.
#[derive(Debug, Clone, Copy, Default)]
struct Facts<'a> {
    message_id: Option<&'a str>,
    transport: Option<&'a str>,
    pid: Option<&'a str>,
    uid: Option<&'a str>,
    /// Of the sender.
    own_unit: Option<&'a str>,
    /// What it is about.
    unit: Option<&'a str>,
}

impl<'a> Facts<'a> {
    fn of(entry: &'a Entry<'_>) -> Self {
        Self {
            message_id: entry.text("MESSAGE_ID"),
            transport: entry.text("_TRANSPORT"),
            pid: entry.text("_PID"),
            uid: entry.text("_UID"),
            own_unit: entry.text("_SYSTEMD_UNIT"),
            unit: entry.text("UNIT"),
        }
    }

    fn sign(self) -> Option<Sign> {
        let id = self.message_id?;
        if self.transport == Some("driver") {
            return match id {
                JOURNAL_STOP => Some(Sign::Shutdown),
                JOURNAL_START => Some(Sign::JournalStarted),
                _ => None,
            };
        }
        if self.transport != Some("journal") || self.uid != Some("0") {
            return None;
        }
        if self.pid == Some("1") {
            let unit = self.unit?;
            let is_shutdown = match id {
                UNIT_STARTED => SHUTDOWN_TARGETS.contains(&unit),
                UNIT_STOPPED => FIRST_TARGETS.contains(&unit),
                UNIT_STOPPING => unit == JOURNAL_FLUSH,
                _ => false,
            };
            return is_shutdown.then_some(Sign::Shutdown);
        }
        match id {
            _ if self.own_unit != Some(LOGIND) => None,
            SHUTDOWN => Some(Sign::ShutdownAsked),
            POWER_KEY | POWER_KEY_LONG_PRESS => Some(Sign::PowerKey),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_pid_1<'a>(message_id: &'a str, unit: &'a str) -> Facts<'a> {
        Facts {
            message_id: Some(message_id),
            transport: Some("journal"),
            pid: Some("1"),
            uid: Some("0"),
            own_unit: Some("init.scope"),
            unit: Some(unit),
        }
    }

    #[test]
    fn systemd_tells_that_it_has_stopped_everything() {
        for unit in SHUTDOWN_TARGETS {
            assert_eq!(of_pid_1(UNIT_STARTED, unit).sign(), Some(Sign::Shutdown), "{unit}");
        }
        // Where /var is unmounted before that.
        for (id, unit) in [
            (UNIT_STOPPED, "sysinit.target"),
            (UNIT_STOPPED, "local-fs.target"),
            (UNIT_STOPPING, "systemd-journal-flush.service"),
        ] {
            assert_eq!(of_pid_1(id, unit).sign(), Some(Sign::Shutdown), "{unit}");
        }
        for (id, unit) in [
            (UNIT_STARTED, "sysinit.target"),
            (UNIT_STARTED, "systemd-journal-flush.service"),
            (UNIT_STOPPED, "multi-user.target"),
            (UNIT_STOPPED, "shutdown.target"),
        ] {
            assert_eq!(of_pid_1(id, unit).sign(), None, "{unit}");
        }
    }

    #[test]
    fn nobody_else_can_tell_it() {
        let real = of_pid_1(UNIT_STARTED, "shutdown.target");
        for forged in [
            Facts { pid: Some("700"), ..real },
            Facts { uid: Some("1000"), ..real },
            Facts { transport: Some("syslog"), ..real },
            Facts { transport: None, ..real },
        ] {
            assert_eq!(forged.sign(), None, "{forged:?}");
        }
        let stopped =
            Facts { message_id: Some(JOURNAL_STOP), transport: Some("driver"), ..Facts::default() };
        assert_eq!(stopped.sign(), Some(Sign::Shutdown));
        let by_root = Facts { transport: Some("journal"), uid: Some("0"), ..stopped };
        assert_eq!(by_root.sign(), None);
        let asked = Facts {
            message_id: Some(SHUTDOWN),
            pid: Some("40"),
            own_unit: Some("systemd-logind.service"),
            ..real
        };
        assert_eq!(asked.sign(), Some(Sign::ShutdownAsked));
        assert_eq!(Facts { own_unit: Some("app.service"), ..asked }.sign(), None);
        let key = Facts { message_id: Some(POWER_KEY), ..asked };
        assert_eq!(key.sign(), Some(Sign::PowerKey));
    }
}

//! What is seen, as it is handed out: borrowed from the ring buffer and from what is remembered, so
//! that an event costs no allocation. `to_model` makes what a snapshot keeps.

use sysdiag_model::snapshot::{
    PeakRss, ProcessEnd, SignalSender, TracedExec, TracedExit, TracedProcess, TracedProgram,
    TracedSignal,
};
use sysdiag_model::{Timestamp, UnitName};

use crate::groups::Group;

/// Takes secrets out of arguments, the first of which is the program's own name.
pub type Mask = fn(Vec<String>) -> Vec<String>;

/// Something happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A process was made.
    Fork(Fork<'a>),
    /// A process ran a program.
    Exec(Exec<'a>),
    /// A process ended.
    Exit(Exit<'a>),
    /// A signal was sent that ends a process, or by which one process asks another to end.
    Signal(Party<'a>, Signal<'a>),
    /// The kernel chose a process because memory had run out.
    OomVictim(OomVictim<'a>),
}

/// Who a process is.
#[derive(Debug, Clone, Copy)]
pub struct Process<'a> {
    /// Process id (thread group).
    pub pid: u32,
    /// Process id of its parent.
    pub parent: u32,
    /// Real user id.
    pub uid: u32,
    /// `comm`, at most 15 bytes.
    pub command: &'a [u8],
    /// Its control group. None: not known.
    pub group: Option<&'a Group>,
}

/// Another process that an event names.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    /// Process id (thread group).
    pub pid: u32,
    /// `comm`, at most 15 bytes.
    pub command: &'a [u8],
    /// Its control group. None: not known.
    pub group: Option<&'a Group>,
}

/// A process was made. It still is a copy of its parent.
#[derive(Debug, Clone, Copy)]
pub struct Fork<'a> {
    /// When.
    pub time: Timestamp,
    /// The new process (thread group).
    pub pid: u32,
    /// Who made it.
    pub parent: u32,
    /// Real user id of the parent.
    pub uid: u32,
    /// Control group of the parent. None: not known.
    pub group: Option<&'a Group>,
}

/// What a process runs.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The file as it was named to `execve(2)`; more than 511 bytes are cut.
    pub file: &'a [u8],
    /// Of a script, the interpreter that was run for it.
    pub interpreter: Option<&'a [u8]>,
    /// The arguments, each ended by a 0, but for one that was cut. None: not readable.
    pub arguments: Option<&'a [u8]>,
    /// There were more arguments, or longer ones.
    pub arguments_cut: bool,
}

/// A process ran a program.
#[derive(Debug, Clone, Copy)]
pub struct Exec<'a> {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub process: Process<'a>,
    /// What.
    pub program: Program<'a>,
    /// As of [`TracedExec::deleted`].
    pub deleted: bool,
    /// As of [`TracedExec::writable_by_all`].
    pub writable_by_all: bool,
    /// As of [`TracedExec::folder_writable_by_all`].
    pub folder_writable_by_all: bool,
}

/// A process ended.
#[derive(Debug, Clone, Copy)]
pub struct Exit<'a> {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub process: Process<'a>,
    /// What it ran last; at most 1 KiB of its arguments. None: as of [`TracedExit::program`].
    pub program: Option<Program<'a>>,
    /// As of [`TracedExit::never_execed`].
    pub never_execed: bool,
    /// How.
    pub end: ProcessEnd,
    /// Microseconds of `CLOCK_BOOTTIME` from its start to its end.
    pub lifetime_usec: u64,
    /// The most memory it had.
    pub peak_rss: PeakRss,
    /// As of [`TracedExit::signal`].
    pub signal: Option<Signal<'a>>,
    /// The kernel chose it because memory had run out.
    pub oom_victim: bool,
}

/// A signal.
#[derive(Debug, Clone, Copy)]
pub struct Signal<'a> {
    /// When it was sent.
    pub time: Timestamp,
    /// Its number.
    pub number: u8,
    /// The kernel sent it; the sender is who ran at that moment.
    pub by_kernel: bool,
    /// Who sent it.
    pub sender: Sender<'a>,
}

/// Who sent a signal.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// Process id (thread group).
    pub pid: u32,
    /// Real user id.
    pub uid: u32,
    /// `comm` of the thread, at most 15 bytes.
    pub command: &'a [u8],
    /// Its control group. None: not known.
    pub group: Option<&'a Group>,
}

/// The kernel chose a process because memory had run out.
#[derive(Debug, Clone, Copy)]
pub struct OomVictim<'a> {
    /// When.
    pub time: Timestamp,
    /// The victim (thread group; before Linux 6.8 maybe a thread of it).
    pub pid: u32,
    /// Who needed memory at that moment.
    pub asker: Party<'a>,
}

impl Event<'_> {
    /// When it happened.
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Fork(fork) => fork.time,
            Self::Exec(exec) => exec.time,
            Self::Exit(exit) => exit.time,
            Self::Signal(_, signal) => signal.time,
            Self::OomVictim(victim) => victim.time,
        }
    }
}

impl<'a> Process<'a> {
    /// The unit it belongs to.
    pub fn unit(&self) -> Option<&'a UnitName> {
        self.group?.unit()
    }

    /// As a snapshot keeps it.
    pub fn to_model(&self) -> TracedProcess {
        TracedProcess {
            pid: self.pid,
            parent: self.parent,
            uid: self.uid,
            command: text(self.command),
            cgroup: self.group.map(|group| group.path().to_owned()),
            unit: self.unit().cloned(),
        }
    }
}

impl<'a> Sender<'a> {
    /// The unit it belongs to.
    pub fn unit(&self) -> Option<&'a UnitName> {
        self.group?.unit()
    }
}

impl Signal<'_> {
    /// As a snapshot keeps it.
    pub fn to_model(&self) -> TracedSignal {
        TracedSignal {
            time: self.time,
            number: self.number,
            by_kernel: self.by_kernel,
            sender: SignalSender {
                pid: self.sender.pid,
                uid: self.sender.uid,
                command: text(self.sender.command),
                cgroup: self.sender.group.map(|group| group.path().to_owned()),
                unit: self.sender.unit().cloned(),
            },
        }
    }
}

impl<'a> Program<'a> {
    /// The arguments one by one; none if they could not be read.
    pub fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.arguments.unwrap_or_default();
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        let none = bytes.is_empty();
        bytes.split(|byte| *byte == 0).filter(move |_| !none)
    }

    /// As a snapshot keeps it: arguments masked, then cut to so many bytes in all.
    pub fn to_model(&self, mask: Mask, most_bytes: usize) -> TracedProgram {
        let mut cut = self.arguments_cut;
        let arguments = self.arguments.map(|_| {
            let mut room = most_bytes;
            let mut kept = mask(self.arguments().map(text).collect());
            kept.retain_mut(|argument| {
                if argument.len() > room {
                    cut = true;
                    argument.truncate(argument.floor_char_boundary(room));
                    room = 0;
                    return !argument.is_empty();
                }
                room -= argument.len();
                true
            });
            kept
        });
        TracedProgram {
            file: text(self.file),
            interpreter: self.interpreter.map(text),
            arguments,
            arguments_cut: cut,
        }
    }
}

impl Exec<'_> {
    /// As a snapshot keeps it, with at most so many bytes of arguments.
    pub fn to_model(&self, mask: Mask, most_bytes: usize) -> TracedExec {
        TracedExec {
            time: self.time,
            process: self.process.to_model(),
            program: self.program.to_model(mask, most_bytes),
            deleted: self.deleted,
            writable_by_all: self.writable_by_all,
            folder_writable_by_all: self.folder_writable_by_all,
        }
    }
}

impl Exit<'_> {
    /// As a snapshot keeps it, with at most so many bytes of arguments.
    pub fn to_model(&self, mask: Mask, most_bytes: usize) -> TracedExit {
        TracedExit {
            time: self.time,
            process: self.process.to_model(),
            program: self.program.map(|program| program.to_model(mask, most_bytes)),
            never_execed: self.never_execed,
            end: self.end,
            lifetime_usec: self.lifetime_usec,
            peak_rss: self.peak_rss,
            signal: self.signal.map(|signal| signal.to_model()),
            oom_victim: self.oom_victim,
        }
    }
}

/// Bytes of the host as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(arguments: &[u8]) -> Program<'_> {
        Program {
            file: b"/bin/x",
            interpreter: None,
            arguments: Some(arguments),
            arguments_cut: false,
        }
    }

    #[test]
    fn arguments_end_with_a_zero() {
        for (bytes, expected) in [
            (&b""[..], &[][..]),
            (b"\0", &[]),
            (b"a\0", &["a"]),
            (b"a\0\0b\0", &["a", "", "b"]),
            (b"a\0cu", &["a", "cu"]),
        ] {
            let model = program(bytes).to_model(|all| all, 100);
            assert_eq!(model.arguments.unwrap(), expected);
        }
    }

    #[test]
    fn arguments_are_masked_before_they_are_cut() {
        let mask: Mask = |all| all.iter().map(|one| one.replace("secret", "[masked]")).collect();
        let model = program("x\0secret\0aßz\0more\0".as_bytes()).to_model(mask, 11);
        assert_eq!(model.arguments.unwrap(), ["x", "[masked]", "a"]);
        assert!(model.arguments_cut);
        let all = program(b"x\0y\0").to_model(mask, 2);
        assert_eq!((all.arguments.unwrap().len(), all.arguments_cut), (2, false));
    }
}

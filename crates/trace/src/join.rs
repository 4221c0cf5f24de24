//! From records to events: each is joined to what earlier ones said, of control groups and processes.

use sysdiag_model::snapshot::{PeakRss, ProcessEnd};

use crate::clock::Offset;
use crate::event::{Event, Exec, Exit, Fork, OomVictim, Party, Process, Program, Sender, Signal};
use crate::groups::Groups;
use crate::known::{Known, Origin, Ran, Sent, Slot};
use crate::wire::{self, Body, Comm, Record};

const DIRECTORY: u16 = 0o040_000;
const KIND: u16 = 0o170_000;
const WRITABLE_BY_ALL: u16 = 0o002;

/// What is remembered between events.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) groups: Groups,
    known: Known,
    page_bytes: u64,
}

impl Join {
    pub(crate) fn new(groups: Groups, page_bytes: u64) -> Self {
        Self { groups, known: Known::new(), page_bytes }
    }

    /// Takes a record in, and hands on what it says.
    pub(crate) fn take(
        &mut self,
        record: &Record<'_>,
        clock: Offset,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let (pid, time) = (record.pid, clock.wall(record.time));
        match &record.body {
            Body::Fork(fork) => {
                self.known.fork(pid, fork);
                let group = self.groups.get(fork.cgroup);
                let (parent, uid) = (fork.parent, fork.uid);
                each(Event::Fork(Fork { time, pid, parent, uid, group }));
            }
            Body::Exec(exec) => {
                self.known.exec(pid, exec);
                each(Event::Exec(self.exec(pid, time, exec)));
            }
            Body::Exit(exit) => {
                if !self.known.is_second_end(pid, exit.start) {
                    each(Event::Exit(self.exit(record, clock, exit)));
                }
                self.known.forget(pid);
            }
            Body::Signal(signal) => {
                self.known.signal(pid, record.time, *signal);
                let command = signal.comm.bytes();
                let to = Party { pid, command, group: self.groups.get(signal.cgroup) };
                let sent = Sent { time: record.time, signal: *signal };
                each(Event::Signal(to, self.signal(&sent, clock)));
            }
            Body::Oom(oom) => {
                self.known.oom(pid);
                let group = self.groups.get(oom.asker_cgroup);
                let asker = Party { pid: oom.asker, command: oom.asker_comm.bytes(), group };
                each(Event::OomVictim(OomVictim { time, pid, asker }));
            }
            Body::Mkdir { id, path, .. } => self.groups.add(*id, path),
            Body::Rmdir { id } => self.groups.remove(*id),
        }
    }

    fn process<'a>(
        &'a self,
        pid: u32,
        (parent, uid): (u32, u32),
        comm: &'a Comm,
        cgroup: u64,
    ) -> Process<'a> {
        Process { pid, parent, uid, command: comm.bytes(), group: self.groups.get(cgroup) }
    }

    fn exec<'a>(
        &'a self,
        pid: u32,
        time: sysdiag_model::Timestamp,
        exec: &'a wire::Exec<'_>,
    ) -> Exec<'a> {
        let is_known = exec.mode != 0;
        Exec {
            time,
            process: self.process(pid, (exec.parent, exec.uid), &exec.comm, exec.cgroup),
            program: program(Ran {
                file: exec.file,
                interpreter: exec.interpreter,
                arguments: exec.arguments,
                cut: exec.arguments_cut,
            }),
            deleted: is_known && exec.links == 0,
            writable_by_all: exec.mode & WRITABLE_BY_ALL != 0,
            folder_writable_by_all: exec.folder_mode & KIND == DIRECTORY
                && exec.folder_mode & WRITABLE_BY_ALL != 0,
        }
    }

    fn exit<'a>(&'a self, record: &Record<'_>, clock: Offset, exit: &'a wire::Exit) -> Exit<'a> {
        let slot = self.known.get(record.pid, exit.start);
        let origin = slot.map_or(Origin::Before, |slot| slot.origin);
        let end = end(exit.status);
        let cause = slot.and_then(|slot| {
            slot.signal(|signal| match end {
                ProcessEnd::Killed { signal: number, .. } => signal.number == number,
                // Asked to by another process; what it did of its own accord explains itself.
                ProcessEnd::Exited { .. } => !signal.by_kernel && signal.sender != record.pid,
            })
        });
        Exit {
            time: clock.wall(record.time),
            process: self.process(record.pid, (exit.parent, exit.uid), &exit.comm, exit.cgroup),
            program: slot.and_then(Slot::program).map(program),
            never_execed: matches!(origin, Origin::Made { .. }),
            end,
            lifetime_usec: record.time.saturating_sub(exit.start) / 1000,
            peak_rss: PeakRss {
                bytes: exit.peak.saturating_mul(self.page_bytes),
                at_most: match origin {
                    Origin::Before => true,
                    Origin::Made { shares_memory } => shares_memory,
                    Origin::Ran { peak_before } => exit.peak <= peak_before,
                },
            },
            signal: cause.map(|sent| self.signal(sent, clock)),
            oom_victim: slot.is_some_and(|slot| slot.is_oom_victim),
        }
    }

    fn signal<'a>(&'a self, sent: &'a Sent, clock: Offset) -> Signal<'a> {
        let signal = &sent.signal;
        Signal {
            time: clock.wall(sent.time),
            number: signal.number,
            by_kernel: signal.by_kernel,
            sender: Sender {
                pid: signal.sender,
                uid: signal.sender_uid,
                command: signal.sender_comm.bytes(),
                group: self.groups.get(signal.sender_cgroup),
            },
        }
    }
}

fn program(ran: Ran<'_>) -> Program<'_> {
    Program {
        file: ran.file,
        interpreter: Some(ran.interpreter).filter(|name| !name.is_empty()),
        arguments: ran.arguments,
        arguments_cut: ran.cut,
    }
}

/// Takes a status apart as the macros of `wait(2)` do.
fn end(status: u32) -> ProcessEnd {
    let [low, high, ..] = status.to_le_bytes();
    match low & 0x7f {
        0 => ProcessEnd::Exited { status: high },
        signal => ProcessEnd::Killed { signal, core: low & 0x80 != 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::tests::{a_signal, an_exec};

    const PID: u32 = 42;

    fn exit(start: u64, status: u32, peak: u64) -> Body<'static> {
        let comm = Comm::of(b"x");
        Body::Exit(wire::Exit { start, cgroup: 9, peak, parent: 1, uid: 7, status, comm })
    }

    /// The last exit that these records make, as text to compare.
    fn told(records: &[(u64, Body<'_>)], look: &mut dyn FnMut(&Exit<'_>)) -> usize {
        let mut join = Join::new(Groups::default(), 4096);
        let mut count = 0;
        for (time, body) in records {
            let record = Record { time: *time, pid: PID, body: *body };
            join.take(&record, Offset::measure(), &mut |event| {
                if let Event::Exit(exit) = event {
                    count += 1;
                    look(&exit);
                }
            });
        }
        count
    }

    #[test]
    fn status_is_taken_apart() {
        assert_eq!(end(0), ProcessEnd::Exited { status: 0 });
        assert_eq!(end(127 << 8), ProcessEnd::Exited { status: 127 });
        assert_eq!(end(9), ProcessEnd::Killed { signal: 9, core: false });
        assert_eq!(end(0x8b), ProcessEnd::Killed { signal: 11, core: true });
    }

    #[test]
    fn an_end_is_joined_to_its_exec_and_its_signal() {
        let records = [
            (1, Body::Exec(an_exec(100, b"/bin/a", b"a\0b\0"))),
            (2, Body::Signal(a_signal(15, 77))),
            (3, Body::Signal(a_signal(9, 78))),
            (2_000_100, exit(100, 15, 6)),
        ];
        let count = told(&records, &mut |exit| {
            assert_eq!(exit.program.unwrap().file, b"/bin/a");
            assert_eq!(exit.signal.unwrap().sender.pid, 77);
            assert_eq!((exit.lifetime_usec, exit.never_execed), (2000, false));
            assert_eq!(exit.peak_rss, PeakRss { bytes: 6 * 4096, at_most: false });
        });
        assert_eq!(count, 1);
    }

    #[test]
    fn what_a_process_asked_of_itself_is_no_request() {
        for (sender, expected) in [(PID, None), (77, Some(77))] {
            let records = [(1, Body::Signal(a_signal(15, sender))), (2, exit(1, 0, 1))];
            told(&records, &mut |exit| {
                assert_eq!(exit.signal.map(|signal| signal.sender.pid), expected);
                assert!(exit.peak_rss.at_most && !exit.never_execed);
            });
        }
    }

    #[test]
    fn a_peak_from_before_the_exec_is_marked() {
        let made = |shares_memory| {
            Body::Fork(wire::Fork { start: 5, cgroup: 9, parent: 1, uid: 0, shares_memory })
        };
        let ran = Body::Exec(an_exec(5, b"/bin/a", b"a\0"));
        for (records, at_most, never) in [
            (vec![(1, made(false)), (2, exit(5, 0, 9))], false, true),
            (vec![(1, made(true)), (2, exit(5, 0, 9))], true, true),
            (vec![(1, made(true)), (1, ran), (2, exit(5, 0, 5))], true, false),
            (vec![(1, made(true)), (1, ran), (2, exit(5, 0, 6))], false, false),
        ] {
            told(&records, &mut |exit| {
                assert_eq!((exit.peak_rss.at_most, exit.never_execed), (at_most, never));
            });
        }
    }

    #[test]
    fn one_end_of_a_process_is_told() {
        let twice = [(1, exit(5, 0, 1)), (1, exit(5, 0, 1)), (2, exit(6, 0, 1))];
        assert_eq!(told(&twice, &mut |_| ()), 2);
    }
}

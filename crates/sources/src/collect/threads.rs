//! One thread per source: what it reads, and when it says what.

use std::io;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use sysdiag_model::snapshot::{
    CgroupTree, Host, JournalDigest, LogLine, Ordering, Processes, System, Systemd, UnitFiles,
};
use sysdiag_model::{BootId, Gap, Probe, UnitName, Why};

use super::parts::with_more_gaps;
use crate::systemd::{Deep, Opened};
use crate::{Options, Root, cgroup, gap, journal, processes, system, systemd};

/// What a thread hands over.
#[derive(Debug)]
pub(super) enum Message {
    /// First round of `systemd`. `last`: there will be no second.
    Systemd {
        probe: Box<Probe<Systemd>>,
        unit_files: Probe<UnitFiles>,
        last: bool,
    },
    /// Second round of `systemd`.
    Details(Deep),
    /// The ordering of all units, if it is asked for: the last of `systemd`.
    Ordering(Probe<Ordering>),
    /// First round of `journal`.
    Journal {
        probe: Box<Probe<JournalDigest>>,
        last: bool,
    },
    /// Second round of `journal`.
    Recent(Vec<(UnitName, Vec<LogLine>)>, Vec<Gap>),
    /// The only round of the others.
    Cgroups(Probe<CgroupTree>),
    System(Box<Probe<System>>),
    Processes(Probe<Processes>),
}

/// Whose last lines the journal is asked for.
#[derive(Debug)]
pub(super) struct WantedLines {
    pub(super) units: Vec<UnitName>,
    /// One of them whose lines of earlier boots are wanted if it logged nothing in this one.
    pub(super) any_boot: Option<UnitName>,
}

/// Runs `work` on a thread of its own; the gap that is left if there can be none. A closed channel
/// means that nobody waits any more.
pub(super) fn spawn(
    name: &'static str,
    sender: &Sender<Message>,
    work: impl FnOnce(&Sender<Message>) + Send + 'static,
) -> Option<Gap> {
    let sender = sender.clone();
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || work(&sender));
    spawned.err().map(|error| no_thread(name, &error))
}

/// `RLIMIT_NPROC` and `TasksMax=` count threads as well.
fn no_thread(name: &str, error: &io::Error) -> Gap {
    let reason = gap::reason(error);
    Gap::new(
        name,
        Why::NotPermitted,
        format!("no thread to read it: {reason} (ulimit -u, TasksMax=)"),
    )
}

fn send(sender: &Sender<Message>, message: Message) {
    // Too late: the report is being written without this part.
    let _ = sender.send(message);
}

pub(super) fn systemd_thread(
    root: &Root,
    host: &Host,
    options: &Options,
    deadline: Instant,
    suspects: &Receiver<Vec<UnitName>>,
    sender: &Sender<Message>,
) {
    let asked = options.unit.as_ref();
    let init = host.init_name.value().map(String::as_str);
    let Opened { systemd: probe, unit_files, session } = systemd::open(root, init, asked, deadline);
    let asked = asked.map(|name| systemd::primary_name(probe.value(), name));
    let last = session.is_none();
    send(sender, Message::Systemd { probe: Box::new(probe), unit_files, last });
    let Some(mut session) = session else { return };
    // Before the second round, while the journal is still read for who is a suspect.
    let ordering = options.ordering.then(|| session.ordering());
    let left = deadline.saturating_duration_since(Instant::now());
    if let Ok(suspects) = suspects.recv_timeout(left) {
        send(sender, Message::Details(session.deepen(&suspects, asked.as_ref())));
    }
    // Last: a file may be on a file system that hangs.
    if let Some(mut ordering) = ordering {
        let more = ordering.value_mut().map(|it| systemd::read_files(root, it, deadline));
        let ordering = with_more_gaps(ordering, more.unwrap_or_default());
        send(sender, Message::Ordering(ordering));
    }
}

pub(super) fn journal_thread(
    root: &Root,
    boot_id: Option<BootId>,
    options: &Options,
    deadline: Instant,
    wanted: &Receiver<WantedLines>,
    sender: &Sender<Message>,
) {
    let source = match journal::Source::open_for(root, boot_id, deadline, options.logs.as_ref()) {
        Ok(source) => source,
        Err(gap) => {
            return send(
                sender,
                Message::Journal {
                    probe: Box::new(journal::ring_buffer(root, options, boot_id, gap)),
                    last: true,
                },
            );
        }
    };
    let probe = Box::new(source.digest(options));
    send(sender, Message::Journal { probe, last: false });
    let left = deadline.saturating_duration_since(Instant::now());
    if let Ok(wanted) = wanted.recv_timeout(left) {
        let (mut recent, mut gaps) = source.recent(&wanted.units, options.recent_lines);
        let silent = recent.iter_mut().find(|(name, lines)| {
            lines.is_empty() && wanted.any_boot.as_ref().is_some_and(|wanted| wanted == name)
        });
        if let Some((name, lines)) = silent {
            let (earlier, more) = source.recent_of_any_boot(name, options.recent_lines);
            *lines = earlier;
            gaps.extend(more);
        }
        send(sender, Message::Recent(recent, gaps));
    }
}

pub(super) fn cgroup_thread(root: &Root, interval: Duration, sender: &Sender<Message>) {
    let probe = match cgroup::Sampler::start(root) {
        Ok(sampler) => {
            thread::sleep(interval);
            sampler.finish()
        }
        Err(gap) => Probe::Unknown(gap),
    };
    send(sender, Message::Cgroups(probe));
}

pub(super) fn system_thread(
    root: &Root,
    interval: Duration,
    deadline: Instant,
    sender: &Sender<Message>,
) {
    let probe = match system::Sampler::start(root) {
        Ok(sampler) => {
            thread::sleep(interval);
            sampler.finish(deadline)
        }
        Err(gap) => Probe::Unknown(gap),
    };
    send(sender, Message::System(Box::new(probe)));
}

pub(super) fn process_thread(root: &Root, deadline: Instant, sender: &Sender<Message>) {
    send(sender, Message::Processes(processes::read(root, deadline)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_cannot_be_had_is_no_fault_of_the_program() {
        let error = io::Error::from(rustix::io::Errno::AGAIN);
        let gap = no_thread("journal", &error);
        assert_eq!((gap.what.as_str(), gap.why), ("journal", Why::NotPermitted));
        let hint = gap.hint.unwrap();
        assert!(hint.contains("Resource temporarily unavailable (ulimit -u"), "{hint}");
    }
}

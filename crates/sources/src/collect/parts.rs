//! What has come so far, and the step between the two rounds: who is a suspect.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use sysdiag_model::snapshot::{
    CgroupTree, Host, JournalDigest, Ordering, Outcome, Processes, SourceTiming, System, Systemd,
    UnitFiles, ordering_not_collected,
};
use sysdiag_model::{Gap, Probe, UnitName, Why};

use super::threads::{
    Message, WantedLines, cgroup_thread, journal_thread, process_thread, spawn, system_thread,
    systemd_thread,
};
use crate::systemd::{primary_name, suspects};
use crate::{Options, Root, processes};

/// Answers so far.
pub(super) struct Parts {
    begin: Instant,
    deadline: Instant,
    asked: Option<UnitName>,
    recent_of_all_units: bool,
    systemd: Slot<Systemd>,
    cgroups: Slot<CgroupTree>,
    system: Slot<System>,
    processes: Slot<Processes>,
    journal: Slot<JournalDigest>,
    /// Comes with the first round of systemd.
    unit_files: Option<Probe<UnitFiles>>,
    /// Comes from the thread of `systemd`.
    ordering: Slot<Ordering>,
    /// To the threads that wait for the second round; taken when they are told.
    tell_systemd: Option<Sender<Vec<UnitName>>>,
    tell_journal: Option<Sender<WantedLines>>,
    /// The journal's second round began without what systemd knows.
    journal_told_blind: bool,
}

/// One source.
struct Slot<T> {
    name: &'static str,
    probe: Option<Probe<T>>,
    /// When it was done.
    elapsed: Option<Duration>,
}

/// Everything, for the snapshot.
type Finished = (
    Probe<Systemd>,
    Probe<CgroupTree>,
    Probe<System>,
    Probe<Processes>,
    Probe<JournalDigest>,
    Probe<UnitFiles>,
    Probe<Ordering>,
    Vec<SourceTiming>,
);

impl Parts {
    pub(super) fn start(
        root: &Root,
        options: &Options,
        host: &Host,
        begin: Instant,
        deadline: Instant,
        sender: &Sender<Message>,
    ) -> Self {
        let (tell_systemd, systemd_told) = channel();
        let (tell_journal, journal_told) = channel();
        let interval = options.sample_interval;
        let mut parts = Self {
            begin,
            deadline,
            asked: options.unit.clone(),
            recent_of_all_units: options.recent_of_all_units,
            systemd: Slot::new("systemd"),
            cgroups: Slot::new("cgroups"),
            system: Slot::new("system"),
            processes: Slot::new("processes"),
            journal: Slot::new("journal"),
            unit_files: None,
            ordering: Slot::new("ordering of units"),
            tell_systemd: Some(tell_systemd),
            tell_journal: Some(tell_journal),
            journal_told_blind: false,
        };
        {
            let (root, host, options) = (root.clone(), host.clone(), options.clone());
            parts.systemd.start(begin, sender, move |sender| {
                systemd_thread(&root, &host, &options, deadline, &systemd_told, sender);
            });
        }
        if !options.ordering {
            parts.ordering.set(ordering_not_collected(), Some(Duration::ZERO));
        }
        {
            let (root, options) = (root.clone(), options.clone());
            let boot_id = host.boot_id.value().copied();
            parts.journal.start(begin, sender, move |sender| {
                journal_thread(&root, boot_id, &options, deadline, &journal_told, sender);
            });
        }
        let of = root.clone();
        parts.cgroups.start(begin, sender, move |sender| cgroup_thread(&of, interval, sender));
        let of = root.clone();
        parts.system.start(begin, sender, move |sender| {
            system_thread(&of, interval, deadline, sender);
        });
        let of = root.clone();
        parts.processes.start(begin, sender, move |sender| process_thread(&of, deadline, sender));
        parts
    }

    pub(super) fn complete(&self) -> bool {
        self.waiting_for().is_none()
    }

    /// The first source that has not ended.
    pub(super) fn waiting_for(&self) -> Option<&'static str> {
        let slots = [
            (self.systemd.elapsed, self.systemd.name),
            (self.journal.elapsed, self.journal.name),
            (self.cgroups.elapsed, self.cgroups.name),
            (self.system.elapsed, self.system.name),
            (self.processes.elapsed, self.processes.name),
            (self.ordering.elapsed, self.ordering.name),
        ];
        slots.into_iter().find(|(elapsed, _)| elapsed.is_none()).map(|(_, name)| name)
    }

    pub(super) fn take(&mut self, message: Message) {
        let elapsed = self.begin.elapsed();
        match message {
            Message::Systemd { probe, unit_files, last } => {
                let on_disk = unit_files.value().and_then(|files| files.asked.as_ref());
                // Its log lines are under its real name.
                if let (Some(asked), Some(on_disk)) = (&self.asked, on_disk)
                    && primary_name(probe.value(), asked) == *asked
                    && probe.value().is_none_or(|state| state.unit(asked.as_str()).is_none())
                {
                    self.asked = Some(on_disk.name.clone());
                }
                self.unit_files = Some(unit_files);
                // Without a connection there is no ordering either.
                if last
                    && self.ordering.elapsed.is_none()
                    && let Probe::Unknown(gap) = &*probe
                {
                    let gap = Gap { what: self.ordering.name.to_owned(), ..gap.clone() };
                    self.ordering.set(Probe::Unknown(gap), Some(elapsed));
                }
                self.systemd.set(*probe, last.then_some(elapsed));
            }
            Message::Details(deep) => {
                if let Some(probe) = self.systemd.probe.take() {
                    let probe = probe.map(|systemd| Systemd { details: deep.details, ..systemd });
                    self.systemd.set(with_more_gaps(probe, deep.gaps), Some(elapsed));
                }
            }
            Message::Ordering(probe) => self.ordering.set(probe, Some(elapsed)),
            Message::Journal { probe, last } => {
                self.journal.set(*probe, last.then_some(elapsed));
            }
            Message::Recent(recent, gaps) => {
                if let Some(probe) = self.journal.probe.take() {
                    let recent = recent.into_iter().collect();
                    let probe = probe.map(|digest| JournalDigest { recent, ..digest });
                    self.journal.set(with_more_gaps(probe, gaps), Some(elapsed));
                }
            }
            Message::Cgroups(probe) => self.cgroups.set(probe, Some(elapsed)),
            Message::System(probe) => self.system.set(*probe, Some(elapsed)),
            Message::Processes(probe) => self.processes.set(probe, Some(elapsed)),
        }
        self.tell_if_ready();
    }

    /// Names the suspects to each thread as soon as its own and the other's first round are in. The
    /// other is not waited for beyond a time that leaves enough for the second round.
    pub(super) fn tell_if_ready(&mut self) {
        let (systemd_in, journal_in) = (self.systemd.probe.is_some(), self.journal.probe.is_some());
        let half = self.begin + self.deadline.saturating_duration_since(self.begin) / 2;
        if self.tell_systemd.is_some() && systemd_in && (journal_in || Instant::now() >= half) {
            let units = self.suspects();
            tell(&mut self.tell_systemd, units);
        }
        // systemd names most suspects, and their last lines are found quickly.
        let late = self.begin + self.deadline.saturating_duration_since(self.begin) * 4 / 5;
        if self.tell_journal.is_some() && journal_in && (systemd_in || Instant::now() >= late) {
            self.journal_told_blind = !systemd_in;
            let state = self.systemd.probe.as_ref().and_then(Probe::value);
            let units = match state {
                Some(state) if self.recent_of_all_units => {
                    state.units.iter().map(|unit| unit.name.clone()).collect()
                }
                _ => self.suspects(),
            };
            let any_boot = self
                .asked
                .clone()
                .filter(|name| state.is_some_and(|state| state.unit(name.as_str()).is_none()));
            tell(&mut self.tell_journal, WantedLines { units, any_boot });
        }
    }

    fn suspects(&self) -> Vec<UnitName> {
        let state = self.systemd.probe.as_ref().and_then(Probe::value);
        let digest = self.journal.probe.as_ref().and_then(Probe::value);
        suspects(state, digest, self.asked.as_ref())
    }

    pub(super) fn finish(self, root: &Root) -> Finished {
        let waited = self.begin.elapsed();
        let late = Instant::now() >= self.deadline;
        let timings = vec![
            self.systemd.timing(late, waited),
            self.cgroups.timing(late, waited),
            self.system.timing(late, waited),
            self.processes.timing(late, waited),
            self.journal.timing(late, waited),
        ];
        let unit_files = self.unit_files.unwrap_or_else(|| {
            let mut gap = self.systemd.missing(late);
            "unit files".clone_into(&mut gap.what);
            Probe::Unknown(gap)
        });
        let cgroups = self.cgroups.into_probe(late);
        let mut processes = self.processes.into_probe(late);
        if let Some(list) = processes.value_mut() {
            match cgroups.value() {
                Some(tree) => processes::join_cgroups(list, tree),
                // Mounted nowhere we see, yet the kernel says where each process is.
                None => processes::read_cgroups(root, list, ""),
            }
        }
        let mut journal = self.journal.into_probe(late);
        // Where systemd never answered, its own gap says enough.
        if self.journal_told_blind && self.systemd.probe.is_some() {
            let hint = "systemd named the units too late (collect.deadline_seconds)";
            let gap = Gap::new("last log lines of units", Why::TimedOut, hint);
            journal = with_more_gaps(journal, vec![gap]);
        }
        (
            self.systemd.into_probe(late),
            cgroups,
            self.system.into_probe(late),
            processes,
            journal,
            unit_files,
            self.ordering.into_probe(late),
            timings,
        )
    }
}

impl<T> Slot<T> {
    const fn new(name: &'static str) -> Self {
        Self { name, probe: None, elapsed: None }
    }

    /// Has `work` done by a thread; without one this part is over.
    fn start(
        &mut self,
        begin: Instant,
        sender: &Sender<Message>,
        work: impl FnOnce(&Sender<Message>) + Send + 'static,
    ) {
        if let Some(gap) = spawn(self.name, sender, work) {
            self.set(Probe::Unknown(gap), Some(begin.elapsed()));
        }
    }

    fn set(&mut self, probe: Probe<T>, elapsed: Option<Duration>) {
        self.probe = Some(probe);
        self.elapsed = elapsed;
    }

    /// What is said of a source that did not end.
    fn missing(&self, late: bool) -> Gap {
        if late {
            let hint = "no answer before the deadline (collect.deadline_seconds)";
            Gap::new(self.name, Why::TimedOut, hint)
        } else {
            Gap::new(
                self.name,
                Why::Malformed,
                "its reader broke down: please report this as a bug",
            )
        }
    }

    fn into_probe(self, late: bool) -> Probe<T> {
        let missing = self.missing(late);
        match (self.probe, self.elapsed) {
            (Some(probe), Some(_)) => probe,
            // The first round came and the second did not.
            (Some(probe), None) => with_more_gaps(probe, vec![missing]),
            (None, _) => Probe::Unknown(missing),
        }
    }

    fn timing(&self, late: bool, waited: Duration) -> SourceTiming {
        let outcome = match (&self.probe, self.elapsed) {
            (_, None) if late => Outcome::TimedOut,
            (None | Some(Probe::Unknown(_)), _) => Outcome::Failed,
            (Some(Probe::Known(_)), Some(_)) => Outcome::Complete,
            (Some(_), _) => Outcome::Partial,
        };
        let elapsed = self.elapsed.unwrap_or(waited).as_micros();
        SourceTiming {
            source: self.name.to_owned(),
            start_usec: 0,
            elapsed_usec: u64::try_from(elapsed).unwrap_or(u64::MAX),
            outcome,
        }
    }
}

/// Once. A thread that has ended needs no answer.
fn tell<T>(thread: &mut Option<Sender<T>>, units: T) {
    if let Some(thread) = thread.take() {
        let _ = thread.send(units);
    }
}

pub(super) fn with_more_gaps<T>(probe: Probe<T>, more: Vec<Gap>) -> Probe<T> {
    match probe {
        Probe::Known(value) => Probe::with_gaps(value, more),
        Probe::Partial(value, mut gaps) => {
            gaps.extend(more);
            Probe::with_gaps(value, gaps)
        }
        Probe::Unknown(gap) => Probe::Unknown(gap),
    }
}

//! Processes that ended and that nobody reaps.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{Process, Processes};
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::unit_of;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// A zombie that is reaped within a second is nothing.
const MIN_WATCHED_USEC: u64 = 900_000;
/// PIDs that are named.
const MAX_NAMED: usize = 5;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "zombie-processes",
    title: "Zombies are not reaped",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Processes],
    explanation: Explanation {
        checks: "Processes that ended and stayed zombies for as long as they were watched, a \
                 second and more, by the unit of their parent. From zombie_processes (10) on a \
                 warning; fewer are mentioned.",
        matters: "A zombie holds nothing but its process id and a place under TasksMax=; a parent \
                  that never asks for the end of its children has a fault and will run out of \
                  them.",
        todo: "Zombies cannot be killed: they go when the parent reaps them or ends. Restart the \
               parent, and have it fixed: it has to call waitpid(2).",
        references: &["waitpid(2)", "proc_pid_stat(5)", "systemd.resource-control(5), TasksMax="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(processes) = context.snapshot.processes.value() else { return Vec::new() };
    let mut by_subject: BTreeMap<String, BTreeMap<u32, Vec<&Process>>> = BTreeMap::new();
    for zombie in zombies(processes) {
        let parent = by_pid(processes, zombie.ppid);
        let subject = match parent {
            Some(parent) => unit_of(context, parent)
                .map_or_else(|| named(parent), |unit| unit.as_str().to_owned()),
            // Its parent is outside of our PID namespace.
            None => format!("PID {}", zombie.ppid),
        };
        by_subject.entry(subject).or_default().entry(zombie.ppid).or_default().push(zombie);
    }
    by_subject
        .into_iter()
        .map(|(subject, parents)| finding(context, processes, subject, &parents))
        .collect()
}

fn zombies(processes: &Processes) -> impl Iterator<Item = &Process> {
    let held = processes.held.value();
    held.into_iter()
        .flatten()
        .filter(|held| held.state == 'Z' && held.watched_usec >= MIN_WATCHED_USEC)
        .filter_map(|held| by_pid(processes, held.pid))
}

fn by_pid(processes: &Processes, pid: u32) -> Option<&Process> {
    let index = processes.list.binary_search_by_key(&pid, |process| process.pid).ok()?;
    processes.list.get(index)
}

fn named(process: &Process) -> String {
    format!("{} (PID {})", process.comm, process.pid)
}

fn finding(
    context: &Context<'_>,
    processes: &Processes,
    subject: String,
    parents: &BTreeMap<u32, Vec<&Process>>,
) -> Finding {
    let count: u64 = parents.values().map(|zombies| zombies.len() as u64).sum();
    let severity =
        if count >= context.settings.zombie_processes { RULE.severity } else { Severity::Info };
    let worst = parents.iter().max_by_key(|(pid, zombies)| (zombies.len(), **pid));
    let name = |pid: u32| by_pid(processes, pid).map_or_else(|| format!("PID {pid}"), named);
    let (pid, who) = worst.map_or((0, String::new()), |(pid, _)| (*pid, name(*pid)));
    let zombies = amount::count(count, "zombie", "zombies");
    let of = if who == subject { String::new() } else { format!(" of {subject}") };
    let title = match parents.len() {
        1 => format!("{who}{of} does not reap {zombies}"),
        many => format!("{who}{of} and {} more do not reap {zombies}", many - 1),
    };
    let mut finding = Finding::new(RULE.id, severity, subject, title);
    for (pid, zombies) in parents.iter().take(MAX_NAMED) {
        let list: Vec<String> = zombies.iter().take(MAX_NAMED).map(|one| named(one)).collect();
        let more = zombies.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = format!("zombies of {}", name(*pid));
        finding = finding.because(Evidence::text(
            what,
            format!("{}{more}", list.join(", ")),
            "/proc/PID/stat",
        ));
    }
    let watched = processes.held.value().into_iter().flatten();
    if let Some(usec) = watched.filter(|held| held.state == 'Z').map(|held| held.watched_usec).min()
    {
        finding =
            finding.because(Evidence::new("watched for", Value::Usec(usec), "/proc/PID/stat"));
    }
    let unit = worst.and_then(|(pid, _)| unit_of(context, by_pid(processes, *pid)?));
    finding.next(match unit {
        Some(unit) => human::systemctl("status", unit.as_str()),
        None => format!("ps -o pid,stat,lstart,args --ppid {pid}"),
    })
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::Held;
    use sysdiag_model::{Probe, Snapshot};

    use super::*;
    use crate::testing::{findings, healthy, process};

    const NGINX: &str = "/system.slice/nginx.service";

    fn with(zombies: u32, watched_usec: u64) -> Snapshot {
        let mut snapshot = healthy();
        let processes = snapshot.processes.value_mut().unwrap();
        processes.list.push(process(900, 1, "app", NGINX));
        let mut held = Vec::new();
        for pid in 1_000..1_000 + zombies {
            let mut zombie = process(pid, 900, "sh", NGINX);
            zombie.state = 'Z';
            processes.list.push(zombie);
            held.push(Held {
                pid,
                state: 'Z',
                watched_usec,
                wait_channel: None,
                stack: Vec::new(),
            });
        }
        processes.held = Probe::Known(held);
        snapshot
    }

    #[test]
    fn fires_once_for_the_parent() {
        let found = findings(&RULE, &with(12, 2_000_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "app (PID 900) of nginx.service does not reap 12 zombies");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].subject, "nginx.service");
        let found = findings(&RULE, &with(1, 2_000_000));
        assert_eq!(found[0].title, "app (PID 900) of nginx.service does not reap 1 zombie");
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn a_parent_outside_of_any_unit_is_named_itself() {
        let mut snapshot = with(12, 2_000_000);
        snapshot.processes.value_mut().unwrap().list[1].cgroup = None;
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].subject, "app (PID 900)");
        assert_eq!(found[0].title, "app (PID 900) does not reap 12 zombies");
        assert_eq!(found[0].next.as_deref(), Some("ps -o pid,stat,lstart,args --ppid 900"));
    }

    #[test]
    fn silent_without_and_for_those_that_were_not_watched_for_long() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(12, 250_000)).is_empty());
    }
}

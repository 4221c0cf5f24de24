//! Processes that hang in the kernel.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{Held, Process, Processes};
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{kernel_lines, unit_of};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// What is over sooner is a slow disk, which pressure tells.
const MIN_WATCHED_USEC: u64 = 900_000;
/// Processes that are described.
const MAX_NAMED: usize = 5;
/// Beginnings of kernel functions and whom they wait for, the most telling first.
const WAITS_FOR: [(&str, &str, &str); 18] = [
    ("nfs", "NFS", "nfs"),
    ("rpc_", "NFS", "nfs"),
    ("fuse_", "FUSE", "fuse"),
    ("request_wait_answer", "FUSE", "fuse"),
    ("cifs", "CIFS", "cifs"),
    ("smb2", "CIFS", "cifs"),
    ("ceph", "Ceph", "ceph"),
    ("p9_client", "9p", "9p"),
    ("v9fs", "9p", "9p"),
    ("autofs", "an automount", "autofs"),
    ("jbd2", "ext4", "ext4"),
    ("ext4", "ext4", "ext4"),
    ("xfs", "XFS", "xfs"),
    ("btrfs", "btrfs", "btrfs"),
    ("f2fs", "f2fs", "f2fs"),
    ("mnt_want_write", "a file system that is frozen (fsfreeze)", ""),
    ("wait_for_vfork_done", "the process it made by vfork(2)", ""),
    ("kernel_clone", "the process it made by vfork(2)", ""),
];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "processes-uninterruptible",
    title: "Processes hang in the kernel",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Processes],
    explanation: Explanation {
        checks: "Processes older than uninterruptible_seconds (10) that were in state D for as \
                 long as they were watched, one or two seconds, without a moment on a CPU (the \
                 context switches of /proc/PID/status). Where root may read it, the kernel \
                 function they wait in (wchan, stack) says for what. Kernel threads are left out, \
                 and only the first thread of a process is looked at.",
        matters: "Such a process answers no signal: it cannot be stopped, its unit cannot be \
                  stopped, and the host may not shut down. A server of files that is gone, or a \
                  disk that does not answer, is behind it.",
        todo: "Bring back what it waits for: the server, the disk, the FUSE daemon; unmount by \
               force (umount -f, -l) what is gone for good. After 120 seconds the kernel logs the \
               stack (hung task).",
        references: &[
            "proc_pid_stat(5)",
            "proc_pid_wchan(5)",
            "Documentation/admin-guide/sysctl/kernel.rst, hung_task_timeout_secs",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(processes) = context.snapshot.processes.value() else { return Vec::new() };
    let mut by_subject: BTreeMap<String, Vec<(&Process, &Held)>> = BTreeMap::new();
    for (process, held) in hanging(context, processes) {
        let subject = unit_of(context, process)
            .map_or_else(|| named(process), |unit| unit.as_str().to_owned());
        by_subject.entry(subject).or_default().push((process, held));
    }
    by_subject.into_iter().map(|(subject, list)| finding(context, subject, &list)).collect()
}

fn hanging<'a>(
    context: &Context<'_>,
    processes: &'a Processes,
) -> impl Iterator<Item = (&'a Process, &'a Held)> {
    let ticks = processes.ticks_per_second.max(1);
    let now = context.snapshot.clock.boottime_usec / 1_000_000;
    let oldest = now.saturating_sub(context.settings.uninterruptible_seconds);
    processes
        .held
        .value()
        .into_iter()
        .flatten()
        .filter(|held| held.state == 'D' && held.watched_usec >= MIN_WATCHED_USEC)
        .filter_map(|held| {
            let found = processes.list.binary_search_by_key(&held.pid, |process| process.pid);
            Some((processes.list.get(found.ok()?)?, held))
        })
        .filter(move |(process, _)| process.start_ticks / ticks <= oldest)
}

fn named(process: &Process) -> String {
    format!("{} (PID {})", process.comm, process.pid)
}

fn finding(context: &Context<'_>, subject: String, list: &[(&Process, &Held)]) -> Finding {
    let first = list.first().map(|(process, _)| named(process)).unwrap_or_default();
    let who = match list.len() {
        1 => first,
        count => format!(
            "{first} and {}",
            amount::count(count as u64 - 1, "more process", "more processes")
        ),
    };
    let of = if subject == who { String::new() } else { format!(" of {subject}") };
    let hang = if list.len() == 1 { "hangs" } else { "hang" };
    let reason = list.iter().find_map(|(_, held)| waits_for(context, held));
    let reason = reason.map(|what| format!(", waiting for {what}")).unwrap_or_default();
    let title = format!("{who}{of} {hang} in the kernel{reason}");
    let mut finding = Finding::new(RULE.id, RULE.severity, subject, title);
    for (process, held) in list.iter().take(MAX_NAMED) {
        finding = finding.because(Evidence::new(
            format!("{} in state D for at least", named(process)),
            Value::Usec(held.watched_usec),
            format!("/proc/{}/stat", process.pid),
        ));
        if let Some(channel) = &held.wait_channel {
            let source = format!("/proc/{}/wchan", process.pid);
            finding = finding.because(Evidence::text("wait channel", channel, source));
        }
        if !held.stack.is_empty() {
            let source = format!("/proc/{}/stack", process.pid);
            finding = finding.because(Evidence::text("stack", held.stack.join(" < "), source));
        }
    }
    let hung = kernel_lines(context)
        .filter(|line| line.message.contains("blocked for more than"))
        .filter(|line| {
            let of = |(process, _): &(&Process, &Held)| {
                line.message.contains(&format!("{}:{} ", process.comm, process.pid))
            };
            list.iter().any(of)
        })
        .min_by_key(|line| line.time);
    if let Some(line) = hung {
        finding = finding.since(Some(line.time)).because(Evidence::text(
            "kernel",
            &line.message,
            "journal, kernel log",
        ));
    }
    let pid = list.first().map_or(0, |(process, _)| process.pid);
    finding.next(format!("cat /proc/{pid}/stack   # as root"))
}

/// What the innermost telling function waits for, and where that is mounted if it is the only one.
fn waits_for(context: &Context<'_>, held: &Held) -> Option<String> {
    let mut functions = held.wait_channel.iter().chain(&held.stack);
    let fits = |function: &String| {
        WAITS_FOR.iter().find(|(begin, ..)| function.starts_with(begin)).copied()
    };
    let (_, what, kind) = functions.find_map(fits)?;
    let system = context.snapshot.system.value();
    let mut mounts = system
        .and_then(|system| system.file_systems.value())
        .into_iter()
        .flatten()
        .filter(|mounted| !kind.is_empty() && mounted.fs_type.starts_with(kind));
    match (mounts.next(), mounts.next()) {
        (Some(mounted), None) => Some(format!("{what} at {}", mounted.mount_point)),
        _ => Some(what.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Probe, Snapshot};

    use super::*;
    use crate::testing::{GIB, file_system, findings, healthy, process, system_of};
    use crate::testing_events::{ago, kernel_line};

    const NGINX: &str = "/system.slice/nginx.service";

    fn with(channel: Option<&str>, stack: &[&str], watched_usec: u64) -> Snapshot {
        let mut snapshot = healthy();
        let processes = snapshot.processes.value_mut().unwrap();
        processes.list.push(process(900, 1, "tar", NGINX));
        processes.held = Probe::Known(vec![Held {
            pid: 900,
            state: 'D',
            watched_usec,
            wait_channel: channel.map(str::to_owned),
            stack: stack.iter().map(|name| (*name).to_owned()).collect(),
        }]);
        snapshot
    }

    #[test]
    fn fires_once_and_names_what_is_waited_for() {
        let mut snapshot = with(Some("rpc_wait_bit_killable"), &[], 2_000_000);
        let mut share = file_system("/srv/nfs", GIB, GIB / 2);
        share.fs_type = "nfs4".to_owned();
        system_of(&mut snapshot).file_systems.value_mut().unwrap().push(share);
        let message = "INFO: task tar:900 blocked for more than 120 seconds.";
        kernel_line(&mut snapshot, 100, message);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "tar (PID 900) of nginx.service hangs in the kernel, waiting for NFS at /srv/nfs"
        );
        assert_eq!(found[0].since, Some(ago(100)));
        assert_eq!(found[0].next.as_deref(), Some("cat /proc/900/stack   # as root"));
    }

    #[test]
    fn a_user_who_may_not_look_is_told_less() {
        let found = findings(&RULE, &with(None, &[], 2_000_000));
        assert_eq!(found[0].title, "tar (PID 900) of nginx.service hangs in the kernel");
        let found = findings(&RULE, &with(Some("io_schedule"), &["jbd2_wait"], 2_000_000));
        assert_eq!(
            found[0].title,
            "tar (PID 900) of nginx.service hangs in the kernel, waiting for ext4 at /"
        );
    }

    #[test]
    fn silent_for_a_moment_for_the_young_and_for_nobody() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(None, &[], 250_000)).is_empty());
        let mut snapshot = with(None, &[], 2_000_000);
        let start = snapshot.clock.boottime_usec / 10_000 - 500;
        snapshot.processes.value_mut().unwrap().list[1].start_ticks = start;
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

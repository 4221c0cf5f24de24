//! A process that a process of another unit killed.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{ProcessEnd, TracedExit, TracedSignal};
use sysdiag_model::{Evidence, Finding, Severity, UnitName};

use crate::trace::ends::from_other_unit;
use crate::trace::{signal, who};
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Ends that are listed.
const MAX_EVENTS: usize = 5;
/// Characters of a name.
const MAX_NAME: usize = 32;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "killed-by-other-unit",
    title: "A process of a unit was killed by a process of another unit",
    severity: Severity::Warning,
    section: Section::Trace,
    needs: &[Need::Trace],
    explanation: Explanation {
        checks: "Processes that ended by a signal which a process of another unit sent, while they \
                 were traced (run --enable-ebpf). A note if it was only asked to end and exited, \
                 and if it was killed in the session of a user. Not what systemd stops, what the kernel \
                 kills, a parent that ends its child, and what runs containers in these; nor what \
                 users do to their own.",
        matters: "To the unit it looks like a crash: its log says nothing, and systemd only that \
                  it was killed. Whoever sent the signal is to be asked: a script with pkill, a \
                  watchdog, somebody at a terminal.",
        todo: "Look at the unit that sent it (the evidence has process id, command and user). A \
               name that pkill or killall looks for may match more than it should; a service is \
               stopped with systemctl stop.",
        references: &["kill(2)", "signal(7)", "pkill(1)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(trace) = context.snapshot.trace.value() else { return Vec::new() };
    let mut victims: BTreeMap<&UnitName, Vec<(&TracedExit, &TracedSignal)>> = BTreeMap::new();
    for exit in &trace.exits {
        if let Some(sent) = from_other_unit(context.snapshot, exit)
            && let Some(unit) = &exit.process.unit
        {
            victims.entry(unit).or_default().push((exit, sent));
        }
    }
    victims.into_iter().filter_map(|(unit, ends)| finding(context, unit, &ends)).collect()
}

fn finding(
    context: &Context<'_>,
    unit: &UnitName,
    ends: &[(&TracedExit, &TracedSignal)],
) -> Option<Finding> {
    let is_killed =
        |end: &&(&TracedExit, &TracedSignal)| matches!(end.0.end, ProcessEnd::Killed { .. });
    let killed = ends.iter().filter(is_killed).count();
    let (exit, sent) = ends.iter().find(is_killed).or_else(|| ends.first())?;
    let severity =
        if killed == 0 || who::is_of_user(unit) { Severity::Info } else { RULE.severity };
    let when = human::ago(exit.time, context.snapshot.clock.realtime);
    let (by, name) = (who::sender(&sent.sender), signal(sent.number));
    let process = process(exit);
    let more = match killed {
        0 | 1 => String::new(),
        more => format!("; {} more", amount::count(more as u64 - 1, "process", "processes")),
    };
    let title = match exit.end {
        ProcessEnd::Killed { .. } => {
            format!("{process} of {unit} was killed by {by} with {name} {when}{more}")
        }
        ProcessEnd::Exited { status } => format!(
            "{process} of {unit} exited with status {status} {when}: {by} had sent it {name}"
        ),
    };
    let mut finding = Finding::new(RULE.id, severity, unit.as_str(), title).since(Some(exit.time));
    for (exit, sent) in ends.iter().take(MAX_EVENTS) {
        let what = self::process(exit);
        let source = "eBPF trace, signal_generate";
        finding = finding.because(Evidence::text(what, who::signal(sent), source));
    }
    let sender = sent.sender.unit.as_ref();
    Some(finding.next(human::journalctl(sender.unwrap_or(unit).as_str())))
}

/// `worker (PID 4711)`.
fn process(exit: &TracedExit) -> String {
    let command = human::shortened(&exit.process.command, MAX_NAME);
    format!("{command} (PID {})", exit.process.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_trace::{killed, trace_of};

    #[test]
    fn fires_once_for_the_unit_and_names_who_it_was() {
        let mut snapshot = healthy();
        killed(&mut snapshot, "nginx.service", 9, "cleanup.service", "pkill");
        killed(&mut snapshot, "nginx.service", 9, "cleanup.service", "pkill").process.pid = 4712;
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "worker (PID 4711) of nginx.service was killed by pkill (PID 812) of cleanup.service \
             with SIGKILL 1 s ago; 1 process more"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence.len(), 2);
        assert_eq!(found[0].next.as_deref(), Some("journalctl -b -n 50 --unit=cleanup.service"));
    }

    #[test]
    fn by_what_a_user_does() {
        let mut snapshot = healthy();
        killed(&mut snapshot, "nginx.service", 15, "session-3.scope", "bash");
        assert_eq!(
            findings(&RULE, &snapshot)[0].title,
            "worker (PID 4711) of nginx.service was killed by a user's session (bash, PID 812, \
             session-3.scope) with SIGTERM 1 s ago"
        );
    }

    #[test]
    fn who_was_asked_to_end_and_did_is_a_note() {
        let mut snapshot = healthy();
        killed(&mut snapshot, "nginx.service", 15, "cleanup.service", "pkill").end =
            ProcessEnd::Exited { status: 0 };
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].title,
            "worker (PID 4711) of nginx.service exited with status 0 1 s ago: pkill (PID 812) of \
             cleanup.service had sent it SIGTERM"
        );
    }

    #[test]
    fn silent_for_what_is_normal() {
        let silent = |unit: &str, by: &str, command: &str, change: fn(&mut TracedExit)| {
            let mut snapshot = healthy();
            change(killed(&mut snapshot, unit, 9, by, command));
            assert!(findings(&RULE, &snapshot).is_empty(), "{unit} {by}");
        };
        let docker = format!("docker-{}.scope", "4f1c".repeat(16));
        silent("nginx.service", "nginx.service", "nginx", |_| ());
        silent("nginx.service", "init.scope", "systemd", |_| ());
        silent("nginx.service", "x.service", "nginx", |exit| {
            exit.signal.as_mut().unwrap().by_kernel = true;
        });
        silent("nginx.service", "x.service", "x", |exit| exit.process.parent = 812);
        silent("nginx.service", "x.service", "x", |exit| exit.process.unit = None);
        silent("nginx.service", "x.service", "x", |exit| {
            let sender = &mut exit.signal.as_mut().unwrap().sender;
            (sender.unit, sender.cgroup) = (None, None);
        });
        silent(&docker, "docker.service", "runc", |_| ());
        silent("machine-qemu-1.scope", "libvirtd.service", "rpc-libvirtd", |_| ());
        // A reload long before, and what a user's own programs are asked.
        silent("nginx.service", "x.service", "kill", |exit| {
            exit.end = ProcessEnd::Exited { status: 0 };
            exit.signal.as_mut().unwrap().number = 1;
        });
        silent("nginx.service", "x.service", "kill", |exit| {
            exit.end = ProcessEnd::Exited { status: 0 };
            let sent = exit.signal.as_mut().unwrap();
            (sent.number, sent.time) = (15, exit.time.minus_usec(60_000_000));
        });
        silent("session-1.scope", "x.service", "kill", |exit| {
            exit.end = ProcessEnd::Exited { status: 0 };
            exit.signal.as_mut().unwrap().number = 15;
        });
        silent("session-1.scope", "session-3.scope", "bash", |_| ());
        let mut snapshot = healthy();
        trace_of(&mut snapshot);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

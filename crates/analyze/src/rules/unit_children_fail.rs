//! Processes of a unit that fail again and again in the same way.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{ProcessEnd, RepeatedEnding, TracedExit};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use crate::trace::ends::{SHELLS, SOURCE, exec_failed};
use crate::trace::{signal, who};
use crate::{Context, Explanation, Need, Rule, Section, amount, exit_status, human};

/// Ways to fail that are listed.
const MAX_ENDINGS: usize = 5;
/// Characters of a name.
const MAX_NAME: usize = 32;

/// Programs whose status is an answer, and not that they failed: up to this one.
const ANSWERS: [(&str, u8); 29] = [
    ("[", 1),
    ("awk", 1),
    ("cmp", 1),
    ("diff", 1),
    ("dpkg", 1),
    ("dpkg-query", 1),
    ("egrep", 1),
    ("expr", 1),
    ("false", 1),
    ("fgrep", 1),
    ("findmnt", 1),
    ("fuser", 1),
    ("getent", 2),
    ("git", 1),
    ("grep", 1),
    ("id", 1),
    ("killall", 1),
    ("lsof", 1),
    ("modprobe", 1),
    ("mountpoint", 32),
    ("pgrep", 1),
    ("pidof", 1),
    ("pkill", 1),
    ("systemctl", 4),
    ("systemd-detect-", 1),
    ("test", 1),
    ("timeout", 124),
    ("which", 1),
    ("zgrep", 1),
];

/// SIGHUP, SIGINT, SIGPIPE, SIGALRM, SIGTERM, `signal(7)`: how programs are told to end.
const ASKED: [u8; 5] = [1, 2, 13, 14, 15];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-children-fail",
    title: "Processes of a unit fail again and again",
    severity: Severity::Warning,
    section: Section::Trace,
    needs: &[Need::Trace],
    explanation: Explanation {
        checks: "Processes of a unit that have one name and ended in one way, with a status other \
                 than 0 or by a signal, 5 times or more (failing_children) while they were traced \
                 (run --enable-ebpf). Not those by which programs answer (grep that finds \
                 nothing, status 1) or are told to end (SIGTERM, SIGPIPE). A note for sessions of \
                 users.",
        matters: "The unit itself is well, systemd hears of its main process only: what its \
                  children were to do is not done, and tried again.",
        todo: "See what they logged (journalctl -b -u UNIT) and run the command by hand. A note: \
               a script that takes a status as an answer is well; have it ignored with [[ignore]].",
        references: &["wait(2)", "signal(7)", "systemd.exec(5), Process Exit Codes"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(trace) = context.snapshot.trace.value() else { return Vec::new() };
    let least = context.settings.failing_children;
    let mut exits: BTreeMap<&UnitName, Vec<&TracedExit>> = BTreeMap::new();
    for exit in &trace.exits {
        if let Some(unit) = &exit.process.unit {
            exits.entry(unit).or_default().push(exit);
        }
    }
    let mut seen = BTreeSet::new();
    let failing = trace.units.iter().filter_map(|activity| {
        let unit = activity.unit.as_ref().filter(|unit| seen.insert(*unit))?;
        let endings: Vec<&RepeatedEnding> =
            activity.endings.iter().filter(|it| it.count >= least && is_failure(it)).collect();
        let exits = exits.get(unit).map_or(&[][..], Vec::as_slice);
        let endings: Vec<&RepeatedEnding> =
            endings.into_iter().filter(|ending| !is_part_of_script(ending, exits)).collect();
        finding(context, exits, unit, &endings)
    });
    failing.collect()
}

/// A shell makes a copy of itself for `( ... )` and `$( ... )`, which ends with what was answered in it.
fn is_part_of_script(ending: &RepeatedEnding, exits: &[&TracedExit]) -> bool {
    if !SHELLS.contains(&ending.command.as_str())
        || ending.end != (ProcessEnd::Exited { status: 1 })
    {
        return false;
    }
    let mut examples = exits.iter().filter(|exit| is_of(exit, ending)).peekable();
    examples.peek().is_some() && examples.all(|exit| exit.never_execed)
}

/// Whether it is a failure, and no answer.
fn is_failure(ending: &RepeatedEnding) -> bool {
    match ending.end {
        ProcessEnd::Exited { status: 0 } => false,
        ProcessEnd::Exited { status } => {
            let answer = ANSWERS.iter().find(|(command, _)| *command == ending.command);
            let asked = status.checked_sub(128).is_some_and(|signal| ASKED.contains(&signal));
            !asked && answer.is_none_or(|(_, most)| status > *most)
        }
        ProcessEnd::Killed { signal, core } => core || !ASKED.contains(&signal),
    }
}

fn finding(
    context: &Context<'_>,
    exits: &[&TracedExit],
    unit: &UnitName,
    endings: &[&RepeatedEnding],
) -> Option<Finding> {
    let worst = endings.first()?;
    let severity = if who::is_of_user(unit) { Severity::Info } else { RULE.severity };
    let others = match endings.len() {
        1 => String::new(),
        more => format!(", and {} more", amount::count(more as u64 - 1, "way", "ways")),
    };
    let example = exits.iter().rfind(|exit| is_of(exit, worst));
    let failed = example.and_then(|exit| exec_failed(exit, None));
    let why = failed.map(|failed| format!(": {failed}")).unwrap_or_default();
    let name = human::shortened(&worst.command, MAX_NAME);
    let took = amount::duration(worst.last.usec_since(worst.first));
    let title = format!(
        "{name} of {unit} {} {} times within {took}{why}{others}",
        words(worst.end),
        worst.count
    );
    let since = context.snapshot.clock.realtime.min(worst.first);
    let mut finding = Finding::new(RULE.id, severity, unit.as_str(), title).since(Some(since));
    for ending in endings.iter().take(MAX_ENDINGS) {
        let name = human::shortened(&ending.command, MAX_NAME);
        let what = format!("{name} {}", words(ending.end));
        finding = finding.because(Evidence::new(what, Value::Count(ending.count), SOURCE));
    }
    if let Some(exit) = example {
        if let Some(program) = &exit.program {
            let line = who::command_line(program);
            finding = finding.because(Evidence::text("one of them", line, SOURCE));
        }
        if let Some(sent) = exit.signal.as_ref() {
            let source = "eBPF trace, signal_generate";
            finding = finding.because(Evidence::text("killed by", who::signal(sent), source));
        }
    }
    Some(finding.next(human::journalctl(unit.as_str())))
}

fn is_of(exit: &TracedExit, ending: &RepeatedEnding) -> bool {
    exit.end == ending.end && exit.process.command == ending.command
}

/// `exited with status 127 (a shell did not find a command)`.
fn words(end: ProcessEnd) -> String {
    match end {
        ProcessEnd::Exited { status } => match exit_status::convention(status.into()) {
            Some(meaning) => format!("exited with status {status} ({meaning})"),
            None => format!("exited with status {status}"),
        },
        ProcessEnd::Killed { signal: number, core: true } => {
            format!("dumped core ({})", signal(number))
        }
        ProcessEnd::Killed { signal: number, core: false } => {
            format!("was killed by {}", signal(number))
        }
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_events::ago;
    use crate::testing_trace::{activity, ended, program};

    fn add(snapshot: &mut Snapshot, unit: &str, command: &str, end: ProcessEnd, count: u64) {
        let (first, last, command) = (ago(5), ago(1), command.to_owned());
        let endings = &mut activity(snapshot, unit).endings;
        endings.push(RepeatedEnding { command, end, count, first, last });
    }

    fn exited(status: u8) -> ProcessEnd {
        ProcessEnd::Exited { status }
    }

    fn found(command: &str, end: ProcessEnd, count: u64) -> Vec<Finding> {
        let mut snapshot = healthy();
        add(&mut snapshot, "nginx.service", command, end, count);
        findings(&RULE, &snapshot)
    }

    #[test]
    fn fires_once_for_a_unit() {
        let mut snapshot = healthy();
        add(&mut snapshot, "nginx.service", "sh", exited(127), 12);
        add(
            &mut snapshot,
            "nginx.service",
            "php",
            ProcessEnd::Killed { signal: 11, core: true },
            6,
        );
        let exit = ended(&mut snapshot, "nginx.service", "sh", exited(127));
        exit.program = Some(program(&["/bin/sh", "-c", "/usr/bin/foo --bar"]));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "sh of nginx.service exited with status 127 (a shell did not find a command) 12 times \
             within 4 s: exec of /usr/bin/foo failed, and 1 way more"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence[1].what, "php dumped core (SIGSEGV)");
        assert_eq!(
            found[0].evidence[2].value,
            Value::Text("/bin/sh -c '/usr/bin/foo --bar'".to_owned())
        );
    }

    #[test]
    fn what_users_do_is_a_note() {
        let mut snapshot = healthy();
        add(&mut snapshot, "session-3.scope", "make", exited(2), 12);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Info);
    }

    #[test]
    fn silent_for_answers_for_what_was_told_to_end_and_for_few() {
        let killed = |signal| ProcessEnd::Killed { signal, core: false };
        for (command, end, count) in [
            ("grep", exited(1), 100),
            ("systemctl", exited(3), 100),
            ("worker", killed(15), 100),
            ("yes", killed(13), 100),
            ("java", exited(143), 100),
            ("sh", exited(1), 4),
        ] {
            assert!(found(command, end, count).is_empty(), "{command}");
        }
        assert_eq!(found("grep", exited(2), 5).len(), 1);
        let mut snapshot = healthy();
        add(&mut snapshot, "nginx.service", "sh", exited(1), 9);
        ended(&mut snapshot, "nginx.service", "sh", exited(1)).never_execed = true;
        assert!(findings(&RULE, &snapshot).is_empty());
        ended(&mut snapshot, "nginx.service", "sh", exited(1));
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
        assert_eq!(found("worker", killed(9), 5).len(), 1);
        assert!(findings(&RULE, &healthy()).is_empty());
    }
}

//! Ends of processes of a unit that were traced, joined to what systemd says of its failure.

use sysdiag_model::snapshot::{ProcessEnd, ServiceDetail, TracedExit, TracedSignal};
use sysdiag_model::{Evidence, Snapshot, Timestamp, UnitType, Value};

use super::{signal, who};
use crate::health::ending::{Ending, How};
use crate::units::Units;

/// systemd hears of an end within this time after it.
const SAME_END_USEC: u64 = 2_000_000;
/// SIGINT, SIGQUIT, SIGTERM: asked to end (`signal(7)`); SIGHUP often is a reload.
const STOPS: [u8; 3] = [2, 3, 15];
/// Who is asked to ends within this time, if because of that.
const STOPPED_USEC: u64 = 30_000_000;
/// Where evidence of this kind is from.
pub(crate) const SOURCE: &str = "eBPF trace, process exit";
const SIGNAL_SOURCE: &str = "eBPF trace, signal_generate";

/// The traced end of the process that made `name` fail. None: it was not traced, or is not known.
pub(crate) fn of_failure<'a>(
    units: &Units<'a>,
    name: &str,
    ending: &Ending,
    since: Option<Timestamp>,
) -> Option<&'a TracedExit> {
    let service = units.detail(name).and_then(|detail| detail.service.as_ref());
    let pid = service.and_then(|service| failed_pid(service, ending));
    let at = since?;
    let window = at.minus_usec(SAME_END_USEC)..=at.plus_usec(SAME_END_USEC);
    // Process ids come again: the last one of this id.
    let is_it = |exit: &TracedExit| match pid {
        Some(pid) => exit.process.pid == pid,
        None => window.contains(&exit.time),
    };
    units.traced_exits(name).rfind(|exit| is_end(exit, &ending.how) && is_it(exit))
}

/// Process id of the command, or of the main process, that failed.
fn failed_pid(service: &ServiceDetail, ending: &Ending) -> Option<u32> {
    let command = ending.command.as_deref().filter(|name| *name != "ExecStart");
    let Some(command) = command else { return service.exec_main_pid.filter(|pid| *pid > 0) };
    let commands = service.exec.get(command)?;
    let failed = commands
        .iter()
        .filter(|it| How::from_wait(it.code, it.status).is_some_and(|how| how == ending.how));
    failed.map(|command| command.pid).find(|pid| *pid > 0)
}

fn is_end(exit: &TracedExit, how: &How) -> bool {
    match (exit.end, how) {
        (ProcessEnd::Exited { status }, How::Exited(of)) => i32::from(status) == *of,
        (ProcessEnd::Killed { signal: number, .. }, How::Killed(of) | How::Dumped(of)) => {
            signal(number) == *of
        }
        _ => false,
    }
}

/// The signal by which a process of another unit ended this one, or asked it to: not the kernel, systemd,
/// its own parent or unit, what runs containers, or a user whose own it is.
pub(crate) fn from_other_unit<'a>(
    snapshot: &Snapshot,
    exit: &'a TracedExit,
) -> Option<&'a TracedSignal> {
    let sent = exit.signal.as_ref().filter(|sent| !sent.by_kernel)?;
    let (process, sender) = (&exit.process, &sent.sender);
    let unit = process.unit.as_ref()?;
    let known = sender.unit.is_some() || sender.cgroup.is_some();
    let own = sender.unit.as_ref() == Some(unit) || sender.pid == process.parent;
    let by_systemd =
        sender.pid == 1 || sender.unit.as_ref().is_some_and(|unit| *unit == "init.scope");
    let scope = unit.unit_type() == Some(UnitType::Scope);
    let contained = who::in_container(snapshot, process.cgroup.as_deref());
    let by_runtime = (contained || scope) && who::is_runtime(&sender.command)
        || contained && who::in_container(snapshot, sender.cgroup.as_deref());
    let users_own = who::is_of_user(unit)
        && sender.unit.as_ref().is_some_and(who::is_of_user)
        && sender.uid == process.uid;
    let asked = match exit.end {
        ProcessEnd::Killed { .. } => true,
        ProcessEnd::Exited { .. } => {
            STOPS.contains(&sent.number)
                && exit.time.usec_since(sent.time) <= STOPPED_USEC
                && !who::is_of_user(unit)
        }
    };
    (known && asked && !own && !by_systemd && !by_runtime && !users_own).then_some(sent)
}

/// Who sent the signal, what ran, and what could not be run.
pub(crate) fn evidence(exit: &TracedExit, path: Option<&str>) -> Vec<Evidence> {
    let mut facts = Vec::new();
    let pid = i64::from(exit.process.pid);
    facts.push(Evidence::new("traced process", Value::Number(pid), SOURCE));
    if let Some(sent) = &exit.signal {
        let what =
            if matches!(exit.end, ProcessEnd::Killed { .. }) { "killed by" } else { "was sent" };
        facts.push(Evidence::text(what, who::signal(sent), SIGNAL_SOURCE));
    }
    if exit.oom_victim {
        let source = "eBPF trace, oom:mark_victim";
        facts.push(Evidence::text("killed for", "want of memory", source));
    }
    if let Some(program) = &exit.program {
        facts.push(Evidence::text("program", who::command_line(program), SOURCE));
    }
    if let Some(failed) = exec_failed(exit, path) {
        facts.push(Evidence::text("could not be run", failed, SOURCE));
    }
    facts
}

/// `exec of /usr/bin/foo failed`, if the exit status says so. `path`: what systemd was to run.
pub(crate) fn exec_failed(exit: &TracedExit, path: Option<&str>) -> Option<String> {
    let ProcessEnd::Exited { status } = exit.end else { return None };
    // systemd 254 and later run systemd-executor first, which then runs the program.
    let by_systemd = exit.process.parent == 1
        && (exit.never_execed
            || exit.program.as_ref().is_some_and(|it| {
                it.file.ends_with("/systemd-executor") || it.file.starts_with("/proc/self/fd/")
            }));
    match status {
        203 if by_systemd => path.map(|path| format!("exec of {path} failed")),
        126 | 127 => match exit.program.as_ref().filter(|_| !exit.never_execed) {
            Some(program) => {
                let word = first_word(program.arguments.as_deref()?)?;
                Some(format!("exec of {word} failed"))
            }
            // The shell's child, or one of posix_spawn(3).
            None if exit.never_execed => {
                Some(format!("exec failed in a copy of process {}", exit.process.parent))
            }
            None => None,
        },
        _ => None,
    }
}

/// Shells, by the last part of the path.
pub(crate) const SHELLS: [&str; 7] = ["ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"];

/// The program in `sh -c 'program argument'`. None: no shell, or more than a simple command.
fn first_word(arguments: &[String]) -> Option<&str> {
    let (shell, rest) = arguments.split_first()?;
    let name = shell.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
    let at = rest.iter().position(|word| is_command_option(word))?;
    let only_options = rest.iter().take(at).all(|word| word.starts_with('-'));
    if !SHELLS.contains(&name) || !only_options {
        return None;
    }
    let script = rest.get(at + 1)?.trim();
    if script.contains([';', '&', '|', '\n', '(', '`', '<', '>', '{']) {
        return None;
    }
    let mut words = script.split_whitespace();
    let word = words.find(|word| *word != "exec" && *word != "--")?;
    // An assignment or an expansion: which program it was is not known.
    (!word.contains(['=', '$', '\'', '"', '\\', '*', '?', '~'])).then_some(word)
}

/// `-c`, `-ec`, `-lc`.
fn is_command_option(word: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|letters| !letters.starts_with('-') && letters.ends_with('c'))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::SignalSender;
    use sysdiag_model::{Finding, Probe};

    use super::*;
    use crate::testing::{healthy, systemd_of};
    use crate::testing_events::{ago, failed_service};
    use crate::testing_trace::{ended, program};
    use crate::{Past, Scope, Settings, assess};

    /// What is said of nginx.service, which failed a second ago, as its main process did.
    fn failed(result: &str, code: i32, status: i32, change: fn(&mut TracedExit)) -> Finding {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", result, code, status);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.state_change = Some(ago(1));
        detail.service.as_mut().unwrap().exec_main_pid = Some(4711);
        let end = if code == 1 {
            ProcessEnd::Exited { status: status.try_into().unwrap() }
        } else {
            ProcessEnd::Killed { signal: status.try_into().unwrap(), core: false }
        };
        change(ended(&mut snapshot, "a.service", "sh", end));
        let scope = Scope { trace: true, ..Scope::run() };
        let past = Probe::Known(Past::default());
        let report = assess(&snapshot, &past, &Settings::default(), &scope);
        report.findings.into_iter().find(|finding| finding.rule == "unit-failed").unwrap()
    }

    fn fact<'a>(finding: &'a Finding, what: &str) -> Option<&'a Value> {
        finding.evidence.iter().find(|fact| fact.what == what).map(|fact| &fact.value)
    }

    fn sent(exit: &mut TracedExit) {
        exit.signal = Some(TracedSignal {
            time: exit.time,
            number: 9,
            by_kernel: false,
            sender: SignalSender {
                pid: 812,
                uid: 0,
                command: "pkill".to_owned(),
                cgroup: Some("/system.slice/b.service".to_owned()),
                unit: Some("b.service".into()),
            },
        });
    }

    #[test]
    fn a_failed_unit_says_who_killed_it_and_hangs_below_that() {
        let found = failed("signal", 2, 9, sent);
        assert_eq!(
            found.title,
            "a.service failed 1 s ago: its main process was killed by SIGKILL, sent by pkill (PID \
             812) of b.service"
        );
        let by = Value::Text("SIGKILL from pkill (PID 812) of b.service, user id 0".to_owned());
        assert_eq!(fact(&found, "killed by"), Some(&by));
        assert_eq!(found.cause.unwrap().as_str(), "killed-by-other-unit:a.service");
    }

    #[test]
    fn of_what_systemd_and_the_kernel_kill_no_sender_is_told() {
        let found = failed("signal", 2, 9, |exit| {
            sent(exit);
            exit.signal.as_mut().unwrap().by_kernel = true;
        });
        assert_eq!(found.title, "a.service failed 1 s ago: its main process was killed by SIGKILL");
        let by = Value::Text("SIGKILL from the kernel".to_owned());
        assert_eq!((fact(&found, "killed by"), &found.cause), (Some(&by), &None));
    }

    #[test]
    fn a_failed_unit_says_what_its_shell_could_not_run() {
        let found = failed("exit-code", 1, 127, |exit| {
            exit.program = Some(program(&["/bin/sh", "-c", "/usr/bin/foo --bar"]));
        });
        assert_eq!(
            found.title,
            "a.service failed 1 s ago: its main process exited with status 127: exec of \
             /usr/bin/foo failed"
        );
        let line = Value::Text("/bin/sh -c '/usr/bin/foo --bar'".to_owned());
        assert_eq!(fact(&found, "program"), Some(&line));
        let failed = Value::Text("exec of /usr/bin/foo failed".to_owned());
        assert_eq!(fact(&found, "could not be run"), Some(&failed));
    }

    #[test]
    fn another_process_of_the_unit_tells_nothing_of_its_failure() {
        let found = failed("exit-code", 1, 127, |exit| exit.process.pid = 4712);
        assert_eq!(fact(&found, "traced process"), None);
        let found = failed("exit-code", 1, 127, |exit| exit.process.unit = None);
        assert_eq!(fact(&found, "traced process"), None);
    }

    #[test]
    fn what_systemd_could_not_run_is_what_it_was_told_to() {
        let mut snapshot = healthy();
        let exit = ended(&mut snapshot, "a.service", "(foo)", ProcessEnd::Exited { status: 203 });
        assert_eq!(exec_failed(exit, Some("/usr/bin/foo")), None);
        exit.never_execed = true;
        let failed = "exec of /usr/bin/foo failed".to_owned();
        assert_eq!(exec_failed(exit, Some("/usr/bin/foo")), Some(failed.clone()));
        exit.never_execed = false;
        exit.program = Some(program(&["/usr/lib/systemd/systemd-executor"]));
        assert_eq!(exec_failed(exit, Some("/usr/bin/foo")), Some(failed));
        exit.process.parent = 77;
        assert_eq!(exec_failed(exit, Some("/usr/bin/foo")), None);
    }

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_program_of_a_simple_command() {
        for (line, word) in [
            (&["/bin/sh", "-c", "/usr/bin/foo --bar"][..], Some("/usr/bin/foo")),
            (&["bash", "-e", "-c", "exec foo"], Some("foo")),
            (&["sh", "-ec", "foo"], Some("foo")),
            (&["sh", "-c", "foo; bar"], None),
            (&["sh", "-c", "$PROGRAM x"], None),
            (&["sh", "-c", "A=1 foo"], None),
            (&["sh", "-c"], None),
            (&["sh", "/usr/bin/script", "-c", "foo"], None),
            (&["python3", "-c", "import os"], None),
            (&[], None),
        ] {
            assert_eq!(first_word(&words(line)), word, "{line:?}");
        }
    }
}

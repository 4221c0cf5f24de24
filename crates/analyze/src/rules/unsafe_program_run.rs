//! Programs that anybody may have put there or changed, and such as are in no directory.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::TracedExec;
use sysdiag_model::{Evidence, Finding, Severity, UnitName};

use super::support::HOST;
use crate::trace::who;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Files that are listed.
const MAX_FILES: usize = 5;
const MAX_CHARACTERS: usize = 120;

/// Where anybody may write.
const TEMPORARY: [&str; 4] = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/"];

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unsafe-program-run",
    title: "A program ran that is deleted or that anybody may change",
    severity: Severity::Warning,
    section: Section::Trace,
    needs: &[Need::Trace],
    explanation: Explanation {
        checks: "Programs that were run while they were traced (run --enable-ebpf) and whose file \
                 was deleted or only ever in memory, or may be written by anybody, or lies in a \
                 directory in which anybody may write, or below /tmp, /var/tmp or /dev/shm. A note \
                 for the sessions of users, where compilers and installers do such. Not what runs \
                 in containers, not container runtimes that run a copy of themselves from memory, \
                 and not a program that runs itself again after an upgrade (/proc/self/exe).",
        matters: "Whoever may write there decides what the unit does, with its rights. Intruders \
                  like to run what leaves no file behind.",
        todo: "See whose file it is and what put it there; install programs where only root can \
               write (chmod o-w), and mount /tmp and /dev/shm with noexec if nothing needs it.",
        references: &["execve(2)", "memfd_create(2)", "chmod(1)", "systemd.exec(5), NoExecPaths="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(trace) = context.snapshot.trace.value() else { return Vec::new() };
    let mut units: BTreeMap<Option<&UnitName>, Vec<(&TracedExec, &'static str)>> = BTreeMap::new();
    for exec in &trace.execs {
        if who::in_container(context.snapshot, exec.process.cgroup.as_deref()) {
            continue;
        }
        if let Some(why) = reason(exec) {
            units.entry(exec.process.unit.as_ref()).or_default().push((exec, why));
        }
    }
    units.into_iter().filter_map(|(unit, execs)| finding(unit, &execs)).collect()
}

/// What is unsafe about it.
fn reason(exec: &TracedExec) -> Option<&'static str> {
    let program = &exec.program;
    let of_itself = program.file == "/proc/self/exe";
    if TEMPORARY.iter().any(|folder| program.file.starts_with(folder)) {
        return Some("is in a directory for temporary files");
    }
    if exec.deleted && !of_itself && !runs_itself(exec) {
        return Some("is deleted or only in memory");
    }
    if exec.writable_by_all && !exec.deleted {
        return Some("may be written by anybody");
    }
    (exec.folder_writable_by_all && !exec.deleted)
        .then_some("is in a directory where anybody may write")
}

/// Container runtimes run a copy of themselves that what is in the container cannot change; PID 1 runs
/// systemd-executor, which an upgrade replaces, from a descriptor that it keeps.
fn runs_itself(exec: &TracedExec) -> bool {
    let arguments = exec.program.arguments.as_ref();
    let name = arguments.and_then(|arguments| arguments.first()).map_or("", String::as_str);
    let name = name.rsplit('/').next().unwrap_or_default();
    name == "systemd-executor" || who::is_runtime(name) || who::is_runtime(&exec.process.command)
}

fn finding(unit: Option<&UnitName>, execs: &[(&TracedExec, &'static str)]) -> Option<Finding> {
    let (exec, why) = execs.first()?;
    let severity = if unit.is_some_and(who::is_of_user) { Severity::Info } else { RULE.severity };
    let files: BTreeSet<&str> = execs.iter().map(|(exec, _)| file(exec, why)).collect();
    let more = match files.len() as u64 {
        0 | 1 => String::new(),
        count => format!("; {} more", amount::count(count - 1, "program", "programs")),
    };
    let name = human::shortened(file(exec, why), MAX_CHARACTERS);
    let who = unit.map_or("A process of no unit", |unit| unit.as_str());
    let title = format!("{who} ran {name}, which {why}{more}");
    let subject = unit.map_or(HOST, |unit| unit.as_str());
    let mut finding = Finding::new(RULE.id, severity, subject, title).since(Some(exec.time));
    let mut told = BTreeSet::new();
    for (exec, why) in execs {
        if told.len() == MAX_FILES || !told.insert((file(exec, why), *why)) {
            continue;
        }
        let process = &exec.process;
        let line = who::command_line(&exec.program);
        let what = format!("{line} (PID {}, user id {}): {why}", process.pid, process.uid);
        finding = finding.because(Evidence::text("ran", what, "eBPF trace, process exec"));
    }
    Some(finding.next(match unit {
        Some(unit) => human::systemctl("status", unit.as_str()),
        None => format!("ls -ld {}", human::shell_word(file(exec, why))),
    }))
}

/// What the reason is about: of a script mostly its interpreter.
fn file<'a>(exec: &'a TracedExec, why: &str) -> &'a str {
    let program = &exec.program;
    match &program.interpreter {
        Some(interpreter) if !why.contains("temporary") => interpreter,
        _ => &program.file,
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{findings, healthy};
    use crate::testing_trace::{program, ran};

    fn one(unit: &str, file: &str, change: fn(&mut TracedExec)) -> Vec<Finding> {
        let mut snapshot = healthy();
        change(ran(&mut snapshot, unit, file));
        findings(&RULE, &snapshot)
    }

    #[test]
    fn fires_once_for_a_unit() {
        let mut snapshot: Snapshot = healthy();
        for _ in 0..3 {
            ran(&mut snapshot, "nginx.service", "/tmp/.x/miner");
        }
        ran(&mut snapshot, "nginx.service", "/proc/self/fd/3").deleted = true;
        ran(&mut snapshot, "cron.service", "/opt/job").writable_by_all = true;
        let found = findings(&RULE, &snapshot);
        let titles: Vec<&str> = found.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "cron.service ran /opt/job, which may be written by anybody",
                "nginx.service ran /tmp/.x/miner, which is in a directory for temporary files; 1 \
                 program more",
            ]
        );
        assert_eq!(found[1].evidence.len(), 2);
        assert!(found.iter().all(|finding| finding.severity == Severity::Warning));
    }

    #[test]
    fn of_a_script_the_interpreter_is_what_anybody_may_change() {
        let found = one("cron.service", "/usr/bin/job", |exec| {
            exec.program.interpreter = Some("/opt/python/bin/python".to_owned());
            exec.folder_writable_by_all = true;
        });
        assert_eq!(
            found[0].title,
            "cron.service ran /opt/python/bin/python, which is in a directory where anybody may \
             write"
        );
    }

    #[test]
    fn what_users_do_is_a_note() {
        assert_eq!(one("session-3.scope", "/tmp/go-build/a", |_| ())[0].severity, Severity::Info);
    }

    #[test]
    fn silent_for_what_is_normal() {
        assert!(one("nginx.service", "/usr/bin/ls", |_| ()).is_empty());
        assert!(one("chrome.service", "/proc/self/exe", |exec| exec.deleted = true).is_empty());
        let runc = |exec: &mut TracedExec| {
            exec.deleted = true;
            exec.program = program(&["runc", "init"]);
        };
        assert!(one("containerd.service", "/proc/self/fd/6", runc).is_empty());
        let executor = |exec: &mut TracedExec| {
            exec.deleted = true;
            exec.program = program(&["/usr/lib/systemd/systemd-executor", "--deserialize", "9"]);
        };
        assert!(one("a.service", "/proc/self/fd/9", executor).is_empty());
        let docker = format!("docker-{}.scope", "4f1c".repeat(16));
        assert!(one(&docker, "/tmp/a", |_| ()).is_empty());
        assert!(findings(&RULE, &healthy()).is_empty());
    }
}

//! Services that still run what an upgrade replaced.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{DeletedFiles, Process};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, UnitType};

use super::support::{HOST, unit_of};
use crate::resources::container;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Units that are named in the title and in the command.
const MAX_TITLE: usize = 3;
const MAX_COMMAND: usize = 8;
/// Units and files that are listed as evidence.
const MAX_UNITS: usize = 20;
const MAX_FILES: usize = 4;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "deleted-programs",
    title: "Deleted programs or libraries are still running",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Processes],
    explanation: Explanation {
        checks: "Processes whose program (/proc/PID/exe) or libraries (executable mappings of \
                 /proc/PID/maps) were deleted or replaced since they started. A warning for \
                 services, a remark for the sessions of users; those in containers are left to \
                 them. Mappings are read of processes that are older than the last change of the \
                 package lists or of the usual folders of libraries, and within 30 ms of CPU time.",
        matters: "After an upgrade the old version goes on running, with the faults that the new \
                  one mends, until its service is started anew.",
        todo: "Restart the services; for systemd itself: systemctl daemon-reexec. What cannot be \
               restarted (dbus) needs a reboot, user sessions a new login.",
        references: &["proc_pid_exe(5)", "proc_pid_maps(5)", "systemctl(1), daemon-reexec"],
    },
    check,
};

/// What one unit runs.
#[derive(Default)]
struct Running {
    pids: Vec<u32>,
    files: BTreeSet<String>,
}

fn check(context: &Context<'_>) -> Vec<Finding> {
    finding(context).into_iter().collect()
}

fn finding(context: &Context<'_>) -> Option<Finding> {
    let processes = context.snapshot.processes.value()?;
    let mut units: BTreeMap<UnitName, Running> = BTreeMap::new();
    for deleted in processes.deleted.value()? {
        let found = processes.list.binary_search_by_key(&deleted.pid, |process| process.pid);
        let Some(process) = found.ok().and_then(|index| processes.list.get(index)) else {
            continue;
        };
        if let Some(unit) = owner(context, process) {
            let running = units.entry(unit).or_default();
            running.pids.push(process.pid);
            running.files.extend(files(deleted));
        }
    }
    let is_service = |unit: &UnitName| {
        !unit.as_str().starts_with("user@")
            && (unit.unit_type() == Some(UnitType::Service) || unit == "init.scope")
    };
    let (services, others): (Vec<&UnitName>, Vec<&UnitName>) =
        units.keys().partition(|unit| is_service(unit));
    let (severity, who) = match (services.len() as u64, others.len() as u64) {
        (0, 0) => return None,
        (0, count) => (Severity::Info, amount::count(count, "session runs", "sessions run")),
        (count, _) => (RULE.severity, amount::count(count, "service runs", "services run")),
    };
    let named = if services.is_empty() { &others } else { &services };
    let title =
        format!("{who} programs or libraries that were deleted or replaced: {}", list(named));
    let mut finding = Finding::new(RULE.id, severity, HOST, title);
    for unit in services.iter().chain(&others).take(MAX_UNITS) {
        if let Some(running) = units.get(*unit) {
            finding = finding.because(evidence(unit, running));
        }
    }
    Some(finding.next(next(&services)))
}

/// The unit; None for what is in a container or belongs to nobody.
fn owner(context: &Context<'_>, process: &Process) -> Option<UnitName> {
    let root = context.snapshot.cgroups.value().map_or("", |tree| tree.root.as_str());
    let path = process.cgroup.as_deref()?;
    let below = path.strip_prefix(root).unwrap_or(path);
    if container(below).is_some() {
        return None;
    }
    unit_of(context, process)
}

fn files(deleted: &DeletedFiles) -> impl Iterator<Item = String> {
    deleted.program.iter().chain(&deleted.libraries).cloned()
}

fn list(units: &[&UnitName]) -> String {
    let names: Vec<&str> = units.iter().take(MAX_TITLE).map(|unit| unit.as_str()).collect();
    match units.len().saturating_sub(MAX_TITLE) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn evidence(unit: &UnitName, running: &Running) -> Evidence {
    let mut files: Vec<&str> = running.files.iter().take(MAX_FILES).map(String::as_str).collect();
    let more = running.files.len().saturating_sub(MAX_FILES);
    let more = format!("{more} more");
    if running.files.len() > MAX_FILES {
        files.push(&more);
    }
    let pid = running.pids.first().copied().unwrap_or_default();
    let source = format!("/proc/{pid}/exe, /proc/{pid}/maps");
    Evidence::text(unit.as_str(), files.join(", "), source)
}

fn next(services: &[&UnitName]) -> String {
    let (manager, restart): (Vec<&UnitName>, Vec<&UnitName>) =
        services.iter().copied().partition(|unit| *unit == "init.scope");
    let names: Vec<String> =
        restart.iter().take(MAX_COMMAND).map(|unit| human::shell_word(unit.as_str())).collect();
    match (manager.is_empty(), names.is_empty()) {
        (false, true) => "systemctl daemon-reexec".to_owned(),
        (true, true) => "loginctl list-sessions".to_owned(),
        (false, false) => {
            format!("systemctl daemon-reexec; systemctl restart {}", names.join(" "))
        }
        (true, false) => format!("systemctl restart {}", names.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Probe, Snapshot};

    use super::*;
    use crate::testing::{findings, healthy, process};

    fn with(cgroups: &[&str]) -> Snapshot {
        let mut snapshot = healthy();
        let processes = snapshot.processes.value_mut().unwrap();
        let mut deleted = Vec::new();
        for (pid, cgroup) in (900..).zip(cgroups) {
            processes.list.push(process(pid, 1, "app", cgroup));
            deleted.push(DeletedFiles {
                pid,
                program: (pid == 900).then(|| "/usr/sbin/app".to_owned()),
                libraries: vec!["/usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned()],
            });
        }
        processes.deleted = Probe::Known(deleted);
        snapshot
    }

    #[test]
    fn fires_once_for_the_host_and_lists_the_units() {
        let found = findings(
            &RULE,
            &with(&[
                "/system.slice/nginx.service",
                "/system.slice/nginx.service",
                "/system.slice/cron.service",
                "/init.scope",
                "/user.slice/user-0.slice/session-1.scope",
            ]),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "3 services run programs or libraries that were deleted or replaced: cron.service, \
             init.scope, nginx.service"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].next.as_deref(),
            Some("systemctl daemon-reexec; systemctl restart cron.service nginx.service")
        );
        let what: Vec<_> = found[0].evidence.iter().map(|fact| fact.what.as_str()).collect();
        assert_eq!(what, ["cron.service", "init.scope", "nginx.service", "session-1.scope"]);
    }

    #[test]
    fn sessions_alone_are_a_remark() {
        let found = findings(&RULE, &with(&["/user.slice/user-0.slice/session-1.scope"]));
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].title,
            "1 session runs programs or libraries that were deleted or replaced: session-1.scope"
        );
    }

    #[test]
    fn silent_for_containers_and_where_nothing_was_deleted() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let docker = format!("/system.slice/docker-{}.scope", "4f1c".repeat(16));
        assert!(
            findings(&RULE, &with(&[&docker, "/machine.slice/machine-deb.scope/payload"]))
                .is_empty()
        );
    }
}

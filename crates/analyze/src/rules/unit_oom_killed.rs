//! A process of a unit was killed for lack of memory.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{Cgroup, Systemd, UnitEvent, UnitEventKind};
use sysdiag_model::{Evidence, Finding, Probe, Severity, Timestamp, UnitName, Value};

use super::oom_limit::{self, Limit};
use super::support::{change, file, is_slice, units};
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-oom-killed",
    title: "A unit was killed for lack of memory",
    severity: Severity::Critical,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that failed with result oom-kill (critical); units in which the OOM killer \
                 acted, or in a cgroup below them (memory.events oom_kill, and what systemd logged under the message id for \
                 it) although they run (error, a warning once it is longer ago than \
                 oom_kill_window_seconds, a day). Whose limit it was, its own, one below, that of \
                 a slice around it or none but the host's memory, the kernel's log says, or \
                 memory.events.local (oom) of the cgroups.",
        matters: "The kernel, or systemd-oomd, ended a process in the middle of its work because \
                  the unit reached its memory limit or the host had no memory left.",
        todo: "Compare memory.peak with MemoryMax=: raise the limit, or find out why the unit \
               grows. Without a limit look for what used up the host's memory.",
        references: &[
            "systemd.service(5), OOMPolicy=",
            "systemd.resource-control(5), MemoryMax=",
            "systemd-oomd.service(8)",
        ],
    },
    check,
};

/// What is known about the kills in one unit.
#[derive(Default)]
struct Kill<'a> {
    /// Failed with result oom-kill.
    failed: bool,
    count: Option<u64>,
    group: Option<&'a Cgroup>,
    last: Option<Timestamp>,
}

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(systemd) = context.snapshot.systemd.value() else { return Vec::new() };
    let mut kills: BTreeMap<&UnitName, Kill<'_>> = BTreeMap::new();
    for unit in systemd.units.iter().filter(|unit| unit.is_failed()) {
        if result(systemd, &unit.name) == Some("oom-kill") {
            kills.entry(&unit.name).or_default().failed = true;
        }
    }
    for (unit, group) in units(context).filter(|(unit, _)| !is_slice(&unit.name)) {
        if let Some(count) = unit.memory_oom_kills.filter(|count| *count > 0) {
            let kill = kills.entry(&unit.name).or_default();
            (kill.count, kill.group) = (Some(count), Some(group));
        }
    }
    let now = context.snapshot.clock;
    let boot = now.realtime.minus_usec(now.boottime_usec);
    let window = context.settings.oom_kill_window_seconds.saturating_mul(1_000_000);
    let events = context.snapshot.journal.value().map_or(&[][..], |digest| &digest.unit_events);
    // What is logged of a slice (systemd 252 and later) repeats what happened in a unit below it.
    let kills_of =
        |event: &&UnitEvent| event.kind == UnitEventKind::OutOfMemory && !is_slice(&event.unit);
    for event in events.iter().filter(kills_of) {
        let recent = event.time >= boot && now.realtime.usec_since(event.time) <= window;
        // A unit that was started anew has counters anew: only the journal remembers.
        if recent && systemd.unit(event.unit.as_str()).is_some() {
            kills.entry(&event.unit).or_default();
        }
        if let Some(kill) = kills.get_mut(&event.unit) {
            kill.last = kill.last.max(Some(event.time));
        }
    }
    kills.into_iter().map(|(unit, kill)| finding(context, systemd, unit, &kill)).collect()
}

fn result<'a>(systemd: &'a Systemd, unit: &UnitName) -> Option<&'a str> {
    let detail = systemd.details.get(unit).and_then(|detail| detail.result.as_deref());
    detail.or_else(|| systemd.services.get(unit)?.result.as_deref())
}

fn finding(context: &Context<'_>, systemd: &Systemd, unit: &UnitName, kill: &Kill<'_>) -> Finding {
    let now = context.snapshot.clock.realtime;
    let detail = systemd.details.get(unit);
    let limit = kill
        .group
        .and_then(|group| group.memory_max_bytes)
        .or_else(|| detail?.memory_max_bytes)
        .filter(|bytes| *bytes != u64::MAX);
    let since = kill.last.or_else(|| {
        let times = systemd.unit(unit.as_str())?.times?;
        let failed_at = times.inactive_enter_usec.filter(|_| kill.failed)?;
        Some(context.snapshot.clock.at_monotonic(failed_at))
    });
    let when = since.map(|time| format!(" {}", human::ago(time, now))).unwrap_or_default();
    let victim = oom_limit::victim(context, unit);
    let ended = oom_limit::limit(context, unit, victim.as_ref(), kill.group);
    let limited = limited(ended.as_ref(), limit);
    let title = if kill.failed {
        format!("{unit} failed{when}: killed for lack of memory{limited}")
    } else {
        let processes = amount::count(kill.count.unwrap_or(1), "process", "processes");
        let last = if when.is_empty() { String::new() } else { format!(", the last{when}") };
        format!("{processes} of {unit} killed for lack of memory{last}{limited}")
    };
    let mut finding =
        Finding::new(RULE.id, severity(context, kill), unit.as_str(), title).since(since);
    if kill.failed {
        finding = finding.because(Evidence::text("result", "oom-kill", "Result (D-Bus)"));
    }
    if let Some((group, count)) = kill.group.zip(kill.count) {
        let source = format!("{}/memory.events", group.path);
        finding = finding.because(Evidence::new("oom_kill", Value::Count(count), source));
        if let Some(peak) = group.memory_peak_bytes {
            finding = finding.because(file(group, "memory.peak", Value::Bytes(peak)));
        }
    }
    if let Some(bytes) = limit {
        finding = finding.because(Evidence::new("MemoryMax", Value::Bytes(bytes), "memory.max"));
    }
    match &ended {
        Some(Limit::Slice { name, max_bytes: Some(bytes) }) => {
            let what = format!("MemoryMax of {name}");
            finding = finding.because(Evidence::new(what, Value::Bytes(*bytes), "memory.max"));
        }
        Some(Limit::Inside { path, max_bytes: Some(bytes) }) => {
            let what = format!("memory.max of {path}");
            finding = finding.because(Evidence::new(what, Value::Bytes(*bytes), "memory.max"));
        }
        _ => {}
    }
    if let Some(time) = kill.last {
        let source = "journal, SD_MESSAGE_UNIT_OUT_OF_MEMORY";
        finding = finding.because(Evidence::new("out of memory", Value::Time(time), source));
    }
    if let Some(victim) = victim {
        let process = format!("{} (PID {})", victim.task, victim.pid);
        finding = finding.because(Evidence::text("killed", process, "kernel log, oom-kill"));
    }
    finding.next(match ended {
        Some(Limit::Slice { name, .. }) => change(&name, "MemoryMax"),
        Some(Limit::Own) => change(unit, "MemoryMax"),
        None if limit.is_some() => change(unit, "MemoryMax"),
        _ => "journalctl -b -k --grep='out of memory|oom-kill'".to_owned(),
    })
}

/// Where memory ended, in a clause; the unit's own limit is the best guess where nothing tells.
fn limited(ended: Option<&Limit>, own: Option<u64>) -> String {
    let of = |bytes: &Option<u64>| {
        bytes.map(|bytes| format!(" of {}", amount::bytes(bytes))).unwrap_or_default()
    };
    match ended {
        Some(Limit::Slice { name, max_bytes }) => {
            format!(" at the memory limit{} of {name}", of(max_bytes))
        }
        Some(Limit::Inside { path, max_bytes }) => {
            format!(" at the memory limit{} of {path} inside it", of(max_bytes))
        }
        Some(Limit::Host) => ", the host had none left".to_owned(),
        Some(Limit::Own) | None => own.map_or_else(String::new, |bytes| {
            format!(", its memory limit is {}", amount::bytes(bytes))
        }),
    }
}

fn severity(context: &Context<'_>, kill: &Kill<'_>) -> Severity {
    if kill.failed {
        return Severity::Critical;
    }
    let window = context.settings.oom_kill_window_seconds.saturating_mul(1_000_000);
    let old = match kill.last {
        Some(time) => context.snapshot.clock.realtime.usec_since(time) > window,
        // What a journal that was read in full does not tell was rotated away.
        None => matches!(context.snapshot.journal, Probe::Known(_)),
    };
    if old { Severity::Warning } else { Severity::Error }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{LogDigest, LogGroup, LogLine, MemoryEvents, ServiceState};

    use super::*;
    use crate::testing::{add_unit, cgroup_of, findings, healthy, systemd_of, unit};

    const MINUTE: u64 = 60_000_000;

    fn add_event(snapshot: &mut Snapshot, unit: &str, usec_ago: u64) {
        let time = snapshot.clock.realtime.minus_usec(usec_ago);
        snapshot.journal.value_mut().unwrap().unit_events.push(UnitEvent {
            unit: unit.into(),
            kind: UnitEventKind::OutOfMemory,
            time,
            job_type: None,
            job_result: None,
            unit_result: None,
            exit_code: None,
            exit_status: None,
            command: None,
            errno: None,
            executable: None,
            n_restarts: None,
            invocation_id: None,
            cursor: None,
        });
    }

    fn with_kills(count: u64) -> Snapshot {
        let mut snapshot = healthy();
        cgroup_of(&mut snapshot, "/system.slice/nginx.service").memory_events =
            Some(MemoryEvents { oom_kill: Some(count), ..MemoryEvents::default() });
        snapshot
    }

    #[test]
    fn says_nothing_of_the_slice_the_unit_is_in() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("system.slice", "active", "active"));
        add_event(&mut snapshot, "system.slice", 4 * MINUTE);
        assert_eq!(findings(&RULE, &snapshot), []);
    }

    fn log(snapshot: &mut Snapshot, message: &str) {
        let time = snapshot.clock.realtime.minus_usec(MINUTE);
        let line = LogLine {
            time,
            level: Some("INFO".to_owned()),
            identifier: Some("kernel".to_owned()),
            pid: None,
            message: message.to_owned(),
            cursor: None,
            errno: None,
        };
        let group = LogGroup {
            known_bad: false,
            priority: 6,
            transport: Some("kernel".to_owned()),
            identifier: Some("kernel".to_owned()),
            message_id: None,
            units: Vec::new(),
            wording: message.to_owned(),
            count: 1,
            first: time,
            last: time,
            examples: vec![line],
        };
        snapshot.journal.value_mut().unwrap().logs = Some(LogDigest {
            entries: 1,
            by_priority: [0; 8],
            max_priority: 4,
            groups: vec![group],
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        });
    }

    #[test]
    fn names_the_process_that_the_kernel_killed_in_the_unit() {
        let killed = |message: &str| {
            let mut snapshot = with_kills(1);
            log(&mut snapshot, message);
            let mut found = findings(&RULE, &snapshot);
            let evidence = found.remove(0).evidence.into_iter();
            evidence.filter(|fact| fact.what == "killed").map(|fact| fact.value).next()
        };
        let said = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,\
                    oom_memcg=/system.slice,task_memcg=/system.slice/nginx.service,task=a,b,\
                    pid=168,uid=0";
        assert_eq!(killed(said), Some(Value::Text("a,b (PID 168)".to_owned())));
        assert_eq!(killed(&said.replace("/nginx.service", "/other.service")), None);
        assert_eq!(killed("oom-kill:task_memcg=,task=,pid="), None);
    }

    #[test]
    fn says_whose_limit_it_was() {
        let found = |limit: &str| {
            let mut snapshot = with_kills(1);
            add_event(&mut snapshot, "nginx.service", MINUTE);
            if !limit.is_empty() {
                log(
                    &mut snapshot,
                    &format!(
                        "oom-kill:constraint=X,{limit},task_memcg=/system.slice/nginx.service,\
                         task=a,pid=1,uid=0"
                    ),
                );
            }
            cgroup_of(&mut snapshot, "/system.slice").memory_max_bytes = Some(1 << 30);
            snapshot
        };
        let title = |limit: &str| {
            let finding = findings(&RULE, &found(limit)).remove(0);
            (finding.title, finding.next.unwrap())
        };
        let begin = "1 process of nginx.service killed for lack of memory, the last 1 min ago";
        let grep = "journalctl -b -k --grep='out of memory|oom-kill'";
        for (limit, end, next) in [
            (
                "oom_memcg=/system.slice",
                " at the memory limit of 1 GiB of system.slice",
                "systemctl edit system.slice   # MemoryMax=",
            ),
            (
                "oom_memcg=/system.slice/nginx.service",
                ", its memory limit is 512 MiB",
                "systemctl edit nginx.service   # MemoryMax=",
            ),
            (
                "oom_memcg=/system.slice/nginx.service/worker",
                " at the memory limit of worker inside it",
                grep,
            ),
            ("global_oom", ", the host had none left", grep),
        ] {
            assert_eq!(title(limit), (format!("{begin}{end}"), next.to_owned()), "{limit}");
        }
        // Without the kernel's log the counters tell.
        let mut snapshot = found("");
        let hit = MemoryEvents { oom: Some(3), ..MemoryEvents::default() };
        let none = MemoryEvents { oom: Some(0), ..MemoryEvents::default() };
        cgroup_of(&mut snapshot, "/system.slice/nginx.service").memory_events_local = Some(none);
        cgroup_of(&mut snapshot, "/system.slice").memory_events_local = Some(hit);
        let found = findings(&RULE, &snapshot);
        assert!(found[0].title.ends_with("of 1 GiB of system.slice"), "{}", found[0].title);
    }

    #[test]
    fn fires_once_for_a_unit_that_failed_of_it() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("postgresql.service", "failed", "failed"));
        let systemd = systemd_of(&mut snapshot);
        let state = ServiceState { result: Some("oom-kill".to_owned()), ..ServiceState::default() };
        systemd.services.insert("postgresql.service".into(), state);
        let detail = sysdiag_model::snapshot::UnitDetail {
            memory_max_bytes: Some(512 << 20),
            ..Default::default()
        };
        systemd.details.insert("postgresql.service".into(), detail);
        add_event(&mut snapshot, "postgresql.service", 4 * MINUTE);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Critical);
        assert_eq!(
            found[0].title,
            "postgresql.service failed 4 min ago: killed for lack of memory, its memory limit is \
             512 MiB"
        );
        assert_eq!(
            found[0].next.as_deref(),
            Some("systemctl edit postgresql.service   # MemoryMax=")
        );
    }

    #[test]
    fn fires_once_for_a_unit_that_lost_processes_and_runs() {
        let mut snapshot = with_kills(2);
        add_event(&mut snapshot, "nginx.service", 9 * MINUTE);
        add_event(&mut snapshot, "nginx.service", 5 * MINUTE);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].title,
            "2 processes of nginx.service killed for lack of memory, the last 5 min ago, its \
             memory limit is 512 MiB"
        );
    }

    #[test]
    fn a_unit_that_was_started_anew_is_remembered_by_the_journal() {
        let mut snapshot = healthy();
        add_event(&mut snapshot, "nginx.service", 5 * MINUTE);
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Error);
    }

    #[test]
    fn what_the_journal_has_forgotten_is_old() {
        assert_eq!(findings(&RULE, &with_kills(1))[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_without_kills_and_for_another_boot() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        // The host is up for an hour.
        add_event(&mut snapshot, "nginx.service", 90 * MINUTE);
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

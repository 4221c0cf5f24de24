//! Which finding explains which: set after all rules ran, so that no rule knows another.

mod disk;
#[cfg(test)]
mod forest;
mod logged;
mod storage;

use std::collections::HashMap;

use sysdiag_model::report::FullDependencyAnalysis;
use sysdiag_model::snapshot::{UnitEvent, UnitEventKind};
use sysdiag_model::{Finding, FindingKey, Snapshot, Timestamp, UnitName, UnitType};

use crate::health::{ending, sockets};
use crate::lacks::{self, Lack};
use crate::resource_causes;
use crate::rules::bound_unit_stopped;
use crate::trace::ends;
use crate::units::Units;
use crate::{dependencies, graph};

/// Rules that say why a unit does not work, the most telling first.
const TROUBLES: [&str; 8] = [
    "unit-failed",
    "socket-failed",
    "timer-failed",
    "device-missing",
    "triggered-unit-missing",
    "requirement-unavailable",
    "dependency-failed",
    "unit-flapping",
];

/// A job fails for its dependency within this time.
const SAME_MOMENT_USEC: u64 = 100_000;
/// Rules that say that a unit is not there, without a reason of its own.
const NOT_THERE: [&str; 2] = ["dependency-failed", "socket-not-listening"];

/// Sets `cause` and `related`. A chain of causes never comes back to where it began.
pub(crate) fn link(
    findings: &mut [Finding],
    snapshot: &Snapshot,
    graph: Option<&FullDependencyAnalysis>,
) {
    let mut links = Links::new(findings);
    if let Some(units) = Units::of(snapshot) {
        for index in 0..links.findings.len() {
            links.explain(index, &units, snapshot);
        }
    }
    links.explain_cycles(snapshot, graph);
}

struct Links<'a> {
    by_key: HashMap<FindingKey, usize>,
    findings: &'a mut [Finding],
}

impl<'a> Links<'a> {
    fn new(findings: &'a mut [Finding]) -> Self {
        let keys = findings.iter().enumerate();
        let by_key = keys.map(|(index, finding)| (finding.key.clone(), index)).collect();
        Self { by_key, findings }
    }

    fn explain(&mut self, index: usize, units: &Units<'_>, snapshot: &Snapshot) {
        let Some(finding) = self.findings.get(index) else { return };
        let (rule, subject) = (finding.rule.clone(), finding.subject.clone());
        match rule.as_str() {
            "unit-failed" => {
                self.set(index, self.of("unit-oom-killed", &subject));
                self.set(index, self.killed(units, snapshot, &subject));
                // A loop that came to its end: what is behind it is behind the loop.
                self.set(index, self.of("unit-flapping", &subject));
                self.set(index, self.lack(units, &subject));
                self.set(index, storage::of_failure(units, snapshot, self.findings, &subject));
                self.set(index, self.unit_of_path(units, &subject));
                self.set(index, self.requirement(units, &subject, index));
                self.relate(index, self.of("core-dump", &subject));
                self.relate(index, self.of("unit-changed-on-disk", &subject));
                self.logged(index, snapshot, &subject);
            }
            "unit-flapping" => {
                self.set(index, self.of("unit-oom-killed", &subject));
                self.set(index, self.lack(units, &subject));
                self.set(index, storage::of_failure(units, snapshot, self.findings, &subject));
                self.set(index, self.requirement(units, &subject, index));
                self.relate(index, self.of("core-dump", &subject));
                self.logged(index, snapshot, &subject);
            }
            // Its main process is one of those that fail.
            "unit-children-fail" => {
                self.set(index, self.of("unit-flapping", &subject));
                self.relate(index, self.of("unit-failed", &subject));
                self.relate(index, self.of("unit-short-lived-processes", &subject));
            }
            "logged-trouble" => {
                let full = storage::of_logged(snapshot, self.findings, finding);
                self.set(index, full);
            }
            "file-system-read-only" => {
                self.set(index, disk::under_mount(snapshot, self.findings, &subject));
            }
            "file-system-error" => {
                self.set(index, disk::under_file_system(self.findings, &subject));
            }
            "socket-failed" | "timer-failed" | "dependency-failed" => {
                self.logged(index, snapshot, &subject);
                self.set(index, self.service_of_socket(units, &subject));
                self.set(index, self.requirement(units, &subject, index));
                self.set(index, self.just_before(units, &subject));
            }
            "socket-not-listening" => self.set(index, self.of("dependency-failed", &subject)),
            "bound-unit-stopped" => {
                let other = bound_unit_stopped::stopped_with(units, &subject);
                self.set(index, other.and_then(|unit| self.trouble(unit.as_str())));
            }
            // A process that the kernel told of may hang still.
            "unit-stuck" | "kernel-fault" => {
                self.set(index, self.of("processes-uninterruptible", &subject));
            }
            // The file systems are what the boot cannot go on without.
            "system-maintenance" => self.set(index, self.trouble("local-fs.target")),
            "boot-unfinished" => self.set(index, self.stuck_in_boot(units)),
            "unit-not-as-expected" | "unit-left-over-processes" => {
                self.set(index, self.trouble(&subject));
            }
            "socket-refused" => self.set(index, self.service_of_socket(units, &subject)),
            "timer-service-failed" => {
                let timer = units.systemd.timers.get(subject.as_str());
                let service = timer.and_then(|timer| timer.unit.as_ref());
                self.set(index, service.and_then(|unit| self.trouble(unit.as_str())));
            }
            _ => self.resources(index),
        }
    }

    /// What the unit itself logged is why it failed if it is an error that came just before; else it may
    /// be.
    fn logged(&mut self, index: usize, snapshot: &Snapshot, subject: &str) {
        for rule in ["logged-trouble", "limit-reached", "log-pattern"] {
            let Some(other) = self.of(rule, subject) else { continue };
            let pair = self.findings.get(index).zip(self.findings.get(other));
            if pair.is_some_and(|(failure, logged)| logged::explains(snapshot, logged, failure)) {
                self.set(index, Some(other));
            } else {
                self.relate(index, Some(other));
            }
        }
    }

    /// Findings about resources explain each other wherever systemd has its units.
    fn resources(&mut self, index: usize) {
        let Some(finding) = self.findings.get(index) else { return };
        let found = resource_causes::links(finding);
        let known = |key: &FindingKey| self.by_key.get(key).copied();
        let mut causes: Vec<usize> = found.causes.iter().filter_map(known).collect();
        if causes.is_empty() {
            causes.extend(resource_causes::held_back(self.findings, index));
        }
        let related: Vec<usize> = found.related.iter().filter_map(known).collect();
        self.set(index, causes.first().copied());
        for other in related {
            self.relate(index, Some(other));
        }
    }

    /// A job was dropped because of a ring, and what rests on its unit is not there because of that.
    fn explain_cycles(&mut self, snapshot: &Snapshot, graph: Option<&FullDependencyAnalysis>) {
        for cycle in graph::broken(snapshot).unwrap_or_default() {
            let Some(subject) = cycle.units.first() else { continue };
            let Some(dropped) = self.of("ordering-cycle-broken", subject.as_str()) else {
                continue;
            };
            if let Some(ring) = graph.and_then(|graph| graph::subject_of(graph, &cycle.units)) {
                self.set(dropped, self.of("ordering-cycle", ring.as_str()));
            }
            let Some(unit) = &cycle.dropped_unit else { continue };
            for rule in NOT_THERE {
                if let Some(effect) = self.of(rule, unit.as_str()) {
                    self.set(effect, Some(dropped));
                }
            }
        }
    }

    fn of(&self, rule: &str, subject: &str) -> Option<usize> {
        self.by_key.get(&FindingKey::new(rule, subject)).copied()
    }

    /// The finding that says why `unit` does not work.
    fn trouble(&self, unit: &str) -> Option<usize> {
        TROUBLES.iter().find_map(|rule| self.of(rule, unit))
    }

    /// The finding about who killed the process of which the unit failed.
    fn killed(&self, units: &Units<'_>, snapshot: &Snapshot, unit: &str) -> Option<usize> {
        let found = self.of("killed-by-other-unit", unit)?;
        let result = units.result(unit).map(|fact| fact.value);
        let ending = ending::of(units, unit, result)?;
        let since = units.systemd.unit(unit).and_then(|unit| units.since(unit));
        let exit = ends::of_failure(units, unit, &ending, since)?;
        ends::from_other_unit(snapshot, exit).map(|_| found)
    }

    /// The finding about what the unit cannot start without.
    fn lack(&self, units: &Units<'_>, unit: &str) -> Option<usize> {
        let last = units.result(unit).filter(|fact| fact.value != "success");
        let result = last.or_else(|| units.last_failure(unit)).map(|fact| fact.value);
        let ending = ending::of(units, unit, result);
        match lacks::of(units, unit, result, ending.as_ref())?.lack {
            Lack::Missing(file) => self.of("missing-file", &file.path),
            Lack::NoAccount { name, .. } => self.of("missing-user", name),
            _ => None,
        }
    }

    /// The trouble of what the unit requires, followed to the first cause.
    fn requirement(&self, units: &Units<'_>, unit: &str, effect: usize) -> Option<usize> {
        let found = dependencies::of_unit(units, unit)?;
        let causes = found.first_causes.iter();
        causes
            .filter_map(|cause| self.trouble(cause.as_str()))
            .find(|cause| self.can_precede(units, *cause, effect))
    }

    /// Of a unit that systemd has unloaded, the trouble of the unit whose start failed just before:
    /// jobs fail for their dependency in the very moment in which that fails.
    fn just_before(&self, units: &Units<'_>, unit: &str) -> Option<usize> {
        if units.systemd.unit(unit).is_some() {
            return None;
        }
        let effect = units.failed_start(unit)?;
        if effect.job_result.as_deref() != Some("dependency") {
            return None;
        }
        let from = effect.time.minus_usec(SAME_MOMENT_USEC);
        let failed = units
            .names_with_events()
            .flat_map(|name| units.events(name))
            .filter(|event| event.kind == UnitEventKind::StartFailed)
            .filter(|event| matches!(event.job_result.as_deref(), Some("failed" | "timeout")))
            .filter(|event| (from..=effect.time).contains(&event.time));
        let last = failed.max_by_key(|event| event.time)?;
        self.trouble(last.unit.as_str())
    }

    /// Whether the times of the two allow it: a cause does not begin after its effect. What fails
    /// again and again, or failed again since, began earlier than it has been in its state.
    fn can_precede(&self, units: &Units<'_>, cause: usize, effect: usize) -> bool {
        let (Some(cause), Some(effect)) = (self.findings.get(cause), self.findings.get(effect))
        else {
            return false;
        };
        let (Some(began), Some(then)) = (cause.since, effect.since) else { return true };
        began <= then
            || cause.rule == "unit-flapping"
            || self.of("unit-flapping", &cause.subject).is_some()
            || was_failing(units, &cause.subject, then)
    }

    /// The trouble of the service, if that is why the socket gave up or turned clients away.
    fn service_of_socket(&self, units: &Units<'_>, socket: &str) -> Option<usize> {
        if UnitName::from(socket).unit_type() != Some(UnitType::Socket) {
            return None;
        }
        let own = units
            .result(socket)
            .is_some_and(|fact| !fact.value.contains("limit-hit") && fact.value != "success");
        if own {
            return None;
        }
        sockets::service(units, socket).and_then(|service| self.trouble(&service))
    }

    /// The trouble of the unit that a path or automount starts, if that is why it gave up.
    fn unit_of_path(&self, units: &Units<'_>, path: &str) -> Option<usize> {
        let limit = match UnitName::from(path).unit_type()? {
            UnitType::Path => "unit-start-limit-hit",
            UnitType::Automount => "mount-start-limit-hit",
            _ => return None,
        };
        units.result(path).filter(|fact| fact.value == limit)?;
        let triggers = units.detail(path)?.dependencies.get("Triggers")?;
        triggers.iter().find_map(|unit| self.trouble(unit.as_str()))
    }

    /// The finding about a unit that the boot waits for.
    fn stuck_in_boot(&self, units: &Units<'_>) -> Option<usize> {
        let mut running = units.systemd.jobs.iter().filter(|job| job.state == "running");
        running.find_map(|job| self.of("unit-stuck", job.unit.as_str()))
    }

    /// Sets the cause, unless there is one, or it would close a ring; then the two are related.
    fn set(&mut self, effect: usize, cause: Option<usize>) {
        let Some(cause) = cause.filter(|cause| *cause != effect) else { return };
        let taken = self.findings.get(effect).is_none_or(|finding| finding.cause.is_some());
        if taken || self.leads_to(cause, effect) {
            let known = self.findings.get(effect).and_then(|finding| finding.cause.as_ref());
            if known.and_then(|key| self.by_key.get(key)) != Some(&cause) {
                self.relate(effect, Some(cause));
            }
            return;
        }
        let key = self.findings.get(cause).map(|finding| finding.key.clone());
        if let Some(finding) = self.findings.get_mut(effect) {
            finding.cause = key;
        }
    }

    /// Whether the causes of `from` come to `to`.
    fn leads_to(&self, from: usize, to: usize) -> bool {
        let mut at = Some(from);
        while let Some(index) = at {
            if index == to {
                return true;
            }
            let cause = self.findings.get(index).and_then(|finding| finding.cause.as_ref());
            at = cause.and_then(|key| self.by_key.get(key)).copied();
        }
        false
    }

    /// Names each of the two in the other.
    fn relate(&mut self, one: usize, other: Option<usize>) {
        let Some(other) = other.filter(|other| *other != one) else { return };
        for (at, to) in [(one, other), (other, one)] {
            let key = self.findings.get(to).map(|finding| finding.key.clone());
            if let (Some(finding), Some(key)) = (self.findings.get_mut(at), key)
                && !finding.related.contains(&key)
            {
                finding.related.push(key);
                finding.related.sort();
            }
        }
    }
}

/// Whether the last thing that the journal tells of `unit` before `then` is that it failed.
fn was_failing(units: &Units<'_>, unit: &str, then: Timestamp) -> bool {
    let failed = |event: &UnitEvent| match event.kind {
        UnitEventKind::Failed | UnitEventKind::StartFailed => Some(true),
        UnitEventKind::Started => Some(event.job_result.as_deref() != Some("done")),
        _ => None,
    };
    let before = units.events(unit).iter().filter(|event| event.time <= then);
    before.filter_map(|event| failed(event)).next_back() == Some(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use sysdiag_model::snapshot::{Job, SocketState, UnitEventKind};
    use sysdiag_model::{Probe, Severity};

    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};
    use crate::testing_events::{
        ago, assessed, broken_cycle, depends, event, failed_service, ordered, timer,
    };
    use crate::{Past, Scope, Settings, assess};

    /// `effect < cause`, in the order of the report.
    fn tree(snapshot: &Snapshot) -> Vec<String> {
        let line = |finding: &Finding| match &finding.cause {
            Some(cause) => format!("{} < {cause}", finding.key),
            None => finding.key.to_string(),
        };
        assessed(snapshot).findings.iter().map(line).collect()
    }

    #[test]
    fn what_a_failure_brings_down_hangs_below_it() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("app.service", "inactive", "dead"));
        add_unit(&mut snapshot, unit("web.service", "inactive", "dead"));
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        depends(&mut snapshot, "web.service", "BindsTo", "app.service");
        for name in ["app.service", "web.service"] {
            event(&mut snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                Some("dependency".to_owned());
        }
        assert_eq!(
            tree(&snapshot),
            [
                "unit-failed:db.service",
                "dependency-failed:app.service < unit-failed:db.service",
                "dependency-failed:web.service < unit-failed:db.service",
            ]
        );
        let report = assessed(&snapshot);
        let analysis = report.dependency_analysis.unwrap();
        assert_eq!(analysis.len(), 3);
        assert!(
            analysis
                .iter()
                .all(|unit| unit.unit == "db.service" || unit.first_causes == ["db.service"])
        );
    }

    #[test]
    fn what_was_unloaded_hangs_below_what_failed_in_the_same_moment() {
        let mut snapshot = healthy();
        for (name, result, usec) in [
            ("dev-a.device", "timeout", 0),
            ("a.mount", "dependency", 40),
            ("a.service", "dependency", 90),
            ("dev-b.device", "timeout", 130),
            ("b.swap", "dependency", 150),
        ] {
            let event = event(&mut snapshot, name, UnitEventKind::StartFailed, 180);
            event.job_result = Some(result.to_owned());
            event.time = event.time.plus_usec(usec);
        }
        assert_eq!(
            tree(&snapshot),
            [
                "device-missing:dev-a.device",
                "dependency-failed:a.service < device-missing:dev-a.device",
                "dependency-failed:a.mount < device-missing:dev-a.device",
                "device-missing:dev-b.device",
                "dependency-failed:b.swap < device-missing:dev-b.device",
            ]
        );
    }

    #[test]
    fn emergency_mode_hangs_below_what_brought_it_about() {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.system_state = Some("maintenance".to_owned());
        add_unit(&mut snapshot, unit("emergency.target", "active", "active"));
        for name in ["local-fs.target", "a.mount", "dev-a.device"] {
            add_unit(&mut snapshot, unit(name, "inactive", "dead"));
        }
        depends(&mut snapshot, "local-fs.target", "Requires", "a.mount");
        depends(&mut snapshot, "a.mount", "BindsTo", "dev-a.device");
        for (name, result) in [
            ("dev-a.device", "timeout"),
            ("a.mount", "dependency"),
            ("local-fs.target", "dependency"),
        ] {
            event(&mut snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                Some(result.to_owned());
        }
        let tree = tree(&snapshot);
        assert_eq!(tree[0], "device-missing:dev-a.device");
        assert!(
            tree.contains(
                &"system-maintenance:host < dependency-failed:local-fs.target".to_owned()
            )
        );
        let tops = tree.iter().filter(|line| !line.contains(" < ")).count();
        assert_eq!(tops, 1, "{tree:?}");
    }

    #[test]
    fn a_stuck_unit_hangs_below_its_processes_that_hang_in_the_kernel() {
        let finding = |rule| Finding::new(rule, Severity::Warning, "data.mount", rule);
        let mut findings = ["unit-stuck", "kernel-fault", "processes-uninterruptible"].map(finding);
        link(&mut findings, &healthy(), None);
        assert_eq!(findings[0].cause.as_ref(), Some(&findings[2].key));
        assert_eq!(findings[1].cause.as_ref(), Some(&findings[2].key));
    }

    #[test]
    fn an_unfinished_boot_hangs_below_the_unit_it_waits_for() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("slow.mount", "activating", "mounting"));
        let systemd = systemd_of(&mut snapshot);
        systemd.manager.finish_monotonic_usec = Some(0);
        systemd.manager.system_state = Some("starting".to_owned());
        systemd.jobs.push(Job {
            id: 7,
            unit: "slow.mount".into(),
            job_type: "start".to_owned(),
            state: "running".to_owned(),
        });
        assert_eq!(
            tree(&snapshot),
            ["unit-stuck:slow.mount", "boot-unfinished:host < unit-stuck:slow.mount"]
        );
    }

    #[test]
    fn a_path_hangs_below_the_unit_it_starts_too_often() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "b.service", "exit-code", 1, 1);
        failed_service(&mut snapshot, "a.path", "unit-start-limit-hit", 0, 0);
        depends(&mut snapshot, "a.path", "Triggers", "b.service");
        assert_eq!(
            tree(&snapshot),
            ["unit-failed:b.service", "unit-failed:a.path < unit-failed:b.service"]
        );
        let detail = systemd_of(&mut snapshot).details.get_mut("a.path").unwrap();
        detail.result = Some("resources".to_owned());
        assert!(tree(&snapshot).contains(&"unit-failed:a.path".to_owned()));
    }

    #[test]
    fn timers_and_sockets_hang_below_their_service() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        add_unit(&mut snapshot, unit("a.socket", "failed", "failed"));
        let systemd = systemd_of(&mut snapshot);
        systemd.timers.insert("a.timer".into(), timer("a.service"));
        let result = Some("service-start-limit-hit".to_owned());
        systemd.sockets.insert("a.socket".into(), SocketState { result, ..SocketState::default() });
        assert_eq!(
            tree(&snapshot),
            [
                "unit-failed:a.service",
                "timer-service-failed:a.timer < unit-failed:a.service",
                "socket-failed:a.socket < unit-failed:a.service",
            ]
        );
        // A socket that could not listen has its own reason.
        let socket = systemd_of(&mut snapshot).sockets.get_mut("a.socket").unwrap();
        socket.result = Some("resources".to_owned());
        assert!(tree(&snapshot).contains(&"socket-failed:a.socket".to_owned()));
    }

    #[test]
    fn a_crash_loop_and_its_failure_are_related_and_an_oom_kill_is_the_cause() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "oom-kill", 2, 9);
        for seconds in [241, 242, 243] {
            event(&mut snapshot, "a.service", UnitEventKind::RestartScheduled, seconds);
        }
        let report = assessed(&snapshot);
        let find = |key: &str| report.findings.iter().find(|it| it.key.as_str() == key).unwrap();
        let oom = FindingKey::new("unit-oom-killed", "a.service");
        assert_eq!(report.findings[0].key, oom);
        for key in ["unit-failed:a.service", "unit-flapping:a.service"] {
            assert_eq!(find(key).cause.as_ref(), Some(&oom));
        }
        assert_eq!(find("unit-failed:a.service").related[0].as_str(), "unit-flapping:a.service");
        assert_eq!(find("unit-flapping:a.service").related[0].as_str(), "unit-failed:a.service");
    }

    #[test]
    fn the_end_of_a_crash_loop_hangs_below_it() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "start-limit-hit", 1, 1);
        assert_eq!(
            tree(&snapshot),
            ["unit-flapping:a.service", "unit-failed:a.service < unit-flapping:a.service"]
        );
    }

    #[test]
    fn a_cause_does_not_begin_after_its_effect() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "app.service", "exit-code", 1, 1);
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 1);
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        let db = systemd_of(&mut snapshot).details.get_mut("db.service").unwrap();
        db.state_change = Some(ago(10));
        assert_eq!(tree(&snapshot), ["unit-failed:db.service", "unit-failed:app.service"]);
    }

    #[test]
    fn a_dropped_job_hangs_below_its_ring() {
        let mut snapshot = healthy();
        for (from, to) in [("a.service", "b.service"), ("b.service", "a.service")] {
            ordered(&mut snapshot, from, to, None);
        }
        broken_cycle(&mut snapshot, &["b.service", "a.service"], "b.service", 60);
        add_unit(&mut snapshot, unit("b.service", "inactive", "dead"));
        let scope = Scope { graph: true, ..Scope::run() };
        let report =
            assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
        let keys: Vec<(&str, Option<&str>)> = report
            .findings
            .iter()
            .map(|it| (it.key.as_str(), it.cause.as_ref().map(FindingKey::as_str)))
            .collect();
        let (ring, dropped) = ("ordering-cycle:a.service", "ordering-cycle-broken:a.service");
        assert_eq!(keys, [(ring, None), (dropped, Some(ring))]);
        // Without the full graph what systemd did is all that is known.
        assert_eq!(tree(&snapshot), [dropped]);
    }

    proptest! {
        #[test]
        fn no_chain_of_causes_is_a_ring_and_effects_follow_their_cause(
            edges in prop::collection::vec((0..8_u8, 0..8_u8, 0..3_usize), 0..24),
            ages in prop::collection::vec(0..3_u64, 8),
            held in prop::collection::vec(any::<bool>(), 8),
        ) {
            let mut snapshot = healthy();
            let name = |number: usize| format!("u{number}.service");
            for (number, (age, held)) in ages.iter().zip(&held).enumerate() {
                failed_service(&mut snapshot, &name(number), "exit-code", 1, 1);
                let systemd = systemd_of(&mut snapshot);
                let detail = systemd.details.get_mut(name(number).as_str()).unwrap();
                // 0: when it failed is not known.
                detail.state_change = (*age > 0).then(|| ago(*age));
                if *held {
                    add_unit(&mut snapshot, unit(&name(number), "inactive", "dead"));
                    event(&mut snapshot, &name(number), UnitEventKind::StartFailed, *age)
                        .job_result = Some("dependency".to_owned());
                }
            }
            for (from, to, edge) in edges {
                let edge = ["Requires", "Requisite", "BindsTo"][edge];
                depends(&mut snapshot, &name(from.into()), edge, &name(to.into()));
            }
            let report = assessed(&snapshot);
            prop_assert_eq!(report.findings.len(), 8);
            let mut seen = BTreeSet::new();
            for finding in &report.findings {
                // Behind its cause: so no chain can come back.
                prop_assert!(finding.cause.as_ref().is_none_or(|cause| seen.contains(cause)));
                prop_assert!(seen.insert(finding.key.clone()));
            }
            prop_assert_eq!(&report, &assessed(&snapshot));
        }
    }
}

//! From a snapshot to a report.

use std::collections::BTreeSet;

use sysdiag_model::report::SCHEMA_VERSION;
use sysdiag_model::{Finding, FindingKey, Gap, Probe, Report, Snapshot, UnitName, Why};

use crate::unit_page::find_unit;
use crate::{
    Context, Past, Scope, Settings, boot, causes, dependencies, gaps, graph, health, history, host,
    logs, next_step, noise, order, resources, rules, trace, unit_page,
};

/// Derives the sections `scope` asks for, runs their rules, orders the findings, and states what
/// could not be assessed. The same arguments give the same report.
pub fn assess(
    snapshot: &Snapshot,
    past: &Probe<Past>,
    settings: &Settings,
    scope: &Scope,
) -> Report {
    let boot = snapshot.systemd.value().map(boot::analyze);
    let health = health::analyze(snapshot, settings);
    let resources = resources::analyze(snapshot, settings);
    let graph = if scope.graph { graph::analyze(snapshot) } else { None };
    let mut findings = run_rules(
        &Context {
            snapshot,
            past,
            settings,
            boot: boot.as_ref(),
            health: health.as_ref(),
            resources: &resources,
            graph: graph.as_ref(),
        },
        scope,
    );
    causes::link(&mut findings, snapshot, graph.as_ref());
    next_step::make_valid(&mut findings, snapshot);
    let mut not_assessed = gaps::list(snapshot, past, scope);
    let unit_analysis = scope.unit.as_ref().and_then(|asked| {
        findings = about(
            std::mem::take(&mut findings),
            &find_unit(snapshot, asked).unwrap_or_else(|| asked.clone()),
            snapshot,
        );
        unit_page::analyze(snapshot, settings, asked, boot.as_ref(), &resources)
    });
    if let Some(gap) = unit_missing(snapshot, scope, unit_analysis.is_some()) {
        not_assessed.push(gap);
        not_assessed.sort();
    }
    let mut ignored_findings = noise::take_ignored(&mut findings, snapshot, settings);
    if let Some(past) = past.value() {
        history::mark(&mut findings, past, snapshot.clock.realtime);
        history::mark(&mut ignored_findings, past, snapshot.clock.realtime);
    }
    let journal = snapshot.journal.value().filter(|_| scope.logs);
    Report {
        schema_version: SCHEMA_VERSION,
        hostname: snapshot.host.hostname.value().cloned(),
        timestamp: snapshot.clock.realtime,
        boot_id: snapshot.host.boot_id.value().copied(),
        host: host::describe(snapshot),
        findings: order::arrange(findings),
        resolved_findings: Vec::new(),
        ignored_findings,
        not_assessed,
        boot_analysis: boot.filter(|_| scope.boot),
        health_analysis: health.filter(|_| scope.health),
        resource_analysis: scope.resources.then_some(resources),
        log_analysis: journal.and_then(|journal| logs::analyze(snapshot, journal, past)),
        dependency_analysis: if scope.dependencies {
            dependencies::analyze(snapshot)
        } else {
            None
        },
        full_dependency_analysis: graph,
        ebpf_analysis: if scope.trace { trace::analyze(snapshot) } else { None },
        unit_analysis,
        timings: snapshot.timings.clone(),
        errors: Vec::new(),
    }
}

/// What the rules in scope find whose needs were read.
fn run_rules(context: &Context<'_>, scope: &Scope) -> Vec<Finding> {
    let mut findings: Vec<Finding> = rules::ALL
        .iter()
        .filter(|rule| rule.section.is_in(scope))
        .filter(|rule| rule.needs.iter().all(|need| need.missing(context.snapshot).is_none()))
        .flat_map(|rule| (rule.check)(context))
        .collect();
    rules::unit_recovered::leave_to_others(&mut findings);
    findings
}

fn unit_missing(snapshot: &Snapshot, scope: &Scope, found: bool) -> Option<Gap> {
    let asked = scope.unit.as_ref().filter(|_| !found)?;
    // Where systemd itself could not be read, that is the gap.
    snapshot.systemd.value()?;
    let hint = "no unit of this name is loaded or on disk; check the name";
    Some(Gap::new(format!("unit {asked}"), Why::Absent, hint))
}

/// Findings about one unit and files of it, what causes them, and what they cause or are related to.
fn about(findings: Vec<Finding>, unit: &UnitName, snapshot: &Snapshot) -> Vec<Finding> {
    let changed = snapshot.systemd.value().and_then(|systemd| systemd.changed_on_disk.as_ref());
    let changed = changed.and_then(|changed| changed.units.get(unit)).into_iter().flatten();
    let files: BTreeSet<&str> = changed.map(|file| file.path.as_str()).collect();
    let mut own: BTreeSet<FindingKey> = findings
        .iter()
        .filter(|it| it.subject == unit.as_str() || files.contains(it.subject.as_str()))
        .map(|finding| finding.key.clone())
        .collect();
    own.extend(rings(unit, snapshot));
    let mut kept = own.clone();
    for finding in findings.iter().filter(|finding| own.contains(&finding.key)) {
        kept.extend(finding.related.iter().cloned());
    }
    kept.extend(
        findings
            .iter()
            .filter(|finding| finding.cause.as_ref().is_some_and(|cause| own.contains(cause)))
            .map(|finding| finding.key.clone()),
    );
    // Upwards to the first cause of each that is kept.
    let mut ahead: Vec<FindingKey> = own.into_iter().collect();
    while let Some(key) = ahead.pop() {
        let finding = findings.iter().find(|finding| finding.key == key);
        if let Some(cause) = finding.and_then(|finding| finding.cause.clone())
            && kept.insert(cause.clone())
        {
            ahead.push(cause);
        }
    }
    findings.into_iter().filter(|finding| kept.contains(&finding.key)).collect()
}

/// The rings that the unit was on when systemd broke them: their subject is the first unit of each.
fn rings(unit: &UnitName, snapshot: &Snapshot) -> Vec<FindingKey> {
    let broken = graph::broken(snapshot).unwrap_or_default();
    let with_it = broken.iter().filter(|cycle| cycle.units.contains(unit));
    let subjects = with_it.filter_map(|cycle| cycle.units.first());
    subjects.map(|subject| FindingKey::new("ordering-cycle-broken", subject.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Probe;
    use sysdiag_model::snapshot::{
        ChangedFile, ChangedOnDisk, FileChange, LogDigest, UnitEventKind,
    };

    use super::*;
    use crate::Section;
    use crate::testing::{add_unit, healthy, systemd_of, unit};
    use crate::testing_events::{
        assessed, broken_cycle, depends, event, failed_service, journal_of, line, timer,
    };

    /// Something wrong in every part that the rules of this folder look at.
    fn broken() -> Snapshot {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "db.service", "exit-code", 1, 203);
        failed_service(&mut snapshot, "app.service", "start-limit-hit", 3, 11);
        depends(&mut snapshot, "app.service", "Requires", "db.service");
        depends(&mut snapshot, "app.service", "After", "nginx.service");
        add_unit(&mut snapshot, unit("a.timer", "active", "waiting"));
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer("db.service"));
        add_unit(&mut snapshot, unit("a.socket", "failed", "failed"));
        add_unit(&mut snapshot, unit("slow.mount", "deactivating", "unmounting"));
        for seconds in [1, 2, 3] {
            event(&mut snapshot, "nginx.service", UnitEventKind::RestartScheduled, seconds);
            event(&mut snapshot, "nginx.service", UnitEventKind::CoreDump, seconds);
        }
        line(&mut snapshot, "db.service", "no such file");
        journal_of(&mut snapshot).logs = Some(LogDigest {
            entries: 12,
            by_priority: [0; 8],
            max_priority: 4,
            groups: Vec::new(),
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        });
        snapshot
    }

    fn scopes() -> Vec<Scope> {
        let one = |set: fn(&mut Scope)| {
            let mut scope = Scope::default();
            set(&mut scope);
            scope
        };
        vec![
            Scope::run(),
            one(|scope| scope.boot = true),
            one(|scope| scope.health = true),
            one(|scope| scope.resources = true),
            one(|scope| scope.logs = true),
            one(|scope| scope.dependencies = true),
            one(|scope| scope.unit = Some("app.service".into())),
            one(|scope| scope.unit = Some("none.service".into())),
        ]
    }

    #[test]
    fn a_healthy_host_has_nothing() {
        let report = assessed(&healthy());
        assert_eq!(report.findings, []);
        assert_eq!(report.health_analysis.unwrap().all_units_count, 2);
    }

    #[test]
    fn whatever_is_missing_is_named_and_nothing_is_made_up() {
        type Take = fn(&mut Snapshot, Gap);
        let takes: [(&str, Take); 5] = [
            ("systemd", |snapshot, gap| snapshot.systemd = Probe::Unknown(gap)),
            ("cgroups", |snapshot, gap| snapshot.cgroups = Probe::Unknown(gap)),
            ("system", |snapshot, gap| snapshot.system = Probe::Unknown(gap)),
            ("processes", |snapshot, gap| snapshot.processes = Probe::Unknown(gap)),
            ("journal", |snapshot, gap| snapshot.journal = Probe::Unknown(gap)),
        ];
        for missing in 0..1_usize << takes.len() {
            let mut snapshot = broken();
            let taken = takes.iter().enumerate().filter(|(bit, _)| missing >> bit & 1 == 1);
            let taken: Vec<&(&str, Take)> = taken.map(|(_, take)| take).collect();
            for (what, take) in &taken {
                take(&mut snapshot, Gap::new(*what, Why::TimedOut, "try again"));
            }
            let report = assess(
                &snapshot,
                &Probe::Known(Past::default()),
                &Settings::default(),
                &Scope::run(),
            );
            for (what, _) in &taken {
                assert!(report.not_assessed.iter().any(|gap| gap.what == *what), "{what}");
            }
            assert!(report.not_assessed.is_sorted());
            let systemd = snapshot.systemd.value().is_some();
            assert_eq!(report.health_analysis.is_some(), systemd);
            assert_eq!(report.boot_analysis.is_some(), systemd);
            assert_eq!(report.dependency_analysis.is_some(), systemd);
            assert_eq!(report.log_analysis.is_some(), snapshot.journal.value().is_some());
            for scope in scopes() {
                let _ =
                    assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
            }
        }
    }

    #[test]
    fn a_report_has_the_sections_that_were_asked_for() {
        let snapshot = broken();
        for scope in scopes() {
            let report =
                assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
            assert_eq!(report.boot_analysis.is_some(), scope.boot);
            assert_eq!(report.health_analysis.is_some(), scope.health);
            assert_eq!(report.resource_analysis.is_some(), scope.resources);
            assert_eq!(report.log_analysis.is_some(), scope.logs);
            assert_eq!(report.dependency_analysis.is_some(), scope.dependencies);
            let sections: Vec<Option<Section>> = report
                .findings
                .iter()
                .map(|finding| rules::find(&finding.rule).map(|rule| rule.section))
                .collect();
            assert!(sections.iter().all(|section| section.is_some_and(|it| it.is_in(&scope))));
        }
    }

    #[test]
    fn a_page_is_about_one_unit_and_what_it_hangs_on() {
        let snapshot = broken();
        let scope = Scope { unit: Some("app.service".into()), ..Scope::default() };
        let report =
            assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
        let page = report.unit_analysis.unwrap();
        assert_eq!(page.signal.as_deref(), Some("SIGSEGV"));
        assert_eq!(page.dependencies.len(), 2);
        let keys: Vec<&str> = report.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(
            keys,
            ["unit-failed:db.service", "unit-flapping:app.service", "unit-failed:app.service"]
        );
    }

    #[test]
    fn every_unit_of_a_ring_that_was_broken_shows_it() {
        let mut snapshot = broken();
        for name in ["x.service", "y.service"] {
            add_unit(&mut snapshot, unit(name, "active", "running"));
        }
        let mut dropped = unit("z.service", "inactive", "dead");
        dropped.times = None;
        add_unit(&mut snapshot, dropped);
        broken_cycle(&mut snapshot, &["y.service", "z.service", "x.service"], "z.service", 60);
        for (name, shown) in
            [("x.service", true), ("y.service", true), ("z.service", true), ("a.timer", false)]
        {
            let scope = Scope { unit: Some(name.into()), ..Scope::default() };
            let report =
                assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
            let key = FindingKey::new("ordering-cycle-broken", "x.service");
            let found = report.findings.iter().find(|finding| finding.key == key);
            assert_eq!(found.is_some(), shown, "{name}");
            assert!(found.is_none_or(|it| it.title.starts_with("z.service was not started")));
        }
    }

    #[test]
    fn an_alias_leads_to_the_unit() {
        let mut snapshot = broken();
        let detail = systemd_of(&mut snapshot).details.get_mut("db.service").unwrap();
        detail.names.push("database.service".into());
        let scope = Scope { unit: Some("database.service".into()), ..Scope::default() };
        let report =
            assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
        assert_eq!(report.unit_analysis.unwrap().name, "db.service");
        assert_eq!(report.findings[0].subject, "db.service");
    }

    #[test]
    fn a_changed_file_of_several_units_stands_on_the_page_of_each() {
        let mut snapshot = broken();
        let file = ChangedFile {
            path: "/etc/systemd/system/service.d/all.conf".to_owned(),
            change: FileChange::Added,
            time: None,
        };
        let units = ["nginx.service", "slow.mount"].map(|name| (name.into(), vec![file.clone()]));
        let changed = ChangedOnDisk { units: units.into() };
        systemd_of(&mut snapshot).changed_on_disk = Some(changed);
        let found = |unit: &str| {
            let scope = Scope { unit: Some(unit.into()), ..Scope::default() };
            let report =
                assess(&snapshot, &Probe::Known(Past::default()), &Settings::default(), &scope);
            report.findings.iter().any(|finding| finding.rule == "unit-changed-on-disk")
        };
        assert!(found("nginx.service") && !found("a.timer"));
    }

    #[test]
    fn a_unit_that_is_not_there_is_not_assessed() {
        let scope = Scope { unit: Some("none.service".into()), ..Scope::default() };
        let report =
            assess(&healthy(), &Probe::Known(Past::default()), &Settings::default(), &scope);
        assert!(report.unit_analysis.is_none());
        assert!(report.not_assessed.iter().any(|gap| gap.what == "unit none.service"));
    }

    #[test]
    fn every_finding_is_complete() {
        let report = assessed(&broken());
        assert!(report.findings.len() >= 8, "{:#?}", report.findings);
        for finding in report.findings {
            assert!(!finding.evidence.is_empty() && finding.next.is_some(), "{finding:?}");
            assert!(!finding.title.is_empty() && !finding.title.ends_with('.'), "{finding:?}");
            let rule = rules::find(&finding.rule).unwrap();
            assert!(finding.severity <= rule.severity, "{finding:?}");
        }
    }
}

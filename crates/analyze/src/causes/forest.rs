//! What many failures look like as a whole: how many findings stand at the top of a report.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{Snapshot, UnitEventKind};
use sysdiag_model::{Finding, FindingKey, Report};

use crate::testing::{add_unit, healthy, systemd_of, unit};
use crate::testing_events::{ago, assessed, depends, event, failed_service, line};

/// How a unit ends that is not up because of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// systemd dropped its start job and still knows the unit.
    NotStarted,
    /// Only the journal and the files on disk still know it.
    Unloaded,
    /// It was started and failed for want of the other.
    Failed,
}

const EFFECTS: [Effect; 3] = [Effect::NotStarted, Effect::Unloaded, Effect::Failed];

fn name(number: usize) -> String {
    format!("u{number}.service")
}

/// A host where `failed` failed and what requires them is not up; edges go from who requires.
fn host(failed: &[usize], edges: &[(usize, usize)], effect: impl Fn(usize) -> Effect) -> Snapshot {
    let mut snapshot = healthy();
    for number in failed {
        failed_service(&mut snapshot, &name(*number), "exit-code", 1, 1);
        line(&mut snapshot, &name(*number), "cannot open the database");
    }
    let mut effects: Vec<usize> = edges.iter().map(|(from, _)| *from).collect();
    effects.dedup();
    for number in effects {
        let name = name(number);
        match effect(number) {
            Effect::Failed => {
                failed_service(&mut snapshot, &name, "exit-code", 1, 1);
                let systemd = systemd_of(&mut snapshot);
                systemd.details.get_mut(name.as_str()).unwrap().state_change = Some(ago(200));
            }
            effect => {
                if effect == Effect::NotStarted {
                    let mut down = unit(&name, "inactive", "dead");
                    down.times = None;
                    add_unit(&mut snapshot, down);
                }
                event(&mut snapshot, &name, UnitEventKind::StartFailed, 240).job_result =
                    Some("dependency".to_owned());
            }
        }
    }
    for (from, to) in edges {
        depends(&mut snapshot, &name(*from), "Requires", &name(*to));
        depends(&mut snapshot, &name(*from), "After", &name(*to));
    }
    snapshot
}

/// Each top finding, with the subjects that hang below it, directly or not.
fn forest(report: &Report) -> BTreeMap<String, Vec<String>> {
    let find = |key: &FindingKey| report.findings.iter().find(|it| it.key == *key).unwrap();
    let mut forest: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in &report.findings {
        let mut top: &Finding = finding;
        while let Some(cause) = &top.cause {
            top = find(cause);
        }
        let below = forest.entry(top.key.to_string()).or_default();
        if top.key != finding.key {
            below.push(finding.subject.clone());
        }
    }
    for below in forest.values_mut() {
        below.sort();
    }
    forest
}

fn names(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(name).collect()
}

#[test]
fn a_chain_of_ten_is_one_finding_with_nine_effects() {
    let edges: Vec<(usize, usize)> = (1..10).map(|number| (number, number - 1)).collect();
    let mixed = |number: usize| EFFECTS[number % EFFECTS.len()];
    let kinds: [&dyn Fn(usize) -> Effect; 4] =
        [&|_| Effect::NotStarted, &|_| Effect::Unloaded, &|_| Effect::Failed, &mixed];
    for (number, effect) in kinds.into_iter().enumerate() {
        let report = assessed(&host(&[0], &edges, effect));
        let expected = BTreeMap::from([("unit-failed:u0.service".to_owned(), names(1..10))]);
        assert_eq!(forest(&report), expected, "kind {number}");
        assert_eq!(report.findings[0].key.as_str(), "unit-failed:u0.service");
        assert_eq!(report.findings.len(), 10);
    }
}

#[test]
fn ten_that_require_one_are_one_finding_with_nine_effects() {
    let edges: Vec<(usize, usize)> = (1..10).map(|number| (number, 0)).collect();
    for effect in EFFECTS {
        let report = assessed(&host(&[0], &edges, |_| effect));
        let expected = BTreeMap::from([("unit-failed:u0.service".to_owned(), names(1..10))]);
        assert_eq!(forest(&report), expected, "{effect:?}");
    }
}

#[test]
fn a_diamond_is_one_finding() {
    for effect in EFFECTS {
        let edges = [(1, 0), (2, 0), (3, 1), (3, 2)];
        let report = assessed(&host(&[0], &edges, |_| effect));
        let expected = BTreeMap::from([("unit-failed:u0.service".to_owned(), names(1..4))]);
        assert_eq!(forest(&report), expected, "{effect:?}");
        assert_eq!(report.findings.len(), 4, "each once");
    }
}

#[test]
fn two_independent_causes_are_two_findings() {
    for effect in EFFECTS {
        let edges = [(1, 0), (2, 1), (6, 5), (7, 5)];
        let report = assessed(&host(&[0, 5], &edges, |_| effect));
        let expected = BTreeMap::from([
            ("unit-failed:u0.service".to_owned(), names([1, 2])),
            ("unit-failed:u5.service".to_owned(), names([6, 7])),
        ]);
        assert_eq!(forest(&report), expected, "{effect:?}");
    }
}

#[test]
fn what_two_causes_bring_down_hangs_below_one_of_them() {
    for effect in EFFECTS {
        let report = assessed(&host(&[0, 1], &[(2, 0), (2, 1)], |_| effect));
        let forest = forest(&report);
        assert_eq!(
            forest.keys().collect::<Vec<_>>(),
            ["unit-failed:u0.service", "unit-failed:u1.service"]
        );
        assert_eq!(forest.values().flatten().collect::<Vec<_>>(), ["u2.service"], "{effect:?}");
    }
}

#[test]
fn what_is_behind_the_first_failure_is_the_top_of_all() {
    // The memory limit, the unit that hit it, and a chain on top of that.
    let edges: Vec<(usize, usize)> = (1..10).map(|number| (number, number - 1)).collect();
    let mut snapshot = host(&[], &edges, |_| Effect::NotStarted);
    failed_service(&mut snapshot, "u0.service", "oom-kill", 2, 9);
    let report = assessed(&snapshot);
    let forest = forest(&report);
    assert_eq!(forest.keys().collect::<Vec<_>>(), ["unit-oom-killed:u0.service"]);
    assert_eq!(forest.values().flatten().cloned().collect::<Vec<_>>(), names(0..10));
}

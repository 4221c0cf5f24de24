//! Units that are ordered after each other in a ring.

use std::collections::BTreeMap;

use sysdiag_model::report::{BrokenOrderingCycle, CycleEdge, EdgeOrigin, OrderingCycle};
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use crate::human::systemctl;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, graph};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ordering-cycle",
    title: "Units are ordered after each other in a ring",
    severity: Severity::Error,
    section: Section::Graph,
    needs: &[Need::Systemd, Need::Ordering],
    explanation: Explanation {
        checks: "Rings of After= and Before= among all loaded units, default and implicit \
                 dependencies included (run --analyze-full-graph). Rings that one and the same edge \
                 closes are one finding. An error where systemd dropped a job to break the ring in \
                 this boot and that unit does not run, a warning otherwise. Not counted: a ring of \
                 requirements without ordering, which is legal, and one with two units that exclude \
                 each other (Conflicts=), which are never started together.",
        matters: "No order can start them all. When they are started together systemd drops the \
                  job of one of them, not always the same: that unit is silently missing, in this \
                  boot or in the next.",
        todo: "Take away one of the edges, best the one in a file of your own; the evidence names \
               file and line. For a default dependency it is mostly a Before= on an early target, \
               or a missing DefaultDependencies=no. Then run systemctl daemon-reload.",
        references: &[
            "systemd.unit(5), After= and DefaultDependencies=",
            "systemd-analyze(1), verify",
        ],
    },
    check,
};

/// Edges that are named in the evidence.
const MOST_EDGES: usize = 6;
/// Units that are named in the title.
const MOST_NAMES: usize = 4;

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(graph)) = (Units::of(context.snapshot), context.graph) else {
        return Vec::new();
    };
    let mut broken: BTreeMap<&UnitName, Vec<&BrokenOrderingCycle>> = BTreeMap::new();
    for cycle in &graph.broken_at_boot {
        if let Some(subject) = graph::subject_of(graph, &cycle.units) {
            broken.entry(subject).or_default().push(cycle);
        }
    }
    // The subject is the first unit: rings that begin with the same one are one finding.
    let mut by_subject: BTreeMap<&UnitName, Vec<&OrderingCycle>> = BTreeMap::new();
    for cycle in graph.cycles.iter().filter(|cycle| cycle.cut.is_some()) {
        if let Some(subject) = cycle.units.first() {
            by_subject.entry(subject).or_default().push(cycle);
        }
    }
    by_subject
        .into_iter()
        .map(|(subject, cycles)| {
            let broken = broken.get(subject).map_or(&[][..], Vec::as_slice);
            finding(&units, subject, &cycles, broken)
        })
        .collect()
}

fn finding(
    units: &Units<'_>,
    subject: &UnitName,
    cycles: &[&OrderingCycle],
    broken: &[&BrokenOrderingCycle],
) -> Finding {
    let down = graph::not_started(units, broken.iter().copied());
    let severity = if down.is_empty() { Severity::Warning } else { Severity::Error };
    let mut title = match cycles {
        [cycle] => title(&cycle.units),
        _ => format!("{subject} is in {} rings of units ordered after each other", cycles.len()),
    };
    if let Some(unit) = down.first() {
        title.push_str("; systemd dropped the start of ");
        title.push_str(&graph::listed(&down, 2).unwrap_or_else(|| unit.to_string()));
    }
    let since = broken.iter().map(|cycle| cycle.time).min();
    let mut finding = Finding::new(RULE.id, severity, subject.as_str(), title).since(since);
    for cycle in cycles {
        let cut = cycle.cut.and_then(|cut| usize::try_from(cut).ok());
        let cut = cut.and_then(|cut| cycle.edges.get(cut));
        // The edge to take away is always among those that are named.
        let mut named: Vec<&CycleEdge> = cycle.edges.iter().take(MOST_EDGES).collect();
        if let Some(cut) = cut.filter(|cut| !named.contains(cut)) {
            named.pop();
            named.push(cut);
        }
        for edge in &named {
            finding = finding.because(evidence(edge));
        }
        let more = cycle.edges.len().saturating_sub(named.len()) as u64;
        if more > 0 {
            finding = finding.because(Evidence::new(
                "edges besides",
                Value::Count(more),
                "After (D-Bus)",
            ));
        }
        if let (Some(edge), Some(others)) = (cut, cycle.cut_breaks.filter(|breaks| *breaks > 1)) {
            let what = format!("rings that {} after {} closes", edge.from, edge.to);
            finding = finding.because(Evidence::new(what, Value::Count(others), "After (D-Bus)"));
        }
        if finding.next.is_none() {
            finding.next = cut.map(|edge| systemctl("cat", graph::declared_by(edge).as_str()));
        }
    }
    finding
}

/// `a.service and b.service are ordered after each other`.
fn title(units: &[UnitName]) -> String {
    let names: Vec<&UnitName> = units.iter().collect();
    if let [a, b] = units {
        return format!("{a} and {b} are ordered after each other");
    }
    let list = graph::listed(&names, MOST_NAMES).unwrap_or_default();
    format!("{list} are ordered after each other in a ring")
}

/// `a.service after b.service: After=b.service, line 3 of /etc/systemd/system/a.service`.
fn evidence(edge: &CycleEdge) -> Evidence {
    let what = format!("{} after {}", edge.from, edge.to);
    let place = edge.source_file.as_deref().map(|file| match edge.source_line {
        Some(line) => format!("line {line} of {file}"),
        None => file.to_owned(),
    });
    let kind = match edge.origin {
        EdgeOrigin::File | EdgeOrigin::Unknown => None,
        EdgeOrigin::Default => Some("default dependency"),
        EdgeOrigin::Implicit => Some("implicit dependency"),
    };
    let reason = edge.reason.as_ref().map(|reason| match kind {
        Some(kind) => format!("{kind}: {reason}"),
        None => reason.clone(),
    });
    let parts = [reason, edge.declaration.clone(), place];
    let text: Vec<String> = parts.into_iter().flatten().collect();
    let source = if edge.source_file.is_some() { "unit file" } else { "After (D-Bus)" };
    Evidence::text(what, text.join(", "), source)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Probe;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, unit};
    use crate::testing_events::{broken_cycle, ordered};

    fn ring() -> sysdiag_model::Snapshot {
        let mut snapshot = healthy();
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let file = format!("/etc/systemd/system/{from}.service");
            ordered(
                &mut snapshot,
                &format!("{from}.service"),
                &format!("{to}.service"),
                Some(&file),
            );
        }
        snapshot
    }

    #[test]
    fn fires_once_on_a_ring_and_names_the_files() {
        let found = findings(&RULE, &ring());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].subject, "a.service");
        assert_eq!(
            found[0].title,
            "a.service, b.service and c.service are ordered after each other in a ring"
        );
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence.len(), 3);
        assert_eq!(
            found[0].evidence[0],
            Evidence::text(
                "a.service after b.service",
                "After=b.service, line 2 of /etc/systemd/system/a.service",
                "unit file"
            )
        );
        assert_eq!(found[0].next.as_deref(), Some("systemctl cat a.service"));
    }

    #[test]
    fn silent_about_a_chain() {
        let mut snapshot = healthy();
        ordered(&mut snapshot, "a.service", "b.service", None);
        ordered(&mut snapshot, "b.service", "c.service", None);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn silent_about_units_that_exclude_each_other() {
        let mut snapshot = healthy();
        ordered(&mut snapshot, "a.service", "b.service", None);
        ordered(&mut snapshot, "b.service", "a.service", None);
        let ordering = snapshot.ordering.value_mut().unwrap();
        let origin = ordering.origins.get_mut("b.service").unwrap();
        origin.dependencies.insert("Conflicts".to_owned(), vec!["a.service".into()]);
        assert!(findings(&RULE, &snapshot).is_empty());
        assert!(matches!(snapshot.ordering, Probe::Known(_)));
    }

    #[test]
    fn an_error_once_a_job_was_dropped() {
        let mut snapshot = ring();
        broken_cycle(&mut snapshot, &["b.service", "c.service", "a.service"], "c.service", 3590);
        add_unit(&mut snapshot, unit("c.service", "inactive", "dead"));
        snapshot.systemd.value_mut().unwrap().units.iter_mut().for_each(|unit| {
            unit.times = None;
        });
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Error);
        assert!(found[0].title.ends_with("in a ring; systemd dropped the start of c.service"));
    }

    #[test]
    fn what_one_edge_closes_is_one_finding() {
        let mut snapshot = healthy();
        ordered(
            &mut snapshot,
            "sysinit.target",
            "x.service",
            Some("/etc/systemd/system/x.service"),
        );
        for between in ["a.socket", "b.timer", "c.path"] {
            ordered(&mut snapshot, "x.service", between, None);
            ordered(&mut snapshot, between, "sysinit.target", None);
        }
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1, "{found:#?}");
        let what = "rings that sysinit.target after x.service closes";
        assert!(
            found[0]
                .evidence
                .iter()
                .any(|fact| { fact.what == what && fact.value == Value::Count(3) })
        );
    }

    #[test]
    fn two_rings_that_share_a_unit_are_two_findings_unless_it_is_the_first_of_both() {
        let rings = |shared: &str| {
            let mut snapshot = healthy();
            for (from, to) in [(shared, "b"), ("b", "c"), ("c", shared)] {
                ordered(&mut snapshot, from, to, None);
            }
            for (from, to) in [(shared, "d"), ("d", "e"), ("e", shared)] {
                ordered(&mut snapshot, from, to, None);
            }
            findings(&RULE, &snapshot)
        };
        let subjects = |found: &[Finding]| -> Vec<String> {
            found.iter().map(|finding| finding.subject.clone()).collect()
        };
        assert_eq!(subjects(&rings("s")), ["b", "d"]);
        let first = rings("a");
        assert_eq!(subjects(&first), ["a"]);
        assert_eq!(first[0].title, "a is in 2 rings of units ordered after each other");
        assert_eq!(first[0].evidence.len(), 6);
    }

    #[test]
    fn long_rings_are_shortened_and_keep_the_edge_to_take_away() {
        let mut snapshot = healthy();
        let name = |number: u32| format!("u{number:02}.service");
        for number in 0..50 {
            // Only one edge is in a file of the administrator's own.
            let file = (number == 33).then_some("/etc/systemd/system/u33.service");
            ordered(&mut snapshot, &name(number), &name((number + 1) % 50), file);
        }
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].title.starts_with("u00.service, u01.service, u02.service and 47 more are")
        );
        let named =
            found[0].evidence.iter().any(|fact| fact.what == "u33.service after u34.service");
        assert!(named, "{:#?}", found[0].evidence);
        assert_eq!(found[0].next.as_deref(), Some("systemctl cat u33.service"));
    }
}

//! The order of findings in a report: the worst first, effects behind their cause.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use sysdiag_model::{Finding, FindingKey, Severity};

/// Puts findings in order. A tree counts as its worst finding; of one severity, trees and siblings that
/// explain more come first, then the newest, those of unknown age last, then by key.
pub(crate) fn arrange(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| a.key.cmp(&b.key));
    findings.dedup_by(|a, b| a.key == b.key);
    let keys = findings.iter().enumerate();
    let by_key: HashMap<FindingKey, usize> =
        keys.map(|(index, finding)| (finding.key.clone(), index)).collect();
    for finding in &mut findings {
        // What is out of scope is not pointed to.
        finding.cause.take_if(|cause| !by_key.contains_key(cause));
        finding.related.retain(|related| by_key.contains_key(related));
    }
    let causes: Vec<Option<usize>> = findings
        .iter()
        .map(|finding| finding.cause.as_ref().and_then(|cause| by_key.get(cause)).copied())
        .collect();
    let worst = worst_below(&findings, &causes);
    let explained = explained_subjects(&findings, &causes);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); findings.len()];
    let mut tops = Vec::new();
    for (index, cause) in causes.iter().enumerate() {
        match cause.and_then(|cause| children.get_mut(cause)) {
            Some(siblings) => siblings.push(index),
            None => tops.push(index),
        }
    }
    let rank = |index: &usize| {
        let since = findings.get(*index).and_then(|finding| finding.since);
        let explains = explained.get(*index).copied();
        let severity = worst.get(*index).copied();
        (Reverse(severity), Reverse(explains), since.is_none(), Reverse(since), *index)
    };
    tops.sort_by_key(rank);
    for siblings in &mut children {
        siblings.sort_by_key(rank);
    }
    let mut order = Vec::with_capacity(findings.len());
    let mut ahead: Vec<usize> = tops.into_iter().rev().collect();
    while let Some(index) = ahead.pop() {
        order.push(index);
        ahead.extend(children.get(index).into_iter().flatten().rev());
    }
    let mut findings: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| findings.get_mut(index)?.take()).collect()
}

/// How many other subjects each finding explains: that the unit which hit its limit has failed counts
/// for nothing, that others fail with it does. A finding alone and one with one effect, which is often
/// the same trouble under another name, are equal.
fn explained_subjects(findings: &[Finding], causes: &[Option<usize>]) -> Vec<usize> {
    let mut explained: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); findings.len()];
    for (index, finding) in findings.iter().enumerate() {
        let mut above = causes.get(index).copied().flatten();
        // No chain is longer than the list, whatever the causes are.
        for _ in 0..findings.len() {
            let Some(cause) = above else { break };
            let differs = findings.get(cause).is_some_and(|it| it.subject != finding.subject);
            if let Some(subjects) = explained.get_mut(cause).filter(|_| differs)
                && !subjects.insert(finding.subject.as_str())
            {
                // Those above have it as well.
                break;
            }
            above = causes.get(cause).copied().flatten();
        }
    }
    explained.iter().map(|subjects| subjects.len().saturating_sub(1)).collect()
}

/// The worst severity of each finding and everything it explains.
fn worst_below(findings: &[Finding], causes: &[Option<usize>]) -> Vec<Severity> {
    let mut worst: Vec<Severity> = findings.iter().map(|finding| finding.severity).collect();
    for (index, finding) in findings.iter().enumerate() {
        let mut above = causes.get(index).copied().flatten();
        while let Some(cause) = above {
            match worst.get_mut(cause) {
                Some(severity) if *severity < finding.severity => *severity = finding.severity,
                _ => break,
            }
            above = causes.get(cause).copied().flatten();
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Timestamp;

    use super::*;

    fn finding(rule: &str, severity: Severity, since: Option<u64>, cause: Option<&str>) -> Finding {
        let mut finding =
            Finding::new(rule, severity, "a.service", "").since(since.map(Timestamp::from_usec));
        finding.cause = cause.map(|rule| FindingKey::new(rule, "a.service"));
        finding
    }

    fn order(findings: Vec<Finding>) -> String {
        arrange(findings).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_tree_counts_as_its_worst_and_stays_together() {
        assert_eq!(
            order(vec![
                finding("e", Severity::Error, Some(9), None),
                finding("w", Severity::Warning, Some(1), None),
                finding("x", Severity::Critical, Some(2), Some("v")),
                finding("v", Severity::Warning, Some(2), Some("w")),
                finding("i", Severity::Info, None, Some("w")),
            ]),
            "wvxie"
        );
    }

    #[test]
    fn equals_go_from_new_to_old_then_by_key() {
        assert_eq!(
            order(vec![
                finding("n", Severity::Error, None, None),
                finding("o", Severity::Error, Some(1), None),
                finding("b", Severity::Error, Some(2), None),
                finding("a", Severity::Error, Some(2), None),
            ]),
            "abon"
        );
    }

    #[test]
    fn what_brought_down_more_comes_first() {
        let mut findings = vec![
            finding("new", Severity::Error, Some(9), None),
            finding("old", Severity::Error, Some(1), None),
        ];
        for (rule, subject) in [("x", "b.service"), ("y", "c.service")] {
            let mut effect = Finding::new(rule, Severity::Error, subject, "");
            effect.cause = Some(FindingKey::new("old", "a.service"));
            findings.push(effect);
        }
        assert_eq!(order(findings.clone()), "oldxynew");
        findings.pop();
        assert_eq!(order(findings), "newoldx");
    }

    #[test]
    fn a_cause_that_is_not_there_is_not_named() {
        let arranged = arrange(vec![finding("a", Severity::Error, None, Some("gone"))]);
        assert_eq!(arranged[0].cause, None);
    }
}

//! Findings under the finding that explains them.
//!
//! The causes of a report are data like any other: a cause may be missing, and causes may form a
//! ring. Every finding is shown once all the same.

use std::collections::BTreeMap;

use sysdiag_model::{Finding, FindingKey, Severity};

/// A finding that no other explains, and what it explains, directly or not.
pub(super) struct Tree<'a> {
    pub(super) cause: &'a Finding,
    /// What it explains, each before what that explains in turn; 0 is explained directly.
    pub(super) effects: Vec<(usize, &'a Finding)>,
}

impl<'a> Tree<'a> {
    /// Every finding once, causes in the order of the report.
    pub(super) fn all(findings: &'a [Finding]) -> Vec<Self> {
        let mut explained: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let keys: BTreeMap<&str, usize> = findings
            .iter()
            .enumerate()
            .map(|(index, finding)| (finding.key.as_str(), index))
            .collect();
        let mut roots = Vec::new();
        for (index, finding) in findings.iter().enumerate() {
            let cause = finding.cause.as_ref().map(FindingKey::as_str);
            match cause.filter(|key| keys.get(key).is_some_and(|at| *at != index)) {
                Some(cause) => explained.entry(cause).or_default().push(index),
                None => roots.push(index),
            }
        }
        let mut shown = vec![false; findings.len()];
        // Those behind the roots are what hangs in a ring: its first one stands for a cause.
        let order: Vec<usize> = roots.into_iter().chain(0..findings.len()).collect();
        let mut trees: Vec<(usize, Self)> = order
            .into_iter()
            .filter_map(|index| {
                let cause = take(findings, &mut shown, index)?;
                Some((
                    index,
                    Self { cause, effects: effects(findings, &explained, &mut shown, cause) },
                ))
            })
            .collect();
        trees.sort_by_key(|(index, _)| *index);
        trees.into_iter().map(|(_, tree)| tree).collect()
    }

    /// How bad the worst of it is.
    pub(super) fn severity(&self) -> Severity {
        self.effects.iter().map(|(_, effect)| effect.severity).fold(self.cause.severity, Ord::max)
    }
}

/// How many problems of this severity there are, as the head of a report counts them: a problem and
/// its effects are one, as bad as the worst of them.
pub(crate) fn problems(findings: &[Finding], severity: Severity) -> usize {
    Tree::all(findings).iter().filter(|tree| tree.severity() == severity).count()
}

/// What `cause` explains that was not shown yet, depth first. Without recursion: a chain of causes
/// is as long as the report.
fn effects<'a>(
    findings: &'a [Finding],
    explained: &BTreeMap<&str, Vec<usize>>,
    shown: &mut [bool],
    cause: &'a Finding,
) -> Vec<(usize, &'a Finding)> {
    let of = |finding: &Finding| explained.get(finding.key.as_str()).cloned().unwrap_or_default();
    let mut effects = Vec::new();
    let mut waiting: Vec<(usize, usize)> = of(cause).into_iter().rev().map(|at| (0, at)).collect();
    while let Some((depth, index)) = waiting.pop() {
        let Some(effect) = take(findings, shown, index) else { continue };
        effects.push((depth, effect));
        waiting.extend(of(effect).into_iter().rev().map(|at| (depth + 1, at)));
    }
    effects
}

fn take<'a>(findings: &'a [Finding], shown: &mut [bool], index: usize) -> Option<&'a Finding> {
    let shown = shown.get_mut(index)?;
    if std::mem::replace(shown, true) { None } else { findings.get(index) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn finding(subject: &str, cause: Option<&str>) -> Finding {
        let mut finding = Finding::new("r", Severity::Error, subject, subject);
        finding.cause = cause.map(|cause| FindingKey::new("r", cause));
        finding
    }

    fn shape(findings: &[Finding]) -> Vec<String> {
        Tree::all(findings)
            .iter()
            .map(|tree| {
                let effects = tree
                    .effects
                    .iter()
                    .map(|(depth, effect)| format!(" {depth}{}", effect.subject));
                format!("{}{}", tree.cause.subject, effects.collect::<String>())
            })
            .collect()
    }

    #[test]
    fn effects_stand_under_their_cause() {
        let findings = [
            finding("c", Some("b")),
            finding("a", None),
            finding("b", Some("a")),
            finding("d", Some("gone")),
        ];
        assert_eq!(shape(&findings), ["a 0b 1c", "d"]);
    }

    #[test]
    fn rings_are_broken_at_their_first() {
        let findings = [finding("a", Some("b")), finding("b", Some("a")), finding("c", Some("c"))];
        assert_eq!(shape(&findings), ["a 0b", "c"]);
    }

    #[test]
    fn block_is_as_bad_as_its_worst() {
        let mut findings = [finding("a", None), finding("b", Some("a"))];
        findings[0].severity = Severity::Warning;
        assert_eq!(Tree::all(&findings)[0].severity(), Severity::Error);
    }

    proptest! {
        #[test]
        fn every_finding_is_shown_once(causes in prop::collection::vec(prop::option::of(0u8..12), 0..12)) {
            let findings: Vec<Finding> = causes
                .iter()
                .enumerate()
                .map(|(index, cause)| {
                    finding(&index.to_string(), cause.map(|at| at.to_string()).as_deref())
                })
                .collect();
            let mut shown: Vec<&str> = Vec::new();
            for tree in Tree::all(&findings) {
                shown.push(&tree.cause.subject);
                shown.extend(tree.effects.iter().map(|(_, effect)| effect.subject.as_str()));
            }
            shown.sort_unstable();
            let mut all: Vec<&str> = findings.iter().map(|finding| finding.subject.as_str()).collect();
            all.sort_unstable();
            prop_assert_eq!(shown, all);
        }
    }
}

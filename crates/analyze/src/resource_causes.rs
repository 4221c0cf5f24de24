//! Which findings about resources explain which others: pure facts about rules, applied by `causes`.

use sysdiag_model::{Finding, FindingKey, Value};

use crate::rules::{LIKELY_CAUSE, LIMIT_OF};

const HOST: &str = "host";

/// What may explain a finding, the best first, and what is about the same trouble.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) causes: Vec<FindingKey>,
    pub(crate) related: Vec<FindingKey>,
}

/// The links of a finding; whether there are such findings is not known here.
pub(crate) fn links(finding: &Finding) -> Links {
    let of_host = |rules: &[&str]| rules.iter().map(|rule| FindingKey::new(rule, HOST)).collect();
    let of_subject = |rules: &[&str]| -> Vec<FindingKey> {
        rules.iter().map(|rule| FindingKey::new(rule, &finding.subject)).collect()
    };
    let causes = |causes| Links { causes, related: Vec::new() };
    match finding.rule.as_str() {
        "memory-pressure-high" => causes(of_host(&["memory-low", "swap-thrashing"])),
        "swap-exhausted" => causes(of_host(&["memory-low", "memory-pressure-high"])),
        "swap-thrashing" => causes(of_host(&["memory-low"])),
        "io-pressure-high" => causes(of_host(&["swap-thrashing"])),
        "unit-pressure-high" => of_pressure(finding),
        "unit-forks-refused" => {
            Links { causes: Vec::new(), related: of_subject(&["unit-failed", "unit-flapping"]) }
        }
        "unit-memory-near-limit" => Links {
            causes: of_subject(&["unit-memory-leak"]),
            related: of_subject(&["unit-memory-throttled"]),
        },
        _ => Links::default(),
    }
}

/// The limit that it waits at, the unit that uses the resource, or the host where all wait.
fn of_pressure(finding: &Finding) -> Links {
    let source = finding.evidence.first().map_or("", |fact| fact.source.as_str());
    let host = match source.rsplit('/').next() {
        Some("cpu.pressure") => "cpu-pressure-high",
        Some("memory.pressure") => "memory-pressure-high",
        Some("io.pressure") => "io-pressure-high",
        _ => return Links::default(),
    };
    let said = |what: &str| {
        finding.evidence.iter().find(|fact| fact.what == what).and_then(|fact| match &fact.value {
            Value::Text(unit) => Some(unit.as_str()),
            _ => None,
        })
    };
    let mut links = Links::default();
    if let Some(owner) = said(LIMIT_OF) {
        for rule in ["unit-memory-throttled", "unit-memory-near-limit", "unit-oom-killed"] {
            links.causes.push(FindingKey::new(rule, owner));
        }
    } else {
        links.causes.push(FindingKey::new(host, HOST));
    }
    if let Some(unit) = said(LIKELY_CAUSE) {
        for rule in ["unit-flapping", "unit-memory-leak", "unit-memory-near-limit"] {
            links.related.push(FindingKey::new(rule, unit));
        }
    }
    links
}

/// The unit at its own soft limit that accounts for most of the host's waiting for memory.
pub(crate) fn held_back(findings: &[Finding], index: usize) -> Option<usize> {
    let waited = |finding: &Finding| {
        finding.evidence.iter().find(|fact| fact.what == "some avg60").and_then(|fact| {
            match fact.value {
                Value::Percent(percent) => Some(percent),
                _ => None,
            }
        })
    };
    let host = findings.get(index).filter(|finding| finding.rule == "memory-pressure-high")?;
    let least = waited(host)? / 2.0;
    let units = findings.iter().enumerate();
    units
        .filter(|(_, finding)| finding.rule == "unit-memory-throttled")
        .filter_map(|(at, finding)| Some((at, waited(finding)?)))
        .filter(|(_, percent)| *percent >= least)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Evidence, Severity};

    use super::*;

    fn pressure(resource: &str, what: &str) -> Finding {
        let source = format!("/system.slice/a.service/{resource}.pressure");
        Finding::new("unit-pressure-high", Severity::Warning, "a.service", "It waits")
            .because(Evidence::new("some avg60", Value::Percent(50.0), source))
            .because(Evidence::text(what, "hog.service", "cgroup tree"))
    }

    fn keys(list: &[FindingKey]) -> Vec<&str> {
        list.iter().map(FindingKey::as_str).collect()
    }

    #[test]
    fn a_unit_waits_because_the_host_does_or_at_a_limit() {
        let found = links(&pressure("cpu", LIKELY_CAUSE));
        assert_eq!(keys(&found.causes), ["cpu-pressure-high:host"]);
        assert!(keys(&found.related).contains(&"unit-flapping:hog.service"));
        let found = links(&pressure("memory", LIMIT_OF));
        assert_eq!(keys(&found.causes)[0], "unit-memory-throttled:hog.service");
        assert!(found.related.is_empty());
    }

    #[test]
    fn a_unit_at_its_own_limit_explains_the_waiting_of_the_host() {
        let waits = |rule: &str, subject: &str, percent| {
            Finding::new(rule, Severity::Warning, subject, "It waits").because(Evidence::new(
                "some avg60",
                Value::Percent(percent),
                "memory.pressure",
            ))
        };
        let findings = [
            waits("memory-pressure-high", HOST, 69.0),
            waits("unit-memory-throttled", "a.service", 58.0),
            waits("unit-memory-throttled", "b.service", 12.0),
        ];
        assert_eq!(held_back(&findings, 0), Some(1));
        assert_eq!(held_back(&findings, 1), None);
        assert_eq!(held_back(&[waits("memory-pressure-high", HOST, 90.0)], 0), None);
        assert_eq!(held_back(&[findings[0].clone(), findings[2].clone()], 0), None);
    }

    #[test]
    fn other_findings_have_no_links_of_this_kind() {
        let finding = Finding::new("core-dump", Severity::Info, "a.service", "It crashed");
        assert_eq!(links(&finding), Links::default());
    }
}

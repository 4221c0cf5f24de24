//! Messages known to be bad, by pattern, and errors that no pattern knows, by sender.

use std::collections::BTreeMap;

use sysdiag_model::report::{LogPattern, LogResource};
use sysdiag_model::snapshot::{LogDigest, LogGroup, LogLine, PatternHit};
use sysdiag_model::{Severity, Snapshot, UnitName};

use super::{concerned, level};

/// Patterns in a report, the worst first.
const MOST_PATTERNS: usize = 100;
const MOST_RESOURCES: usize = 16;
const MOST_UNITS: usize = 16;
const MOST_EXAMPLES: usize = 3;
/// Messages of an unknown kind are reported from `ERR` on.
const UNKNOWN_AT: u8 = 3;
/// A message of this importance, of which nothing else is known, is as bad as an error.
const ERR: &str = "ERR";

pub(super) fn list(snapshot: &Snapshot, digest: &LogDigest) -> Vec<LogPattern> {
    let mut patterns = BTreeMap::<&str, LogPattern>::new();
    for hit in digest.patterns.iter().flat_map(|patterns| &patterns.hits) {
        let pattern = patterns.entry(&hit.pattern).or_insert_with(|| of_hit(hit));
        add_hit(pattern, hit);
        add_units(pattern, &concerned::units(snapshot, hit));
    }
    let mut others = BTreeMap::<(u8, String), LogPattern>::new();
    let unknown = |group: &&LogGroup| !group.known_bad && group.priority <= UNKNOWN_AT;
    for group in digest.groups.iter().filter(unknown) {
        let unit = || group.units.first().map(UnitName::as_str);
        let sender = group.identifier.as_deref().or_else(unit).unwrap_or("unknown");
        let key = format!("message:{sender}");
        let pattern =
            others.entry((group.priority, key.clone())).or_insert_with(|| of_group(key, group));
        add_group(pattern, group);
    }
    let mut all: Vec<LogPattern> = patterns.into_values().chain(others.into_values()).collect();
    // A stable sort: patterns that are as bad and as frequent stay in the order of their keys.
    all.sort_by(|a, b| badness(b).cmp(&badness(a)).then_with(|| b.count.cmp(&a.count)));
    all.truncate(MOST_PATTERNS);
    all
}

/// How bad a pattern is; one that is not known, by the importance that its sender gave it.
pub(super) fn badness(pattern: &LogPattern) -> Severity {
    pattern.severity.unwrap_or(match pattern.level.as_str() {
        "EMERG" | "ALERT" | "CRIT" => Severity::Critical,
        ERR => Severity::Error,
        "WARNING" => Severity::Warning,
        _ => Severity::Info,
    })
}

fn of_hit(hit: &PatternHit) -> LogPattern {
    LogPattern {
        pattern_key: hit.pattern.clone(),
        level: level(7).to_owned(),
        title: Some(hit.title.clone()),
        severity: Some(hit.severity),
        count: 0,
        first: hit.first,
        last: hit.last,
        peak_per_minute: None,
        resources: Vec::new(),
        units: Vec::new(),
        examples: Vec::new(),
    }
}

/// Hits of one pattern come the worst first.
fn add_hit(pattern: &mut LogPattern, hit: &PatternHit) {
    pattern.count = pattern.count.saturating_add(hit.count);
    pattern.severity = pattern.severity.max(Some(hit.severity));
    pattern.first = pattern.first.min(hit.first);
    pattern.last = pattern.last.max(hit.last);
    pattern.peak_per_minute = pattern.peak_per_minute.max(Some(hit.peak_per_minute));
    if !hit.key.is_empty() && pattern.resources.len() < MOST_RESOURCES {
        pattern.resources.push(LogResource { key: hit.key.clone(), count: hit.count });
        pattern.resources.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    }
    let examples = hit.examples.iter().filter(|line| line.level.is_some());
    if let Some(worst) = examples.filter_map(number_of).min() {
        let known = number_of_level(&pattern.level).unwrap_or(7);
        level(known.min(worst)).clone_into(&mut pattern.level);
    }
    add_examples(pattern, &hit.examples);
}

fn of_group(key: String, group: &LogGroup) -> LogPattern {
    LogPattern {
        pattern_key: key,
        level: level(group.priority).to_owned(),
        title: None,
        severity: None,
        count: 0,
        first: group.first,
        last: group.last,
        peak_per_minute: None,
        resources: Vec::new(),
        units: Vec::new(),
        examples: Vec::new(),
    }
}

fn add_group(pattern: &mut LogPattern, group: &LogGroup) {
    pattern.count = pattern.count.saturating_add(group.count);
    pattern.first = pattern.first.min(group.first);
    pattern.last = pattern.last.max(group.last);
    add_units(pattern, &concerned::not_reporters(&group.units));
    add_examples(pattern, &group.examples);
}

fn add_units(pattern: &mut LogPattern, units: &[UnitName]) {
    for unit in units {
        if pattern.units.len() < MOST_UNITS && !pattern.units.contains(unit) {
            pattern.units.push(unit.clone());
        }
    }
    pattern.units.sort();
}

/// The last ones are kept.
fn add_examples(pattern: &mut LogPattern, examples: &[LogLine]) {
    pattern.examples.extend(examples.iter().cloned());
    pattern.examples.sort_by_key(|line| line.time);
    let surplus = pattern.examples.len().saturating_sub(MOST_EXAMPLES);
    pattern.examples.drain(..surplus);
}

fn number_of(line: &LogLine) -> Option<u8> {
    number_of_level(line.level.as_deref()?)
}

fn number_of_level(name: &str) -> Option<u8> {
    (0..8).find(|number| level(*number) == name)
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::PatternHits;

    use super::*;
    use crate::testing::healthy;
    use crate::testing_events::ago;

    fn line(level: &str, seconds: u64) -> LogLine {
        LogLine {
            time: ago(seconds),
            level: Some(level.to_owned()),
            identifier: Some("kernel".to_owned()),
            pid: None,
            message: "x".to_owned(),
            cursor: None,
            errno: None,
        }
    }

    fn group(priority: u8, identifier: &str, wording: &str, count: u64) -> LogGroup {
        LogGroup {
            priority,
            transport: Some("stdout".to_owned()),
            identifier: Some(identifier.to_owned()),
            message_id: None,
            units: vec!["a.service".into()],
            wording: wording.to_owned(),
            count,
            first: ago(count),
            last: ago(1),
            examples: vec![line("ERR", count)],
            known_bad: false,
        }
    }

    fn hit(pattern: &str, key: &str, severity: Severity, count: u64) -> PatternHit {
        PatternHit {
            pattern: pattern.to_owned(),
            title: "Reads or writes of a disk failed".to_owned(),
            severity,
            key: key.to_owned(),
            count,
            sum: None,
            first: ago(50),
            last: ago(count),
            peak_per_minute: count,
            burst_at: None,
            recovered_at: None,
            units: vec!["systemd-coredump@1-2-0.service".into(), "b.service".into()],
            details: BTreeMap::new(),
            frames: Vec::new(),
            oom: None,
            examples: vec![line("INFO", 9), line("CRIT", 5)],
        }
    }

    fn digest(groups: Vec<LogGroup>, hits: Vec<PatternHit>) -> LogDigest {
        LogDigest {
            entries: 1_000,
            by_priority: [0; 8],
            max_priority: 4,
            groups,
            entries_not_grouped: 0,
            patterns: Some(PatternHits { hits, ..PatternHits::default() }),
            templates: None,
        }
    }

    #[test]
    fn hits_of_one_pattern_are_added_up_by_resource() {
        let hits = vec![
            hit("disk.blk_io", "sda", Severity::Error, 3),
            hit("disk.blk_io", "sdb", Severity::Error, 7),
            hit("fw.bug", "", Severity::Info, 900),
        ];
        let list = list(&healthy(), &digest(Vec::new(), hits));
        assert_eq!(list.len(), 2);
        let disk = &list[0];
        assert_eq!((disk.pattern_key.as_str(), disk.count), ("disk.blk_io", 10));
        assert_eq!(disk.level, "CRIT");
        assert_eq!(disk.units, ["b.service"]);
        let resources: Vec<_> =
            disk.resources.iter().map(|of| (of.key.as_str(), of.count)).collect();
        assert_eq!(resources, [("sdb", 7), ("sda", 3)]);
        assert_eq!(disk.examples.len(), MOST_EXAMPLES);
        assert!(list[1].resources.is_empty());
    }

    #[test]
    fn errors_that_no_pattern_knows_are_told_by_sender() {
        let mut known = group(2, "kernel", "I/O error", 40);
        known.known_bad = true;
        let groups = vec![
            known,
            group(3, "nginx", "bind() failed", 2),
            group(3, "nginx", "no live upstreams", 5),
            group(4, "nginx", "conflicting name", 70),
        ];
        let list = list(
            &healthy(),
            &digest(groups, vec![hit("proc.segfault", "x", Severity::Warning, 1)]),
        );
        let told: Vec<_> =
            list.iter().map(|pattern| (pattern.pattern_key.as_str(), pattern.count)).collect();
        assert_eq!(told, [("message:nginx", 7), ("proc.segfault", 1)]);
    }
}

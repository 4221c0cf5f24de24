//! The digest of the journal as patterns: known-bad messages by name, other errors by sender.

mod catalogue;

use std::collections::BTreeMap;

use sysdiag_model::UnitName;
use sysdiag_model::report::{LogAnalysis, LogPattern};
use sysdiag_model::snapshot::{LogDigest, LogGroup};

/// Patterns in a report, the most important first.
const MOST_PATTERNS: usize = 100;
const MOST_UNITS: usize = 16;
const MOST_EXAMPLES: usize = 3;
/// Messages of an unknown kind are reported from `ERR` on.
const UNKNOWN_AT: u8 = 3;

const LEVELS: [&str; 8] = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// The section `log_analysis`.
pub fn analyze(digest: &LogDigest) -> LogAnalysis {
    let mut patterns: BTreeMap<(u8, String), LogPattern> = BTreeMap::new();
    for group in &digest.groups {
        let Some(key) = pattern_key(group) else { continue };
        let level = group.priority.min(7);
        match patterns.get_mut(&(level, key.clone())) {
            Some(pattern) => add(pattern, group),
            None => {
                patterns.insert((level, key.clone()), begin(key, level, group));
            }
        }
    }
    let mut sorted: Vec<((u8, String), LogPattern)> = patterns.into_iter().collect();
    // A stable sort: patterns of one level and count stay in the order of their keys.
    sorted.sort_by_key(|((level, _), pattern)| (*level, std::cmp::Reverse(pattern.count)));
    let patterns = sorted.into_iter().map(|(_, pattern)| pattern).take(MOST_PATTERNS).collect();
    LogAnalysis { entries_analyzed: digest.entries, patterns }
}

fn pattern_key(group: &LogGroup) -> Option<String> {
    if let Some(key) = group.message_id.as_deref().and_then(catalogue::by_id) {
        return Some(key.to_owned());
    }
    if group.transport.as_deref() == Some("kernel")
        && let Some(key) = catalogue::of_kernel(&group.wording, group.priority)
    {
        return Some(key.to_owned());
    }
    if group.priority > UNKNOWN_AT {
        return None;
    }
    let unit = || group.units.first().map(UnitName::as_str);
    let sender = group.identifier.as_deref().or_else(unit).unwrap_or("unknown");
    Some(format!("message:{sender}"))
}

fn begin(key: String, level: u8, group: &LogGroup) -> LogPattern {
    let mut pattern = LogPattern {
        pattern_key: key,
        level: LEVELS.get(usize::from(level)).copied().unwrap_or("DEBUG").to_owned(),
        count: 0,
        first: group.first,
        last: group.last,
        units: Vec::new(),
        examples: Vec::new(),
    };
    add(&mut pattern, group);
    pattern
}

fn add(pattern: &mut LogPattern, group: &LogGroup) {
    pattern.count = pattern.count.saturating_add(group.count);
    pattern.first = pattern.first.min(group.first);
    pattern.last = pattern.last.max(group.last);
    // Who reports a crash is not who crashed.
    let reporter = |unit: &&UnitName| !unit.as_str().starts_with("systemd-coredump@");
    for unit in group.units.iter().filter(reporter) {
        if pattern.units.len() < MOST_UNITS && !pattern.units.contains(unit) {
            pattern.units.push(unit.clone());
        }
    }
    pattern.units.sort();
    pattern.examples.extend(group.examples.iter().cloned());
    pattern.examples.sort_by_key(|line| line.time);
    let surplus = pattern.examples.len().saturating_sub(MOST_EXAMPLES);
    pattern.examples.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::LogLine;

    use super::*;
    use crate::testing_events::ago;

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
            examples: vec![LogLine {
                time: ago(count),
                level: None,
                identifier: Some(identifier.to_owned()),
                pid: None,
                message: wording.to_owned(),
                cursor: None,
                errno: None,
            }],
        }
    }

    fn keys(groups: Vec<LogGroup>) -> Vec<(String, String, u64)> {
        let digest = LogDigest {
            entries: 1_000,
            by_priority: [0; 8],
            max_priority: 4,
            groups,
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        };
        let analysis = analyze(&digest);
        assert_eq!(analysis.entries_analyzed, 1_000);
        let keys = analysis.patterns.into_iter();
        keys.map(|pattern| (pattern.level, pattern.pattern_key, pattern.count)).collect()
    }

    fn expect(level: &str, key: &str, count: u64) -> (String, String, u64) {
        (level.to_owned(), key.to_owned(), count)
    }

    #[test]
    fn who_reports_a_crash_is_not_among_the_units() {
        let mut dump = group(2, "systemd-coredump", "Process # (a) dumped core.", 1);
        dump.message_id = Some("fc2e22bc6ee647b6b90729ab34a250b1".to_owned());
        dump.units.push("systemd-coredump@1-2-0.service".into());
        let digest = LogDigest {
            entries: 1,
            by_priority: [0; 8],
            max_priority: 4,
            groups: vec![dump],
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        };
        assert_eq!(analyze(&digest).patterns[0].units, ["a.service"]);
    }

    #[test]
    fn the_kernels_words_count_from_the_kernel_only() {
        let words = "EXT4-fs error (device sdb#): e2e";
        let mut kernel = group(2, "kernel", words, 4);
        kernel.transport = Some("kernel".to_owned());
        assert_eq!(
            keys(vec![group(2, "sh", words, 9), kernel]),
            [expect("CRIT", "message:sh", 9), expect("CRIT", "fs-error", 4)]
        );
    }

    #[test]
    fn ids_count_at_any_level_and_wordings_of_a_sender_are_added_up() {
        let mut dumped = group(6, "systemd-coredump", "Process # dumped core", 2);
        dumped.message_id = Some("fc2e22bc6ee647b6b90729ab34a250b1".to_owned());
        assert_eq!(
            keys(vec![
                group(3, "nginx", "bind() failed", 2),
                group(3, "nginx", "no live upstreams", 5),
                group(4, "nginx", "conflicting name", 70),
                dumped,
            ]),
            [expect("ERR", "message:nginx", 7), expect("INFO", "core-dump", 2)]
        );
    }

    #[test]
    fn the_last_examples_are_kept() {
        let digest = LogDigest {
            entries: 9,
            by_priority: [0; 8],
            max_priority: 4,
            groups: (1..=5).map(|count| group(3, "sh", "oops", count)).collect(),
            entries_not_grouped: 0,
            patterns: None,
            templates: None,
        };
        let pattern = analyze(&digest).patterns.remove(0);
        assert_eq!((pattern.count, pattern.first, pattern.last), (15, ago(5), ago(1)));
        let times: Vec<_> = pattern.examples.iter().map(|line| line.time).collect();
        assert_eq!(times, [ago(3), ago(2), ago(1)]);
    }
}

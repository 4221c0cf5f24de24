//! The wordings of a boot against those of earlier boots: of the journal, and of history.

use sysdiag_logs::compare::{self, Baseline, Thresholds};
use sysdiag_model::Probe;
use sysdiag_model::report::{
    ComparedWith, LogAnalysis, LogRare, LogSpike, LogVanished, LogWording,
};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates};

use super::level;
use crate::Past;

/// What is new, much more, gone and rare in `templates`.
///
/// A past that could not be read is a gap of its own; earlier boots of the journal count anyway.
pub(super) fn add(
    analysis: &mut LogAnalysis,
    templates: &LogTemplates,
    earlier: &[LogTemplates],
    past: &Probe<Past>,
) {
    let mut baseline = past.value().map_or_else(Baseline::default, |past| past.messages.clone());
    // The newest come first.
    for boot in earlier.iter().rev() {
        baseline.add(boot);
    }
    let found = compare::compare(templates, &baseline, &Thresholds::default());
    analysis.compared_with = found.earlier.map(|earlier| ComparedWith {
        boots: earlier.boots as u64,
        covered_usec: earlier.covered_usec,
        since: earlier.since,
        complete: earlier.complete,
    });
    if analysis.compared_with.is_none() {
        analysis.not_compared = Some(not_compared(templates, past).to_owned());
    }
    analysis.new_templates = found
        .new
        .map(|new| new.items.iter().map(|new| wording(&new.template, new.at_least)).collect());
    analysis.spikes = found.spikes.map(|spikes| {
        let spike = |spike: &compare::Spike| LogSpike {
            wording: wording(&spike.template, spike.at_least),
            spike_count: spike.count,
            expected: spike.expected,
            hours_ago: spike.hours_ago,
        };
        spikes.items.iter().map(spike).collect()
    });
    analysis.vanished = found.vanished.map(|vanished| {
        let gone = |gone: &compare::Vanished| LogVanished {
            id: gone.template.id,
            sender: gone.template.sender.clone(),
            text: gone.template.text.clone(),
            level: level(gone.template.priority).to_owned(),
            boots_with: gone.boots_with as u64,
            boots: gone.boots as u64,
            last: gone.last,
        };
        vanished.items.iter().map(gone).collect()
    });
    // Without an earlier boot everything is rare.
    analysis.rare = analysis.compared_with.as_ref().map(|_| {
        let rare = |rare: &compare::Rare| LogRare {
            wording: wording(&rare.template, false),
            boots_with: rare.boots_with as u64,
            boots: rare.boots as u64,
        };
        found.rare.items.iter().map(rare).collect()
    });
}

/// Why no earlier boot is known.
fn not_compared(templates: &LogTemplates, past: &Probe<Past>) -> &'static str {
    match (templates.boot_id, past) {
        (None, _) => "messages of several boots are not compared",
        (_, Probe::Unknown(_)) => "the journal has no earlier boot, and history cannot be read",
        _ => "no earlier boot to compare with",
    }
}

fn wording(template: &LogTemplate, at_least: bool) -> LogWording {
    LogWording {
        id: template.id,
        sender: template.sender.clone(),
        text: template.text.clone(),
        level: level(template.priority).to_owned(),
        count: template.count,
        at_least,
        first: template.first,
        last: template.last,
        units: template.example.as_ref().map_or_else(Vec::new, |example| example.units.clone()),
        example: template.example.as_ref().map(|example| example.line.clone()),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::TemplateId;
    use sysdiag_model::{BootId, Gap, Why};

    use super::*;
    use crate::testing_events::ago;

    fn boot(id: u64, from: u64, to: u64, wordings: &[(&str, u8)]) -> LogTemplates {
        let template = |(text, priority): &(&str, u8)| LogTemplate {
            id: TemplateId::new(text.len() as u64),
            sender: "app".to_owned(),
            text: (*text).to_owned(),
            priority: *priority,
            count: 4,
            first: ago(from - 1),
            last: ago(to),
            recent_hours: None,
            example: None,
        };
        LogTemplates {
            boot_id: Some(format!("{id:032x}").parse::<BootId>().unwrap()),
            since: ago(from),
            until: ago(to),
            from_boot: true,
            entries: 4,
            templates: wordings.iter().map(template).collect(),
            dropped_templates: 0,
            dropped_entries: 0,
            suppressed: std::collections::BTreeMap::new(),
            known_bad: Vec::new(),
        }
    }

    fn analyzed(earlier: &[LogTemplates], past: &Probe<Past>) -> LogAnalysis {
        let mut analysis = LogAnalysis {
            entries_analyzed: 4,
            patterns: Vec::new(),
            suppressed: Vec::new(),
            compared_with: None,
            not_compared: None,
            new_templates: None,
            spikes: None,
            vanished: None,
            rare: None,
        };
        let now = boot(9, 900, 0, &[("cannot reach the database", 6), ("ready", 6)]);
        add(&mut analysis, &now, earlier, past);
        analysis
    }

    #[test]
    fn without_an_earlier_boot_nothing_is_new() {
        let analysis = analyzed(&[], &Probe::Known(Past::default()));
        assert_eq!(analysis.compared_with, None);
        assert_eq!((analysis.new_templates, analysis.rare), (None, None));
    }

    #[test]
    fn what_no_earlier_boot_had_is_new_whatever_became_of_history() {
        let gap = Gap::new("history", Why::NotPermitted, "run as root");
        let earlier = [boot(1, 9_000, 1_000, &[("ready", 6)])];
        let analysis = analyzed(&earlier, &Probe::Unknown(gap));
        assert_eq!(analysis.compared_with.unwrap().boots, 1);
        let new = analysis.new_templates.unwrap();
        assert_eq!(new.len(), 1);
        assert_eq!(
            (new[0].text.as_str(), new[0].level.as_str()),
            ("cannot reach the database", "INFO")
        );
    }

    #[test]
    fn history_counts_as_well() {
        let mut messages = Baseline::default();
        messages.add(&boot(2, 9_000, 1_000, &[("cannot reach the database", 6), ("ready", 6)]));
        let past = Past { messages, ..Past::default() };
        assert_eq!(analyzed(&[], &Probe::Known(past)).new_templates.unwrap(), []);
    }
}

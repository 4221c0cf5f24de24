//! This boot took longer than earlier ones of this host.

use sysdiag_model::report::BootState;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::HOST;
use crate::statistics::{deviation, median};
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Fewer earlier boots say nothing about what is usual.
const LEAST_BOOTS: usize = 3;
/// So much slower, in microseconds.
const LEAST_EXTRA_USEC: f64 = 10e6;
/// So many times the usual spread: a host whose boots differ much is not surprised.
const SPREADS: f64 = 4.0;
/// A warning from three times the usual time, and a minute more, on.
const MUCH: f64 = 3.0;
const MUCH_EXTRA_USEC: f64 = 60e6;
/// Units that a finding names.
const MOST_UNITS: usize = 3;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "boot-slower-than-usual",
    title: "This boot took longer than earlier ones",
    severity: Severity::Warning,
    section: Section::Boot,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Userspace of this boot against the median of the host's own earlier boots, as \
                 saved reports tell them: boot_slower_percent (30) and 10 s longer, and four times \
                 as far off as they usually are (median absolute deviation). Needs three earlier \
                 boots in history. A note; a warning from three times the usual time and a minute \
                 more on.",
        matters: "Something changed since: a new service, a disk or a name server that answers \
                  late, a check of a file system.",
        todo: "Compare what took long (systemd-analyze blame) with an earlier report \
               (sysdiag-analyzer show-history --open N).",
        references: &["systemd-analyze(1), blame"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(boot) = context.boot.filter(|boot| boot.state == BootState::Finished) else {
        return Vec::new();
    };
    let (Some(now), Some(past)) = (boot.times.userspace_usec, context.past.value()) else {
        return Vec::new();
    };
    let current = context.snapshot.host.boot_id.value();
    let earlier: Vec<f64> = past
        .boots()
        .filter(|report| report.boot_id.as_ref() != current)
        .filter_map(|report| report.boot?.userspace_usec)
        .map(|usec| usec as f64)
        .collect();
    let Some(usual) = median(&earlier).filter(|_| earlier.len() >= LEAST_BOOTS) else {
        return Vec::new();
    };
    let extra = now as f64 - usual;
    let least = (usual * context.settings.boot_slower_percent / 100.0)
        .max(LEAST_EXTRA_USEC)
        .max(SPREADS * deviation(&earlier, usual));
    if extra < least {
        return Vec::new();
    }
    let much = now as f64 >= MUCH * usual && extra >= MUCH_EXTRA_USEC;
    let severity = if much { Severity::Warning } else { Severity::Info };
    let title = format!(
        "This boot took {} in userspace; the last {} took {}",
        amount::duration(now),
        amount::count(earlier.len() as u64, "boot", "boots"),
        amount::duration(usec(usual)),
    );
    let mut finding = Finding::new(RULE.id, severity, HOST, title)
        .because(Evidence::new("userspace", Value::Usec(now), "FinishTimestamp (D-Bus)"))
        .because(Evidence::new("usual", Value::Usec(usec(usual)), "median of saved reports"))
        .next("systemd-analyze blame");
    for entry in boot.blame.iter().take(MOST_UNITS) {
        let source = "timestamps of the unit (D-Bus)";
        let took = Value::Usec(entry.time_usec);
        finding = finding.because(Evidence::new(entry.unit.as_str(), took, source));
    }
    vec![finding]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a median of durations: neither negative nor longer than any"
)]
const fn usec(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{findings_after, healthy, systemd_of};
    use crate::testing_events::assessed;
    use crate::{Past, PastReport};

    fn took(seconds: u64) -> Snapshot {
        let mut snapshot = healthy();
        systemd_of(&mut snapshot).manager.finish_monotonic_usec =
            Some(2_000_000 + seconds * 1_000_000);
        snapshot
    }

    /// Two reports of each boot, the newest boot first.
    fn past(boots: &[u64]) -> Past {
        let mut reports = Vec::new();
        for (number, seconds) in (1u64..).zip(boots) {
            let mut report = PastReport::of(&assessed(&took(*seconds)));
            report.boot_id = Some(format!("{number:032x}").parse().unwrap());
            reports.extend([report.clone(), report]);
        }
        Past { reports, ..Past::default() }
    }

    #[test]
    fn fires_once_when_it_took_much_longer() {
        let found = findings_after(&RULE, past(&[30, 31, 29, 30]), &took(45));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "This boot took 45 s in userspace; the last 4 boots took 30 s");
        assert_eq!(found[0].severity, Severity::Info);
        let much = findings_after(&RULE, past(&[30, 31, 29, 30]), &took(200));
        assert_eq!(much[0].severity, Severity::Warning);
    }

    #[test]
    fn silent_where_it_is_usual_or_nobody_knows_what_is() {
        for (boots, seconds) in [
            (vec![30, 31], 100),
            (vec![], 100),
            (vec![30, 31, 29], 38),
            (vec![5, 6, 5], 14),
            (vec![60, 30, 45, 20, 90], 80),
        ] {
            assert!(findings_after(&RULE, past(&boots), &took(seconds)).is_empty(), "{boots:?}");
        }
        // Reports of this boot are no earlier boots; unfinished ones say nothing.
        let mut same = past(&[30, 30, 30]);
        for report in &mut same.reports {
            report.boot_id = healthy().host.boot_id.value().copied();
        }
        assert!(findings_after(&RULE, same, &took(100)).is_empty());
        let mut unfinished = past(&[30, 30, 30]);
        for report in &mut unfinished.reports {
            report.boot.as_mut().unwrap().finished = false;
        }
        assert!(findings_after(&RULE, unfinished, &took(100)).is_empty());
    }
}

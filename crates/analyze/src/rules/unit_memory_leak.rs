//! The memory of a unit grows from report to report and never shrinks.

use std::fmt::Write as _;

use sysdiag_model::report::UnitUsage;
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitType, Value};

use super::support::change;
use crate::trend::Trend;
use crate::{Context, Explanation, Need, Rule, Section, amount, human};

/// Fewer figures, this one included, are no trend.
const LEAST_POINTS: usize = 6;
/// Less growth matters to no host.
const LEAST_GROWTH_BYTES: u64 = 64 << 20;
/// A warning where the pace leads to the limit, or to the end of the host's memory, within 7 days.
const SOON_USEC: u64 = 7 * 86_400_000_000;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "unit-memory-leak",
    title: "The memory of a unit grows and never shrinks",
    severity: Severity::Warning,
    section: Section::Resources,
    needs: &[Need::Cgroups],
    explanation: Explanation {
        checks: "Memory that only the unit can give back (anon of memory.stat, and swap) in the \
                 reports since its start, six at least and memory_leak_seconds (6 h) long: more by \
                 memory_leak_growth_percent (20) and 64 MiB, higher in nine of ten later reports, \
                 and not slowing down as a cache does when it is full. A note; a warning where, \
                 at that pace, the limit or the host's memory ends within 7 days.",
        matters: "Sooner or later the unit meets its limit or takes the memory of the others, and \
                  the kernel kills.",
        todo: "Compare with the load on the service; update it or report the leak. Until then \
               restart it at a quiet hour (RuntimeMaxSec=), or set MemoryMax= so that it fails \
               alone.",
        references: &[
            "systemd.resource-control(5), MemoryMax=",
            "systemd.service(5), RuntimeMaxSec=",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let units = context.resources.unit_usage.iter().flatten();
    units
        .filter(|unit| matches!(unit.name.unit_type(), Some(UnitType::Service | UnitType::Scope)))
        .filter_map(|unit| finding(context, unit))
        .collect()
}

fn finding(context: &Context<'_>, unit: &UnitUsage) -> Option<Finding> {
    let settings = context.settings;
    let trend = Trend::of(points(context, unit)?)?;
    let (since, first) = trend.first();
    let (_, now) = trend.last();
    let least =
        (first as f64 * settings.memory_leak_growth_percent / 100.0).max(LEAST_GROWTH_BYTES as f64);
    if trend.len() < LEAST_POINTS
        || trend.span_usec() < settings.memory_leak_seconds.saturating_mul(1_000_000)
        || (trend.growth() as f64) < least
        || !trend.rises()
        || !trend.goes_on()
    {
        return None;
    }
    let end = end(context, unit, &trend);
    let soon = end.as_ref().filter(|(_, usec)| *usec <= SOON_USEC);
    let severity = if soon.is_some() { Severity::Warning } else { Severity::Info };
    let mut title = format!(
        "{} grew from {} to {} of memory in {} and gave nothing back",
        unit.name,
        amount::bytes(first),
        amount::bytes(now),
        amount::duration(trend.span_usec()),
    );
    if let Some((what, usec)) = soon {
        let _ = write!(title, "; at this pace {what} ends in {}", amount::duration(*usec));
    }
    let path = unit.cgroup_path.trim_end_matches('/');
    let finding = Finding::new(RULE.id, severity, unit.name.as_str(), title)
        .since(Some(since))
        .because(Evidence::new("anon and swap", Value::Bytes(now), format!("{path}/memory.stat")))
        .because(Evidence::new(
            "growth per day",
            Value::Bytes(whole(trend.per_day())),
            "saved reports",
        ))
        .because(Evidence::new("reports", Value::Count(trend.len() as u64 - 1), "saved reports"));
    let finding = match unit.memory_max_bytes {
        Some(max) => finding.because(Evidence::new(
            "memory.max",
            Value::Bytes(max),
            format!("{path}/memory.max"),
        )),
        None => finding,
    };
    Some(finding.next(match unit.memory_max_bytes {
        Some(_) => human::systemctl("status", unit.name.as_str()),
        None => change(&unit.name, "MemoryMax"),
    }))
}

/// What the unit holds now, and held in the reports since its start.
fn points(context: &Context<'_>, unit: &UnitUsage) -> Option<Vec<(Timestamp, u64)>> {
    let at = context.snapshot.clock.realtime;
    let boot = context.snapshot.host.boot_id.value()?;
    let started = unit.active_enter_monotonic_usec?;
    let swapped = unit.memory_swap_current_bytes.unwrap_or(0);
    let now = unit.memory_anon_bytes?.saturating_add(swapped);
    let earlier = context
        .past
        .value()?
        .all()
        .filter(|report| report.boot_id.as_ref() == Some(boot) && report.timestamp < at)
        .filter_map(|report| {
            let then = report.memory.iter().find(|then| then.unit == unit.name)?;
            (then.started_usec == Some(started)).then_some((report.timestamp, then.own_bytes?))
        });
    Some(earlier.chain([(at, now)]).collect())
}

/// What ends first at this pace, the unit's limit or the host's memory, and in how many microseconds.
fn end(context: &Context<'_>, unit: &UnitUsage, trend: &Trend) -> Option<(&'static str, u64)> {
    let (_, now) = trend.last();
    let usage = context.resources.system_usage.as_ref();
    let available = usage.and_then(|usage| usage.memory_available_bytes);
    let limit = unit.memory_max_bytes.map(|max| ("its limit", max));
    let host = available.map(|left| ("the host's memory", now.saturating_add(left)));
    let ends = [limit, host].into_iter().flatten();
    ends.filter_map(|(what, level)| Some((what, trend.usec_until(level)?)))
        .min_by_key(|(_, usec)| *usec)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the pace of a rise in bytes: neither negative nor larger than any memory"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;

    use super::*;
    use crate::testing::{GIB, MIB, cgroup_of, findings_after, healthy};
    use crate::testing_events::assessed;
    use crate::{Past, PastReport};

    const NGINX: &str = "/system.slice/nginx.service";

    /// nginx with so much memory of its own, so many hours after the healthy host was seen.
    fn holds(mebibytes: u64, hour: u64) -> Snapshot {
        let mut snapshot = healthy();
        let usec = hour * 3_600_000_000;
        snapshot.clock.realtime = snapshot.clock.realtime.plus_usec(usec);
        snapshot.clock.monotonic_usec += usec;
        let group = cgroup_of(&mut snapshot, NGINX);
        group.memory_stat.as_mut().unwrap().anon_bytes = Some(mebibytes * MIB);
        group.memory_max_bytes = None;
        snapshot
    }

    /// A report an hour, the last of them now.
    fn grown(mebibytes: &[u64]) -> (Past, Snapshot) {
        let mut all: Vec<Snapshot> =
            (0..).zip(mebibytes).map(|(hour, value)| holds(*value, hour)).collect();
        let now = all.pop().unwrap();
        let mut reports: Vec<PastReport> =
            all.iter().map(|earlier| PastReport::of(&assessed(earlier))).collect();
        reports.reverse();
        (Past { reports, ..Past::default() }, now)
    }

    fn found(mebibytes: &[u64]) -> Vec<Finding> {
        let (past, now) = grown(mebibytes);
        findings_after(&RULE, past, &now)
    }

    #[test]
    fn fires_once_on_steady_growth_and_says_when_it_ends() {
        let steady = [100, 120, 140, 160, 180, 200, 220, 240];
        let (past, mut now) = grown(&steady);
        let list = findings_after(&RULE, past.clone(), &now);
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].severity, Severity::Info, "12 GiB last for long: {}", list[0].title);
        assert_eq!(
            list[0].title,
            "nginx.service grew from 100 MiB to 240 MiB of memory in 7 h and gave nothing back"
        );
        assert_eq!(list[0].since, Some(healthy().clock.realtime));
        cgroup_of(&mut now, NGINX).memory_max_bytes = Some(GIB);
        let list = findings_after(&RULE, past, &now);
        assert_eq!(list[0].severity, Severity::Warning);
        assert!(
            list[0].title.ends_with("at this pace its limit ends in 1 d 15 h"),
            "{}",
            list[0].title
        );
    }

    #[test]
    fn silent_about_a_cache_that_fills_memory_given_back_and_small_growth() {
        for values in [
            [100_u64, 300, 380, 400, 401, 402, 403, 404],
            [100, 200, 300, 100, 200, 300, 100, 300],
            [100, 102, 104, 106, 108, 110, 112, 114],
            [1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070],
            [240, 220, 200, 180, 160, 140, 120, 100],
        ] {
            assert_eq!(found(&values), [], "{values:?}");
        }
    }

    #[test]
    fn silent_without_enough_reports_of_this_start() {
        assert_eq!(found(&[100, 200, 300, 400, 500]), []);
        let (past, mut now) = grown(&[100, 120, 140, 160, 180, 200, 220, 240]);
        let restarted = {
            let mut past = past.clone();
            for report in &mut past.reports {
                for unit in &mut report.memory {
                    unit.started_usec = Some(1);
                }
            }
            past
        };
        assert_eq!(findings_after(&RULE, restarted, &now), []);
        let mut other_boot = past.clone();
        for report in &mut other_boot.reports {
            report.boot_id = Some("11112222333344445555666677778888".parse().unwrap());
        }
        assert_eq!(findings_after(&RULE, other_boot, &now), []);
        cgroup_of(&mut now, NGINX).memory_stat = None;
        assert_eq!(findings_after(&RULE, past, &now), []);
    }
}

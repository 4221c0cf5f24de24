//! Ordering cycles that systemd broke in this boot by dropping a job.

use std::collections::BTreeMap;

use sysdiag_model::report::BrokenOrderingCycle;
use sysdiag_model::{Evidence, Finding, Severity, UnitName, Value};

use crate::human::{ago, systemctl};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, graph};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ordering-cycle-broken",
    title: "Systemd dropped a job because units are ordered in a ring",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Journal],
    explanation: Explanation {
        checks: "Messages of systemd in this boot that a job was deleted to break an ordering cycle, \
                 or that none could be. An error while the unit of that job does not run, a warning \
                 if it was started later. Silent once the units are not ordered in a ring any more \
                 and run. Those of the early boot are lost in containers: systemd logs them to the \
                 kernel, before the journal runs.",
        matters: "The unit is not failed, it is just not there, and which unit of the ring is \
                  dropped can differ from boot to boot.",
        todo: "Run with --analyze-full-graph to see which file adds each edge of the ring, take one \
               away, run systemctl daemon-reload and start the unit.",
        references: &["systemd.unit(5), After=", "systemd-analyze(1), verify"],
    },
    check,
};

/// Units of a ring that are named in the evidence.
const MOST_NAMES: usize = 8;

fn check(context: &Context<'_>) -> Vec<Finding> {
    let units = Units::of(context.snapshot);
    let Some(broken) = graph::broken(context.snapshot) else { return Vec::new() };
    let mut by_subject: BTreeMap<&UnitName, Vec<&BrokenOrderingCycle>> = BTreeMap::new();
    for cycle in &broken {
        if let Some(subject) = cycle.units.first() {
            by_subject.entry(subject).or_default().push(cycle);
        }
    }
    let all = by_subject.into_iter();
    all.filter_map(|(subject, cycles)| finding(context, units.as_ref(), subject, &cycles)).collect()
}

fn finding(
    context: &Context<'_>,
    units: Option<&Units<'_>>,
    subject: &UnitName,
    cycles: &[&BrokenOrderingCycle],
) -> Option<Finding> {
    let last = cycles.last()?;
    let down = match units {
        Some(units) => graph::not_started(units, cycles.iter().copied()),
        // What runs is not known.
        None => cycles.iter().filter_map(|cycle| cycle.dropped_unit.as_ref()).collect(),
    };
    let mended =
        units.is_some_and(|units| cycles.iter().all(|it| !graph::may_be_closed(units, it)));
    if down.is_empty() && mended {
        return None;
    }
    let when = |cycle: &BrokenOrderingCycle| {
        if cycle.during_boot {
            "at boot".to_owned()
        } else {
            ago(cycle.time, context.snapshot.clock.realtime)
        }
    };
    let ring = match last.units.len() {
        0 | 1 => "an ordering cycle".to_owned(),
        _ if !last.whole => "an ordering cycle".to_owned(),
        count => format!("an ordering cycle of {count} units"),
    };
    let title = match (graph::listed(&down, 2), &last.dropped_unit) {
        (Some(down), _) => {
            let was = if down.contains(" and ") { "were" } else { "was" };
            format!(
                "{down} {was} not started {}: systemd dropped the job to break {ring}",
                when(last)
            )
        }
        (None, Some(dropped)) => {
            let job = last.dropped_job.as_deref().unwrap_or("start");
            format!("systemd broke {ring} {}: it dropped the {job} of {dropped}", when(last))
        }
        (None, None) => format!("systemd refused to start units {}: {ring}", when(last)),
    };
    let severity = if down.is_empty() { Severity::Warning } else { Severity::Error };
    let named =
        graph::listed(&last.units.iter().collect::<Vec<_>>(), MOST_NAMES).unwrap_or_default();
    let mut finding = Finding::new(RULE.id, severity, subject.as_str(), title)
        .since(cycles.first().map(|cycle| cycle.time))
        .because(Evidence::text("ordered in a ring", named, "journal"))
        .because(Evidence::new("broken", Value::Time(last.time), "journal"));
    if cycles.len() > 1 {
        let times = Value::Count(cycles.len() as u64);
        finding = finding.because(Evidence::new("times in this boot", times, "journal"));
    }
    Some(if context.graph.is_some() {
        finding.next(systemctl("cat", subject.as_str()))
    } else {
        finding.next("sysdiag-analyzer run --no-save --analyze-full-graph")
    })
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::Snapshot;
    use sysdiag_model::{Gap, Probe, Why};

    use super::*;
    use crate::testing::{NOW_USEC, add_unit, findings, healthy, unit};
    use crate::testing_events::{broken_cycle, depends, journal_of};

    const RING: [&str; 3] = ["b.service", "c.service", "a.service"];

    /// Two of the three run; `c.service` was dropped ten seconds after the kernel started.
    fn broken_at_boot() -> Snapshot {
        let mut snapshot = healthy();
        for name in RING {
            add_unit(&mut snapshot, unit(name, "active", "exited"));
        }
        let mut down = unit("c.service", "inactive", "dead");
        down.times = None;
        add_unit(&mut snapshot, down);
        broken_cycle(&mut snapshot, &RING, "c.service", 3590);
        journal_of(&mut snapshot).broken_cycles[0].through_kernel = true;
        snapshot
    }

    /// `c.service` was started by hand later.
    fn started_later(snapshot: &mut Snapshot) {
        let mut up = unit("c.service", "active", "exited");
        up.times.as_mut().unwrap().inactive_exit_usec = Some(NOW_USEC - 1_000_000);
        add_unit(snapshot, up);
    }

    #[test]
    fn fires_once_on_a_job_that_was_dropped_at_boot() {
        let found = findings(&RULE, &broken_at_boot());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key.as_str(), "ordering-cycle-broken:a.service");
        assert_eq!(
            found[0].title,
            "c.service was not started at boot: systemd dropped the job to break an ordering cycle \
             of 3 units"
        );
        assert_eq!(found[0].severity, Severity::Error);
    }

    #[test]
    fn silent_where_nothing_was_broken() {
        assert!(findings(&RULE, &healthy()).is_empty());
    }

    #[test]
    fn silent_once_the_ring_is_mended_and_all_run() {
        let mut snapshot = broken_at_boot();
        started_later(&mut snapshot);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "systemd broke an ordering cycle of 3 units at boot: it dropped the start of c.service"
        );
        for (from, to) in [("a.service", "b.service"), ("b.service", "c.service")] {
            depends(&mut snapshot, from, "After", to);
        }
        depends(&mut snapshot, "c.service", "After", "basic.target");
        assert!(findings(&RULE, &snapshot).is_empty());
        depends(&mut snapshot, "c.service", "After", "a.service");
        assert_eq!(findings(&RULE, &snapshot).len(), 1);
    }

    #[test]
    fn without_systemd_it_is_still_told() {
        let mut snapshot = broken_at_boot();
        snapshot.systemd = Probe::Unknown(Gap::new("systemd", Why::TimedOut, "try again"));
        assert_eq!(findings(&RULE, &snapshot)[0].severity, Severity::Error);
    }

    #[test]
    fn a_refused_request_is_told_while_the_ring_is_there() {
        let mut snapshot = broken_at_boot();
        let cycle = &mut journal_of(&mut snapshot).broken_cycles[0];
        cycle.dropped = None;
        cycle.through_kernel = false;
        let found = findings(&RULE, &snapshot);
        assert_eq!(found[0].severity, Severity::Warning);
        assert!(found[0].title.starts_with("systemd refused to start units"), "{}", found[0].title);
    }
}

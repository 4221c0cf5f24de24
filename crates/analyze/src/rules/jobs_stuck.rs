//! Jobs that do not leave the queue.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::{Job, Process};
use sysdiag_model::{Evidence, Finding, Severity, Timestamp, UnitName, Value};

use super::support::HOST;
use crate::amount::{count, duration};
use crate::health::queue::Queue;
use crate::members;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Jobs that a finding names.
const MOST_JOBS: usize = 10;
/// Jobs that a title names.
const MOST_IN_TITLE: usize = 3;
const MOST_CHARACTERS: usize = 200;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "jobs-stuck",
    title: "Jobs wait in the queue of systemd and nothing moves",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Jobs that wait for each other by the order of their units, so that none can ever \
                 run; jobs that a process of a unit waits for (systemctl start) while they wait for \
                 that very unit; and jobs that were in the queue in an earlier report of this boot, \
                 made more than stuck_seconds (300) ago, which is only said in passing if what \
                 they wait for is a oneshot that runs. Not those behind a unit that is stuck \
                 itself: the finding about it counts them.",
        matters: "The units are not started or stopped, and whoever asked for it still waits.",
        todo: "See what the jobs wait for (systemctl list-jobs --after --before). Take a job out \
               with systemctl cancel ID. Mend the After= and Before= of units that wait for each \
               other; a script must not start and wait for a unit that is ordered after its own.",
        references: &["systemctl(1), list-jobs, cancel", "systemd.unit(5), Before=, After="],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(units), Some(health)) = (Units::of(context.snapshot), context.health) else {
        return Vec::new();
    };
    let queue = Queue::of(&units);
    // A job behind a stuck unit belongs to the finding about that.
    let stuck = health.stuck_units.iter().flat_map(|problem| queue.held_up_by(&problem.name));
    let others: BTreeSet<&UnitName> = stuck.collect();
    let waiting: Vec<(usize, &Job)> =
        queue.waiting().filter(|(_, job)| !others.contains(&job.unit)).collect();
    let closed: Vec<&Job> =
        waiting.iter().filter(|(at, _)| !queue.may_end(*at)).map(|(_, job)| *job).collect();
    if !closed.is_empty() {
        return vec![for_each_other(&closed)];
    }
    if let Some(finding) = for_itself(context, &queue, &waiting) {
        return vec![finding];
    }
    let seen = seen_before(context);
    let old: Vec<(usize, &Job, Timestamp)> = waiting
        .into_iter()
        .filter_map(|(at, job)| Some((at, job, *seen.get(&(job.id, job.unit.as_str()))?)))
        .collect();
    let Some(since) = old.iter().map(|(_, _, since)| *since).min() else { return Vec::new() };
    vec![for_long(context, &units, &queue, &old, since)]
}

/// Whether the process is a `systemctl` that waits for the job to end.
fn waits_for(process: &Process, job: &Job) -> bool {
    let arguments = process.cmdline.as_deref().unwrap_or_default();
    let named = |argument: &String| {
        let name = job.unit.as_str();
        argument == name || name.strip_suffix(".service").is_some_and(|stem| argument == stem)
    };
    process.comm == "systemctl"
        && arguments.iter().skip(1).any(named)
        && !arguments.iter().any(|argument| argument == "--no-block")
}

/// A unit that waits for what can only come after it.
fn for_itself(
    context: &Context<'_>,
    queue: &Queue<'_>,
    waiting: &[(usize, &Job)],
) -> Option<Finding> {
    let members = members::of_units(context.snapshot)?;
    members.iter().find_map(|(waits, processes)| {
        let process = processes.iter().find(|process| process.comm == "systemctl")?;
        let held_up = queue.held_up_by(waits);
        let late = waiting.iter().map(|(_, job)| *job).find(|job| {
            held_up.contains(&&job.unit) && processes.iter().any(|it| waits_for(it, job))
        })?;
        let unit = &late.unit;
        let title = format!("{waits} waits in vain for {unit}, whose job waits for {waits} itself");
        let command = members::command(process, MOST_CHARACTERS);
        let what = format!("PID {} of {waits}", process.pid);
        let finding = Finding::new(RULE.id, RULE.severity, HOST, title).because(Evidence::text(
            what,
            command,
            "/proc/PID, cgroup.procs",
        ));
        Some(with_jobs(finding, &[late]))
    })
}

/// Since when jobs are known from earlier reports of this boot, if that is long ago.
fn seen_before<'a>(context: &'a Context<'_>) -> BTreeMap<(u32, &'a str), Timestamp> {
    let mut seen = BTreeMap::new();
    let Some(past) = context.past.value() else { return seen };
    let now = context.snapshot.clock.realtime;
    let long = context.settings.stuck_seconds.saturating_mul(1_000_000);
    let boot = context.snapshot.host.boot_id.value();
    // From new to old, so that the oldest stays.
    let of_boot = past.all().filter(|report| boot.is_some() && report.boot_id.as_ref() == boot);
    for report in of_boot.filter(|report| now.usec_since(report.timestamp) > long) {
        for job in &report.jobs {
            seen.insert((job.id, job.unit.as_str()), report.timestamp);
        }
    }
    seen
}

fn for_each_other(jobs: &[&Job]) -> Finding {
    let number = count(jobs.len() as u64, "job waits", "jobs wait");
    let title = format!("{number} for each other in the queue and can never run: {}", names(jobs));
    with_jobs(Finding::new(RULE.id, RULE.severity, HOST, title), jobs)
}

fn for_long(
    context: &Context<'_>,
    units: &Units<'_>,
    queue: &Queue<'_>,
    old: &[(usize, &Job, Timestamp)],
    since: Timestamp,
) -> Finding {
    let jobs: Vec<&Job> = old.iter().map(|(_, job, _)| *job).collect();
    let mut ahead: Vec<&Job> = old.iter().flat_map(|(at, ..)| queue.behind(*at)).collect();
    ahead.sort_by_key(|job| job.id);
    ahead.dedup_by_key(|job| job.id);
    let number = count(jobs.len() as u64, "job has", "jobs have");
    let age = duration(context.snapshot.clock.realtime.usec_since(since));
    let behind =
        if ahead.is_empty() { String::new() } else { format!(" behind {}", names(&ahead)) };
    let title =
        format!("{number} waited in the queue for {age} and longer{behind}: {}", names(&jobs));
    // What runs long by its nature keeps others waiting for as long.
    let runs_long = |job: &&Job| {
        let detail = units.detail(job.unit.as_str()).and_then(|detail| detail.service.as_ref());
        detail.is_some_and(|service| service.service_type.as_deref() == Some("oneshot"))
    };
    let normal = !ahead.is_empty() && ahead.iter().all(runs_long);
    let severity = if normal { Severity::Info } else { RULE.severity };
    let mut finding = Finding::new(RULE.id, severity, HOST, title)
        .since(Some(since))
        .because(Evidence::new("in the queue since", Value::Time(since), "an earlier report"));
    for job in ahead.iter().take(MOST_JOBS) {
        let what = format!("{} job {} running", job.job_type, job.id);
        finding = finding.because(Evidence::text(what, job.unit.as_str(), "ListJobs (D-Bus)"));
    }
    with_jobs(finding, &jobs)
}

fn with_jobs(mut finding: Finding, jobs: &[&Job]) -> Finding {
    for job in jobs.iter().take(MOST_JOBS) {
        let what = format!("{} job {} waiting", job.job_type, job.id);
        finding = finding.because(Evidence::text(what, job.unit.as_str(), "ListJobs (D-Bus)"));
    }
    finding.next("systemctl list-jobs --after --before")
}

/// `a.service, b.service and 3 more`.
fn names(jobs: &[&Job]) -> String {
    let shown: Vec<&str> = jobs.iter().take(MOST_IN_TITLE).map(|job| job.unit.as_str()).collect();
    match jobs.len().saturating_sub(MOST_IN_TITLE) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{ServiceDetail, UnitDetail};

    use super::*;
    use crate::testing::{add_unit, findings, findings_after, healthy, process, systemd_of, unit};
    use crate::testing_events::{assessed, depends};
    use crate::{Past, PastReport};

    fn queue(jobs: &[(&str, &str)]) -> Snapshot {
        let mut snapshot = healthy();
        for (id, (name, state)) in (7..).zip(jobs) {
            add_unit(&mut snapshot, unit(name, "inactive", "dead"));
            systemd_of(&mut snapshot).details.insert((*name).into(), UnitDetail::default());
            systemd_of(&mut snapshot).jobs.push(Job {
                id,
                unit: (*name).into(),
                job_type: "start".to_owned(),
                state: (*state).to_owned(),
            });
        }
        snapshot
    }

    /// A report of so many seconds before `snapshot`, with the same queue.
    fn past(snapshot: &Snapshot, seconds: u64) -> Past {
        let mut report = PastReport::of(&assessed(snapshot));
        report.timestamp = report.timestamp.minus_usec(seconds * 1_000_000);
        Past { reports: vec![report], ..Past::default() }
    }

    #[test]
    fn fires_once_on_jobs_that_wait_for_each_other() {
        let mut snapshot = queue(&[("a.service", "waiting"), ("b.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "b.service");
        assert!(findings(&RULE, &snapshot).is_empty());
        depends(&mut snapshot, "b.service", "After", "a.service");
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "2 jobs wait for each other in the queue and can never run: a.service, b.service"
        );
    }

    #[test]
    fn fires_once_on_a_job_of_an_earlier_report() {
        let mut snapshot = queue(&[("long.service", "running"), ("a.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "long.service");
        let found = findings_after(&RULE, past(&snapshot, 720), &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "1 job has waited in the queue for 12 min and longer behind long.service: a.service"
        );
    }

    #[test]
    fn a_oneshot_that_runs_may_keep_others_waiting() {
        let mut snapshot = queue(&[("long.service", "running"), ("a.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "long.service");
        let service =
            ServiceDetail { service_type: Some("oneshot".to_owned()), ..ServiceDetail::default() };
        let detail = systemd_of(&mut snapshot).details.get_mut("long.service").unwrap();
        detail.service = Some(service);
        let found = findings_after(&RULE, past(&snapshot, 720), &snapshot);
        assert_eq!(found[0].severity, Severity::Info);
    }

    #[test]
    fn a_unit_that_waits_for_what_comes_after_it_waits_in_vain() {
        let mut snapshot = queue(&[("long.service", "running"), ("a.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "long.service");
        let mut systemctl = process(700, 1, "systemctl", "/system.slice/long.service");
        let with = |arguments: &[&str]| {
            Some(arguments.iter().map(|argument| (*argument).to_owned()).collect())
        };
        systemctl.cmdline = with(&["systemctl", "start", "--no-block", "a"]);
        snapshot.processes.value_mut().unwrap().list.push(systemctl);
        assert!(findings(&RULE, &snapshot).is_empty());
        let list = &mut snapshot.processes.value_mut().unwrap().list;
        list.last_mut().unwrap().cmdline = with(&["systemctl", "start", "a"]);
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "long.service waits in vain for a.service, whose job waits for long.service itself"
        );
    }

    #[test]
    fn silent_where_it_is_young_another_job_or_of_another_boot() {
        let mut snapshot = queue(&[("long.service", "running"), ("a.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "long.service");
        assert!(findings_after(&RULE, past(&snapshot, 200), &snapshot).is_empty());
        let mut other = past(&snapshot, 720);
        other.reports[0].jobs.iter_mut().for_each(|job| job.id += 100);
        assert!(findings_after(&RULE, other, &snapshot).is_empty());
        let mut boot = past(&snapshot, 720);
        boot.reports[0].boot_id = Some("00".repeat(16).parse().unwrap());
        assert!(findings_after(&RULE, boot, &snapshot).is_empty());
    }

    #[test]
    fn silent_about_jobs_behind_a_stuck_unit() {
        let mut snapshot = queue(&[("stuck.mount", "running"), ("a.service", "waiting")]);
        depends(&mut snapshot, "a.service", "After", "stuck.mount");
        add_unit(&mut snapshot, unit("stuck.mount", "activating", "mounting"));
        assert!(findings_after(&RULE, past(&snapshot, 720), &snapshot).is_empty());
    }
}

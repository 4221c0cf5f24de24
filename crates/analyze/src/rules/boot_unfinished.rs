//! The boot has been going on for too long.

use std::cmp::Reverse;

use sysdiag_model::report::BootState;
use sysdiag_model::snapshot::Job;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::HOST;
use crate::health::queue::Queue;
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section, amount};

/// Jobs that a finding names.
const MAX_JOBS: usize = 5;
/// Running jobs that are looked at.
const MOST_RUNNING: usize = 100;
/// Units that a title names.
const MOST_IN_TITLE: usize = 2;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "boot-unfinished",
    title: "The boot does not finish",
    severity: Severity::Warning,
    section: Section::Boot,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "The system is still starting (SystemState, FinishTimestamp of the manager) longer \
                 than boot_unfinished_seconds (300) after userspace began.",
        matters: "A job of the boot waits for something: what is ordered after it has not \
                  started, systemd-analyze has no figures, and systemctl is-system-running waits.",
        todo: "See which jobs run and what they wait for; look at the log of the unit that starts. \
               A unit that is not needed can be disabled, one that is slow given another timeout.",
        references: &[
            "systemctl(1), list-jobs",
            "systemd-analyze(1)",
            "systemd.service(5), TimeoutStartSec=",
        ],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let (Some(systemd), Some(boot)) = (context.snapshot.systemd.value(), context.boot) else {
        return Vec::new();
    };
    let state = systemd.manager.system_state.as_deref();
    let Some(userspace) = systemd.manager.userspace_monotonic_usec.filter(|usec| *usec > 0) else {
        return Vec::new();
    };
    let age = context.snapshot.clock.monotonic_usec.saturating_sub(userspace);
    let limit = context.settings.boot_unfinished_seconds.saturating_mul(1_000_000);
    let starting = matches!(state, Some("starting" | "initializing"));
    if boot.state == BootState::Finished || !starting || age <= limit {
        return Vec::new();
    }
    // The one that most others wait for first.
    let queue = Units::of(context.snapshot).map(|units| Queue::of(&units));
    let held_up = |job: &Job| queue.as_ref().map_or(0, |queue| queue.held_up_by(&job.unit).len());
    let running = systemd.jobs.iter().filter(|job| job.state == "running");
    let mut running: Vec<(usize, &Job)> =
        running.take(MOST_RUNNING).map(|job| (held_up(job), job)).collect();
    running.sort_by_key(|(held_up, job)| (Reverse(*held_up), job.id));
    let names: Vec<&str> =
        running.iter().take(MOST_IN_TITLE).map(|(_, job)| job.unit.as_str()).collect();
    let waits_for = match running.len().saturating_sub(MOST_IN_TITLE) {
        _ if names.is_empty() => "no job is running".to_owned(),
        0 => format!("it waits for {}", names.join(", ")),
        more => format!("it waits for {} and {more} more", names.join(", ")),
    };
    let title = format!(
        "The boot has not finished after {}: {waits_for}, {} in the queue",
        amount::duration(age),
        amount::count(systemd.jobs.len() as u64, "job is", "jobs are"),
    );
    let mut finding = Finding::new(RULE.id, RULE.severity, HOST, title)
        .since(Some(context.snapshot.clock.at_monotonic(userspace)))
        .because(Evidence::text("system state", state.unwrap_or_default(), "SystemState (D-Bus)"))
        .because(Evidence::new("in userspace for", Value::Usec(age), "UserspaceTimestamp (D-Bus)"))
        .next("systemctl list-jobs");
    for (held_up, job) in running.into_iter().take(MAX_JOBS) {
        let what = match held_up as u64 {
            0 => format!("{} job running", job.job_type),
            number => {
                let others = amount::count(number, "job waits", "jobs wait");
                format!("{} job running, {others} for it", job.job_type)
            }
        };
        finding = finding.because(Evidence::text(what, job.unit.as_str(), "ListJobs (D-Bus)"));
    }
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, healthy, systemd_of};
    use crate::testing_events::depends;

    #[test]
    fn fires_once_when_a_job_holds_the_boot() {
        let mut snapshot = healthy();
        let systemd = systemd_of(&mut snapshot);
        systemd.manager.finish_monotonic_usec = Some(0);
        systemd.manager.system_state = Some("starting".to_owned());
        systemd.jobs = vec![
            Job {
                id: 7,
                unit: "net.service".into(),
                job_type: "start".to_owned(),
                state: "running".to_owned(),
            },
            Job {
                id: 8,
                unit: "app.service".into(),
                job_type: "start".to_owned(),
                state: "waiting".to_owned(),
            },
        ];
        depends(&mut snapshot, "app.service", "After", "net.service");
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "The boot has not finished after 59 min: it waits for net.service, 2 jobs are in the \
             queue"
        );
        assert_eq!(found[0].evidence[2].what, "start job running, 1 job waits for it");
        assert_eq!(found[0].evidence[2].value, Value::Text("net.service".to_owned()));
    }

    #[test]
    fn silent_when_finished_or_young() {
        assert!(findings(&RULE, &healthy()).is_empty());
        let mut snapshot = healthy();
        let manager = &mut systemd_of(&mut snapshot).manager;
        manager.finish_monotonic_usec = Some(0);
        manager.system_state = Some("starting".to_owned());
        snapshot.clock.monotonic_usec = 200_000_000;
        assert!(findings(&RULE, &snapshot).is_empty());
    }
}

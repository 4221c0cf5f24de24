//! What earlier reports of this host said: a small digest of each, and the input of every rule that
//! looks back.
//!
//! Pure, like all of analysis: which reports there are, and where they lie, is up to the caller. A
//! first run has an empty past, which is normal; a past that could not be read is a gap.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sysdiag_logs::compare::Baseline;
use sysdiag_model::report::{BootState, Report};
use sysdiag_model::snapshot::Outcome;
use sysdiag_model::{BootId, Finding, FindingKey, Severity, Timestamp, UnitName, UnitType, Why};

use crate::{Section, history};

/// Findings of one report that are kept, the worst first.
const MOST_FINDINGS: usize = 300;
/// File systems of one report that are kept, those with most in use first.
const MOST_FILE_SYSTEMS: usize = 64;
/// Units of one report whose memory is kept, those with most in use first.
const MOST_UNITS: usize = 64;
/// A unit with less memory than this leaks nothing that matters.
const LEAST_MEMORY_BYTES: u64 = 8 << 20;
/// Jobs of one report that are kept, the oldest first.
const MOST_JOBS: usize = 200;

/// Earlier reports of the same host. Empty: there are none, as on the first run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The last reports, without a gap between them, newest first. The first is "the last report".
    pub reports: Vec<PastReport>,
    /// Some of those before, newest first: of each day and of each boot the last one.
    pub older: Vec<PastReport>,
    /// What earlier boots logged.
    pub messages: Baseline,
}

impl Past {
    /// The last report.
    pub fn last(&self) -> Option<&PastReport> {
        self.reports.first()
    }

    /// Every report that is known, newest first. Between those of [`Past::older`] others are missing.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &PastReport> {
        self.reports.iter().chain(&self.older)
    }

    /// Of each boot that is known to have finished the newest report that says how long it took,
    /// newest first.
    pub fn boots(&self) -> impl Iterator<Item = &PastReport> {
        let mut seen = BTreeSet::new();
        self.all().filter(move |report| {
            let finished = report.boot.is_some_and(|boot| boot.finished);
            finished && report.boot_id.is_some_and(|boot_id| seen.insert(boot_id))
        })
    }
}

/// What is remembered of one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastReport {
    /// When it was made.
    pub timestamp: Timestamp,
    /// The host it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hostname: Option<String>,
    /// The boot it was made in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot_id: Option<BootId>,
    /// Its problems, those that the configuration ignores included.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<KnownFinding>,
    /// How long its boot took. None: not looked at, or not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boot: Option<PastBoot>,
    /// Mounted file systems whose size was read.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub file_systems: Vec<PastFileSystem>,
    /// Services and scopes that used most memory.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub memory: Vec<PastMemory>,
    /// The job queue.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub jobs: Vec<PastJob>,
    /// Sections it has: `boot`, `health`, `resources`, `logs`.
    pub sections: Vec<String>,
    /// Sources it could not read as far as its findings need: `systemd`, `journal`, ...
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unread: Vec<String>,
}

/// A problem that an earlier report had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFinding {
    /// `rule:subject`.
    pub key: FindingKey,
    /// How bad it was.
    pub severity: Severity,
    /// When it began, if that was known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// Reports in a row that had it, this one included. None: not counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reports_in_a_row: Option<u64>,
    /// The first of these.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_seen: Option<Timestamp>,
    /// Whether it was seen in the journal first of all.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub on_journal: bool,
    /// Whether the configuration said to ignore it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub ignored: bool,
}

impl KnownFinding {
    fn of(finding: &Finding, ignored: bool) -> Self {
        Self {
            key: finding.key.clone(),
            severity: finding.severity,
            since: finding.since,
            reports_in_a_row: finding.reports_in_a_row,
            first_seen: finding.first_seen,
            on_journal: history::rests_on_journal(finding),
            ignored,
        }
    }

    /// Identifier of the rule.
    pub fn rule(&self) -> Option<&str> {
        self.key.as_str().split_once(':').map(|(rule, _)| rule)
    }

    /// What the problem is about.
    pub fn subject(&self) -> Option<&str> {
        self.key.as_str().split_once(':').map(|(_, subject)| subject)
    }
}

/// How long a boot took; compare those of finished ones only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastBoot {
    /// Whether the figures are final.
    pub finished: bool,
    /// Userspace, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub userspace_usec: Option<u64>,
    /// All phases, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_usec: Option<u64>,
}

/// A file system as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFileSystem {
    /// Where it was mounted.
    pub mount_point: String,
    /// What was mounted: another device is another file system.
    pub source: String,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Size in bytes.
    pub total_bytes: u64,
    /// Inodes in use. None: not known, or made on demand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub used_inodes: Option<u64>,
}

/// The memory of a unit as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastMemory {
    /// The unit.
    pub unit: UnitName,
    /// `memory.current`, page cache included.
    pub current_bytes: u64,
    /// `anon` of `memory.stat`, and swap: what only the unit itself can give back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub own_bytes: Option<u64>,
    /// When it was started (`CLOCK_MONOTONIC` of the boot): another time is another start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_usec: Option<u64>,
}

/// A job of the queue as it was. Ids are not used twice within a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastJob {
    /// Its number.
    pub id: u32,
    /// The unit it works on.
    pub unit: UnitName,
    /// `start`, `stop`, ...
    pub job_type: String,
}

impl PastReport {
    /// What is worth to be remembered of `report`.
    pub fn of(report: &Report) -> Self {
        Self {
            timestamp: report.timestamp,
            hostname: report.hostname.clone(),
            boot_id: report.boot_id,
            findings: findings(report),
            boot: report.boot_analysis.as_ref().map(|boot| PastBoot {
                finished: boot.state == BootState::Finished,
                userspace_usec: boot.times.userspace_usec,
                total_usec: boot.times.total_usec,
            }),
            file_systems: file_systems(report),
            memory: memory(report),
            jobs: jobs(report),
            sections: sections(report),
            unread: unread(report),
        }
    }

    /// Whether the report had this problem.
    pub fn finding(&self, key: &FindingKey) -> Option<&KnownFinding> {
        self.findings.iter().find(|finding| finding.key == *key)
    }
}

fn findings(report: &Report) -> Vec<KnownFinding> {
    let open = report.findings.iter().map(|finding| KnownFinding::of(finding, false));
    let ignored = report.ignored_findings.iter().map(|finding| KnownFinding::of(finding, true));
    open.take(MOST_FINDINGS).chain(ignored.take(MOST_FINDINGS)).collect()
}

fn file_systems(report: &Report) -> Vec<PastFileSystem> {
    let usage = report.resource_analysis.as_ref().and_then(|it| it.system_usage.as_ref());
    let mounted = usage.and_then(|usage| usage.file_systems.as_ref()).into_iter().flatten();
    let mut list: Vec<PastFileSystem> = mounted
        .filter(|mounted| !mounted.read_only)
        .filter_map(|mounted| {
            Some(PastFileSystem {
                mount_point: mounted.mount_point.clone(),
                source: mounted.source.clone(),
                used_bytes: mounted.used_bytes?,
                total_bytes: mounted.total_bytes.filter(|bytes| *bytes > 0)?,
                used_inodes: mounted.used_inodes,
            })
        })
        .collect();
    list.sort_by_key(|mounted| std::cmp::Reverse(mounted.used_bytes));
    list.truncate(MOST_FILE_SYSTEMS);
    list
}

fn memory(report: &Report) -> Vec<PastMemory> {
    let units = report.resource_analysis.as_ref().and_then(|it| it.unit_usage.as_ref());
    let mut list: Vec<PastMemory> = units
        .into_iter()
        .flatten()
        .filter(|unit| matches!(unit.name.unit_type(), Some(UnitType::Service | UnitType::Scope)))
        .filter_map(|unit| {
            let current_bytes =
                unit.memory_current_bytes.filter(|bytes| *bytes >= LEAST_MEMORY_BYTES)?;
            let swapped = unit.memory_swap_current_bytes.unwrap_or(0);
            Some(PastMemory {
                unit: unit.name.clone(),
                current_bytes,
                own_bytes: unit.memory_anon_bytes.map(|anon| anon.saturating_add(swapped)),
                started_usec: unit.active_enter_monotonic_usec,
            })
        })
        .collect();
    list.sort_by_key(|unit| std::cmp::Reverse(unit.current_bytes));
    list.truncate(MOST_UNITS);
    list
}

fn jobs(report: &Report) -> Vec<PastJob> {
    let queue = report.health_analysis.iter().flat_map(|health| &health.jobs);
    let mut jobs: Vec<PastJob> = queue
        .map(|job| PastJob { id: job.id, unit: job.unit.clone(), job_type: job.job_type.clone() })
        .collect();
    jobs.sort_by_key(|job| job.id);
    jobs.truncate(MOST_JOBS);
    jobs
}

fn sections(report: &Report) -> Vec<String> {
    [
        (Section::Boot, report.boot_analysis.is_some()),
        (Section::Health, report.health_analysis.is_some()),
        (Section::Resources, report.resource_analysis.is_some()),
        (Section::Logs, report.log_analysis.is_some()),
        (Section::Graph, report.full_dependency_analysis.is_some()),
        (Section::Trace, report.ebpf_analysis.is_some()),
    ]
    .into_iter()
    .filter(|(_, there)| *there)
    .map(|(section, _)| section.name().to_owned())
    .collect()
}

/// Sources that gave nothing, or, to a user without privileges, only a part.
fn unread(report: &Report) -> Vec<String> {
    let refused = report.not_assessed.iter().any(|gap| gap.why == Why::NotPermitted);
    report
        .timings
        .iter()
        .filter(|timing| match timing.outcome {
            Outcome::Complete => false,
            Outcome::Partial => refused,
            Outcome::Failed | Outcome::TimedOut => true,
        })
        .map(|timing| timing.source.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{Job, SourceTiming};
    use sysdiag_model::{Gap, Probe};

    use super::*;
    use crate::testing::{
        GIB, MIB, add_unit, cgroup_of, findings, findings_after, healthy, systemd_of, unit,
    };
    use crate::testing_events::{assessed, failed_service};

    #[test]
    fn remembers_what_rules_look_back_on() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        add_unit(&mut snapshot, unit("small.service", "active", "running"));
        cgroup_of(&mut snapshot, "/system.slice/small.service").memory_current_bytes = Some(MIB);
        systemd_of(&mut snapshot).jobs.push(Job {
            id: 7,
            unit: "b.service".into(),
            job_type: "start".to_owned(),
            state: "running".to_owned(),
        });
        let past = PastReport::of(&assessed(&snapshot));
        assert_eq!(past.timestamp, snapshot.clock.realtime);
        assert_eq!(past.hostname.as_deref(), Some("web-03"));
        assert!(past.finding(&FindingKey::new("unit-failed", "a.service")).is_some());
        assert_eq!(past.boot.unwrap().userspace_usec, Some(7_000_000));
        assert_eq!(
            past.file_systems,
            [PastFileSystem {
                mount_point: "/".to_owned(),
                source: "/dev/vda1".to_owned(),
                used_bytes: 40 * GIB,
                total_bytes: 100 * GIB,
                used_inodes: Some(100_000),
            }]
        );
        assert_eq!(
            past.memory,
            [PastMemory {
                unit: "nginx.service".into(),
                current_bytes: 64 * MIB,
                own_bytes: Some(40 * MIB),
                started_usec: Some(4_000_000),
            }]
        );
        assert_eq!((past.jobs[0].id, past.jobs[0].unit.as_str()), (7, "b.service"));
        assert_eq!(past.sections, ["boot", "health", "resources"]);
        assert!(past.unread.is_empty());
        let text = serde_json::to_string(&past).unwrap();
        assert_eq!(serde_json::from_str::<PastReport>(&text).unwrap(), past);
    }

    #[test]
    fn what_is_wrong_now_does_not_depend_on_what_was() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "exit-code", 1, 1);
        let earlier = PastReport::of(&assessed(&snapshot));
        let past = Past { reports: vec![earlier], ..Past::default() };
        let rule = crate::rules::find("unit-failed").unwrap();
        assert_eq!(findings_after(rule, past, &snapshot), findings(rule, &snapshot));
    }

    #[test]
    fn an_empty_past_is_normal_and_one_that_could_not_be_read_is_a_gap() {
        let gap = Gap::new("history", Why::NotPermitted, "run as root");
        let report = |past: &Probe<Past>| {
            crate::assess(&healthy(), past, &crate::Settings::default(), &crate::Scope::run())
        };
        assert!(!report(&Probe::Known(Past::default())).not_assessed.contains(&gap));
        assert!(report(&Probe::Unknown(gap.clone())).not_assessed.contains(&gap));
    }

    #[test]
    fn knows_what_it_did_not_see() {
        let mut snapshot = healthy();
        snapshot.systemd = Probe::Unknown(Gap::new("systemd", Why::TimedOut, "try again"));
        snapshot.timings.push(SourceTiming {
            source: "systemd".to_owned(),
            start_usec: 0,
            elapsed_usec: 1,
            outcome: Outcome::TimedOut,
        });
        let past = PastReport::of(&assessed(&snapshot));
        assert_eq!(past.sections, ["resources"]);
        assert_eq!(past.unread, ["systemd"]);
        assert_eq!(past.boot, None);
    }
}

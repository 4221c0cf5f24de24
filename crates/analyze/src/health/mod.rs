//! Units that are not well: states of systemd, put together with what the journal says.
//!
//! States and figures only; whether and how loudly a problem is reported is up to the rules.

pub(crate) mod ending;
pub(crate) mod flapping;
mod problem;
pub(crate) mod queue;
pub(crate) mod sockets;
mod stuck;
pub(crate) mod timers;

use sysdiag_model::Snapshot;
use sysdiag_model::report::{HealthAnalysis, QueuedJob};

use crate::Settings;
use crate::units::Units;

pub(crate) use problem::of_unit;

/// Jobs that stand in a report.
const MOST_JOBS: usize = 200;
/// Last lines of a unit that stand in a report.
pub(crate) const RECENT_LINES: usize = 10;

/// The section `health_analysis`. None: systemd could not be read.
pub fn analyze(snapshot: &Snapshot, settings: &Settings) -> Option<HealthAnalysis> {
    let units = Units::of(snapshot)?;
    let failed = units.systemd.units.iter().filter(|unit| unit.is_failed());
    Some(HealthAnalysis {
        failed_units: failed.map(|unit| of_unit(&units, unit, settings, RECENT_LINES)).collect(),
        flapping_units: flapping::list(&units, settings),
        problematic_sockets: sockets::list(&units, settings),
        problematic_timers: timers::list(&units, settings),
        stuck_units: stuck::list(&units, settings),
        jobs: jobs(&units),
        all_units_count: units.systemd.units.len() as u64,
    })
}

/// The job queue, the oldest first.
fn jobs(units: &Units<'_>) -> Vec<QueuedJob> {
    let mut jobs: Vec<QueuedJob> = units
        .systemd
        .jobs
        .iter()
        .map(|job| QueuedJob {
            id: job.id,
            unit: job.unit.clone(),
            job_type: job.job_type.clone(),
            state: job.state.clone(),
        })
        .collect();
    jobs.sort_by_key(|job| job.id);
    jobs.truncate(MOST_JOBS);
    jobs
}

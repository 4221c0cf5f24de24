//! Units that are on their way for too long.
//!
//! A unit that waits for its next restart is on no way, a `oneshot` is activating for as long as
//! it runs, and a device is `tentative` for ever in a container: all of that is normal.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::Unit;
use sysdiag_model::{UnitName, UnitType};

use super::flapping::waits_for_restart;
use super::{RECENT_LINES, of_unit};
use crate::Settings;
use crate::units::Units;

pub(super) fn list(units: &Units<'_>, settings: &Settings) -> Vec<UnitProblem> {
    let stuck = units.systemd.units.iter().filter(|unit| is_stuck(units, unit, settings));
    stuck.map(|unit| of_unit(units, unit, settings, RECENT_LINES)).collect()
}

fn is_stuck(units: &Units<'_>, unit: &Unit, settings: &Settings) -> bool {
    let under_way = match unit.active_state.as_str() {
        "activating" => {
            !waits_for_restart(unit)
                && unit.name.unit_type() != Some(UnitType::Device)
                && (!may_run_long(units, unit) || holds_up_the_boot(units, &unit.name))
        }
        "deactivating" | "reloading" | "refreshing" => true,
        _ => false,
    };
    let longest = settings.stuck_seconds.saturating_mul(1_000_000);
    under_way
        && entered(units, unit)
            .is_some_and(|usec| units.clock.monotonic_usec.saturating_sub(usec) > longest)
}

/// When it set out, `CLOCK_MONOTONIC`: time in suspend is no time to be stuck in.
fn entered(units: &Units<'_>, unit: &Unit) -> Option<u64> {
    let times = unit.times?;
    match unit.active_state.as_str() {
        "activating" => times.inactive_exit_usec,
        "deactivating" => times.active_exit_usec.max(times.inactive_exit_usec),
        // No timestamp of ListUnits' units is set by a reload, only that of the last change.
        _ => {
            let change = units.detail(unit.name.as_str())?.state_change?;
            let past = units.clock.realtime.usec_since(change);
            Some(units.clock.monotonic_usec.saturating_sub(past))
        }
    }
}

/// Whether a long start is normal: a service that is a oneshot, or not known to be none.
fn may_run_long(units: &Units<'_>, unit: &Unit) -> bool {
    if unit.name.unit_type() != Some(UnitType::Service) {
        return false;
    }
    let service = units.detail(unit.name.as_str()).and_then(|detail| detail.service.as_ref());
    service.and_then(|service| service.service_type.as_deref()).is_none_or(|kind| kind == "oneshot")
}

/// Whether the boot is not over because other jobs wait for this unit's.
fn holds_up_the_boot(units: &Units<'_>, name: &UnitName) -> bool {
    let state = units.systemd.manager.system_state.as_deref();
    let jobs = &units.systemd.jobs;
    matches!(state, Some("starting" | "initializing"))
        && jobs.iter().any(|job| job.unit == *name && job.state == "running")
        && jobs.iter().any(|job| job.unit != *name && job.state == "waiting")
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{Job, ServiceDetail, UnitDetail};

    use super::*;
    use crate::testing::{add_unit, healthy, systemd_of, unit};

    /// An hour up; its start began three seconds after the kernel's.
    fn activating(name: &str, sub_state: &str, service_type: Option<&str>) -> Snapshot {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit(name, "activating", sub_state));
        let service = ServiceDetail {
            service_type: service_type.map(str::to_owned),
            ..ServiceDetail::default()
        };
        let detail = UnitDetail { service: Some(service), ..UnitDetail::default() };
        systemd_of(&mut snapshot).details.insert(name.into(), detail);
        snapshot
    }

    fn count(snapshot: &Snapshot) -> usize {
        list(&Units::of(snapshot).unwrap(), &Settings::default()).len()
    }

    #[test]
    fn what_systemd_regards_as_normal_is_not_stuck() {
        assert_eq!(count(&activating("a.service", "start", Some("notify"))), 1);
        assert_eq!(count(&activating("a.mount", "mounting", None)), 1);
        assert_eq!(count(&activating("a.service", "start", Some("oneshot"))), 0);
        assert_eq!(count(&activating("a.service", "start", None)), 0);
        assert_eq!(count(&activating("a.service", "auto-restart", Some("simple"))), 0);
        assert_eq!(count(&activating("dev-sda1.device", "tentative", None)), 0);
    }

    #[test]
    fn a_oneshot_that_holds_up_the_boot_is_stuck() {
        let mut snapshot = activating("a.service", "start", Some("oneshot"));
        let systemd = systemd_of(&mut snapshot);
        systemd.manager.system_state = Some("starting".to_owned());
        for (id, unit, state) in [(1, "a.service", "running"), (2, "multi-user.target", "waiting")]
        {
            systemd.jobs.push(Job {
                id,
                unit: unit.into(),
                job_type: "start".to_owned(),
                state: state.to_owned(),
            });
        }
        assert_eq!(count(&snapshot), 1);
    }
}

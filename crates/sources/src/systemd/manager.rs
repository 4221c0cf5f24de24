//! The manager itself: one `GetAll`, the job queue and the default target.

use sysdiag_model::snapshot::{Job, Manager};
use sysdiag_model::{Timestamp, UnitName};
use zbus::ObjectPath;

use super::names::{MANAGER, MANAGER_PATH};
use super::properties::PropertyMap;
use crate::dbus::{Body, Call, Connection, Error};

/// The most jobs that are kept: the queue of a boot is a few hundred long.
const MAX_JOBS: usize = 10_000;

pub(super) fn read(connection: &mut Connection) -> Result<Manager, Error> {
    let reply = connection.call(&Call::get_all(MANAGER_PATH, MANAGER))?;
    let all = PropertyMap::read(&reply)?;
    Ok(Manager {
        version: all.text("Version").unwrap_or_default(),
        features: all.text("Features"),
        virtualization: all.text("Virtualization"),
        architecture: all.text("Architecture"),
        system_state: all.text("SystemState"),
        tainted: all.text("Tainted"),
        n_failed_units: all.u32("NFailedUnits"),
        n_jobs: all.u32("NJobs"),
        n_names: all.u32("NNames"),
        firmware_monotonic_usec: all.u64("FirmwareTimestampMonotonic"),
        loader_monotonic_usec: all.u64("LoaderTimestampMonotonic"),
        kernel_realtime: all.u64("KernelTimestamp").and_then(Timestamp::from_property),
        initrd_monotonic_usec: all.u64("InitRDTimestampMonotonic"),
        userspace_monotonic_usec: all.u64("UserspaceTimestampMonotonic"),
        finish_monotonic_usec: all.u64("FinishTimestampMonotonic"),
        security_start_monotonic_usec: all.u64("SecurityStartTimestampMonotonic"),
        soft_reboot_start_monotonic_usec: all.u64("SoftRebootStartTimestampMonotonic"),
        units_load_start_monotonic_usec: all.u64("UnitsLoadStartTimestampMonotonic"),
        units_load_finish_monotonic_usec: all.u64("UnitsLoadFinishTimestampMonotonic"),
        units_load_start_realtime: all
            .u64("UnitsLoadStartTimestamp")
            .and_then(Timestamp::from_property),
        units_load_realtime: all.u64("UnitsLoadTimestamp").and_then(Timestamp::from_property),
        units_load_monotonic_usec: all.u64("UnitsLoadTimestampMonotonic"),
        unit_path: all.texts("UnitPath"),
        default_start_limit_interval_usec: all.u64("DefaultStartLimitIntervalUSec"),
        default_start_limit_burst: all.u32("DefaultStartLimitBurst"),
    })
}

/// A row of `ListJobs`: id, unit, type, state, job object, unit object.
type Row<'a> = (u32, &'a str, &'a str, &'a str, ObjectPath<'a>, ObjectPath<'a>);

/// The job queue, by unit.
pub(super) fn jobs(connection: &mut Connection) -> Result<Vec<Job>, Error> {
    let reply = connection.call(&Call {
        path: MANAGER_PATH,
        interface: MANAGER,
        member: "ListJobs",
        body: Body::Empty,
    })?;
    let data = reply.data("a(usssoo)")?;
    let (rows, _) = data.deserialize::<Vec<Row<'_>>>().map_err(|error| {
        Error::Malformed(crate::dbus::Malformed { why: error.to_string().into() })
    })?;
    let mut jobs: Vec<Job> = rows
        .into_iter()
        .take(MAX_JOBS)
        .map(|(id, unit, job_type, state, _, _)| Job {
            id,
            unit: UnitName::new(unit),
            job_type: job_type.to_owned(),
            state: state.to_owned(),
        })
        .collect();
    jobs.sort_by(|a, b| a.unit.cmp(&b.unit).then(a.id.cmp(&b.id)));
    Ok(jobs)
}

/// The object of a unit by any of its names, if it is loaded: `GetUnit` loads nothing.
pub(super) fn unit_path(connection: &mut Connection, name: &str) -> Result<Option<String>, Error> {
    let call =
        Call { path: MANAGER_PATH, interface: MANAGER, member: "GetUnit", body: Body::One(name) };
    match connection.call(&call) {
        Ok(reply) => Ok(reply
            .data("o")?
            .deserialize::<ObjectPath<'_>>()
            .ok()
            .map(|(path, _)| path.to_string())),
        Err(Error::Call(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

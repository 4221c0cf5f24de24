//! Every loaded unit: its state from `ListUnits`, its timestamps in one pipeline.

use sysdiag_model::UnitName;
use sysdiag_model::snapshot::{Unit, UnitTimes};
use zbus::ObjectPath;

use super::names::{MANAGER, MANAGER_PATH, UNIT};
use super::properties::monotonic;
use crate::dbus::{Body, Call, Connection, Error, MAX_WINDOW, Malformed};
use crate::mask::{mask_args, mask_text};

/// The most units that are kept. Hosts with 10,000 units exist, with ten times that they do not.
const MAX_UNITS: usize = 100_000;

/// A unit and its D-Bus object.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) unit: Unit,
    pub(super) path: String,
}

/// A row of `ListUnits`: name, description, load, active and sub state, the unit followed, object,
/// and the job's number, type and object.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    ObjectPath<'a>,
    u32,
    &'a str,
    ObjectPath<'a>,
);

/// All loaded units by name, without timestamps, and how many were left out for their number.
pub(super) fn list(connection: &mut Connection) -> Result<(Vec<Listed>, usize), Error> {
    let reply = connection.call(&Call {
        path: MANAGER_PATH,
        interface: MANAGER,
        member: "ListUnits",
        body: Body::Empty,
    })?;
    let data = reply.data("a(ssssssouso)")?;
    let (rows, _) = data
        .deserialize::<Vec<Row<'_>>>()
        .map_err(|error| Malformed { why: error.to_string().into() })?;
    let left_out = rows.len().saturating_sub(MAX_UNITS);
    let mut units: Vec<Listed> = rows
        .into_iter()
        .take(MAX_UNITS)
        .map(|(name, description, load, active, sub, following, path, _, job_type, _)| Listed {
            unit: Unit {
                name: UnitName::new(name),
                description: masked(description),
                load_state: load.to_owned(),
                active_state: active.to_owned(),
                sub_state: sub.to_owned(),
                following: (!following.is_empty()).then(|| UnitName::new(following)),
                job_type: (!job_type.is_empty()).then(|| job_type.to_owned()),
                times: None,
            },
            path: path.to_string(),
        })
        .collect();
    units.sort_by(|a, b| a.unit.name.cmp(&b.unit.name));
    units.dedup_by(|a, b| a.unit.name == b.unit.name);
    Ok((units, left_out))
}

/// The description of a transient unit is its command line, `systemd-run(1)`.
fn masked(description: &str) -> String {
    if !description.starts_with('/') {
        return mask_text(description).into_owned();
    }
    let args = description.split(' ').map(str::to_owned).collect();
    mask_text(&mask_args(args).join(" ")).into_owned()
}

const STAMPS: [&str; 4] = [
    "InactiveExitTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
];

/// Fills in the timestamps of every loaded unit. A unit that vanished meanwhile keeps none.
pub(super) fn read_times(connection: &mut Connection, units: &mut [Listed]) -> Result<(), Error> {
    let asked: Vec<usize> = units
        .iter()
        .enumerate()
        .filter(|(_, listed)| listed.unit.load_state == "loaded")
        .map(|(index, _)| index)
        .collect();
    let mut stamps: Vec<Option<[Option<u64>; 4]>> = vec![Some([None; 4]); asked.len()];
    let paths: Vec<&str> =
        asked.iter().filter_map(|index| units.get(*index)).map(|unit| unit.path.as_str()).collect();
    let calls =
        paths.iter().flat_map(|path| STAMPS.iter().map(|stamp| Call::get(path, UNIT, stamp)));
    connection.pipeline(calls, MAX_WINDOW, |call, reply| {
        let Some(unit) = stamps.get_mut(call / STAMPS.len()) else { return };
        match reply.map(|reply| reply.value()) {
            Ok(Ok(value)) => {
                if let Some(slot) = unit.as_mut().and_then(|unit| unit.get_mut(call % STAMPS.len()))
                {
                    *slot = monotonic(&value);
                }
            }
            // Gone, or not to be understood: none of its times are known.
            Ok(Err(_)) | Err(_) => *unit = None,
        }
    })?;
    for (index, stamps) in asked.into_iter().zip(stamps) {
        if let Some(listed) = units.get_mut(index) {
            listed.unit.times =
                stamps.map(|[inactive_exit, enter, exit, inactive_enter]| UnitTimes {
                    inactive_exit_usec: inactive_exit,
                    active_enter_usec: enter,
                    active_exit_usec: exit,
                    inactive_enter_usec: inactive_enter,
                });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_description_that_is_a_command_line_has_no_secrets() {
        for (description, expected) in [
            ("A high performance web server", "A high performance web server"),
            ("/usr/bin/mysql -uroot -phunter2 db", "/usr/bin/mysql -uroot -p[masked] db"),
            ("/bin/app --token abc -v", "/bin/app --token [masked] -v"),
            ("job password=abc", "job password=[masked]"),
        ] {
            assert_eq!(masked(description), expected);
        }
    }
}

//! How PID 1 is reached: root takes the private socket, which spares dbus-daemon its share of the
//! work and works without it; everybody else, and root where that fails, the system bus.

use std::time::Instant;

use sysdiag_model::snapshot::Transport;
use sysdiag_model::{Gap, Why};

use super::names::SERVICE;
use crate::Root;
use crate::dbus::{Address, ConnectFailure, Connection, Error};

/// What the gaps of this source are about.
const WHAT: &str = "systemd";

pub(super) fn connect(
    root: &Root,
    init_name: Option<&str>,
    deadline: Instant,
) -> Result<(Connection, Transport), Gap> {
    // As sd_booted(3): systemd makes this folder when it runs as PID 1 and nobody else does.
    if !root.path("/run/systemd/system").is_dir() {
        let hint = init_name.filter(|name| *name != "systemd").map_or_else(
            || "this system was not booted with systemd".to_owned(),
            |name| format!("PID 1 is {}, not systemd", name.escape_debug()),
        );
        return Err(Gap::new(WHAT, Why::Absent, hint));
    }
    let mut private_failure = None;
    if rustix::process::geteuid().is_root() {
        match Connection::open(&Address::private(root), deadline) {
            Ok(connection) => return Ok((connection, Transport::PrivateSocket)),
            Err(error @ Error::Connect { .. }) => private_failure = Some(error),
            // It let us in and then hung or lied: the bus leads to the same PID 1.
            Err(error) => return Err(gap(WHAT, &error)),
        }
    }
    let configured = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok().filter(|_| root.is_host());
    Address::system_bus(root, configured.as_deref(), SERVICE)
        .and_then(|address| Connection::open(&address, deadline))
        .map(|connection| (connection, Transport::SystemBus))
        .map_err(|error| {
            let mut gap = gap(WHAT, &error);
            if let (Some(first), Some(hint)) = (private_failure, &mut gap.hint) {
                *hint = format!("{first}; {hint}");
            }
            gap
        })
}

/// A failure of the connection as a gap about `what`.
pub(super) fn gap(what: &str, error: &Error) -> Gap {
    let why = match error {
        Error::Connect { kind: ConnectFailure::PermissionDenied, .. } | Error::Rejected { .. } => {
            Why::NotPermitted
        }
        Error::TimedOut { .. } => Why::TimedOut,
        Error::Malformed(_) | Error::Address { .. } => Why::Malformed,
        Error::Call(call) => match call.name() {
            Some("org.freedesktop.DBus.Error.AccessDenied") => Why::NotPermitted,
            Some("org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.TimedOut") => {
                Why::TimedOut
            }
            _ => Why::Absent,
        },
        _ => Why::Absent,
    };
    let hint = match why {
        Why::NotPermitted => format!("{error}; run as root"),
        _ => error.to_string(),
    };
    Gap::new(what, why, hint)
}

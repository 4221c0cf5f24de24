//! How PID 1 is reached: root takes the private socket, which spares dbus-daemon its share of the
//! work and works without it; everybody else, and root where that fails, the system bus.

use std::time::Instant;

use sysdiag_model::snapshot::Transport;
use sysdiag_model::{Gap, Why};

use super::names::SERVICE;
use crate::Root;
use crate::dbus::{Address, ConnectFailure, Connection, Error};
use crate::gap::or_as_root;

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
    let is_root = rustix::process::geteuid().is_root();
    let private = Address::private(root);
    let mut private_failure = None;
    if is_root {
        // A socket that lets us in and then hangs leaves time for the bus.
        let now = Instant::now();
        let half = now + deadline.saturating_duration_since(now) / 2;
        match Connection::open(&private, half) {
            Ok(connection) => return Ok((connection.until(deadline), Transport::PrivateSocket)),
            Err(error) => private_failure = Some(at(&private, &error)),
        }
    }
    let configured = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok().filter(|_| root.is_host());
    let bus = Address::system_bus(root, configured.as_deref(), SERVICE)
        .map_err(|error| gap(WHAT, &error))?;
    let error = match Connection::open(&bus, deadline) {
        Ok(connection) => return Ok((connection, Transport::SystemBus)),
        Err(error) => error,
    };
    let why = gap(WHAT, &error).why;
    let said = at(&bus, &error);
    let hint = match private_failure {
        Some(first) => format!("{first}; {said}"),
        None if !is_root && private.socket.exists() => {
            format!("{said}; run as root to ask systemd without the bus")
        }
        None => said,
    };
    Err(Gap::new(WHAT, why, hint))
}

/// `error` with the socket that it is about.
fn at(address: &Address, error: &Error) -> String {
    match error {
        Error::Connect { .. } | Error::Address { .. } => error.to_string(),
        _ => format!("{}: {error}", address.socket.display()),
    }
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
        Why::NotPermitted => or_as_root(&error.to_string()),
        _ => error.to_string(),
    };
    Gap::new(what, why, hint)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    use super::*;

    /// A host that was booted with systemd, and both of its sockets.
    fn host() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["run/systemd/system", "run/dbus"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let root = Root::at(folder.path());
        (folder, root)
    }

    #[test]
    fn a_private_socket_that_is_mute_leaves_time_for_the_bus() {
        let (_folder, root) = host();
        // Both accept, by the kernel's queue, and never say a word.
        let _private = UnixListener::bind(root.path("/run/systemd/private")).unwrap();
        let _bus = UnixListener::bind(root.path("/run/dbus/system_bus_socket")).unwrap();
        let begin = Instant::now();
        let gap = connect(&root, None, begin + Duration::from_millis(300)).unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(2));
        assert_eq!(gap.why, Why::TimedOut);
        let hint = gap.hint.unwrap();
        assert!(hint.contains("system_bus_socket: timed out"), "{hint}");
        let is_root = rustix::process::geteuid().is_root();
        assert_eq!(hint.contains("private: timed out"), is_root, "{hint}");
        assert_eq!(hint.contains("run as root"), !is_root, "{hint}");
    }

    #[test]
    fn a_host_without_systemd_is_told_by_its_init() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let soon = Instant::now() + Duration::from_secs(5);
        let gap = connect(&root, Some("sh\x1b"), soon).unwrap_err();
        assert_eq!(gap, Gap::new("systemd", Why::Absent, "PID 1 is sh\\u{1b}, not systemd"));
    }
}

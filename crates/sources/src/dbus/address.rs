//! Where to connect: systemd's private socket, or the system bus.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use rustix::net::SocketAddrUnix;

use super::error::{ConnectFailure, Error};
use crate::root::Root;

/// Who is at the other end of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// systemd itself: no `Hello`, and calls have no destination.
    Private,
    /// A message bus: `Hello` first, and calls name the service they are for.
    Bus {
        /// The service that all calls are for, such as `org.freedesktop.systemd1`.
        service: &'static str,
    },
}

/// A UNIX socket and who is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The socket. An abstract one, which no file system holds, begins with `@`.
    pub socket: PathBuf,
    /// Who is there.
    pub peer: Peer,
}

impl Address {
    /// systemd's private socket, for root only (`org.freedesktop.systemd1(5)`).
    pub fn private(root: &Root) -> Self {
        Self { socket: root.path("/run/systemd/private"), peer: Peer::Private }
    }

    /// The system bus under `root`: `/run/dbus/system_bus_socket`, as `sd_bus_open_system(3)`,
    /// or what `environment`, the value of `DBUS_SYSTEM_BUS_ADDRESS`, says instead.
    ///
    /// The environment speaks of the running host, so it counts for that root only; of the
    /// addresses in it, the first that is a UNIX socket.
    pub fn system_bus(
        root: &Root,
        environment: Option<&str>,
        service: &'static str,
    ) -> Result<Self, Error> {
        let socket = match environment.filter(|value| root.is_host() && !value.is_empty()) {
            Some(value) => first_unix_socket(value)?,
            None => ["/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"]
                .map(|path| root.path(path))
                .into_iter()
                .find(|path| path.exists())
                .unwrap_or_else(|| root.path("/run/dbus/system_bus_socket")),
        };
        Ok(Self { socket, peer: Peer::Bus { service } })
    }

    pub(super) fn to_socket_address(&self) -> Result<SocketAddrUnix, Error> {
        match self.socket.as_os_str().as_bytes() {
            [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name),
            path => SocketAddrUnix::new(path),
        }
        .map_err(|errno| Error::Connect {
            path: self.socket.clone(),
            kind: ConnectFailure::from(errno),
        })
    }
}

/// The first UNIX socket in a list like `unix:path=/a,guid=1;unix:abstract=b`.
fn first_unix_socket(list: &str) -> Result<PathBuf, Error> {
    let bad = |why| Error::Address { address: list.to_owned(), why };
    let pairs = list
        .split(';')
        .filter_map(|address| address.strip_prefix("unix:"))
        .flat_map(|address| address.split(','));
    for pair in pairs {
        let (prefix, value) = match pair.split_once('=') {
            Some(("path", value)) => (None, value),
            Some(("abstract", value)) => (Some(b'@'), value),
            _ => continue,
        };
        let value = unescape(value).ok_or_else(|| bad("% without two hex digits"))?;
        let bytes = prefix.into_iter().chain(value).collect();
        return Ok(PathBuf::from(OsString::from_vec(bytes)));
    }
    Err(bad("no unix:path= or unix:abstract= in it"))
}

/// Undoes the %-escapes of D-Bus addresses.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut plain = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_environment_wins_and_is_unescaped() {
        let socket = |value| {
            Address::system_bus(&Root::host(), Some(value), "a.b").map(|address| address.socket)
        };
        assert_eq!(socket("unix:path=/run/my%20bus,guid=00").unwrap(), Path::new("/run/my bus"));
        assert_eq!(socket("tcp:host=h,port=1;unix:guid=1,abstract=b").unwrap(), Path::new("@b"));
        for bad in ["tcp:host=h,port=1", "unix:path=/%2", "unix:path=/%zz", "nonsense"] {
            assert!(matches!(socket(bad), Err(Error::Address { .. })), "{bad}");
        }
    }

    #[test]
    fn without_it_the_socket_is_looked_for_below_the_root() {
        let root = tempfile::tempdir().unwrap();
        let socket = || {
            let environment = Some("unix:path=/of/this/machine");
            Address::system_bus(&Root::at(root.path()), environment, "a.b").unwrap().socket
        };
        assert_eq!(socket(), root.path().join("run/dbus/system_bus_socket"));
        let old = root.path().join("var/run/dbus/system_bus_socket");
        std::fs::create_dir_all(old.parent().unwrap()).unwrap();
        std::fs::write(&old, "").unwrap();
        assert_eq!(socket(), old);
    }
}

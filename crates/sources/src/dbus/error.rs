//! What can go wrong between us and a D-Bus peer, typed so that a source can say why in its gap.

use std::{borrow::Cow, fmt, path::PathBuf};

use rustix::io::Errno;

/// The connection as a whole failed: no later call on it can succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The socket could not be connected to.
    #[error("cannot connect to {}: {kind}", path.display())]
    Connect {
        /// The socket, an abstract one with a leading `@`.
        path: PathBuf,
        /// Why.
        kind: ConnectFailure,
    },
    /// A D-Bus address that names no UNIX socket we could use.
    #[error("unusable D-Bus address {address:?}: {why}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The peer refused SASL EXTERNAL for our user.
    #[error("the peer refused authentication: {answer:?}")]
    Rejected {
        /// Its line, shortened.
        answer: String,
    },
    /// The deadline passed.
    #[error("timed out waiting for {waiting_for}")]
    TimedOut {
        /// What did not come.
        waiting_for: String,
    },
    /// The peer closed the connection.
    #[error("the peer closed the connection while we waited for {waiting_for}")]
    Closed {
        /// What did not come.
        waiting_for: String,
    },
    /// The peer sent what the D-Bus specification does not allow, or more than we accept.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The kernel refused to read or write.
    #[error("cannot {doing} the D-Bus socket: {source}")]
    Io {
        /// `read`, `write` or `poll`.
        doing: &'static str,
        /// As the kernel said.
        source: std::io::Error,
    },
    /// An earlier error left the connection unusable.
    #[error("the D-Bus connection failed earlier")]
    Broken,
    /// This one call was not answered with a value; the connection is still good.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why a socket could not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// No such socket: nothing of the kind runs here.
    NotFound,
    /// The socket is there and nobody listens.
    Refused,
    /// Only others may, as with the private socket for users other than root.
    PermissionDenied,
    /// Anything else.
    Other(Errno),
}

impl From<Errno> for ConnectFailure {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::NotFound,
            Errno::CONNREFUSED => Self::Refused,
            Errno::ACCESS | Errno::PERM => Self::PermissionDenied,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such socket"),
            Self::Refused => f.write_str("nobody listens on it"),
            Self::PermissionDenied => f.write_str("permission denied"),
            Self::Other(errno) => errno.fmt(f),
        }
    }
}

/// One call has no value; the others on the connection are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The peer answered with an error.
    #[error("{name}: {message}")]
    Reply {
        /// Such as `org.freedesktop.DBus.Error.UnknownObject`.
        name: String,
        /// For people, in any wording; may be empty.
        message: String,
    },
    /// The call could not be put into a message, so it was never sent.
    #[error("call not sent: {0}")]
    NotSent(&'static str),
}

impl CallError {
    /// The peer's error name, if it was the peer that answered.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Reply { name, .. } => Some(name),
            Self::NotSent(_) => None,
        }
    }
}

/// Bytes that are not what the D-Bus specification, or the asked-for type, says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed D-Bus data: {why}")]
pub struct Malformed {
    /// What is wrong.
    pub why: Cow<'static, str>,
}

impl Malformed {
    pub(super) fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into() }
    }
}

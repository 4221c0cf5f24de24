//! A thin blocking D-Bus client for systemd: method calls over one UNIX socket, many in flight,
//! everything bounded by one deadline.
//!
//! It speaks to systemd's private socket, which spares dbus-daemon's share of the work, and to the
//! system bus. Signals are passed over, file descriptors are not taken, nothing is served.
//!
//! Why not a crate: zbus refuses the private socket, whose replies carry a well-known name as
//! sender, so of it only the wire format is used here (and, in tests, its server). rustbus can
//! read them, but its authentication waits without any deadline, it reads in steps of 512 bytes and
//! writes each call alone, which costs PID 1 and us a wake-up a call. dbus-rs needs the C library.

mod address;
mod auth;
mod connection;
mod cursor;
mod error;
mod inbox;
mod message;
mod pipeline;
mod reply;
mod socket;

pub use self::{
    address::{Address, Peer},
    connection::Connection,
    error::{CallError, ConnectFailure, Error, Malformed},
    message::{Body, Call},
    pipeline::MAX_WINDOW,
    reply::{Properties, Reply, Value},
};

//! A UNIX stream socket on which nothing waits beyond one deadline.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect,
        recv, send, socket_with, sockopt,
    },
};

use super::error::{ConnectFailure, Error};

#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    deadline: Instant,
}

impl Socket {
    pub(super) fn connect(
        path: &Path,
        address: &SocketAddrUnix,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let failed =
            |errno| Error::Connect { path: path.to_owned(), kind: ConnectFailure::from(errno) };
        let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(failed)?;
        loop {
            // A full backlog cannot be polled for (a non-blocking connect fails with EAGAIN at
            // once), but waiting for a place in it respects the send time-out: unix(7).
            let waiting_for = || format!("a place in the queue of {}", path.display());
            let left = remaining(deadline, waiting_for)?;
            sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(left)).map_err(failed)?;
            match connect(&fd, address) {
                Ok(()) => return Ok(Self { fd, deadline }),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
    }

    /// From now on nothing waits beyond `deadline`.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Reads what is there: `None` if nothing is yet, 0 if nothing will come any more.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        transfer("read", || recv(&self.fd, &mut *buffer, RecvFlags::DONTWAIT).map(|(n, _)| n))
    }

    /// Writes what fits: `None` if nothing does.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        transfer("write", || send(&self.fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
    }

    /// Waits until it can be read or, if `writing`, written.
    pub(super) fn wait(
        &self,
        writing: bool,
        waiting_for: impl Fn() -> String,
    ) -> Result<(), Error> {
        let events = if writing { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        loop {
            let left = remaining(self.deadline, &waiting_for)?;
            let timeout = Timespec::try_from(left).ok();
            let mut fds = [PollFd::from_borrowed_fd(self.fd.as_fd(), events)];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(Error::Io { doing: "poll", source: errno.into() }),
            }
        }
    }

    /// Does nothing for `pause`, or until the deadline.
    pub(super) fn pause(&self, pause: Duration) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        std::thread::sleep(pause.min(left));
    }

    /// Fails if the deadline has passed: for loops that a busy peer could keep from waiting.
    pub(super) fn check(&self, waiting_for: impl Fn() -> String) -> Result<(), Error> {
        remaining(self.deadline, waiting_for).map(drop)
    }
}

fn transfer(
    doing: &'static str,
    operation: impl FnMut() -> rustix::io::Result<usize>,
) -> Result<Option<usize>, Error> {
    match rustix::io::retry_on_intr(operation) {
        Ok(done) => Ok(Some(done)),
        Err(Errno::AGAIN) => Ok(None),
        // Gone with our bytes unread: the same as gone.
        Err(Errno::CONNRESET) if doing == "read" => Ok(Some(0)),
        Err(Errno::CONNRESET | Errno::PIPE) => {
            Err(Error::Closed { waiting_for: "it to take our calls".to_owned() })
        }
        Err(errno) => Err(Error::Io { doing, source: errno.into() }),
    }
}

fn remaining(deadline: Instant, waiting_for: impl Fn() -> String) -> Result<Duration, Error> {
    deadline
        .checked_duration_since(Instant::now())
        // The kernel takes a time-out of 0 µs for none at all.
        .filter(|left| left.as_micros() > 0)
        .ok_or_else(|| Error::TimedOut { waiting_for: waiting_for() })
}

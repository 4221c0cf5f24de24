//! One connection: opening it, and one call at a time.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{
    address::{Address, Peer},
    auth,
    error::{CallError, Error},
    inbox::Inbox,
    message::{Body, Call, Frame, Kind},
    reply::Reply,
    socket::Socket,
};

const BUS: &str = "org.freedesktop.DBus";

/// A connection to systemd or to a bus, all of whose operations end at one deadline.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    inbox: Inbox,
    /// Calls encoded and not yet written.
    outbox: Vec<u8>,
    /// The service that calls are for, on a bus.
    destination: Option<&'static str>,
    last_serial: u32,
    /// Set by any error but that of a single call: what is in flight is unknown then.
    broken: bool,
}

/// A reply in the inbox, valid until the inbox is filled again.
pub(super) struct Answer {
    pub(super) serial: u32,
    start: usize,
    frame: Frame,
}

impl Connection {
    /// Connects, authenticates as our effective user, and has a first call answered, so that what
    /// it returns works. Nothing on the connection, now or later, lasts beyond `deadline` (or one
    /// that [`Self::until`] sets).
    pub fn open(address: &Address, deadline: Instant) -> Result<Self, Error> {
        let socket = Socket::connect(&address.socket, &address.to_socket_address()?, deadline)?;
        let mut connection = Self {
            socket,
            inbox: Inbox::new(),
            outbox: auth::greeting(rustix::process::geteuid().as_raw()),
            destination: None,
            last_serial: 0,
            broken: false,
        };
        connection.authenticate()?;
        match address.peer {
            Peer::Private => connection.unstick()?,
            Peer::Bus { service } => {
                connection.destination = Some(BUS);
                connection.call(&Call {
                    path: "/org/freedesktop/DBus",
                    interface: BUS,
                    member: "Hello",
                    body: Body::Empty,
                })?;
                connection.destination = Some(service);
            }
        }
        Ok(connection)
    }

    /// The connection with another deadline from now on.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.socket.set_deadline(deadline);
        self
    }

    fn authenticate(&mut self) -> Result<(), Error> {
        let waiting_for = || "the answer to our authentication".to_owned();
        let line = loop {
            self.flush()?;
            if let Some(line) = self.inbox.take_line()? {
                break line;
            }
            self.receive(waiting_for)?;
        };
        auth::check(self.inbox.bytes(line))?;
        self.outbox.extend(b"BEGIN\r\n");
        self.flush_all(|| "room for our authentication".to_owned())
    }

    /// Has a message answered that a server cannot take in whole together with `BEGIN`.
    ///
    /// systemd (252 and 257 tried) reads up to 256 bytes of authentication at a time. What follows
    /// `BEGIN` among them stays in its buffer until the socket has more, so a first call of 88
    /// bytes is never answered, even in a write of its own, unless PID 1 happens to read between
    /// the two. A first call of over 256 bytes always leaves something in the socket. `Ping` is
    /// answered for every path ("Standard Interfaces" of the specification), so its path makes up
    /// the length.
    fn unstick(&mut self) -> Result<(), Error> {
        let path = format!("/{}", "_".repeat(512));
        let interface = "org.freedesktop.DBus.Peer";
        match self.call(&Call { path: &path, interface, member: "Ping", body: Body::Empty }) {
            // An error is an answer as well.
            Ok(_) | Err(Error::Call(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Calls a method and waits for the reply. [`Error::Call`] concerns this call only.
    pub fn call(&mut self, call: &Call<'_>) -> Result<Reply<'_>, Error> {
        let waiting_for = || format!("the answer to {}.{}", call.interface, call.member);
        let serial = self.enqueue(call)?;
        self.begin()?;
        let answer = loop {
            self.flush()?;
            match self.next_answer()? {
                Some(answer) if answer.serial == serial => break answer,
                Some(_) => return Err(super::error::Malformed::new(UNASKED).into()),
                None => self.receive(waiting_for)?,
            }
        };
        self.end();
        Ok(self.open_answer(&answer)?)
    }

    /// Marks what follows as incomplete until [`Self::end`].
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.broken, true) { Err(Error::Broken) } else { Ok(()) }
    }

    pub(super) fn end(&mut self) {
        self.broken = false;
    }

    /// Encodes a call for the next [`Self::flush`] and returns its serial.
    pub(super) fn enqueue(&mut self, call: &Call<'_>) -> Result<u32, CallError> {
        let serial = self
            .last_serial
            .checked_add(1)
            .ok_or(CallError::NotSent("four billion calls on one connection"))?;
        call.encode(&mut self.outbox, serial, self.destination)?;
        self.last_serial = serial;
        Ok(serial)
    }

    /// Writes as much as the socket takes now.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        while !self.outbox.is_empty() {
            let Some(written) = self.socket.write(&self.outbox)? else { break };
            self.outbox.drain(..written);
        }
        Ok(())
    }

    fn flush_all(&mut self, waiting_for: impl Fn() -> String) -> Result<(), Error> {
        self.flush()?;
        while !self.outbox.is_empty() {
            self.socket.wait(true, &waiting_for)?;
            self.flush()?;
        }
        Ok(())
    }

    /// The next reply in the inbox; signals and calls to us are passed over.
    pub(super) fn next_answer(&mut self) -> Result<Option<Answer>, Error> {
        while let Some(range) = self.inbox.take_message()? {
            let start = range.start;
            let frame = Frame::parse(self.inbox.bytes(range))?;
            if let Kind::Return(serial) | Kind::Error(serial, _) = frame.kind {
                return Ok(Some(Answer { serial, start, frame }));
            }
        }
        Ok(None)
    }

    /// The reply itself, or the peer's error in its place.
    pub(super) fn open_answer(&self, answer: &Answer) -> Result<Reply<'_>, CallError> {
        let bytes = |range: &Range<usize>| {
            self.inbox.bytes(answer.start + range.start..answer.start + range.end)
        };
        // Both were checked to be UTF-8 when the frame was parsed.
        let text = |range| str::from_utf8(bytes(range)).unwrap_or_default();
        let (signature, body) = (text(&answer.frame.signature), bytes(&answer.frame.body));
        let reply = Reply { signature, body, endian: answer.frame.endian };
        match &answer.frame.kind {
            Kind::Error(_, name) => Err(CallError::Reply {
                name: text(name).to_owned(),
                message: reply.first_text().unwrap_or_default().to_owned(),
            }),
            Kind::Return(_) | Kind::Other => Ok(reply),
        }
    }

    /// Lets replies gather for `pause`, unless the deadline is nearer.
    pub(super) fn gather(&self, pause: Duration) {
        self.socket.pause(pause);
    }

    /// Waits for more bytes and reads them, or for room to write.
    pub(super) fn receive(&mut self, waiting_for: impl Fn() -> String) -> Result<(), Error> {
        self.socket.check(&waiting_for)?;
        match self.inbox.fill(&self.socket)? {
            None => self.socket.wait(!self.outbox.is_empty(), &waiting_for),
            Some(0) => Err(Error::Closed { waiting_for: waiting_for() }),
            Some(_) => Ok(()),
        }
    }
}

/// Said of a reply whose serial is of no call in flight.
pub(super) const UNASKED: &str = "a reply to a call that was not made";

//! A peer on a socket whose every byte the test decides. Its encoder is zbus's, not ours.

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde::Serialize;
use sysdiag_sources::dbus::{Address, Connection, Error, Peer};
use tempfile::TempDir;
use zbus::{
    Signature, Type, Variant,
    wire::{LE, serialized::Context, to_bytes},
};

/// A socket in a folder of its own, and its address.
pub(crate) fn socket() -> (TempDir, UnixListener, Address) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("private");
    let listener = UnixListener::bind(&socket).unwrap();
    (folder, listener, Address { socket, peer: Peer::Private })
}

/// Far beyond what any passing test takes.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// What the peer has of our messages.
pub(crate) struct Served {
    pub(crate) stream: UnixStream,
    pending: Vec<u8>,
    /// The whole message of the call last taken.
    pub(crate) last_call: Vec<u8>,
}

/// Runs `script` as the peer, after authentication and the first call were answered.
pub(crate) fn with_peer<R>(
    deadline: Instant,
    script: impl FnOnce(&mut Served) + Send + 'static,
    client: impl FnOnce(Result<Connection, Error>) -> R,
) -> R {
    with_raw_peer(
        deadline,
        |served| {
            served.accept();
            let ping = served.call();
            served.send(&reply(ping, &[]));
            script(served);
        },
        client,
    )
}

/// Runs `script` as the peer from the first byte on.
pub(crate) fn with_raw_peer<R>(
    deadline: Instant,
    script: impl FnOnce(&mut Served) + Send + 'static,
    client: impl FnOnce(Result<Connection, Error>) -> R,
) -> R {
    let (_folder, listener, address) = socket();
    with_peer_at(listener, &address, deadline, script, client)
}

/// Runs `script` as the peer at an address of any kind.
pub(crate) fn with_peer_at<R>(
    listener: UnixListener,
    address: &Address,
    deadline: Instant,
    script: impl FnOnce(&mut Served) + Send + 'static,
    client: impl FnOnce(Result<Connection, Error>) -> R,
) -> R {
    let peer: JoinHandle<()> = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        script(&mut Served { stream, pending: Vec::new(), last_call: Vec::new() });
    });
    let result = client(Connection::open(address, deadline));
    peer.join().expect("the peer's own checks");
    result
}

impl Served {
    /// Lets the client in, by the book.
    pub(crate) fn accept(&mut self) {
        let line = self.line();
        assert!(line.starts_with(b"\0AUTH EXTERNAL 3"), "{line:?}");
        self.send(b"OK 0123456789abcdef0123456789abcdef\r\n");
        assert_eq!(self.line(), b"BEGIN\r\n");
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn read_more(&mut self) -> usize {
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer).unwrap();
        self.pending.extend(&buffer[..read]);
        read
    }

    pub(crate) fn line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\r\n") {
                return self.pending.drain(..end + 2).collect();
            }
            assert_ne!(self.read_more(), 0, "the client hung up");
        }
    }

    /// Takes the next call and returns its serial.
    pub(crate) fn call(&mut self) -> u32 {
        loop {
            if let Some(call) = self.pending_call() {
                return call;
            }
            assert_ne!(self.read_more(), 0, "the client hung up");
        }
    }

    /// Reads until the client hangs up: it got what it came for, or gave up.
    pub(crate) fn drain(&mut self) {
        // A reset is a hang-up with our bytes unread.
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// Whether the client sends no other call for a moment.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut byte = [0];
        let quiet = self.pending.is_empty() && self.stream.read(&mut byte).is_err();
        self.stream.set_read_timeout(None).unwrap();
        quiet
    }

    fn pending_call(&mut self) -> Option<u32> {
        let word = |at: usize| {
            let bytes = self.pending.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().unwrap()))
        };
        let (body, serial, fields) = (word(4)?, word(8)?, word(12)?);
        let len = 16 + (fields as usize).next_multiple_of(8) + body as usize;
        (self.pending.len() >= len).then(|| {
            self.last_call = self.pending.drain(..len).collect();
            serial
        })
    }
}

/// A reply without a value, with header fields besides its serial.
pub(crate) fn reply(to: u32, fields: &[(u8, Variant<'_>)]) -> Vec<u8> {
    message(2, to, fields, None::<&u8>)
}

/// A reply with a value.
pub(crate) fn reply_with<T: Serialize + Type>(to: u32, body: &T) -> Vec<u8> {
    message(2, to, &[], Some(body))
}

/// A message of type `kind`: 2 reply, 3 error, 4 signal.
pub(crate) fn message<T: Serialize + Type>(
    kind: u8,
    to: u32,
    extra: &[(u8, Variant<'_>)],
    body: Option<&T>,
) -> Vec<u8> {
    let context = Context::new(LE, 0);
    let mut fields = Vec::new();
    if kind != 4 {
        fields.push((5u8, Variant::from(to)));
    }
    fields.extend(extra.iter().map(|(code, value)| (*code, value.try_clone().unwrap())));
    let body = body.map_or_else(Vec::new, |body| {
        fields.push((8, Variant::from(Signature::clone(T::SIGNATURE))));
        to_bytes(context, body).unwrap().bytes().to_vec()
    });
    let length = u32::try_from(body.len()).unwrap();
    let header = (b'l', kind, 1u8, 1u8, length, 77u32, fields);
    let mut bytes = to_bytes(context, &header).unwrap().bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(body);
    bytes
}

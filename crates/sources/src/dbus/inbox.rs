//! The read buffer: one allocation that all messages pass through.

use std::ops::Range;

use super::{
    error::{Error, Malformed},
    message,
    socket::Socket,
};

/// Enough for the replies of a whole window of `Get`s, so that one read takes them all.
const INITIAL: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    /// What has been read and not yet taken.
    held: Range<usize>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; INITIAL], held: 0..0 }
    }

    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    fn held(&self) -> &[u8] {
        self.bytes(self.held.clone())
    }

    /// Takes one line of the authentication, without its CR LF.
    pub(super) fn take_line(&mut self) -> Result<Option<Range<usize>>, Error> {
        /// Servers send a 32-digit id, or a list of mechanisms.
        const MAX_LINE: usize = 4096;
        let line = self.held().windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n");
        match line {
            Some(len) => {
                let start = self.held.start;
                self.held.start += len + 2;
                Ok(Some(start..start + len))
            }
            None if self.held.len() > MAX_LINE => {
                Err(Malformed::new("an endless line instead of authentication").into())
            }
            None => Ok(None),
        }
    }

    /// Takes one whole message if it is here. Its bytes stay until the next [`Self::fill`].
    pub(super) fn take_message(&mut self) -> Result<Option<Range<usize>>, Error> {
        let Some(len) = message::length(self.held())? else {
            return Ok(None);
        };
        if self.held.len() < len {
            return Ok(None);
        }
        let start = self.held.start;
        self.held.start += len;
        Ok(Some(start..start + len))
    }

    /// Reads what the socket has; `None` if it has nothing, 0 if it never will.
    ///
    /// The buffer grows only as bytes arrive, never on the word of a length field.
    pub(super) fn fill(&mut self, socket: &Socket) -> Result<Option<usize>, Error> {
        if self.held.start > 0 {
            self.buffer.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
        }
        if self.held.end == self.buffer.len() {
            // Messages are bounded, and so is this: twice the largest.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = self.buffer.get_mut(self.held.end..).unwrap_or_default();
        let read = socket.read(room)?;
        self.held.end += read.unwrap_or(0);
        Ok(read)
    }
}

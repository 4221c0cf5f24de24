//! SASL EXTERNAL: who we are is what the kernel says of our end of the socket.
//!
//! "Authentication Protocol" of the D-Bus specification. File descriptors are not negotiated, so
//! the peer may send none.

use std::fmt::Write;

use super::error::Error;

/// The first bytes on the socket: the NUL that carries credentials, and the user id as decimal
/// digits, each in hexadecimal.
pub(super) fn greeting(uid: u32) -> Vec<u8> {
    let mut line = String::from("\0AUTH EXTERNAL ");
    for digit in uid.to_string().bytes() {
        // Writing to a String cannot fail.
        let _ = write!(line, "{digit:02x}");
    }
    line.push_str("\r\n");
    line.into_bytes()
}

/// Whether the line that answers the greeting accepts us.
pub(super) fn check(answer: &[u8]) -> Result<(), Error> {
    if answer == b"OK" || answer.starts_with(b"OK ") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(answer);
    Err(Error::Rejected { answer: text.chars().take(80).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_ids_are_hex_of_their_digits() {
        assert_eq!(greeting(0), b"\0AUTH EXTERNAL 30\r\n");
        assert_eq!(greeting(65534), b"\0AUTH EXTERNAL 3635353334\r\n");
    }

    #[test]
    fn only_ok_is_ok() {
        check(b"OK 1234deadbeef").unwrap();
        for bad in [&b"REJECTED EXTERNAL"[..], b"ERROR", b"", b"OKAY", b"\xff\xff"] {
            assert!(matches!(check(bad), Err(Error::Rejected { .. })));
        }
    }
}

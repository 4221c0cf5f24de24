//! The password in `scheme://user:password@host`, RFC 3986 section 3.2.1.

use std::ops::Range;

use super::run;

/// A user name without a password that is this long is a token.
const TOKEN: usize = 20;

/// The secret in the authority that begins at `start`.
pub(super) fn credentials(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let whole = run(bytes, start, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`')
    });
    let strict = run(bytes, start, |byte| !matches!(byte, b'/' | b'?' | b'#')).min(whole);
    let at = last_at(bytes, start, strict).or_else(|| {
        // A password with a slash that should have been escaped; a port is digits only.
        let colon = find(bytes, start, strict, b':')?;
        let port = bytes.get(colon + 1..strict)?;
        if port.iter().all(u8::is_ascii_digit) { None } else { last_at(bytes, start, whole) }
    })?;
    match find(bytes, start, at, b':') {
        Some(colon) => (colon + 1 < at).then_some(colon + 1..at),
        None => (at - start >= TOKEN).then_some(start..at),
    }
}

fn find(bytes: &[u8], from: usize, to: usize, what: u8) -> Option<usize> {
    let found = bytes.get(from..to)?.iter().position(|byte| *byte == what)?;
    Some(from + found)
}

fn last_at(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let found = bytes.get(from..to)?.iter().rposition(|byte| *byte == b'@')?;
    Some(from + found)
}

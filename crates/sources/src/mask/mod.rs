//! Secrets in log lines, command lines and properties, replaced before anything is stored.
//!
//! A scanner by hand, one pass over the bytes: it knows values by their key (`password=`), by the
//! place they stand at (`user:pass@` in a URL, `Authorization:`) and by their own shape (JSON web
//! tokens, access keys, private keys). It rather masks too much than too little, and still cannot
//! know a secret that looks like any other word: a capture is to be looked at before it is sent.

mod args;
mod keyed;
mod shape;
mod trace;
mod url;

use std::borrow::Cow;
use std::ops::Range;

pub use args::mask_args;
pub use trace::{mask_program, mask_trace};

/// What stands in the place of a secret.
pub const MASKED: &str = "[masked]";

/// `text` with its secrets replaced. Masking a second time changes nothing.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let mut done = 0;
    while let Some(secret) = next_secret(bytes, done) {
        // Secrets begin and end beside ASCII characters, so these are always whole characters.
        let (Some(before), false) = (text.get(done..secret.start), secret.is_empty()) else {
            break;
        };
        masked.push_str(before);
        masked.push_str(MASKED);
        done = secret.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(masked)
}

/// The first secret that begins at `from` or later. Nothing before `from` is looked at.
fn next_secret(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut word_before = false;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        let found = match byte {
            b':' if starts(bytes, at, b"://") => url::credentials(bytes, at + 3),
            b'=' | b':' => keyed::value(bytes, from, at),
            b'-' if !word_before => {
                shape::private_key(bytes, at).or_else(|| keyed::option(bytes, at))
            }
            b'A' | b'B' | b'b' | b'd' | b'e' | b'g' | b'h' | b'n' | b's' | b'x' if !word_before => {
                shape::token(bytes, at)
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        word_before = is_word(*byte);
    }
    None
}

/// Whether `what` stands at `at`.
fn starts(bytes: &[u8], at: usize, what: &[u8]) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(what))
}

/// The end of the run of bytes from `at` on that `inside` holds for.
fn run(bytes: &[u8], at: usize, inside: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| inside(**byte)).count()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests;

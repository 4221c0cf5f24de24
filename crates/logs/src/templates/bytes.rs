//! Kinds of bytes, and what short pieces of text look like.

use super::names::is_unit;

pub(super) const SPACE: u8 = 1;
pub(super) const MARK: u8 = 2;
pub(super) const DIGIT: u8 = 4;
pub(super) const LETTER: u8 = 8;
pub(super) const HEX: u8 = 16;
/// Ends a value that began outside quotes.
pub(super) const STOP: u8 = 32;

const CLASS: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled; the index is below 256")]
const fn classes() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let c = byte as u8;
        if c <= 32 || c == 127 {
            table[byte] = SPACE | STOP;
        } else if c.is_ascii_digit() {
            table[byte] = DIGIT | HEX;
        } else if c.is_ascii_hexdigit() {
            table[byte] = LETTER | HEX;
        } else if c.is_ascii_alphabetic() || c >= 128 {
            table[byte] = LETTER;
        } else if matches!(c, b'=' | b':' | b'!' | b'?') {
            table[byte] = MARK;
        } else if matches!(
            c,
            b',' | b';'
                | b'('
                | b')'
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'<'
                | b'>'
                | b'"'
                | b'\''
                | b'`'
                | b'|'
        ) {
            table[byte] = MARK | STOP;
        }
        byte += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
#[inline]
pub(super) fn class(byte: u8) -> u8 {
    CLASS[byte as usize]
}

/// The class of the byte there; the end of the message is a space.
#[inline]
pub(super) fn class_at(text: &[u8], at: usize) -> u8 {
    text.get(at).map_or(SPACE | STOP, |byte| class(*byte))
}

pub(super) fn is_number(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'~' | b'#'))
}

/// `12ms`, `4kB`, `1.5s`
pub(super) fn number_with_unit(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    digits > 0 && text.get(digits..).is_some_and(|unit| !unit.is_empty() && is_unit(unit))
}

pub(super) fn is_mail(text: &[u8]) -> bool {
    text.iter()
        .position(|byte| *byte == b'@')
        .is_some_and(|at| at > 0 && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric))
}

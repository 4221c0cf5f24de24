//! Secrets that look like nothing else, whatever stands before them.

use std::ops::Range;

use super::{is_word, run, starts};

/// Beginnings of tokens and how many characters follow at least. Published by their makers so that
/// scanners can find them.
const PREFIXES: [(&[u8], usize); 15] = [
    (b"AIza", 30),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghs_", 20),
    (b"ghu_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"hvs.", 20),
    (b"npm_", 30),
    (b"dop_v1_", 30),
    (b"sk-", 20),
];

/// A token at `at`, where a word begins.
pub(super) fn token(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    prefixed(bytes, at)
        .or_else(|| aws_key(bytes, at))
        .or_else(|| json_web_token(bytes, at))
        .or_else(|| bearer(bytes, at))
}

fn prefixed(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let (prefix, least) = PREFIXES.iter().find(|(prefix, _)| starts(bytes, at, prefix))?;
    let start = at + prefix.len();
    let end = run(bytes, start, is_word);
    let digits = bytes.get(start..end)?.iter().any(u8::is_ascii_digit);
    (end - start >= *least && digits).then_some(at..end)
}

/// Access key ids of AWS: `AKIA` or `ASIA` and sixteen capitals and digits.
fn aws_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !starts(bytes, at, b"AKIA") && !starts(bytes, at, b"ASIA") {
        return None;
    }
    let end = run(bytes, at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (end - at >= 20).then_some(at..end)
}

/// Three parts in base64url, the first of which is a JSON object: `eyJ` is `{"`.
fn json_web_token(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !starts(bytes, at, b"eyJ") {
        return None;
    }
    let head = run(bytes, at, is_word);
    if head - at < 10 || !starts(bytes, head, b".") {
        return None;
    }
    let body = run(bytes, head + 1, is_word);
    if body - head <= 10 {
        return None;
    }
    let end = if starts(bytes, body, b".") { run(bytes, body + 1, is_word) } else { body };
    Some(at..end)
}

/// `Bearer x` without a header's name, if x does not look like a word.
fn bearer(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !bytes.get(at..at + 7)?.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    let start = at + 7;
    let end =
        run(bytes, start, |byte| is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'='));
    let token = bytes.get(start..end)?;
    let odd = token.iter().any(|byte| !byte.is_ascii_alphabetic());
    (token.len() >= 20 || (token.len() >= 8 && odd)).then_some(start..end)
}

/// `-----BEGIN ... PRIVATE KEY-----` to its end, else to the end of the text.
pub(super) fn private_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const END: &[u8] = b"-----END ";
    if !starts(bytes, at, b"-----BEGIN ") {
        return None;
    }
    let label = at + 11;
    let end = run(bytes, label, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let name = bytes.get(label..end)?;
    if !name.ends_with(b"PRIVATE KEY") && !name.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body = bytes.get(end..)?;
    let Some(last) = body.windows(END.len()).position(|window| window == END) else {
        return Some(at..bytes.len());
    };
    let label = end + last + END.len();
    let end = run(bytes, label, |byte| byte.is_ascii_alphanumeric() || byte == b' ');
    Some(at..run(bytes, end, |byte| byte == b'-'))
}

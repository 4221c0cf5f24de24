//! Secrets that a key announces: `password=x`, `"token": "x"`, `--secret x`, `Authorization: x`.

use std::ops::Range;

use super::{is_word, run, starts};

/// Longer words are no keys.
const MAX_KEY: usize = 64;
/// How keys of secrets end, in lower case and without separators.
const ENDINGS: [&[u8]; 17] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"passcode",
    b"token",
    b"secret",
    b"apikey",
    b"secretkey",
    b"secretkeybase",
    b"accesskey",
    b"privatekey",
    b"encryptionkey",
    b"masterkey",
    b"authkey",
    b"credential",
    b"credentials",
    b"amzsignature",
];
/// The last part of a key that is one of these, by itself, too.
const LAST_PARTS: [&[u8]; 3] = [b"pass", b"psk", b"pwd"];
/// First words of an `Authorization` header, `https://www.iana.org/assignments/http-authschemes`.
const SCHEMES: [&[u8]; 8] = [
    b"bearer",
    b"basic",
    b"digest",
    b"token",
    b"negotiate",
    b"ntlm",
    b"apikey",
    b"aws4-hmac-sha256",
];

/// Texts of the errors that programs meet when they look for credentials, `errno(3)`.
const REASONS: [&[u8]; 20] = [
    b"Bad file descriptor",
    b"Connection refused",
    b"Connection reset",
    b"Connection timed out",
    b"File exists",
    b"Host is down",
    b"Input/output error",
    b"Invalid argument",
    b"Is a directory",
    b"Key has been revoked",
    b"Key has expired",
    b"Network is unreachable",
    b"No data available",
    b"No route to host",
    b"No space left on device",
    b"No such ",
    b"Not a directory",
    b"Operation not permitted",
    b"Permission denied",
    b"Required key not available",
];

/// What kind of value follows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One word, or what is in quotes.
    Word,
    /// A header that goes to the end of its line.
    Header,
}

/// The secret behind the `=` or `:` at `separator`, if a key of one stands before it, not
/// reaching back before `from`.
pub(super) fn value(bytes: &[u8], from: usize, separator: usize) -> Option<Range<usize>> {
    let sign = *bytes.get(separator)?;
    let next = bytes.get(separator + 1).copied();
    // `==`, `:=` (its equals sign comes next) and `::` assign nothing.
    if next == Some(b'=') || (sign == b':' && next == Some(b':')) {
        return None;
    }
    let before = bytes.get(from..separator)?;
    let (key, spaced) = key_before(before, sign)?;
    let kind = kind_of(key)?;
    let mut start = separator + 1;
    if sign == b'=' && next == Some(b'>') {
        start += 1;
    }
    if sign == b':' || spaced || start > separator + 1 {
        start = run(bytes, start, is_blank);
    }
    match kind {
        Kind::Word if sign == b':' && is_reason(bytes.get(start..)?) => None,
        Kind::Word => word(bytes, start),
        Kind::Header => header(bytes, start),
    }
}

/// Whether what follows is no secret but why something failed, as `strerror(3)` says it:
/// "Failed to determine user credentials: No such process" is how systemd reports a missing user.
fn is_reason(text: &[u8]) -> bool {
    REASONS.iter().any(|reason| starts(text, 0, reason))
}

/// The secret behind `--password ` or `-token ` at `dash`.
pub(super) fn option(bytes: &[u8], dash: usize) -> Option<Range<usize>> {
    let start = run(bytes, dash, |byte| byte == b'-');
    let end = run(bytes, start, is_key);
    if !is_secret_key(bytes.get(start..end)?) {
        return None;
    }
    let value = run(bytes, end, is_blank);
    // `--password --verbose` asks for it; at the end of the text there is none.
    if value == end || starts(bytes, value, b"-") {
        return None;
    }
    word(bytes, value)
}

/// Whether a key or an option of this name holds a secret.
pub(super) fn is_secret_key(key: &[u8]) -> bool {
    kind_of(key) == Some(Kind::Word)
}

/// The key at the end of `before`, and whether it stood apart from the sign: then the value may, too.
fn key_before(before: &[u8], sign: u8) -> Option<(&[u8], bool)> {
    let trimmed = before.trim_ascii_end();
    let trimmed = match sign {
        b'=' => trimmed.strip_suffix(b":").unwrap_or(trimmed).trim_ascii_end(),
        _ => trimmed,
    };
    let spaced = trimmed.len() < before.len();
    // A quoted key, and one of JSON within JSON.
    let trimmed = match trimmed {
        [key @ .., b'\\', b'"'] | [key @ .., b'"' | b'\'' | b'`'] | key => key,
    };
    let length = trimmed.iter().rev().take(MAX_KEY + 1).take_while(|byte| is_key(**byte)).count();
    if length == 0 || length > MAX_KEY {
        return None;
    }
    Some((trimmed.get(trimmed.len() - length..)?, spaced))
}

fn kind_of(key: &[u8]) -> Option<Kind> {
    let mut plain = [0; MAX_KEY];
    let mut length = 0;
    for (to, byte) in plain.iter_mut().zip(key.iter().filter(|byte| byte.is_ascii_alphanumeric())) {
        *to = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = plain.get(..length)?;
    if plain.ends_with(b"authorization") || plain == b"cookie" || plain == b"setcookie" {
        return Some(Kind::Header);
    }
    // `password2`; `--no-password` is a switch; PWD is the working directory.
    let digits = plain.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let plain = plain.get(..length - digits)?;
    if key.starts_with(b"no-") || plain == b"pwd" || plain == b"oldpwd" {
        return None;
    }
    let last = key.rsplit(|byte| !byte.is_ascii_alphanumeric()).next()?;
    let secret = ENDINGS.iter().any(|ending| plain.ends_with(ending))
        || LAST_PARTS.iter().any(|part| last.eq_ignore_ascii_case(part));
    secret.then_some(Kind::Word)
}

/// A word, or what stands in quotes, at `start`.
pub(super) fn word(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let range = match bytes.get(start)? {
        b'\\' if starts(bytes, start, b"\\\"") => {
            let inner = bytes.get(start + 2..)?;
            let end = inner.windows(2).position(|pair| pair == b"\\\"").unwrap_or(inner.len());
            start + 2..start + 2 + end
        }
        quote @ (b'"' | b'\'' | b'`') => start + 1..closing(bytes, start + 1, *quote),
        _ => start..run(bytes, start, |byte| !byte.is_ascii_whitespace()),
    };
    (!range.is_empty()).then_some(range)
}

/// Where the quote closes, else the end of the text.
fn closing(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut escaped = false;
    let rest = bytes.iter().skip(from);
    let inside = rest.take_while(|byte| {
        let ends = **byte == quote && !escaped;
        escaped = **byte == b'\\' && !escaped;
        !ends
    });
    from + inside.count()
}

/// The rest of a header, without the name of the scheme.
fn header(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let start = match bytes.get(start) {
        Some(b'"' | b'\'') => start + 1,
        _ => start,
    };
    let end = run(bytes, start, |byte| !matches!(byte, b'"' | b'\'' | b'\n' | b'\r'));
    let scheme = run(bytes, start, is_word);
    let credentials = run(bytes, scheme, is_blank);
    let known = bytes
        .get(start..scheme)
        .is_some_and(|word| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)));
    let start =
        if known && scheme < credentials && credentials < end { credentials } else { start };
    (start < end).then_some(start..end)
}

const fn is_key(byte: u8) -> bool {
    is_word(byte) || byte == b'.'
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

//! The words and numbers that kernel files are made of. Nothing here panics or guesses: what is
//! not a number is `None`.

/// Lines that are not empty.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Words between blanks.
pub(crate) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

/// The part before the first `separator` and the part after it.
pub(crate) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at.saturating_add(1)..)?))
}

/// Decimal digits that fit in 64 bits; no sign, no blanks.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// As [`number`], where fewer bits are enough.
pub(crate) fn small(digits: &[u8]) -> Option<u32> {
    number(digits).and_then(|value| u32::try_from(value).ok())
}

/// Digits with at most one point: `0.42`.
pub(crate) fn decimal(field: &[u8]) -> Option<f64> {
    if !field.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The only word of a file of one value: `memory.current`, `/proc/sys/kernel/hostname`.
pub(crate) fn single(bytes: &[u8]) -> Option<&[u8]> {
    let word = bytes.trim_ascii();
    (!word.is_empty()).then_some(word)
}

/// Text as it is; what is not UTF-8 becomes U+FFFD.
pub(crate) fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"0"), Some(0));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for wrong in [&b""[..], b"-1", b"+1", b" 1", b"1 ", b"max", b"18446744073709551616"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
        assert_eq!(small(b"4294967296"), None);
    }

    #[test]
    fn decimals_are_plain() {
        assert_eq!(decimal(b"12.50"), Some(12.5));
        for wrong in [&b""[..], b".", b"nan", b"inf", b"1e9", b"-1.0", b"1.2.3"] {
            assert_eq!(decimal(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_back(value: u64) {
            prop_assert_eq!(number(value.to_string().as_bytes()), Some(value));
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = (number(&bytes), decimal(&bytes), single(&bytes), string(&bytes));
            let _ = lines(&bytes).flat_map(fields).count();
            let _ = split_once(&bytes, b'=');
        }
    }
}

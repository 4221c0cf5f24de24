//! Text from a log as values of bounded length: logs are written by anyone.

/// Longest value taken out of a message, and longest key, in bytes.
pub(crate) const MOST_VALUE: usize = 256;

/// The beginning of `bytes` as text of at most `limit` bytes, bytes that are no UTF-8 replaced.
/// Control characters stay: what prints a value escapes it.
pub(crate) fn text(bytes: &[u8], limit: usize) -> String {
    let kept = bytes.get(..limit.saturating_add(4)).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(kept).into_owned();
    cut(&mut text, limit);
    text
}

/// Shortens `text` to at most `limit` bytes, whole characters; an ellipsis says that there was more.
pub(crate) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(text(b"abc", 6), "abc");
        assert_eq!(text("äöüä".as_bytes(), 6), "ä…");
        assert!(text(&[0xff; 5000], 256).len() <= 256);
        assert_eq!(text(b"a\xffb\x1b", 10), "a\u{fffd}b\u{1b}");
    }
}

//! An entry as a line of a report: bounded, secrets masked.
//!
//! Control characters stay as they are: what prints a line escapes it.

use sysdiag_model::snapshot::LogLine;

use super::reader::Entry;
use crate::mask::mask_text;

/// Longest message kept, in bytes.
pub(super) const MAX_MESSAGE: usize = 2048;
/// As much of a message is looked at for secrets; none is kept that was not looked at.
const MAX_LOOKED_AT: usize = 2 * MAX_MESSAGE;
/// Longest identifier kept, in bytes.
const MAX_IDENTIFIER: usize = 256;

/// Names of the priorities, `syslog(3)`.
const LEVELS: [&str; 8] = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"];

/// The line of an entry; none if it has no `MESSAGE`, as `journalctl` does.
pub(super) fn line(entry: &Entry<'_>) -> Option<LogLine> {
    Some(LogLine {
        time: entry.time(),
        level: priority(entry).and_then(level),
        identifier: identifier(entry),
        pid: entry.text("_PID").and_then(|pid| pid.parse().ok()),
        message: message(entry.bytes("MESSAGE")?),
        cursor: Some(entry.cursor()),
        errno: entry.text("ERRNO").and_then(|errno| errno.parse().ok()).filter(|errno| *errno > 0),
    })
}

/// The name of a priority, 0..=7.
pub(super) fn level(priority: u8) -> Option<String> {
    LEVELS.get(usize::from(priority)).map(|level| (*level).to_owned())
}

/// `PRIORITY`, 0..=7.
pub(super) fn priority(entry: &Entry<'_>) -> Option<u8> {
    entry.text("PRIORITY")?.parse().ok().filter(|priority| *priority <= 7)
}

/// `SYSLOG_IDENTIFIER`, else `_COMM`.
pub(super) fn identifier(entry: &Entry<'_>) -> Option<String> {
    let name = entry.bytes("SYSLOG_IDENTIFIER").or_else(|| entry.bytes("_COMM"))?;
    Some(cut(&lossy(name, MAX_IDENTIFIER), MAX_IDENTIFIER))
}

/// A message as text, bounded, secrets masked.
pub(super) fn message(bytes: &[u8]) -> String {
    let text = lossy(bytes, MAX_LOOKED_AT);
    let masked = cut(&mask_text(&text), MAX_MESSAGE);
    // Cut before it was masked, and shorter for it.
    if bytes.len() > MAX_LOOKED_AT && !masked.ends_with('…') { masked + "…" } else { masked }
}

/// The beginning of `bytes` as text, bytes that are no UTF-8 replaced.
pub(super) fn lossy(bytes: &[u8], limit: usize) -> String {
    let kept = bytes.get(..limit).unwrap_or(bytes);
    String::from_utf8_lossy(kept).into_owned()
}

/// At most `limit` bytes of `text`, whole characters; an ellipsis says that there is more.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöüx", 6), "ä…");
        let long = message("ä".repeat(5000).as_bytes());
        assert!(long.len() <= MAX_MESSAGE && long.ends_with("ä…"));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(message(b"a\xffb\x1b[31m\0"), "a\u{fffd}b\u{1b}[31m\0");
    }
}

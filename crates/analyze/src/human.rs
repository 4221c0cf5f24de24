//! Times and names in the sentences of findings and on the terminal.
//!
//! Amounts (bytes, shares, durations) are in [`crate::amount`]; nothing here escapes control
//! characters: a sink does that, for all text alike.

use sysdiag_model::Timestamp;

/// How long ago `then` was, in one word: `34 s ago`, `4 min ago`, `3 d ago`.
///
/// A time after `now` (clocks are set back) is `just now`.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.usec_since(then) / 1_000_000;
    match seconds {
        0 => "just now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// `text` as one word of a shell command: quoted only if it must be.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A `systemctl` command on one unit; a name such as `-.mount` is kept from being an option.
pub fn systemctl(verb: &str, unit: &str) -> String {
    let end_of_options = if unit.starts_with('-') { "-- " } else { "" };
    format!("systemctl {verb} {end_of_options}{}", shell_word(unit))
}

/// The command that shows the last log lines of one unit in this boot.
pub fn journalctl(unit: &str) -> String {
    format!("journalctl -b -n 50 --unit={}", shell_word(unit))
}

/// The first `most` characters, with an ellipsis if some were cut off.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_of_time() {
        let now = Timestamp::from_usec(10_000_000_000_000);
        for (seconds, text) in [
            (0, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (7_200, "2 h ago"),
            (200_000, "2 d ago"),
        ] {
            assert_eq!(ago(now.minus_usec(seconds * 1_000_000), now), text);
        }
        assert_eq!(ago(now.plus_usec(5_000_000), now), "just now");
    }

    #[test]
    fn names_are_safe_in_a_shell() {
        assert_eq!(systemctl("status", "a@b.service"), "systemctl status a@b.service");
        assert_eq!(systemctl("status", "-.mount"), "systemctl status -- -.mount");
        assert_eq!(
            journalctl(r"dev-a\x2db.device"),
            r"journalctl -b -n 50 --unit='dev-a\x2db.device'"
        );
        assert_eq!(shell_word("a'; rm -rf b"), r"'a'\''; rm -rf b'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}

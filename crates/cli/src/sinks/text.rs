//! The one door to the terminal. Text from the host (unit names, log lines, command lines) is
//! hostile: whoever can start a service or write a log line chooses it. Here everything that a
//! terminal would obey or not show becomes visible, and widths are counted in columns.
//!
//! A [`Line`] is the only thing the terminal report writes, and every way to put text into one
//! escapes it: there is no second door.
//!
//! A backslash is not doubled: unit names are full of them (`dev-disk-by\x2duuid`), and they must
//! be pasted as they are. So an escape can be forged as text; it cannot do anything.

use std::fmt::Write as _;
use std::io;

use unicode_width::UnicodeWidthChar;

use super::rich::colors::Role;

/// Marks with no width of their own that may follow one another (accents); more are escaped, so
/// that nobody hides text in them or piles them over other lines.
const MOST_MARKS: usize = 4;

/// What is left out ends with this.
const ELLIPSIS: char = '…';

/// `text` with everything a terminal would obey or not show made visible.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if columns(c) == 0 { marks + 1 } else { 0 };
        if !is_shown(c) || marks > MOST_MARKS {
            escape_char(c, &mut escaped);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn escape_char(c: char, escaped: &mut String) {
    match c {
        '\n' => escaped.push_str("\\n"),
        '\r' => escaped.push_str("\\r"),
        '\t' => escaped.push_str("\\t"),
        // Writing to a String cannot fail.
        c if c.is_ascii() => drop(write!(escaped, "\\x{:02x}", u32::from(c))),
        c => drop(write!(escaped, "\\u{{{:x}}}", u32::from(c))),
    }
}

/// Whether a terminal shows the character instead of obeying or hiding it.
pub(super) fn is_shown(c: char) -> bool {
    !is_obeyed(c) && !is_invisible(c)
}

/// Control characters, C0, DEL and C1, and what reorders or breaks lines.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' // marks of direction
                | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // embeddings, overrides, isolates
                | '\u{2028}' | '\u{2029}' // line and paragraph separators
        )
}

/// Characters without a shape, in which text can be hidden or names made to look alike.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' // soft hyphen
            | '\u{34f}' | '\u{180b}'..='\u{180f}' // joiners and selectors without a shape
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{feff}' // of no width
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' // variation selectors
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' // tags
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' // private use: of any shape
    )
}

/// Columns of one character; East Asian wide ones take two.
fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns of text that is escaped already.
///
/// Characters one by one: terminals disagree about the width of combined emoji, and too much is
/// the side on which a line does not overflow.
fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// One line of the report: pieces of escaped text, each with a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pieces: Vec<(Role, String)>,
    width: usize,
    whole: bool,
}

impl Line {
    /// Empty.
    pub(crate) const fn new() -> Self {
        Self { pieces: Vec::new(), width: 0, whole: false }
    }

    /// With plain text added.
    pub(crate) fn text(self, text: &str) -> Self {
        self.role(Role::Plain, text)
    }

    /// With text of a role added.
    pub(crate) fn role(mut self, role: Role, text: &str) -> Self {
        self.push(role, escape(text));
        self
    }

    /// With another line behind this one.
    pub(crate) fn line(mut self, other: Self) -> Self {
        for (role, text) in other.pieces {
            self.push(role, text);
        }
        self
    }

    /// With blanks up to a column; at least one behind text.
    pub(crate) fn at(mut self, column: usize) -> Self {
        let behind_text = self.pieces.last().is_some_and(|(_, text)| !text.ends_with(' '));
        let blanks = column.saturating_sub(self.width).max(usize::from(behind_text));
        self.push(Role::Plain, " ".repeat(blanks));
        self
    }

    /// With `other` so that it ends at `column`; at least two blanks before it.
    pub(crate) fn right(mut self, other: Self, column: usize) -> Self {
        let blanks = column.saturating_sub(self.width + other.width).max(2);
        self.push(Role::Plain, " ".repeat(blanks));
        self.line(other)
    }

    /// Columns it takes.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Whether nothing is in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Never cut: a command that is to be copied in one piece. The terminal wraps it.
    pub(crate) const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// At most `most` columns wide; what was cut ends with `…`.
    pub(crate) fn cut(self, most: usize) -> Self {
        if self.whole || self.width <= most {
            return self;
        }
        let mut cut = Self::new();
        for (role, text) in self.pieces {
            let room = most.saturating_sub(cut.width + 1);
            if width(&text) <= room {
                cut.push(role, text);
                continue;
            }
            let (mut kept, _) = split(&text, room);
            if most > 0 {
                kept.push(ELLIPSIS);
            }
            cut.push(role, kept);
            break;
        }
        cut
    }

    /// Without styles, for tests and measuring.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Writes it and a line end. Blanks at the end are left out.
    pub(crate) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let last = self.pieces.iter().rposition(|(_, text)| !text.trim_end_matches(' ').is_empty());
        let shown = last.map_or(0, |last| last + 1);
        for (index, (role, text)) in self.pieces.iter().take(shown).enumerate() {
            let end = index + 1 == shown;
            let text = if end { text.trim_end_matches(' ') } else { text.as_str() };
            let style = role.style();
            write!(out, "{style}{text}{style:#}")?;
        }
        out.write_all(b"\n")
    }

    fn push(&mut self, role: Role, escaped: String) {
        if escaped.is_empty() {
            return;
        }
        self.width += width(&escaped);
        match self.pieces.last_mut() {
            Some((last, text)) if *last == role => text.push_str(&escaped),
            _ => self.pieces.push((role, escaped)),
        }
    }
}

/// `text` in lines of at most `room` columns, broken at blanks where there are any.
///
/// At most `most` lines: what is left over is cut with `…`. Always at least one line.
pub(crate) fn wrap(role: Role, text: &str, room: usize, most: usize) -> Vec<Line> {
    let room = room.max(8);
    let mut lines = Vec::new();
    let escaped = escape(text);
    let mut rest = escaped.trim_end_matches(' ');
    while width(rest) > room && lines.len() + 1 < most {
        let (fits, _) = split(rest, room + 1);
        let at = match fits.rfind(' ') {
            Some(blank) if !fits.trim_start_matches(' ').is_empty() && blank > 0 => blank,
            _ => split(rest, room).0.len().max(1),
        };
        let (head, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let head = head.trim_end_matches(' ');
        let mut line = Line::new();
        line.push(role, head.to_owned());
        lines.push(line);
        rest = tail.trim_start_matches(' ');
    }
    let mut last = Line::new();
    last.push(role, rest.to_owned());
    lines.push(last.cut(room));
    lines
}

/// The longest beginning of at most `room` columns, with its marks, and the columns it takes.
fn split(text: &str, room: usize) -> (String, usize) {
    let mut taken = 0;
    let kept = text
        .chars()
        .take_while(|c| {
            taken += columns(*c);
            taken <= room
        })
        .collect::<String>();
    let columns = width(&kept);
    (kept, columns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(
            escape("a\x1b[31mb\x07\r\n\tc\u{7f}\u{9b}"),
            "a\\x1b[31mb\\x07\\r\\n\\tc\\x7f\\u{9b}"
        );
        assert_eq!(escape("evil\u{202e}ecivres."), "evil\\u{202e}ecivres.");
        assert_eq!(escape("ssh\u{200b}d.service"), "ssh\\u{200b}d.service");
        assert_eq!(escape("dev-disk-by\\x2duuid.device"), "dev-disk-by\\x2duuid.device");
        assert_eq!(escape("naïve 統一 🦀 · → │"), "naïve 統一 🦀 · → │");
    }

    #[test]
    fn marks_are_not_piled_up() {
        let piled = format!("a{}", "\u{301}".repeat(9));
        assert_eq!(escape(&piled).matches('\u{301}').count(), MOST_MARKS);
        assert_eq!(escape(&piled).matches("\\u{301}").count(), 9 - MOST_MARKS);
    }

    #[test]
    fn cut_counts_columns() {
        let cut = |text: &str, most| Line::new().text(text).cut(most).plain();
        assert_eq!(cut("統一碼.service", 8), "統一碼.…");
        assert_eq!(cut("統一碼.service", 7), "統一碼…");
        assert_eq!(cut("統一碼.service", 6), "統一…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("abcd", 0), "");
    }

    #[test]
    fn wrap_breaks_at_blanks_and_long_words() {
        let wrap = |text: &str, most| -> Vec<String> {
            wrap(Role::Plain, text, 10, most).iter().map(Line::plain).collect()
        };
        assert_eq!(wrap("the kernel killed it", 9), ["the kernel", "killed it"]);
        assert_eq!(wrap("a-word-that-is-long", 9), ["a-word-tha", "t-is-long"]);
        assert_eq!(wrap("the kernel killed it again", 2), ["the kernel", "killed it…"]);
        assert_eq!(wrap("", 9), [""]);
    }

    #[test]
    fn blanks_at_the_end_are_not_written() {
        let mut out = Vec::new();
        Line::new().text("a").at(9).write(&mut out).unwrap();
        assert_eq!(out, b"a\n");
    }

    proptest! {
        #[test]
        fn nothing_but_visible_characters_and_our_own_styles(text in any::<String>(), most in 0usize..40) {
            let mut out = Vec::new();
            Line::new().role(Role::Critical, &text).cut(most).write(&mut out).unwrap();
            for line in wrap(Role::Plain, &text, most, 3) {
                line.write(&mut out).unwrap();
            }
            let out = anstream::adapter::strip_bytes(&out).into_vec();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(!out.chars().any(|c| c != '\n' && !is_shown(c)));
        }

        #[test]
        fn no_line_is_wider_than_asked(text in any::<String>(), most in 8usize..40) {
            prop_assert!(Line::new().text(&text).cut(most).width() <= most);
            for line in wrap(Role::Plain, &text, most, 3) {
                prop_assert!(line.width() <= most);
                prop_assert_eq!(line.width(), width(&line.plain()));
            }
        }

        #[test]
        fn wrapping_loses_nothing_but_blanks(text in "[a-z統 ]{0,80}") {
            let whole: String = text.split_whitespace().collect();
            let wrapped: String = wrap(Role::Plain, &text, 12, usize::MAX)
                .iter()
                .map(Line::plain)
                .collect::<String>()
                .split_whitespace()
                .collect();
            prop_assert_eq!(whole, wrapped);
        }
    }
}

//! The syntax of unit files, systemd.syntax(7): sections, assignments, comments, continued lines.
//!
//! Nothing is said about what a key means, and no file fails as a whole: what makes no sense is
//! counted by its line and left out.

/// The longest line that systemd reads, continuations taken together.
const MAX_LINE: usize = 1 << 20;
/// The most assignments of one file: fifty times as many as in the longest of Debian's.
const MAX_ENTRIES: usize = 10_000;
/// The most lines that are named as making no sense.
const MAX_BAD: usize = 16;
/// What systemd takes for blanks.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without brackets: `Unit`.
    pub section: String,
    /// Left of the `=`.
    pub key: String,
    /// Right of it, on one line, without blanks at its ends. Empty: the list so far is dropped.
    pub value: String,
    /// Where it begins, from 1.
    pub line: u32,
}

/// A file in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Assignments in the order of the file.
    pub entries: Vec<Entry>,
    /// The first lines that are neither a section, an assignment in one, nor a comment.
    pub bad_lines: Vec<u32>,
    /// There is more than is kept.
    pub cut: bool,
}

/// Takes a unit file apart. What is not UTF-8 becomes U+FFFD.
pub fn parse(bytes: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::default();
    for (line, number) in lines(text.strip_prefix('\u{feff}').unwrap_or(&text)).zip(1..) {
        if !reader.take(line, number) {
            break;
        }
    }
    reader.finish()
}

/// Lines as systemd ends them: by a line feed, a carriage return, both, or a zero byte.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((line, after)) = text.split_once(['\n', '\r', '\0']) else {
            rest = None;
            return (!text.is_empty()).then_some(text);
        };
        let both = text.get(line.len()..).is_some_and(|end| end.starts_with("\r\n"));
        rest = Some(if both { after.strip_prefix('\n').unwrap_or(after) } else { after });
        Some(line)
    })
}

#[derive(Default)]
struct Reader {
    parsed: Parsed,
    section: Option<String>,
    /// What came of a line that is continued, and where it began.
    open: Option<(String, u32)>,
}

impl Reader {
    /// Whether there is room for more.
    fn take(&mut self, line: &str, number: u32) -> bool {
        // A comment is skipped wherever it is, also between the parts of a continued line.
        if line.trim_start_matches(BLANKS).starts_with(['#', ';']) {
            return true;
        }
        let (mut whole, begin) = self.open.take().unwrap_or_else(|| (String::new(), number));
        if whole.len().saturating_add(line.len()) > MAX_LINE {
            self.parsed.cut = true;
            return false;
        }
        whole.push_str(line);
        if is_continued(&whole) {
            whole.pop();
            whole.push(' ');
            self.open = Some((whole, begin));
            return true;
        }
        self.logical(&whole, begin)
    }

    fn finish(mut self) -> Parsed {
        if let Some((whole, begin)) = self.open.take() {
            self.logical(&whole, begin);
        }
        self.parsed
    }

    /// One line that is whole.
    fn logical(&mut self, line: &str, number: u32) -> bool {
        let line = line.trim_matches(BLANKS);
        if line.is_empty() {
            return true;
        }
        if let Some(header) = line.strip_prefix('[') {
            self.section = header.strip_suffix(']').map(str::to_owned);
            if self.section.is_none() {
                self.bad(number);
            }
            return true;
        }
        let assignment = line.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        let (Some(section), Some((key, value))) = (&self.section, assignment) else {
            self.bad(number);
            return true;
        };
        if self.parsed.entries.len() >= MAX_ENTRIES {
            self.parsed.cut = true;
            return false;
        }
        self.parsed.entries.push(Entry {
            section: section.clone(),
            key: key.trim_matches(BLANKS).to_owned(),
            value: value.trim_matches(BLANKS).to_owned(),
            line: number,
        });
        true
    }

    fn bad(&mut self, line: u32) {
        if self.parsed.bad_lines.len() < MAX_BAD {
            self.parsed.bad_lines.push(line);
        }
    }
}

/// Whether a backslash that no other one escapes ends the line.
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Vec<(String, String, String, u32)> {
        let parsed = parse(text.as_bytes());
        let tuple = |entry: Entry| (entry.section, entry.key, entry.value, entry.line);
        parsed.entries.into_iter().map(tuple).collect()
    }

    fn entry(section: &str, key: &str, value: &str, line: u32) -> (String, String, String, u32) {
        (section.to_owned(), key.to_owned(), value.to_owned(), line)
    }

    #[test]
    fn sections_and_assignments() {
        let text = "# by hand\n[Unit]\nDescription = A  b \n\n;old\nAfter=\n[Service]\nExecStart=/bin/a b=c\n";
        let expected = [
            entry("Unit", "Description", "A  b", 3),
            entry("Unit", "After", "", 6),
            entry("Service", "ExecStart", "/bin/a b=c", 8),
        ];
        assert_eq!(entries(text), expected);
        assert_eq!(entries(&text.replace('\n', "\r\n")), expected);
        assert_eq!(entries(&format!("\u{feff}{text}")), expected);
    }

    #[test]
    fn a_line_goes_on_over_comments_and_ends_at_an_empty_one() {
        let text = "[Service]\nExecStart=/bin/a \\\n# not this\n   --b \\\n  ; nor this\n  --c\nType=oneshot \\\n\nUser=d\\\\\nGroup=e\\";
        assert_eq!(
            entries(text),
            [
                entry("Service", "ExecStart", "/bin/a     --b    --c", 2),
                entry("Service", "Type", "oneshot", 7),
                entry("Service", "User", "d\\\\", 9),
                entry("Service", "Group", "e", 10),
            ]
        );
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_line() {
        let parsed =
            parse(b"early=1\n[Unit]\nnonsense\n=x\nAfter=a\n[broken\nlost=1\n[Ok]\nb=c\xff");
        assert_eq!(parsed.bad_lines, [1, 3, 4, 6, 7]);
        let kept: Vec<&str> = parsed.entries.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(kept, ["a", "c\u{fffd}"]);
        assert!(!parsed.cut);
    }

    #[test]
    fn sizes_are_bounded() {
        let many = format!("[Unit]\n{}", "After=a.service\n".repeat(MAX_ENTRIES + 1));
        let parsed = parse(many.as_bytes());
        assert_eq!((parsed.entries.len(), parsed.cut), (MAX_ENTRIES, true));
        let long = format!("[Unit]\nAfter={}\\\nb\nBefore=c\n", "a".repeat(MAX_LINE - 7));
        let parsed = parse(long.as_bytes());
        assert!(parsed.cut && parsed.entries.is_empty());
        assert_eq!(parse("x\n".repeat(100).as_bytes()).bad_lines.len(), MAX_BAD);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_values_are_plain(text in "[\\[\\]a=\\\\#; \n\r\0é]{0,200}") {
            for entry in parse(text.as_bytes()).entries {
                prop_assert!(!entry.key.is_empty() && entry.line > 0);
                prop_assert!(!entry.value.contains(['\n', '\r', '\0']));
            }
        }

        #[test]
        fn any_bytes_will_do(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}

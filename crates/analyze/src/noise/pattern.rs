//! Patterns of unit names, as systemctl takes them: `*`, `?` and `[]` of `glob(7)`, no escapes.

use std::fmt;

/// A pattern that a whole name has to match. Any text is one: a bracket that is not closed stands for
/// itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

/// One part of a pattern, of one character each but for the star.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    One(char),
    Any,
    /// Ranges, and whether a character must lie in none of them.
    Set(Vec<(char, char)>, bool),
    Star,
}

impl Pattern {
    /// The pattern that is written like this.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest: &[char] = &text.chars().collect::<Vec<char>>();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let part = match first {
                '*' => Part::Star,
                '?' => Part::Any,
                '[' => match set(after) {
                    Some((part, left)) => {
                        rest = left;
                        part
                    }
                    None => Part::One('['),
                },
                other => Part::One(*other),
            };
            if part != Part::Star || parts.last() != Some(&Part::Star) {
                parts.push(part);
            }
        }
        Self { text: text.to_owned(), parts }
    }

    /// Whether it matches the whole of `name`. Takes time in proportion to both lengths multiplied, at
    /// most.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.parts.as_slice();
        let mut name = name.chars();
        // Where to go on if what follows the last star does not match.
        let mut after_star: Option<(&[Part], std::str::Chars<'_>)> = None;
        loop {
            match (parts.split_first(), name.clone().next()) {
                (Some((Part::Star, rest)), _) => {
                    parts = rest;
                    after_star = Some((rest, name.clone()));
                }
                (Some((part, rest)), Some(character)) if part.matches(character) => {
                    parts = rest;
                    name.next();
                }
                (None, None) => return true,
                _ => {
                    let Some((rest, from)) = &mut after_star else { return false };
                    // The star takes one character more.
                    if from.next().is_none() {
                        return false;
                    }
                    (parts, name) = (rest, from.clone());
                }
            }
        }
    }

    /// The one name it matches, if it has no `*`, `?` or `[]`.
    pub fn literal(&self) -> Option<String> {
        let one = |part: &Part| match part {
            Part::One(character) => Some(*character),
            Part::Any | Part::Set(..) | Part::Star => None,
        };
        self.parts.iter().map(one).collect()
    }
}

impl Part {
    fn matches(&self, character: char) -> bool {
        match self {
            Self::One(one) => *one == character,
            Self::Any => true,
            Self::Set(ranges, negated) => {
                let inside = ranges.iter().any(|(from, to)| (*from..=*to).contains(&character));
                inside != *negated
            }
            Self::Star => false,
        }
    }
}

/// A set and what follows its closing bracket; `]` as its first character is one of it.
fn set(after: &[char]) -> Option<(Part, &[char])> {
    let (negated, body) = match after.split_first()? {
        ('!' | '^', body) => (true, body),
        _ => (false, after),
    };
    let end = body.iter().skip(1).position(|character| *character == ']')? + 1;
    let (inside, rest) = body.split_at_checked(end)?;
    let mut ranges = Vec::new();
    let mut left = inside;
    while let Some((from, more)) = left.split_first() {
        if let ['-', to, others @ ..] = more {
            ranges.push((*from, *to));
            left = others;
        } else {
            ranges.push((*from, *from));
            left = more;
        }
    }
    Some((Part::Set(ranges, negated), rest.get(1..)?))
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_names_as_systemctl_does() {
        for (pattern, name, matches) in [
            ("a.service", "a.service", true),
            ("a.service", "aa.service", false),
            ("a", "a.service", false),
            ("*", "", true),
            ("*.service", "a.service", true),
            ("*.service", ".service", true),
            ("foo-*.service", "foo-.service", true),
            ("foo-*.service", "foo.service", false),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("get?y@tty[1-3].service", "getty@tty2.service", true),
            ("get?y@tty[1-3].service", "getty@tty4.service", false),
            ("tty[!1-3]", "tty4", true),
            ("tty[!1-3]", "tty1", false),
            ("a[]]b", "a]b", true),
            ("a[b", "a[b", true),
            ("a[b", "ab", false),
            ("[é-ü]", "ö", true),
            ("a?", "aö", true),
            ("run-r*.scope", "run-r0123.scope", true),
            ("/srv/*", "/srv/data", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn a_name_is_told_from_a_pattern() {
        assert_eq!(Pattern::new("a.service").literal().as_deref(), Some("a.service"));
        for pattern in ["a*", "a?", "a[bc]"] {
            assert_eq!(Pattern::new(pattern).literal(), None);
            assert_eq!(Pattern::new(pattern).to_string(), pattern);
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let pattern = Pattern::new(&"*a".repeat(200));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(5_000))));
    }
}

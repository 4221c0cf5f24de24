//! Tells whether two templates that were mined apart from each other are of the same event, also if
//! one of them is more general because more was seen of it.

use super::lexer::{self, Kind};

/// Words that one value of a more general template may stand for.
const WIDE: usize = 4;

/// A template, to be held against others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    words: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Value,
    Mark(Box<str>),
    Word(Box<str>),
}

impl Pattern {
    /// From the text of a template.
    pub fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        lexer::cut(text, &mut pieces);
        let parts: Vec<Part> = pieces
            .iter()
            .map(|piece| match piece.kind {
                Kind::Value => Part::Value,
                Kind::Mark => Part::Mark(piece.text(text).into()),
                Kind::Word => Part::Word(piece.text(text).into()),
            })
            .collect();
        let words = parts.iter().filter(|part| matches!(part, Part::Word(_))).count();
        Self { parts, words }
    }

    /// Its first word or mark. None: it begins with a value, or is empty.
    pub fn first(&self) -> Option<&str> {
        match self.parts.first()? {
            Part::Value => None,
            Part::Mark(text) | Part::Word(text) => Some(text),
        }
    }

    /// Both are of one event: one covers the other, or they are equally long, have two words and
    /// more than half of their words in common, and where they differ one of them has a value.
    pub fn is_same_event(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self) || self.is_beside(other)
    }

    /// It is as general as the other, or more: each of its values may stand for one word or value,
    /// and for up to four if it has two words itself.
    fn covers(&self, other: &Self) -> bool {
        let wide = if self.words >= 2 { WIDE } else { 1 };
        // Offsets in `other` that the parts so far can end at, one bit each: MAX_TOKENS are below 128.
        let mut reached = 1_u128;
        for part in &self.parts {
            let most = if *part == Part::Value { wide } else { 1 };
            let mut next = 0_u128;
            while reached != 0 {
                let at = reached.trailing_zeros();
                reached &= reached - 1;
                for (step, met) in (at + 1..).zip(other.parts.iter().skip(at as usize).take(most)) {
                    let fits = match part {
                        Part::Value => !matches!(met, Part::Mark(_)),
                        same => same == met,
                    };
                    if !fits {
                        break;
                    }
                    next |= 1_u128.checked_shl(step).unwrap_or(0);
                }
            }
            if next == 0 {
                return false;
            }
            reached = next;
        }
        u32::try_from(other.parts.len())
            .is_ok_and(|end| reached.checked_shr(end).is_some_and(|left| left & 1 == 1))
    }

    fn is_beside(&self, other: &Self) -> bool {
        if self.parts.len() != other.parts.len() {
            return false;
        }
        let (mut same, mut differ) = (0, 0);
        for pair in self.parts.iter().zip(&other.parts) {
            match pair {
                (Part::Word(a), Part::Word(b)) if a == b => same += 1,
                (a, b) if a == b => {}
                (Part::Value, Part::Word(_)) | (Part::Word(_), Part::Value) => differ += 1,
                _ => return false,
            }
        }
        same >= 2 && same > differ
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (Pattern::new(a), Pattern::new(b));
        assert_eq!(a.is_same_event(&b), b.is_same_event(&a));
        a.is_same_event(&b)
    }

    #[test]
    fn a_more_general_template_is_of_the_same_event() {
        assert!(same("session opened for user root", "session opened for user <*>"));
        assert!(same(
            "Failed password for <*> port <*>",
            "Failed password for root from <*> port <*>"
        ));
        assert!(same("quota of <*> in <*> is low", "quota of alpha in <*> is low"));
        assert!(same("quota of <*> in beta is low", "quota of alpha in <*> is low"));
    }

    #[test]
    fn another_word_is_another_event() {
        assert!(!same("session opened for user <*>", "session closed for user <*>"));
        assert!(!same("<*>", "disk is full"));
        assert!(!same("error <*>", "error: <*>"));
        assert!(!same("link <*> is up", "link <*> is up again"));
        assert!(!same("a <*>", "<*> b"));
    }
}

//! Values that are told by what stands around them: behind `=`, and in quotes.

use super::bytes::{DIGIT, LETTER, MARK, SPACE, class, class_at, is_number};
use super::lexer::{Kind, Lexer, WILDCARD};

impl Lexer<'_> {
    /// What `=` gives to a name: a value, and so is nothing at all (`ruser= rhost=`).
    pub(super) fn assigned(&mut self) {
        let at = self.at;
        // `==`, `=>`, `!=`, `<=` compare; a name must stand before.
        let named = match self.pieces.as_slice() {
            [.., name, _] => name.kind == Kind::Word || self.byte(usize::from(name.start)) == b']',
            _ => false,
        };
        let after = self.byte(at);
        if !named || matches!(after, b'=' | b'>') {
            return;
        }
        let mut from = at;
        // "a = b" and "a= b", but not "a= b=c".
        let loose = class_at(self.text, at.saturating_sub(2)) & SPACE != 0;
        if loose || class_at(self.text, at) & SPACE != 0 && !self.assigns_next(at) {
            while from < self.text.len() && class_at(self.text, from) & SPACE != 0 {
                from += 1;
            }
        }
        if self.starts_with(from, WILDCARD.as_bytes()) {
            self.spaced = from > at;
            return self.push(Kind::Value, from, from + WILDCARD.len());
        }
        match self.byte(from) {
            b'(' | b'[' | b'{' => {
                if let Some(end) = self.bracketed(from) {
                    self.spaced = from > at;
                    self.push(Kind::Value, from, end);
                }
            }
            b'<' => {}
            quote @ (b'"' | b'\'' | b'`') => {
                if let Some(close) = self.closing(quote, from + 1, 256) {
                    self.spaced = from > at;
                    self.push(Kind::Value, from, close + 1);
                }
            }
            _ => {
                let plain = self.value_end(from);
                if plain == from && loose && from < self.text.len() {
                    return;
                }
                // Rect(0, 0, 8, 8), Token{1 a.b}
                let end = self.bracketed(plain).filter(|_| plain > from).unwrap_or(plain);
                self.spaced = from > at;
                self.push(Kind::Value, from, end);
                if self.text.get(from..end).is_some_and(is_number) {
                    self.number_ended = end;
                }
            }
        }
    }

    /// The next word is a name that `=` stands behind.
    fn assigns_next(&self, mut at: usize) -> bool {
        while at < self.text.len() && class_at(self.text, at) & SPACE != 0 {
            at += 1;
        }
        while class_at(self.text, at) & (SPACE | MARK) == 0 {
            at += 1;
        }
        self.byte(at) == b'='
    }

    /// The end of what is in brackets from here, at most 256 bytes, brackets in it included.
    fn bracketed(&self, from: usize) -> Option<usize> {
        if !matches!(self.byte(from), b'(' | b'[' | b'{') {
            return None;
        }
        let mut depth = 0_u32;
        for (offset, byte) in self.text.get(from..)?.iter().take(256).enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Some(from + offset + 1);
            }
        }
        None
    }

    fn closing(&self, quote: u8, from: usize, most: usize) -> Option<usize> {
        let inside = self.text.get(from..)?;
        let at = inside.iter().take(most).position(|byte| *byte == quote)?;
        Some(from + at)
    }

    /// A quoted word without spaces is a value; quoted sentences are read like any text.
    pub(super) fn quote(&mut self, quote: u8) {
        let at = self.at;
        let touches = at
            .checked_sub(1)
            .is_some_and(|before| class_at(self.text, before) & (LETTER | DIGIT) != 0);
        if touches {
            // "isn't", "users'": part of the word before, or a closing quote.
            if quote == b'\'' && class_at(self.text, at + 1) & LETTER != 0 {
                let mut end = at + 1;
                while class_at(self.text, end) & (LETTER | DIGIT) != 0 {
                    end += 1;
                }
                if let Some(last) = self.pieces.last_mut()
                    && last.kind == Kind::Word
                {
                    last.end = u16::try_from(end).unwrap_or(u16::MAX);
                }
                self.at = end;
                return;
            }
            return self.push(Kind::Mark, at, at + 1);
        }
        let close = if quote == b'`' { b'\'' } else { quote };
        if let Some(end) =
            self.closing(close, at + 1, 128).or_else(|| self.closing(quote, at + 1, 128))
            && self.text.get(at + 1..end).is_some_and(|inside| {
                !inside.is_empty() && inside.iter().all(|byte| class(*byte) & SPACE == 0)
            })
        {
            return self.value(at, end + 1);
        }
        self.push(Kind::Mark, at, at + 1);
    }
}

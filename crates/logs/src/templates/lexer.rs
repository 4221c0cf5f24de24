//! Cuts a message into words, punctuation and values. What is a value in every log is masked here:
//! anything with a digit (numbers, times, addresses, identifiers), hexadecimal, addresses, URLs,
//! paths, mail addresses, what stands after `key=`, single quoted words, quantities with their unit.
//!
//! No regular expressions: one pass over the bytes, and what is looked ahead at is passed over after.
//! Which other words are variable is not known from one message: see `group`.

use super::bytes::{
    DIGIT, HEX, LETTER, MARK, SPACE, STOP, class, class_at, is_mail, is_number, number_with_unit,
};
use super::names::{is_calendar, is_literal, is_name_with_digit, is_unit};

/// Bytes of a message that are looked at; what is behind them does not tell templates apart.
pub(super) const MAX_BYTES: usize = 1024;

/// Tokens of a message that are looked at; `pattern` needs fewer than 128.
pub(super) const MAX_TOKENS: usize = 100;

/// How a masked value is written in a template.
pub(super) const WILDCARD: &str = "<*>";

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A value.
    Value,
    /// Punctuation.
    Mark,
    /// Anything else.
    Word,
}

/// A piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// What it is.
    pub kind: Kind,
    /// White space stands before it.
    pub spaced: bool,
    /// Where it is in the message.
    pub start: u16,
    /// Its end.
    pub end: u16,
}

impl Piece {
    /// What it is in the message that was cut.
    pub(super) fn text(self, message: &str) -> &str {
        message.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}

/// Cuts `message` into `pieces`. Linear in the bytes that are looked at.
pub(super) fn cut(message: &str, pieces: &mut Vec<Piece>) {
    pieces.clear();
    let mut end = message.len().min(MAX_BYTES);
    while !message.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let mut lexer = Lexer {
        text: message.as_bytes().get(..end).unwrap_or_default(),
        at: 0,
        spaced: false,
        number_ended: usize::MAX,
        quantity: None,
        pieces,
    };
    while lexer.at < lexer.text.len() && lexer.pieces.len() < MAX_TOKENS {
        lexer.step();
    }
}

pub(super) struct Lexer<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) spaced: bool,
    /// Where a plain number ended, which a unit may follow.
    pub(super) number_ended: usize,
    /// The last piece that is a number with its unit.
    pub(super) quantity: Option<usize>,
    pub(super) pieces: &'a mut Vec<Piece>,
}

impl Lexer<'_> {
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(b' ')
    }

    pub(super) fn starts_with(&self, at: usize, what: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(what))
    }

    #[expect(clippy::cast_possible_truncation, reason = "offsets are at most MAX_BYTES")]
    pub(super) fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.pieces.push(Piece { kind, spaced: self.spaced, start: start as u16, end: end as u16 });
        self.spaced = false;
        self.at = end;
    }

    fn last_is_value(&self) -> bool {
        !self.spaced && self.pieces.last().is_some_and(|last| last.kind == Kind::Value)
    }

    /// A value up to `end`; joined with a value that it touches, also over one mark: `1,2`, `a:3:4`.
    pub(super) fn value(&mut self, start: usize, end: usize) {
        if !self.spaced {
            if self.last_is_value() {
                self.at = end;
                return;
            }
            if let [.., before, mark] = self.pieces.as_slice()
                && before.kind == Kind::Value
                && mark.kind == Kind::Mark
                && !mark.spaced
                && matches!(self.byte(usize::from(mark.start)), b',' | b':' | b';' | b'|' | b'=')
            {
                self.pieces.pop();
                self.at = end;
                return;
            }
        }
        self.push(Kind::Value, start, end);
    }

    /// The end of a value: the next byte that no value goes on over.
    pub(super) fn value_end(&self, mut at: usize) -> usize {
        while class_at(self.text, at) & STOP == 0 {
            at += 1;
        }
        // What ends a sentence or a clause is not the value's.
        while at > self.at + 1 && matches!(self.byte(at - 1), b'.' | b':' | b'!' | b'?') {
            at -= 1;
        }
        at
    }

    fn step(&mut self) {
        let byte = self.byte(self.at);
        let class = class(byte);
        if class & SPACE != 0 {
            self.spaced = true;
            self.at += 1;
        } else if byte == b'<' && self.starts_with(self.at, WILDCARD.as_bytes()) {
            self.value(self.at, self.at + WILDCARD.len());
        } else if class & MARK != 0 {
            self.mark(byte);
        } else {
            self.chunk();
        }
    }

    fn mark(&mut self, byte: u8) {
        let at = self.at;
        let next = class_at(self.text, at + 1);
        match byte {
            b'"' | b'\'' | b'`' => return self.quote(byte),
            // "<1 sec", ">5": a bound of a number.
            b'<' | b'>' if next & DIGIT != 0 && self.at_start() && !self.closes_angle(at + 1) => {
                self.at += 1;
                return self.chunk();
            }
            // "::1", "::ffff:10.0.0.1"
            b':' if self.at_start()
                && self.byte(at + 1) == b':'
                && class_at(self.text, at + 2) & HEX != 0 =>
            {
                let end = self.value_end(at + 2);
                if self.is_colon_hex(at, end) {
                    return self.value(at, end);
                }
            }
            b')' => {
                self.push(Kind::Mark, at, at + 1);
                return self.fold_restated();
            }
            b'=' => {
                self.push(Kind::Mark, at, at + 1);
                return self.assigned();
            }
            _ => {}
        }
        self.push(Kind::Mark, at, at + 1);
    }

    /// Nothing touches this position from before, but an opening mark.
    fn at_start(&self) -> bool {
        self.spaced
            || self.pieces.last().is_none_or(|last| {
                last.kind == Kind::Mark
                    && matches!(
                        self.byte(usize::from(last.start)),
                        b'(' | b'[' | b'{' | b'<' | b'"' | b'\'' | b'`' | b',' | b'=' | b'|' | b';'
                    )
            })
    }

    fn closes_angle(&self, mut at: usize) -> bool {
        while class_at(self.text, at) & (DIGIT | LETTER) != 0 {
            at += 1;
        }
        self.byte(at) == b'>'
    }

    /// `1165 bytes (1.13 KB)`: the same quantity twice.
    fn fold_restated(&mut self) {
        if let Some(inner) = self.quantity
            && inner + 2 == self.pieces.len()
            && let Some(outer) = inner.checked_sub(2)
            && self.pieces.get(outer).is_some_and(|p| p.kind == Kind::Value)
            && self.pieces.get(inner - 1).is_some_and(|p| self.byte(usize::from(p.start)) == b'(')
        {
            self.pieces.truncate(outer + 1);
            self.quantity = Some(outer);
        }
    }

    fn chunk(&mut self) {
        let start = self.at;
        let mut at = start;
        let mut seen = 0_u8;
        let mut dots = 0_u32;
        let mut special = 0_u8;
        loop {
            let byte = self.byte(at);
            let class = class_at(self.text, at);
            if class & (SPACE | MARK) != 0 {
                break;
            }
            match byte {
                // "enable.......0": dots that lead to another column.
                b'.' if at > start && self.byte(at + 1) == b'.' && self.byte(at - 1) != b'/' => {
                    break;
                }
                b'.' => dots += 1,
                b'@' => special |= 1,
                b'/' => special |= 2,
                b'\\' => special |= 4,
                _ => {}
            }
            seen |= class;
            at += 1;
        }
        // Full stops end sentences; "..." too.
        let mut end = at;
        while end > start && self.byte(end - 1) == b'.' {
            end -= 1;
            dots = dots.saturating_sub(1);
        }
        while self.byte(at) == b'.' {
            at += 1;
        }
        let rest = at;
        if end == start {
            // Only full stops.
            self.at = rest;
            return;
        }
        let text = self.text.get(start..end).unwrap_or_default();
        if self.is_path(text, special)
            || self.starts_with(rest, b"://")
            || self.is_drive(text, rest)
        {
            let end = self.value_end(rest);
            return self.value(start, end);
        }
        if seen & (LETTER | DIGIT) == 0 {
            // "->", "***"; a dash by itself stands for a value that is not there.
            return self.push(if text == b"-" { Kind::Word } else { Kind::Mark }, start, end);
        }
        if seen & DIGIT != 0 {
            return self.with_digit(start, end, rest, text);
        }
        let hex = text.len() >= 8 && text.iter().all(u8::is_ascii_hexdigit);
        if hex || is_literal(text) || (special & 1 != 0 && is_mail(text)) {
            return self.value(start, end);
        }
        let next = self.byte(rest);
        if next == b':' {
            // Hardware and IPv6 addresses that begin with letters.
            if text.len() <= 4 && text.iter().all(u8::is_ascii_hexdigit) {
                let end = self.value_end(rest);
                if self.is_colon_hex(start, end) {
                    return self.value(start, end);
                }
            }
            // host.example.org:443
            if (dots > 0 || text == b"localhost")
                && rest == end
                && class_at(self.text, rest + 1) & DIGIT != 0
            {
                let end = self.value_end(rest);
                return self.value(start, end);
            }
        }
        if self.spaced
            && self.number_ended != usize::MAX
            && self.number_ended + 1 == start
            && is_unit(text)
        {
            self.at = rest;
            self.spaced = false;
            self.quantity = self.pieces.len().checked_sub(1);
            self.number_ended = usize::MAX;
            return;
        }
        if is_calendar(text) && self.date_follows(rest) {
            return self.value(start, rest);
        }
        self.push(Kind::Word, start, end);
        self.at = rest;
    }

    fn with_digit(&mut self, start: usize, end: usize, rest: usize, text: &[u8]) {
        if is_name_with_digit(text) {
            self.push(Kind::Word, start, end);
            self.at = rest;
            return;
        }
        let number = is_number(text);
        // fe80::1, 00:1b:21:aa:bb:cc
        if self.byte(rest) == b':' && text.len() <= 4 && text.iter().all(u8::is_ascii_hexdigit) {
            let end = self.value_end(rest);
            if self.is_colon_hex(start, end) {
                return self.value(start, end);
            }
        }
        // 12:30:01, 10.0.0.1:22, 1:2:3
        let mut end = rest;
        while let Some(next) = self.goes_on(end) {
            end = next;
        }
        let whole = end == rest;
        self.value(start, end);
        if number && whole {
            self.number_ended = end;
        } else if whole && number_with_unit(text) {
            self.quantity = self.pieces.len().checked_sub(1);
        }
    }

    /// The end of a colon and more of the same value: `:30`, `:ab`, but no word as in `host1:Got`.
    fn goes_on(&self, colon: usize) -> Option<usize> {
        if self.byte(colon) != b':' {
            return None;
        }
        let mut at = colon + 1;
        let (mut digits, mut other) = (false, false);
        while class_at(self.text, at) & (SPACE | MARK) == 0 {
            digits |= class_at(self.text, at) & DIGIT != 0;
            other |= class_at(self.text, at) & HEX == 0;
            at += 1;
        }
        while at > colon + 1 && self.byte(at - 1) == b'.' {
            at -= 1;
        }
        (digits || (at > colon + 1 && at <= colon + 5 && !other)).then_some(at)
    }

    /// A name or a number that goes on a date: "Mon Jan", "Jan 5".
    fn date_follows(&self, mut at: usize) -> bool {
        if matches!(self.byte(at), b',') {
            at += 1;
        }
        while at < self.text.len() && class_at(self.text, at) & SPACE != 0 {
            at += 1;
        }
        if class_at(self.text, at) & DIGIT != 0 {
            return true;
        }
        self.text.get(at..at + 3).is_some_and(is_calendar)
    }

    /// `/etc/fstab`, `~/x`, `./x`, `../x`, `a/b/c`, `\Device\Disk`; not `and/or`, `I/O`, `/`.
    fn is_path(&self, text: &[u8], special: u8) -> bool {
        if special & 6 == 0 {
            return false;
        }
        match text {
            [b'/', b'/', ..] => text.len() > 3,
            [b'/' | b'\\', next, ..] => {
                self.at_start_or_mark() && class(*next) & (LETTER | DIGIT) != 0 || *next == b'.'
            }
            [b'~' | b'.', b'/', ..] | [b'.', b'.', b'/', ..] => true,
            _ => text.iter().filter(|byte| matches!(byte, b'/' | b'\\')).count() >= 3,
        }
    }

    fn at_start_or_mark(&self) -> bool {
        self.spaced || self.pieces.last().is_none_or(|last| last.kind == Kind::Mark)
    }

    /// `C:\Windows`
    fn is_drive(&self, text: &[u8], rest: usize) -> bool {
        matches!(text, [letter] if letter.is_ascii_alphabetic()) && self.starts_with(rest, b":\\")
    }

    /// Groups of at most four hexadecimal digits, at least two colons: a hardware or IPv6 address.
    fn is_colon_hex(&self, start: usize, end: usize) -> bool {
        let Some(text) = self.text.get(start..end) else { return false };
        let (mut colons, mut group) = (0, 0);
        for byte in text {
            match byte {
                b':' => {
                    colons += 1;
                    group = 0;
                }
                b'.' | b'%' | b'/' => break,
                _ if byte.is_ascii_hexdigit() => group += 1,
                _ => return false,
            }
            if group > 4 {
                return false;
            }
        }
        colons >= 2 && text.iter().any(|byte| byte.is_ascii_digit() || colons >= 5)
    }
}

//! Words as numbers, with what each tells: comparing and counting them is then cheap.

use std::collections::HashMap;

use super::lexer::{Kind, Piece};
use super::names::{self, Sense};

/// A word, a mark or [`VALUE`], as a number.
pub(super) type Token = u32;

/// A masked value.
pub(super) const VALUE: Token = 0;

/// The words of one sender's messages.
#[derive(Debug)]
pub(super) struct Words {
    numbers: HashMap<Box<str>, Token>,
    words: Vec<Word>,
}

#[derive(Debug)]
struct Word {
    text: Box<str>,
    mark: bool,
    cue: bool,
    sense: Sense,
}

impl Words {
    pub(super) fn new() -> Self {
        let value = Word {
            text: super::lexer::WILDCARD.into(),
            mark: false,
            cue: false,
            sense: Sense::Plain,
        };
        Self { numbers: HashMap::new(), words: vec![value] }
    }

    /// The tokens of a message that was cut.
    pub(super) fn line(&mut self, message: &str, pieces: &[Piece]) -> Vec<Token> {
        pieces
            .iter()
            .map(|piece| match piece.kind {
                Kind::Value => VALUE,
                kind => self.number(piece.text(message), kind == Kind::Mark),
            })
            .collect()
    }

    fn number(&mut self, text: &str, mark: bool) -> Token {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // At most MAX_SHAPES times MAX_TOKENS words.
        let number = Token::try_from(self.words.len()).unwrap_or(Token::MAX);
        self.words.push(Word {
            text: text.into(),
            mark,
            cue: names::is_cue(text),
            sense: names::sense(text),
        });
        self.numbers.insert(text.into(), number);
        number
    }

    fn get(&self, token: Token) -> Option<&Word> {
        usize::try_from(token).ok().and_then(|at| self.words.get(at))
    }

    pub(super) fn text(&self, token: Token) -> &str {
        self.get(token).map_or("", |word| &*word.text)
    }

    pub(super) fn is_mark(&self, token: Token) -> bool {
        self.get(token).is_some_and(|word| word.mark)
    }

    pub(super) fn is_cue(&self, token: Token) -> bool {
        self.get(token).is_some_and(|word| word.cue)
    }

    pub(super) fn sense(&self, token: Token) -> Sense {
        self.get(token).map_or(Sense::Plain, |word| word.sense)
    }
}

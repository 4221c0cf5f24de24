//! 128-bit ids of machines, boots and files (`sd-id128(3)`).

use std::fmt;
use std::str::FromStr;

/// An id, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id128(u128);

impl Id128 {
    /// The id that stands for none.
    pub const NULL: Self = Self(0);

    /// The id as a number: its digits are its hexadecimal digits.
    pub const fn from_u128(id: u128) -> Self {
        Self(id)
    }

    /// See [`Id128::from_u128`].
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// An id is stored as it is printed.
    pub(crate) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let part = bytes.get(at..at.checked_add(16)?)?;
        part.try_into().ok().map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Id128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Id128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was given is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 32 hexadecimal digits")]
pub struct NotAnId;

impl FromStr for Id128 {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAnId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NotAnId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_printed() {
        let text = "0123456789abcdef00000000000000ff";
        let id: Id128 = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(Id128::at(&id.as_u128().to_be_bytes(), 0), Some(id));
        for text in
            ["", "12", "+123456789abcdef00000000000000ff0", "0123456789abcdef00000000000000fg"]
        {
            assert_eq!(text.parse::<Id128>(), Err(NotAnId));
        }
    }
}

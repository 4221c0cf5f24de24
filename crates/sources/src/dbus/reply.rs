//! What a peer answered, read in place: nothing here outlives the connection's read buffer.
//!
//! A `Get` or one property of a `GetAll` is a [`Value`]: the common types are read directly, any
//! other one by `zbus::wire` on demand. So a property of an unexpected type costs nothing and
//! fails alone, when it is asked for.

use serde::de::DeserializeOwned;
use zbus::wire::{OwnedVariant, Type, Variant, serialized::Context, serialized::Data};

use super::{
    cursor::{Cursor, Endian, Result, single},
    error::Malformed,
};

/// The largest value, in bytes, that is decoded into a tree: a byte array takes 50 times as much
/// memory there.
const MAX_TREE: usize = 1 << 20;

/// The reply to a method call.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    pub(super) signature: &'a str,
    pub(super) body: &'a [u8],
    pub(super) endian: Endian,
}

impl<'a> Reply<'a> {
    /// The types of the reply, such as `a(ssssssouso)`; empty if it has no value.
    pub fn signature(&self) -> &'a str {
        self.signature
    }

    /// The whole body for `zbus::wire`, if it has the type `signature`. Texts can be borrowed
    /// from it: `data.deserialize::<Vec<(&str, u32)>>()`.
    pub fn data(&self, signature: &str) -> Result<Data<'a, 'static>> {
        if self.signature != signature {
            return Err(wrong_type(signature, self.signature));
        }
        Ok(Data::new(self.body, Context::new(self.endian.into(), 0)))
    }

    /// The text that the body begins with, as that of an error does by custom.
    pub(super) fn first_text(&self) -> Option<&'a str> {
        let mut cursor = Cursor::new(self.body, self.endian);
        self.signature.starts_with('s').then(|| cursor.string().ok()).flatten()
    }

    /// The value that `Get` answered.
    pub fn value(&self) -> Result<Value<'a>> {
        if self.signature != "v" {
            return Err(wrong_type("v", self.signature));
        }
        Value::parse(&mut Cursor::new(self.body, self.endian), self.body, self.endian)
    }

    /// The names and values that `GetAll` answered.
    pub fn properties(&self) -> Result<Properties<'a>> {
        if self.signature != "a{sv}" {
            return Err(wrong_type("a{sv}", self.signature));
        }
        let mut cursor = Cursor::new(self.body, self.endian);
        let end = cursor.enter_array(b'{')?;
        let body = self.body.get(..end).unwrap_or_default();
        Ok(Properties { cursor, body, endian: self.endian, failed: false })
    }
}

/// The properties of an object, in the peer's order. Ends after the first error, since nothing
/// behind it can be found.
#[derive(Debug, Clone)]
pub struct Properties<'a> {
    cursor: Cursor<'a>,
    body: &'a [u8],
    endian: Endian,
    failed: bool,
}

impl<'a> Iterator for Properties<'a> {
    type Item = Result<(&'a str, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.cursor.pos() >= self.body.len() {
            return None;
        }
        let (body, endian, cursor) = (self.body, self.endian, &mut self.cursor);
        let entry = cursor
            .align(8)
            .and_then(|()| cursor.string())
            .and_then(|name| Ok((name, Value::parse(cursor, body, endian)?)));
        self.failed = entry.is_err();
        Some(entry)
    }
}

/// One value with its type.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    signature: &'a str,
    /// The body up to the end of this value, so that positions, and so alignment, stay.
    body: &'a [u8],
    /// Where the variant, with its signature, begins, and where its content does.
    variant: usize,
    content: usize,
    endian: Endian,
}

impl<'a> Value<'a> {
    fn parse(cursor: &mut Cursor<'a>, body: &'a [u8], endian: Endian) -> Result<Self> {
        let variant = cursor.pos();
        let signature = cursor.signature()?;
        // The types that are nearly all of them need no look at what is one complete type.
        if !matches!(signature, "s" | "t" | "u" | "b" | "i" | "as" | "o" | "x") {
            single(signature)?;
        }
        let content = cursor.pos();
        cursor.skip(signature)?;
        let body = body
            .get(..cursor.pos())
            .ok_or_else(|| Malformed::new("a value reaches beyond what it is in"))?;
        Ok(Self { signature, body, variant, content, endian })
    }

    /// The type, such as `t` or `a(sasbttttuii)`.
    pub fn signature(&self) -> &'a str {
        self.signature
    }

    fn cursor(&self, expected: &str) -> Result<Cursor<'a>> {
        if self.signature != expected {
            return Err(wrong_type(expected, self.signature));
        }
        Ok(Cursor::at(self.body, self.content, self.endian))
    }

    /// A `t`.
    pub fn u64(&self) -> Result<u64> {
        self.cursor("t")?.u64()
    }

    /// An `x`.
    pub fn i64(&self) -> Result<i64> {
        self.cursor("x")?.u64().map(u64::cast_signed)
    }

    /// A `u`.
    pub fn u32(&self) -> Result<u32> {
        self.cursor("u")?.u32()
    }

    /// An `i`.
    pub fn i32(&self) -> Result<i32> {
        self.cursor("i")?.u32().map(u32::cast_signed)
    }

    /// A `b`.
    pub fn bool(&self) -> Result<bool> {
        self.cursor("b")?.bool()
    }

    /// An `s` or `o`.
    pub fn str(&self) -> Result<&'a str> {
        self.cursor(if self.signature == "o" { "o" } else { "s" })?.string()
    }

    /// An `as`.
    pub fn strings(&self) -> Result<Vec<&'a str>> {
        let mut cursor = self.cursor("as")?;
        let end = cursor.enter_array(b's')?;
        let mut strings = Vec::new();
        while cursor.pos() < end {
            strings.push(cursor.string()?);
        }
        Ok(strings)
    }

    /// A value of any type that is known beforehand, such as
    /// `Vec<(String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32)>` for `ExecStart`.
    pub fn decode<T: DeserializeOwned + Type>(&self) -> Result<T> {
        check_type::<T>(self.signature)?;
        self.data(self.content)?.deserialize::<T>().map(|(value, _)| value).map_err(from_zbus)
    }

    /// A value of any type whatever, as a tree.
    pub fn to_variant(&self) -> Result<OwnedVariant> {
        let data = self.data(self.variant)?;
        let (variant, _) = data.deserialize::<Variant<'_>>().map_err(from_zbus)?;
        variant.try_to_owned().map_err(from_zbus)
    }

    fn data(&self, from: usize) -> Result<Data<'a, 'static>> {
        let bytes = self.body.get(from..).unwrap_or_default();
        if bytes.len() > MAX_TREE {
            return Err(Malformed::new("a value of more than 1 MiB"));
        }
        Ok(Data::new(bytes, Context::new(self.endian.into(), from)))
    }
}

impl From<Endian> for zbus::wire::Endian {
    fn from(endian: Endian) -> Self {
        match endian {
            Endian::Little => Self::Little,
            Endian::Big => Self::Big,
        }
    }
}

fn check_type<T: Type>(signature: &str) -> Result<()> {
    if T::SIGNATURE == signature {
        Ok(())
    } else {
        Err(wrong_type(&T::SIGNATURE.to_string(), signature))
    }
}

fn wrong_type(expected: &str, got: &str) -> Malformed {
    Malformed::new(format!("expected type {expected:?}, got {got:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn from_zbus(error: zbus::Error) -> Malformed {
    Malformed::new(error.to_string())
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zbus::wire::{LE, to_bytes};

    use super::*;

    /// Calls everything there is.
    fn exhaust(reply: Reply<'_>) {
        let _ = reply.first_text();
        let _ = reply.data("a(ssssssouso)");
        let properties = reply.properties().into_iter().flatten().filter_map(Result::ok);
        for value in properties.map(|(_, value)| value).chain(reply.value().ok()) {
            let _ = (value.u64(), value.i64(), value.u32(), value.i32(), value.bool());
            let _ = (value.str(), value.strings(), value.to_variant().is_ok());
            let _ = value.decode::<Vec<(String, Vec<String>)>>();
            let _ = value.decode::<Vec<u8>>();
        }
    }

    #[test]
    fn a_value_that_zbus_refuses_fails_alone() {
        // A file descriptor that did not come along, between two sound properties.
        let entries = std::collections::BTreeMap::from([
            ("A", Variant::from(1u64)),
            ("B", Variant::from(2u32)),
            ("C", Variant::from("three")),
        ]);
        let data = to_bytes(Context::new(LE, 0), &entries).unwrap();
        let mut body = data.bytes().to_vec();
        let place = body.windows(3).position(|bytes| bytes == b"\x01u\0").unwrap();
        body[place + 1] = b'h';
        let reply = Reply { signature: "a{sv}", body: &body, endian: Endian::Little };
        let values: Vec<_> = reply.properties().unwrap().map(|entry| entry.unwrap().1).collect();
        assert_eq!(values[0].u64().unwrap(), 1);
        values[1].to_variant().unwrap_err();
        assert_eq!(values[2].str().unwrap(), "three");
    }

    #[test]
    fn a_huge_value_is_not_made_a_tree() {
        let data = to_bytes(Context::new(LE, 0), &Variant::from(vec![0u8; 2 << 20])).unwrap();
        let reply = Reply { signature: "v", body: data.bytes(), endian: Endian::Little };
        let value = reply.value().unwrap();
        value.to_variant().unwrap_err();
        value.decode::<Vec<u8>>().unwrap_err();
    }

    proptest! {
        #[test]
        fn no_body_makes_a_reader_panic(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            signature in "v|a\\{sv\\}|s|[ybnqiuxtdsogvah(){}]{0,8}",
            big: bool,
        ) {
            let endian = if big { Endian::Big } else { Endian::Little };
            exhaust(Reply { signature: &signature, body: &body, endian });
        }

        #[test]
        fn nor_does_a_damaged_one(
            place in 0usize..400,
            byte: u8,
            signature in "[ybnqiuxtdsogvah(){}]{1,8}",
        ) {
            let exec = vec![("/bin/x", vec!["x"; 3], true, 1u64, 2u64, 3u32, -4i32)];
            let entries = std::collections::BTreeMap::from([
                ("A", Variant::from(1u64)),
                ("Nested", Variant::new(Variant::from(2u32))),
                ("Exec", Variant::new(exec)),
                ("Names", Variant::from(vec!["a", "b"])),
            ]);
            let data = to_bytes(Context::new(LE, 0), &entries).unwrap();
            let mut body = data.bytes().to_vec();
            if let Some(target) = body.get_mut(place) {
                *target = byte;
            }
            exhaust(Reply { signature: "a{sv}", body: &body, endian: Endian::Little });
            // A value of any type at all in front of bytes that were meant for another.
            let mut body = vec![u8::try_from(signature.len()).unwrap()];
            body.extend(signature.bytes().chain([0]));
            body.extend(data.bytes());
            exhaust(Reply { signature: "v", body: &body, endian: Endian::Little });
        }
    }
}

//! Reading D-Bus values in place: what message headers and the hot replies need, no allocation.
//!
//! Every read is bounds-checked and validated; positions count from the start of the message or
//! of its body, both of which are 8-aligned, so alignment is that of the specification. Whole
//! bodies of a known type are read by `zbus::wire` instead.

use super::error::Malformed;

/// Nesting of arrays, of structures and of variants that the specification allows.
const MAX_DEPTH: usize = 32;
/// The largest array that the specification allows, in bytes.
const MAX_ARRAY: u32 = 64 << 20;

pub(super) type Result<T> = std::result::Result<T, Malformed>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

/// A position in bytes whose first one is 8-aligned in its message.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
    endian: Endian,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { bytes, pos: 0, endian }
    }

    /// A cursor that reads from `pos` on.
    pub(super) fn at(bytes: &'a [u8], pos: usize, endian: Endian) -> Self {
        Self { bytes, pos, endian }
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    pub(super) fn at_end(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        let taken = rest.get(..len).ok_or_else(|| Malformed::new("a value ends too early"))?;
        self.pos += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = self.bytes.get(self.pos..).unwrap_or_default();
        let taken = rest.first_chunk().ok_or_else(|| Malformed::new("a value ends too early"))?;
        self.pos += N;
        Ok(*taken)
    }

    /// Moves to the next multiple of `to` (a power of two, at most 8), over zero bytes only.
    pub(super) fn align(&mut self, to: usize) -> Result<()> {
        let padding = self.pos.next_multiple_of(to) - self.pos;
        if self.take(padding)?.iter().any(|&byte| byte != 0) {
            return Err(Malformed::new("padding that is not zero"));
        }
        Ok(())
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.align(4)?;
        let bytes = self.array()?;
        Ok(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.align(8)?;
        let bytes = self.array()?;
        Ok(match self.endian {
            Endian::Little => u64::from_le_bytes(bytes),
            Endian::Big => u64::from_be_bytes(bytes),
        })
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::new("a boolean that is neither 0 nor 1")),
        }
    }

    /// The text of a string or object path.
    pub(super) fn string(&mut self) -> Result<&'a str> {
        let len = self.u32()?;
        self.text(len as usize)
    }

    pub(super) fn signature(&mut self) -> Result<&'a str> {
        let len = self.u8()?;
        self.text(usize::from(len))
    }

    fn text(&mut self, len: usize) -> Result<&'a str> {
        let bytes = self.take(len)?;
        if self.u8()? != 0 {
            return Err(Malformed::new("a string that does not end with NUL"));
        }
        let text =
            str::from_utf8(bytes).map_err(|_| Malformed::new("a string that is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Malformed::new("a string with NUL in it"));
        }
        Ok(text)
    }

    /// Enters an array whose elements begin with the type code `element`: where it ends.
    pub(super) fn enter_array(&mut self, element: u8) -> Result<usize> {
        let len = self.u32()?;
        if len > MAX_ARRAY {
            return Err(Malformed::new("an array of more than 64 MiB"));
        }
        self.align(alignment(element)?)?;
        let end = self.pos + len as usize;
        if end > self.bytes.len() {
            return Err(Malformed::new("an array ends too early"));
        }
        Ok(end)
    }

    /// Passes over one value of the single complete type `signature`.
    pub(super) fn skip(&mut self, signature: &str) -> Result<()> {
        self.skip_type(signature.as_bytes(), 0)
    }

    fn skip_type(&mut self, signature: &[u8], depth: usize) -> Result<()> {
        if depth > 2 * MAX_DEPTH {
            return Err(Malformed::new("values nested too deeply"));
        }
        match signature {
            [b'y'] => self.take(1).map(drop),
            [b'n' | b'q'] => self.align(2).and_then(|()| self.take(2)).map(drop),
            [b'b' | b'i' | b'u' | b'h'] => self.u32().map(drop),
            [b'x' | b't' | b'd'] => self.u64().map(drop),
            [b's' | b'o'] => {
                let len = self.u32()?;
                self.take(len as usize + 1).map(drop)
            }
            [b'g'] => self.signature().map(drop),
            [b'v'] => {
                let inner = self.signature()?;
                single(inner)?;
                self.skip_type(inner.as_bytes(), depth + 1)
            }
            [b'a', element, ..] => {
                self.pos = self.enter_array(*element)?;
                Ok(())
            }
            [b'(', fields @ .., b')'] => {
                self.align(8)?;
                let mut rest = fields;
                while !rest.is_empty() {
                    let (first, after) = split_first(rest, 0)?;
                    self.skip_type(first, depth + 1)?;
                    rest = after;
                }
                Ok(())
            }
            _ => Err(Malformed::new("an unknown type in a signature")),
        }
    }
}

/// The alignment of values whose type begins with `code`.
pub(super) fn alignment(code: u8) -> Result<usize> {
    Ok(match code {
        b'y' | b'g' | b'v' => 1,
        b'n' | b'q' => 2,
        b'b' | b'i' | b'u' | b'h' | b's' | b'o' | b'a' => 4,
        b'x' | b't' | b'd' | b'(' | b'{' => 8,
        _ => return Err(Malformed::new("an unknown type in a signature")),
    })
}

/// Checks that `signature` is exactly one complete type.
pub(super) fn single(signature: &str) -> Result<()> {
    match split_first(signature.as_bytes(), 0)? {
        (_, []) => Ok(()),
        _ => Err(Malformed::new("a variant of more than one value")),
    }
}

/// The first complete type of a signature, and what follows it.
fn split_first(signature: &[u8], depth: usize) -> Result<(&[u8], &[u8])> {
    let len = type_len(signature, depth)?;
    signature.split_at_checked(len).ok_or_else(|| Malformed::new("a signature ends too early"))
}

fn type_len(signature: &[u8], depth: usize) -> Result<usize> {
    if depth > 2 * MAX_DEPTH {
        return Err(Malformed::new("a signature nested too deeply"));
    }
    match signature {
        [b'a', b'{', entry @ ..] => Ok(3 + fields_len(entry, b'}', depth)?),
        [b'a', element @ ..] => Ok(1 + type_len(element, depth + 1)?),
        [b'(', fields @ ..] => Ok(2 + fields_len(fields, b')', depth)?),
        [code, ..] if *code != b'{' => alignment(*code).map(|_| 1),
        _ => Err(Malformed::new("a signature ends too early")),
    }
}

/// The length of the types before the closing bracket, of which there is at least one.
fn fields_len(fields: &[u8], close: u8, depth: usize) -> Result<usize> {
    let mut len = 0;
    loop {
        let rest = fields.get(len..).unwrap_or_default();
        if rest.first() == Some(&close) && len > 0 {
            return Ok(len);
        }
        len += type_len(rest, depth + 1)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zbus::wire::{LE, serialized::Context, to_bytes};

    use super::*;

    #[test]
    fn skipping_ends_where_the_encoder_ended() {
        type Exec<'a> = (&'a str, Vec<&'a str>, bool, u64, u64, u64, u64, u32, i32, i32);
        let exec: Vec<Exec<'_>> = vec![("/bin/x", vec!["x", "--y"], false, 1, 2, 3, 4, 5, 6, 7); 3];
        let value = (7u8, exec, zbus::Variant::new((1u16, "text")), 9u8, vec![1u64; 0], 'e' as u32);
        let data = to_bytes(Context::new(LE, 0), &value).unwrap();
        let mut cursor = Cursor::new(data.bytes(), Endian::Little);
        cursor.skip("(ya(sasbttttuii)vyatu)").unwrap();
        assert_eq!(cursor.pos(), data.bytes().len());
    }

    #[test]
    fn signatures_of_one_type_only() {
        for good in ["s", "as", "a{sv}", "a(sasbttttuii)", "(a(ss)a{s(uu)})", "aaaay", "v"] {
            single(good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in ["", "ss", "a", "(", "()", "(s", "a{sv", "{sv}", "a{}", "z", ")", "s)"] {
            single(bad).expect_err(bad);
        }
        single(&"a".repeat(255)).expect_err("255 arrays in each other");
        single(&"(".repeat(255)).expect_err("255 structures in each other");
    }

    #[test]
    fn nesting_of_variants_is_bounded() {
        // v of v of v ...: each level is the signature "v", 3 bytes.
        let bytes = b"\x01v\0".repeat(10_000);
        Cursor::new(&bytes, Endian::Little).skip("v").expect_err("10,000 variants");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200),
                                  signature in "[ybnqiuxtdsogvah(){}]{0,12}") {
            for endian in [Endian::Little, Endian::Big] {
                let mut cursor = Cursor::new(&bytes, endian);
                if single(&signature).is_ok() && cursor.skip(&signature).is_ok() {
                    prop_assert!(cursor.pos() <= bytes.len());
                }
            }
        }
    }
}

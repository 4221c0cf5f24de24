//! Method calls into bytes, and the frame of incoming messages out of bytes. No input, no output.
//!
//! Format: "Message Protocol" of the D-Bus specification.

use std::ops::Range;

use super::{
    cursor::{Cursor, Endian, Result},
    error::{CallError, Malformed},
};

/// The largest message we accept, in bytes. The specification allows 128 MiB; `ListUnits` takes
/// about 250 bytes a unit, so this is room for a quarter of a million units.
pub(super) const MAX_MESSAGE: usize = 64 << 20;
/// The largest header we accept: seven fields of at most a few hundred bytes are in use.
const MAX_FIELDS: usize = 64 << 10;
/// The longest text that we send; names and paths of units are far shorter.
const MAX_TEXT: usize = 64 << 10;
/// The fixed part of a header with the length of its fields.
const FIXED: usize = 16;

const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Asking for a service must not start it.
const NO_AUTO_START: u8 = 2;

/// The arguments of a call: all that is called here takes texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// No argument.
    Empty,
    /// One string, as `GetAll`.
    One(&'a str),
    /// Two strings, as `Get`.
    Two(&'a str, &'a str),
}

/// A method call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The object, such as `/org/freedesktop/systemd1`.
    pub path: &'a str,
    /// The interface, such as `org.freedesktop.systemd1.Manager`.
    pub interface: &'a str,
    /// The method, such as `ListUnits`.
    pub member: &'a str,
    /// Its arguments.
    pub body: Body<'a>,
}

impl<'a> Call<'a> {
    /// `org.freedesktop.DBus.Properties.Get`: answers one variant, see [`super::Reply::value`].
    pub fn get(path: &'a str, interface: &'a str, property: &'a str) -> Self {
        let body = Body::Two(interface, property);
        Self { path, interface: "org.freedesktop.DBus.Properties", member: "Get", body }
    }

    /// `org.freedesktop.DBus.Properties.GetAll`: see [`super::Reply::properties`]. The empty
    /// interface stands for all of the object's, which systemd answers and others may not.
    pub fn get_all(path: &'a str, interface: &'a str) -> Self {
        let body = Body::One(interface);
        Self { path, interface: "org.freedesktop.DBus.Properties", member: "GetAll", body }
    }

    /// Appends the message; on an error, nothing is appended.
    pub(super) fn encode(
        &self,
        out: &mut Vec<u8>,
        serial: u32,
        destination: Option<&str>,
    ) -> std::result::Result<(), CallError> {
        self.check()?;
        let (signature, args) = match self.body {
            Body::Empty => ("", [None, None]),
            Body::One(first) => ("s", [Some(first), None]),
            Body::Two(first, second) => ("ss", [Some(first), Some(second)]),
        };
        let mut message = Encoder { start: out.len(), out };
        message.out.extend([b'l', METHOD_CALL, NO_AUTO_START, 1]);
        message.u32(0);
        message.u32(serial);
        message.u32(0);
        let fields = message.len();
        message.field(1, b'o', self.path);
        message.field(2, b's', self.interface);
        message.field(3, b's', self.member);
        if let Some(destination) = destination {
            message.field(6, b's', destination);
        }
        if !signature.is_empty() {
            message.align(8);
            message.out.extend([8, 1, b'g', 0, signature.len().to_le_bytes()[0]]);
            message.out.extend(signature.bytes().chain([0]));
        }
        message.patch(12, message.len() - fields);
        message.align(8);
        let body = message.len();
        args.into_iter().flatten().for_each(|text| message.text(text));
        message.patch(4, message.len() - body);
        Ok(())
    }

    /// What a peer would hang up on fails here, for this call alone.
    fn check(&self) -> std::result::Result<(), CallError> {
        let args = match self.body {
            Body::Empty => [""; 2],
            Body::One(first) => [first, ""],
            Body::Two(first, second) => [first, second],
        };
        for text in [self.path, self.interface, self.member].iter().chain(&args) {
            if text.len() > MAX_TEXT {
                return Err(CallError::NotSent("a text of more than 64 KiB"));
            }
            if text.contains('\0') {
                return Err(CallError::NotSent("a text with NUL in it"));
            }
        }
        let element = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match self.path.strip_prefix('/') {
            Some("") => Ok(()),
            Some(elements) if elements.split('/').all(element) => Ok(()),
            _ => Err(CallError::NotSent("not an object path")),
        }
    }
}

/// Writes one little-endian message behind what `out` already holds.
struct Encoder<'a> {
    start: usize,
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn len(&self) -> usize {
        self.out.len() - self.start
    }

    fn align(&mut self, to: usize) {
        self.out.resize(self.start + self.len().next_multiple_of(to), 0);
    }

    fn u32(&mut self, value: u32) {
        self.align(4);
        self.out.extend(value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        // Checked before: at most 64 KiB.
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.out.extend(text.as_bytes());
        self.out.push(0);
    }

    fn field(&mut self, code: u8, kind: u8, value: &str) {
        self.align(8);
        self.out.extend([code, 1, kind, 0]);
        self.text(value);
    }

    /// Sets a length that was not known when its place was written.
    fn patch(&mut self, at: usize, value: usize) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        let place = self.out.get_mut(self.start + at..).and_then(|rest| rest.first_chunk_mut());
        if let Some(place) = place {
            *place = value.to_le_bytes();
        }
    }
}

/// What kind of message came, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The reply to the call of this serial.
    Return(u32),
    /// An error, whose name is in this range of the message, in reply to the call of this serial.
    Error(u32, Range<usize>),
    /// A signal, a call, or a type of message that is yet to be invented: not for us.
    Other,
}

/// Where the parts of one whole message are, counted from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) endian: Endian,
    /// The text of the body's signature.
    pub(super) signature: Range<usize>,
    pub(super) body: Range<usize>,
}

/// The length of the message that `bytes` begin with, once enough of them are there to tell.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(fixed) = bytes.first_chunk::<FIXED>() else {
        return Ok(None);
    };
    let header = Fixed::parse(fixed)?;
    Ok(Some(header.body_start + header.body_len))
}

struct Fixed {
    endian: Endian,
    kind: u8,
    fields_len: usize,
    body_start: usize,
    body_len: usize,
}

impl Fixed {
    fn parse(bytes: &[u8; FIXED]) -> Result<Self> {
        let [order, kind, _flags, version, ..] = *bytes;
        let endian = match order {
            b'l' => Endian::Little,
            b'B' => Endian::Big,
            _ => return Err(Malformed::new("a message of neither byte order")),
        };
        if version != 1 || kind == 0 {
            return Err(Malformed::new("a message of an unknown protocol version or type"));
        }
        let mut cursor = Cursor::at(bytes, 4, endian);
        let (body_len, _serial, fields_len) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let (body_len, fields_len) = (body_len as usize, fields_len as usize);
        if fields_len > MAX_FIELDS {
            return Err(Malformed::new("a message header of more than 64 KiB"));
        }
        if body_len > MAX_MESSAGE {
            return Err(Malformed::new("a message of more than 64 MiB"));
        }
        let body_start = FIXED + fields_len.next_multiple_of(8);
        Ok(Self { endian, kind, fields_len, body_start, body_len })
    }
}

impl Frame {
    /// Takes one whole message, as measured by [`length`], apart.
    ///
    /// The sender is not looked at: on its private socket systemd fills in a well-known name,
    /// which the specification does not allow there.
    pub(super) fn parse(message: &[u8]) -> Result<Self> {
        let short = || Malformed::new("a message ends too early");
        let fixed = Fixed::parse(message.first_chunk().ok_or_else(short)?)?;
        let body = fixed.body_start..fixed.body_start + fixed.body_len;
        if message.len() != body.end {
            return Err(short());
        }
        let mut frame =
            Self { kind: Kind::Other, endian: fixed.endian, signature: 0..0, body: body.clone() };
        if !matches!(fixed.kind, METHOD_RETURN | ERROR) {
            return Ok(frame);
        }
        let fields = message.get(..FIXED + fixed.fields_len).ok_or_else(short)?;
        let mut cursor = Cursor::at(fields, FIXED, fixed.endian);
        let (mut reply_to, mut error_name) = (None, None);
        while !cursor.at_end() {
            cursor.align(8)?;
            let code = cursor.u8()?;
            match (code, cursor.signature()?) {
                (4, "s") => error_name = Some(text_range(&mut cursor, Cursor::string)?),
                (5, "u") => reply_to = Some(cursor.u32()?),
                (8, "g") => frame.signature = text_range(&mut cursor, Cursor::signature)?,
                (0 | 4 | 5 | 8, _) => {
                    return Err(Malformed::new("a header field of the wrong type"));
                }
                (_, other) => {
                    super::cursor::single(other)?;
                    cursor.skip(other)?;
                }
            }
        }
        frame.kind = match (reply_to, fixed.kind, error_name) {
            (Some(serial), METHOD_RETURN, _) => Kind::Return(serial),
            (Some(serial), ERROR, Some(name)) => Kind::Error(serial, name),
            _ => return Err(Malformed::new("a reply without its required header fields")),
        };
        if frame.signature.is_empty() != body.is_empty() {
            return Err(Malformed::new(
                "a message whose body and signature do not belong together",
            ));
        }
        Ok(frame)
    }
}

/// Reads a text and says where it is: before its NUL, where the cursor now stands.
fn text_range<'a>(
    cursor: &mut Cursor<'a>,
    read: fn(&mut Cursor<'a>) -> Result<&'a str>,
) -> Result<Range<usize>> {
    let len = read(cursor)?.len();
    let end = cursor.pos() - 1;
    Ok(end - len..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Header<'a> = (u8, u8, u8, u8, u32, u32, Vec<(u8, zbus::Variant<'a>)>);

    fn parse(bytes: &[u8]) -> Result<Frame> {
        match length(bytes)? {
            Some(len) if len <= bytes.len() => Frame::parse(&bytes[..len]),
            _ => Err(Malformed::new("not whole")),
        }
    }

    /// A reply as zbus encodes it.
    fn valid_reply() -> Vec<u8> {
        let call = zbus::Message::method_call("/a", "B").build(&()).unwrap();
        let reply = zbus::Message::method_return(&call.header())
            .sender(":1.0")
            .build(&(zbus::Variant::from(7u64),))
            .unwrap();
        reply.data().to_vec()
    }

    #[test]
    fn a_frame_says_where_its_parts_are() {
        let bytes = valid_reply();
        let frame = parse(&bytes).unwrap();
        assert!(matches!(frame.kind, Kind::Return(_)));
        assert_eq!(&bytes[frame.signature], b"v");
        assert_eq!(frame.body.end, bytes.len());
    }

    #[test]
    fn a_call_is_what_another_implementation_makes_of_it() {
        let call = Call::get("/org/freedesktop/systemd1", "a.b", "Ünit");
        let mut batch = vec![0xee; 3];
        call.encode(&mut batch, 9, Some("org.freedesktop.systemd1")).unwrap();
        let bytes = &batch[3..];
        assert_eq!(length(bytes).unwrap(), Some(bytes.len()));
        let context = zbus::wire::serialized::Context::new(zbus::wire::LE, 0);
        let data = zbus::wire::serialized::Data::new(bytes, context);
        let ((order, kind, flags, version, body_len, serial, fields), _) =
            data.deserialize::<Header<'_>>().unwrap();
        assert_eq!((order, kind, flags, version, serial), (b'l', 1, 2, 1, 9));
        let fields: Vec<_> =
            fields.iter().map(|(code, value)| (*code, value.to_string())).collect();
        let expected = [
            (1, "objectpath \"/org/freedesktop/systemd1\""),
            (2, "\"org.freedesktop.DBus.Properties\""),
            (3, "\"Get\""),
            (6, "\"org.freedesktop.systemd1\""),
            (8, "signature \"(ss)\""),
        ];
        assert_eq!(fields, expected.map(|(code, value)| (code, value.to_owned())));
        let body = data.slice(bytes.len() - body_len as usize..);
        assert_eq!(body.deserialize::<(&str, &str)>().unwrap().0, ("a.b", "Ünit"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_damage_to_a_valid_reply_does_either(place in 0usize..64, byte: u8, cut in 0usize..64) {
            let mut bytes = valid_reply();
            if let Some(target) = bytes.get_mut(place) {
                *target = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Ok(frame) = parse(&bytes) {
                prop_assert!(frame.signature.end <= bytes.len());
                prop_assert!(frame.body.end <= bytes.len());
            }
        }

        #[test]
        fn texts_of_any_kind_are_sent_whole_or_not_at_all(path in ".{0,20}", text in ".{0,20}") {
            let mut out = vec![1, 2, 3];
            let call = Call { path: &path, interface: &text, member: "M", body: Body::One(&text) };
            if call.encode(&mut out, 1, None).is_ok() {
                prop_assert_eq!(length(&out[3..]).unwrap(), Some(out.len() - 3));
            } else {
                prop_assert_eq!(out, [1, 2, 3]);
            }
        }
    }
}

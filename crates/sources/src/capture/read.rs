//! Reading a capture: bounded, and with an error that says what is wrong with it.

use std::fmt;
use std::fs::{File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use rustix::fs::{CWD, Mode, OFlags, fcntl_setfl, openat};
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use sysdiag_model::Snapshot;
use sysdiag_model::snapshot::FORMAT;

use super::{CaptureError, MAGIC};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// Longest JSON that is read, in bytes: a host of 10,000 units has some 20 MiB. In memory it can be
/// several times as large.
const MAX_TEXT: u64 = 128 << 20;
/// A snapshot is compressed to a tenth, seldom to a thirtieth; `gzip` can reach a thousandth.
const MAX_RATIO: u64 = 100;
/// So much is read whatever the ratio.
const ANY_RATIO: u64 = 16 << 20;

#[derive(Deserialize)]
struct Document {
    snapshot: Snapshot,
}

/// Reads the snapshot in the file at `path`, compressed or not.
pub fn read(path: &Path) -> Result<Snapshot, CaptureError> {
    let failed = |source| CaptureError::Io { action: "read", path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = open(path).map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    if let Some(kind) = unfit(kind) {
        return Err(CaptureError::NotACapture {
            path: path.to_owned(),
            reason: format!("it is {kind}"),
        });
    }
    if kind.is_fifo() {
        // Without a writer it is at its end; whoever has one waits for what it writes.
        fcntl_setfl(&file, OFlags::empty()).map_err(|errno| failed(errno.into()))?;
    }
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CaptureError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    parse(&bytes, path)
}

/// Opens a file, or the pipe of a shell's `<(...)`, without waiting for anybody.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

/// What kind of special file holds no capture; reading a device may take or change something.
fn unfit(kind: FileType) -> Option<&'static str> {
    if kind.is_dir() {
        Some("a directory")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

/// The snapshot in the content of a file; `path` is for errors.
fn parse(bytes: &[u8], path: &Path) -> Result<Snapshot, CaptureError> {
    let not_a_capture = |reason: &str| CaptureError::NotACapture {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let compressed = bytes.starts_with(&[0x1f, 0x8b]);
    let (text, cut) = if compressed { decompress(bytes, path)? } else { (bytes.to_vec(), false) };
    let truncated = || CaptureError::Truncated {
        path: path.to_owned(),
        compressed: bytes.len() as u64,
        text: text.len() as u64,
    };
    if text.is_empty() {
        return Err(if cut { truncated() } else { not_a_capture("it is empty") });
    }
    match head(&text) {
        Ok(version) if version > u64::from(FORMAT) => {
            let path = path.to_owned();
            return Err(CaptureError::Newer { path, found: version, known: FORMAT });
        }
        Ok(_) => {}
        Err(error) if error.is_eof() => return Err(truncated()),
        Err(error) => return Err(not_a_capture(&error.to_string())),
    }
    match serde_json::from_slice::<Document>(&text) {
        // All of the JSON but not of its checksum: nobody knows whether it is what was written.
        Ok(_) if cut => Err(truncated()),
        Ok(document) if document.snapshot.format > FORMAT => Err(CaptureError::Newer {
            path: path.to_owned(),
            found: document.snapshot.format.into(),
            known: FORMAT,
        }),
        Ok(document) => Ok(document.snapshot),
        Err(error) if error.is_eof() => Err(truncated()),
        Err(source) => Err(CaptureError::Damaged { path: path.to_owned(), source }),
    }
}

/// The text, and whether the end of the compressed data is missing.
fn decompress(bytes: &[u8], path: &Path) -> Result<(Vec<u8>, bool), CaptureError> {
    let limit = (bytes.len() as u64 * MAX_RATIO).clamp(ANY_RATIO, MAX_TEXT);
    let mut text = Vec::new();
    let result = MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut text);
    match result {
        Ok(_) if text.len() as u64 > limit => {
            Err(CaptureError::TooLarge { path: path.to_owned(), limit })
        }
        Ok(_) => Ok((text, false)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok((text, true)),
        Err(source) => Err(CaptureError::DamagedCompression {
            path: path.to_owned(),
            text: text.len() as u64,
            source,
        }),
    }
}

/// The version that the document says it has; the rest of it is not looked at.
fn head(text: &[u8]) -> serde_json::Result<u64> {
    let mut version = None;
    let result = Head(&mut version).deserialize(&mut serde_json::Deserializer::from_slice(text));
    // Having read what it wants it gives up on the rest, which is an error to the parser.
    match (version, result) {
        (Some(version), _) => Ok(version),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(de::Error::missing_field("version")),
    }
}

struct Head<'a>(&'a mut Option<u64>);

impl<'de> DeserializeSeed<'de> for Head<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object that begins with \"format\":\"{MAGIC}\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let first: Option<(String, String)> = map.next_entry()?;
        if !first.is_some_and(|(key, value)| key == "format" && value == MAGIC) {
            return Err(de::Error::custom(format!(
                "it does not begin with \"format\":\"{MAGIC}\""
            )));
        }
        while let Some(key) = map.next_key::<String>()? {
            if key == "version" {
                *self.0 = Some(map.next_value()?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Err(de::Error::missing_field("version"))
    }
}

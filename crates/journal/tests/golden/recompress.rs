//! Journal files compressed by LZ4 and XZ, as systemd wrote them before it had zstd, out of files that
//! are not compressed: no systemd of today can be told to write them, and all can read them.

use std::io::{self, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// `OBJECT_COMPRESSED_*`, which are also the bits of `incompatible_flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Xz = 1,
    Lz4 = 2,
}

/// From how many bytes on systemd compressed (`DEFAULT_COMPRESS_THRESHOLD`).
const THRESHOLD: usize = 512;

/// Compresses the long values of `file` in place, and gives their number. An object that became
/// shorter leaves a gap, of which readers do not know: they follow offsets.
pub(crate) fn file(file: &Path, compression: Compression) -> io::Result<usize> {
    let mut bytes = std::fs::read(file)?;
    let flags = number(&bytes, 8) | (compression as u64) << 32;
    // `compatible_flags` and `incompatible_flags`, of 4 bytes each.
    put(&mut bytes, 8, flags);
    let payload_at = if flags >> 32 & 16 == 0 { 64 } else { 72 };
    let (mut at, tail) = (number(&bytes, 88), number(&bytes, 136));
    let mut count = 0;
    while at <= tail {
        let begin = usize::try_from(at).map_err(io::Error::other)?;
        let size = usize::try_from(number(&bytes, begin + 8)).map_err(io::Error::other)?;
        let payload = bytes.get(begin + payload_at..begin + size).unwrap_or_default();
        if bytes.get(begin) == Some(&1) && payload.len() >= THRESHOLD {
            let packed = match compression {
                Compression::Lz4 => lz4(payload),
                Compression::Xz => xz(payload)?,
            };
            if packed.len() < payload.len() {
                let place = begin + payload_at;
                if let Some(place) = bytes.get_mut(place..place + packed.len()) {
                    place.copy_from_slice(&packed);
                }
                put(&mut bytes, begin + 8, (payload_at + packed.len()) as u64);
                if let Some(flags) = bytes.get_mut(begin + 1) {
                    *flags = compression as u8;
                }
                count += 1;
            }
        }
        at = (begin + size).next_multiple_of(8) as u64;
    }
    std::fs::write(file, bytes)?;
    Ok(count)
}

/// The length in 8 bytes, then one block.
fn lz4(payload: &[u8]) -> Vec<u8> {
    let mut packed = (payload.len() as u64).to_le_bytes().to_vec();
    packed.extend(lz4_flex::block::compress(payload));
    packed
}

/// A stream without a check, as `lzma_stream_buffer_encode` was asked for.
fn xz(payload: &[u8]) -> io::Result<Vec<u8>> {
    // A file, not a pipe: it writes before it has read all.
    let mut input = tempfile::tempfile()?;
    input.write_all(payload)?;
    input.rewind()?;
    let run = Command::new("xz")
        .args(["--format=xz", "--check=none", "--stdout"])
        .stdin(Stdio::from(input))
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("xz: {error} (scripts/setup.sh)")))?;
    if run.status.success() { Ok(run.stdout) } else { Err(io::Error::other("xz failed")) }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    number.map_or(0, u64::from_le_bytes)
}

fn put(bytes: &mut [u8], at: usize, number: u64) {
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

//! Values that are compressed: those of 512 bytes and more, unless told otherwise.

use std::io::{self, Read, Write};

/// `OBJECT_COMPRESSED_*`.
const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;
/// Any of them.
pub(crate) const COMPRESSED: u8 = XZ | LZ4 | ZSTD;

/// Why a value cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    TooLong,
    Malformed,
    /// More was unpacked already than is to be.
    TooMuch,
}

/// The plain form of `payload`, which has `flags`, of at most `limit` bytes. `produced`: bytes that were
/// unpacked for it, whatever came of them.
pub(crate) fn plain(
    flags: u8,
    payload: &[u8],
    limit: usize,
    produced: &mut usize,
) -> Result<Vec<u8>, Failure> {
    match flags & COMPRESSED {
        ZSTD => zstd(payload, limit, produced),
        LZ4 => lz4(payload, limit, produced),
        XZ => xz(payload, limit, produced),
        _ => Err(Failure::Malformed),
    }
}

fn zstd(payload: &[u8], limit: usize, produced: &mut usize) -> Result<Vec<u8>, Failure> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(payload);
    let decoder = decoder.map_err(|_| Failure::Malformed)?;
    let mut bytes = Vec::new();
    // One more than allowed tells that there is more.
    let most = (limit as u64).saturating_add(1);
    let read = decoder.take(most).read_to_end(&mut bytes);
    *produced = bytes.len();
    read.map_err(|_| Failure::Malformed)?;
    if bytes.len() > limit { Err(Failure::TooLong) } else { Ok(bytes) }
}

/// The length, 8 bytes, then one block.
fn lz4(payload: &[u8], limit: usize, produced: &mut usize) -> Result<Vec<u8>, Failure> {
    let (length, block) = payload.split_first_chunk::<8>().ok_or(Failure::Malformed)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Failure::TooLong)?;
    // A byte of LZ4 stands for at most 255: a length beyond that is a lie, not a reason to make room.
    if length > limit {
        return Err(Failure::TooLong);
    }
    if length > block.len().saturating_mul(255) {
        return Err(Failure::Malformed);
    }
    *produced = length;
    let bytes = lz4_flex::block::decompress(block, length).map_err(|_| Failure::Malformed)?;
    if bytes.len() == length { Ok(bytes) } else { Err(Failure::Malformed) }
}

fn xz(mut payload: &[u8], limit: usize, produced: &mut usize) -> Result<Vec<u8>, Failure> {
    let mut output = Bounded { bytes: Vec::new(), limit, full: false };
    let read = lzma_rs::xz_decompress(&mut payload, &mut output);
    *produced = output.bytes.len();
    match read {
        Ok(()) => Ok(output.bytes),
        Err(_) if output.full => Err(Failure::TooLong),
        Err(_) => Err(Failure::Malformed),
    }
}

/// A vector that refuses to grow beyond its limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_lies_is_refused() {
        let mut payload = 1_000_000_u64.to_le_bytes().to_vec();
        payload.extend(lz4_flex::block::compress(b"short"));
        assert_eq!(lz4(&payload, 2_000_000, &mut 0), Err(Failure::Malformed));
        assert_eq!(lz4(&payload, 999_999, &mut 0), Err(Failure::TooLong));
        assert_eq!(lz4(&payload[..7], 10, &mut 0), Err(Failure::Malformed));
        assert_eq!(plain(0, b"x", 10, &mut 0), Err(Failure::Malformed));
    }

    #[test]
    fn what_is_longer_than_the_limit_is_too_long() {
        let text = vec![b'x'; 5000];
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut text.as_slice(), &mut packed).unwrap();
        assert_eq!(xz(&packed, 5000, &mut 0), Ok(text.clone()));
        assert_eq!(xz(&packed, 4999, &mut 0), Err(Failure::TooLong));
        let packed = ruzstd::encoding::compress_to_vec(
            text.as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        assert_eq!(zstd(&packed, 5000, &mut 0), Ok(text));
        assert_eq!(zstd(&packed, 4999, &mut 0), Err(Failure::TooLong));
        assert_eq!(zstd(&packed[..packed.len() / 2], 5000, &mut 0), Err(Failure::Malformed));
    }
}

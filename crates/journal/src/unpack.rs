//! How much is unpacked.
//!
//! Some bytes of a compressed value may stand for megabytes, anyone may log such a value, and a value is
//! in as many entries as refer to it. So values that were unpacked are remembered, a few of them, and
//! for one walk over a file no more is unpacked than a multiple of its length: what is left is damage.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::compress::{self, Failure};

/// In one walk a file may unpack to so many times its length. Logs compress by 5 to 20, and few of
/// their values are long enough to be compressed at all.
const TIMES: u64 = 16;
/// And to so much more, or to some of the longest values: a small file may hold one long message.
const LEAST: u64 = 32 << 20;
/// A remembered value is copied, which costs less than to unpack it by this.
const CHEAPER: u64 = 64;
/// Values that are remembered, of all files of a journal.
const REMEMBERED: usize = 64;
/// None that is longer.
const LONGEST: usize = 64 << 10;

/// The values that were unpacked last. Each has one place where it can be.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Vec<Option<Remembered>>>);

#[derive(Debug)]
struct Remembered {
    file: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl Memory {
    fn place(file: u64, offset: u64) -> usize {
        // Objects begin at multiples of 8; the upper bits of the product are those of all.
        let mixed = (offset / 8).wrapping_add(file << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> 32).unwrap_or(0) % REMEMBERED
    }

    fn get(&self, file: u64, offset: u64) -> Option<Vec<u8>> {
        let places = self.0.lock().ok()?;
        let found = places.get(Self::place(file, offset))?.as_ref()?;
        (found.file == file && found.offset == offset).then(|| found.bytes.clone())
    }

    fn keep(&self, file: u64, offset: u64, bytes: &[u8]) {
        if bytes.len() > LONGEST {
            return;
        }
        let Ok(mut places) = self.0.lock() else { return };
        if places.is_empty() {
            places.resize_with(REMEMBERED, || None);
        }
        if let Some(place) = places.get_mut(Self::place(file, offset)) {
            *place = Some(Remembered { file, offset, bytes: bytes.to_vec() });
        }
    }
}

/// Unpacks the values of one file.
#[derive(Debug)]
pub(crate) struct Unpacker {
    memory: Arc<Memory>,
    /// Of which file, among those that share the memory.
    file: u64,
    max_value: usize,
    /// Bytes that one walk may cost.
    allowed: u64,
    /// Bytes that this walk has cost so far.
    spent: AtomicU64,
    /// Bytes that were unpacked in all.
    unpacked: AtomicU64,
}

impl Unpacker {
    pub(crate) fn new(memory: &Arc<Memory>, file: u64, length: u64, max_value: usize) -> Self {
        let least = LEAST.max((max_value as u64).saturating_mul(4));
        Self {
            memory: Arc::clone(memory),
            file,
            max_value,
            allowed: length.saturating_mul(TIMES).saturating_add(least),
            spent: AtomicU64::new(0),
            unpacked: AtomicU64::new(0),
        }
    }

    /// A walk begins.
    pub(crate) fn begin(&self) {
        self.spent.store(0, Ordering::Relaxed);
    }

    /// Bytes that were unpacked since the file was opened.
    pub(crate) fn unpacked(&self) -> u64 {
        self.unpacked.load(Ordering::Relaxed)
    }

    /// The plain form of `payload`, the value at `offset`, which has `flags`.
    pub(crate) fn value(&self, offset: u64, flags: u8, payload: &[u8]) -> Result<Vec<u8>, Failure> {
        let spent = self.spent.load(Ordering::Relaxed);
        if spent >= self.allowed {
            return Err(Failure::TooMuch);
        }
        if let Some(bytes) = self.memory.get(self.file, offset) {
            self.spent.fetch_add(bytes.len() as u64 / CHEAPER, Ordering::Relaxed);
            return Ok(bytes);
        }
        let mut produced = 0;
        let result = compress::plain(flags, payload, self.max_value, &mut produced);
        self.spent.fetch_add(produced as u64, Ordering::Relaxed);
        self.unpacked.fetch_add(produced as u64, Ordering::Relaxed);
        if let Ok(bytes) = &result {
            self.memory.keep(self.file, offset, bytes);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `OBJECT_COMPRESSED_ZSTD`.
    const ZSTD: u8 = 4;

    fn packed(length: usize) -> Vec<u8> {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(vec![b'x'; length].as_slice(), level)
    }

    #[test]
    fn a_value_is_unpacked_once() {
        let unpacker = Unpacker::new(&Arc::default(), 0, 1 << 20, 1 << 20);
        let payload = packed(5000);
        for _ in 0..1000 {
            assert_eq!(unpacker.value(800, ZSTD, &payload), Ok(vec![b'x'; 5000]));
        }
        assert_eq!(unpacker.unpacked(), 5000);
        // Of another file, or elsewhere, it is another one.
        let other = Unpacker::new(&unpacker.memory, 1, 1 << 20, 1 << 20);
        assert_eq!(other.value(800, ZSTD, &packed(70)), Ok(vec![b'x'; 70]));
        assert_eq!(unpacker.value(808, ZSTD, &packed(60)), Ok(vec![b'x'; 60]));
    }

    #[test]
    fn a_walk_has_its_bound_and_the_next_one_its_own() {
        const VALUE: usize = 1 << 20;
        let unpacker = Unpacker::new(&Arc::default(), 0, 0, VALUE);
        let payload = packed(VALUE);
        for walk in 1..=2 {
            unpacker.begin();
            let given = |at: &u64| unpacker.value(8 * at, ZSTD, &payload).is_ok();
            let count = (0..200).filter(given).count() as u64;
            assert_eq!(count, LEAST / VALUE as u64);
            assert_eq!(unpacker.value(8, ZSTD, &payload), Err(Failure::TooMuch));
            assert_eq!(unpacker.unpacked(), walk * LEAST);
        }
    }

    #[test]
    fn what_cannot_be_given_costs_as_well() {
        let unpacker = Unpacker::new(&Arc::default(), 0, 0, 1000);
        assert_eq!(unpacker.value(8, ZSTD, &packed(5000)), Err(Failure::TooLong));
        assert!(unpacker.unpacked() > 1000, "{}", unpacker.unpacked());
    }
}

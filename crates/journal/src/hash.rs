//! Hashes of values: keyed SipHash-2-4, or Bob Jenkins' lookup3 in files of systemd before 246.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::header::Header;
use crate::id::Id128;

/// The hash under which a file keeps `value` (`FIELD=value`, or a field's name).
pub(crate) fn of(header: &Header, value: &[u8]) -> u64 {
    if header.keyed_hash { keyed(header.file_id, value) } else { jenkins(value) }
}

/// The same of a file that has keyed hashes. Its id is the key, as it is stored.
pub(crate) fn keyed(file_id: Id128, value: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&file_id.as_u128().to_be_bytes());
    hasher.write(value);
    hasher.finish()
}

/// `hashlittle2()` of lookup3.c (Bob Jenkins, public domain), both seeds 0; the first result is
/// the upper half, as `jenkins_hash64()` of the format has it.
fn jenkins(key: &[u8]) -> u64 {
    let start = 0xdead_beef_u32.wrapping_add(u32::try_from(key.len() & 0xffff_ffff).unwrap_or(0));
    let mut state = [start; 3];
    // The last block, even a full one, is not mixed but finished.
    let blocks = key.len().saturating_sub(1) / 12;
    let (head, tail) = key.split_at_checked(blocks * 12).unwrap_or((key, &[]));
    for block in head.chunks_exact(12) {
        add(&mut state, block);
        mix(&mut state);
    }
    if !tail.is_empty() {
        add(&mut state, tail);
        finish(&mut state);
    }
    let [_, low, high] = state;
    (u64::from(high) << 32) | u64::from(low)
}

/// Adds up to twelve bytes, as three numbers with zeros behind them.
fn add(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks(4)) {
        let mut number = [0; 4];
        for (place, byte) in number.iter_mut().zip(bytes) {
            *place = *byte;
        }
        *word = word.wrapping_add(u32::from_le_bytes(number));
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &mut u32, z: u32, rotation| {
        *x = x.wrapping_sub(*y) ^ y.rotate_left(rotation);
        *y = y.wrapping_add(z);
    };
    step(a, c, *b, 4);
    step(b, a, *c, 6);
    step(c, b, *a, 8);
    step(a, c, *b, 16);
    step(b, a, *c, 19);
    step(c, b, *a, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: u32, rotation| *x = (*x ^ y).wrapping_sub(y.rotate_left(rotation));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the self-test of lookup3.c (`driver5`): c and b after both seeds 0.
    #[test]
    fn jenkins_is_as_in_lookup3() {
        assert_eq!(jenkins(b""), 0xdead_beef_dead_beef);
        assert_eq!(jenkins(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }
}

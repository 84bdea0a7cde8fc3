//! Where a byte occurs, 64 bytes at a time: fields are short and separators dense, so a call to memchr for each costs more than the
//! bytes do. One bit a byte, the first byte lowest. SSE2 where the processor is an x86_64 (each has it), else plain words.

/// Bytes looked at together.
pub(super) const LANES: usize = 64;
const HALF: usize = 16;

/// Which of the first 64 bytes equal `byte`, which is not NUL.
#[inline]
pub(super) fn hits(bytes: &[u8], byte: u8) -> u64 {
    masked(bytes, |sixteen| equal(sixteen, byte), |eight| equal_in(eight, byte))
}

/// Which of the first 64 bytes end a line: CR or LF.
#[inline]
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    masked(
        bytes,
        |sixteen| equal(sixteen, b'\r') | equal(sixteen, b'\n'),
        |eight| equal_in(eight, b'\r') | equal_in(eight, b'\n'),
    )
}

/// Up to eight bytes as a little-endian number.
#[inline]
pub(super) fn word(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    // The ends overlap where there are fewer than eight: both say the same there.
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(low), Some(high)) => {
            u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << (8 * (bytes.len() - 4))
        }
        _ => match *bytes {
            [a] => u64::from(a),
            [a, b] => u64::from(a) | u64::from(b) << 8,
            [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
            _ => 0,
        },
    }
}

#[inline]
fn masked(bytes: &[u8], equal: impl Fn(&[u8; HALF]) -> u64, equal_in: impl Fn(u64) -> u64) -> u64 {
    let (sixteens, tail) = bytes.as_chunks::<HALF>();
    if let [a, b, c, d, ..] = sixteens {
        return equal(a) | equal(b) << 16 | equal(c) << 32 | equal(d) << 48;
    }
    let mask = sixteens.iter().rev().fold(0, |mask, sixteen| mask << HALF | equal(sixteen));
    if tail.is_empty() {
        return mask;
    }
    let last = match bytes.last_chunk::<HALF>() {
        // The last sixteen bytes, without those seen before.
        Some(last) => equal(last) >> (HALF - tail.len()),
        // Fewer: as words, which need not pass through memory to be looked at together.
        None => {
            let above = tail.last_chunk::<8>().filter(|_| tail.len() > 8);
            let high = above.map_or(0, |last| u64::from_le_bytes(*last) >> (8 * (HALF - tail.len())));
            equal_in(word(tail)) | equal_in(high) << 8
        }
    };
    mask | last << (HALF * sixteens.len())
}

/// Which of eight bytes equal `byte`: an exact zero-byte test (no borrow crosses bytes), then one bit a byte moved to the top.
#[inline]
fn equal_in(eight: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let difference = eight ^ (LOW * u64::from(byte));
    let zeros = !(((difference & !HIGH) + !HIGH) | difference) & HIGH;
    (zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn equal(bytes: &[u8; HALF], byte: u8) -> u64 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};
    #[allow(unsafe_code)]
    // SAFETY: SSE2 is part of x86_64, and the load is of sixteen bytes that are there.
    let mask = unsafe {
        let lanes = _mm_loadu_si128(bytes.as_ptr().cast::<__m128i>());
        _mm_movemask_epi8(_mm_cmpeq_epi8(lanes, _mm_set1_epi8(byte.cast_signed())))
    };
    u64::from(mask.cast_unsigned())
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn equal(bytes: &[u8; HALF], byte: u8) -> u64 {
    plain_equal(bytes, byte)
}

/// The same in plain words.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_equal(bytes: &[u8; HALF], byte: u8) -> u64 {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().rev().fold(0, |mask, eight| mask << 8 | equal_in(u64::from_le_bytes(*eight), byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(len: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(b'|'), Just(b'\r'), Just(b'\n'), Just(0), any::<u8>()], 0..len)
    }

    proptest! {
        #[test]
        fn a_bit_is_set_where_the_byte_is_and_nowhere_else(bytes in bytes(100)) {
            let expected = |is: fn(&u8) -> bool| {
                bytes.iter().take(LANES).enumerate().fold(0_u64, |mask, (at, byte)| mask | u64::from(is(byte)) << at)
            };
            prop_assert_eq!(hits(&bytes, b'|'), expected(|byte| *byte == b'|'));
            prop_assert_eq!(line_ends(&bytes), expected(|byte| matches!(byte, b'\r' | b'\n')));
        }

        #[test]
        fn every_processor_says_the_same(bytes in any::<[u8; 16]>(), byte in 1_u8..) {
            prop_assert_eq!(equal(&bytes, byte), plain_equal(&bytes, byte));
            prop_assert_eq!(equal(&[byte; 16], byte), plain_equal(&[byte; 16], byte));
        }

        #[test]
        fn a_word_is_its_bytes_in_order(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let expected = bytes.iter().take(8).rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            prop_assert_eq!(word(&bytes), expected);
        }
    }
}

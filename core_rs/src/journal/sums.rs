//! Checksums of any part of a buffer for the price of its edges. Who searches damaged bytes for a record meets places that claim
//! all the rest of a segment; were each of them read to its end, a sender who fills a frame with such places could make the
//! search last for hours. With these the search reads 8 KiB a place at most, and holds 4 bytes for every 4 KiB.

use crc32c::{crc32c_append, crc32c_combine};

const BLOCK: usize = 4_096;

/// The checksums of a buffer's beginnings, one every 4 KiB.
#[derive(Debug)]
pub(super) struct Sums<'a> {
    bytes: &'a [u8],
    beginnings: Vec<u32>,
}

impl<'a> Sums<'a> {
    /// Reads the buffer once.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let mut beginnings = Vec::with_capacity(bytes.len() / BLOCK + 1);
        beginnings.push(0);
        let mut sum = 0;
        for block in bytes.chunks_exact(BLOCK) {
            sum = crc32c_append(sum, block);
            beginnings.push(sum);
        }
        Self { bytes, beginnings }
    }

    /// The CRC32C of the bytes from `start` to `end`; None where they are not all there.
    pub(super) fn part(&self, start: usize, end: usize) -> Option<u32> {
        let len = end.checked_sub(start)?;
        // crc(AB) = shift(crc(A), len B) ^ crc(B), and combining with a checksum of 0 is the shift alone.
        Some(self.beginning(end)? ^ crc32c_combine(self.beginning(start)?, 0, len))
    }

    fn beginning(&self, end: usize) -> Option<u32> {
        let block = end / BLOCK;
        Some(crc32c_append(*self.beginnings.get(block)?, self.bytes.get(block * BLOCK..end)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_part_has_the_checksum_of_its_bytes(size in 0usize..40_000, from in 0usize..40_000, until in 0usize..40_000, seed: u8) {
            let bytes: Vec<u8> = (0..size).map(|at| (at * at) as u8 ^ seed).collect();
            let expected = bytes.get(from..until).map(crc32c::crc32c);
            proptest::prop_assert_eq!(Sums::of(&bytes).part(from, until), expected);
        }
    }
}

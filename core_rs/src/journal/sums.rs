//! Checksums of any part of a buffer for the price of its edges. Who searches damaged bytes for a record meets places that claim
//! all the rest of a segment; were each of them read to its end, a sender who fills a frame with such places could make the
//! search last for hours. With these the search reads 1 KiB a place at most, and holds 4 bytes for every 512.

use crc32c::crc32c_append;

const BLOCK: usize = 512;
/// Castagnoli's polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// x to the power of 8 n 256^m modulo the polynomial, bits reversed: by m, then n. Two products shift anything below 64 KiB.
static SHIFTS: [[u32; 256]; 8] = {
    let mut shifts = [[1 << 31; 256]; 8];
    let (mut unit, mut place) = (1 << 23, 0);
    while place < shifts.len() {
        let mut count = 1;
        while count < 256 {
            shifts[place][count] = product(shifts[place][count - 1], unit);
            count += 1;
        }
        unit = product(shifts[place][255], unit);
        place += 1;
    }
    shifts
};

/// The checksums of a buffer's beginnings, one every 512 bytes.
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
        // crc(AB) = crc(A) x^(8 len B) + crc(B)
        Some(self.beginning(end)? ^ shifted(self.beginning(start)?, len))
    }

    fn beginning(&self, end: usize) -> Option<u32> {
        let block = end / BLOCK;
        Some(crc32c_append(*self.beginnings.get(block)?, self.bytes.get(block * BLOCK..end)?))
    }
}

/// A checksum times x^(8 len).
fn shifted(sum: u32, len: usize) -> u32 {
    let counts = (len as u64).to_le_bytes();
    let places = counts.iter().zip(&SHIFTS).filter(|(count, _)| **count > 0);
    places.filter_map(|(count, shifts)| shifts.get(usize::from(*count))).fold(sum, |sum, shift| product(*shift, sum))
}

/// The product of two polynomials modulo the third, bits reversed; without a branch on either, which damaged bytes would decide.
const fn product(a: u32, mut b: u32) -> u32 {
    let (mut sum, mut bit) = (0, 32);
    while bit > 0 {
        bit -= 1;
        sum ^= b & 0_u32.wrapping_sub(a >> bit & 1);
        b = (b >> 1) ^ (POLYNOMIAL & 0_u32.wrapping_sub(b & 1));
    }
    sum
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

//! Raw samples as a snapshot holds them: times as differences of differences, values as what differs from the one before, bit for
//! bit. A monitor's second takes 2 to 5 bytes instead of 16, which is what makes a ward's snapshot quick to write and to read.
//!
//! Per sample two varints: the zigzag of (t - t') - (t' - t''), and the reversed bits of value XOR value' (equal values are 0; values
//! of few binary digits differ in the high bits only). Two bytes a sample at least, so a damaged length cannot ask for much memory.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use super::block::Sample;

/// Writes samples as bytes.
pub(super) fn serialize<S: Serializer>(samples: &[Sample], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(&pack(samples))
}

/// Reads them back.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Sample>, D::Error> {
    let bytes = <&[u8]>::deserialize(deserializer)?;
    unpack(bytes).ok_or_else(|| D::Error::custom("samples end in the midst of one"))
}

fn pack(samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.len() * 5);
    let (mut at, mut step, mut bits) = (0_i64, 0_i64, 0_u64);
    for sample in samples {
        let next = sample.at_us.wrapping_sub(at);
        let change = next.wrapping_sub(step);
        put(&mut out, ((change << 1) ^ (change >> 63)).cast_unsigned());
        put(&mut out, (sample.value.to_bits() ^ bits).reverse_bits());
        (at, step, bits) = (sample.at_us, next, sample.value.to_bits());
    }
    out
}

fn unpack(mut bytes: &[u8]) -> Option<Vec<Sample>> {
    let mut samples = Vec::with_capacity(bytes.len() / 4);
    let (mut at, mut step, mut bits) = (0_i64, 0_i64, 0_u64);
    while !bytes.is_empty() {
        let zigzag = take(&mut bytes)?;
        let change = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        step = step.wrapping_add(change);
        at = at.wrapping_add(step);
        bits ^= take(&mut bytes)?.reverse_bits();
        samples.push(Sample { at_us: at, value: f64::from_bits(bits) });
    }
    Some(samples)
}

#[inline]
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[inline]
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(samples: &[Sample]) -> Vec<(i64, u64)> {
        samples.iter().map(|sample| (sample.at_us, sample.value.to_bits())).collect()
    }

    proptest! {
        #[test]
        fn p2_samples_come_back_bit_for_bit(samples in prop::collection::vec((any::<i64>(), any::<u64>()), 0..200)) {
            let samples: Vec<_> =
                samples.into_iter().map(|(at_us, bits)| Sample { at_us, value: f64::from_bits(bits) }).collect();
            prop_assert_eq!(bits(&unpack(&pack(&samples)).expect("whole")), bits(&samples));
        }

        #[test]
        fn bytes_of_anybody_never_panic_nor_give_more_samples_than_half_of_them(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(unpack(&bytes).is_none_or(|samples| samples.len() * 2 <= bytes.len()));
        }
    }

    #[test]
    fn a_monitors_second_takes_few_bytes() {
        let samples: Vec<_> = (0..3_600_i64)
            .map(|s| Sample { at_us: 1_760_000_000_000_000 + s * 1_000_000, value: 70.0 + (s / 7 % 5) as f64 })
            .collect();
        assert!(pack(&samples).len() < 3 * samples.len());
    }
}

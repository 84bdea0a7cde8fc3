//! The pass over a message with AVX-512 and AVX2, chosen at run time.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{Marks, each};
use crate::decode::hl7::scan::Delimiters;
use crate::decode::lanes::LANES;

/// Whether this processor has what it takes; if not, nothing is done.
#[inline]
pub(super) fn mark(bytes: &[u8], delimiters: &Delimiters, blocks: &mut [Marks]) -> bool {
    if is_x86_feature_detected!("avx512bw") {
        // SAFETY: the processor has AVX-512 BW.
        unsafe { mark_avx512(bytes, delimiters, blocks) }
    } else if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { mark_avx2(bytes, delimiters, blocks) }
    } else {
        return false;
    }
    true
}

#[target_feature(enable = "avx512bw")]
fn mark_avx512(bytes: &[u8], delimiters: &Delimiters, blocks: &mut [Marks]) {
    let lanes_of = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
    let [field, component, repetition, escape, subcomponent] = delimiters.all();
    let (cr, lf, field, component) = (lanes_of(b'\r'), lanes_of(b'\n'), lanes_of(field), lanes_of(component));
    let (repetition, escape, subcomponent) = (lanes_of(repetition), lanes_of(escape), lanes_of(subcomponent));
    each(bytes, blocks, |block: &[u8; LANES]| {
        // SAFETY: the load is of 64 bytes that are there.
        let lanes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let equal = |wanted: __m512i| _mm512_cmpeq_epi8_mask(lanes, wanted);
        let components = equal(component);
        let within = components | equal(repetition) | equal(escape) | equal(subcomponent);
        Marks { line_ends: equal(cr) | equal(lf), fields: equal(field), components, within }
    });
}

#[target_feature(enable = "avx2")]
fn mark_avx2(bytes: &[u8], delimiters: &Delimiters, blocks: &mut [Marks]) {
    let lanes_of = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
    let [field, component, repetition, escape, subcomponent] = delimiters.all();
    let (cr, lf, field, component) = (lanes_of(b'\r'), lanes_of(b'\n'), lanes_of(field), lanes_of(component));
    let (repetition, escape, subcomponent) = (lanes_of(repetition), lanes_of(escape), lanes_of(subcomponent));
    each(bytes, blocks, |block: &[u8; LANES]| {
        let start = block.as_ptr().cast::<__m256i>();
        // SAFETY: the loads are of twice 32 bytes that are there.
        let (low, high) = unsafe { (_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))) };
        let half = |lanes, wanted| u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(lanes, wanted)).cast_unsigned());
        let equal = |wanted: __m256i| half(low, wanted) | half(high, wanted) << 32;
        let components = equal(component);
        let within = components | equal(repetition) | equal(escape) | equal(subcomponent);
        Marks { line_ends: equal(cr) | equal(lf), fields: equal(field), components, within }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::portable;
    use super::*;

    type Kernel = unsafe fn(&[u8], &Delimiters, &mut [Marks]);

    fn kernels() -> Vec<Kernel> {
        let all: [(bool, Kernel); 2] =
            [(is_x86_feature_detected!("avx512bw"), mark_avx512), (is_x86_feature_detected!("avx2"), mark_avx2)];
        all.into_iter().filter(|(is_there, _)| *is_there).map(|(_, kernel)| kernel).collect()
    }

    fn message() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![prop::sample::select(b"|^~\\&\r\n".to_vec()), any::<u8>()], 0..300)
    }

    proptest! {
        #[test]
        fn every_processor_marks_the_same(bytes in message()) {
            let marked = |mark: &dyn Fn(&mut [Marks])| {
                let mut blocks = vec![Marks::default(); bytes.len().div_ceil(LANES)];
                mark(&mut blocks);
                blocks
            };
            let expected = marked(&|blocks| each(&bytes, blocks, |block| portable(block, &Delimiters::USUAL)));
            for kernel in kernels() {
                // SAFETY: the processor has what the kernel is compiled for.
                let found = marked(&|blocks| unsafe { kernel(&bytes, &Delimiters::USUAL, blocks) });
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}

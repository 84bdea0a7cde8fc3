//! The bit-vector kernel with AVX-512 and AVX2, chosen at run time. Same leaves, same order of addition, same bits.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::bits::{BitForest, LANES, sums};

/// The plain kernel, compiled for AVX2.
#[target_feature(enable = "avx2,lzcnt,bmi1,bmi2")]
pub(super) fn sums_avx2(forest: &BitForest, block: &[f32], out: &mut [f64; LANES]) {
    match forest.words {
        1 => sums::<1, true>(forest, block, out),
        _ => sums::<2, true>(forest, block, out),
    }
}

/// 32 rows in two registers of 16; `block` must satisfy `forest.fits`.
#[target_feature(enable = "avx512f,avx512cd")]
pub(super) fn sums_avx512(forest: &BitForest, block: &[f32], out: &mut [f64; LANES]) {
    assert!(forest.fits(block));
    match forest.words {
        1 => run_avx512::<1>(forest, block, out),
        _ => run_avx512::<2>(forest, block, out),
    }
}

#[target_feature(enable = "avx512f,avx512cd")]
fn run_avx512<const WORDS: usize>(forest: &BitForest, block: &[f32], out: &mut [f64; LANES]) {
    let mut sum = [_mm512_setzero_pd(); 4];
    let ones = _mm512_set1_epi32(-1);
    for (tree, span) in forest.spans.iter().enumerate() {
        let mut kept = [[ones; 2]; WORDS];
        for node in &forest.nodes[span.start as usize..span.nan_right as usize] {
            let threshold = _mm512_set1_ps(node.threshold);
            // SAFETY: `at` is a column below `forest.columns` times LANES, and `fits` was asserted for the block.
            let x = unsafe { block.as_ptr().add(node.at as usize) };
            let (low, high) = unsafe { (_mm512_loadu_ps(x), _mm512_loadu_ps(x.add(16))) };
            let right = [_mm512_cmp_ps_mask::<_CMP_LT_OQ>(threshold, low), _mm512_cmp_ps_mask::<_CMP_LT_OQ>(threshold, high)];
            clear(&mut kept, right, node.keep);
        }
        for node in &forest.nodes[span.nan_right as usize..span.end as usize] {
            let threshold = _mm512_set1_ps(node.threshold);
            // SAFETY: as above.
            let x = unsafe { block.as_ptr().add(node.at as usize) };
            let (low, high) = unsafe { (_mm512_loadu_ps(x), _mm512_loadu_ps(x.add(16))) };
            let right = [_mm512_cmp_ps_mask::<_CMP_NGE_UQ>(threshold, low), _mm512_cmp_ps_mask::<_CMP_NGE_UQ>(threshold, high)];
            clear(&mut kept, right, node.keep);
        }
        let values = &forest.values[tree * 32 * WORDS..(tree + 1) * 32 * WORDS];
        for half in 0..2 {
            let mut exit = _mm512_lzcnt_epi32(kept[0][half]);
            if WORDS == 2 {
                let second = _mm512_add_epi32(_mm512_lzcnt_epi32(kept[1][half]), _mm512_set1_epi32(32));
                exit = _mm512_mask_mov_epi32(exit, _mm512_testn_epi32_mask(kept[0][half], ones), second);
            }
            let quarters = [_mm512_castsi512_si256(exit), _mm512_extracti64x4_epi64::<1>(exit)];
            for (quarter, exits) in quarters.into_iter().enumerate() {
                let place = &mut sum[2 * half + quarter];
                *place = _mm512_add_pd(*place, look_up::<WORDS>(values, exits));
            }
        }
    }
    for (sum, out) in sum.into_iter().zip(out.chunks_exact_mut(8)) {
        // SAFETY: the chunk has eight places.
        unsafe { _mm512_storeu_pd(out.as_mut_ptr(), sum) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512cd")]
fn clear<const WORDS: usize>(kept: &mut [[__m512i; 2]; WORDS], right: [__mmask16; 2], keep: [u32; 2]) {
    for (kept, keep) in kept.iter_mut().zip(keep) {
        let keep = _mm512_set1_epi32(keep as i32);
        for (kept, right) in kept.iter_mut().zip(right) {
            *kept = _mm512_mask_and_epi32(*kept, right, *kept, keep);
        }
    }
}

/// Eight leaf values: 32 of them fit four registers and two permutes, 64 are gathered.
#[inline]
#[target_feature(enable = "avx512f,avx512cd")]
fn look_up<const WORDS: usize>(values: &[f64], exits: __m256i) -> __m512d {
    assert!(values.len() == 32 * WORDS);
    // SAFETY: the slice has 32 * WORDS places (asserted), an exit is below 32 * WORDS (some leaf bit always remains).
    unsafe {
        let at = values.as_ptr();
        if WORDS == 2 {
            let exits = _mm256_min_epu32(exits, _mm256_set1_epi32(63));
            return _mm512_i32gather_pd::<8>(exits, at);
        }
        let exits = _mm512_cvtepu32_epi64(exits);
        let low = _mm512_permutex2var_pd(_mm512_loadu_pd(at), exits, _mm512_loadu_pd(at.add(8)));
        let high = _mm512_permutex2var_pd(_mm512_loadu_pd(at.add(16)), exits, _mm512_loadu_pd(at.add(24)));
        _mm512_mask_mov_pd(low, _mm512_test_epi64_mask(exits, _mm512_set1_epi64(16)), high)
    }
}

//! How much two runs may differ before the difference means something.
//!
//! A run of n seconds is cut into ten slices; each slice's figure is the median of its seconds. The spread of the slices (their median
//! absolute deviation, scaled to a normal's standard deviation) over the square root of their number is the standard error of
//! the run's figure. Two runs differ beyond noise where their ratio leaves 1 by more than the larger of the given tolerance and
//! twice both runs' standard errors together. Under twenty measured seconds the run says nothing of its own noise.

/// Slices of a run.
const SLICES: usize = 10;
/// Seconds a slice must hold, at least.
const SLICE_SECONDS_MIN: usize = 2;
/// A median absolute deviation times this is the standard deviation of a normal.
const NORMAL: f64 = 1.4826;

/// The middle value; none of none.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half).copied()?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((upper + values.get(half.wrapping_sub(1)).copied()?) / 2.0) }
}

/// Standard error of a run's figure as a share of it; none where it cannot be said.
pub fn relative_error(by_second: &[f64]) -> Option<f64> {
    let size = by_second.len() / SLICES;
    if size < SLICE_SECONDS_MIN {
        return None;
    }
    let slices: Vec<f64> =
        by_second.chunks_exact(size).take(SLICES).filter_map(|slice| median(slice.iter().copied())).collect();
    let middle = median(slices.iter().copied())?;
    let spread = median(slices.iter().map(|slice| (slice - middle).abs()))?;
    let error = NORMAL * spread / (slices.len() as f64).sqrt() / middle;
    error.is_finite().then_some(error)
}

/// The band around a ratio of 1 in which two runs count as equal.
pub fn band(tolerance: f64, old: &[f64], new: &[f64]) -> f64 {
    match (relative_error(old), relative_error(new)) {
        (Some(old), Some(new)) => tolerance.max(2.0 * old.hypot(new)),
        _ => tolerance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seeded, jittery run around `level`, with a spike every nineteenth second.
    fn jittery(level: f64, seconds: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        (0..seconds)
            .map(|second| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let jitter = (state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5;
                level * (1.0 + 0.3 * jitter) * if second % 19 == 7 { 6.0 } else { 1.0 }
            })
            .collect()
    }

    #[test]
    fn runs_of_equal_level_stay_within_the_band() {
        for seed in 0..200 {
            let (old, new) = (jittery(5.0, 60, seed), jittery(5.0, 60, seed + 1000));
            let ratio = median(new.iter().copied()).unwrap_or(0.0) / median(old.iter().copied()).unwrap_or(1.0);
            assert!((ratio - 1.0).abs() <= band(0.10, &old, &new), "seed {seed}: {ratio}");
        }
    }

    #[test]
    fn a_level_a_third_higher_leaves_the_band() {
        for seed in 0..200 {
            let (old, new) = (jittery(5.0, 60, seed), jittery(6.75, 60, seed + 1000));
            let ratio = median(new.iter().copied()).unwrap_or(0.0) / median(old.iter().copied()).unwrap_or(1.0);
            assert!(ratio - 1.0 > band(0.10, &old, &new), "seed {seed}: {ratio} within {}", band(0.10, &old, &new));
        }
    }

    #[test]
    fn a_short_run_or_one_at_zero_says_nothing_of_its_noise() {
        assert_eq!(relative_error(&[1.0; 19]), None);
        assert_eq!(relative_error(&[0.0; 60]), None);
        assert_eq!(band(0.1, &[1.0; 5], &[1.0; 60]), 0.1);
        assert_eq!(
            (median([3.0, 1.0, 2.0].into_iter()), median([4.0, 1.0].into_iter()), median(std::iter::empty())),
            (Some(2.0), Some(2.5), None)
        );
    }
}

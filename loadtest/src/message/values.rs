//! Made-up values: a function of seed, bed, signal and number of the reading, so that any reading can be written again.
//!
//! Each patient has a level of its own, drifts slowly about it, and is measured with noise; a deteriorating one goes the whole
//! way to `worse` over the run. Nothing is fitted to data.

use super::signals::Signal;

/// A well mixed 64 bits (Steele, Lea and Flood, OOPSLA 2014: SplitMix).
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Evenly spread over -1000 to 1000.
fn even(bits: u64) -> i64 {
    i64::try_from(bits % 2_001).unwrap_or(0) - 1_000
}

/// 0 to 1, for this seed and number.
pub fn fraction(seed: u64, number: u64) -> f64 {
    (mix(seed ^ mix(number)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Readings in one swing of the drift.
const SWING: u64 = 256;

/// The value in thousandths of the unit. `worse` is 0 for the stable and goes to 1000 for whoever deteriorates.
pub fn value_milli(seed: u64, bed: u32, place: usize, signal: &Signal, number: u64, worse: i64) -> i64 {
    let own = mix(seed ^ (u64::from(bed) << 8) ^ place as u64);
    let level = signal.spread_milli * even(own) / 2_000;
    let swing = i64::try_from((number + (own >> 32)) % SWING).unwrap_or(0) - 128;
    let drift = signal.spread_milli * (swing.abs() - 64) / 256;
    let noise = signal.spread_milli * even(mix(own ^ number)) / 4_000;
    let raw = signal.usual_milli + level + drift + noise + signal.worse_milli * worse / 1_000;
    let shown = raw / signal.step_milli * signal.step_milli;
    if signal.name == "O2Sat" { shown.min(100_000) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::signals::{LABS, MONITOR};

    #[test]
    fn values_are_the_same_again_and_stay_near_the_usual() {
        for signal in MONITOR.iter().chain(&LABS) {
            for number in 0..2_000 {
                let value = value_milli(7, 3, 1, signal, number, 0);
                assert_eq!(value, value_milli(7, 3, 1, signal, number, 0));
                assert!(
                    (value - signal.usual_milli).abs() <= signal.spread_milli + signal.step_milli,
                    "{} {value}",
                    signal.name
                );
            }
        }
    }

    #[test]
    fn neighbouring_readings_differ() {
        let values: std::collections::BTreeSet<i64> = (0..50).map(|n| value_milli(7, 0, 0, &MONITOR[0], n, 0)).collect();
        assert!(values.len() > 5, "{values:?}");
    }
}

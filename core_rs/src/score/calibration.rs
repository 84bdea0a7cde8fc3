//! Calibration: from a model's raw score (log-odds, the sum of its trees) to a probability.
//!
//! | kind | probability of raw score r |
//! |---|---|
//! | identity | the model's own: the logistic function of r times its sigmoid factor |
//! | platt | 1 / (1 + exp(-(a r + b))), a > 0 (Platt 1999, with the sign of a turned so that it is positive) |
//! | isotonic | piecewise linear between knots: x on the raw axis, y probabilities; beyond the ends the end's y |
//!
//! Promise: monotone, within 0 and 1, finite for every finite raw score; NaN stays NaN. Refused at load: anything that would
//! break that. At most 10,000 knots.

use serde::{Deserialize, Serialize};

/// Most knots of an isotonic calibration.
pub const KNOTS_MAX: usize = 10_000;

/// A calibration as it stands in `manifest.toml` (table `[calibration]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Calibration {
    /// The model's own probability.
    Identity {},
    /// A logistic function of the raw score.
    Platt {
        /// Slope per unit of raw score, above 0.
        a: f64,
        /// Log-odds at raw score 0.
        b: f64,
    },
    /// A monotone table.
    Isotonic {
        /// Raw scores, strictly rising.
        x: Vec<f64>,
        /// Probabilities, never falling.
        y: Vec<f64>,
    },
}

impl Calibration {
    /// Checks what the module promises.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Identity {} => Ok(()),
            Self::Platt { a, b } if !(a.is_finite() && b.is_finite() && *a > 0.0) => {
                Err(format!("platt needs finite a > 0 and b, not a = {a}, b = {b}"))
            }
            Self::Platt { .. } => Ok(()),
            Self::Isotonic { x, y } => check_knots(x, y),
        }
    }

    /// The probability of a raw score; `own` is the model's own link, which identity uses.
    pub fn apply(&self, raw: f64, own: impl Fn(f64) -> f64) -> f64 {
        match self {
            Self::Identity {} => own(raw),
            Self::Platt { a, b } => logistic(a * raw + b),
            Self::Isotonic { x, y } => between(x, y, raw),
        }
    }
}

/// 1 / (1 + exp(-x)). The exponential is that of musl, not the system's: glibc takes another one on another processor, and a journal
/// replayed there would give another last bit.
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn check_knots(x: &[f64], y: &[f64]) -> Result<(), String> {
    if x.len() != y.len() || !(2..=KNOTS_MAX).contains(&x.len()) {
        return Err(format!("isotonic needs 2 to {KNOTS_MAX} knots, as many x as y, not {} and {}", x.len(), y.len()));
    }
    if let Some(at) = x.iter().zip(y).position(|(x, y)| !x.is_finite() || !(0.0..=1.0).contains(y)) {
        return Err(format!("isotonic knot {at} is not a finite x with a y from 0 to 1"));
    }
    if let Some(at) = x.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(format!("isotonic x does not rise after knot {at}"));
    }
    match y.windows(2).position(|pair| pair[0] > pair[1]) {
        Some(at) => Err(format!("isotonic y falls after knot {at}")),
        None => Ok(()),
    }
}

fn between(x: &[f64], y: &[f64], raw: f64) -> f64 {
    if raw.is_nan() {
        return f64::NAN;
    }
    let above = x.partition_point(|knot| *knot <= raw);
    let low = above.checked_sub(1).and_then(|at| Some((x.get(at)?, y.get(at)?)));
    match (low, x.get(above).zip(y.get(above))) {
        (Some((x0, y0)), Some((x1, y1))) => {
            // Halved so that the distance of two finite knots is finite.
            let share = (raw / 2.0 - x0 / 2.0) / (x1 / 2.0 - x0 / 2.0);
            (y0 + (y1 - y0) * share).clamp(*y0, *y1)
        }
        (Some((_, y)), None) | (None, Some((_, y))) => *y,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn isotonic(x: &[f64], y: &[f64]) -> Calibration {
        Calibration::Isotonic { x: x.to_vec(), y: y.to_vec() }
    }

    #[test]
    fn the_logistic_function_is_the_same_bits_on_every_processor() {
        // Within the last bit of the value to 80 digits.
        let known = [
            (-7.5, 0x3F42_1D0B_1571_1BF3_u64),
            (-2.25, 0x3FB8_68D2_916E_CA5B),
            (-0.7, 0x3FD5_3C69_5ABC_D715),
            (0.1, 0x3FE0_CCA1_2729_AFB8),
            (0.333, 0x3FE2_A3C0_45B5_0945),
            (1.5, 0x3FEA_2991_F2A9_7914),
            (3.75, 0x3FEF_43C4_F676_06ED),
            (9.125, 0x3FEF_FF1B_A06A_A64D),
        ];
        for (x, bits) in known {
            assert_eq!(logistic(x).to_bits(), bits, "{x}: {:#018x}", logistic(x).to_bits());
        }
    }

    #[test]
    fn identity_is_the_models_own_probability() {
        assert_eq!(Calibration::Identity {}.apply(0.5, |raw| logistic(2.0 * raw)), logistic(1.0));
        assert_eq!(logistic(0.0), 0.5);
    }

    #[test]
    fn platt_is_the_logistic_function_of_a_line() {
        let platt = Calibration::Platt { a: 0.5, b: -1.0 };
        assert!((platt.apply(4.0, |_| 0.0) - 0.731_058_578_630_004_9).abs() < 1e-15);
        assert_eq!(platt.apply(2.0, |_| 0.0), 0.5);
        assert_eq!((platt.apply(-1e308, |_| 0.0), platt.apply(1e308, |_| 0.0)), (0.0, 1.0));
        assert!(platt.apply(f64::NAN, |_| 0.0).is_nan());
    }

    #[test]
    fn isotonic_meets_its_knots_is_linear_between_and_flat_beyond() {
        let table = isotonic(&[-2.0, 0.0, 1.0, 3.0], &[0.01, 0.2, 0.2, 0.9]);
        table.check().expect("monotone");
        for (raw, expected) in [(-2.0, 0.01), (0.0, 0.2), (1.0, 0.2), (3.0, 0.9), (-1.0, 0.105), (0.5, 0.2), (2.0, 0.55)] {
            assert!((table.apply(raw, |_| 0.0) - expected).abs() < 1e-15, "{raw}");
        }
        assert_eq!((table.apply(-9.0, |_| 0.0), table.apply(9.0, |_| 0.0)), (0.01, 0.9));
        assert_eq!((table.apply(f64::NEG_INFINITY, |_| 0.0), table.apply(f64::INFINITY, |_| 0.0)), (0.01, 0.9));
        assert!(table.apply(f64::NAN, |_| 0.0).is_nan());
        let wide = isotonic(&[-1.7e308, 1.7e308], &[0.0, 1.0]);
        assert_eq!(wide.apply(0.0, |_| 0.0), 0.5, "the distance of the knots overflows");
    }

    #[test]
    fn what_is_not_monotone_or_finite_is_refused() {
        for (bad, says) in [
            (Calibration::Platt { a: 0.0, b: 0.0 }, "a > 0"),
            (Calibration::Platt { a: f64::INFINITY, b: 0.0 }, "finite"),
            (Calibration::Platt { a: 1.0, b: f64::NAN }, "finite"),
            (isotonic(&[0.0], &[0.5]), "2 to"),
            (isotonic(&[0.0, 1.0], &[0.5]), "as many"),
            (isotonic(&[0.0, 0.0], &[0.1, 0.2]), "rise after knot 0"),
            (isotonic(&[0.0, 1.0, 2.0], &[0.1, 0.3, 0.2]), "falls after knot 1"),
            (isotonic(&[0.0, f64::NAN], &[0.1, 0.2]), "knot 1"),
            (isotonic(&[0.0, 1.0], &[0.1, 1.1]), "knot 1"),
        ] {
            let why = bad.check().expect_err("refused");
            assert!(why.contains(says), "{why}");
        }
    }

    #[test]
    fn a_manifest_names_the_kind_and_nothing_else() {
        let read = |text: &str| toml::from_str::<Calibration>(text);
        assert_eq!(read("kind = 'identity'").expect("identity"), Calibration::Identity {});
        assert_eq!(read("kind = 'platt'\na = 1.0\nb = 0.5").expect("platt"), Calibration::Platt { a: 1.0, b: 0.5 });
        assert_eq!(read("kind = 'isotonic'\nx = [0, 1]\ny = [0, 0.5]").expect("table"), isotonic(&[0.0, 1.0], &[0.0, 0.5]));
        for bad in ["kind = 'beta'", "kind = 'identity'\na = 1.0", "kind = 'platt'\na = 1.0", "a = 1.0"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

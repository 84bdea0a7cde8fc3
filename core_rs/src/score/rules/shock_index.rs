//! Shock index: heart rate over systolic pressure (Allgower and Burri 1967), and the modified one over the mean arterial
//! pressure (Liu et al. 2012).
//!
//! The ratio of the rounded values, rounded to 0.01: finer digits are noise of the monitor, and every digit would be another
//! row in the store. Positive above 0.9 (Rady et al., Ann Emerg Med 1994;24:685). Both values must be known and at most 4
//! hours old, else there is no score.

use super::item::{Evaluation, Item};
use super::{Definition, Lookup, RATIO_S_MAX};
use crate::decode::catalogue::{DBP, HR, MAP, SBP};

/// Above this the index is positive.
pub const POSITIVE_ABOVE: f64 = 0.9;

/// The rule as a scorer.
pub const DEFINITION: Definition = Definition {
    name: "shock_index",
    version: "1967",
    title: "Shock index",
    source: "Allgower M, Burri C. Schockindex. Dtsch Med Wochenschr 1967;92:1947. Threshold: Rady MY et al. Ann Emerg Med 1994;24:685.",
    signals: &[HR, SBP],
    thresholds: &[("positive", POSITIVE_ABOVE, "above: hypoperfusion possible")],
    evaluate,
};

/// Heart rate over systolic pressure; None unless both are present.
pub fn evaluate(lookup: Lookup<'_>) -> Option<Evaluation> {
    let [hr, sbp] = [HR, SBP].map(|signal| Item::take(lookup, signal, RATIO_S_MAX));
    let value = ratio(hr.whole()?, sbp.whole()?)?;
    let inputs = [hr.input(None), sbp.input(None)].into_iter().collect();
    Some(Evaluation { value, band: u8::from(value > POSITIVE_ABOVE), present: 2, expected: 2, inputs })
}

/// Heart rate over mean arterial pressure, which is estimated where it is not measured; None unless both are known.
pub fn modified(lookup: Lookup<'_>) -> Option<f64> {
    let [hr, map, sbp, dbp] = [HR, MAP, SBP, DBP].map(|signal| Item::take(lookup, signal, RATIO_S_MAX));
    let map = map.value.or_else(|| Some(mean_arterial(sbp.value?, dbp.value?)));
    ratio(hr.whole()?, map?.round())
}

/// DBP + (SBP - DBP) / 3, mmHg.
pub fn mean_arterial(sbp: f64, dbp: f64) -> f64 {
    dbp + (sbp - dbp) / 3.0
}

fn ratio(over: f64, under: f64) -> Option<f64> {
    (under > 0.0).then(|| (over / under * 100.0).round() / 100.0)
}

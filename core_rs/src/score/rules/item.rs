//! One item of a rule: a fresh value with its points, or a missing one with the age of what is too old.

use super::{Lookup, OXYGEN_S_MAX, VITALS_S_MAX};
use crate::decode::SignalId;
use crate::decode::catalogue::{CONSCIOUSNESS, FIO2, GCS, OXYGEN};
use crate::score::boundary::{Input, Inputs};

/// FiO2 above this is oxygen; room air is 0.21, and 1e-9 absorbs the conversion from per cent.
const FIO2_AIR: f64 = 0.21 + 1e-9;

/// What a rule says of a patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Points, or a ratio.
    pub value: f64,
    /// As in `Score::band`.
    pub band: u8,
    /// Items that could be decided.
    pub present: u8,
    /// Items of the table.
    pub expected: u8,
    /// In the order of the table.
    pub inputs: Inputs,
}

/// A signal as a rule sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// Which.
    pub signal: SignalId,
    /// None where it was never observed or is too old.
    pub value: Option<f64>,
    /// Of the newest observation, also where it is too old.
    pub age_s: Option<f64>,
}

impl Item {
    /// The newest value of a signal, missing where it is older than `age_s_max`.
    pub fn take(lookup: Lookup<'_>, signal: SignalId, age_s_max: f64) -> Self {
        match lookup(signal) {
            Some((value, age_s)) => {
                let fresh = value.is_finite() && age_s <= age_s_max;
                Self { signal, value: fresh.then_some(value), age_s: Some(age_s) }
            }
            None => Self { signal, value: None, age_s: None },
        }
    }

    /// A charted vital sign.
    pub fn vital(lookup: Lookup<'_>, signal: SignalId) -> Self {
        Self::take(lookup, signal, VITALS_S_MAX)
    }

    /// Whole units, halves away from zero.
    pub fn whole(&self) -> Option<f64> {
        self.value.map(f64::round)
    }

    /// Tenths as a whole number: 36.6 is 366.
    pub fn tenths(&self) -> Option<f64> {
        self.value.map(|value| (value * 10.0).round())
    }

    /// The newer of two signals that say the same thing. At the same age the one for which `worse` holds, else the first.
    fn newer(first: Self, second: Self, worse: fn(&Self) -> bool) -> Self {
        match (first.age_s, second.age_s) {
            (_, None) => first,
            (None, _) => second,
            (Some(a), Some(b)) if a < b => first,
            (Some(a), Some(b)) if b < a => second,
            _ if worse(&second) && !worse(&first) => second,
            _ => first,
        }
    }

    /// Whether oxygen is given: the newer of the kind of therapy and FiO2.
    pub fn oxygen(lookup: Lookup<'_>) -> Self {
        let given = Self::take(lookup, OXYGEN, OXYGEN_S_MAX);
        let fraction = Self::take(lookup, FIO2, OXYGEN_S_MAX);
        Self::newer(given, fraction, |item| item.is_oxygen() == Some(true))
    }

    /// For an item of `oxygen`.
    pub fn is_oxygen(&self) -> Option<bool> {
        self.value.map(|value| if self.signal == FIO2 { value > FIO2_AIR } else { value >= 0.5 })
    }

    /// Whether the patient is alert: the newer of ACVPU and the Glasgow coma score.
    pub fn mentation(lookup: Lookup<'_>) -> Self {
        let acvpu = Self::vital(lookup, CONSCIOUSNESS);
        let gcs = Self::vital(lookup, GCS);
        Self::newer(acvpu, gcs, |item| item.is_altered() == Some(true))
    }

    /// For an item of `mentation`: anything but Alert, or a Glasgow coma score below 15.
    pub fn is_altered(&self) -> Option<bool> {
        self.whole().map(|value| if self.signal == GCS { value < 15.0 } else { value >= 1.0 })
    }

    /// The input of a score; `points` are dropped where the value is missing.
    pub fn input(&self, points: Option<u8>) -> Input {
        Input {
            signal: self.signal,
            value: self.value,
            age_s: self.age_s.map(|age| age as f32),
            points: self.value.and(points),
        }
    }
}

/// Items with their points as a score. None without a single item; `band` gets the sum.
pub(super) fn total(items: &[(Item, Option<u8>)], band: impl Fn(u8) -> u8) -> Option<Evaluation> {
    let inputs: Inputs = items.iter().map(|(item, points)| item.input(*points)).collect();
    let scored = inputs.iter().filter_map(|input| input.points);
    let present = scored.clone().count() as u8;
    let sum = scored.sum::<u8>();
    (present > 0).then(|| Evaluation { value: f64::from(sum), band: band(sum), present, expected: inputs.len() as u8, inputs })
}

/// 1 from a threshold on.
pub(super) fn positive_at(threshold: u8) -> impl Fn(u8) -> u8 {
    move |sum| u8::from(sum >= threshold)
}

/// The points of the first band whose upper edge is not below the value; `above` beyond the last.
pub(super) fn banded(value: Option<f64>, bands: &[(f64, u8)], above: u8) -> Option<u8> {
    value.map(|value| bands.iter().find(|(upper, _)| value <= *upper).map_or(above, |(_, points)| *points))
}

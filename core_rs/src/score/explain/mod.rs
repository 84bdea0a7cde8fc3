//! Why a score is what it is, for people: contributions grouped by signal and told in words.
//!
//! A model's TreeSHAP shares are summed over all features of one signal (`lactate`: its value, age, count, change), each
//! attribute of the person, coded fact and derived feature being a group of its own. The `REASONS_MAX` groups with the largest
//! absolute sums are told, largest first. The words are built from the row, the score's inputs and the plan alone: no clock, no
//! identity (P6), and equal rows give equal words. A missing input is named as missing, never given a value (P7). A rule's
//! reasons are the items that scored.
//!
//! What a sentence may claim is ruled in `course` (rising, falling, highest); titles, units and numbers are in `spoken`.

mod attribute;
mod course;
mod derived;
mod outline;
mod signal;
mod spoken;

#[cfg(test)]
mod tests;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

pub use outline::Outline;
pub(crate) use signal::told;
pub(crate) use spoken::{short, span, window};

use super::boundary::{Contribution, Input};

/// Reasons told for a score.
pub const REASONS_MAX: usize = 5;

/// What a reason does to the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Its share is above 0.
    Raises,
    /// Its share is below 0.
    Lowers,
    /// It has no share: the values of a ratio.
    Neither,
}

impl Direction {
    /// By the sign of a share.
    pub fn of(share: f64) -> Self {
        if share > 0.0 {
            Self::Raises
        } else if share < 0.0 {
            Self::Lowers
        } else {
            Self::Neither
        }
    }

    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raises => "raises",
            Self::Lowers => "lowers",
            Self::Neither => "neither",
        }
    }
}

/// One reason for a score: everything it knows of one signal, attribute or derived feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The signal's name in the catalogue, or the attribute's or derived feature's name in the plan.
    pub about: CompactString,
    /// Share of the raw score: log-odds of a model, points of a rule.
    pub share: f64,
    /// What that does to the score.
    pub direction: Direction,
    /// Whether the reason is that the value is missing.
    pub missing: bool,
    /// For a person: `lactate 3.4 mmol/L, 2 h old, rising from 2.1 in 24 h`. No identity.
    pub words: String,
}

/// Why a score is what it is: for machines and for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The features with the largest shares, or the items that scored, most important first.
    pub contributions: Vec<Contribution>,
    /// The same by signal and in words.
    pub reasons: Vec<Reason>,
}

/// One input of a score in words: `heart rate 72 /min, 1 min old`, `no lactate measured`, and of one that is too old to count
/// how old it is.
pub fn input(input: &Input) -> String {
    signal::told(input)
}

/// The items of a rule that scored, most points first; of a ratio its values, with share 0.
pub fn rule(inputs: &[Input]) -> Vec<Reason> {
    let ratio = inputs.iter().all(|input| input.points.is_none());
    let mut reasons: Vec<Reason> = inputs
        .iter()
        .filter(|input| input.value.is_some() && (ratio || input.points.is_some_and(|points| points > 0)))
        .filter_map(|input| {
            let (about, words) = signal::item(input)?;
            let share = f64::from(input.points.unwrap_or(0));
            Some(Reason { about: about.into(), share, direction: Direction::of(share), missing: false, words })
        })
        .collect();
    reasons.sort_by(|a, b| b.share.total_cmp(&a.share));
    reasons.truncate(REASONS_MAX);
    reasons
}

//! Clinical rules: published tables that turn a patient's newest values into points.
//!
//! Promise: a pure function of a lookup; the same values and ages give the same points. An item that is missing is listed with
//! `value` None and never counts as zero points; a rule without a single item gives no score.
//!
//! # How old a value may be
//! Charted vital signs count for 12 hours: the longest interval the Royal College of Physicians lets pass between two sets of
//! a patient with the lowest NEWS2 (and 720 of a monitor's). Oxygen therapy changes by order and is charted when it changes:
//! 24 hours. Blood gases 24 hours, blood counts 48 hours (a daily draw that was missed once). The shock index divides two
//! values, which means something only when they belong together: 4 hours, the shortest ward round. Older values count as
//! missing, but their age is still shown. The limits are this project's choice, not part of the published tables.
//!
//! # Rounding
//! Rates, pressures and saturations are rounded to whole numbers (halves away from zero) and temperatures to 0.1 before they
//! are banded, as the tables are printed. Laboratory values are compared as they are.

mod derived;
mod item;
pub mod mews;
pub mod news2;
pub mod qsofa;
pub mod shock_index;
pub mod sirs;
mod sofa;

#[cfg(test)]
mod tests;

use super::boundary::{Contribution, Score};
use super::explain::{self, Why};
use crate::decode::{PatientId, SignalId, catalogue};
pub use derived::DERIVED;
pub use item::{Evaluation, Item};

/// Newest value of a signal in its canonical unit, and its age in seconds.
pub type Lookup<'a> = &'a dyn Fn(SignalId) -> Option<(f64, f64)>;

/// How long a charted vital sign counts, seconds.
pub const VITALS_S_MAX: f64 = 12.0 * 3_600.0;
/// How long FiO2 or the kind of oxygen therapy counts, seconds.
pub const OXYGEN_S_MAX: f64 = 24.0 * 3_600.0;
/// How long a blood gas counts, seconds.
pub const BLOOD_GAS_S_MAX: f64 = 24.0 * 3_600.0;
/// How long a blood count counts, seconds.
pub const BLOOD_COUNT_S_MAX: f64 = 48.0 * 3_600.0;
/// How long the two values of a ratio count, seconds.
pub const RATIO_S_MAX: f64 = 4.0 * 3_600.0;

/// A published rule.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The stable name of the scorer.
    pub name: &'static str,
    /// The edition of the table, by year.
    pub version: &'static str,
    /// For a person.
    pub title: &'static str,
    /// Where the table stands.
    pub source: &'static str,
    /// All signals it may read.
    pub signals: &'static [SignalId],
    /// What is urgent according to the table: purpose, points or ratio, text.
    pub thresholds: &'static [(&'static str, f64, &'static str)],
    /// The table. None where no item is present.
    pub evaluate: fn(Lookup<'_>) -> Option<Evaluation>,
}

/// All rules in the order of the scorers.
pub const ALL: [&Definition; 5] =
    [&news2::DEFINITION, &qsofa::DEFINITION, &sirs::DEFINITION, &shock_index::DEFINITION, &mews::DEFINITION];

/// A rule with its place among the scorers.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    index: u16,
    definition: &'static Definition,
}

impl Rule {
    /// A rule at a place.
    pub const fn new(index: u16, definition: &'static Definition) -> Self {
        Self { index, definition }
    }

    /// Index into the engine's list of scorers.
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Name, version, source, signals, table.
    pub const fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The score of a patient, or None where no item is present. `raw` and `value` are the points (of the shock index the
    /// ratio), `band` as in `Score`.
    pub fn evaluate(&self, lookup: Lookup<'_>, patient: PatientId, seq: u64, ordinal: u32, at_us: i64) -> Option<Score> {
        let evaluation = (self.definition.evaluate)(lookup)?;
        Some(Score {
            seq,
            ordinal,
            patient,
            scorer: self.index,
            at_us,
            raw: evaluation.value,
            value: evaluation.value,
            present: evaluation.present,
            expected: evaluation.expected,
            band: evaluation.band,
            inputs: evaluation.inputs,
            features: Vec::new(),
        })
    }

    /// The items that scored, most points first and within equal points in the order of the table. The values of the shock
    /// index have no points: both are given, with share 0.
    pub fn why(score: &Score) -> Why {
        let mut out = Vec::new();
        for input in &score.inputs {
            let (Some(value), Some(row)) = (input.value, catalogue::signal(input.signal)) else { continue };
            let ratio = score.inputs.iter().all(|input| input.points.is_none());
            match input.points {
                Some(points) if points > 0 => {
                    out.push(Contribution { feature: row.name.into(), value, share: f64::from(points) });
                }
                None if ratio => out.push(Contribution { feature: row.name.into(), value, share: 0.0 }),
                _ => {}
            }
        }
        out.sort_by(|a: &Contribution, b| b.share.total_cmp(&a.share));
        Why { contributions: out, reasons: explain::rule(&score.inputs) }
    }
}

//! The boundary between score and alert.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::{PatientId, SignalId};

/// One input of a score: what was known of a signal, and how old it was. Missing inputs are listed with `value` None.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Which signal.
    pub signal: SignalId,
    /// The last value in canonical units; None is missing, never zero.
    pub value: Option<f64>,
    /// Seconds from observation to score, also of a value that is missing because it is too old; None where there never was one.
    pub age_s: Option<f32>,
    /// Points of this item in a rule score; None for models and missing items.
    pub points: Option<u8>,
}

/// Inputs in the order of the table or the plan: as many as a rule has lie in the score itself, so that a rule's score takes no memory
/// of its own.
pub type Inputs = SmallVec<[Input; 7]>;

/// One feature's share of a raw model score (TreeSHAP), or one item's points of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contribution {
    /// The feature's name in the plan, or the item's name in the rule.
    pub feature: CompactString,
    /// The feature's value; NaN is missing.
    pub value: f64,
    /// Share of the raw score (log-odds), or points.
    pub share: f64,
}

/// A risk or rule score of one patient at one time, with all that explains it (P9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The frame that caused it.
    pub seq: u64,
    /// Position among the rows of that frame.
    pub ordinal: u32,
    /// Whose.
    pub patient: PatientId,
    /// Index into the engine's list of scorers (rules first, then bundles); name, version and hash live there.
    pub scorer: u16,
    /// Time of the score: the receipt of the frame that caused it.
    pub at_us: i64,
    /// Raw output: log-odds of a model, points of a rule.
    pub raw: f64,
    /// What is shown and compared with thresholds: calibrated probability, or the points again.
    pub value: f64,
    /// Items or signals present.
    pub present: u8,
    /// Items or signals the scorer knows.
    pub expected: u8,
    /// Clinical band of a rule: NEWS2 0 none, 1 low, 2 low-medium, 3 medium, 4 high; others 0 negative, 1 positive; models 0.
    pub band: u8,
    /// The inputs with their ages.
    pub inputs: Inputs,
    /// The feature row of a model, in plan order; empty for rules.
    pub features: Vec<f32>,
}

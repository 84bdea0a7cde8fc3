//! What the pipeline fills in for each message: borrowed views, so that nothing is copied before it is JSON.

use crate::alert::{AlertEvent, Standing, StandingAlert};
use crate::decode::{BedKey, PatientId};

/// The last value of one signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VitalView<'a> {
    /// The catalogue's name: `HR`, `O2Sat`.
    pub name: &'a str,
    /// Canonical UCUM unit; empty for coded signals.
    pub unit: &'a str,
    /// In that unit.
    pub value: f64,
    /// When it was observed, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
}

/// One point of a sparkline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkPoint {
    /// When, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// In the canonical unit; NaN draws a gap.
    pub value: f64,
}

/// The recent course of one signal. 30 to 60 points are what a tile can show; each costs about 10 bytes in every message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkView<'a> {
    /// The catalogue's name.
    pub name: &'a str,
    /// Oldest first.
    pub points: &'a [SparkPoint],
}

/// One input of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ItemView<'a> {
    /// The item's or signal's name.
    pub name: &'a str,
    /// Canonical UCUM unit; empty for coded signals.
    pub unit: &'a str,
    /// None is missing, never zero.
    pub value: Option<f64>,
    /// Points in a rule score; None for models and missing items.
    pub points: Option<u8>,
    /// Seconds from observation to score; None where missing.
    pub age_s: Option<f32>,
}

/// What kind of scorer made a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreKind {
    /// Points by a published table.
    Rule,
    /// A calibrated probability.
    Model,
}

/// The newest score of one scorer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreView<'a> {
    /// The scorer's name: `news2`, `sepsis`. The key in the message.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Rule or model.
    pub kind: ScoreKind,
    /// Points, or calibrated probability.
    pub value: f64,
    /// Points, or log-odds.
    pub raw: f64,
    /// As in `Score::band`.
    pub band: u8,
    /// Items or signals present.
    pub present: u8,
    /// Items or signals the scorer knows.
    pub expected: u8,
    /// Time of the score, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Its inputs; may be empty for models, whose signals are among the vitals.
    pub items: &'a [ItemView<'a>],
}

/// An alert, or one step of its life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertView<'a> {
    /// The step, or what `StandingAlert` holds.
    pub event: &'a AlertEvent,
    /// The scorer's name; empty where no score made it.
    pub score: &'a str,
    /// What it waits for and since when, microseconds since 1970-01-01 UTC; None of a step.
    pub standing: Option<(Standing, i64)>,
}

impl<'a> AlertView<'a> {
    /// One step. `score` is the name of the event's scorer.
    pub const fn of(event: &'a AlertEvent, score: &'a str) -> Self {
        Self { event, score, standing: None }
    }

    /// An alert as it stands.
    pub const fn standing(alert: &'a StandingAlert, score: &'a str) -> Self {
        Self { event: &alert.opened, score, standing: Some((alert.standing, alert.since_us)) }
    }
}

/// The full current state of one patient, as consoles show it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatientView<'a> {
    /// The frame that touched the patient.
    pub seq: u64,
    /// Whose.
    pub patient: PatientId,
    /// Where the patient lies; None while in no bed.
    pub bed: Option<&'a BedKey>,
    /// Time of this state: receipt of that frame, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// The last value of each signal the console shows, in catalogue order.
    pub vitals: &'a [VitalView<'a>],
    /// The sparklines, in catalogue order.
    pub spark: &'a [SparkView<'a>],
    /// The newest score of each scorer, rules first.
    pub scores: &'a [ScoreView<'a>],
    /// All alerts that are not cleared, most urgent first.
    pub alerts: &'a [AlertView<'a>],
}

//! score, for a batch: rules at once, forests over all rows of the batch together.
//!
//! Feature rows are taken at the frame that triggers them, so what a row holds does not depend on where a batch ends; only the
//! forest, whose bits are the same for any batch, runs later.

use super::State;
use super::touched::{Restated, Said};
use crate::decode::SignalId;
use crate::score::{Bundle, Input, Inputs, Occasion, Score, Scorers};
use crate::window::{Patient, Slot};

/// Microseconds in a second.
const US_PER_S: f64 = 1_000_000.0;

/// Scorers by index.
pub(super) type Silenced = smallvec::SmallVec<[u16; 4]>;

/// Rows of one bundle that wait for its forest.
#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<f32>,
    /// Places among the batch's scores.
    scores: Vec<usize>,
    raw: Vec<f64>,
}

/// The frame that asks for scores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a> {
    pub seq: u64,
    pub at_us: i64,
    /// The values it says of the patient.
    pub said: &'a [Said],
    /// The discharge of the patient, or any other.
    pub occasion: Occasion,
    /// Whether it took something back of the patient.
    pub restated: Restated,
}

/// The scores of the batch under way.
#[derive(Debug, Default)]
pub(super) struct Scoring {
    /// None once alert has taken it.
    scores: Vec<Option<Score>>,
    waiting: Vec<Waiting>,
}

impl Scoring {
    pub fn new(scorers: &Scorers) -> Self {
        let waiting = scorers.bundles().iter().map(|_| Waiting::default()).collect();
        Self { scores: Vec::new(), waiting }
    }

    /// Scores taken so far.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// The scorers of those taken from a place on.
    pub fn scorers_since(&self, first: usize) -> impl Iterator<Item = u16> {
        self.scores.iter().skip(first).flatten().map(|score| score.scorer)
    }

    /// A score that has not been handed over.
    pub fn score(&self, index: usize) -> Option<&Score> {
        self.scores.get(index).and_then(Option::as_ref)
    }

    /// Hands over a score by its place, once.
    pub fn hand_over(&mut self, index: usize) -> Option<Score> {
        self.scores.get_mut(index).and_then(Option::take)
    }

    /// Empty again, memory kept.
    pub fn clear(&mut self) {
        self.scores.clear();
        for waiting in &mut self.waiting {
            waiting.rows.clear();
            waiting.scores.clear();
        }
    }

    /// Evaluates the rules for a patient after a frame, and takes the rows of the bundles that are due. Returns the scorers that
    /// a correction of their inputs has left without enough to say anything.
    pub fn take(&mut self, scorers: &Scorers, state: &mut State, slot: Slot, cause: Cause<'_>, ordinal: &mut u32) -> Silenced {
        let mut silenced = Silenced::new();
        let Cause { seq, at_us, said, occasion, restated } = cause;
        let Some(patient) = state.ward.patient(slot) else { return silenced };
        let lookup = |signal: SignalId| latest(patient, signal, at_us);
        let corrected = |inputs: &[SignalId]| {
            restated == Restated::Signals && said.iter().any(|one| one.corrects && inputs.contains(&one.signal))
        };
        // A rule speaks of whoever lies there: not of who is leaving.
        for (rule, index) in scorers.rules().iter().zip(0..).filter(|_| occasion == Occasion::Frame) {
            if let Some(score) = rule.evaluate(&lookup, patient.id(), seq, *ordinal, at_us) {
                *ordinal += 1;
                self.scores.push(Some(score));
            } else if corrected(rule.definition().signals) {
                silenced.push(index);
            }
        }
        for (bundle, waiting) in scorers.bundles().iter().zip(&mut self.waiting) {
            let id = patient.id();
            let again = occasion == Occasion::Frame
                && bundle.trigger().is_bedside()
                && (restated == Restated::All || corrected(bundle.signals()));
            if !again && !bundle.trigger().asks(occasion, said.iter().map(|one| one.signal)) {
                continue;
            }
            // Mostly it is not due yet: asked first, since what is present costs a look at every signal.
            let interval_us = if again { i64::MIN } else { bundle.trigger().min_interval_s.saturating_mul(1_000_000) };
            if !state.triggers.is_due(id, bundle.scorer(), at_us, interval_us) {
                continue;
            }
            let inputs = inputs(bundle, patient, at_us);
            let present = inputs.iter().filter(|input| input.value.is_some()).count();
            if present < bundle.trigger().min_signals {
                silenced.extend((again && restated == Restated::Signals).then_some(bundle.scorer()));
                continue;
            }
            state.triggers.pull(id, bundle.scorer(), at_us);
            let start = waiting.rows.len();
            waiting.rows.resize(start + bundle.plan().width(), f32::NAN);
            let Some(row) = waiting.rows.get_mut(start..) else { continue };
            state.ward.row(slot, bundle.plan(), at_us, row);
            waiting.scores.push(self.scores.len());
            self.scores.push(Some(Score {
                seq,
                ordinal: *ordinal,
                patient: id,
                scorer: bundle.scorer(),
                at_us,
                raw: f64::NAN,
                value: f64::NAN,
                present: u8::try_from(present).unwrap_or(u8::MAX),
                expected: u8::try_from(inputs.len()).unwrap_or(u8::MAX),
                band: 0,
                features: row.to_vec(),
                inputs,
            }));
            *ordinal += 1;
        }
        silenced
    }

    /// Runs each bundle's forest over the rows that wait for it.
    pub fn evaluate(&mut self, scorers: &Scorers) {
        for (bundle, waiting) in scorers.bundles().iter().zip(&mut self.waiting) {
            if waiting.scores.is_empty() {
                continue;
            }
            if let Some(fault) = bundle.fault_for_tests() {
                waiting
                    .scores
                    .iter()
                    .filter_map(|index| self.scores.get(*index)?.as_ref())
                    .for_each(|score| fault.meet(&score.inputs));
            }
            bundle.predict_raw(&waiting.rows, &mut waiting.raw);
            for (index, raw) in waiting.scores.iter().zip(&waiting.raw) {
                if let Some(Some(score)) = self.scores.get_mut(*index) {
                    (score.raw, score.value) = (*raw, bundle.finish(*raw));
                }
            }
        }
    }
}

/// The newest value of a signal and its age in seconds.
pub(super) fn latest(patient: &Patient, signal: SignalId, at_us: i64) -> Option<(f64, f64)> {
    let (value, observed_at_us) = patient.latest(signal, at_us)?;
    Some((value, (at_us - observed_at_us) as f64 / US_PER_S))
}

/// The signals of a bundle with their newest values and ages.
pub(super) fn inputs(bundle: &Bundle, patient: &Patient, at_us: i64) -> Inputs {
    bundle
        .signals()
        .iter()
        .map(|signal| {
            let newest = latest(patient, *signal, at_us);
            Input {
                signal: *signal,
                value: newest.map(|(value, _)| value),
                age_s: newest.map(|(_, age)| age as f32),
                points: None,
            }
        })
        .collect()
}

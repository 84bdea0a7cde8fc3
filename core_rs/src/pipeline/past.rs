//! What was known of one patient at one time, read from the state a replay has rebuilt. Reading changes nothing.

use super::scoring::{inputs, latest};
use super::{Focus, Pipeline};
use crate::alert::StandingAlert;
use crate::decode::catalogue::SIGNALS;
use crate::decode::{BedKey, PatientId, SignalId};
use crate::score::{Bundle, Input, Inputs, Score, Why};
use crate::window::Patient;

/// Where a past score comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The route computed it then and gave it a row in the store.
    Stored,
    /// No row: what the scorer says of the state at the time asked for.
    Computed,
}

/// A score of the past with what made it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastScore {
    /// Stored or computed.
    pub origin: Origin,
    /// The score. Of a scorer that gives none (see `why_not`): raw and value are NaN, the inputs are those it would read.
    pub score: Score,
    /// By feature and in words; empty where there is no score.
    pub why: Why,
    /// Why the scorer gives no score of this state.
    pub why_not: Option<String>,
    /// When this scorer's newest row of the stay was given, microseconds; also where that was before the replay began.
    pub last_stored_at_us: Option<i64>,
}

/// A patient at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Where the patient lay.
    pub bed: Option<BedKey>,
    /// When the patient had left, if so: then nothing was scored any more.
    pub discharged_at_us: Option<i64>,
    /// Newest value of every signal observed so far and its time, in catalogue order.
    pub signals: Vec<(SignalId, f64, i64)>,
    /// Per scorer, rules first: the newest stored one, then the computed one unless it is the same.
    pub scores: Vec<PastScore>,
    /// The alerts that were not cleared, most urgent first.
    pub alerts: Vec<StandingAlert>,
}

impl Pipeline {
    /// Computes only what bears on one patient from here on. Frames must be run with a cursor behind all of them.
    pub fn focus_on(&mut self, focus: Focus) {
        self.state.ward.keep_vitals_of(|patient| focus.concerns(patient));
        self.focus = Some(focus);
    }

    /// Who a record is by now: itself, or the one it was merged into.
    pub fn survivor(&self, id: PatientId) -> PatientId {
        self.state.ward.survivor(id)
    }

    /// What is focused on, and what it has seen.
    pub fn focus(&self) -> Option<&Focus> {
        self.focus.as_ref()
    }

    /// A patient at a time at or after the newest frame, named by its number; None for one not known then.
    pub fn past(&self, id: PatientId, at_us: i64, seq: u64) -> Option<Past> {
        let slot = self.state.ward.slot(id)?;
        let patient = self.state.ward.patient(slot)?;
        let signals = (0_u16..).zip(SIGNALS).map(|(number, _)| SignalId(number));
        let signals = signals.filter_map(|signal| patient.latest(signal, at_us).map(|(value, at)| (signal, value, at)));
        Some(Past {
            bed: self.state.ward.bed_of(slot).cloned(),
            discharged_at_us: patient.discharged_at_us(),
            signals: signals.collect(),
            scores: self.past_scores(patient, at_us, seq),
            alerts: self.state.board.alerts(id).to_vec(),
        })
    }

    fn past_scores(&self, patient: &Patient, at_us: i64, seq: u64) -> Vec<PastScore> {
        let mut out = Vec::new();
        let here = patient.discharged_at_us().is_none();
        for index in 0..u16::try_from(self.scorers.len()).unwrap_or(u16::MAX) {
            let stored = self.focus.as_ref().and_then(|focus| focus.stored(index)).cloned();
            let remembered_us = self.state.board.recorded_at_us(patient.id(), index);
            let last_stored_at_us = remembered_us.or(stored.as_ref().map(|score| score.at_us));
            let is_now = stored.as_ref().is_some_and(|score| score.at_us == at_us && score.seq == seq);
            if let Some(score) = stored {
                let why = self.scorers.why(&score);
                out.push(PastScore { origin: Origin::Stored, score, why, why_not: None, last_stored_at_us });
            }
            if here && !is_now {
                let (score, why_not) = self.compute(index, patient, at_us, seq);
                let why = if why_not.is_none() { self.scorers.why(&score) } else { Why::default() };
                out.push(PastScore { origin: Origin::Computed, score, why, why_not, last_stored_at_us });
            }
        }
        out
    }

    /// What a scorer says of a patient now, whether or not it is due, and why where it says nothing.
    fn compute(&self, index: u16, patient: &Patient, at_us: i64, seq: u64) -> (Score, Option<String>) {
        if let Some(rule) = self.scorers.rules().get(usize::from(index)) {
            let lookup = |signal: SignalId| latest(patient, signal, at_us);
            if let Some(score) = rule.evaluate(&lookup, patient.id(), seq, 0, at_us) {
                return (score, None);
            }
            let missing = |signal: &SignalId| {
                let age_s = lookup(*signal).map(|(_, age)| age as f32);
                Input { signal: *signal, value: None, age_s, points: None }
            };
            let inputs: Inputs = rule.definition().signals.iter().map(missing).collect();
            let blank = unscored(index, patient.id(), at_us, seq, inputs);
            return (blank, Some("none of its inputs is known, or all are too old".to_owned()));
        }
        let place = usize::from(index).checked_sub(self.scorers.rules().len());
        match place.and_then(|place| self.scorers.bundles().get(place)) {
            Some(bundle) => self.compute_model(bundle, patient, at_us, seq),
            None => (unscored(index, patient.id(), at_us, seq, Inputs::new()), Some("there is no such scorer".to_owned())),
        }
    }

    fn compute_model(&self, bundle: &Bundle, patient: &Patient, at_us: i64, seq: u64) -> (Score, Option<String>) {
        let inputs = inputs(bundle, patient, at_us);
        let mut score = unscored(bundle.scorer(), patient.id(), at_us, seq, inputs);
        let (present, expected, needed) = (usize::from(score.present), score.expected, bundle.trigger().min_signals);
        if present < needed {
            return (score, Some(format!("{needed} of its {expected} signals are needed, {present} are known")));
        }
        score.features = vec![f32::NAN; bundle.plan().width()];
        if let Some(slot) = self.state.ward.slot(patient.id()) {
            self.state.ward.row(slot, bundle.plan(), at_us, &mut score.features);
        }
        let mut raw = Vec::new();
        bundle.predict_raw(&score.features, &mut raw);
        score.raw = raw.first().copied().unwrap_or(f64::NAN);
        score.value = bundle.finish(score.raw);
        (score, None)
    }
}

/// A score without an outcome.
fn unscored(scorer: u16, patient: PatientId, at_us: i64, seq: u64, inputs: Inputs) -> Score {
    let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    let present = inputs.iter().filter(|input| input.value.is_some()).count();
    Score {
        seq,
        ordinal: 0,
        patient,
        scorer,
        at_us,
        raw: f64::NAN,
        value: f64::NAN,
        present: count(present),
        expected: count(inputs.len()),
        band: 0,
        inputs,
        features: Vec::new(),
    }
}

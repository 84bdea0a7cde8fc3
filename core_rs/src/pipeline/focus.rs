//! Looking at one patient's past: the route runs as ever, but computes only what bears on that patient.
//!
//! Promise: the scores, rows and open alerts of the patient are those of the whole route, bit for bit. Why that holds: a score
//! is made from its own patient's values; whose a monitor's value is follows from ADT and the beds, which are applied for all;
//! redelivery is decided over all frames; and the limit on patients counts everybody who was heard of (who makes room at it is
//! exact but for former occupants of a bed that still speaks, who count as heard of here). Values of people who lie
//! in the house and are not asked about are not even read from the frame. What remains is the
//! numbering of scores and alerts within one frame, where a frame speaks of several patients: the others of such frames are
//! `companions`, and a second run computes them too.
//!
//! One thing of an alert is not known here: `held` counts the openings of all patients of a unit within a minute, of which only these
//! are computed. Ids are the route's also where a tick opens alerts: see `watch`.

use std::collections::BTreeSet;

use crate::decode::{Decoded, Decoder, Observation, PatientId, Subject, Wanted};
use crate::receive::Frame;
use crate::score::Score;
use crate::window::{Patient, Ward};

/// Whom to compute, and what was seen of them.
#[derive(Debug, Clone, Default)]
pub struct Focus {
    whom: Option<PatientId>,
    computed: BTreeSet<PatientId>,
    /// Others the frame under way speaks of.
    heard: Vec<PatientId>,
    companions: BTreeSet<PatientId>,
    /// The newest frame that changed the patient: its number and time.
    changed_by: Option<(u64, i64)>,
    /// Of frames with a later time none counts as such.
    until_us: Option<i64>,
    /// The newest score of each scorer that was given a row, by scorer.
    stored: Vec<Option<Score>>,
    /// Every score that was given a row, where that is wanted.
    history: Option<Vec<Score>>,
}

impl Focus {
    /// A focus on a patient; `companions` are computed beside, for their numbers in shared frames.
    pub fn on(whom: PatientId, companions: impl IntoIterator<Item = PatientId>) -> Self {
        let computed = companions.into_iter().chain([whom]).collect();
        Self { whom: Some(whom), computed, ..Self::default() }
    }

    /// Also keeps every score of the patient that was given a row, in order: memory grows with the time looked at.
    pub fn with_history(mut self) -> Self {
        self.history = Some(Vec::new());
        self
    }

    /// Looks for the last frame that changed the patient with a time of at most `at_us`.
    pub fn seeking(mut self, at_us: i64) -> Self {
        self.until_us = Some(at_us);
        self
    }

    /// The newest frame that changed the patient, of those sought: its number and time.
    pub fn changed_by(&self) -> Option<(u64, i64)> {
        self.changed_by
    }

    /// The scores kept by `with_history`.
    pub fn history(&self) -> &[Score] {
        self.history.as_deref().unwrap_or(&[])
    }

    /// Whether a patient is computed.
    pub fn concerns(&self, patient: PatientId) -> bool {
        self.computed.contains(&patient)
    }

    /// Patients whom a run has met in one frame with the patient and did not compute: their scores may have come first.
    pub fn companions(&self) -> impl Iterator<Item = PatientId> {
        self.companions.difference(&self.computed).copied()
    }

    /// The newest score of a scorer that was given a row since the run began and in the present stay.
    pub fn stored(&self, scorer: u16) -> Option<&Score> {
        self.stored.get(usize::from(scorer)).and_then(Option::as_ref)
    }

    /// decode: values that cannot bear on the patient stay unread. With recorded time all are read: they say when their frame is.
    pub(super) fn decode(&self, decoder: &Decoder, ward: &Ward, frame: &Frame, out: &mut Decoded) {
        let wanted = |subject: &Subject| !ward.can_pass(subject, |patient| self.concerns(patient));
        let all = decoder.config().recorded_time;
        decoder.decode_wanted(frame, if all { Wanted::default() } else { Wanted::only(&wanted) }, out);
    }

    /// The frame under way speaks of these, whose values were not read.
    pub(super) fn hear(&mut self, ward: &mut Ward, passed: &[Subject], received_at_us: i64) {
        for subject in passed {
            ward.hear_passed(subject, received_at_us, |patient| self.heard.push(patient));
        }
    }

    /// True where an observation is somebody else's; that it came is all that is taken from it.
    pub(super) fn passes_over(&mut self, ward: &mut Ward, observation: &Observation, received_at_us: i64) -> bool {
        // A refusal is met again by the stage itself, which names it.
        let Ok((_, patient)) = ward.hear(observation, received_at_us) else { return false };
        let other = !self.concerns(patient);
        if other && self.heard.last() != Some(&patient) {
            self.heard.push(patient);
        }
        other
    }

    /// Whether the route should score this patient.
    pub(super) fn computes(&self, patient: Option<&Patient>) -> bool {
        patient.is_some_and(|patient| self.concerns(patient.id()))
    }

    /// A frame is taken in, by its number and time; these are the patients it changed.
    pub(super) fn end_frame(&mut self, frame: (u64, i64), touched: impl Iterator<Item = PatientId> + Clone) {
        if touched.clone().any(|patient| Some(patient) == self.whom) {
            if self.until_us.is_none_or(|until_us| frame.1 <= until_us) {
                self.changed_by = Some(frame);
            }
            self.companions.extend(self.heard.iter().copied().chain(touched));
        }
        self.heard.clear();
    }

    /// A score came out; `recorded` says whether it was given a row.
    pub(super) fn note(&mut self, score: &Score, recorded: bool) {
        if !recorded || Some(score.patient) != self.whom {
            return;
        }
        let index = usize::from(score.scorer);
        if self.stored.len() <= index {
            self.stored.resize(index + 1, None);
        }
        if let Some(place) = self.stored.get_mut(index) {
            *place = Some(score.clone());
        }
        if let Some(history) = &mut self.history {
            history.push(score.clone());
        }
    }

    /// A record was joined to a patient's: what was known under it bears on that patient from here on, and a run that has not
    /// computed it must be done again.
    pub(super) fn join(&mut self, former: PatientId, into: PatientId) {
        if self.computed.contains(&into) || Some(former) == self.whom {
            self.companions.extend([former, into]);
        }
    }

    /// The patient began another stay.
    pub(super) fn forget(&mut self, patient: PatientId) {
        if Some(patient) == self.whom {
            self.stored.clear();
        }
    }
}

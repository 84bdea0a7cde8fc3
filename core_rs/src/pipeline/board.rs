//! The newest score of each scorer and the open alerts of each patient: what a console shows, and what decides whether a score
//! is worth a row.
//!
//! Scores are computed and alerted on at every trigger, but a row is stored only when the points, the band or the inputs present
//! changed, or `RECORD_EVERY_US` after the last row: an unchanged NEWS2 every second is no information, and neither is a ratio
//! that follows every heartbeat.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertEvent, AlertKind};
use crate::decode::PatientId;
use crate::score::Score;

/// An unchanged score is stored again after this long, microseconds.
pub const RECORD_EVERY_US: i64 = 60_000_000;

/// One scorer's newest score of a patient.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Newest {
    score: Option<Score>,
    recorded_at_us: Option<i64>,
    triggered_at_us: Option<i64>,
}

/// One patient's scores and alerts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Entry {
    scores: Vec<Newest>,
    alerts: Vec<AlertEvent>,
}

/// Looked up by patient, never iterated.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Board {
    patients: HashMap<PatientId, Entry>,
}

impl Board {
    fn newest(&mut self, patient: PatientId, scorer: u16) -> Option<&mut Newest> {
        let (entry, index) = (self.patients.entry(patient).or_default(), usize::from(scorer));
        if entry.scores.len() <= index {
            entry.scores.resize_with(index + 1, Newest::default);
        }
        entry.scores.get_mut(index)
    }

    /// Takes in a score; true where it deserves a row.
    pub fn record(&mut self, score: &Score) -> bool {
        let Some(newest) = self.newest(score.patient, score.scorer) else { return false };
        let changed = newest.score.as_ref().is_none_or(|before| {
            before.band != score.band || before.present != score.present || points_differ(before.value, score.value)
        });
        let due = newest.recorded_at_us.is_none_or(|at| score.at_us.saturating_sub(at) >= RECORD_EVERY_US);
        newest.score = Some(score.clone());
        if changed || due {
            newest.recorded_at_us = Some(score.at_us);
        }
        changed || due
    }

    /// Notes that a scorer was asked about this patient.
    pub fn trigger(&mut self, patient: PatientId, scorer: u16, at_us: i64) {
        if let Some(newest) = self.newest(patient, scorer) {
            newest.triggered_at_us = Some(at_us);
        }
    }

    /// When the scorer was last asked about this patient.
    pub fn triggered_at_us(&self, patient: PatientId, scorer: u16) -> Option<i64> {
        self.patients.get(&patient)?.scores.get(usize::from(scorer))?.triggered_at_us
    }

    /// Takes in a step of an alert's life.
    pub fn follow(&mut self, event: &AlertEvent) {
        let entry = self.patients.entry(event.patient).or_default();
        match event.kind {
            AlertKind::Opened => {
                entry.alerts.push(event.clone());
                entry.alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.alert_id));
            }
            AlertKind::Cleared => entry.alerts.retain(|alert| alert.alert_id != event.alert_id),
        }
    }

    /// The newest score of each scorer, in the scorers' order.
    pub fn scores(&self, patient: PatientId) -> impl Iterator<Item = &Score> {
        self.patients.get(&patient).into_iter().flat_map(|entry| entry.scores.iter().filter_map(|newest| newest.score.as_ref()))
    }

    /// The open alerts, most urgent first.
    pub fn alerts(&self, patient: PatientId) -> &[AlertEvent] {
        self.patients.get(&patient).map_or(&[], |entry| &entry.alerts)
    }

    /// Forgets a patient.
    pub fn forget(&mut self, patient: PatientId) {
        self.patients.remove(&patient);
    }
}

/// Whether two values are points (whole numbers) and not the same.
fn points_differ(before: f64, now: f64) -> bool {
    before.fract() == 0.0 && now.fract() == 0.0 && before.to_bits() != now.to_bits()
}

//! The newest score of each scorer and the open alerts of each patient: what a console shows, and what decides whether a score
//! is worth a row.
//!
//! Scores are computed and alerted on at every trigger, but a row is stored only when the points, the band or the inputs present
//! changed, it opened or cleared an alert, a correction asked for it, or `RECORD_EVERY_US` after the last row: an unchanged NEWS2
//! every second is no information, and neither is a ratio that follows every heartbeat.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertEvent, AlertKind, NO_SCORER, StandingAlert};
use crate::decode::PatientId;
use crate::score::Score;

/// An unchanged score is stored again after this long, microseconds.
pub const RECORD_EVERY_US: i64 = 60_000_000;

/// One scorer's newest score of a patient.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Newest {
    score: Option<Score>,
    pub(super) recorded_at_us: Option<i64>,
}

/// One patient's scores and alerts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) scores: Vec<Newest>,
    alerts: Vec<StandingAlert>,
}

/// When each scorer was last asked about each patient: known as soon as a frame is taken, before its scores are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Triggers {
    pub(super) patients: HashMap<PatientId, Vec<Option<i64>>>,
}

impl Triggers {
    /// Whether the last time is at least `interval_us` ago or was never.
    pub fn is_due(&self, patient: PatientId, scorer: u16, at_us: i64, interval_us: i64) -> bool {
        let last = self.patients.get(&patient).and_then(|times| times.get(usize::from(scorer))).copied().flatten();
        last.is_none_or(|last| at_us.saturating_sub(last) >= interval_us)
    }

    /// Notes that a scorer is asked now.
    pub fn pull(&mut self, patient: PatientId, scorer: u16, at_us: i64) {
        let (times, index) = (self.patients.entry(patient).or_default(), usize::from(scorer));
        if times.len() <= index {
            times.resize(index + 1, None);
        }
        if let Some(last) = times.get_mut(index) {
            *last = Some(at_us);
        }
    }

    /// Forgets a patient.
    pub fn forget(&mut self, patient: PatientId) {
        self.patients.remove(&patient);
    }
}

/// Looked up by patient; iterated only where the order does not matter. A clone shares the entries until they change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Board {
    patients: HashMap<PatientId, Arc<Entry>>,
}

impl Board {
    fn entry_mut(&mut self, patient: PatientId) -> Option<&mut Entry> {
        self.patients.get_mut(&patient).map(Arc::make_mut)
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.patients.values_mut().map(Arc::make_mut)
    }

    fn newest(&mut self, patient: PatientId, scorer: u16) -> Option<&mut Newest> {
        let (entry, index) = (Arc::make_mut(self.patients.entry(patient).or_default()), usize::from(scorer));
        if entry.scores.len() <= index {
            entry.scores.resize_with(index + 1, Newest::default);
        }
        entry.scores.get_mut(index)
    }

    /// Takes in a score, and says whether it deserves a row. `wanted`: it opened or cleared an alert, so it must be there to be
    /// explained, or a correction asked for it.
    pub fn record(&mut self, score: Score, wanted: bool) -> Option<(&Score, bool)> {
        let newest = self.newest(score.patient, score.scorer)?;
        let changed = newest.score.as_ref().is_none_or(|before| {
            before.band != score.band || before.present != score.present || points_differ(before.value, score.value)
        });
        let due = newest.recorded_at_us.is_none_or(|at| score.at_us.saturating_sub(at) >= RECORD_EVERY_US);
        let recorded = changed || due || wanted;
        if recorded {
            newest.recorded_at_us = Some(score.at_us);
        }
        Some((newest.score.insert(score), recorded))
    }

    /// Takes in a step of an alert's life.
    pub fn follow(&mut self, event: &AlertEvent) {
        let Some(patient) = event.patient else { return };
        match event.kind {
            AlertKind::Opened => {
                Arc::make_mut(self.patients.entry(patient).or_default()).alerts.push(StandingAlert::new(event));
            }
            AlertKind::Cleared => {
                if let Some(entry) = self.entry_mut(patient) {
                    entry.alerts.retain(|alert| alert.opened.alert_id != event.alert_id);
                }
                return;
            }
            _ => {
                let alerts = self.entry_mut(patient).into_iter().flat_map(|entry| &mut entry.alerts);
                alerts.filter(|alert| alert.opened.alert_id == event.alert_id).for_each(|alert| alert.follow(event));
            }
        }
        if let Some(entry) = self.entry_mut(patient) {
            entry.alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.opened.severity), alert.opened.alert_id));
        }
    }

    /// The newest score of each scorer, in the scorers' order.
    pub fn scores(&self, patient: PatientId) -> impl Iterator<Item = &Score> {
        self.patients.get(&patient).into_iter().flat_map(|entry| entry.scores.iter().filter_map(|newest| newest.score.as_ref()))
    }

    /// When a scorer's newest row of a patient was given, microseconds.
    pub fn recorded_at_us(&self, patient: PatientId, scorer: u16) -> Option<i64> {
        self.patients.get(&patient)?.scores.get(usize::from(scorer))?.recorded_at_us
    }

    /// The alerts that are not cleared, most urgent first.
    pub fn alerts(&self, patient: PatientId) -> &[StandingAlert] {
        self.patients.get(&patient).map_or(&[], |entry| &entry.alerts)
    }

    /// Other scorers are loaded than when this was written: what they said moves to their new index, or goes with them; alerts stay.
    pub fn renumber(&mut self, index_now: impl Fn(u16) -> Option<u16>) {
        for entry in self.entries_mut() {
            for (index, newest) in (0..).zip(std::mem::take(&mut entry.scores)) {
                let Some(now) = index_now(index) else { continue };
                let place = usize::from(now);
                if entry.scores.len() <= place {
                    entry.scores.resize_with(place + 1, Newest::default);
                }
                if let Some(slot) = entry.scores.get_mut(place) {
                    let score = newest.score.map(|score| Score { scorer: now, ..score });
                    *slot = Newest { score, ..newest };
                }
            }
            for alert in &mut entry.alerts {
                alert.opened.scorer = index_now(alert.opened.scorer).unwrap_or(NO_SCORER);
            }
        }
    }

    /// What a scorer said of a patient no longer holds, and nothing else does.
    pub fn withdraw(&mut self, patient: PatientId, scorer: u16) {
        if let Some(newest) = self.entry_mut(patient).and_then(|entry| entry.scores.get_mut(usize::from(scorer))) {
            *newest = Newest::default();
        }
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

//! What consoles see of a batch: one message per patient it spoke of, one per alert event, one per patient who left.

use super::{Message, MessageKind, Pipeline, Stage};
use crate::alert::AlertEvent;
use crate::decode::catalogue::{self, SIGNALS};
use crate::decode::{BedKey, PatientId, SignalId};
use crate::pipeline::Batch;
use crate::publish::{
    self, AlertView, ItemView, PatientView, ScoreKind, ScoreView, SparkPoint, SparkView, VitalView, cursor, encode_alert,
    encode_left, encode_patient,
};
use crate::score::{Score, Scorers};
use crate::window::{Patient, Slot};

/// Signals drawn as sparklines.
const SPARKS: [SignalId; 4] = [catalogue::HR, catalogue::RESP, catalogue::O2SAT, catalogue::SBP];
/// Points of a sparkline, picked evenly from the raw samples of the last hour.
const SPARK_POINTS: usize = 40;
const SPARK_US: i64 = 3_600_000_000;

/// The message of an alert event; `score` is the name of its scorer.
pub(super) fn alert(event: &AlertEvent, score: &str) -> Message {
    let mut json = Vec::with_capacity(512);
    // Writing into a Vec cannot fail.
    let _ = encode_alert(event, score, &mut json);
    Message {
        kind: MessageKind::Alert,
        unit: event.bed.as_ref().map_or_else(String::new, |bed| bed.unit.to_string()),
        patient: event.patient,
        cursor: cursor(event.seq, event.ordinal),
        json,
    }
}

/// The message that a patient has left this bed.
pub(super) fn left(seq: u64, at_us: i64, patient: PatientId, bed: Option<&BedKey>) -> Message {
    let mut json = Vec::with_capacity(128);
    let _ = encode_left(seq, patient, bed, at_us, &mut json);
    let unit = bed.map_or_else(String::new, |bed| bed.unit.to_string());
    Message { kind: MessageKind::Left, unit, patient: Some(patient), cursor: cursor(seq, 0), json }
}

impl Pipeline {
    /// The state of every patient present, for consoles that connect to a server that has just started.
    pub fn everybody(&mut self) -> Batch {
        let present: Vec<(Slot, i64)> = self.state.ward.iter().map(|(slot, patient)| (slot, patient.heard_us())).collect();
        let messages = present.into_iter().filter_map(|(slot, at_us)| self.patient(slot, 0, at_us)).collect();
        Batch { messages, ..Batch::default() }
    }

    /// Appends the messages of the patients the batch spoke of.
    pub(super) fn show(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        for (id, (seq, at_us)) in &shown {
            self.supervision.under_way.at(*seq, Stage::Publish);
            let message = self.state.ward.slot(*id).and_then(|slot| self.patient(slot, *seq, *at_us));
            self.messages.extend(message);
        }
        self.shown = shown;
        self.shown.clear();
    }

    fn patient(&self, slot: Slot, seq: u64, at_us: i64) -> Option<Message> {
        let patient = self.state.ward.patient(slot).filter(|patient| patient.discharged_at_us().is_none())?;
        if patient.is_blank() {
            return None;
        }
        let bed = self.state.ward.bed_of(slot);
        let items: Vec<Vec<ItemView<'_>>> = self.state.board.scores(patient.id()).map(items).collect();
        let scores: Vec<ScoreView<'_>> =
            self.state.board.scores(patient.id()).zip(&items).map(|(score, items)| view(&self.scorers, score, items)).collect();
        let alerts: Vec<AlertView<'_>> = self
            .state
            .board
            .alerts(patient.id())
            .iter()
            .map(|alert| AlertView::standing(alert, self.scorers.named(alert.opened.scorer).name))
            .collect();
        let points = SPARKS.map(|signal| (signal, spark(patient, signal, at_us)));
        let sparks: Vec<SparkView<'_>> = points
            .iter()
            .filter(|(_, points)| !points.is_empty())
            .filter_map(|(signal, points)| Some(SparkView { name: catalogue::signal(*signal)?.name, points }))
            .collect();
        let vitals = vitals(patient, at_us);
        let view = PatientView {
            seq,
            patient: patient.id(),
            bed,
            at_us,
            vitals: &vitals,
            spark: &sparks,
            scores: &scores,
            alerts: &alerts,
        };
        let mut json = Vec::with_capacity(4096);
        encode_patient(&view, &mut json).ok()?;
        Some(Message {
            kind: MessageKind::Patient,
            unit: bed.map_or_else(String::new, |bed| bed.unit.to_string()),
            patient: Some(patient.id()),
            cursor: publish::cursor(seq, 0),
            json,
        })
    }
}

fn vitals(patient: &Patient, at_us: i64) -> Vec<VitalView<'static>> {
    (0_u16..)
        .zip(SIGNALS)
        .filter_map(|(number, row)| {
            let (value, observed_at_us) = patient.latest(SignalId(number), at_us)?;
            Some(VitalView { name: row.name, unit: row.unit, value, at_us: observed_at_us })
        })
        .collect()
}

fn spark(patient: &Patient, signal: SignalId, at_us: i64) -> Vec<SparkPoint> {
    let samples = patient.recent(signal, at_us, usize::MAX);
    let recent = samples.get(samples.partition_point(|sample| sample.at_us < at_us - SPARK_US)..).unwrap_or(&[]);
    let stride = recent.len().div_ceil(SPARK_POINTS).max(1);
    let first = recent.len().saturating_sub(1) % stride;
    recent.iter().skip(first).step_by(stride).map(|sample| SparkPoint { at_us: sample.at_us, value: sample.value }).collect()
}

fn items(score: &Score) -> Vec<ItemView<'static>> {
    // A model's signals are among the vitals already.
    if !score.features.is_empty() {
        return Vec::new();
    }
    let inputs = score.inputs.iter();
    inputs
        .filter_map(|input| {
            let row = catalogue::signal(input.signal)?;
            Some(ItemView { name: row.name, unit: row.unit, value: input.value, points: input.points, age_s: input.age_s })
        })
        .collect()
}

fn view<'a>(scorers: &'a Scorers, score: &Score, items: &'a [ItemView<'a>]) -> ScoreView<'a> {
    let scorer = scorers.named(score.scorer);
    ScoreView {
        name: scorer.name,
        version: scorer.version,
        kind: if score.features.is_empty() { ScoreKind::Rule } else { ScoreKind::Model },
        value: score.value,
        raw: score.raw,
        band: score.band,
        present: score.present,
        expected: score.expected,
        at_us: score.at_us,
        items,
    }
}

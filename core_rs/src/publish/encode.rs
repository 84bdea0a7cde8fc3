//! Views to JSON, appended to a buffer the caller reuses. Keys come in a fixed order, so equal states are equal bytes.

use std::io;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::view::{AlertView, ItemView, PatientView, ScoreKind, ScoreView, SparkView, VitalView};
use crate::alert::AlertEvent;
use crate::decode::{BedKey, PatientId};
use crate::score::{Contribution, Reason};

/// The place of an alert event, or of the state after a frame (ordinal 0), in the one order of everything.
/// An ordinal beyond 65,535 is held at it: a frame has at most 10,000 observations, so none gets there.
pub fn cursor(seq: u64, ordinal: u32) -> u64 {
    (seq << 16) | u64::from(ordinal.min(0xFFFF))
}

/// Appends one `patient` message.
pub fn encode_patient(view: &PatientView<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Message<'a> {
        r#type: &'static str,
        patient: Uuid,
        unit: &'a str,
        bed: &'a str,
        at_ms: i64,
        cursor: Decimal,
        vitals: Keyed<'a, VitalView<'a>>,
        spark: Keyed<'a, SparkView<'a>>,
        scores: Keyed<'a, ScoreView<'a>>,
        alerts: Each<'a, AlertView<'a>>,
    }
    let (unit, bed) = place(view.bed);
    let message = Message {
        r#type: "patient",
        patient: Uuid(view.patient),
        unit,
        bed,
        at_ms: ms(view.at_us),
        cursor: Decimal(cursor(view.seq, 0)),
        vitals: Keyed(view.vitals),
        spark: Keyed(view.spark),
        scores: Keyed(view.scores),
        alerts: Each(view.alerts),
    };
    write(&message, out)
}

/// Appends one `alert` message. `score` is the name of the event's scorer.
pub fn encode_alert(event: &AlertEvent, score: &str, out: &mut Vec<u8>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Message<'a> {
        r#type: &'static str,
        cursor: Decimal,
        #[serde(serialize_with = "or_empty")]
        patient: Option<Uuid>,
        unit: &'a str,
        bed: &'a str,
        kind: crate::alert::AlertKind,
        #[serde(flatten)]
        alert: Alert<'a>,
    }
    let (unit, bed) = place(event.bed.as_ref());
    let message = Message {
        r#type: "alert",
        cursor: Decimal(cursor(event.seq, event.ordinal)),
        patient: event.patient.map(Uuid),
        unit,
        bed,
        kind: event.kind,
        alert: Alert::from(&AlertView::of(event, score)),
    };
    write(&message, out)
}

/// Appends one `left` message: the patient is gone from `bed`, or from the ward where it is None.
pub fn encode_left(seq: u64, patient: PatientId, bed: Option<&BedKey>, at_us: i64, out: &mut Vec<u8>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Message<'a> {
        r#type: &'static str,
        patient: Uuid,
        unit: &'a str,
        bed: &'a str,
        at_ms: i64,
        cursor: Decimal,
    }
    let (unit, bed) = place(bed);
    let message =
        Message { r#type: "left", patient: Uuid(patient), unit, bed, at_ms: ms(at_us), cursor: Decimal(cursor(seq, 0)) };
    write(&message, out)
}

fn write(message: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(out, message).map_err(io::Error::from)
}

fn place(bed: Option<&BedKey>) -> (&str, &str) {
    bed.map_or(("", ""), |b| (b.unit.as_str(), b.bed.as_str()))
}

const fn ms(at_us: i64) -> i64 {
    at_us.div_euclid(1_000)
}

/// A u64 as a decimal string: JavaScript's numbers end at 2^53.
struct Decimal(u64);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A pseudonym in the 8-4-4-4-12 text of a UUID, as PostgreSQL prints the same 16 bytes.
struct Uuid(PatientId);

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An id, or the empty text where there is none.
fn or_empty<S: Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => id.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

/// A slice as an object, each element under its name.
struct Keyed<'a, T>(&'a [T]);

trait Named {
    fn name(&self) -> &str;
}

impl<T: Named + Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for element in self.0 {
            map.serialize_entry(element.name(), element)?;
        }
        map.end()
    }
}

/// A slice as an array.
struct Each<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

impl Named for VitalView<'_> {
    fn name(&self) -> &str {
        self.name
    }
}

impl Serialize for VitalView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("unit", self.unit)?;
        map.serialize_entry("at_ms", &ms(self.at_us))?;
        map.end()
    }
}

impl Named for SparkView<'_> {
    fn name(&self) -> &str {
        self.name
    }
}

impl Serialize for SparkView<'_> {
    /// `{"at_ms": time of the first point, "t_s": [seconds after it], "v": [values to one decimal]}`: a picture, not a record.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first_us = self.points.first().map_or(0, |p| p.at_us);
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("at_ms", &ms(first_us))?;
        map.serialize_entry(
            "t_s",
            &Column(self.points.len(), || self.points.iter().map(|p| (p.at_us - first_us) / 1_000_000)),
        )?;
        map.serialize_entry("v", &Column(self.points.len(), || self.points.iter().map(|p| tenths(p.value))))?;
        map.end()
    }
}

/// An iterator that can be asked again, as an array.
struct Column<F>(usize, F);

impl<T: Serialize, I: Iterator<Item = T>, F: Fn() -> I> Serialize for Column<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0))?;
        for element in (self.1)() {
            seq.serialize_element(&element)?;
        }
        seq.end()
    }
}

/// To one decimal, whole numbers without one: `80`, `36.7`, null.
#[derive(Serialize)]
#[serde(untagged)]
enum Tenths {
    Whole(i64),
    Tenth(f64),
}

fn tenths(value: f64) -> Tenths {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { Tenths::Whole(rounded as i64) } else { Tenths::Tenth(rounded) }
}

impl Named for ScoreView<'_> {
    fn name(&self) -> &str {
        self.name
    }
}

impl Serialize for ScoreView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("version", self.version)?;
        map.serialize_entry("kind", if self.kind == ScoreKind::Rule { "rule" } else { "model" })?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("raw", &self.raw)?;
        map.serialize_entry("band", &self.band)?;
        map.serialize_entry("present", &self.present)?;
        map.serialize_entry("expected", &self.expected)?;
        map.serialize_entry("at_ms", &ms(self.at_us))?;
        map.serialize_entry("items", &Each(self.items))?;
        map.end()
    }
}

impl Serialize for ItemView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("name", self.name)?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("unit", self.unit)?;
        map.serialize_entry("points", &self.points)?;
        map.serialize_entry("age_s", &self.age_s)?;
        map.end()
    }
}

/// An alert's own fields, the same in `patient` and `alert` messages.
#[derive(Serialize)]
struct Alert<'a> {
    id: Decimal,
    rule: &'a str,
    cause: &'a str,
    subject: &'a str,
    score: &'a str,
    severity: crate::alert::Severity,
    at_ms: i64,
    value: f64,
    reason: &'a str,
    contributions: &'a [Contribution],
    explanation: &'a [Reason],
    by: &'a str,
    role: &'a str,
    to: &'a str,
    note: &'a str,
    until_ms: Option<i64>,
    level: u8,
    held: bool,
    #[serde(flatten)]
    standing: Option<StandingSince>,
}

/// Of an alert in a `patient` message: what it waits for, since when.
#[derive(Serialize)]
struct StandingSince {
    state: crate::alert::Standing,
    changed_ms: i64,
}

impl<'a> From<&AlertView<'a>> for Alert<'a> {
    fn from(view: &AlertView<'a>) -> Self {
        Self {
            id: Decimal(view.event.alert_id),
            rule: &view.event.rule,
            cause: &view.event.cause,
            subject: &view.event.subject,
            score: view.score,
            severity: view.event.severity,
            at_ms: ms(view.event.at_us),
            value: view.event.value,
            reason: &view.event.reason,
            contributions: &view.event.why.contributions,
            explanation: &view.event.why.reasons,
            by: &view.event.said.by,
            role: &view.event.said.role,
            to: &view.event.said.to,
            note: &view.event.said.note,
            until_ms: view.event.said.until_us.map(ms),
            level: view.event.level,
            held: view.event.held,
            standing: view.standing.map(|(state, since_us)| StandingSince { state, changed_ms: ms(since_us) }),
        }
    }
}

impl Serialize for AlertView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Alert::from(self).serialize(serializer)
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;

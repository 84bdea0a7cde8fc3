//! Device JSON, over MQTT and HTTP.
//!
//! One object, or over HTTP and MQTT alike an array of objects:
//!
//! ```json
//! {"id": "a message id of the device's own, by which a redelivery is recognised",
//!  "device": "its serial number, part of that id; without one the bed is, where no patient is named",
//!  "patient": {"authority": "HOSP", "identifier": "123"},
//!  "bed": {"unit": "ICU", "bed": "7"},
//!  "time": "2026-03-01T12:30:00Z",
//!  "observations": [
//!    {"code": "8867-4", "value": 80, "unit": "/min"},
//!    {"code": "HR", "system": "nightlamp", "value": 81, "unit": "bpm", "time": 1772368201000, "status": "final"},
//!    {"code": "Consciousness", "value": "A"}]}
//! ```
//!
//! - Subject: `patient`, else `bed`, else the bed of the MQTT topic. A `bed` that contradicts the topic rejects the object's
//!   observations: one of the two is wrong, and nobody here can tell which.
//! - `code`: LOINC, an MDC number or reference id, or a signal's name, told by `system` (as in OBX-3.3; also `nightlamp`) or,
//!   without one, by its form. The site's code map comes first.
//! - `value`: a JSON number; for coded signals a string of the answer list, for Oxygen also a boolean. A numeric string is
//!   refused: what else would the device get wrong.
//! - `time`: RFC 3339 with offset, or whole milliseconds since 1970-01-01 UTC; per observation or for all.
//! - `status`: the letters of OBX-11, or final, preliminary, corrected, amended, entered-in-error, withdrawn; final where
//!   absent. X, I, N, O are skipped. A withdrawn one needs no value; a corrected one says that the value before was wrong:
//!   where the new value cannot be used, or is missing, it is rejected and withdraws the old one as well.
//! - Other keys are ignored, so that a device may say more than nightlamp reads.
//! - Not JSON, or not this shape: refused whole (`malformed`). A wrong observation is rejected alone, under its index over
//!   all objects of the frame. At most `frame_observations_max` observations, as many objects, and `frame_bytes_max` bytes. Only
//!   the schema's own levels are read; what lies deeper in a value or an ignored key is passed over without recursion. A body
//!   with more than the limit is counted without being kept: what its refusal costs in memory does not grow with it.

mod quick;
mod shape;

use std::borrow::Cow;

use shape::{Item, Message, Raw, count};
use smallvec::SmallVec;

use super::Decoder;
use super::catalogue::{Catalogue, Kind, Meaning, answer, shown};
use super::config::DecodeConfig;
use super::event::{BedKey, Decoded, Event, MessageId, Observation, Rejected, Status, Subject};
use super::hl7::Door;
use super::recorded;
use super::time::Written;
use crate::error::{Code, Refusal};

const MILLISECOND_US: i64 = 1_000;

/// A JSON scalar as it stands.
enum Scalar<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(&'a str),
    Truth(bool),
    Other,
}

impl<'a> Scalar<'a> {
    fn of(raw: Option<Raw<'a>>) -> Self {
        let Some(Raw(raw)) = raw else { return Self::Absent };
        match raw.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                raw.get(1..raw.len() - 1).map_or(Self::Other, |inner| Self::Text(Cow::Borrowed(inner)))
            }
            [b'"', ..] => serde_json::from_str(raw).map_or(Self::Other, |text: String| Self::Text(Cow::Owned(text))),
            [b'-' | b'0'..=b'9', ..] => Self::Number(raw),
            b"true" => Self::Truth(true),
            b"false" => Self::Truth(false),
            b"null" => Self::Absent,
            _ => Self::Other,
        }
    }

    /// A string, or a number as written, or empty; None for anything else.
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Absent => Some(Cow::Borrowed("")),
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(Cow::Borrowed(number)),
            Self::Truth(_) | Self::Other => None,
        }
    }
}

fn parse<'a>(payload: &'a [u8], config: &DecodeConfig) -> Result<Vec<Message<'a>>, Refusal> {
    let limits = &config.limits;
    if payload.len() > limits.frame_bytes_max {
        return Err(Refusal::new(Code::TooLarge, format!("more than {} bytes", limits.frame_bytes_max)));
    }
    let text = std::str::from_utf8(payload).map_err(|_| Refusal::new(Code::Malformed, "the body is not UTF-8"))?;
    // Only the place is told: serde_json's messages may repeat what stands there.
    let wrong = |error: &serde_json::Error| {
        let what = if error.is_data() { "not the schema of device messages" } else { "not JSON" };
        Refusal::new(Code::Malformed, format!("{what}, at line {} column {}", error.line(), error.column()))
    };
    let many = || Refusal::new(Code::TooManyParts, format!("more than {} observations", limits.frame_observations_max));
    // Each object and each observation is a brace at least: only a body with more of them can break the limit.
    if memchr::memchr_iter(b'{', payload).nth(limits.frame_observations_max).is_some() {
        let (objects, observations) = count(text).map_err(|error| wrong(&error))?;
        if objects.max(observations) > limits.frame_observations_max {
            return Err(many());
        }
    }
    let messages: Vec<Message<'a>> = match quick::read(text) {
        Some(message) => vec![message],
        None => shape::read(text).map_err(|error| wrong(&error))?,
    };
    let observations: usize = messages.iter().map(|message| message.observations.len()).sum();
    if observations > limits.frame_observations_max {
        return Err(many());
    }
    if observations == 0 {
        return Err(Refusal::new(Code::MissingField, "observations: at least one"));
    }
    Ok(messages)
}

/// Whether a body may be journalled; the number of its observations.
///
/// # Errors
/// `Malformed`, `TooLarge`, `TooManyParts`, `MissingField`.
pub fn screen(payload: &[u8], config: &DecodeConfig) -> Result<usize, Refusal> {
    parse(payload, config).map(|messages| messages.iter().map(|message| message.observations.len()).sum())
}

/// Decode a body into `out`.
///
/// # Errors
/// What `screen` refuses.
pub fn decode(decoder: &Decoder, payload: &[u8], door: Door<'_>, out: &mut Decoded) -> Result<(), Refusal> {
    let messages = parse(payload, decoder.config())?;
    out.message_id = Some(message_id(decoder, &messages, payload, &door));
    let mut door = door;
    if decoder.config().recorded_time {
        let times = messages.iter().flat_map(|message| message.observations.iter().map(|item| item.written(message)));
        let newest_us = times.filter_map(|written| instant(decoder, written, door.received_at_us).ok()).max();
        door.received_at_us = recorded::of_readings(decoder, newest_us, door.received_at_us)?;
        out.at_us = door.received_at_us;
    }
    let mut ordinal = 0;
    for message in &messages {
        let subject = subject(decoder, message, door.bed.as_ref());
        if let Some(passed) = subject.as_ref().ok().filter(|subject| door.wanted.passes(subject)) {
            out.passed.push(passed.clone());
            ordinal += u32::try_from(message.observations.len()).unwrap_or(u32::MAX);
            continue;
        }
        // Its observations mostly share the time of the message: read once.
        let shared = match Scalar::of(message.time) {
            Scalar::Absent => None,
            said => Some(instant(decoder, said, door.received_at_us)),
        };
        for item in &message.observations {
            let reading = Reading { decoder, door: &door, shared: shared.as_ref(), ordinal };
            match subject.clone().and_then(|subject| reading.observation(item, subject)) {
                Ok(Some((observation, wrong))) => {
                    out.events.push(Event::Observation(observation));
                    out.rejected.extend(wrong.map(|refusal| Rejected { ordinal, refusal }));
                }
                Ok(None) => out.skipped += 1,
                Err(refusal) => out.rejected.push(Rejected { ordinal, refusal }),
            }
            ordinal += 1;
        }
    }
    Ok(())
}

/// What a redelivery of the body is recognised by. An id is its device's own; without one, a bed monitor's is its bed's, wherever
/// that is said. Where an object has no id, the request's key names the body, else its bytes do.
fn message_id(decoder: &Decoder, messages: &[Message<'_>], payload: &[u8], door: &Door<'_>) -> MessageId {
    let topic = || door.bed.as_ref().map(|bed| [bed.unit.as_bytes(), bed.bed.as_bytes()]);
    let mut parts: SmallVec<[&[u8]; 8]> = SmallVec::with_capacity(4 * messages.len());
    for message in messages {
        let Some(id) = message.id.as_deref().filter(|id| !id.is_empty()) else { break };
        let device = message.device.as_deref().unwrap_or_default().as_bytes();
        let said = message.bed().map(|bed| [bed.unit.as_bytes(), bed.bed.as_bytes()]);
        let bed = said.or_else(topic).filter(|_| device.is_empty() && message.patient().is_none());
        parts.push(device);
        parts.extend(bed.unwrap_or_default());
        parts.push(id.as_bytes());
    }
    if parts.len() < 4 * messages.len() {
        let unplaced = messages.iter().any(|message| message.patient().is_none() && message.bed().is_none());
        parts = topic().filter(|_| unplaced).unwrap_or_default().into_iter().collect();
        parts.extend(if door.key.is_empty() { [b"bytes", payload] } else { [b"key".as_slice(), door.key.as_bytes()] });
    }
    decoder.digest().message(door.principal, &parts, payload)
}

fn subject(decoder: &Decoder, message: &Message<'_>, topic: Option<&BedKey>) -> Result<Subject, Refusal> {
    let said = message.bed().map(|bed| BedKey { unit: bed.unit.as_ref().into(), bed: bed.bed.as_ref().into() });
    if let (Some(said), Some(topic)) = (&said, topic)
        && said != topic
    {
        return Err(Refusal::new(Code::BadDataType, "the bed in the body is not the bed of the topic"));
    }
    if let Some(patient) = message.patient() {
        let authority = patient.authority.as_deref().map(str::trim).filter(|authority| !authority.is_empty());
        let authority = authority.unwrap_or(&decoder.config().authority_default);
        return Ok(Subject::Patient(decoder.digest().patient(authority, patient.identifier.trim())));
    }
    let bed = said.or_else(|| topic.cloned()).map(Subject::Bed);
    bed.ok_or_else(|| Refusal::new(Code::MissingPatient, "neither patient nor bed is given"))
}

struct Reading<'a> {
    decoder: &'a Decoder,
    door: &'a Door<'a>,
    /// The message's own time, for observations without one.
    shared: Option<&'a Result<i64, Refusal>>,
    ordinal: u32,
}

impl Reading<'_> {
    /// What is said, and of a correction whose new value cannot be used, why.
    fn observation(&self, item: &Item<'_>, subject: Subject) -> Result<Option<(Observation, Option<Refusal>)>, Refusal> {
        let Some(status) = status(Scalar::of(item.status))? else { return Ok(None) };
        let meaning = self.meaning(item)?;
        let (observed_at_us, ordinal) = (self.time(item)?, self.ordinal);
        let told = Observation { subject, signal: meaning.signal, value: f64::NAN, observed_at_us, status, ordinal };
        if status == Status::Withdrawn {
            return Ok(Some((told, None)));
        }
        match self.value(&meaning, item) {
            Ok(value) => Ok(Some((Observation { value, ..told }, None))),
            Err(refusal) if status == Status::Corrected => {
                Ok(Some((Observation { status: Status::Withdrawn, ..told }, Some(refusal))))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn meaning(&self, item: &Item<'_>) -> Result<Meaning<'_>, Refusal> {
        let wrong = |field: &str| Refusal::new(Code::BadDataType, format!("{field} is not a string"));
        let code = Scalar::of(item.code).text().ok_or_else(|| wrong("code"))?;
        let system = Scalar::of(item.system).text().ok_or_else(|| wrong("system"))?;
        let catalogue = self.decoder.catalogue();
        catalogue
            .device_meaning(self.door.principal, system.trim().as_bytes(), code.trim().as_bytes())
            .ok_or_else(|| unknown_code(catalogue, &system, &code))
    }

    fn value(&self, meaning: &Meaning<'_>, item: &Item<'_>) -> Result<f64, Refusal> {
        let wrong = || Refusal::new(Code::BadDataType, format!("the value is not one of {}", meaning.row.name));
        match Scalar::of(item.value) {
            Scalar::Absent => Err(Refusal::new(Code::MissingValue, format!("{} without a value", meaning.row.name))),
            Scalar::Number(number) if !meaning.accepts.is_empty() => {
                let number: f64 = fast_float2::parse(number).map_err(|_| wrong())?;
                let unit = Scalar::of(item.unit).text();
                let unit = unit.ok_or_else(|| Refusal::new(Code::BadDataType, "unit is not a string"))?;
                // Adding zero turns -0 into 0.
                meaning.canonical(self.decoder.catalogue(), number + 0.0, unit.trim().as_bytes())
            }
            Scalar::Text(text) if meaning.is_coded() => {
                let value = answer(meaning.row.kind, text.trim().as_bytes()).ok_or_else(wrong)?;
                meaning.plausible(value)
            }
            Scalar::Truth(given) if meaning.row.kind == Kind::Oxygen => Ok(if given { 1.0 } else { 0.0 }),
            Scalar::Number(_) | Scalar::Text(_) | Scalar::Truth(_) | Scalar::Other => Err(wrong()),
        }
    }

    fn time(&self, item: &Item<'_>) -> Result<i64, Refusal> {
        let received_at_us = self.door.received_at_us;
        let at_us = match (Scalar::of(item.time), self.shared) {
            (Scalar::Absent, Some(shared)) => shared.clone()?,
            (own, _) => instant(self.decoder, own, received_at_us)?,
        };
        self.decoder.check_observed(at_us, received_at_us)?;
        Ok(at_us)
    }
}

impl<'a> Item<'a> {
    /// The time as written: its own, else that of the message.
    fn written(&self, message: &Message<'a>) -> Scalar<'a> {
        match Scalar::of(self.time) {
            Scalar::Absent => Scalar::of(message.time),
            own => own,
        }
    }
}

fn instant(decoder: &Decoder, written: Scalar<'_>, received_at_us: i64) -> Result<i64, Refusal> {
    let wrong = || Refusal::new(Code::BadTime, "a time is RFC 3339 with offset, or whole milliseconds since 1970");
    match written {
        Scalar::Absent => Err(Refusal::new(Code::MissingTime, "neither the observation nor the message gives a time")),
        Scalar::Text(text) => Written::rfc3339(text.as_bytes())
            .and_then(|time| decoder.zone().instant(&time, received_at_us))
            .map_err(|_| wrong()),
        Scalar::Number(number) => {
            number.parse::<i64>().ok().and_then(|milliseconds| milliseconds.checked_mul(MILLISECOND_US)).ok_or_else(wrong)
        }
        Scalar::Truth(_) | Scalar::Other => Err(wrong()),
    }
}

/// No signal has this code.
pub(super) fn unknown_code(catalogue: &Catalogue, system: &str, code: &str) -> Refusal {
    let mut detail = format!("code '{}' of system '{}'", shown(code.as_bytes()), shown(system.as_bytes()));
    if let Some(why) = catalogue.other_analyte(code.as_bytes()) {
        detail = format!("{detail}: {why}");
    }
    Refusal::new(Code::UnknownCode, detail)
}

/// None where the observation carries no result.
fn status(scalar: Scalar<'_>) -> Result<Option<Status>, Refusal> {
    Ok(Some(match scalar.text().as_deref() {
        Some("" | "F" | "U" | "final") => Status::Final,
        Some("P" | "R" | "S" | "preliminary") => Status::Preliminary,
        Some("C" | "corrected" | "amended") => Status::Corrected,
        Some("D" | "W" | "withdrawn" | "entered-in-error") => Status::Withdrawn,
        Some("X" | "I" | "N" | "O") => return Ok(None),
        _ => return Err(Refusal::new(Code::BadDataType, "status is not one of the list")),
    }))
}

#[cfg(test)]
mod tests;

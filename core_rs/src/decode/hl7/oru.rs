//! ORU R01: observations, over any number of patients and orders in one message.
//!
//! PID begins a patient, PV1 gives the bed, OBR the time that holds where OBX-14 is empty. A patient named by PID is the
//! subject; else the bed of PV1; else the bed of the topic; else `missing_patient`.
//!
//! OBX-11: F, U and empty are final; P, R, S preliminary; C corrected; D, W withdrawn; X, I, N, O carry no result and are
//! skipped, as are rows with neither type nor value (the MDS and VMD rows of IHE PCD-01). Any other status is refused.
//! D and W need no value. C says that the value before was wrong: with the null value (`""`) it withdraws that, and where the
//! new value cannot be used it is a dead letter and withdraws the old one as well.
//! Each OBX has one ordinal, skipped or not.

use super::patient::{Leaves, bed, choose};
use super::scan::{Fields, Pieces, contains, piece};
use super::value;
use super::{Checked, Door};
use crate::decode::Decoder;
use crate::decode::catalogue::{Meaning, shown};
use crate::decode::event::{BedKey, Decoded, Event, Observation, Rejected, Status, Subject};
use crate::decode::time::{TimeFault, Written};
use crate::decode::wanted::Wanted;
use crate::error::{Code, Refusal};

/// OBX-1 to OBX-14.
type Obx<'a> = Fields<'a, 15>;

/// What holds for the observations that follow.
struct Group<'a> {
    decoder: &'a Decoder,
    principal: &'a str,
    leaves: Leaves,
    received_at_us: i64,
    topic_bed: Option<BedKey>,
    wanted: Wanted<'a>,
    /// Whether nobody wants what is said of the present subject; None until it is asked.
    passes: Option<bool>,
    patient: Result<Option<Subject>, Refusal>,
    bed: Result<Option<Subject>, Refusal>,
    obr_7: &'a [u8],
    /// The last time read: the rows of one message mostly share theirs.
    last_time: (&'a [u8], Result<i64, TimeFault>),
}

enum Row {
    Value(Observation),
    /// A correction whose new value cannot be used: the old one is withdrawn.
    Wrong(Observation, Refusal),
    Skipped,
}

/// Decode an ORU R01 into observations.
///
/// # Errors
/// The message breaks its limits or its lines: what `out` holds by then is void.
pub fn decode<'a>(
    decoder: &'a Decoder,
    door: Door<'a>,
    leaves: Leaves,
    segments: &mut Checked<'a>,
    out: &mut Decoded,
) -> Result<(), Refusal> {
    let mut group = Group {
        decoder,
        principal: door.principal,
        leaves,
        received_at_us: door.received_at_us,
        topic_bed: door.bed,
        wanted: door.wanted,
        passes: None,
        patient: Ok(None),
        bed: Ok(None),
        obr_7: b"",
        last_time: (b"", Err(TimeFault::Unreadable)),
    };
    let mut ordinal = 0;
    for segment in segments {
        let segment = segment?;
        match segment.get(..3).unwrap_or_default() {
            b"OBX" => {
                if group.passes(out) {
                    ordinal += 1;
                    continue;
                }
                match group.observation(&Obx::split(segment, leaves.delimiters.field), ordinal) {
                    Ok(Row::Value(observation)) => out.events.push(Event::Observation(observation)),
                    Ok(Row::Skipped) => out.skipped += 1,
                    Ok(Row::Wrong(observation, refusal)) => {
                        out.events.push(Event::Observation(observation));
                        out.rejected.push(Rejected { ordinal, refusal });
                    }
                    Err(refusal) => out.rejected.push(Rejected { ordinal, refusal }),
                }
                ordinal += 1;
            }
            b"OBR" => group.obr_7 = Fields::<8>::split(segment, leaves.delimiters.field).get(7),
            b"PID" => group.begin_patient(segment),
            b"PV1" => group.begin_visit(segment),
            _ => {}
        }
    }
    Ok(())
}

impl<'a> Group<'a> {
    fn begin_patient(&mut self, segment: &[u8]) {
        let pid = Fields::<4>::split(segment, self.leaves.delimiters.field);
        let digest = self.decoder.digest();
        self.patient = choose(pid.get(3), &self.leaves, self.decoder.config())
            .map(|found| found.map(|found| Subject::Patient(digest.patient(&found.authority, &found.identifier))));
        self.bed = Ok(None);
        self.obr_7 = b"";
        self.passes = None;
    }

    fn begin_visit(&mut self, segment: &[u8]) {
        let pv1 = Fields::<4>::split(segment, self.leaves.delimiters.field);
        self.bed = bed(pv1.get(3), &self.leaves).map(|bed| bed.map(Subject::Bed));
        self.passes = None;
    }

    fn passes(&mut self, out: &mut Decoded) -> bool {
        if let Some(passes) = self.passes {
            return passes;
        }
        let passed = self.subject().ok().filter(|subject| self.wanted.passes(subject));
        self.passes = Some(passed.is_some());
        out.passed.extend(passed);
        self.passes == Some(true)
    }

    fn observation(&mut self, obx: &Obx<'a>, ordinal: u32) -> Result<Row, Refusal> {
        let at = |refusal: Refusal, field: u8| refusal.at(format!("OBX^{}^{field}", ordinal.saturating_add(1)));
        let (kind, answer) = (obx.get(2), obx.get(5));
        let Some(status) =
            status(piece(obx.get(11), self.leaves.delimiters.component, 1)).map_err(|refusal| at(refusal, 11))?
        else {
            return Ok(Row::Skipped);
        };
        if kind.is_empty() && obx.raw(5).is_empty() && status != Status::Withdrawn {
            return Ok(Row::Skipped);
        }
        let meaning = self.meaning(obx.get(3)).map_err(|refusal| at(refusal, 3))?;
        let subject = self.subject()?;
        let observed_at_us = self.time(obx.get(14)).map_err(|refusal| at(refusal, 14))?;
        let told = Observation { subject, signal: meaning.signal, value: f64::NAN, observed_at_us, status, ordinal };
        let nulled = status == Status::Corrected && obx.raw(5).trim_ascii() == b"\"\"";
        if status == Status::Withdrawn || nulled {
            return Ok(Row::Value(Observation { status: Status::Withdrawn, ..told }));
        }
        let catalogue = self.decoder.catalogue();
        match value::read(catalogue, &meaning, kind, answer, obx.get(6), &self.leaves) {
            Ok(value) => Ok(Row::Value(Observation { value, ..told })),
            Err(refusal) => {
                let field = if matches!(refusal.code, Code::UnknownUnit | Code::MissingUnit) { 6 } else { 5 };
                let refusal = at(refusal, field);
                if status != Status::Corrected {
                    return Err(refusal);
                }
                Ok(Row::Wrong(Observation { status: Status::Withdrawn, ..told }, refusal))
            }
        }
    }

    /// OBX-3: the code, or its alternate.
    fn meaning(&self, obx_3: &[u8]) -> Result<Meaning<'a>, Refusal> {
        let catalogue = self.decoder.catalogue();
        let component = self.leaves.delimiters.component;
        let mut pieces = Pieces::new(obx_3, component).map(<[u8]>::trim_ascii);
        let mut next = || pieces.next().unwrap_or_default();
        let is_escaped = contains(obx_3, self.leaves.delimiters.escape);
        for _ in 0..2 {
            let (code, text, system) = (next(), next(), next());
            if code.is_empty() {
                continue;
            }
            let found = if is_escaped {
                catalogue.meaning(self.principal, &self.leaves.bytes(system), &self.leaves.bytes(code), text)
            } else {
                catalogue.meaning(self.principal, system, code, text)
            };
            if let Some(meaning) = found {
                return Ok(meaning);
            }
        }
        let code = self.leaves.bytes(piece(obx_3, component, 1));
        let system = self.leaves.bytes(piece(obx_3, component, 3));
        let mut detail = format!("OBX-3 '{}' of coding system '{}'", shown(&code), shown(&system));
        if let Some(why) = catalogue.other_analyte(&code) {
            detail = format!("{detail}: {why}");
        }
        Err(Refusal::new(Code::UnknownCode, detail))
    }

    fn subject(&self) -> Result<Subject, Refusal> {
        if let Some(subject) = self.patient.as_ref().map_err(Clone::clone)? {
            return Ok(subject.clone());
        }
        if let Some(subject) = self.bed.as_ref().map_err(Clone::clone)? {
            return Ok(subject.clone());
        }
        let topic = self.topic_bed.clone().map(Subject::Bed);
        topic.ok_or_else(|| Refusal::new(Code::MissingPatient, "neither PID-3 nor PV1-3 says whose it is").at("PID^1^3"))
    }

    /// OBX-14, else OBR-7, within the limits around receipt.
    fn time(&mut self, obx_14: &'a [u8]) -> Result<i64, Refusal> {
        let written = if obx_14.is_empty() { self.obr_7 } else { obx_14 };
        if written.is_empty() {
            return Err(Refusal::new(Code::MissingTime, "neither OBX-14 nor OBR-7 gives a time"));
        }
        if self.last_time.0 != written {
            let text = self.leaves.component(written, 1);
            let zone = self.decoder.zone();
            let read = Written::hl7(text).and_then(|time| zone.instant(&time, self.received_at_us));
            self.last_time = (written, read);
        }
        let at_us = self.last_time.1.map_err(|fault| Refusal::new(Code::BadTime, fault.text()))?;
        self.decoder.check_observed(at_us, self.received_at_us)?;
        Ok(at_us)
    }
}

/// OBX-11; None where the row carries no result.
fn status(letter: &[u8]) -> Result<Option<Status>, Refusal> {
    Ok(Some(match letter {
        b"F" | b"U" | b"" => Status::Final,
        b"P" | b"R" | b"S" => Status::Preliminary,
        b"C" => Status::Corrected,
        b"D" | b"W" => Status::Withdrawn,
        b"X" | b"I" | b"N" | b"O" => return Ok(None),
        _ => return Err(Refusal::new(Code::BadDataType, format!("OBX-11 '{}' is no status of table 0085", shown(letter)))),
    }))
}

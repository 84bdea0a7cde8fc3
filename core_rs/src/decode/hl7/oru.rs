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

use std::cell::Cell;

use super::known::Known;
use super::patient::{Leaves, bed, choose};
use super::scan::Fields;
use super::separators::Separator;
use super::value;
use super::{Checked, Door};
use crate::decode::Decoder;
use crate::decode::catalogue::{Meaning, shown};
use crate::decode::event::{BedKey, Decoded, Event, Observation, Rejected, SignalId, Status, Subject};
use crate::decode::time::{TimeFault, Written};
use crate::decode::wanted::Wanted;
use crate::error::{Code, Refusal};

/// OBX-1 to OBX-14.
type Obx<'a> = Fields<'a, 15>;

/// What holds for the observations that follow.
struct Group<'a> {
    decoder: &'a Decoder,
    principal: &'a str,
    leaves: Leaves<'a>,
    received_at_us: i64,
    topic_bed: Option<BedKey>,
    /// Whether it is whom some observations are about.
    by_topic: bool,
    wanted: Wanted<'a>,
    /// Whether nobody wants what is said of the present subject; None until it is asked.
    passes: Option<bool>,
    patient: Result<Option<Subject>, Refusal>,
    pv1_3: &'a [u8],
    /// Whom the observations are about; None until it is asked.
    subject: Option<Result<Subject, Refusal>>,
    obr_7: &'a [u8],
    /// The last time read that is no plain stamp: the rows of one message mostly share theirs.
    last_time: (&'a [u8], Result<i64, TimeFault>),
}

/// Decode an ORU R01 into observations. Gives back the bed of the topic where it says whose some of them are.
///
/// # Errors
/// The message breaks its limits or its lines: what `out` holds by then is void.
pub fn decode<'a>(
    decoder: &'a Decoder,
    door: Door<'a>,
    leaves: Leaves<'a>,
    segments: &mut Checked<'a>,
    out: &mut Decoded,
) -> Result<Option<BedKey>, Refusal> {
    let mut group = Group {
        decoder,
        principal: door.principal,
        leaves,
        received_at_us: door.received_at_us,
        topic_bed: door.bed,
        by_topic: false,
        wanted: door.wanted,
        passes: None,
        patient: Ok(None),
        pv1_3: b"",
        subject: None,
        obr_7: b"",
        last_time: (b"", Err(TimeFault::Unreadable)),
    };
    let (mut known, mut ordinal) = (decoder.known(leaves.index.delimiters), 0);
    for segment in segments {
        let segment = segment?;
        match segment.get(..3).unwrap_or_default() {
            b"OBX" => {
                if group.passes(out) {
                    ordinal += 1;
                    continue;
                }
                if let Err(refusal) = group.observation(&leaves.index.fields(segment), ordinal, known.as_deref_mut(), out) {
                    out.rejected.push(Rejected { ordinal, refusal });
                }
                ordinal += 1;
            }
            b"OBR" => group.obr_7 = leaves.index.fields::<8>(segment).get(7),
            b"PID" => group.begin_patient(segment, known.as_deref_mut()),
            b"PV1" => group.begin_visit(segment),
            _ => {}
        }
    }
    Ok(group.topic_bed.filter(|_| group.by_topic))
}

impl<'a> Group<'a> {
    fn begin_patient(&mut self, segment: &'a [u8], known: Option<&mut Known>) {
        let pid_3 = self.leaves.index.fields::<4>(segment).get(3);
        let before = known.as_ref().and_then(|known| known.patient(pid_3));
        self.patient = match before {
            Some(patient) => Ok(Some(Subject::Patient(patient))),
            None => self.patient(pid_3, known),
        };
        (self.pv1_3, self.obr_7) = (b"", b"");
        (self.subject, self.passes) = (None, None);
    }

    fn patient(&self, pid_3: &[u8], known: Option<&mut Known>) -> Result<Option<Subject>, Refusal> {
        let Some(found) = choose(pid_3, &self.leaves, self.decoder.config())? else { return Ok(None) };
        let patient = self.decoder.digest().patient(&found.authority, &found.identifier);
        let is_plain = pid_3.is_ascii() && !self.leaves.index.has(pid_3, Separator::Escape);
        if let Some(known) = known.filter(|_| is_plain) {
            known.put_patient(pid_3, patient);
        }
        Ok(Some(Subject::Patient(patient)))
    }

    fn begin_visit(&mut self, segment: &'a [u8]) {
        self.pv1_3 = self.leaves.index.fields::<4>(segment).get(3);
        (self.subject, self.passes) = (None, None);
    }

    fn passes(&mut self, out: &mut Decoded) -> bool {
        if let Some(passes) = self.passes {
            return passes;
        }
        let wanted = self.wanted;
        let passed = self.subject().as_ref().ok().filter(|subject| wanted.passes(subject)).cloned();
        self.passes = Some(passed.is_some());
        out.passed.extend(passed);
        self.passes == Some(true)
    }

    /// One OBX: an event, a skip, or an error; of a correction whose new value cannot be used both, since the old one is withdrawn.
    fn observation(
        &mut self,
        obx: &Obx<'a>,
        ordinal: u32,
        known: Option<&mut Known>,
        out: &mut Decoded,
    ) -> Result<(), Refusal> {
        let at = |refusal: Refusal, field: u8| refusal.at(format!("OBX^{}^{field}", ordinal.saturating_add(1)));
        let (kind, answer) = (obx.get(2), obx.get(5));
        let status = status(self.leaves.index.first(obx.get(11), Separator::Component)).map_err(|refusal| at(refusal, 11))?;
        let Some(status) = status.filter(|status| {
            let has_nothing = kind.is_empty() && obx.raw(5).is_empty();
            !has_nothing || *status == Status::Withdrawn
        }) else {
            out.skipped += 1;
            return Ok(());
        };
        let (obx_3, obx_6) = (obx.get(3), obx.get(6));
        let before = known.as_ref().and_then(|known| known.code(obx_3, obx_6));
        let looked_up;
        let meaning = match before {
            Some(code) => &code.meaning,
            None => {
                looked_up = self.meaning(obx_3).map_err(|refusal| at(refusal, 3))?;
                &looked_up
            }
        };
        if let Err(refusal) = self.subject() {
            return Err(refusal.clone());
        }
        let observed_at_us = self.time(obx.get(14)).map_err(|refusal| at(refusal, 14))?;
        let nulled = status == Status::Corrected && obx.raw(5).trim_ascii() == b"\"\"";
        if status == Status::Withdrawn || nulled {
            self.push(meaning.signal, f64::NAN, observed_at_us, Status::Withdrawn, ordinal, out);
            return Ok(());
        }
        let learnt = Cell::new(None);
        let conversion = || match before {
            Some(code) => Ok(code.conversion),
            None => {
                let found = value::conversion(self.decoder.catalogue(), meaning, obx_6, &self.leaves)?;
                learnt.set(Some(found));
                Ok(found)
            }
        };
        match value::read(meaning, kind, answer, &self.leaves, conversion) {
            Ok(value) => self.push(meaning.signal, value, observed_at_us, status, ordinal, out),
            Err(refusal) => {
                if status == Status::Corrected {
                    self.push(meaning.signal, f64::NAN, observed_at_us, Status::Withdrawn, ordinal, out);
                }
                let field = if matches!(refusal.code, Code::UnknownUnit | Code::MissingUnit) { 6 } else { 5 };
                return Err(at(refusal, field));
            }
        }
        let learnt = learnt.get().map(|conversion| (*meaning, conversion));
        if let (Some((meaning, conversion)), Some(known)) = (learnt, known) {
            known.put_code(obx_3, obx_6, &meaning, conversion);
        }
        Ok(())
    }

    /// Adds an event about the present subject. Its parts come one by one and a patient is copied by itself: to put them together
    /// first and move the whole was a fifth of a message.
    #[inline]
    fn push(&self, signal: SignalId, value: f64, observed_at_us: i64, status: Status, ordinal: u32, out: &mut Decoded) {
        let subject = match &self.subject {
            Some(Ok(Subject::Patient(patient))) => Subject::Patient(*patient),
            Some(Ok(subject)) => subject.clone(),
            Some(Err(_)) | None => return,
        };
        out.events.push(Event::Observation(Observation { subject, signal, value, observed_at_us, status, ordinal }));
    }

    /// OBX-3: the code, or its alternate.
    fn meaning(&self, obx_3: &[u8]) -> Result<Meaning<'a>, Refusal> {
        let catalogue = self.decoder.catalogue();
        let index = &self.leaves.index;
        let mut pieces = index.pieces(obx_3, Separator::Component).map(<[u8]>::trim_ascii);
        let mut next = || pieces.next().unwrap_or_default();
        let is_escaped = index.has(obx_3, Separator::Escape);
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
        let code = self.leaves.bytes(index.piece(obx_3, Separator::Component, 1));
        let system = self.leaves.bytes(index.piece(obx_3, Separator::Component, 3));
        let mut detail = format!("OBX-3 '{}' of coding system '{}'", shown(&code), shown(&system));
        if let Some(why) = catalogue.other_analyte(&code) {
            detail = format!("{detail}: {why}");
        }
        Err(Refusal::new(Code::UnknownCode, detail))
    }

    fn subject(&mut self) -> &Result<Subject, Refusal> {
        let Self { subject, patient, pv1_3, leaves, topic_bed, by_topic, .. } = self;
        subject.get_or_insert_with(|| {
            if let Some(patient) = patient.clone()? {
                return Ok(patient);
            }
            if let Some(bed) = bed(pv1_3, leaves)? {
                return Ok(Subject::Bed(bed));
            }
            *by_topic |= topic_bed.is_some();
            let bed = topic_bed.clone().map(Subject::Bed);
            bed.ok_or_else(|| Refusal::new(Code::MissingPatient, "neither PID-3 nor PV1-3 says whose it is").at("PID^1^3"))
        })
    }

    /// OBX-14, else OBR-7, within the limits around receipt.
    fn time(&mut self, obx_14: &'a [u8]) -> Result<i64, Refusal> {
        let written = if obx_14.is_empty() { self.obr_7 } else { obx_14 };
        if written.is_empty() {
            return Err(Refusal::new(Code::MissingTime, "neither OBX-14 nor OBR-7 gives a time"));
        }
        let (text, zone) = (self.leaves.component(written, 1), self.decoder.zone());
        let at_us = match zone.instant_of_stamp(text) {
            Some(at_us) => at_us,
            None => {
                if self.last_time.0 != text {
                    let read = Written::hl7(text).and_then(|time| zone.instant(&time, self.received_at_us));
                    self.last_time = (text, read);
                }
                self.last_time.1.map_err(|fault| Refusal::new(Code::BadTime, fault.text()))?
            }
        };
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

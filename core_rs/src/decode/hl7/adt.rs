//! ADT A01 A02 A03 A04 A08, their cancellations A11 A12 A13: one encounter event. A40: one a pair of PID and MRG.
//!
//! An event occurs by EVN-6, and was recorded by EVN-2, else MSH-7; without EVN-6 it occurred when it was recorded. A cancellation
//! occurs when it is recorded; its EVN-6 is when the event occurred that it cancels (HL7 v2.4 on).
//!
//! A part that cannot be read (a name in another character set, a time that is none) is a dead letter of its own beside the
//! event, from the ordinal after the events on: an admission is not lost over an umlaut.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::Checked;
use super::header::{Header, Kind};
use super::patient::{Leaves, bed, choose};
use super::separators::Separator;
use crate::decode::DIAGNOSES_MAX;
use crate::decode::Decoder;
use crate::decode::event::{Decoded, EncounterEvent, EncounterKind, Event, Identity, PatientId, Rejected};
use crate::decode::time::{TimeFault, Written};
use crate::error::{Code, Refusal};

/// The segments of an ADT message that matter; absent ones are empty.
#[derive(Default, Clone)]
struct Parts<'a> {
    evn: &'a [u8],
    pid: &'a [u8],
    pv1: &'a [u8],
    mrg: &'a [u8],
    /// The first `DIAGNOSES_MAX` of them.
    dg1: SmallVec<[&'a [u8]; 8]>,
    dg1_count: u32,
}

pub(super) struct Reading<'a> {
    decoder: &'a Decoder,
    pub leaves: Leaves<'a>,
    received_at_us: i64,
    faults: Vec<Refusal>,
}

/// Decode an ADT message into one event, an A40 into one a merged record.
///
/// # Errors
/// `MissingPatient`, or `BadCharset` of what identifies the patient or the bed. Of an A40 a pair that cannot be read is
/// rejected alone.
pub fn decode(
    decoder: &Decoder,
    header: &Header<'_>,
    kind: EncounterKind,
    leaves: Leaves<'_>,
    segments: &mut Checked<'_>,
    received_at_us: i64,
    out: &mut Decoded,
) -> Result<(), Refusal> {
    debug_assert!(matches!(header.check(decoder.config()), Ok(Kind::Adt(_))));
    let (mut parts, mut groups) = (Parts::default(), Vec::new());
    for segment in segments {
        let segment = segment?;
        let slot = match segment.get(..3).unwrap_or_default() {
            b"EVN" => &mut parts.evn,
            b"PID" if kind == EncounterKind::Merge => {
                // Each PID begins another pair; the one before it is whole.
                if !parts.pid.is_empty() {
                    groups.push(parts.clone());
                    (parts.pid, parts.mrg, parts.pv1) = (b"", b"", b"");
                }
                &mut parts.pid
            }
            b"PID" => &mut parts.pid,
            b"MRG" => &mut parts.mrg,
            b"PV1" => &mut parts.pv1,
            b"DG1" => {
                parts.dg1_count = parts.dg1_count.saturating_add(1);
                if parts.dg1.len() < DIAGNOSES_MAX {
                    parts.dg1.push(segment);
                }
                continue;
            }
            _ => continue,
        };
        if slot.is_empty() {
            *slot = segment;
        }
    }
    let mut reading = Reading { decoder, leaves, received_at_us, faults: Vec::new() };
    groups.push(parts);
    let ordinals = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    for (parts, ordinal) in groups.iter().zip(0_u32..) {
        match reading.event(header, kind, parts) {
            Ok(event) => out.events.push(Event::Encounter(Box::new(EncounterEvent { ordinal, ..event }))),
            Err(refusal) if kind == EncounterKind::Merge => out.rejected.push(Rejected { ordinal, refusal }),
            Err(refusal) => return Err(refusal),
        }
    }
    out.rejected.extend((ordinals..).zip(reading.faults).map(|(ordinal, refusal)| Rejected { ordinal, refusal }));
    Ok(())
}

impl Reading<'_> {
    fn event(&mut self, header: &Header<'_>, kind: EncounterKind, parts: &Parts<'_>) -> Result<EncounterEvent, Refusal> {
        let index = self.leaves.index;
        let (pid, pv1, evn) = (index.fields::<11>(parts.pid), index.fields::<46>(parts.pv1), index.fields::<7>(parts.evn));
        let Some(identifier) = choose(pid.get(3), &self.leaves, self.decoder.config())? else {
            return Err(Refusal::new(Code::MissingPatient, "PID-3 names no identifier").at("PID^1^3"));
        };
        let patient = self.decoder.digest().patient(&identifier.authority, &identifier.identifier);
        let former = if kind == EncounterKind::Merge { Some(self.former(parts.mrg)?) } else { None };
        let identity = Identity {
            authority: identifier.authority,
            identifier: identifier.identifier,
            family: self.name(pid.get(5), 1),
            given: self.name(pid.get(5), 2),
        };
        let named_at_us = self.time(evn.get(6), "EVN^1^6");
        let recorded_at_us = self.time(evn.get(2), "EVN^1^2").or_else(|| self.time(header.field(7), "MSH^1^7"));
        let (undoes_at_us, occurred_at_us) = if kind.cancels() { (named_at_us, None) } else { (None, named_at_us) };
        Ok(EncounterEvent {
            kind,
            patient,
            former,
            identity,
            birth_day: self.day(pid.get(7)),
            sex: sex(self.leaves.component(pid.get(8), 1)),
            visit: self.text(self.leaves.component(pv1.get(19), 1), "PV1^1^19"),
            class: self.text(self.leaves.component(pv1.get(2), 1), "PV1^1^2"),
            bed: bed(pv1.get(3), &self.leaves)?,
            unit: self.unit(pv1.get(3)),
            admitted_at_us: self.time(pv1.get(44), "PV1^1^44"),
            discharged_at_us: self.time(pv1.get(45), "PV1^1^45"),
            facts: self.facts(&pid, &pv1, &parts.dg1, parts.dg1_count),
            occurred_at_us: occurred_at_us.or(recorded_at_us).unwrap_or(self.received_at_us),
            recorded_at_us,
            undoes_at_us,
            ordinal: 0,
        })
    }

    /// MRG-1: the record that is given up.
    fn former(&self, mrg: &[u8]) -> Result<PatientId, Refusal> {
        let mrg = self.leaves.index.fields::<2>(mrg);
        let found = choose(mrg.get(1), &self.leaves, self.decoder.config()).map_err(|refusal| refusal.at("MRG^1^1"))?;
        let missing = || Refusal::new(Code::MissingPatient, "MRG-1 names no identifier").at("MRG^1^1");
        found.map(|found| self.decoder.digest().patient(&found.authority, &found.identifier)).ok_or_else(missing)
    }

    /// How many parts could not be read so far.
    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }

    fn fault(&mut self, code: Code, detail: &str, place: &str) {
        self.faults.push(Refusal::new(code, detail).at(place));
    }

    pub(super) fn text(&mut self, leaf: &[u8], place: &str) -> CompactString {
        let (text, is_whole) = self.leaves.text(leaf);
        if !is_whole {
            self.fault(Code::BadCharset, "a text is not valid in the message's character set", place);
        }
        text
    }

    /// PID-5.n; the family name's first subcomponent is the own surname.
    fn name(&mut self, pid_5: &[u8], n: usize) -> CompactString {
        let leaf = self.leaves.index.piece(self.leaves.component(pid_5, n), Separator::Subcomponent, 1);
        self.text(leaf, "PID^1^5")
    }

    fn day(&mut self, pid_7: &[u8]) -> Option<i32> {
        let written = self.leaves.component(pid_7, 1);
        if written.is_empty() {
            return None;
        }
        match Written::hl7(written) {
            Ok(date) => Some(date.days()),
            Err(fault) => {
                self.fault(Code::BadTime, fault.text(), "PID^1^7");
                None
            }
        }
    }

    /// A time, or None where it is absent, unreadable, a bare date, or ahead of receipt by more than the limit.
    fn time(&mut self, field: &[u8], place: &str) -> Option<i64> {
        let written = self.leaves.component(field, 1);
        if written.is_empty() {
            return None;
        }
        let read = Written::hl7(written).and_then(|time| self.decoder.zone().instant(&time, self.received_at_us));
        match read {
            Ok(at_us) if self.decoder.is_future(at_us, self.received_at_us) => {
                self.fault(Code::FutureTime, "a time of the event lies ahead of its receipt", place);
                None
            }
            Ok(at_us) => Some(at_us),
            Err(fault @ (TimeFault::Unreadable | TimeFault::TooCoarse | TimeFault::Skipped)) => {
                self.fault(Code::BadTime, fault.text(), place);
                None
            }
        }
    }
}

/// PID-8 where it is a letter of HL7 table 0001.
fn sex(leaf: &[u8]) -> Option<char> {
    match leaf {
        [letter @ (b'F' | b'M' | b'O' | b'U' | b'A' | b'N')] => Some(char::from(*letter)),
        [letter @ (b'f' | b'm')] => Some(char::from(letter.to_ascii_uppercase())),
        _ => None,
    }
}

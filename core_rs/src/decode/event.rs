//! The boundary between decode and window: what a frame says, in canonical codes, units and times.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::error::Refusal;

/// A signal of the catalogue: an index into `decode::catalogue`. The numbers are stored: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignalId(pub u16);

/// A patient's pseudonym: the first 16 bytes of BLAKE3, keyed by the site's secret, over `authority|identifier`. It is what
/// logs, metrics, channels and URLs may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PatientId(pub [u8; 16]);

/// The 8-4-4-4-12 text of a UUID, as PostgreSQL prints the same 16 bytes.
impl std::fmt::Display for PatientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [b'-'; 36];
        let mut places = text.iter_mut().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23)).map(|(_, place)| place);
        for byte in self.0 {
            for half in [byte >> 4, byte & 15] {
                if let Some(place) = places.next() {
                    *place = if half < 10 { b'0' + half } else { b'a' + half - 10 };
                }
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Where a monitor stands: point of care (PV1-3.1, topic level unit) and bed (PV1-3.3, topic level bed).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BedKey {
    /// Point of care.
    pub unit: CompactString,
    /// Bed within the unit.
    pub bed: CompactString,
}

/// Whom an observation is about, as far as the frame itself says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The message named the patient.
    Patient(PatientId),
    /// The message named only the bed; window knows who lies in it.
    Bed(BedKey),
}

/// OBX-11 (table 0085), reduced to what it means for the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Status {
    /// F, U, or a device that does not say.
    Final = 1,
    /// P, R, S: usable, may be replaced.
    Preliminary = 2,
    /// C: replaces the value of the same patient, signal and time.
    Corrected = 3,
    /// D, W: the value of the same patient, signal and time was wrong and is withdrawn.
    Withdrawn = 4,
}

/// One value of one signal at one time, in the catalogue's canonical unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Whom it is about.
    pub subject: Subject,
    /// What was observed.
    pub signal: SignalId,
    /// In the canonical unit of the signal; coded signals have numeric codes. NaN only when withdrawn.
    pub value: f64,
    /// Microseconds since 1970-01-01 UTC.
    pub observed_at_us: i64,
    /// Final, preliminary, corrected, withdrawn.
    pub status: Status,
    /// Position within the frame, from 0: (seq, ordinal) names a row for ever.
    pub ordinal: u32,
}

/// What an ADT event does to an encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum EncounterKind {
    /// A01: admitted to a bed.
    Admit = 1,
    /// A02: moved to another bed.
    Transfer = 2,
    /// A03: left; the bed is empty.
    Discharge = 3,
    /// A04: registered, perhaps without a bed.
    Register = 4,
    /// A08: demographics or location restated.
    Update = 5,
    /// A11: the admission did not happen.
    CancelAdmit = 6,
    /// A12: the transfer did not happen.
    CancelTransfer = 7,
    /// A13: the discharge did not happen.
    CancelDischarge = 8,
    /// A40: the record under `former` is the same person's; it goes on under this patient.
    Merge = 9,
}

impl EncounterKind {
    /// Whether it undoes another event.
    pub const fn cancels(self) -> bool {
        matches!(self, Self::CancelAdmit | Self::CancelTransfer | Self::CancelDischarge)
    }
}

/// Who a patient is. Only the store may show it, to roles that may see it (P6); Debug prints nothing of it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// PID-3.4, assigning authority.
    pub authority: CompactString,
    /// PID-3.1, the identifier the pseudonym was made from.
    pub identifier: CompactString,
    /// PID-5.1.
    pub family: CompactString,
    /// PID-5.2.
    pub given: CompactString,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(hidden)")
    }
}

/// An ADT event, reduced to what the ward needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncounterEvent {
    /// Admit, transfer, discharge, register, update, one of their cancellations, merge.
    pub kind: EncounterKind,
    /// The pseudonym; of a merge the surviving one (PID-3).
    pub patient: PatientId,
    /// Of a merge the one that is given up (MRG-1).
    pub former: Option<PatientId>,
    /// Who that is, for the store.
    pub identity: Identity,
    /// PID-7, days since 1970-01-01.
    pub birth_day: Option<i32>,
    /// PID-8: F, M, O, U, A, N; None where absent.
    pub sex: Option<char>,
    /// PV1-19, or empty.
    pub visit: CompactString,
    /// PV1-2, or empty.
    pub class: CompactString,
    /// PV1-3; None where the message names no bed.
    pub bed: Option<BedKey>,
    /// PV1-3.1, point of care, also where no bed is named; or empty.
    pub unit: CompactString,
    /// PV1-44 admit time where given.
    pub admitted_at_us: Option<i64>,
    /// PV1-45 discharge time where given.
    pub discharged_at_us: Option<i64>,
    /// What the message says in codes.
    pub facts: Facts,
    /// EVN-6, else EVN-2, else MSH-7, else receipt; of a cancellation EVN-2, else MSH-7, else receipt.
    pub occurred_at_us: i64,
    /// EVN-2, else MSH-7: when the event was entered at its source. None where neither says.
    pub recorded_at_us: Option<i64>,
    /// Of a cancellation EVN-6: when the event occurred that it cancels.
    pub undoes_at_us: Option<i64>,
    /// Position within the frame.
    pub ordinal: u32,
}

/// One thing a frame says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A value.
    Observation(Observation),
    /// Somebody came, moved or went.
    Encounter(Box<EncounterEvent>),
}

/// What makes a redelivered message recognisable, hashed with the principal: MSH-3, MSH-4 and MSH-10 of HL7; of JSON the ids of its
/// objects with device or bed, else the request's Idempotency-Key, else its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageId {
    /// Hash of the id.
    pub id: u64,
    /// Hash of the content: the same id with another content is a conflict.
    pub content: u64,
}

/// A part of a frame (or all of it) that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Position within the frame: shares the numbering of the events.
    pub ordinal: u32,
    /// Why.
    pub refusal: Refusal,
}

/// All that one frame says. Reused between frames: `clear` keeps the memory.
#[derive(Debug, Default)]
pub struct Decoded {
    /// For recognising a redelivery; None where the frame cannot be read at all.
    pub message_id: Option<MessageId>,
    /// The frame's time, microseconds since 1970-01-01 UTC: its receipt, or with `recorded_time` what the message says.
    pub at_us: i64,
    /// In the order of the frame.
    pub events: Vec<Event>,
    /// What ends as dead letters.
    pub rejected: Vec<Rejected>,
    /// Observations skipped on purpose (OBX-11 X or I, header rows without a value), counted so that the sums add up (P4).
    pub skipped: u32,
    /// Whom the frame speaks of and whose values were not read, because nobody wanted them (`Decoder::decode_wanted`).
    pub passed: Vec<Subject>,
}

impl Decoded {
    /// Empty again, memory kept.
    pub fn clear(&mut self) {
        (self.message_id, self.at_us) = (None, 0);
        self.events.clear();
        self.rejected.clear();
        self.skipped = 0;
        self.passed.clear();
    }
}

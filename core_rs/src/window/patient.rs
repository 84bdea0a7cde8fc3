//! One patient of the ward: the person, the stay as ADT told it, and the rolling state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::decode::{PatientId, SignalId};

use super::block::Sample;
use super::cancel::Undoable;
use super::person::Person;
use super::vitals::Vitals;

/// One patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patient {
    pub(super) id: PatientId,
    pub(super) person: Person,
    pub(super) visit: compact_str::CompactString,
    pub(super) class: compact_str::CompactString,
    /// Index into the ward's beds.
    pub(super) bed: Option<u32>,
    /// When the newest location event that stands occurred; older ones no longer move the patient.
    pub(super) located_at_us: i64,
    /// When the newest cancellation was recorded; what was recorded before no longer moves the patient.
    pub(super) cancelled_at_us: i64,
    /// When the newest event that told of the person occurred.
    pub(super) described_at_us: i64,
    /// When the patient left.
    pub(super) discharged_at_us: Option<i64>,
    /// Receipt of the newest frame about the patient.
    pub(super) heard_us: i64,
    pub(super) admitted: bool,
    pub(super) undoable: Undoable,
    pub(super) vitals: Vitals,
}

impl Patient {
    pub(super) fn new(id: PatientId, received_at_us: i64) -> Self {
        Self {
            id,
            person: Person::default(),
            visit: Default::default(),
            class: Default::default(),
            bed: None,
            located_at_us: i64::MIN,
            cancelled_at_us: i64::MIN,
            described_at_us: i64::MIN,
            discharged_at_us: None,
            heard_us: received_at_us,
            admitted: false,
            undoable: Undoable::default(),
            vitals: Vitals::default(),
        }
    }

    /// The pseudonym.
    pub fn id(&self) -> PatientId {
        self.id
    }

    /// Who the patient is and what ADT said of the stay.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// PV1-19, or empty.
    pub fn visit(&self) -> &str {
        &self.visit
    }

    /// PV1-2, or empty.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// When the patient left, if so.
    pub fn discharged_at_us(&self) -> Option<i64> {
        self.discharged_at_us
    }

    /// Whether anything is known: not so of who was only named by a withdrawal.
    pub fn is_blank(&self) -> bool {
        !self.admitted && self.vitals.is_blank()
    }

    /// Receipt of the newest frame about the patient, microseconds since 1970-01-01 UTC.
    pub fn heard_us(&self) -> i64 {
        self.heard_us
    }

    /// The series of all signals.
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Newest value of a signal at or before `t_us`, and its time.
    pub fn latest(&self, signal: SignalId, t_us: i64) -> Option<(f64, i64)> {
        self.vitals.latest(signal, t_us)
    }

    /// The newest `n` samples of a signal at or before `t_us` still held raw, oldest first.
    pub fn recent(&self, signal: SignalId, t_us: i64, n: usize) -> &[Sample] {
        self.vitals.series(signal).map_or(&[], |series| {
            let seen = series.held().get(..series.seen(t_us)).unwrap_or(&[]);
            seen.get(seen.len().saturating_sub(n)..).unwrap_or(&[])
        })
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.vitals.bytes() - size_of::<Vitals>()
    }
}

/// The patient in a place, to be changed: copied first where a snapshot under way still reads it.
pub(super) fn own(place: Option<&mut Option<Arc<Patient>>>) -> Option<&mut Patient> {
    place.and_then(Option::as_mut).map(Arc::make_mut)
}

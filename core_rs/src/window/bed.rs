//! Who lay in a bed when: a short history, so that a monitor's late data finds the patient it was taken from.
//!
//! Limits: 8 stays a bed, the oldest is forgotten. An observation up to 15 minutes before a stay is taken as that stay's where
//! the bed was free (monitors are on before the admission is typed); anything earlier is nobody's.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::PatientId;

use super::ward::Slot;

/// Stays remembered per bed.
pub const STAYS_MAX: usize = 8;
/// How long before an admission the bed's observations already belong to the newcomer, microseconds.
pub const GRACE_US: i64 = 15 * 60 * 1_000_000;
/// The end of a stay that goes on.
const OPEN: i64 = i64::MAX;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Stay {
    pub slot: Slot,
    /// Slots are used again: the id says whether it is still the same patient.
    pub patient: PatientId,
    pub from_us: i64,
    pub until_us: i64,
}

/// Stays in time order; they do not overlap, and only the last may be open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Bed {
    stays: SmallVec<[Stay; 1]>,
}

impl Bed {
    /// Who lies in it now.
    pub fn occupant(&self) -> Option<&Stay> {
        self.stays.last().filter(|stay| stay.until_us == OPEN)
    }

    /// All stays remembered, oldest first.
    pub fn stays(&self) -> impl Iterator<Item = &Stay> {
        self.stays.iter()
    }

    /// Who lay in it at a time.
    #[inline]
    pub fn at(&self, at_us: i64) -> Option<&Stay> {
        let next = self.stays.partition_point(|stay| stay.from_us <= at_us);
        let before = next.checked_sub(1).and_then(|last| self.stays.get(last));
        before
            .filter(|stay| at_us < stay.until_us)
            .or_else(|| self.stays.get(next).filter(|stay| stay.from_us - GRACE_US <= at_us))
    }

    /// Somebody comes. Returns who lay there until now and has to go, and whether the newcomer lies there now: not so where a
    /// later stay is already known (the event arrived out of order).
    pub fn enter(&mut self, slot: Slot, patient: PatientId, from_us: i64) -> (Option<Stay>, bool) {
        let next = self.stays.partition_point(|stay| stay.from_us <= from_us);
        let until_us = self.stays.get(next).map_or(OPEN, |later| later.from_us);
        let mut displaced = None;
        if let Some(before) = next.checked_sub(1).and_then(|last| self.stays.get_mut(last)) {
            if before.until_us == OPEN && before.patient != patient {
                displaced = Some(before.clone());
            }
            before.until_us = before.until_us.min(from_us);
        }
        self.stays.insert(next, Stay { slot, patient, from_us, until_us });
        if self.stays.len() > STAYS_MAX {
            self.stays.remove(0);
        }
        (displaced, until_us == OPEN)
    }

    /// The occupant goes, if it is this patient.
    pub fn leave(&mut self, patient: PatientId, at_us: i64) {
        if let Some(stay) = self.stays.last_mut().filter(|stay| stay.until_us == OPEN && stay.patient == patient) {
            stay.until_us = at_us.max(stay.from_us);
        }
    }

    /// A patient comes back into a bed. Where nobody else lay there since, the patient never left it. False, and nothing changed,
    /// where somebody else lies there.
    pub fn enter_again(&mut self, slot: Slot, patient: PatientId, at_us: i64) -> bool {
        match self.stays.last_mut() {
            Some(last) if last.patient == patient => (last.slot, last.until_us) = (slot, OPEN),
            Some(last) if last.until_us == OPEN || last.from_us > at_us => return false,
            _ => return self.enter(slot, patient, at_us).1,
        }
        true
    }

    /// Stays of a patient since a time were none; one that began before ended then.
    pub fn void(&mut self, patient: PatientId, since_us: i64) {
        self.stays.retain(|stay| stay.patient != patient || stay.from_us < since_us);
        for stay in self.stays.iter_mut().filter(|stay| stay.patient == patient) {
            stay.until_us = stay.until_us.min(since_us);
        }
    }

    /// A merged patient's stays become the survivor's.
    pub fn rename(&mut self, from: PatientId, slot: Slot, into: PatientId) {
        for stay in self.stays.iter_mut().filter(|stay| stay.patient == from) {
            (stay.slot, stay.patient) = (slot, into);
        }
    }
}

//! Who lay in a bed when: a short history, so that a monitor's late data finds the patient it was taken from.
//!
//! Limits: 8 stays a bed and 8 that were cancelled, the oldest is forgotten. An observation up to 15 minutes before a stay is taken
//! as that stay's where the bed was free (monitors are on before the admission is typed); anything earlier is nobody's.
//!
//! A cancelled stay was none, but what the bed said meanwhile went to its patient: that time stays marked. It never becomes the
//! next patient's by grace, nor does what lies before it, nor what was forgotten. A stay that is real covers it.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::PatientId;

use super::ward::Slot;

/// Stays remembered per bed; as many cancelled ones.
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

/// Whose a time of a bed is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Whose<'a> {
    /// Who lay there then, or came within the grace.
    Lies(&'a Stay),
    /// Nobody's; while a stay that was cancelled since held, it was this patient's.
    Voided(&'a Stay),
    Nobody,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Bed {
    /// In time order; they do not overlap, and only the last may be open.
    stays: SmallVec<[Stay; 1]>,
    /// Times that cancelled stays, and the grace before them, had covered; in the order of their cancellations.
    voided: Vec<Stay>,
    /// The newest end of what was forgotten.
    forgotten_us: Option<i64>,
    /// When its monitor last spoke.
    pub(super) spoke_us: Option<i64>,
}

impl Bed {
    /// Who lies in it now.
    pub fn occupant(&self) -> Option<&Stay> {
        self.stays.last().filter(|stay| stay.until_us == OPEN)
    }

    /// All stays remembered, cancelled ones last.
    pub fn stays(&self) -> impl Iterator<Item = &Stay> {
        self.stays.iter().chain(&self.voided)
    }

    /// Who lay in it at a time. Of two cancelled stays the one cancelled last counts: it had taken the time over.
    #[inline]
    pub fn at(&self, at_us: i64) -> Whose<'_> {
        let next = self.stays.partition_point(|stay| stay.from_us <= at_us);
        let before = next.checked_sub(1).and_then(|last| self.stays.get(last));
        if let Some(stay) = before.filter(|stay| at_us < stay.until_us) {
            return Whose::Lies(stay);
        }
        if Some(at_us) < self.forgotten_us {
            return Whose::Nobody;
        }
        if let Some(stay) = self.voided.iter().rev().find(|stay| stay.from_us <= at_us && at_us < stay.until_us) {
            return Whose::Voided(stay);
        }
        match self.stays.get(next).filter(|stay| self.grace_from(next, stay.from_us) <= at_us) {
            Some(stay) => Whose::Lies(stay),
            None => Whose::Nobody,
        }
    }

    /// Since when the time before a stay is the newcomer's: not within another stay, real or cancelled, and not across one.
    fn grace_from(&self, at: usize, from_us: i64) -> i64 {
        let before = at.checked_sub(1).and_then(|last| self.stays.get(last)).map(|stay| stay.until_us);
        let voided = self.voided.iter().filter(|stay| stay.from_us < from_us).map(|stay| stay.until_us).max();
        before.max(voided).unwrap_or(i64::MIN).max(from_us.saturating_sub(GRACE_US)).min(from_us)
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
            let oldest = self.stays.remove(0);
            self.forgotten_us = self.forgotten_us.max(Some(oldest.until_us));
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

    /// Stays of a patient since a time were none; one that began before ended then. `heard_us`: what the bed said until then may
    /// have gone to whom it seemed to hold.
    pub fn void(&mut self, patient: PatientId, since_us: i64, heard_us: i64) {
        for at in (0..self.stays.len()).rev() {
            let Some(stay) = self.stays.get_mut(at) else { continue };
            if stay.patient != patient || (stay.from_us < since_us && stay.until_us <= since_us) {
                continue;
            }
            let mut voided = stay.clone();
            if stay.until_us == OPEN {
                voided.until_us = heard_us.max(stay.from_us);
            }
            if stay.from_us < since_us {
                (stay.until_us, voided.from_us) = (since_us, since_us);
            } else {
                self.stays.remove(at);
                voided.from_us = self.grace_from(at, voided.from_us);
            }
            if voided.from_us < voided.until_us {
                self.mark(voided);
            }
        }
    }

    fn mark(&mut self, voided: Stay) {
        self.voided.push(voided);
        if self.voided.len() > STAYS_MAX
            && let Some(oldest) = (0..self.voided.len()).min_by_key(|at| self.voided.get(*at).map(|stay| stay.until_us))
        {
            let oldest = self.voided.remove(oldest);
            self.forgotten_us = self.forgotten_us.max(Some(oldest.until_us));
        }
    }

    /// A merged patient's stays become the survivor's.
    pub fn rename(&mut self, from: PatientId, slot: Slot, into: PatientId) {
        for stay in self.stays.iter_mut().chain(&mut self.voided).filter(|stay| stay.patient == from) {
            (stay.slot, stay.patient) = (slot, into);
        }
    }
}

//! ADT A11, A12, A13: an event that did not happen is undone.
//!
//! | event | does |
//! |---|---|
//! | A11 cancel admit | the patient is not here, the bed is free, the stays since the admission were none |
//! | A12 cancel transfer | back to the bed that PV1-3 names, else the bed before; the stays in other beds since were none |
//! | A13 cancel discharge | here again with the state as it was, in the bed that PV1-3 names, else the bed before |
//!
//! A cancellation takes a bed from nobody: where somebody else lies there now, the patient has none until an event says so. Back
//! in a bed that nobody else had meanwhile, the patient never left it.
//!
//! What is cancelled: the newest event of its kind that had been recorded by then, with EVN-6 the newest that occurred by then (a
//! minute's rounding allowed). One from before a newer location moves nobody; the same one again does nothing. An event that is
//! not known, or whose state is gone (a new stay began, or `LINGER_US` passed), cannot be undone: a refusal says so. Values that a
//! bed's monitor gave meanwhile stay with the patient, and what the bed still says of that time is nobody's (`bed`).
//!
//! What was recorded before a cancellation and comes after it moves nobody. What was recorded since holds, whenever it occurred
//! after the location that stands: who was admitted by mistake, and is admitted after all, came when EVN-6 says, which is before
//! the cancellation. An event that does not say when it was recorded is refused there (`MissingTime`): it might be either.
//!
//! Limit: the newest `TRANSFERS_MAX` transfers of a stay are remembered.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::{BedKey, EncounterEvent, EncounterKind, Fact, PatientId};
use crate::error::{Code, Refusal};

use super::encounter::Moved;
use super::patient::Patient;
use super::person::Place;
use super::ward::{Slot, Ward};

/// Transfers of a stay that can be cancelled.
pub const TRANSFERS_MAX: usize = 8;
/// How much later than EVN-6 of its cancellation an event may have occurred: times are often given by the minute.
const ROUNDING_US: i64 = 60_000_000;

/// When an event that may be cancelled was told of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    /// When it occurred.
    pub at_us: i64,
    /// When it was recorded, where that is known.
    pub recorded_at_us: Option<i64>,
    /// When the location before it was told: what stands once it is cancelled.
    pub located_at_us: i64,
}

impl Told {
    /// Whether a cancellation can mean it: one that was recorded before it cannot.
    fn was_known_to(&self, event: &EncounterEvent) -> bool {
        self.recorded_at_us.is_none_or(|recorded_us| recorded_us <= event.occurred_at_us)
    }

    /// Whether a cancellation names an event from before this one.
    fn is_after_what(&self, event: &EncounterEvent) -> bool {
        event.undoes_at_us.is_some_and(|undoes_us| undoes_us.saturating_add(ROUNDING_US) < self.at_us)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Transfer {
    told: Told,
    /// The bed before.
    from: Option<u32>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Departure {
    told: Told,
    bed: Option<u32>,
}

/// What of the events so far a cancellation could name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Undoable {
    arrived: Option<Told>,
    /// Oldest first.
    transfers: SmallVec<[Transfer; 1]>,
    departed: Option<Departure>,
    /// The newest cancellation of each kind: when it occurred, and its EVN-6.
    done: [Option<(i64, Option<i64>)>; 3],
}

/// What beds have to do after a cancellation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Undone {
    /// Nothing: it moved nobody.
    Stale,
    /// The stays since then were none.
    Admission { since_us: i64 },
    /// The stays in other beds since then were none; the bed before.
    Transfer { began_us: i64, back: Option<u32> },
    /// The bed before.
    Discharge { back: Option<u32> },
}

impl Undoable {
    /// A new stay begins, or one more admission of this one is told: then the first counts, and is known as of the last.
    pub fn arrive(&mut self, told: Told, anew: bool) {
        if anew {
            *self = Self { done: self.done, ..Self::default() };
        }
        let arrived = self.arrived.get_or_insert(told);
        arrived.recorded_at_us = arrived.recorded_at_us.max(told.recorded_at_us);
    }

    /// What the other record's events left to be undone; cancellations of both are known.
    pub fn take_over(&mut self, other: &Self) {
        let done = std::array::from_fn(|at| self.done.get(at).copied().flatten().max(other.done.get(at).copied().flatten()));
        *self = Self { done, ..other.clone() };
    }

    /// The patient was moved, from this bed.
    pub fn transfer(&mut self, told: Told, from: Option<u32>, place: Place) {
        if self.transfers.len() >= TRANSFERS_MAX {
            self.transfers.remove(0);
        }
        self.transfers.push(Transfer { told, from, place });
    }

    /// The patient left this bed; where that is restated, the first bed and the location before it count.
    pub fn depart(&mut self, told: Told, bed: Option<u32>) {
        let first = self.departed.as_ref().map_or((told.located_at_us, bed), |before| (before.told.located_at_us, before.bed));
        self.departed = Some(Departure { told: Told { located_at_us: first.0, ..told }, bed: first.1 });
    }

    fn newest(&mut self, kind: EncounterKind) -> &mut Option<(i64, Option<i64>)> {
        let [admission, transfer, discharge] = &mut self.done;
        match kind {
            EncounterKind::CancelAdmit => admission,
            EncounterKind::CancelTransfer => transfer,
            _ => discharge,
        }
    }

    /// Takes out the transfer that is named; also whether it was the newest.
    fn take_transfer(&mut self, event: &EncounterEvent) -> Option<(Transfer, bool)> {
        let by_us = event.undoes_at_us.map_or(event.occurred_at_us, |at_us| at_us.saturating_add(ROUNDING_US));
        let is_meant = |transfer: &Transfer| transfer.told.at_us <= by_us && transfer.told.was_known_to(event);
        let at = self.transfers.iter().rposition(is_meant)?;
        let taken = self.transfers.remove(at);
        match self.transfers.get_mut(at) {
            Some(next) => {
                (next.from, next.place, next.told.located_at_us) = (taken.from, taken.place.clone(), taken.told.located_at_us);
            }
            None => return Some((taken, true)),
        }
        Some((taken, false))
    }
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(Code::NothingToCancel, what)
}

impl Patient {
    /// Undoes what a cancellation names, but for beds.
    ///
    /// # Errors
    /// `NothingToCancel`; what occurred before the cancellation and comes later is stale all the same.
    pub(super) fn cancel(&mut self, event: &EncounterEvent) -> Result<Undone, Refusal> {
        let this = (event.occurred_at_us, event.undoes_at_us);
        if *self.undoable.newest(event.kind) == Some(this) {
            return Ok(Undone::Stale);
        }
        let stale = self.is_stale(event);
        let undone = match event.kind {
            EncounterKind::CancelAdmit => self.cancel_admission(event, stale),
            EncounterKind::CancelTransfer => self.cancel_transfer(event, stale),
            _ => self.cancel_discharge(event, stale),
        };
        if !stale {
            self.cancelled_at_us = self.cancelled_at_us.max(event.occurred_at_us);
        }
        if undone.is_ok() {
            *self.undoable.newest(event.kind) = Some(this);
        }
        undone
    }

    fn cancel_admission(&mut self, event: &EncounterEvent, stale: bool) -> Result<Undone, Refusal> {
        if self.discharged_at_us.is_some() {
            return Err(unknown("the patient whose admission is cancelled is not here"));
        }
        if !self.admitted {
            return Err(unknown("no admission of this patient is known"));
        }
        let arrived = self.undoable.arrived;
        if stale || arrived.is_some_and(|told| told.is_after_what(event) || !told.was_known_to(event)) {
            return Ok(Undone::Stale);
        }
        self.describe(event);
        self.discharged_at_us = Some(event.occurred_at_us);
        self.located_at_us = arrived.map_or(i64::MIN, |told| told.located_at_us);
        self.undoable = Undoable { done: self.undoable.done, ..Undoable::default() };
        Ok(Undone::Admission { since_us: arrived.map_or(i64::MIN, |told| told.at_us) })
    }

    fn cancel_transfer(&mut self, event: &EncounterEvent, stale: bool) -> Result<Undone, Refusal> {
        if self.discharged_at_us.is_some() {
            return Err(unknown("the patient whose transfer is cancelled is not here"));
        }
        let Some((transfer, newest)) = self.undoable.take_transfer(event) else {
            return Err(unknown("no such transfer of this patient is known, or it can no longer be undone"));
        };
        if stale || !newest {
            return Ok(Undone::Stale);
        }
        self.describe(event);
        self.person.restore(&transfer.place, &event.unit);
        self.located_at_us = transfer.told.located_at_us;
        Ok(Undone::Transfer { began_us: transfer.told.at_us, back: transfer.from })
    }

    fn cancel_discharge(&mut self, event: &EncounterEvent, stale: bool) -> Result<Undone, Refusal> {
        if self.discharged_at_us.is_none() {
            return Err(unknown("the patient whose discharge is cancelled has not left"));
        }
        let Some(departed) = self.undoable.departed.clone() else {
            return Err(unknown("no discharge of this patient is known, or it can no longer be undone"));
        };
        if stale || departed.told.is_after_what(event) || !departed.told.was_known_to(event) {
            return Ok(Undone::Stale);
        }
        let place = self.person.place();
        self.describe(event);
        self.person.restore(&place, &event.unit);
        self.person.left_at_us = None;
        self.person.facts.set(Fact::DischargeDisposition, Default::default());
        (self.discharged_at_us, self.undoable.departed) = (None, None);
        self.located_at_us = departed.told.located_at_us;
        Ok(Undone::Discharge { back: departed.bed })
    }
}

impl Ward {
    /// Takes in a cancellation.
    pub(super) fn cancel(&mut self, event: &EncounterEvent, received_at_us: i64) -> Result<Moved, Refusal> {
        let id = self.survivor(event.patient);
        let Some(slot) = self.slot(id) else { return Err(self.cancel_of_nobody(event, received_at_us)) };
        let from = self.bed_of(slot).cloned();
        let Some(patient) = self.patient_mut(slot) else {
            return Err(Refusal::new(Code::Internal, "a slot without a patient"));
        };
        patient.heard_us = patient.heard_us.max(received_at_us);
        let undone = patient.cancel(event)?;
        let (at_us, stale) = (event.occurred_at_us, undone == Undone::Stale);
        let left = matches!(undone, Undone::Admission { .. });
        let undone_since_us = match undone {
            Undone::Stale => None,
            Undone::Admission { since_us } => {
                patient.bed = None;
                Some(since_us)
            }
            Undone::Transfer { began_us, back } => {
                patient.bed = None;
                self.lie_again(slot, event.bed.as_ref(), back, at_us);
                Some(began_us)
            }
            Undone::Discharge { back } => {
                self.lie_again(slot, event.bed.as_ref(), back, at_us);
                None
            }
        };
        if let Some(since_us) = undone_since_us {
            self.void_stays(slot, id, since_us, at_us.max(received_at_us));
        }
        let (to, here) = (self.bed_of(slot).cloned(), self.is_here(slot));
        Ok(Moved { slot: Some(slot), from, to, here, left, stale, undone_since_us, ..Moved::default() })
    }

    /// A patient's stays since a time were none, but for one in the bed the patient lies in. Until this was known, their beds'
    /// monitors spoke of the patient, some of them ahead of their time.
    fn void_stays(&mut self, slot: Slot, id: PatientId, since_us: i64, known_us: i64) {
        let heard_us = known_us.saturating_add(self.limits.future_s_max.saturating_mul(1_000_000));
        let lies = self.patient(slot).and_then(|patient| patient.bed);
        for (at, bed) in (0_u32..).zip(self.beds.values_mut()) {
            if lies != Some(at) {
                bed.void(id, since_us, heard_us);
            }
        }
    }

    /// Puts a patient back into the bed that the message names, else into this one, unless somebody else lies there.
    fn lie_again(&mut self, slot: Slot, named: Option<&BedKey>, before: Option<u32>, at_us: i64) {
        let at = match named {
            Some(key) => self.bed_index(key),
            None => before,
        };
        let Some(id) = self.patient(slot).map(|patient| patient.id) else { return };
        let Some((_, bed)) = at.and_then(|at| self.beds.get_index_mut(at as usize)) else { return };
        if bed.enter_again(slot, id, at_us)
            && let Some(patient) = self.patient_mut(slot)
        {
            patient.bed = at;
        }
    }

    /// Nobody is known by that name. An admission from before its cancellation that comes later admits nobody.
    fn cancel_of_nobody(&mut self, event: &EncounterEvent, received_at_us: i64) -> Refusal {
        if event.kind == EncounterKind::CancelAdmit
            && let Ok(slot) = self.admit(self.survivor(event.patient), received_at_us)
            && let Some(patient) = self.patient_mut(slot)
        {
            (patient.discharged_at_us, patient.cancelled_at_us) = (Some(event.occurred_at_us), event.occurred_at_us);
        }
        Refusal::new(Code::UnknownPatient, "the patient is not known here, or left longer ago than the state is kept")
    }
}

//! ADT A11, A12, A13: an event that did not happen is undone.
//!
//! | event | does |
//! |---|---|
//! | A11 cancel admit | the patient is not here, the bed is free, the stays since the admission were none |
//! | A12 cancel transfer | back to the bed that PV1-3 names, else the bed before; the stay in the other bed was none |
//! | A13 cancel discharge | here again with the state as it was, in the bed that PV1-3 names, else the bed before |
//!
//! A cancellation takes a bed from nobody: where somebody else lies there now, the patient has none until an event says so. Back
//! in a bed that nobody else had meanwhile, the patient never left it.
//!
//! What is cancelled: the newest event of its kind, with EVN-6 the newest that occurred by then (a minute's rounding allowed). One
//! that occurred before a newer location moves nobody; the same one again does nothing. An event that is not known, or whose
//! state is gone (a new stay began, or `LINGER_US` passed), cannot be undone: a refusal says so, and an event from before the
//! cancellation that comes after it moves nobody either. Values that a bed's monitor gave meanwhile stay with the patient.
//!
//! Limit: the newest `TRANSFERS_MAX` transfers of a stay are remembered.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::{BedKey, EncounterEvent, EncounterKind, Fact};
use crate::error::{Code, Refusal};

use super::encounter::Moved;
use super::person::Place;
use super::ward::{Patient, Slot, Ward};

/// Transfers of a stay that can be cancelled.
pub const TRANSFERS_MAX: usize = 8;
/// How much later than EVN-6 of its cancellation an event may have occurred: times are often given by the minute.
const ROUNDING_US: i64 = 60_000_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Transfer {
    at_us: i64,
    /// The bed before.
    from: Option<u32>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Departure {
    at_us: i64,
    bed: Option<u32>,
}

/// What of the events so far a cancellation could name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Undoable {
    arrived_at_us: Option<i64>,
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
    /// The stays in that bed since then were none; the bed before.
    Transfer { began_us: i64, back: Option<u32> },
    /// The bed before.
    Discharge { back: Option<u32> },
}

impl Undoable {
    /// A new stay begins, or one more admission of this one is told: then the first counts.
    pub fn arrive(&mut self, at_us: i64, anew: bool) {
        if anew {
            *self = Self { done: self.done, ..Self::default() };
        }
        self.arrived_at_us.get_or_insert(at_us);
    }

    /// What the other record's events left to be undone; cancellations of both are known.
    pub fn take_over(&mut self, other: &Self) {
        let done = std::array::from_fn(|at| self.done.get(at).copied().flatten().max(other.done.get(at).copied().flatten()));
        *self = Self { done, ..other.clone() };
    }

    /// The patient was moved, from this bed.
    pub fn transfer(&mut self, at_us: i64, from: Option<u32>, place: Place) {
        if self.transfers.len() >= TRANSFERS_MAX {
            self.transfers.remove(0);
        }
        self.transfers.push(Transfer { at_us, from, place });
    }

    /// The patient left this bed; where that is restated, the first bed counts.
    pub fn depart(&mut self, at_us: i64, bed: Option<u32>) {
        let bed = self.departed.as_ref().map_or(bed, |before| before.bed);
        self.departed = Some(Departure { at_us, bed });
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
    fn take_transfer(&mut self, by_us: i64) -> Option<(Transfer, bool)> {
        let at = self.transfers.iter().rposition(|transfer| transfer.at_us <= by_us)?;
        let taken = self.transfers.remove(at);
        match self.transfers.get_mut(at) {
            Some(next) => (next.from, next.place) = (taken.from, taken.place.clone()),
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
            self.located_at_us = self.located_at_us.max(event.occurred_at_us);
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
        let arrived_us = self.undoable.arrived_at_us;
        if stale || arrived_us.is_some_and(|arrived_us| names_earlier(event, arrived_us)) {
            return Ok(Undone::Stale);
        }
        self.describe(event);
        self.discharged_at_us = Some(event.occurred_at_us);
        self.undoable = Undoable { done: self.undoable.done, ..Undoable::default() };
        Ok(Undone::Admission { since_us: arrived_us.unwrap_or(i64::MIN) })
    }

    fn cancel_transfer(&mut self, event: &EncounterEvent, stale: bool) -> Result<Undone, Refusal> {
        if self.discharged_at_us.is_some() {
            return Err(unknown("the patient whose transfer is cancelled is not here"));
        }
        let by_us = event.undoes_at_us.map_or(event.occurred_at_us, |at_us| at_us.saturating_add(ROUNDING_US));
        let Some((transfer, newest)) = self.undoable.take_transfer(by_us) else {
            return Err(unknown("no such transfer of this patient is known, or it can no longer be undone"));
        };
        if stale || !newest {
            return Ok(Undone::Stale);
        }
        self.describe(event);
        self.person.restore(&transfer.place, &event.unit);
        Ok(Undone::Transfer { began_us: transfer.at_us, back: transfer.from })
    }

    fn cancel_discharge(&mut self, event: &EncounterEvent, stale: bool) -> Result<Undone, Refusal> {
        if self.discharged_at_us.is_none() {
            return Err(unknown("the patient whose discharge is cancelled has not left"));
        }
        let Some(departed) = self.undoable.departed.clone() else {
            return Err(unknown("no discharge of this patient is known, or it can no longer be undone"));
        };
        if stale || names_earlier(event, departed.at_us) {
            return Ok(Undone::Stale);
        }
        let place = self.person.place();
        self.describe(event);
        self.person.restore(&place, &event.unit);
        self.person.left_at_us = None;
        self.person.facts.set(Fact::DischargeDisposition, Default::default());
        (self.discharged_at_us, self.undoable.departed) = (None, None);
        Ok(Undone::Discharge { back: departed.bed })
    }
}

/// Whether a cancellation names an event from before this one.
fn names_earlier(event: &EncounterEvent, at_us: i64) -> bool {
    event.undoes_at_us.is_some_and(|undoes_us| undoes_us.saturating_add(ROUNDING_US) < at_us)
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
        match undone {
            Undone::Stale => {}
            Undone::Admission { since_us } => {
                patient.bed = None;
                self.beds.values_mut().for_each(|bed| bed.void(id, since_us));
            }
            Undone::Transfer { began_us, back } => {
                let old = patient.bed.take();
                if let Some((key, bed)) = old.and_then(|at| self.beds.get_index_mut(at as usize))
                    && (if event.bed.is_some() { event.bed.as_ref() != Some(key) } else { back != old })
                {
                    bed.void(id, began_us);
                }
                self.lie_again(slot, event.bed.as_ref(), back, at_us);
            }
            Undone::Discharge { back } => self.lie_again(slot, event.bed.as_ref(), back, at_us),
        }
        let (to, here) = (self.bed_of(slot).cloned(), self.is_here(slot));
        Ok(Moved { slot: Some(slot), from, to, here, left, stale, ..Moved::default() })
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
            (patient.discharged_at_us, patient.located_at_us) = (Some(event.occurred_at_us), event.occurred_at_us);
        }
        Refusal::new(Code::UnknownPatient, "the patient is not known here, or left longer ago than the state is kept")
    }
}

//! ADT: people come, move and go (`cancel`, `merge`: and did not, or are one). Events are ordered by when they occurred: an older
//! one never undoes a newer location. A cancellation says what was known when it was recorded: what was recorded before it is
//! overtaken, what was recorded since holds, though it occurred before (an admission by mistake, cancelled, then told again).
//!
//! | event | does |
//! |---|---|
//! | A01 admit | makes the patient known, moves them to the bed; after a discharge it begins a new stay with an empty state |
//! | A02 transfer | moves; without a bed it changes nothing |
//! | A03 discharge | frees the bed; the state lingers (`LINGER_US`); of an unknown patient: nothing |
//! | A04 register | as admit, the bed is optional |
//! | A08 update | restates person, visit and perhaps the bed; never brings a discharged patient back |
//!
//! Who lay in a bed that somebody else is moved into loses it and is reported (`Moved::displaced`): two in one bed cannot be.

use crate::decode::{BedKey, EncounterEvent, EncounterKind, PatientId};
use crate::error::{Code, Refusal};

use super::cancel::Told;
use super::patient::{Patient, own};
use super::person::Standing;
use super::vitals::Vitals;
use super::ward::{Slot, Ward};

/// What an encounter event did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moved {
    /// Where the patient is; None for the discharge of somebody unknown.
    pub slot: Option<Slot>,
    /// The bed before.
    pub from: Option<BedKey>,
    /// The bed after.
    pub to: Option<BedKey>,
    /// Who lost the bed to this patient.
    pub displaced: Option<PatientId>,
    /// The record that was given up in a merge, where it was known; `from` is its bed.
    pub gone: Option<PatientId>,
    /// The patient was not known before.
    pub created: bool,
    /// A new stay began: the state of the former one is gone.
    pub readmitted: bool,
    /// The patient is in the house after the event.
    pub here: bool,
    /// The patient left.
    pub left: bool,
    /// The event occurred before what is already known and moved nobody.
    pub stale: bool,
    /// Of a cancellation: the patient's stays that began since then were none, but for one in the bed after.
    pub undone_since_us: Option<i64>,
}

impl Ward {
    /// Takes in one ADT event.
    pub fn apply_encounter(&mut self, event: &EncounterEvent, received_at_us: i64) -> Result<Moved, Refusal> {
        match event.kind {
            EncounterKind::Merge => return self.merge(event, received_at_us),
            kind if kind.cancels() => return self.cancel(event, received_at_us),
            _ => {}
        }
        let mut moved = Moved::default();
        let id = self.survivor(event.patient);
        let slot = match self.slot(id) {
            Some(slot) => slot,
            None if event.kind == EncounterKind::Discharge => return Ok(Moved { stale: true, ..moved }),
            None => {
                moved.created = true;
                self.admit(id, received_at_us)?
            }
        };
        moved.slot = Some(slot);
        moved.from = self.bed_of(slot).cloned();
        if event.bed.as_ref().is_some_and(|key| !self.beds.contains_key(key)) && self.beds.len() >= self.limits.patients_max * 2
        {
            return Err(Refusal::new(Code::PatientLimit, "more beds than twice patients_max"));
        }
        let Some(patient) = self.patient_mut(slot) else {
            return Err(Refusal::new(Code::Internal, "a slot without a patient"));
        };
        patient.heard_us = patient.heard_us.max(received_at_us);
        patient.check_order(event)?;
        let stale = patient.is_stale(event);
        let (bed, place, told) = (patient.bed, patient.person.place(), patient.told(event));
        moved.readmitted = patient.take_in(event);
        if event.kind == EncounterKind::Transfer && event.bed.is_some() && !stale && patient.discharged_at_us.is_none() {
            patient.undoable.transfer(told, bed, place);
        }
        if event.kind == EncounterKind::Discharge {
            moved.left = !stale && self.discharge(slot, event);
        } else if let Some(key) = event.bed.as_ref().filter(|_| !stale && self.is_here(slot)) {
            moved.displaced = self.settle(slot, key, event.occurred_at_us);
        }
        (moved.stale, moved.here) = (stale, self.is_here(slot));
        moved.to = self.bed_of(slot).cloned();
        Ok(moved)
    }

    pub(super) fn patient_mut(&mut self, slot: Slot) -> Option<&mut Patient> {
        own(self.patients.get_mut(slot.0 as usize))
    }

    pub(super) fn is_here(&self, slot: Slot) -> bool {
        self.patient(slot).is_some_and(|patient| patient.discharged_at_us.is_none())
    }

    fn discharge(&mut self, slot: Slot, event: &EncounterEvent) -> bool {
        let Some(patient) = self.patient_mut(slot) else { return false };
        let known = patient.discharged_at_us.is_some();
        let (id, bed) = (patient.id, patient.bed.take());
        patient.depart(event, bed);
        self.free_bed(bed, id, event.occurred_at_us);
        !known
    }

    pub(super) fn free_bed(&mut self, bed: Option<u32>, id: PatientId, at_us: i64) {
        if let Some((_, bed)) = bed.and_then(|at| self.beds.get_index_mut(at as usize)) {
            bed.leave(id, at_us);
        }
    }

    /// The place of a bed, made if it is new; None where there are too many.
    pub(super) fn bed_index(&mut self, key: &BedKey) -> Option<u32> {
        match self.beds.get_index_of(key) {
            Some(at) => Some(at as u32),
            None if self.beds.len() >= self.limits.patients_max * 2 => None,
            None => Some(self.beds.insert_full(key.clone(), Default::default()).0 as u32),
        }
    }

    /// Moves a patient into a bed; who lost it.
    pub(super) fn settle(&mut self, slot: Slot, key: &BedKey, at_us: i64) -> Option<PatientId> {
        let at = self.bed_index(key)?;
        let patient = self.patient_mut(slot)?;
        patient.located_at_us = at_us;
        if patient.bed == Some(at) {
            return None;
        }
        let (id, old) = (patient.id, patient.bed.take());
        self.free_bed(old, id, at_us);
        let (displaced, lies_there) = self.beds.get_index_mut(at as usize).map(|(_, bed)| bed.enter(slot, id, at_us))?;
        if lies_there && let Some(patient) = self.patient_mut(slot) {
            patient.bed = Some(at);
        }
        let displaced = displaced?;
        if let Some(other) = self.patient_mut(displaced.slot).filter(|p| p.id == displaced.patient) {
            other.bed = None;
        }
        Some(displaced.patient)
    }
}

impl Patient {
    /// Whether an event is from before the newest that moved the patient.
    pub(super) fn is_stale(&self, event: &EncounterEvent) -> bool {
        event.occurred_at_us < self.located_at_us || self.is_overtaken(event)
    }

    /// Whether an event is from before the newest cancellation: it occurred, and was recorded, before that was.
    fn is_overtaken(&self, event: &EncounterEvent) -> bool {
        let before = |at_us: i64| at_us < self.cancelled_at_us;
        before(event.occurred_at_us) && event.recorded_at_us.is_none_or(before)
    }

    /// Refuses an event of which nobody can tell whether it is the one that was cancelled, come late, or came true since.
    ///
    /// # Errors
    /// `MissingTime`.
    pub(super) fn check_order(&self, event: &EncounterEvent) -> Result<(), Refusal> {
        use EncounterKind::{Admit, Discharge, Register, Transfer};
        let moves = matches!(event.kind, Admit | Register | Transfer | Discharge);
        let located = event.occurred_at_us < self.located_at_us;
        if !moves || located || event.recorded_at_us.is_some() || !self.is_overtaken(event) {
            return Ok(());
        }
        let why = "the event occurred before a cancellation, and neither EVN-2 nor MSH-7 says whether it was recorded since";
        Err(Refusal::new(Code::MissingTime, why).at("EVN^1^2"))
    }

    /// When an event was told of, and what stood before it: to be asked before it is taken in.
    pub(super) fn told(&self, event: &EncounterEvent) -> Told {
        Told { at_us: event.occurred_at_us, recorded_at_us: event.recorded_at_us, located_at_us: self.located_at_us }
    }

    /// Takes person, visit and codes from an event. True where it began a new stay: the state of the former one is gone.
    pub(super) fn take_in(&mut self, event: &EncounterEvent) -> bool {
        let arrives = matches!(event.kind, EncounterKind::Admit | EncounterKind::Register);
        let returns = arrives && !self.is_stale(event) && self.discharged_at_us.is_some();
        if returns {
            (self.vitals, self.discharged_at_us) = (Vitals::default(), None);
            self.person.begin_stay();
            self.described_at_us = i64::MIN;
        }
        if arrives && !self.is_stale(event) {
            self.undoable.arrive(self.told(event), returns);
        }
        self.admitted |= event.kind != EncounterKind::Discharge;
        self.describe(event);
        returns
    }

    /// The patient leaves, from this bed.
    pub(super) fn depart(&mut self, event: &EncounterEvent, bed: Option<u32>) {
        self.undoable.depart(self.told(event), bed);
        (self.discharged_at_us, self.located_at_us) = (Some(event.occurred_at_us), event.occurred_at_us);
    }

    /// Takes person, visit and codes from an event.
    pub(super) fn describe(&mut self, event: &EncounterEvent) {
        let overtaken = self.is_overtaken(event);
        let newer = !overtaken && event.occurred_at_us >= self.described_at_us;
        // A cancellation is dated by when it was recorded, all others by when they occurred.
        if newer && !event.kind.cancels() {
            self.described_at_us = event.occurred_at_us;
        }
        if !event.visit.is_empty() && (newer || self.visit.is_empty()) {
            self.visit = event.visit.clone();
        }
        if !event.class.is_empty() && (newer || self.class.is_empty()) {
            self.class = event.class.clone();
        }
        self.person.learn(event, Standing { newer, stale: self.is_stale(event), overtaken });
    }
}

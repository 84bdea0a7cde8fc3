//! ADT: people come, move, merge and go. Events are ordered by when they occurred: an older one never undoes a newer location.
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

use super::patient::Vitals;
use super::ward::{Patient, Slot, Ward};

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
}

impl Ward {
    /// Takes in one ADT event.
    pub fn apply_encounter(&mut self, event: &EncounterEvent, received_at_us: i64) -> Result<Moved, Refusal> {
        let mut moved = Moved::default();
        let slot = match self.slot(event.patient) {
            Some(slot) => slot,
            None if event.kind == EncounterKind::Discharge => return Ok(Moved { stale: true, ..moved }),
            None => {
                moved.created = true;
                self.admit(event.patient, received_at_us)?
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
        let stale = patient.is_stale(event);
        moved.readmitted = patient.take_in(event);
        if event.kind == EncounterKind::Discharge {
            moved.left = !stale && self.discharge(slot, event.occurred_at_us);
        } else if let Some(key) = event.bed.as_ref().filter(|_| !stale && self.is_here(slot)) {
            moved.displaced = self.settle(slot, key, event.occurred_at_us);
        }
        (moved.stale, moved.here) = (stale, self.is_here(slot));
        moved.to = self.bed_of(slot).cloned();
        Ok(moved)
    }

    fn patient_mut(&mut self, slot: Slot) -> Option<&mut Patient> {
        self.patients.get_mut(slot.0 as usize).and_then(|p| p.as_deref_mut())
    }

    fn is_here(&self, slot: Slot) -> bool {
        self.patient(slot).is_some_and(|patient| patient.discharged_at_us.is_none())
    }

    fn discharge(&mut self, slot: Slot, at_us: i64) -> bool {
        let Some(patient) = self.patient_mut(slot) else { return false };
        let known = patient.discharged_at_us.is_some();
        (patient.discharged_at_us, patient.located_at_us) = (Some(at_us), at_us);
        let (id, bed) = (patient.id, patient.bed.take());
        self.free_bed(bed, id, at_us);
        !known
    }

    fn free_bed(&mut self, bed: Option<u32>, id: PatientId, at_us: i64) {
        if let Some((_, bed)) = bed.and_then(|at| self.beds.get_index_mut(at as usize)) {
            bed.leave(id, at_us);
        }
    }

    /// Moves a patient into a bed; who lost it.
    fn settle(&mut self, slot: Slot, key: &BedKey, at_us: i64) -> Option<PatientId> {
        let at = match self.beds.get_index_of(key) {
            Some(at) => at,
            None => self.beds.insert_full(key.clone(), Default::default()).0,
        } as u32;
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

    /// Two records of one person become one (A40): `from`'s observations join `into`'s, which win at the same time; a bed is
    /// kept, `into`'s first. False where `from` is unknown; an unknown `into` takes the state over whole.
    pub fn merge(&mut self, from: PatientId, into: PatientId, at_us: i64) -> bool {
        let Some(from_slot) = self.slot(from).filter(|_| from != into) else { return false };
        let Some(gone) = self.patient(from_slot).cloned() else { return false };
        self.remove(from, at_us);
        let Ok(slot) = self.slot(into).map_or_else(|| self.admit(into, gone.heard_us), Ok) else { return false };
        let union = std::mem::take(&mut self.union);
        if let Some(patient) = self.patient_mut(slot) {
            patient.vitals.absorb(&gone.vitals, &union);
            patient.person.absorb(&gone.person);
            patient.admitted |= gone.admitted;
            patient.heard_us = patient.heard_us.max(gone.heard_us);
        }
        self.union = union;
        for bed in self.beds.values_mut() {
            bed.rename(from, slot, into);
        }
        let key = gone.bed.and_then(|at| self.beds.get_index(at as usize)).map(|(key, _)| key.clone());
        if let Some(key) = key.filter(|_| self.is_here(slot) && self.bed_of(slot).is_none()) {
            self.settle(slot, &key, gone.located_at_us.max(at_us));
        }
        true
    }
}

impl Patient {
    /// Whether an event occurred before the newest that moved the patient.
    pub(super) fn is_stale(&self, event: &EncounterEvent) -> bool {
        event.occurred_at_us < self.located_at_us
    }

    /// Takes person, visit and codes from an event. True where it began a new stay: the state of the former one is gone.
    pub(super) fn take_in(&mut self, event: &EncounterEvent) -> bool {
        let arrives = matches!(event.kind, EncounterKind::Admit | EncounterKind::Register);
        let returns = arrives && !self.is_stale(event) && self.discharged_at_us.is_some();
        if returns {
            (self.vitals, self.discharged_at_us) = (Vitals::default(), None);
            self.person.begin_stay();
        }
        let newer = event.occurred_at_us >= self.described_at_us;
        self.described_at_us = self.described_at_us.max(event.occurred_at_us);
        self.admitted |= event.kind != EncounterKind::Discharge;
        if !event.visit.is_empty() && (newer || self.visit.is_empty()) {
            self.visit = event.visit.clone();
        }
        if !event.class.is_empty() && (newer || self.class.is_empty()) {
            self.class = event.class.clone();
        }
        self.person.learn(event, newer);
        returns
    }
}

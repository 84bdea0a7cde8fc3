//! For a replay of one patient's past: whose values need not be read, and that they were heard of all the same.

use std::sync::Arc;

use crate::decode::{BedKey, PatientId, Subject};

use super::bed::Bed;
use super::patient::{Patient, own};
use super::vitals::Vitals;
use super::ward::{Slot, Ward};

impl Ward {
    /// Whether what is said of a subject can only change the values of people in the house whom nobody asks about. Not so for who
    /// is unknown, was never admitted or has left: when they are dropped from memory depends on what was heard of them.
    pub fn can_pass(&self, subject: &Subject, wanted: impl Fn(PatientId) -> bool) -> bool {
        let passable = |patient: &Patient| patient.admitted && patient.discharged_at_us.is_none() && !wanted(patient.id);
        match subject {
            Subject::Patient(id) => self.slot(self.survivor(*id)).and_then(|slot| self.patient(slot)).is_some_and(passable),
            Subject::Bed(key) => self.lain_in(key).all(passable),
        }
    }

    /// Somebody was spoken of, and the values were not read.
    pub fn hear_passed(&mut self, subject: &Subject, received_at_us: i64, mut heard: impl FnMut(PatientId)) {
        if let Subject::Bed(key) = subject
            && let Some(bed) = self.beds.get_mut(key)
        {
            bed.hear(received_at_us);
        }
        let spoken_of: smallvec::SmallVec<[Slot; 4]> = match subject {
            Subject::Patient(id) => self.slot(self.survivor(*id)).into_iter().collect(),
            Subject::Bed(key) => self.lain_in(key).filter_map(|patient| self.slot(patient.id)).collect(),
        };
        for slot in spoken_of {
            if let Some(patient) = own(self.patients.get_mut(slot.0 as usize)) {
                patient.heard_us = patient.heard_us.max(received_at_us);
                heard(patient.id);
            }
        }
    }

    /// Whoever is remembered to have lain in a bed and is still known.
    fn lain_in(&self, key: &BedKey) -> impl Iterator<Item = &Patient> {
        let stays = self.beds.get(key).into_iter().flat_map(Bed::stays);
        stays.filter_map(|stay| self.patient(stay.slot).filter(|patient| patient.id == stay.patient))
    }

    /// Forgets the values of everybody but these: a replay for few patients needs only to know where the others lie.
    pub fn keep_vitals_of(&mut self, wanted: impl Fn(PatientId) -> bool) {
        for patient in self.patients.iter_mut().flatten().filter(|patient| !wanted(patient.id)) {
            Arc::make_mut(patient).vitals = Vitals::default();
        }
    }
}

//! ADT A40: two records turn out to be one person's.
//!
//! The former record's observations join the survivor's; at the same time the survivor's own word holds, be it a value or that
//! there is none (where both are folded already, panes and sums count both). The patient lies where the newer of the two
//! locations says, if here by either; who was merely named by results says nothing of that.
//!
//! The former identifier is retired (HL7 v2.5.1, 3.3.35): whoever still sends it means the survivor, so what comes under it goes
//! there, however late. A merge of records that nobody here knows holds as well: values of theirs may be stored, or come.
//!
//! Refused: one record twice, a survivor that was itself merged into the former (a loop), and a former that was merged into
//! another record before: which of the two is wrong cannot be told here. The same merge again does nothing.
//!
//! Limit: `ALIASES_MAX` former records are remembered, for good; further merges are refused, not forgotten.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::decode::{EncounterEvent, PatientId};
use crate::error::{Code, Refusal};

use super::encounter::Moved;
use super::patient::Patient;
use super::ward::{Slot, Ward};

/// Former records remembered: 32 bytes each, twice that in memory.
pub const ALIASES_MAX: usize = 100_000;

/// Former records and who they are, in the order of their merges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Aliases {
    survivors: IndexMap<PatientId, PatientId, hashbrown::DefaultHashBuilder>,
}

impl Aliases {
    fn of(&self, id: PatientId) -> Option<PatientId> {
        self.survivors.get(&id).copied()
    }

    /// Every record that was `from` is `into` from here on.
    fn join(&mut self, from: PatientId, into: PatientId) {
        for survivor in self.survivors.values_mut().filter(|survivor| **survivor == from) {
            *survivor = into;
        }
        self.survivors.insert(from, into);
    }
}

impl Ward {
    /// Who a record is: itself, or the one it was merged into.
    #[inline]
    pub fn survivor(&self, id: PatientId) -> PatientId {
        if self.aliases.survivors.is_empty() { id } else { self.aliases.of(id).unwrap_or(id) }
    }

    /// Former records of a patient, in the order of their merges.
    pub fn former(&self, id: PatientId) -> impl Iterator<Item = PatientId> {
        self.aliases.survivors.iter().filter(move |(_, survivor)| **survivor == id).map(|(former, _)| *former)
    }

    /// Takes in a merge.
    ///
    /// # Errors
    /// `MergeConflict`, `PatientLimit`.
    pub(super) fn merge(&mut self, event: &EncounterEvent, received_at_us: i64) -> Result<Moved, Refusal> {
        let conflict = |why: &str| Refusal::new(Code::MergeConflict, why);
        let Some(from) = event.former else { return Err(Refusal::new(Code::MissingPatient, "no record to merge is named")) };
        let into = self.survivor(event.patient);
        match self.aliases.of(from) {
            Some(known) if known == into => {
                let slot = self.slot(into);
                let bed = slot.and_then(|slot| self.bed_of(slot)).cloned();
                let here = slot.is_some_and(|slot| self.is_here(slot));
                return Ok(Moved { slot, from: bed.clone(), to: bed, here, stale: true, ..Moved::default() });
            }
            Some(_) => return Err(conflict("the former record was merged into another before")),
            None if from == event.patient => return Err(conflict("both names are of one record")),
            None if from == into => return Err(conflict("the surviving record was merged into the former before")),
            None if self.aliases.survivors.len() >= ALIASES_MAX => {
                return Err(Refusal::new(Code::PatientLimit, format!("{ALIASES_MAX} merged records are remembered")));
            }
            None => {}
        }
        let bed = self.slot(from).and_then(|slot| self.bed_of(slot)).cloned();
        let known = self.slot(from).is_some();
        self.join(from, into, event.occurred_at_us, received_at_us);
        let slot = self.slot(into);
        if let Some(patient) = slot.and_then(|slot| self.patient_mut(slot)) {
            patient.describe(event);
        }
        let to = slot.and_then(|slot| self.bed_of(slot)).cloned();
        let here = slot.is_some_and(|slot| self.is_here(slot));
        Ok(Moved { slot, from: bed, to, here, gone: known.then_some(from), ..Moved::default() })
    }

    fn join(&mut self, from: PatientId, into: PatientId, at_us: i64, received_at_us: i64) {
        self.aliases.join(from, into);
        let Some(former) = self.by_id.remove(&from) else { return };
        let slot = match self.slot(into) {
            // Nobody is known by the surviving name: the record goes on under it, where it is.
            None => {
                self.by_id.insert(into, former);
                if let Some(patient) = self.patient_mut(former) {
                    patient.id = into;
                }
                former
            }
            Some(slot) => {
                if let Some(gone) = self.patients.get_mut(former.0 as usize).and_then(Option::take) {
                    self.free.push(former.0);
                    self.absorb(slot, &gone, at_us);
                }
                slot
            }
        };
        for bed in self.beds.values_mut() {
            bed.rename(from, slot, into);
        }
        if let Some(patient) = self.patient_mut(slot) {
            patient.heard_us = patient.heard_us.max(received_at_us);
        }
    }

    /// Takes what is known under the former record into the patient of a slot.
    fn absorb(&mut self, slot: Slot, gone: &Patient, at_us: i64) {
        let union = std::mem::take(&mut self.union);
        let mut idle = gone.bed.map(|bed| (bed, gone.id));
        if let Some(patient) = self.patient_mut(slot) {
            patient.vitals.absorb(&gone.vitals, &union);
            patient.person.absorb(&gone.person);
            if gone.tells_more_than(patient) {
                idle = patient.bed.map(|bed| (bed, patient.id));
                patient.locate_as(gone);
            }
            patient.fill(gone);
        }
        self.union = union;
        if let Some((bed, id)) = idle {
            self.free_bed(Some(bed), id, at_us);
        }
    }
}

impl Patient {
    /// Whether this record rather than the other says where the patient is.
    fn tells_more_than(&self, other: &Patient) -> bool {
        let told = |patient: &Patient| patient.located_at_us.max(patient.cancelled_at_us);
        let key = |patient: &Patient| (patient.admitted, patient.discharged_at_us.is_none(), told(patient));
        key(self) > key(other)
    }

    fn locate_as(&mut self, other: &Patient) {
        (self.bed, self.discharged_at_us) = (other.bed, other.discharged_at_us);
        (self.located_at_us, self.cancelled_at_us) = (other.located_at_us, other.cancelled_at_us);
        self.undoable.take_over(&other.undoable);
        self.person.locate_as(&other.person);
    }

    fn fill(&mut self, gone: &Patient) {
        for (mine, theirs) in [(&mut self.visit, &gone.visit), (&mut self.class, &gone.class)] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        self.admitted |= gone.admitted;
        self.heard_us = self.heard_us.max(gone.heard_us);
        self.described_at_us = self.described_at_us.max(gone.described_at_us);
    }
}

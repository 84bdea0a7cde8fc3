//! Who lay where and when, for patient-days and moves to higher care: what `derive_stay` (migrations 0003 to 0007) makes of the same
//! ADT events in the table `bed_stays`, in memory. Kept only while policies are tried (`tried`).
//!
//! One difference: a merged record's stays are the survivor's from then on, by name. Memory: the stays of the time looked at.

use hashbrown::HashMap;

use crate::decode::{BedKey, EncounterEvent, EncounterKind, PatientId};
use crate::window::{Moved, Ward};

/// One patient in one bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Who; after a merge the survivor.
    pub patient: PatientId,
    /// Where.
    pub bed: BedKey,
    /// Since when, microseconds since 1970-01-01 UTC: as the ADT event says that it occurred.
    pub from_us: i64,
    /// Until when; None while it lasts.
    pub to_us: Option<i64>,
    /// The event that began it was cancelled: it was none.
    cancelled: bool,
}

/// All stays, in the order they began.
#[derive(Debug, Default)]
pub(super) struct Stays {
    stays: Vec<Stay>,
    of_patient: HashMap<PatientId, Vec<usize>>,
    of_bed: HashMap<BedKey, Vec<usize>>,
}

impl Stays {
    /// Those who lie in a bed now: since when they were last moved.
    pub fn of(ward: &Ward) -> Self {
        let mut stays = Self::default();
        for (slot, patient) in ward.iter() {
            if let (None, Some(bed)) = (patient.discharged_at_us(), ward.bed_of(slot)) {
                stays.begin(patient.id(), bed, patient.located_at_us());
            }
        }
        stays
    }

    /// The stays that were, in the order they began.
    pub fn take(&mut self) -> Vec<Stay> {
        (self.of_patient, self.of_bed) = Default::default();
        std::mem::take(&mut self.stays).into_iter().filter(|stay| !stay.cancelled).collect()
    }

    /// After an ADT event; `patient`: whom it is about, whatever name it came under.
    pub fn follow(&mut self, event: &EncounterEvent, patient: PatientId, moved: &Moved) {
        let (at_us, lies) = (event.occurred_at_us, moved.to.as_ref());
        if let (EncounterKind::Merge, Some(former)) = (event.kind, event.former.filter(|_| !moved.stale)) {
            self.rename(former, patient, at_us);
        }
        if let Some(since_us) = moved.undone_since_us {
            self.undo(patient, lies, since_us, at_us);
        }
        let own = self.of_patient.get(&patient).into_iter().flatten();
        let elsewhere: Vec<usize> =
            own.copied().filter(|at| self.stays.get(*at).is_some_and(|s| Some(&s.bed) != lies)).collect();
        let in_bed = lies.and_then(|bed| self.of_bed.get(bed)).into_iter().flatten();
        let others = in_bed.copied().filter(|at| self.stays.get(*at).is_some_and(|stay| stay.patient != patient));
        let over: Vec<usize> = elsewhere.into_iter().chain(others).collect();
        for stay in over {
            self.end(stay, at_us);
        }
        let Some(bed) = lies else { return };
        if matches!(event.kind, EncounterKind::CancelTransfer | EncounterKind::CancelDischarge) {
            self.resume(patient, bed);
        }
        if !self.lies(patient) {
            self.begin(patient, bed, at_us);
        }
    }

    /// The patient is out of sight without an ADT event.
    pub fn lost(&mut self, patient: PatientId, at_us: i64) {
        for stay in self.of_patient.get(&patient).cloned().unwrap_or_default() {
            self.end(stay, at_us);
        }
    }

    fn lies(&self, patient: PatientId) -> bool {
        let own = self.of_patient.get(&patient).into_iter().flatten();
        own.filter_map(|at| self.stays.get(*at)).any(|stay| stay.to_us.is_none() && !stay.cancelled)
    }

    fn begin(&mut self, patient: PatientId, bed: &BedKey, from_us: i64) {
        let at = self.stays.len();
        self.of_patient.entry(patient).or_default().push(at);
        self.of_bed.entry(bed.clone()).or_default().push(at);
        self.stays.push(Stay { patient, bed: bed.clone(), from_us, to_us: None, cancelled: false });
    }

    fn end(&mut self, at: usize, at_us: i64) {
        if let Some(stay) = self.stays.get_mut(at).filter(|stay| stay.to_us.is_none()) {
            stay.to_us = Some(at_us.max(stay.from_us));
        }
    }

    /// The former record's stays are the survivor's.
    fn rename(&mut self, former: PatientId, into: PatientId, at_us: i64) {
        self.lost(former, at_us);
        let theirs = self.of_patient.remove(&former).unwrap_or_default();
        for at in &theirs {
            if let Some(stay) = self.stays.get_mut(*at) {
                stay.patient = into;
            }
        }
        let own = self.of_patient.entry(into).or_default();
        own.extend(theirs);
        own.sort_unstable();
    }

    /// What began since then was none; what began before ended then.
    fn undo(&mut self, patient: PatientId, lies: Option<&BedKey>, since_us: i64, at_us: i64) {
        for at in self.of_patient.get(&patient).into_iter().flatten() {
            let Some(stay) = self.stays.get_mut(*at).filter(|stay| !stay.cancelled && Some(&stay.bed) != lies) else {
                continue;
            };
            if stay.from_us >= since_us {
                stay.cancelled = true;
                stay.to_us = stay.to_us.or(Some(at_us.max(stay.from_us)));
            } else if stay.to_us.is_none_or(|to_us| to_us > since_us) {
                stay.to_us = Some(since_us);
            }
        }
    }

    /// Back in a bed that nobody else had meanwhile: the stay goes on.
    fn resume(&mut self, patient: PatientId, bed: &BedKey) {
        let in_bed = self.of_bed.get(bed).into_iter().flatten();
        let last = in_bed.rev().copied().find(|at| self.stays.get(*at).is_some_and(|stay| !stay.cancelled));
        if let Some(stay) = last.and_then(|at| self.stays.get_mut(at)).filter(|stay| stay.patient == patient) {
            stay.to_us = None;
        }
    }
}

//! The ward: who is here, in which bed, and what was observed of them.
//!
//! Limits: `patients_max` patients, twice as many beds, 8 stays remembered a bed. A patient leaves memory 6 hours after the
//! discharge, one never admitted (named by a message, no ADT) after 72 hours without an observation; both by ticks, looked at
//! once a minute of frame time; at the limit, see `room`. A patient's slot stays the same as long as the patient is here; slots are used again.
//!
//! An observation that names a patient nobody admitted is accepted: the message is explicit, and late results must not be lost.
//! One that names a bed goes to who lay there when it was observed.

use std::sync::Arc;

use hashbrown::HashMap;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::decode::{BedKey, Observation, PatientId, SignalId, Status, Subject};
use crate::error::{Code, Refusal};
use crate::limits::Limits;

use super::bed::{Bed, Whose};
use super::block::Sample;
use super::compile::FeaturePlan;
use super::merge::Aliases;
use super::patient::{Patient, own};
use super::room::Room;
use super::series::{Change, Said};
use super::union::Union;

/// How long a discharged patient's state is kept for late results, microseconds.
pub const LINGER_US: i64 = 6 * 3_600_000_000;
/// How long a patient without an admission is kept after the last observation, microseconds.
pub const UNADMITTED_US: i64 = 72 * 3_600_000_000;
/// How often ticks look for patients to drop, microseconds.
pub const SWEEP_US: i64 = 60_000_000;

/// A patient's place in the ward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// What became of an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// It belongs to this patient; `change` says whether the state is another now.
    Kept {
        /// Where the patient is.
        slot: Slot,
        /// Whose it is, for the store.
        patient: PatientId,
        /// What it did.
        change: Change,
    },
    /// Nobody's, or beyond a limit.
    DeadLetter(Refusal),
}

/// All patients and beds. Serialise it for a snapshot; after `Deserialize` call `resume`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ward {
    /// Shared with a snapshot that is being written; who changes one then makes a copy for itself (`own`).
    pub(super) patients: Vec<Option<Arc<Patient>>>,
    /// Free slots, the last is used next.
    pub(super) free: Vec<u32>,
    pub(super) beds: IndexMap<BedKey, Bed, hashbrown::DefaultHashBuilder>,
    swept_us: i64,
    /// Records that were merged into others.
    pub(super) aliases: Aliases,
    #[serde(skip)]
    pub(super) by_id: HashMap<PatientId, Slot>,
    #[serde(skip)]
    pub(super) union: Union,
    /// What is kept of raw samples beyond the plans' needs.
    #[serde(skip)]
    asked: Vec<(SignalId, i64)>,
    #[serde(skip)]
    pub(super) limits: Limits,
    #[serde(skip)]
    pub(super) room: Room,
    /// By slot: before this time a sweep need not look at the patient again.
    #[serde(skip)]
    pub(super) leaves_after_us: Vec<i64>,
}

impl Ward {
    /// An empty ward that keeps what these plans need.
    pub fn new(limits: Limits, plans: &[Arc<FeaturePlan>]) -> Self {
        Self { limits, union: Union::of(plans), ..Self::default() }
    }

    /// The same ward for a snapshot, to be written while this one goes on: patients are shared until they change. Costs a count for
    /// each patient and a copy of the beds.
    pub fn frozen(&self) -> Self {
        Self {
            patients: self.patients.clone(),
            free: self.free.clone(),
            beds: self.beds.clone(),
            swept_us: self.swept_us,
            aliases: self.aliases.clone(),
            ..Self::default()
        }
    }

    /// Makes a deserialised ward whole: the limits and plans it ran with, and the index by patient.
    pub fn resume(&mut self, limits: Limits, plans: &[Arc<FeaturePlan>]) {
        self.limits = limits;
        self.union = Union::of(plans);
        self.union.ask(&self.asked);
        self.by_id = self.iter().map(|(slot, patient)| (patient.id, slot)).collect();
    }

    /// Other plans from here on. A window longer than any before fills as time passes. At a point the journal defines.
    pub fn replan(&mut self, plans: &[Arc<FeaturePlan>]) {
        let mut new = Union::of(plans);
        new.ask(&self.asked);
        for patient in self.patients.iter_mut().flatten().map(Arc::make_mut) {
            patient.vitals.replan(&self.union, &new);
        }
        self.union = new;
    }

    /// Values of these signals stay readable for so many microseconds from here on; what is gone is gone. At a point the journal
    /// defines.
    pub fn keep(&mut self, asked: Vec<(SignalId, i64)>) {
        self.union.ask(&asked);
        self.asked = asked;
    }

    /// Takes in one observation.
    pub fn apply_observation(&mut self, observation: &Observation, received_at_us: i64) -> Applied {
        match self.try_observation(observation, received_at_us) {
            Ok(applied) => applied,
            Err(refusal) => Applied::DeadLetter(refusal),
        }
    }

    fn try_observation(&mut self, observation: &Observation, received_at_us: i64) -> Result<Applied, Refusal> {
        let (slot, patient) = self.hear(observation, received_at_us)?;
        let sample = Sample { at_us: observation.observed_at_us, value: observation.value };
        let said = match observation.status {
            Status::Final | Status::Preliminary => Said::Told,
            Status::Corrected => Said::Corrected,
            Status::Withdrawn => Said::Withdrawn,
        };
        let samples_max = self.limits.signal_observations_max;
        let Some(known) = own(self.patients.get_mut(slot.0 as usize)) else {
            return Err(Refusal::new(Code::Internal, "a slot without a patient"));
        };
        let change = known.vitals.apply(observation.signal, sample, said, received_at_us, &self.union, samples_max)?;
        match (change, said) {
            (Change::Superseded, _) => {
                Err(Refusal::new(Code::Superseded, "a correction or withdrawal of the value of this time came before"))
            }
            (Change::Expired, Said::Corrected | Said::Withdrawn) => {
                Err(Refusal::new(Code::TooLate, "the value of this time is folded into sums: it stays in windows and scores"))
            }
            _ => Ok(Applied::Kept { slot, patient, change }),
        }
    }

    /// Whose an observation is, its value aside: a patient the message names becomes known here, and is heard of.
    ///
    /// # Errors
    /// `EmptyBed`, `PatientLimit`.
    pub fn hear(&mut self, observation: &Observation, received_at_us: i64) -> Result<(Slot, PatientId), Refusal> {
        let slot = match &observation.subject {
            Subject::Patient(id) => {
                let id = self.survivor(*id);
                match self.by_id.get(&id) {
                    Some(slot) => *slot,
                    None => self.admit(id, received_at_us)?,
                }
            }
            Subject::Bed(key) => self.lying_in(key, (observation.observed_at_us, received_at_us), observation.status)?,
        };
        let Some(patient) = own(self.patients.get_mut(slot.0 as usize)) else {
            return Err(Refusal::new(Code::Internal, "a slot without a patient"));
        };
        patient.heard_us = patient.heard_us.max(received_at_us);
        Ok((slot, patient.id))
    }

    /// Who lay in a bed at a time. Whom a cancelled stay had held there may still be freed of a value, and is given none.
    fn lying_in(&mut self, key: &BedKey, (at_us, received_at_us): (i64, i64), status: Status) -> Result<Slot, Refusal> {
        let nobody = |why: &str| Err(Refusal::new(Code::EmptyBed, why));
        let Some(bed) = self.beds.get_mut(key) else { return nobody("nobody was ever admitted to this bed") };
        bed.hear(received_at_us);
        let (slot, patient) = match bed.at(at_us) {
            Whose::Lies(stay) => (stay.slot, stay.patient),
            Whose::Voided(stay) if status == Status::Withdrawn => (stay.slot, stay.patient),
            Whose::Voided(_) => return nobody("the stay that held the bed when it was observed was cancelled"),
            Whose::Nobody => return nobody("the bed was empty when it was observed"),
        };
        match self.patient(slot) {
            Some(known) if known.id == patient => Ok(slot),
            _ => nobody("who lay in this bed has left"),
        }
    }

    /// A slot for a new patient.
    pub(super) fn admit(&mut self, id: PatientId, received_at_us: i64) -> Result<Slot, Refusal> {
        if self.by_id.len() >= self.limits.patients_max && !self.make_room(received_at_us) {
            return Err(Refusal::new(Code::PatientLimit, format!("patients_max is {}", self.limits.patients_max)));
        }
        self.room.known(received_at_us);
        let patient = Some(Arc::new(Patient::new(id, received_at_us)));
        let slot = match self.free.pop() {
            Some(free) => Slot(free),
            None => {
                self.patients.push(None);
                Slot((self.patients.len() - 1) as u32)
            }
        };
        if let Some(place) = self.patients.get_mut(slot.0 as usize) {
            *place = patient;
        }
        if let Some(leaves_after_us) = self.leaves_after_us.get_mut(slot.0 as usize) {
            *leaves_after_us = i64::MIN;
        }
        self.by_id.insert(id, slot);
        Ok(slot)
    }

    /// Time passes: drops who left long enough ago. Returns them in the order of their slots.
    pub fn tick(&mut self, now_us: i64) -> Vec<PatientId> {
        if now_us < self.swept_us.saturating_add(SWEEP_US) {
            return Vec::new();
        }
        self.swept_us = now_us;
        self.leaves_after_us.resize(self.patients.len(), i64::MIN);
        let gone = |patient: &Patient| {
            let kept_us = match (patient.discharged_at_us, patient.admitted) {
                (Some(_), _) => LINGER_US,
                (None, false) => UNADMITTED_US,
                (None, true) => return false,
            };
            now_us.saturating_sub(patient.heard_us) >= kept_us
        };
        // Nobody leaves before `LINGER_US` of silence, and what was heard is only ever heard later: whoever was looked at can wait that
        // long, so that a ward of 100,000 is not walked every minute.
        let due = self.patients.iter().zip(&mut self.leaves_after_us).filter(|(_, after_us)| now_us >= **after_us);
        let gone: Vec<_> = due
            .filter_map(|(patient, after_us)| Some((patient.as_deref()?, after_us)))
            .filter_map(|(patient, after_us)| {
                *after_us = patient.heard_us.saturating_add(LINGER_US);
                gone(patient).then_some(patient.id)
            })
            .collect();
        for id in &gone {
            self.remove(*id, now_us);
        }
        gone
    }

    /// Whether the clock was set back: this tick is from before the last sweep, which is a minute old at most.
    pub fn is_set_back(&self, now_us: i64) -> bool {
        now_us < self.swept_us
    }

    /// The clock was set back: nothing was heard later than now. Otherwise what is heard from now on would count as old until
    /// the clock has caught up, and windows would lose it.
    pub fn set_back(&mut self, now_us: i64) {
        self.swept_us = self.swept_us.min(now_us);
        self.room.look_again();
        self.leaves_after_us.clear();
        self.beds.values_mut().for_each(|bed| bed.spoke_us = bed.spoke_us.map(|spoke_us| spoke_us.min(now_us)));
        for patient in self.patients.iter_mut().flatten().map(Arc::make_mut) {
            patient.heard_us = patient.heard_us.min(now_us);
            patient.vitals.set_back(now_us);
        }
    }

    /// Forgets a patient at once. False where there is none.
    pub fn remove(&mut self, id: PatientId, at_us: i64) -> bool {
        let Some(slot) = self.by_id.remove(&id) else { return false };
        let patient = self.patients.get_mut(slot.0 as usize).and_then(Option::take);
        if let Some((_, bed)) = patient.and_then(|p| p.bed).and_then(|at| self.beds.get_index_mut(at as usize)) {
            bed.leave(id, at_us);
        }
        self.free.push(slot.0);
        true
    }

    /// The row of a plan for a patient at a time; see `Vitals::row`. False where the slot is empty (the row is then untouched).
    pub fn row(&self, slot: Slot, plan: &FeaturePlan, t_us: i64, row: &mut [f32]) -> bool {
        let Some(patient) = self.patient(slot) else { return false };
        patient.vitals.row(plan, &self.union, &patient.person, t_us, row);
        true
    }

    /// The patient in a slot.
    #[inline]
    pub fn patient(&self, slot: Slot) -> Option<&Patient> {
        self.patients.get(slot.0 as usize).and_then(|p| p.as_deref())
    }

    /// Where a patient is.
    pub fn slot(&self, id: PatientId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The bed a patient lies in.
    pub fn bed_of(&self, slot: Slot) -> Option<&BedKey> {
        let at = self.patient(slot)?.bed?;
        self.beds.get_index(at as usize).map(|(key, _)| key)
    }

    /// Who lies in a bed now.
    pub fn occupant(&self, key: &BedKey) -> Option<PatientId> {
        self.beds.get(key)?.occupant().map(|stay| stay.patient)
    }

    /// All patients in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Patient)> {
        self.patients.iter().enumerate().filter_map(|(at, p)| p.as_deref().map(|p| (Slot(at as u32), p)))
    }

    /// Patients present, discharged ones that linger included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True where nobody is.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Slots in use or free: one more than the highest slot.
    pub fn slots(&self) -> usize {
        self.patients.len()
    }

    /// Bytes of memory of all patients and beds. Walks all of them.
    pub fn bytes(&self) -> usize {
        self.house_bytes() + self.iter().map(|(_, patient)| patient.bytes()).sum::<usize>()
    }

    /// The same without the patients.
    pub fn house_bytes(&self) -> usize {
        let index = self.by_id.capacity() * (size_of::<PatientId>() + size_of::<Slot>() + 1);
        let beds = self.beds.capacity() * (size_of::<BedKey>() + size_of::<Bed>() + 16);
        let slots = self.patients.capacity() * size_of::<Option<Arc<Patient>>>();
        slots + index + beds
    }
}

//! Recorded data through the serving engine: what a model is trained on is what it will be served (P8).
//!
//! Each patient of a recording gets a fresh state; encounter events and observations are taken in by the code that serves, in
//! time order (at the same time the encounter first), each received when it occurred, or when it became known where that is
//! recorded, and each row is read after all of them up to its time. Memory: one patient's state at a time.

use super::block::Sample;
use super::compile::FeaturePlan;
use super::patient::Patient;
use super::plan::{PlanError, refuse};
use super::series::Said;
use super::union::Union;
use crate::decode::{EncounterEvent, EncounterKind, PatientId, SignalId};

/// Long-format columns. Observations, encounters and rows are each sorted by patient, then time: the time they became known
/// where that is given.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// Whose observation it is.
    pub patient: &'a [i64],
    /// Catalogue number.
    pub signal: &'a [u16],
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: &'a [i64],
    /// Canonical unit; NaN withdraws the observation of its time, where `known_at_us` is given.
    pub value: &'a [f64],
    /// When each observation was received; empty: when it was observed.
    pub known_at_us: &'a [i64],
    /// Whose row it is.
    pub row_patient: &'a [i64],
    /// Time of the row, microseconds.
    pub row_at_us: &'a [i64],
    /// Whose encounter it is.
    pub encounter_patient: &'a [i64],
    /// What ADT said.
    pub encounters: &'a [EncounterEvent],
    /// When each was received; empty: when it occurred.
    pub told_at_us: &'a [i64],
}

impl Recording<'_> {
    fn check(&self) -> Result<(), PlanError> {
        let observations = self.patient.len();
        if [self.signal.len(), self.at_us.len(), self.value.len()] != [observations; 3] {
            return refuse("the observation columns differ in length".into());
        }
        if self.row_at_us.len() != self.row_patient.len() {
            return refuse("the row columns differ in length".into());
        }
        let given = |times: &[i64], of: usize| times.is_empty() || times.len() == of;
        if !given(self.known_at_us, observations) || !given(self.told_at_us, self.encounters.len()) {
            return refuse("known_at_us and told_at_us are empty or as long as what they tell of".into());
        }
        if self.encounters.len() != self.encounter_patient.len() {
            return refuse("the encounter columns differ in length".into());
        }
        let of = |columns: &[i64], at_us: &[i64]| is_sorted(columns.iter().copied().zip(at_us.iter().copied()));
        let told = self.encounter_patient.iter().copied().zip(self.encounters.iter().enumerate());
        if !of(self.patient, self.known())
            || !of(self.row_patient, self.row_at_us)
            || !is_sorted(told.map(|(of, (at, event))| (of, self.told(at, event))))
        {
            return refuse("observations, rows and encounters must be sorted by patient, then time".into());
        }
        Ok(())
    }

    fn known(&self) -> &[i64] {
        if self.known_at_us.is_empty() { self.at_us } else { self.known_at_us }
    }

    fn told(&self, at: usize, event: &EncounterEvent) -> i64 {
        self.told_at_us.get(at).copied().unwrap_or(event.occurred_at_us)
    }

    /// Gives every row to `each`, in order, and returns how many observations were refused (no number, unknown signal).
    pub fn rows(&self, plan: &FeaturePlan, samples_max: usize, mut each: impl FnMut(usize, &[f32])) -> Result<u64, PlanError> {
        self.check()?;
        let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
        let samples = self.at_us.iter().zip(self.value).map(|(at_us, value)| Sample { at_us: *at_us, value: *value });
        let mut events = self.patient.iter().zip(self.signal).zip(self.known().iter().zip(samples)).peekable();
        let mut told = self.encounter_patient.iter().zip(self.encounters.iter().enumerate()).peekable();
        let mut row = vec![0.0f32; plan.width()];
        let (mut patient, mut whose) = (Patient::new(NOBODY, i64::MIN), None);
        let mut refused = 0;
        for (at, (of_row, t_us)) in self.row_patient.iter().zip(self.row_at_us).enumerate() {
            if whose != Some(of_row) {
                (patient, whose) = (Patient::new(NOBODY, i64::MIN), Some(of_row));
            }
            loop {
                // What is of a patient without rows, or came after the last row of the patient before, is passed over.
                let encounter =
                    told.peek().map(|(of, (at, event))| (**of, self.told(*at, event))).filter(|key| *key <= (*of_row, *t_us));
                let until = encounter.unwrap_or((*of_row, t_us.saturating_add(1)));
                while let Some(((of, signal), (known_us, sample))) = events.next_if(|((of, _), (at, _))| (**of, **at) < until) {
                    if of == of_row {
                        // What is stored took effect; without a receipt nothing is withdrawn, and no number is no value.
                        let said = if self.known_at_us.is_empty() { Said::Told } else { Said::Effective };
                        let applied = patient.vitals.apply(SignalId(*signal), sample, said, *known_us, &union, samples_max);
                        refused += u64::from(applied.is_err());
                    }
                }
                if encounter.is_none() {
                    break;
                }
                if let Some((_, (_, event))) = told.next().filter(|(of, _)| *of == of_row) {
                    patient.hear(event);
                }
            }
            patient.vitals.row(plan, &union, &patient.person, *t_us, &mut row);
            each(at, &row);
        }
        Ok(refused)
    }
}

const NOBODY: PatientId = PatientId([0; 16]);

fn is_sorted(mut keys: impl Iterator<Item = (i64, i64)>) -> bool {
    let mut before = (i64::MIN, i64::MIN);
    keys.all(|key| std::mem::replace(&mut before, key) <= key)
}

impl Patient {
    /// An event outside a ward: what `Ward::apply_encounter` does but for beds.
    fn hear(&mut self, event: &EncounterEvent) {
        if event.kind.cancels() {
            // One that is refused in service has no row here.
            let _ = self.cancel(event);
            return;
        }
        if self.check_order(event).is_err() {
            return;
        }
        let stale = self.is_stale(event);
        let (place, told) = (self.person.place(), self.told(event));
        self.take_in(event);
        if event.kind == EncounterKind::Discharge {
            if !stale {
                self.depart(event, None);
            }
        } else if event.bed.is_some() && !stale && self.discharged_at_us.is_none() {
            self.located_at_us = event.occurred_at_us;
            if event.kind == EncounterKind::Transfer {
                self.undoable.transfer(told, None, place);
            }
        }
    }
}

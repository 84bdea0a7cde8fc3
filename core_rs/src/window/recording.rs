//! Recorded data through the serving engine: what a model is trained on is what it will be served (P8).
//!
//! Each patient of a recording gets a fresh state; encounter events and observations are taken in by the code that serves, in
//! time order (at the same time the encounter first), each received when it occurred, and each row is read after all of them
//! up to its time. Memory: one patient's state at a time.

use super::block::Sample;
use super::compile::FeaturePlan;
use super::plan::{PlanError, refuse};
use super::union::Union;
use super::ward::Patient;
use crate::decode::{EncounterEvent, EncounterKind, PatientId, SignalId};

/// Long-format columns. Observations, encounters and rows are each sorted by patient, then time.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// Whose observation it is.
    pub patient: &'a [i64],
    /// Catalogue number.
    pub signal: &'a [u16],
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: &'a [i64],
    /// Canonical unit.
    pub value: &'a [f64],
    /// Whose row it is.
    pub row_patient: &'a [i64],
    /// Time of the row, microseconds.
    pub row_at_us: &'a [i64],
    /// Whose encounter it is.
    pub encounter_patient: &'a [i64],
    /// What ADT said.
    pub encounters: &'a [EncounterEvent],
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
        if self.encounters.len() != self.encounter_patient.len() {
            return refuse("the encounter columns differ in length".into());
        }
        let told = || self.encounters.iter().map(|event| event.occurred_at_us);
        let of = |columns: &[i64], at_us: &[i64]| is_sorted(columns.iter().copied().zip(at_us.iter().copied()));
        if !of(self.patient, self.at_us)
            || !of(self.row_patient, self.row_at_us)
            || !is_sorted(self.encounter_patient.iter().copied().zip(told()))
        {
            return refuse("observations, rows and encounters must be sorted by patient, then time".into());
        }
        Ok(())
    }

    /// Gives every row to `each`, in order, and returns how many observations were refused (no number, unknown signal).
    pub fn rows(&self, plan: &FeaturePlan, samples_max: usize, mut each: impl FnMut(usize, &[f32])) -> Result<u64, PlanError> {
        self.check()?;
        let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
        let mut events = self.patient.iter().zip(self.signal).zip(self.at_us.iter().zip(self.value)).peekable();
        let mut told = self.encounter_patient.iter().zip(self.encounters).peekable();
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
                    told.peek().map(|(of, event)| (**of, event.occurred_at_us)).filter(|key| *key <= (*of_row, *t_us));
                let until = encounter.unwrap_or((*of_row, t_us.saturating_add(1)));
                while let Some(((of, signal), (at_us, value))) = events.next_if(|((of, _), (at_us, _))| (**of, **at_us) < until)
                {
                    if of == of_row {
                        let sample = Sample { at_us: *at_us, value: *value };
                        let applied = patient.vitals.apply(SignalId(*signal), sample, false, *at_us, &union, samples_max);
                        refused += u64::from(applied.is_err());
                    }
                }
                if encounter.is_none() {
                    break;
                }
                if let Some((_, event)) = told.next().filter(|(of, _)| *of == of_row) {
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
        let stale = self.is_stale(event);
        self.take_in(event);
        if event.kind == EncounterKind::Discharge {
            (self.discharged_at_us, self.located_at_us) = (Some(event.occurred_at_us), event.occurred_at_us);
        } else if event.bed.is_some() && !stale {
            self.located_at_us = event.occurred_at_us;
        }
    }
}

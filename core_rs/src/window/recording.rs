//! Recorded data through the serving engine: what a model is trained on is what it will be served (P8).
//!
//! Each patient of a recording gets a fresh state; observations are written in time order, each received when it was observed,
//! and each row is read after all observations up to its time. Memory: one patient's state at a time.

use super::block::Sample;
use super::compile::FeaturePlan;
use super::patient::{Person, Vitals};
use super::plan::{PlanError, refuse};
use super::union::Union;
use crate::decode::SignalId;

/// Long-format columns. Observations and rows are each sorted by patient, then time.
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
    /// Rows x the plan's demographics, in the plan's order; NaN is missing.
    pub demographics: &'a [f64],
}

impl Recording<'_> {
    fn check(&self, plan: &FeaturePlan) -> Result<(), PlanError> {
        let observations = self.patient.len();
        if [self.signal.len(), self.at_us.len(), self.value.len()] != [observations; 3] {
            return refuse("the observation columns differ in length".into());
        }
        if self.row_at_us.len() != self.row_patient.len() {
            return refuse("the row columns differ in length".into());
        }
        let expected = self.row_patient.len() * plan.demographics.len();
        if self.demographics.len() != expected {
            return refuse(format!("demographics must hold rows x {} = {expected} values", plan.demographics.len()));
        }
        let sorted = |patient: &[i64], at_us: &[i64]| {
            let keys = || patient.iter().zip(at_us);
            keys().zip(keys().skip(1)).all(|(before, after)| before <= after)
        };
        if !sorted(self.patient, self.at_us) || !sorted(self.row_patient, self.row_at_us) {
            return refuse("observations and rows must be sorted by patient, then time".into());
        }
        Ok(())
    }

    /// Gives every row to `each`, in order, and returns how many observations were refused (no number, unknown signal).
    pub fn rows(&self, plan: &FeaturePlan, samples_max: usize, mut each: impl FnMut(usize, &[f32])) -> Result<u64, PlanError> {
        self.check(plan)?;
        let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
        let mut events = self.patient.iter().zip(self.signal).zip(self.at_us.iter().zip(self.value)).peekable();
        let mut row = vec![0.0f32; plan.width()];
        let (mut vitals, mut whose) = (Vitals::default(), None);
        let mut refused = 0;
        for (at, (patient, t_us)) in self.row_patient.iter().zip(self.row_at_us).enumerate() {
            if whose != Some(patient) {
                (vitals, whose) = (Vitals::default(), Some(patient));
            }
            while let Some(((of, signal), (at_us, value))) =
                events.next_if(|((of, _), (at_us, _))| (*of, *at_us) <= (patient, t_us))
            {
                if of != patient {
                    continue; // a patient without rows, or what came after the last row
                }
                let sample = Sample { at_us: *at_us, value: *value };
                let applied = vitals.apply(SignalId(*signal), sample, false, *at_us, &union, samples_max);
                refused += u64::from(applied.is_err());
            }
            vitals.row(plan, &union, &Person::default(), *t_us, &mut row);
            let width = plan.demographics.len();
            let known = self.demographics.get(at * width..(at + 1) * width).unwrap_or(&[]);
            for ((_, column), value) in plan.demographics.iter().zip(known) {
                if let Some(place) = row.get_mut(*column) {
                    *place = *value as f32;
                }
            }
            each(at, &row);
        }
        Ok(refused)
    }
}

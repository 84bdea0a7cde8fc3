//! Conditions of the alert policy: what they need of the window is read where the frame is scored, so that what a look sees does not
//! depend on where a batch ends; alert weighs it in its turn, behind the frame's scores.
//!
//! A patient is looked at where the frame says a signal that a rule watches, or makes or silences a score that one does; an event that
//! says no values (ADT), and a record that was joined or restored, is looked at by all rules. Without such rules it costs one comparison.

use super::board::Board;
use super::scoring::Silenced;
use super::touched::{Restated, Said};
use super::{At, Pipeline};
use crate::alert::{AlertEngine, Look, Scored, Subject};
use crate::decode::{BedKey, PatientId};
use crate::window::Slot;

/// What a frame says of a patient: values, the place of its first score and who is silenced, where the patient lies.
pub(super) type Seen<'a> = ((Restated, &'a [Said]), (usize, &'a Silenced), Option<&'a BedKey>);

impl Pipeline {
    /// What the rules with conditions of a policy see of a patient after a frame. `scores`: where the frame's begin among those of
    /// the batch.
    pub(super) fn look(
        &self,
        alerts: &AlertEngine,
        at: At<'_>,
        slot: Slot,
        ((restated, said), (scores, silenced), bed): Seen<'_>,
    ) -> Option<Box<Look>> {
        let lookout = alerts.lookout();
        if lookout.is_empty() {
            return None;
        }
        let rules = if said.is_empty() || restated == Restated::All {
            lookout.all()
        } else {
            let of_signals = said.iter().fold(0, |rules, one| rules | lookout.of_signal(one.signal));
            let scorers = self.scoring.scorers_since(scores).chain(silenced.iter().copied());
            scorers.fold(of_signals, |rules, scorer| rules | lookout.of_scorer(scorer))
        };
        let patient = self.state.ward.patient(slot).filter(|_| rules != 0)?;
        let taken_back = |subject: &Subject| match subject {
            Subject::Signal(signal) => {
                said.iter().filter(|one| one.signal == *signal).filter_map(|one| one.taken_back_us).collect()
            }
            Subject::Score(scorer, _) => silenced.iter().filter(|one| *one == scorer).map(|_| i64::MAX).collect(),
        };
        let sights = alerts.see(rules, patient, at.at_us, &taken_back);
        Some(Box::new(Look { patient: patient.id(), slot: slot.0, bed: bed.cloned(), rules, sights }))
    }
}

impl Board {
    /// The newest score of a scorer as conditions see it.
    pub(super) fn scored(&self, patient: PatientId, scorer: u16) -> Option<Scored> {
        let score = self.scores(patient).find(|score| score.scorer == scorer)?;
        Some((score.value, score.at_us, score.present))
    }
}

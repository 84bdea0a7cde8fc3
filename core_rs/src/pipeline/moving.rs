//! What an ADT event means for rows, scores, alerts and messages.

use super::batch::Step;
use super::counters::add;
use super::touched::Restated;
use super::{At, Pipeline};
use crate::alert::Departure;
use crate::decode::{EncounterEvent, EncounterKind, PatientId, Rejected};
use crate::score::Occasion;
use crate::store::{EncounterRow, MergeRow};
use crate::window::Moved;

impl Pipeline {
    pub(super) fn move_patient(&mut self, at: At<'_>, event: &EncounterEvent) -> Result<(), Rejected> {
        self.touched.pause();
        let moved = self.state.ward.apply_encounter(event, at.at_us);
        let moved = moved.map_err(|refusal| Rejected { ordinal: event.ordinal, refusal })?;
        add(&self.counters.encounters, 1);
        // Whom the event is about, whatever name it came under.
        let patient = self.state.ward.survivor(event.patient);
        self.trials.iter_mut().for_each(|trials| trials.follow(event, patient, &moved));
        if at.wanted {
            self.rows.encounters.push(&EncounterRow {
                seq: at.seq,
                received_at_us: at.received_us,
                patient,
                event,
                lies: moved.to.as_ref(),
                here: moved.here,
                leaves: moved.left,
                stale: moved.stale,
                undone_since_us: moved.undone_since_us,
            });
        }
        if event.kind == EncounterKind::Merge && !moved.stale {
            self.join_records(at, event, &moved);
        }
        if moved.readmitted {
            self.state.triggers.forget(patient);
            self.later(at, Step::Returned(patient));
        }
        if moved.left {
            let cancelled = event.kind == EncounterKind::CancelAdmit;
            if let Some(slot) = moved.slot.filter(|_| !cancelled) {
                self.ask(at, slot, (Occasion::Discharge, Restated::No, &[]), moved.from.clone());
            }
            self.state.watch.forget(patient);
            self.trials.iter_mut().for_each(|trials| trials.forget(patient));
            let why = if cancelled { Departure::AdmissionCancelled } else { Departure::Left };
            self.later(at, Step::Left(patient, moved.from, why));
        } else if let Some(slot) = moved.slot {
            if !moved.stale && matches!(event.kind, EncounterKind::CancelDischarge | EncounterKind::Merge) {
                self.touched.restate(slot, Restated::All);
            }
            self.touch(at, slot, patient);
        }
        if let Some(other) = moved.displaced {
            self.displace(at, other);
        }
        Ok(())
    }

    /// Somebody else was moved into this patient's bed: looked at like whoever is moved, and the alerts go along, into no bed.
    fn displace(&mut self, at: At<'_>, patient: PatientId) {
        self.touched.pause();
        if let Some(slot) = self.state.ward.slot(patient) {
            self.touched.touch(slot, patient);
        }
        if at.wanted {
            self.shown.insert(patient, (at.seq, at.at_us));
        }
    }

    /// The former record ends: its alerts with a reason, its tile at consoles. The survivor is scored at once.
    fn join_records(&mut self, at: At<'_>, event: &EncounterEvent, moved: &Moved) {
        let (Some(former), into) = (event.former, self.state.ward.survivor(event.patient)) else { return };
        if at.wanted {
            let row = MergeRow {
                seq: at.seq,
                ordinal: event.ordinal,
                received_at_us: at.received_us,
                occurred_at_us: event.occurred_at_us,
                former,
                patient: into,
            };
            self.rows.merges.push(&row);
        }
        if let Some(focus) = &mut self.focus {
            focus.join(former, into);
        }
        self.shown.shift_remove(&former);
        self.state.triggers.forget(former);
        self.state.watch.forget(former);
        self.trials.iter_mut().for_each(|trials| trials.forget(former));
        if moved.gone.is_some() {
            self.later(at, Step::Left(former, moved.from.clone(), Departure::Merged));
        }
    }
}

//! Whom the frame under way speaks of, and what it says of each of them: what is said of one patient bears on no other.

use indexmap::IndexMap;

use crate::decode::{PatientId, SignalId};
use crate::window::Slot;

/// What of former knowledge a frame changed: then scores are made at once, whatever their interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Restated {
    /// Nothing.
    No,
    /// Values were corrected or withdrawn.
    Signals,
    /// The record as a whole: it was merged, or its patient is back.
    All,
}

/// A value that was taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    /// Of which patient, by the order in which the frame speaks of them.
    place: u32,
    pub signal: SignalId,
    /// It corrects or withdraws a former one.
    pub corrects: bool,
    /// The time of the former value that is gone.
    pub taken_back_us: Option<i64>,
}

/// Patients in the order in which the frame speaks of them first.
#[derive(Debug, Default)]
pub(super) struct Touched {
    patients: IndexMap<Slot, Restated, hashbrown::DefaultHashBuilder>,
    said: Vec<Said>,
    /// Whom it spoke of last.
    last: Option<(Slot, PatientId, u32)>,
}

impl Touched {
    /// The frame speaks of a patient; false where it just did: the eight values of a monitor are one patient's.
    pub fn touch(&mut self, slot: Slot, patient: PatientId) -> bool {
        if self.last.is_some_and(|(last, whose, _)| (last, whose) == (slot, patient)) {
            return false;
        }
        let entry = self.patients.entry(slot);
        let place = u32::try_from(entry.index()).unwrap_or(u32::MAX);
        entry.or_insert(Restated::No);
        self.last = Some((slot, patient, place));
        true
    }

    /// A value of the patient touched last.
    pub fn say(&mut self, signal: SignalId, corrects: bool, taken_back_us: Option<i64>) {
        let Some((slot, _, place)) = self.last else { return };
        self.said.push(Said { place, signal, corrects, taken_back_us });
        if corrects {
            self.restate(slot, Restated::Signals);
        }
    }

    /// Something is taken back that was known of a patient.
    pub fn restate(&mut self, slot: Slot, what: Restated) {
        let known = self.patients.entry(slot).or_insert(what);
        *known = what.max(*known);
    }

    /// What comes next is told anew even if it concerns the same patient.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// Patients in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + Clone {
        self.patients.keys().copied()
    }

    /// Each patient with what the frame takes back and says of them.
    pub fn each(&mut self) -> impl Iterator<Item = (Slot, Restated, &[Said])> {
        if !self.said.is_sorted_by_key(|said| said.place) {
            self.said.sort_by_key(|said| said.place);
        }
        let mut rest = self.said.as_slice();
        self.patients.iter().zip(0..).map(move |((slot, restated), place)| {
            let (own, others) = rest.split_at(rest.partition_point(|said| said.place <= place));
            rest = others;
            (*slot, *restated, own)
        })
    }

    /// Empty again, memory kept.
    pub fn clear(&mut self) {
        self.patients.clear();
        self.said.clear();
        self.last = None;
    }
}

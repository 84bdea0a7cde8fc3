//! Rules with conditions, at a look and as time passes: what turned, and the alerts that follow.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::AlertEvent;
use super::condition::Subject;
use super::engine::AlertEngine;
use super::lifecycle::{At, Turn};
use super::opening::Opening;
use super::reason::Clearing;
use super::sight::{Look, Lookout, Sights, TakenBack, places};
use super::watch::Scored;
use crate::decode::{BedKey, PatientId};
use crate::window::Patient;

/// Where the numbers of what a tick finds due begin: behind what it finds silent (`pipeline::watch`), before its own steps. A patient's
/// number is the place in the ward, so that it does not depend on whom else a replay computes.
const DUE_ORDINAL: u32 = 0x5A00;
const DUE_ORDINALS: u32 = 0x2600;

/// Rules of one patient that turned, with the words for those that ceased.
pub(super) type Turned = SmallVec<[(usize, Turn, String); 2]>;

impl AlertEngine {
    /// Which rules' conditions concern whom.
    #[inline]
    pub fn lookout(&self) -> &Lookout {
        &self.lookout
    }

    /// What the window says of these rules' leaves at a frame, and what the frame took back of them.
    pub fn see(&self, rules: u64, patient: &Patient, at_us: i64, taken_back: TakenBack<'_>) -> Sights {
        let mut sights = Sights::new();
        for rule in places(rules).filter_map(|index| self.policy.rules.get(index)) {
            rule.when.iter().for_each(|when| when.see(patient, at_us, taken_back, &mut sights));
        }
        sights
    }

    /// Weighs a look. `score`: the newest score of a scorer, by its index.
    pub fn on_look(&mut self, look: &Look, score: &dyn Fn(u16) -> Option<Scored>, at: At, out: &mut Vec<AlertEvent>) {
        let (policy, state) = (&self.policy, &mut self.state);
        let (mut turned, mut sights) = (Turned::new(), look.sights.as_slice());
        for index in places(look.rules) {
            let Some((rule, when)) = policy.rules.get(index).and_then(|rule| Some((rule, rule.when.as_ref()?))) else {
                continue;
            };
            let Some((own, others)) = sights.split_at_checked(when.leaves.len()) else { break };
            sights = others;
            let turn = state.watch((index, rule, when), (look, own), score, at, self.patients_max);
            turned.extend(turn.map(|(turn, words)| (index, turn, words)));
            if let Some(cause) = self.causes.get(index).filter(|_| rule.watches(look.bed.as_ref())) {
                state.keep((*cause, rule), look.patient, f64::NAN);
            }
        }
        self.follow(&turned, look.patient, look.bed.as_ref(), at, out);
        let first = out.len();
        self.state.take_along(&self.policy, look.patient, look.bed.as_ref(), at, out);
        out.iter().skip(first).for_each(|event| self.book.follow(event));
    }

    /// Time passed: leaves that have been on for long enough.
    pub(super) fn ripen(&mut self, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let due = self.state.take_due(at_us);
        for of_patient in due.chunk_by(|one, next| (one.0, one.1) == (next.0, next.1)) {
            let Some((slot, patient, _)) = of_patient.first().copied() else { continue };
            self.state.number_from(seq, DUE_ORDINAL + slot % DUE_ORDINALS);
            let mut turned = Turned::new();
            for (_, _, index) in of_patient {
                let rule = self.policy.rules.get(*index);
                let Some((rule, when)) = rule.and_then(|rule| Some((rule, rule.when.as_ref()?))) else { continue };
                let turn = self.state.ripen((*index, rule, when), patient, (seq, at_us));
                turned.extend(turn.map(|turn| (*index, turn, String::new())));
            }
            let bed = turned.first().and_then(|(index, ..)| self.state.lay(patient, *index));
            self.follow(&turned, patient, bed.as_ref(), (seq, at_us), out);
        }
    }

    /// The alerts of the causes whose rules turned: each is settled once.
    pub(super) fn follow(
        &mut self,
        turned: &Turned,
        patient: PatientId,
        bed: Option<&BedKey>,
        at: At,
        out: &mut Vec<AlertEvent>,
    ) {
        let Self { policy, causes, state, book, .. } = self;
        let first = out.len();
        for (place, (index, turn, words)) in turned.iter().enumerate() {
            let (Some(cause), rule) = (causes.get(*index), policy.rules.get(*index)) else { continue };
            let later = turned.get(place + 1..).unwrap_or_default();
            if later.iter().any(|(later, ..)| causes.get(*later) == Some(cause)) {
                continue;
            }
            let clearing = match turn {
                Turn::Moved => Clearing::Moved,
                Turn::Withdrawn => Clearing::Withdrawn,
                Turn::Began | Turn::Fell => Clearing::Ceased(words),
            };
            let opening = Opening { patient, at, bed, score: None };
            state.settle(policy, (*cause, patient), (at, clearing), rule, Some(opening), out);
        }
        out.iter().skip(first).for_each(|event| book.follow(event));
    }
}

/// The leaf's signal or score by name.
impl Subject {
    /// As the catalogue or the scorer has it.
    pub fn name(&self) -> CompactString {
        match self {
            Self::Signal(signal) => crate::decode::catalogue::signal(*signal).map_or("", |row| row.name).into(),
            Self::Score(_, name) => name.clone(),
        }
    }
}

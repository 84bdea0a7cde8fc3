//! What is remembered of a condition and a patient, and what a look or the passing of time makes of it.
//!
//! Only while a leaf is on (or was, and stayed between its thresholds): since when, and its newest value, 40 bytes a leaf. A leaf
//! that becomes old enough with no new value is found by the first tick at or after that time: rules wait in one ordered set.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::condition::{Leaf, Side, Subject, Test, Truth, When};
use super::held;
use super::lifecycle::{At, Turn};
use super::rule::Rule;
use super::sight::{Look, Sight};
use super::state::AlertState;
use crate::decode::{BedKey, PatientId};

/// The newest score of a scorer, as a condition sees it: value, time, inputs present.
pub type Scored = (f64, i64, u8);

/// A leaf and a patient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct LeafState {
    /// Beyond its threshold, for however long.
    pub(super) on: bool,
    /// Since when it is on: of a threshold the time of a value beyond it.
    pub(super) since_us: i64,
    /// Of the newest value; `i64::MIN` where nothing is known.
    pub(super) at_us: i64,
    pub(super) value: f64,
    /// What a trend compares it with; of a threshold the value nearest to its safe side since it is on.
    pub(super) from: f64,
    /// Of the time since the newest value, what does not count (`away`).
    pub(super) lost_us: i64,
}

pub(super) type Leaves = SmallVec<[LeafState; 2]>;

/// What happens to each leaf, and after which time what waits is due then.
pub(super) type Changed<'a> = (i64, &'a dyn Fn(&mut LeafState));

/// A condition and a patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Watched {
    pub(super) leaves: Leaves,
    /// When a leaf will have been on for long enough; `i64::MAX` where none waits.
    pub(super) due_us: i64,
    /// As at the last look.
    pub(super) slot: u32,
    pub(super) bed: Option<BedKey>,
}

impl LeafState {
    const NOTHING: Self = Self { on: false, since_us: i64::MIN, at_us: i64::MIN, value: 0.0, from: 0.0, lost_us: 0 };

    /// Whether the leaf holds at a time.
    pub(super) fn truth(&self, leaf: &Leaf, at_us: i64) -> Truth {
        if self.at_us == i64::MIN || at_us.saturating_sub(self.at_us) > leaf.stale_us {
            Truth::Unknown
        } else if self.on && self.lasted_us(at_us) >= leaf.for_us {
            Truth::True
        } else {
            Truth::False
        }
    }

    /// What does not count of the time since the newest value, if that is of this time.
    fn lost_us_at(&self, at_us: i64) -> i64 {
        if self.on && self.at_us == at_us { self.lost_us } else { 0 }
    }

    /// The clock was set back: nothing was observed later than now.
    pub(super) fn set_back(&mut self, now_us: i64) {
        (self.since_us, self.at_us) = (self.since_us.min(now_us), self.at_us.min(now_us));
        self.lost_us = self.lost_us.min(now_us.saturating_sub(self.since_us)).max(0);
    }

    /// For how long it has been on.
    pub(super) fn lasted_us(&self, at_us: i64) -> i64 {
        at_us.saturating_sub(self.since_us).saturating_sub(self.lost_us)
    }

    /// When it will hold if nothing new comes.
    fn due_us(&self, leaf: &Leaf, at_us: i64) -> Option<i64> {
        let due_us = self.since_us.saturating_add(leaf.for_us).saturating_add(self.lost_us);
        (self.on && due_us > at_us && due_us <= self.at_us.saturating_add(leaf.stale_us)).then_some(due_us)
    }
}

impl Leaf {
    /// After a look at the window.
    fn seen(&self, sight: &Sight, before: LeafState) -> LeafState {
        let Some(at_us) = sight.at_us else { return LeafState::NOTHING };
        // What lay before a gap is unknown: it neither carries a value between the thresholds nor counts towards a time.
        let goes_on = before.on && sight.open_ended && sight.reached_us.saturating_sub(before.at_us) <= self.stale_us;
        let on = sight.on.unwrap_or(goes_on);
        let (since_us, from) = match (on, goes_on) {
            (false, _) => (i64::MIN, sight.from),
            (true, true) => (before.since_us.min(sight.since_us), self.safest(before.from, sight.from)),
            (true, false) => (sight.since_us, sight.from),
        };
        LeafState { on, since_us, at_us, value: sight.value, from, lost_us: before.lost_us_at(at_us) }
    }

    /// Whether what a look saw taken back is what the leaf rested on.
    fn rested_on(&self, taken_back_us: i64, before: LeafState) -> bool {
        let from_us = match self.test {
            Test::Threshold { .. } => before.since_us,
            Test::Trend { within_us, .. } => before.at_us.saturating_sub(within_us).saturating_add(1),
        };
        before.on && taken_back_us >= from_us
    }

    fn safest(&self, before: f64, now: f64) -> f64 {
        if self.is_trend() { now } else { self.test.safer(before, now) }
    }

    /// After a look at the board. A score with too few inputs says nothing; one with too few to clear by does not clear.
    fn scored(&self, score: Option<Scored>, rule: &Rule, before: LeafState) -> LeafState {
        let Some((value, at_us, present)) = score else { return LeafState::NOTHING };
        if value.is_nan() || present < rule.min_present {
            return before;
        }
        let goes_on = before.on && at_us.saturating_sub(before.at_us) <= self.stale_us;
        let on = match self.test.side(value) {
            Side::On => true,
            Side::Off if present < rule.clear_min_present => return before,
            Side::Off => false,
            Side::Between => goes_on,
        };
        let (since_us, from) = match (on, goes_on) {
            (false, _) => (i64::MIN, value),
            (true, true) => (before.since_us, self.safest(before.from, value)),
            (true, false) => (at_us, value),
        };
        LeafState { on, since_us, at_us, value, from, lost_us: before.lost_us_at(at_us) }
    }

    fn is_trend(&self) -> bool {
        matches!(self.test, Test::Trend { .. })
    }
}

impl When {
    /// What it says at a time.
    pub(super) fn says(&self, leaves: &Leaves, at_us: i64) -> Truth {
        self.truth(&|place| match (self.leaves.get(place), leaves.get(place)) {
            (Some(leaf), Some(state)) => state.truth(leaf, at_us),
            _ => Truth::Unknown,
        })
    }
}

impl AlertState {
    /// One look at a rule's condition; of one that ceased to hold, with the words for it.
    pub(super) fn watch(
        &mut self,
        (index, rule, when): (usize, &Rule, &When),
        (look, sights): (&Look, &[Sight]),
        score: &dyn Fn(u16) -> Option<Scored>,
        at: At,
        patients_max: usize,
    ) -> Option<(Turn, String)> {
        let patient = look.patient;
        let known = self.patients.get(&patient).and_then(|person| person.rules.get(index));
        if !rule.watches(look.bed.as_ref()) {
            let holds = known?.holds;
            self.remember((index, patient), None);
            if let Some(known) = self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index)) {
                known.run = 0;
            }
            return holds.then(|| (self.end(index, rule, patient, at.1, Turn::Moved), String::new()));
        }
        let before = known.and_then(|known| known.watched.as_ref()).map(|watched| watched.leaves.as_slice());
        let before = before.unwrap_or_default().iter().copied().chain(std::iter::repeat(LeafState::NOTHING));
        let (mut leaves, mut taken_back) = (Leaves::new(), false);
        for ((leaf, sight), before) in when.leaves.iter().zip(sights).zip(before) {
            let now = match &leaf.subject {
                Subject::Signal(_) => leaf.seen(sight, before),
                Subject::Score(scorer, _) => leaf.scored(score(*scorer), rule, before),
            };
            taken_back |= leaf.rested_on(sight.taken_back_us, before) && (!now.on || now.since_us > before.since_us);
            leaves.push(now);
        }
        let truth = when.says(self.counted(&leaves, at.1).as_ref().unwrap_or(&leaves), at.1);
        let from_us = self.away_since(at.1).unwrap_or(at.1);
        let waiting = when.leaves.iter().zip(&leaves).filter_map(|(leaf, state)| state.due_us(leaf, from_us));
        let due_us = waiting.min().filter(|_| truth != Truth::True).unwrap_or(i64::MAX);
        let is_on = leaves.iter().any(|leaf| leaf.on);
        if is_on && !self.has_room(patient, patients_max) {
            self.over_limit += 1;
            return None;
        }
        let watched = Watched { leaves, due_us, slot: look.slot, bed: look.bed.clone() };
        let turn = self.turn((index, rule), patient, (truth, taken_back), at, is_on.then_some(&watched));
        let words = match turn {
            Some(Turn::Fell) => held::ceased(when, &watched.leaves, at.1),
            _ => String::new(),
        };
        self.remember((index, patient), is_on.then(|| Box::new(watched)));
        turn.map(|turn| (turn, words))
    }

    /// What a truth does to the rule. `watched`: where a leaf is on.
    fn turn(
        &mut self,
        (index, rule): (usize, &Rule),
        patient: PatientId,
        (truth, taken_back): (Truth, bool),
        at: At,
        watched: Option<&Watched>,
    ) -> Option<Turn> {
        let known = self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index));
        match (truth, known) {
            (Truth::True, Some(known)) if known.holds => {
                known.run = 0;
                None
            }
            (Truth::True, _) => watched.and_then(|_| self.rise((index, rule), patient, at)),
            (_, Some(known)) if known.holds && taken_back => Some(self.end(index, rule, patient, at.1, Turn::Withdrawn)),
            (Truth::Unknown, _) | (_, None) => None,
            (Truth::False, Some(known)) if !known.holds => {
                known.run = 0;
                None
            }
            (Truth::False, Some(known)) => {
                known.run = known.run.saturating_add(1);
                (known.run >= rule.clear_evaluations).then(|| self.end(index, rule, patient, at.1, Turn::Fell))
            }
        }
    }

    /// Puts what a look left behind in its place, and among those that wait for a time.
    fn remember(&mut self, (index, patient): (usize, PatientId), watched: Option<Box<Watched>>) {
        let number = u16::try_from(index).unwrap_or(u16::MAX);
        let due_us = watched.as_ref().map_or(i64::MAX, |watched| watched.due_us);
        let known = match watched {
            Some(_) => self.person(patient).rules.get_mut(index),
            None => self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index)),
        };
        let Some(known) = known else { return };
        let former_us = known.watched.as_ref().map_or(i64::MAX, |watched| watched.due_us);
        known.watched = watched;
        if former_us != due_us {
            self.waits.remove(&(former_us, patient, number));
            if due_us != i64::MAX {
                self.waits.insert((due_us, patient, number));
            }
        }
    }

    /// Rules whose leaves are due by a time, by the patients' places in the ward.
    pub(super) fn take_due(&mut self, at_us: i64) -> Vec<(u32, PatientId, usize)> {
        let mut due = Vec::new();
        while let Some((due_us, patient, index)) = self.waits.first().copied().filter(|(due_us, ..)| *due_us <= at_us) {
            self.waits.remove(&(due_us, patient, index));
            let index = usize::from(index);
            let known = self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index));
            if let Some(watched) = known.and_then(|known| known.watched.as_mut()) {
                watched.due_us = i64::MAX;
                due.push((watched.slot, patient, index));
            }
        }
        due.sort_unstable();
        due
    }

    /// A leaf has been on for long enough, or another still waits.
    pub(super) fn ripen(&mut self, (index, rule, when): (usize, &Rule, &When), patient: PatientId, at: At) -> Option<Turn> {
        let known = self.patients.get(&patient).and_then(|person| person.rules.get(index));
        let mut watched = known.and_then(|known| known.watched.clone())?;
        let truth = when.says(&watched.leaves, at.1);
        // Nothing was looked at: only what has lasted long enough is news.
        let is_ripe = truth == Truth::True;
        let turn = is_ripe.then(|| self.turn((index, rule), patient, (truth, false), at, Some(&watched))).flatten();
        let waiting = when.leaves.iter().zip(&watched.leaves).filter_map(|(leaf, state)| state.due_us(leaf, at.1));
        watched.due_us = waiting.min().filter(|_| truth != Truth::True).unwrap_or(i64::MAX);
        self.remember((index, patient), Some(watched));
        turn
    }

    /// Where the patient lay at the last look at a rule.
    pub(super) fn lay(&self, patient: PatientId, index: usize) -> Option<BedKey> {
        self.patients.get(&patient)?.rules.get(index)?.watched.as_ref()?.bed.clone()
    }

    /// Nothing of the patient waits any more.
    pub(super) fn wait_no_more(&mut self, patient: PatientId) {
        let Some(person) = self.patients.get(&patient) else { return };
        for (state, number) in person.rules.iter().zip(0_u16..) {
            if let Some(watched) = &state.watched {
                self.waits.remove(&(watched.due_us, patient, number));
            }
        }
    }

    /// The set of those that wait, anew: rules have other places, or the leaves are changed, and what waits is due after this time.
    pub(super) fn wait_anew(&mut self, rules: &[Rule], changed: Option<Changed<'_>>) {
        self.waits.clear();
        for (patient, person) in &mut self.patients {
            for ((state, rule), number) in person.rules.iter_mut().zip(rules).zip(0_u16..) {
                let (Some(watched), Some(when)) = (state.watched.as_mut(), &rule.when) else { continue };
                if let Some((from_us, change)) = changed {
                    watched.leaves.iter_mut().for_each(change);
                    let waiting =
                        when.leaves.iter().zip(&watched.leaves).filter_map(|(leaf, state)| state.due_us(leaf, from_us));
                    watched.due_us = waiting.min().filter(|_| watched.due_us != i64::MAX).unwrap_or(i64::MAX);
                }
                if watched.due_us != i64::MAX {
                    self.waits.insert((watched.due_us, *patient, number));
                }
            }
        }
    }
}

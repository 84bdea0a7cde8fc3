//! What the window says of a condition's leaves at a frame: read there, from the values it keeps; there is no second history.
//!
//! Which rules a frame concerns costs one look at a table by signal; a leaf that is off costs the newest value. Of one that is on and
//! must have been so for a time, or is between `enter` and `clear`, the values of that time are walked, whole blocks at once
//! (`window::course`). A look depends on the window alone, not on what was seen before: alert weighs a batch's looks behind it.

use smallvec::SmallVec;

use super::condition::{Leaf, Side, Subject, Test, When};
use super::policy::Policy;
use crate::decode::{BedKey, PatientId, SignalId};
use crate::window::{Lasting, Patient, Sample};

/// What the window says of one leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// The newest value.
    pub value: f64,
    /// When it was observed, microseconds; None where nothing is known (of a score: to be asked of alert).
    pub at_us: Option<i64>,
    /// What a trend compares it with; of a threshold the value nearest to its safe side since it is on.
    pub from: f64,
    /// Whether the leaf is on; None where the values that are held do not decide it.
    pub on: Option<bool>,
    /// The time of a value since which it is on; `i64::MAX` where the values do not say.
    pub since_us: i64,
    /// It may have been on before that: the walk met neither a value that is off nor a gap.
    pub open_ended: bool,
    /// The oldest value that was looked at.
    pub reached_us: i64,
    /// The newest time of which the frame corrected or withdrew a value, and what there is now is not on; `i64::MIN` of none.
    pub taken_back_us: i64,
}

/// The times of which a frame corrected or withdrew a value of a signal; of a score that was silenced, `i64::MAX`.
pub type TakenBack<'a> = &'a dyn Fn(&Subject) -> SmallVec<[i64; 2]>;

/// Sights of some rules' leaves, rule after rule.
pub type Sights = SmallVec<[Sight; 6]>;

/// A look at one patient's conditions, to be weighed by alert in its turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Whose.
    pub patient: PatientId,
    /// The patient's place in the ward: what a tick finds due is numbered by it.
    pub slot: u32,
    /// Where the patient lies.
    pub bed: Option<BedKey>,
    /// The rules, a bit each.
    pub rules: u64,
    /// Of their leaves, in the rules' order.
    pub sights: Sights,
}

/// Which rules with conditions a signal or score concerns: a bit a rule.
#[derive(Debug, Clone, Default)]
pub struct Lookout {
    signals: Vec<u64>,
    scorers: Vec<u64>,
    all: u64,
}

impl Lookout {
    /// Of a policy's rules.
    pub(super) fn of(policy: &Policy) -> Self {
        let mut lookout = Self::default();
        for (index, rule) in policy.rules.iter().enumerate() {
            let bit = 1_u64 << (index % 64);
            for leaf in rule.when.iter().flat_map(|when| &when.leaves) {
                let (table, place) = match &leaf.subject {
                    Subject::Signal(signal) => (&mut lookout.signals, usize::from(signal.0)),
                    Subject::Score(scorer, _) => (&mut lookout.scorers, usize::from(*scorer)),
                };
                if table.len() <= place {
                    table.resize(place + 1, 0);
                }
                table.get_mut(place).into_iter().for_each(|rules| *rules |= bit);
                lookout.all |= bit;
            }
        }
        lookout
    }

    /// Whether no rule has a condition.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all == 0
    }

    /// All rules with conditions.
    pub fn all(&self) -> u64 {
        self.all
    }

    /// Those that watch a signal.
    #[inline]
    pub fn of_signal(&self, signal: SignalId) -> u64 {
        self.signals.get(usize::from(signal.0)).copied().unwrap_or(0)
    }

    /// Those that watch a score.
    #[inline]
    pub fn of_scorer(&self, scorer: u16) -> u64 {
        self.scorers.get(usize::from(scorer)).copied().unwrap_or(0)
    }
}

/// The places of the bits that are set, ascending.
pub(super) fn places(mut rules: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = rules.trailing_zeros();
        (rules != 0).then(|| {
            rules &= rules - 1;
            place as usize
        })
    })
}

impl Sight {
    /// Nothing is known.
    pub const NOTHING: Self = Self {
        value: 0.0,
        at_us: None,
        from: 0.0,
        on: None,
        since_us: i64::MAX,
        open_ended: false,
        reached_us: i64::MIN,
        taken_back_us: i64::MIN,
    };
}

impl When {
    /// What the window says of its leaves, and what the frame took back of them.
    pub(super) fn see(&self, patient: &Patient, at_us: i64, taken_back: TakenBack<'_>, out: &mut Sights) {
        for leaf in &self.leaves {
            let sight = match (&leaf.subject, leaf.test) {
                (Subject::Score(..), _) => Sight::NOTHING,
                (Subject::Signal(signal), Test::Trend { rising, within_us, .. }) => {
                    leaf.see_trend(*signal, (rising, within_us), patient, at_us)
                }
                (Subject::Signal(signal), Test::Threshold { .. }) => leaf.see_threshold(*signal, patient, at_us),
            };
            let mut times = taken_back(&leaf.subject);
            times.retain(|at_us| leaf.rests_not_on(patient, *at_us));
            out.push(Sight { taken_back_us: times.into_iter().max().unwrap_or(i64::MIN), ..sight });
        }
    }
}

impl Leaf {
    fn see_trend(&self, signal: SignalId, (rising, within_us): (bool, i64), patient: &Patient, at_us: i64) -> Sight {
        let Some((value, seen_us)) = patient.latest(signal, at_us) else { return Sight::NOTHING };
        let Some(seen) = patient.vitals().extremes(signal, seen_us, within_us) else { return Sight::NOTHING };
        let from = if rising { seen.least } else { seen.largest };
        let is_on = self.test.changed(from, value);
        if seen.count < 2 || !is_on && !seen.whole {
            return Sight::NOTHING; // a trend of one value, or of a time of which something is forgotten, is unknown
        }
        let on = Some(is_on);
        let (at_us, since_us, reached_us) = (Some(seen_us), seen_us, seen_us);
        Sight { value, at_us, from, on, since_us, open_ended: true, reached_us, taken_back_us: i64::MIN }
    }

    fn see_threshold(&self, signal: SignalId, patient: &Patient, at_us: i64) -> Sight {
        let Some((value, seen_us)) = patient.latest(signal, at_us) else { return Sight::NOTHING };
        let newest = Sight { value, at_us: Some(seen_us), from: value, reached_us: seen_us, ..Sight::NOTHING };
        let side = |value: f64| match self.test.side(value) {
            Side::On => Some(true),
            Side::Off => Some(false),
            Side::Between => None,
        };
        if side(value) == Some(false) {
            return Sight { on: Some(false), ..newest };
        }
        let (sample, lasting) = (Sample { at_us: seen_us, value }, Lasting { for_us: self.for_us, gap_us: self.stale_us });
        let Some(course) = patient.vitals().course(signal, sample, &side, lasting) else { return newest };
        let on = course.on_us.map(|_| true).or(course.ended.then_some(false));
        let from = self.test.safer(course.least, course.largest);
        let since_us = course.on_us.unwrap_or(i64::MAX);
        Sight { from, on, since_us, open_ended: !course.ended, reached_us: course.reached_us, ..newest }
    }

    /// Whether a value that was taken back says something else now: of a threshold, one that is on still bears it.
    fn rests_not_on(&self, patient: &Patient, at_us: i64) -> bool {
        let (Subject::Signal(signal), Test::Threshold { .. }) = (&self.subject, self.test) else { return true };
        patient.vitals().at(*signal, at_us).is_none_or(|value| self.test.side(value) != Side::On)
    }
}

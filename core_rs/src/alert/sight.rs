//! What the window says of a condition's leaves at a frame: read there, from the values it keeps; there is no second history.
//!
//! Which rules a frame concerns costs one look at a table by signal; a leaf that is off costs the newest value. Of one that is on and
//! must have been so for a time, the values of that time are walked; between `enter` and `clear`, those of whole blocks are skipped.

use smallvec::SmallVec;

use super::condition::{Leaf, Side, Subject, Test, When};
use super::policy::Policy;
use crate::decode::{BedKey, PatientId, SignalId};
use crate::window::Patient;

/// What the window says of one leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// The newest value.
    pub value: f64,
    /// When it was observed, microseconds; None where nothing is known (of a score: to be asked of alert).
    pub at_us: Option<i64>,
    /// What a trend compares it with.
    pub from: f64,
    /// Whether the leaf is on; None where the values that are held do not decide it.
    pub on: Option<bool>,
    /// Since when the values say so.
    pub since_us: i64,
    /// It may have been on before that: the walk met neither a value that is off nor a gap.
    pub open_ended: bool,
    /// The frame corrected or withdrew a value of it.
    pub corrected: bool,
}

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
    pub const NOTHING: Self =
        Self { value: 0.0, at_us: None, from: 0.0, on: None, since_us: i64::MIN, open_ended: false, corrected: false };
}

impl When {
    /// What the window says of its leaves; `corrected` whether the frame took something of one back.
    pub(super) fn see(&self, patient: &Patient, at_us: i64, corrected: &dyn Fn(&Subject) -> bool, out: &mut Sights) {
        for leaf in &self.leaves {
            let sight = match (&leaf.subject, leaf.test) {
                (Subject::Score(..), _) => Sight::NOTHING,
                (Subject::Signal(signal), Test::Trend { rising, within_us, .. }) => {
                    leaf.see_trend(*signal, (rising, within_us), patient, at_us)
                }
                (Subject::Signal(signal), Test::Threshold { .. }) => leaf.see_threshold(*signal, patient, at_us),
            };
            out.push(Sight { corrected: corrected(&leaf.subject), ..sight });
        }
    }
}

impl Leaf {
    fn see_trend(&self, signal: SignalId, (rising, within_us): (bool, i64), patient: &Patient, at_us: i64) -> Sight {
        let Some((value, seen_us)) = patient.latest(signal, at_us) else { return Sight::NOTHING };
        let Some((least, largest, count)) = patient.vitals().extremes(signal, seen_us, within_us) else {
            return Sight::NOTHING;
        };
        if count < 2 {
            return Sight::NOTHING; // a trend of one value is unknown
        }
        let from = if rising { least } else { largest };
        let on = Some(self.test.changed(from, value));
        Sight { value, at_us: Some(seen_us), from, on, since_us: seen_us, open_ended: true, corrected: false }
    }

    fn see_threshold(&self, signal: SignalId, patient: &Patient, at_us: i64) -> Sight {
        let Some((value, seen_us)) = patient.latest(signal, at_us) else { return Sight::NOTHING };
        let decisive = match self.test.side(value) {
            Side::Between => patient.vitals().newest_outside(signal, self.test.between(), seen_us).map(|one| one.value),
            _ => Some(value),
        };
        let on = decisive.map(|value| self.test.side(value) == Side::On);
        let mut sight =
            Sight { value, at_us: Some(seen_us), from: 0.0, on, since_us: seen_us, open_ended: true, corrected: false };
        if on != Some(false) && self.for_us > 0 {
            self.walk_back(signal, patient, &mut sight);
        }
        sight
    }

    /// Since when the values have been beyond the threshold without interruption, as far back as `for_us` asks.
    fn walk_back(&self, signal: SignalId, patient: &Patient, sight: &mut Sight) {
        let Some(newest_us) = sight.at_us else { return };
        let (mut later_us, mut on_us) = (newest_us, None);
        for sample in patient.recent(signal, newest_us, usize::MAX).iter().rev() {
            let side = self.test.side(sample.value);
            if side == Side::Off || later_us.saturating_sub(sample.at_us) > self.stale_us {
                sight.open_ended = false;
                break;
            }
            later_us = sample.at_us;
            if side == Side::On {
                on_us = Some(sample.at_us);
                if newest_us.saturating_sub(sample.at_us) >= self.for_us {
                    break;
                }
            }
        }
        sight.since_us = on_us.unwrap_or(later_us);
    }
}

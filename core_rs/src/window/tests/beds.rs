//! One bed under any events, late ones and merges too: a time that a cancelled stay had is never another patient's by grace, and
//! what was forgotten is nobody's.
//!
//! The model is a list of stays and, minute by minute, who a cancellation took it from.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::patient;
use crate::decode::PatientId;
use crate::window::bed::{Bed, Whose};
use crate::window::{GRACE_US, STAYS_MAX, Slot};

const MINUTE_US: i64 = 60_000_000;
const GRACE: i64 = GRACE_US / MINUTE_US;
const OPEN: i64 = i64::MAX;

#[derive(Debug, Clone)]
enum Act {
    /// Minutes until it is told, who, and how long ago it happened.
    Enter(i64, u8, i64),
    Leave(i64, u8),
    Void(i64, u8, i64),
    Merge(u8, u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (wait, late) = (|| 1i64..7, || prop_oneof![3 => Just(0i64), 1 => 0i64..25]);
    let one = prop_oneof![
        5 => (wait(), 0u8..5, late()).prop_map(|(wait, who, late)| Act::Enter(wait, who, late)),
        2 => (wait(), 0u8..5).prop_map(|(wait, who)| Act::Leave(wait, who)),
        4 => (wait(), 0u8..5, 0i64..40).prop_map(|(wait, who, since)| Act::Void(wait, who, since)),
        1 => (0u8..5, 0u8..5).prop_map(|(from, into)| Act::Merge(from, into)),
    ];
    prop::collection::vec(one, 1..40)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Lies(u8),
    Voided(u8),
    Nobody,
}

/// The bed without a limit on what it remembers.
#[derive(Debug, Default)]
struct Naive {
    /// Who, from, until: in time order.
    stays: Vec<(u8, i64, i64)>,
    voided: BTreeMap<i64, u8>,
}

impl Naive {
    fn answer(&self, at: i64) -> Answer {
        let real = |at: i64| self.stays.iter().find(|(_, from, until)| (*from..*until).contains(&at)).map(|stay| stay.0);
        // A stay that took no time answers for the grace before it: its patient was the next to come.
        let starts = |at: i64| self.stays.iter().find(|stay| stay.1 == at).map(|stay| stay.0);
        if let Some(who) = real(at) {
            return Answer::Lies(who);
        }
        if let Some(who) = self.voided.get(&at) {
            return Answer::Voided(*who);
        }
        let next = (at + 1..=at + GRACE).find(|at| starts(*at).is_some() || self.voided.contains_key(at));
        next.and_then(starts).map_or(Answer::Nobody, Answer::Lies)
    }

    fn enter(&mut self, who: u8, from: i64) {
        let next = self.stays.partition_point(|stay| stay.1 <= from);
        let until = self.stays.get(next).map_or(OPEN, |stay| stay.1);
        if let Some(before) = next.checked_sub(1) {
            self.stays[before].2 = self.stays[before].2.min(from);
        }
        self.stays.insert(next, (who, from, until));
    }

    fn void(&mut self, who: u8, since: i64, heard: i64) {
        let times = -60..heard;
        let before: Vec<i64> = times.filter(|at| self.answer(*at) == Answer::Lies(who)).collect();
        self.stays.retain(|stay| stay.0 != who || stay.1 < since);
        for stay in self.stays.iter_mut().filter(|stay| stay.0 == who) {
            stay.2 = stay.2.min(since);
        }
        let gone: Vec<i64> = before.into_iter().filter(|at| self.answer(*at) != Answer::Lies(who)).collect();
        self.voided.extend(gone.into_iter().map(|at| (at, who)));
    }

    fn merge(&mut self, from: u8, into: u8) {
        self.stays.iter_mut().filter(|stay| stay.0 == from).for_each(|stay| stay.0 = into);
        self.voided.values_mut().filter(|who| **who == from).for_each(|who| *who = into);
    }
}

fn number(id: PatientId) -> u8 {
    id.0[0]
}

fn answer(bed: &Bed, at: i64) -> Answer {
    match bed.at(at * MINUTE_US) {
        Whose::Lies(stay) => Answer::Lies(number(stay.patient)),
        Whose::Voided(stay) => Answer::Voided(number(stay.patient)),
        Whose::Nobody => Answer::Nobody,
    }
}

fn run(acts: &[Act]) {
    let (mut bed, mut naive, mut now) = (Bed::default(), Naive::default(), 100);
    let (mut stays, mut voids) = (0, 0);
    for act in acts {
        match *act {
            Act::Enter(wait, who, late) => {
                now += wait;
                bed.enter(Slot(0), patient(who), (now - late) * MINUTE_US);
                naive.enter(who, now - late);
                stays += 1;
            }
            Act::Leave(wait, who) => {
                now += wait;
                bed.leave(patient(who), now * MINUTE_US);
                if let Some(stay) = naive.stays.last_mut().filter(|stay| stay.0 == who && stay.2 == OPEN) {
                    stay.2 = now.max(stay.1);
                }
            }
            Act::Void(wait, who, since) => {
                now += wait;
                voids += naive.stays.iter().filter(|stay| stay.0 == who && stay.1.max(stay.2 - 1) >= now - since).count();
                bed.void(patient(who), (now - since) * MINUTE_US, (now + 5) * MINUTE_US);
                naive.void(who, now - since, now + 5);
            }
            Act::Merge(from, into) => {
                bed.rename(patient(from), Slot(0), patient(into));
                naive.merge(from, into);
            }
        }
        let whole = stays <= STAYS_MAX && voids <= STAYS_MAX;
        for at in 60..now + 10 {
            let (told, expected) = (answer(&bed, at), naive.answer(at));
            assert!(told == expected || (!whole && told == Answer::Nobody), "{act:?}: minute {at}: {told:?}, not {expected:?}");
        }
        assert!(bed.stays().count() <= 2 * STAYS_MAX, "{act:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p7_a_bed_answers_by_what_stands_and_never_beyond_a_cancelled_or_forgotten_stay(acts in acts()) {
        run(&acts);
    }
}

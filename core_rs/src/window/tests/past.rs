//! What the alert policy looks back on: exact as far as it asks, and nothing that plans read or corrections reach depends on it.

use proptest::prelude::*;

use super::S;
use crate::decode::SignalId;
use crate::window::{Extremes, Said, Sample, Union, Vitals};

const HR: SignalId = SignalId(0);
const ASKED_US: i64 = 600 * S;

fn union(asked_us: i64) -> Union {
    let mut union = Union::default();
    union.ask(&[(HR, asked_us)]);
    union
}

fn naive(said: &[Sample], t_us: i64, width_us: i64) -> Extremes {
    let within: Vec<f64> =
        said.iter().filter(|one| one.at_us > t_us - width_us && one.at_us <= t_us).map(|one| one.value).collect();
    Extremes {
        least: within.iter().copied().fold(f64::INFINITY, f64::min),
        largest: within.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        count: within.len(),
        whole: true,
    }
}

fn told(vitals: &mut Vitals, sample: Sample, said: Said, received_us: i64, union: &Union) -> crate::window::Change {
    vitals.apply(HR, sample, said, received_us, union, usize::MAX).unwrap()
}

#[test]
fn what_is_kept_for_a_rule_is_bounded_by_what_it_looks_back_on() {
    let bytes = |asked_us: i64| {
        let (mut vitals, union) = (Vitals::default(), union(asked_us));
        for second in 0..20_000 {
            told(&mut vitals, Sample { at_us: second * S, value: 60.0 }, Said::Told, second * S, &union);
        }
        vitals.bytes()
    };
    let (none, minutes, hour) = (bytes(0), bytes(600 * S), bytes(3_600 * S));
    assert!(minutes - none < 600 * 40 && minutes - none > 600 * 16, "{none} {minutes}");
    assert!(hour - none < 3_600 * 40 && hour - none > 3_600 * 16, "{none} {hour}");
}

proptest! {
    #[test]
    fn p7_a_trend_sees_its_whole_time_before_the_newest_value_also_of_a_backlog_and_after_a_snapshot(
        steps in prop::collection::vec((1i64..40, 50i32..120), 1..300),
        behind_s in prop_oneof![Just(0i64), Just(18_000)], width_s in 10i64..900, snapshot_at in 0usize..300,
    ) {
        let (mut vitals, union, mut at_us, mut said) = (Vitals::default(), union(ASKED_US), 0, Vec::new());
        for (place, (wait_s, value)) in steps.into_iter().enumerate() {
            at_us += wait_s * S;
            said.push(Sample { at_us, value: f64::from(value) });
            told(&mut vitals, said[place], Said::Told, (behind_s * S).max(at_us), &union);
            if place == snapshot_at {
                vitals = postcard::from_bytes(&postcard::to_stdvec(&vitals).unwrap()).unwrap();
            }
            let found = vitals.extremes(HR, at_us, width_s * S).unwrap();
            prop_assert!(found.whole || width_s * S > ASKED_US);
            if found.whole {
                prop_assert_eq!(found, naive(&said, at_us, width_s * S));
            }
        }
    }

    #[test]
    fn p8_what_becomes_of_values_and_corrections_does_not_depend_on_what_a_rule_asks(
        steps in prop::collection::vec((0i64..40, 0i64..2_000, 50i32..120, 0u8..8), 1..200), asked_s in 1i64..4_000,
    ) {
        let (mut with, mut without) = (Vitals::default(), Vitals::default());
        let (asked, none, mut clock_s) = (union(asked_s * S), Union::default(), 0);
        for (wait_s, behind_s, value, how) in steps {
            clock_s += wait_s;
            let (behind_s, said) = match how {
                0 => (behind_s, Said::Corrected),
                1 => (behind_s, Said::Withdrawn),
                2 => (behind_s, Said::Told),
                _ => (0, Said::Told),
            };
            let sample = Sample { at_us: (clock_s - behind_s) * S, value: f64::from(value) };
            let change = told(&mut without, sample, said, clock_s * S, &none);
            prop_assert_eq!(told(&mut with, sample, said, clock_s * S, &asked), change);
            prop_assert_eq!(with.series(HR), without.series(HR));
        }
    }

    #[test]
    fn p7_of_joined_records_a_trend_sees_both_or_says_that_something_is_forgotten(
        counts in (1i64..120, 1i64..120), begins in (0i64..4_000, 0i64..4_000), more in 1i64..60, width_s in 10i64..900,
    ) {
        let (mut one, mut other, union, mut said) = (Vitals::default(), Vitals::default(), union(ASKED_US), Vec::new());
        for (vitals, count, begin, odd) in [(&mut one, counts.0, begins.0, 0), (&mut other, counts.1, begins.1, 1)] {
            for place in 0..count {
                said.push(Sample { at_us: ((begin + place * 10) * 2 + odd) * S, value: (50 + (place * 7 + odd) % 60) as f64 });
                told(vitals, said[said.len() - 1], Said::Told, said[said.len() - 1].at_us, &union);
            }
        }
        one.absorb(&other, &union);
        let newest_us = said.iter().map(|one| one.at_us).max().unwrap();
        for place in 0..more {
            let sample = Sample { at_us: newest_us + place * 20 * S, value: 90.0 };
            if place > 0 {
                said.push(sample);
                told(&mut one, sample, Said::Told, sample.at_us, &union);
            }
            let found = one.extremes(HR, sample.at_us, width_s * S).unwrap();
            prop_assert!(!found.whole || found == naive(&said, sample.at_us, width_s * S), "{:?}", found);
        }
    }
}

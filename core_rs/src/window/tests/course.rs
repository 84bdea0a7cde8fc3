//! A course that skips whole blocks is the one that is met value by value.

use proptest::prelude::*;

use super::S;
use crate::window::course::{Course, Lasting};
use crate::window::union::Retention;
use crate::window::{Sample, Series};

/// Below 65, back at 70.
fn side(value: f64) -> Option<bool> {
    if value < 65.0 { Some(true) } else { (value >= 70.0).then_some(false) }
}

/// Value by value, from all that was ever said; `known` are those that may be looked at.
fn naive(known: &[Sample], lasting: Lasting) -> Course {
    let newest_us = known.last().unwrap().at_us;
    let (mut run, mut ended): (Vec<Sample>, bool) = (vec![], false);
    for sample in known.iter().rev() {
        let later_us = run.last().map_or(newest_us, |later| later.at_us);
        ended = side(sample.value) == Some(false) || later_us - sample.at_us > lasting.gap_us;
        if ended {
            break;
        }
        run.push(*sample);
        if side(sample.value) == Some(true) && newest_us - sample.at_us >= lasting.for_us {
            break;
        }
    }
    let since = run.iter().rposition(|one| side(one.value) == Some(true));
    let counted = &run[..since.map_or(run.len(), |since| since + 1)];
    let (least, largest) = (f64::INFINITY, f64::NEG_INFINITY);
    Course {
        on_us: since.map(|since| run[since].at_us),
        ended,
        reached_us: run.last().map_or(newest_us, |one| one.at_us),
        least: counted.iter().fold(least, |least, one| least.min(one.value)),
        largest: counted.iter().fold(largest, |largest, one| largest.max(one.value)),
    }
}

proptest! {
    #[test]
    fn a_course_over_blocks_is_the_course_over_values_also_behind_what_is_folded_and_after_a_snapshot(
        waits in prop_oneof![Just(vec![1i64]), Just(vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 7]), prop::collection::vec(1i64..30, 1..90)],
        rare in prop_oneof![4 => Just(0u32), 1 => 1u32..400],
        values in prop::collection::vec(prop_oneof![8 => 60u8..65, 2 => 65u8..70], 1..40),
        count in 1usize..1_500, folded in 0usize..4, for_s in prop_oneof![Just(0i64), 1i64..3_000], gap_s in 1i64..400,
        seen in 0usize..40,
    ) {
        let (mut series, mut at_us, mut all) = (Series::default(), 0, Vec::new());
        for place in 0..count {
            at_us += waits[place % waits.len()] * S;
            let is_off = rare > 0 && place as u32 % rare.max(7) == 3;
            let value = if is_off { 71.0 } else { f64::from(values[place % values.len()]) };
            let sample = Sample { at_us, value };
            series.write(sample, false);
            all.push(sample);
        }
        let edge_us = at_us / 4 * folded as i64;
        series.fold(if folded == 0 { i64::MIN } else { edge_us }, at_us, &Retention::default(), usize::MAX);
        let again: Series = postcard::from_bytes(&postcard::to_stdvec(&series).unwrap()).unwrap();
        let held = series.held().len();
        let end = all.len() - seen.min(held - 1);
        let from = (all.len() - held).saturating_sub(1); // the newest that is folded is known
        let lasting = Lasting { for_us: for_s * S, gap_us: gap_s * S };
        let newest = all[end - 1];
        let expected = if side(newest.value) == Some(false) { None } else { Some(naive(&all[from..end], lasting)) };
        for series in [&series, &again] {
            let course = series.course(newest, &side, lasting);
            if let Some(expected) = expected {
                prop_assert_eq!(course, expected);
            } else {
                prop_assert!(course.ended && course.on_us.is_none());
            }
        }
    }
}

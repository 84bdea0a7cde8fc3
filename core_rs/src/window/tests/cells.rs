//! Cells: one observation an hour is what it always was, a monitor is heard once an hour, and merging keeps both histories.

use super::{H, S, T0, by_patient, compiled, entry, merge, patient, resolve, ward};
use crate::decode::{SignalId, Status};
use crate::window::person::Person;
use crate::window::union::Union;
use crate::window::vitals::Vitals;
use crate::window::{FeaturePlan, FeatureSpec, PlanSpec, Said, Sample};

const STATS: [&str; 11] =
    ["last", "age", "first", "delta", "count", "min", "max", "mean", "std", "slope", "time_since_abnormal"];

fn hourly(cell: Option<&str>) -> FeaturePlan {
    let entries = |signal: &str| {
        let all = FeatureSpec { normal: Some([60.0, 100.0]), ..entry(signal, &STATS, &["6h", "12h", "24h", "stay"]) };
        [all, entry(signal, &["time_since_first"], &[])]
    };
    let features = ["HR", "SBP"].into_iter().flat_map(entries).collect();
    let spec = PlanSpec { features, cell: cell.map(str::to_owned), ..PlanSpec::default() };
    FeaturePlan::compile(&spec, &resolve, &[]).unwrap()
}

/// Deterministic noise in 0..1.
fn noise(n: i64) -> f64 {
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    (mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / f64::from(1 << 24)
}

/// The bits of a row at each of 300 hours with one observation at most of each of two signals, `phase_us` after the hour.
fn bits(plan: FeaturePlan, phase_us: i64) -> Vec<Vec<u32>> {
    let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
    let mut vitals = Vitals::default();
    let mut rows = Vec::new();
    for hour in 0..300 {
        let at_us = T0.div_euclid(H) * H + hour * H + phase_us;
        for signal in 0..2 {
            if noise(hour * 2 + i64::from(signal)) < 0.9 - 0.6 * f64::from(signal) {
                let sample = Sample { at_us, value: 40.0 + 80.0 * noise(hour * 31 + i64::from(signal)) };
                vitals.apply(SignalId(signal), sample, Said::Told, at_us, &union, 100_000).unwrap();
            }
        }
        let mut row = vec![0.0f32; plan.width()];
        vitals.row(&plan, &union, &Person::default(), at_us, &mut row);
        rows.push(row.iter().map(|value| value.to_bits()).collect());
    }
    rows
}

#[test]
fn one_observation_an_hour_gives_the_same_bits_in_cells_as_exactly() {
    for phase_us in [0, 1, 37 * 60 * S, H - 1] {
        let (exact, cells) = (bits(hourly(None), phase_us), bits(hourly(Some("1h")), phase_us));
        assert_eq!(exact, cells, "{phase_us} us after the hour");
    }
}

#[test]
fn a_monitor_that_speaks_every_second_gives_what_its_hourly_means_give() {
    let plan = hourly(Some("1h"));
    let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
    let (mut seconds, mut means) = (Vitals::default(), Vitals::default());
    let begin_us = T0.div_euclid(H) * H;
    for hour in 0..30 {
        let mut sum = 0.0;
        for second in 1..=3_600 {
            let at_us = begin_us + hour * H + second * S;
            let value = 80.0 + 20.0 * noise(hour * 3_600 + second);
            sum += value;
            seconds.apply(SignalId(0), Sample { at_us, value }, Said::Told, at_us, &union, 100_000).unwrap();
        }
        let sample = Sample { at_us: begin_us + (hour + 1) * H, value: sum / 3_600.0 };
        means.apply(SignalId(0), sample, Said::Told, sample.at_us, &union, 100_000).unwrap();
    }
    let mut rows = [vec![0.0f32; plan.width()], vec![0.0f32; plan.width()]];
    for (vitals, row) in [&seconds, &means].into_iter().zip(&mut rows) {
        vitals.row(&plan, &union, &Person::default(), begin_us + 30 * H, row);
    }
    for ((name, a), b) in plan.names().iter().zip(&rows[0]).zip(&rows[1]).filter(|((name, _), _)| !name.contains("time_since"))
    {
        assert!((a - b).abs() <= 1e-5 * b.abs() || (a.is_nan() && b.is_nan()), "{name}: {a} of seconds, {b} of means");
    }
    let count = plan.names().iter().position(|name| name == "HR.count.24h").unwrap();
    assert_eq!((rows[0][count], seconds.series(SignalId(0)).unwrap().held().len() < 7_300), (24.0, true));
}

#[test]
fn a_withdrawn_cell_is_gone_and_a_later_observation_of_an_older_cell_finds_the_rest_of_it() {
    let plan = compiled(vec![FeatureSpec { cell: Some("1h".into()), ..entry("HR", &["last", "count", "mean"], &["6h"]) }]);
    let mut ward = ward(&plan);
    let begin_us = T0.div_euclid(H) * H;
    let mut say = |minute: i64, value: f64, status: Status| {
        let at_us = begin_us + minute * 60 * S;
        let mut observation = by_patient(1, at_us, value);
        observation.status = status;
        ward.apply_observation(&observation, at_us);
        let mut row = [0.0f32; 3];
        ward.row(ward.slot(patient(1)).unwrap(), &plan, begin_us + 150 * 60 * S, &mut row);
        row
    };
    assert_eq!(say(10, 60.0, Status::Final), [60.0, 1.0, 60.0]);
    assert_eq!(say(70, 90.0, Status::Final), [90.0, 2.0, 75.0]);
    assert_eq!(say(70, 0.0, Status::Withdrawn), [60.0, 1.0, 60.0]);
    assert_eq!(say(20, 80.0, Status::Final), [70.0, 1.0, 70.0]);
    assert_eq!(say(70, 100.0, Status::Corrected), [100.0, 2.0, 85.0]);
    assert_eq!(say(20, 0.0, Status::Withdrawn), [100.0, 2.0, 80.0]);
}

#[test]
fn merged_patients_share_their_cells() {
    let plan = compiled(vec![FeatureSpec { cell: Some("1h".into()), ..entry("HR", &["count", "mean"], &["6h", "stay"]) }]);
    let mut ward = ward(&plan);
    let begin_us = T0.div_euclid(H) * H;
    for minute in 1..=300 {
        // One record ends after three hours, the other begins after two: in the third hour both hold half the values.
        for (record, hours, value) in [(1, 0..180, 60.0), (2, 120..300, 90.0)] {
            if hours.contains(&(minute - 1)) {
                let at_us = begin_us + (minute * 60 + i64::from(record)) * S - 2 * S;
                ward.apply_observation(&by_patient(record, at_us, value), begin_us + minute * 60 * S);
            }
        }
    }
    assert!(merge(&mut ward, 1, 2, begin_us + 5 * H).is_ok());
    let mut row = [0.0f32; 4];
    ward.row(ward.slot(patient(2)).unwrap(), &plan, begin_us + 5 * H, &mut row);
    assert_eq!(row[..2], [5.0, 5.0]);
    // What is raw no longer is of the own record, which is 90 in the third hour.
    assert!((row[2] - 78.0).abs() < 0.01 && row[2] == row[3], "{row:?}");
}

#[test]
fn a_plan_loaded_later_makes_its_cells_of_what_is_held_and_those_of_a_former_plan_stay() {
    let entry_of = |cell: &str| FeatureSpec { cell: Some(cell.into()), ..entry("HR", &["count"], &["6h", "stay"]) };
    let (before, after) = (compiled(vec![entry_of("1h")]), compiled(vec![entry_of("30m")]));
    let mut ward = ward(&before);
    let begin_us = T0.div_euclid(H) * H;
    for minute in 1..=300 {
        ward.apply_observation(&by_patient(1, begin_us + minute * 60 * S, 80.0), begin_us + minute * 60 * S);
    }
    let read = |ward: &crate::window::Ward, plan| {
        let mut row = [0.0f32; 2];
        ward.row(ward.slot(patient(1)).unwrap(), plan, begin_us + 5 * H, &mut row);
        row
    };
    assert_eq!(read(&ward, &before), [5.0, 5.0]);
    ward.replan(&[after.clone(), before.clone()]);
    assert_eq!(read(&ward, &before), [5.0, 5.0]);
    let held = ward.patient(ward.slot(patient(1)).unwrap()).unwrap().vitals().series(SignalId(0)).unwrap().held().len() as f32;
    assert_eq!(read(&ward, &after), [(held / 30.0).ceil(); 2], "{held} raw samples");
}

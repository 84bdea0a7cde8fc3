//! A restored ward gives the same bits, now and after more data; reading never changes anything.

use super::{H, S, T0, adt, by_patient, compiled, entry, observation, patient, ward};
use crate::decode::{EncounterKind, Subject};
use crate::limits::Limits;
use crate::window::{FeaturePlan, Series, Ward};

fn plan() -> std::sync::Arc<FeaturePlan> {
    let stats = ["last", "age", "first", "delta", "count", "min", "max", "mean", "std", "slope"];
    let mut paned = entry("SBP", &stats, &["6h"]);
    paned.pane = Some("5m".into());
    let mut abnormal = entry("HR", &["time_since_abnormal"], &[]);
    abnormal.normal = Some([60.0, 100.0]);
    let mut cells = entry("SBP", &stats[2..], &["3h", "stay"]);
    cells.cell = Some("15m".into());
    compiled(vec![entry("HR", &stats, &["1h", "30m"]), paned, cells, abnormal, entry("HR", &["count"], &["stay"])])
}

/// Deterministic noise in 0..1.
fn noise(n: i64) -> f64 {
    let mixed = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    (mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / f64::from(1 << 24)
}

fn feed(ward: &mut Ward, steps: std::ops::Range<i64>, mut after: impl FnMut(&Ward, i64)) {
    for step in steps {
        let now_us = T0 + step * 7 * S;
        let late_us = if step % 11 == 0 { (noise(step) * 900.0) as i64 * S } else { 0 };
        for n in 0..3u8 {
            for signal in 0..2 {
                let value = 70.0 + 40.0 * noise(step * 6 + i64::from(n) * 2 + i64::from(signal));
                ward.apply_observation(&observation(Subject::Patient(patient(n)), signal, now_us - late_us, value), now_us);
            }
        }
        after(ward, now_us);
    }
}

fn bits(ward: &Ward, plan: &FeaturePlan, t_us: i64) -> Vec<u32> {
    let mut all = Vec::new();
    for (slot, _) in ward.iter() {
        let mut row = vec![0.0f32; plan.width()];
        assert!(ward.row(slot, plan, t_us, &mut row));
        all.extend(row.iter().map(|v| v.to_bits()));
    }
    all
}

#[test]
fn a_restored_ward_gives_bit_identical_rows_now_and_later() {
    let plan = plan();
    for cut in [0, 1, 15, 16, 400, 1_037, 2_500] {
        let mut live = ward(&plan);
        live.apply_encounter(&adt(EncounterKind::Admit, 1, Some("B1"), T0), T0).unwrap();
        feed(&mut live, 0..cut, |_, _| {});
        let bytes = postcard::to_stdvec(&live).unwrap();
        let mut restored: Ward = postcard::from_bytes(&bytes).unwrap();
        restored.resume(Limits::default(), std::slice::from_ref(&plan));
        let now_us = T0 + cut * 7 * S;
        assert_eq!(bits(&live, &plan, now_us), bits(&restored, &plan, now_us), "at {cut}");
        assert_eq!(live.slot(patient(1)), restored.slot(patient(1)));
        for ward in [&mut live, &mut restored] {
            feed(ward, cut..cut + 600, |_, _| {});
        }
        let later_us = now_us + 600 * 7 * S;
        assert_eq!(bits(&live, &plan, later_us), bits(&restored, &plan, later_us), "600 steps after {cut}");
        assert_eq!(postcard::to_stdvec(&live).unwrap(), postcard::to_stdvec(&restored).unwrap());
    }
}

/// Seven hours of every second are held, so that thousands wait at the front before they are given back.
#[test]
fn a_restart_between_two_compactions_of_a_long_ring_changes_no_bit() {
    let plan = compiled(vec![entry("HR", &["mean", "std", "slope", "min", "count"], &["7h", "30m"])]);
    let mut live = ward(&plan);
    let write = |ward: &mut Ward, steps: std::ops::Range<i64>| {
        for n in steps {
            ward.apply_observation(&by_patient(1, T0 + n * S, 60.0 + 40.0 * noise(n)), T0 + n * S);
        }
    };
    write(&mut live, 0..31_500);
    let mut restored: Ward = postcard::from_bytes(&postcard::to_stdvec(&live).unwrap()).unwrap();
    restored.resume(Limits::default(), std::slice::from_ref(&plan));
    assert!(restored.bytes() + 4_096 * 16 < live.bytes(), "what waits at the front is not made again");
    for (from, until) in [(31_500, 31_501), (31_501, 33_000), (33_000, 36_000)] {
        write(&mut live, from..until);
        write(&mut restored, from..until);
        let now_us = T0 + until * S;
        assert_eq!(bits(&live, &plan, now_us), bits(&restored, &plan, now_us), "at {until}");
        assert_eq!(postcard::to_stdvec(&live).unwrap(), postcard::to_stdvec(&restored).unwrap(), "at {until}");
    }
}

#[test]
fn p5_what_a_snapshot_claims_to_have_folded_costs_64_kib_at_most() {
    let empty = postcard::to_stdvec(&Series::default()).unwrap();
    let claimed = [postcard::to_stdvec(&u32::MAX).unwrap().as_slice(), &empty[1..]].concat();
    let series: Series = postcard::from_bytes(&claimed).unwrap();
    assert!(series.bytes() < 128 << 10, "{} bytes", series.bytes());
}

#[test]
fn rows_do_not_depend_on_when_earlier_rows_were_read() {
    let plan = plan();
    let (mut silent, mut read) = (ward(&plan), ward(&plan));
    feed(&mut silent, 0..1_500, |_, _| {});
    feed(&mut read, 0..1_500, |ward, now_us| drop(bits(ward, &plan, now_us + 3 * S)));
    let t_us = T0 + 1_500 * 7 * S;
    assert_eq!(bits(&silent, &plan, t_us), bits(&read, &plan, t_us));
}

#[test]
fn an_observation_of_the_future_is_not_seen_until_its_time_comes() {
    let plan = compiled(vec![entry("HR", &["last", "count"], &["1h"])]);
    let mut ward = ward(&plan);
    ward.apply_observation(&by_patient(1, T0, 80.0), T0);
    ward.apply_observation(&by_patient(1, T0 + 60 * S, 200.0), T0);
    let slot = ward.slot(patient(1)).unwrap();
    let mut row = [0.0f32; 2];
    for (t_us, expected) in [(T0, [80.0, 1.0]), (T0 + 59 * S, [80.0, 1.0]), (T0 + 60 * S, [200.0, 2.0]), (T0 + H, [200.0, 1.0])]
    {
        ward.row(slot, &plan, t_us, &mut row);
        assert_eq!(row, expected);
    }
}

#[test]
fn the_cap_folds_the_oldest_keeps_the_newest_and_is_counted() {
    let plan = compiled(vec![entry("HR", &["count"], &["24h", "stay"])]);
    let limits = Limits { signal_observations_max: 64, ..Limits::default() };
    let mut ward = Ward::new(limits, std::slice::from_ref(&plan));
    for n in 0..1_000 {
        ward.apply_observation(&by_patient(1, T0 + n * S, 80.0 + n as f64), T0 + n * S);
    }
    let slot = ward.slot(patient(1)).unwrap();
    let mut row = [0.0f32; 2];
    ward.row(slot, &plan, T0 + 1_000 * S, &mut row);
    assert!(row[0] <= 64.0 && row[0] > 48.0 && row[1] == 1_000.0, "{row:?}");
    let vitals = ward.patient(slot).unwrap().vitals();
    assert_eq!(vitals.folded_early() as f32, 1_000.0 - row[0]);
    assert!(vitals.bytes() < 5_000, "{} bytes", vitals.bytes());
}

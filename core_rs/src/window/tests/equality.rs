//! The engine equals the naive definition on random streams with late, duplicate, corrected, withdrawn and future data.

use proptest::prelude::*;

use super::naive::Naive;
use super::{H, S, T0};
use crate::decode::SignalId;
use crate::window::block::hours;
use crate::window::compile::{FeaturePlan, Over, end_us};
use crate::window::person::Person;
use crate::window::union::Union;
use crate::window::vitals::Vitals;
use crate::window::walk::Extent;
use crate::window::{Change, FeatureSpec, PlanSpec, Said, Sample, Window};

const NORMAL: (f64, f64) = (60.0, 100.0);

/// One write: seconds the clock moves, seconds the observation lies behind it (ahead where negative), value, how it is said.
#[derive(Debug, Clone)]
struct Write {
    step_s: i64,
    behind_s: i64,
    value: f64,
    said: Said,
    read: bool,
}

fn writes(step_s: i64, count: usize) -> impl Strategy<Value = Vec<Write>> {
    let behind = prop_oneof![12 => Just(0i64), 2 => 0..20 * step_s, 1 => 0..400 * step_s, 1 => -300..0i64];
    let value = prop_oneof![1 => Just(80.0), 1 => (55i32..110).prop_map(f64::from), 4 => 30.0..180.0f64, 1 => 0.0..0.001f64];
    let said = prop_oneof![18 => Just(Said::Told), 1 => Just(Said::Corrected), 1 => Just(Said::Withdrawn)];
    let one = (prop_oneof![1 => Just(0i64), 9 => 1..=step_s], behind, value, said, prop::bool::weighted(0.1));
    let one = one.prop_map(|(step_s, behind_s, value, said, read)| Write { step_s, behind_s, value, said, read });
    prop::collection::vec(one, 1..count)
}

const STATS: [&str; 13] = [
    "last",
    "age",
    "first",
    "delta",
    "count",
    "min",
    "max",
    "mean",
    "std",
    "slope",
    "time_since_abnormal",
    "time_since_first",
    "last_in",
];

fn plan(pane: Option<&str>, cell: Option<&str>, windows: &[&str]) -> FeaturePlan {
    let mut entry: FeatureSpec = super::entry("HR", &STATS, windows);
    entry.normal = Some([NORMAL.0, NORMAL.1]);
    (entry.pane, entry.cell) = (pane.map(str::to_owned), cell.map(str::to_owned));
    let mut stay = super::entry("HR", &["first", "delta", "count", "min", "max", "mean", "std", "slope"], &["stay"]);
    stay.cell = cell.map(str::to_owned);
    let short = super::entry("HR", &["mean", "count"], &["5m"]);
    FeaturePlan::compile(&PlanSpec { features: vec![entry, stay, short], ..PlanSpec::default() }, &super::resolve, &[]).unwrap()
}

/// 1e-9 of the larger of both and of the natural scale of the statistic.
fn near(engine: f64, naive: f64, scale: f64, what: &str) {
    if engine.is_nan() && naive.is_nan() {
        return;
    }
    let tolerance = 1e-9 * (engine.abs().max(naive.abs()) + scale);
    assert!((engine - naive).abs() <= tolerance, "{what}: engine {engine}, naive {naive}");
}

fn same(engine: f64, naive: f64, what: &str) {
    assert!(engine == naive || (engine.is_nan() && naive.is_nan()), "{what}: engine {engine}, naive {naive}");
}

fn compare(plan: &FeaturePlan, union: &Union, vitals: &Vitals, naive: &Naive, t_us: i64) {
    let keep = union.signal(SignalId(0));
    let mut row = vec![0.0f32; plan.width()];
    vitals.row(plan, union, &Person::default(), t_us, &mut row);
    for features in &plan.signals {
        let seen = if features.cell_us > 0 { naive.cells(features.cell_us, t_us) } else { naive.clone() };
        if let Some(mut walk) =
            vitals.track(SignalId(0)).map(|track| track.walk(features, keep, t_us, end_us(features.cell_us, t_us)).unwrap())
        {
            for window in &features.windows {
                compare_window(&walk.window(*window, true), *window, &seen, t_us);
            }
        }
        for column in &features.columns {
            let edge_us = match column.over {
                Over::Window(at) => features.windows[at].edge_us(end_us(features.cell_us, t_us)),
                _ => i64::MIN,
            };
            let name = &plan.names()[column.column];
            let stat = name.split('.').nth(1).unwrap();
            // Ages are of raw observations, whatever the cell.
            let of = if stat == "age" || stat == "time_since_first" { naive } else { &seen };
            let (value, expected) = (row[column.column], of.stat(stat, edge_us, t_us, NORMAL));
            match stat {
                "mean" | "std" | "slope" => {
                    near(f64::from(value), f64::from(expected as f32), 1e3 + expected.abs() * 100.0, name);
                }
                "count" | "age" | "time_since_first" | "time_since_abnormal" => {
                    same(f64::from(value), f64::from(expected as f32), name);
                }
                _ if features.cell_us > 0 => near(f64::from(value), f64::from(expected as f32), 1e3, name),
                _ => same(f64::from(value), f64::from(expected as f32), name),
            }
        }
    }
}

fn compare_window(extent: &Extent, window: Window, naive: &Naive, t_us: i64) {
    let edge_us = window.edge_us(end_us(window.cell_us, t_us));
    let of = |stat: &str| naive.stat(stat, edge_us, t_us, NORMAL);
    let what = format!("{window:?} at {t_us}");
    // Of raw observations ends and extremes are values of the stream; of cells they are means.
    let value =
        |engine: f64, naive: f64| if window.cell_us > 0 { near(engine, naive, 0.0, &what) } else { same(engine, naive, &what) };
    same(extent.count, of("count"), &what);
    same(extent.first.map_or(f64::NAN, |s| hours(t_us - s.at_us)), of("time_since_first"), &what);
    same(extent.last.map_or(f64::NAN, |s| hours(t_us - s.at_us)), of("age"), &what);
    value(extent.first.map_or(f64::NAN, |s| s.value), of("first"));
    value(extent.last.map_or(f64::NAN, |s| s.value), of("last"));
    let Some(sums) = extent.sums else {
        assert_eq!(extent.count, 0.0, "{what}");
        return;
    };
    value(sums.min(), of("min"));
    value(sums.max(), of("max"));
    near(sums.mean(), of("mean"), sums.max().abs(), &what);
    near(sums.std(), of("std"), if window.cell_us > 0 { sums.max().abs() } else { 0.0 }, &what);
    // A slope near zero is the difference of large sums: its scale is that of the spread over the window.
    let seen = naive.covered(edge_us, t_us);
    let span = seen.last().map_or(1, |l| (l.0 - seen[0].0).max(1)) as f64 / H as f64;
    near(sums.slope(), of("slope"), (sums.max() - sums.min()) / span, &what);
}

fn run(plan: &FeaturePlan, stream: &[Write]) -> Vec<Change> {
    let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
    let keep = union.signal(SignalId(0)).raw_us;
    let (mut vitals, mut naive) = (Vitals::default(), Naive::keeping(keep));
    let mut clock_us = T0;
    let mut changes = Vec::new();
    for write in stream {
        clock_us += write.step_s * S;
        let at_us = clock_us - write.behind_s * S;
        let sample = Sample { at_us, value: if write.said == Said::Withdrawn { f64::NAN } else { write.value } };
        let change = vitals.apply(SignalId(0), sample, write.said, clock_us, &union, 100_000).unwrap();
        assert_eq!(change, naive.apply(at_us, write.value, write.said, clock_us));
        changes.push(change);
        if write.read {
            compare(plan, &union, &vitals, &naive, clock_us + (write.value as i64) * S);
        }
    }
    compare(plan, &union, &vitals, &naive, clock_us);
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exact_windows_equal_the_definition_on_sparse_streams(stream in writes(3_600, 250)) {
        run(&plan(None, None, &["1h", "6h", "24h"]), &stream);
    }

    #[test]
    fn exact_windows_equal_the_definition_on_dense_streams(stream in writes(20, 1_500)) {
        run(&plan(None, None, &["1h", "10m", "2h"]), &stream);
    }

    #[test]
    fn windows_in_panes_equal_the_definition(stream in writes(60, 1_500)) {
        run(&plan(Some("10m"), None, &["6h", "30m", "12h"]), &stream);
    }

    #[test]
    fn cells_equal_the_definition_where_most_hold_one_observation(stream in writes(3_600, 250)) {
        run(&plan(None, Some("1h"), &["6h", "1h", "24h"]), &stream);
    }

    #[test]
    fn cells_equal_the_definition_where_they_hold_many_observations(stream in writes(60, 1_500)) {
        run(&plan(None, Some("1h"), &["6h", "2h", "12h"]), &stream);
        run(&plan(None, Some("15m"), &["6h", "15m"]), &stream);
    }
}

#[test]
fn every_kind_of_change_occurs_in_the_streams_that_are_compared() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = Vec::new();
    for _ in 0..10 {
        let stream = writes(60, 1_500).new_tree(&mut runner).unwrap().current();
        seen.extend(run(&plan(None, None, &["1h"]), &stream));
    }
    use Change::{Added, Duplicate, Expired, NoMatch, Replaced, Superseded, Withdrawn};
    for change in [Added, Replaced, Duplicate, Withdrawn, NoMatch, Superseded, Expired] {
        assert!(seen.contains(&change), "{change:?} never occurred");
    }
}

#[test]
fn sums_of_all_three_levels_do_not_drift_over_days_at_one_hertz() {
    let plan = plan(None, None, &["1h", "3h"]);
    let union = Union::of(&[std::sync::Arc::new(plan.clone())]);
    let (mut vitals, mut all) = (Vitals::default(), Naive::keeping(i64::MAX / 4));
    let mut value = 80.0f64;
    let seconds = 40_000;
    for second in 0..seconds {
        value += f64::from((second * 7_919) % 21 - 10) * 0.013;
        let at_us = T0 + i64::from(second) * S;
        vitals.apply(SignalId(0), Sample { at_us, value }, Said::Told, at_us, &union, 100_000).unwrap();
        all.values.insert(at_us, value);
    }
    let t_us = T0 + i64::from(seconds - 1) * S;
    compare(&plan, &union, &vitals, &all, t_us);
}

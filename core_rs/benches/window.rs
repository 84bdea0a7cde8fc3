//! What an observation and a feature row cost: 12,000 patient-signal keys in random order, three windows (1 h, 6 h, 24 h),
//! exact, in panes, and over hourly cells.
//! Run with `cargo bench --bench window`; about 40 s and 0.6 GB. The peer for rows is a scan of the raw samples, in the same run.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use nightlamp_core::decode::{Observation, PatientId, SignalId, Status, Subject};
use nightlamp_core::limits::Limits;
use nightlamp_core::window::{FeaturePlan, FeatureSpec, HOUR_US, PlanSpec, Slot, Ward};

const T0_US: i64 = 1_700_000_000_000_000;
const RUNS: usize = 5;

#[derive(Clone, Copy)]
struct Load {
    key: &'static str,
    name: &'static str,
    patients: u32,
    signals: u16,
    every_us: i64,
    history: i64,
}

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let hourly =
        Load { key: "hourly", name: "charted, one an hour", patients: 353, signals: 34, every_us: HOUR_US, history: 60 };
    let dense = Load {
        key: "minute",
        name: "monitored, one a minute",
        patients: 1_000,
        signals: 12,
        every_us: HOUR_US / 60,
        history: 1_700,
    };
    for load in [&hourly, &dense] {
        measure(load, Windows::Exact);
    }
    let seconds = Load {
        key: "panes",
        name: "monitored, one a second, panes of 5 min",
        patients: 50,
        signals: 8,
        every_us: HOUR_US / 3_600,
        history: 90_000,
    };
    measure(&Load { key: "second", name: "monitored, one a second, exact", patients: 10, ..seconds }, Windows::Exact);
    measure(&seconds, Windows::Paned);
    measure(&Load { key: "cells", name: "monitored, one a second, cells of 1 h", ..seconds }, Windows::Cells);
    measure(&Load { key: "hourly-cells", name: "charted, one an hour, cells of 1 h", ..hourly }, Windows::Cells);
}

/// What the 1 h, 6 h and 24 h windows are made of.
#[derive(Clone, Copy, PartialEq)]
enum Windows {
    Exact,
    /// The longer two in panes of 5 min.
    Paned,
    /// All three over the means of hourly cells.
    Cells,
}

/// An entry for each kind of window there is.
fn entries(signal: u16, stats: &str, windows: Windows) -> Vec<FeatureSpec> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let entry = |windows: &str, pane: Option<&str>, cell: Option<&str>| FeatureSpec {
        signal: signal.to_string(),
        stats: words(stats),
        windows: words(windows),
        pane: pane.map(str::to_owned),
        cell: cell.map(str::to_owned),
        ..FeatureSpec::default()
    };
    match windows {
        Windows::Exact => vec![entry("1h 6h 24h", None, None)],
        Windows::Paned => vec![entry("1h", None, None), entry("6h 24h", Some("5m"), None)],
        Windows::Cells => vec![entry("1h 6h 24h", None, Some("1h"))],
    }
}

/// 150 columns: 7 statistics over 3 windows of 7 signals, and 3 last values.
fn plan(windows: Windows) -> Arc<FeaturePlan> {
    let mut features: Vec<_> =
        (0..7).flat_map(|signal| entries(signal, "count min max mean std slope delta", windows)).collect();
    for signal in 7..10 {
        features.push(FeatureSpec { signal: signal.to_string(), stats: vec!["last".into()], ..FeatureSpec::default() });
    }
    compiled(features)
}

/// All signals have the windows, so that every observation pays for them.
fn everything(windows: Windows, signals: u16) -> Arc<FeaturePlan> {
    compiled((0..signals).flat_map(|signal| entries(signal, "mean", windows)).collect())
}

fn compiled(features: Vec<FeatureSpec>) -> Arc<FeaturePlan> {
    let number = |name: &str| name.parse().ok().map(SignalId);
    let spec = PlanSpec { features, ..PlanSpec::default() };
    Arc::new(FeaturePlan::compile(&spec, &number, &[]).expect("a plan"))
}

fn measure(load: &Load, windows: Windows) {
    let plan = plan(windows);
    assert_eq!(plan.width(), 150);
    let mut ward =
        Ward::new(Limits { patients_max: 100_000, ..Limits::default() }, &[plan.clone(), everything(windows, load.signals)]);
    let mut random = Random(7);
    // Key by key, so that the rings' memory is as scattered as after days.
    let mut round = 0;
    while round < load.history {
        write(&mut ward, load, round, &mut random);
        round += 1;
    }
    let mut per_observation = Vec::new();
    let rounds = (200_000 / (i64::from(load.patients) * i64::from(load.signals))).max(1);
    for _ in 0..RUNS {
        let batch: Vec<_> = (round..round + rounds).flat_map(|r| observations(load, r, &mut random)).collect();
        let started = Instant::now();
        for observation in &batch {
            black_box(ward.apply_observation(observation, observation.observed_at_us));
        }
        per_observation.push(started.elapsed().as_nanos() as f64 / batch.len() as f64);
        round += rounds;
    }
    let t_us = T0_US + round * load.every_us;
    let mut order: Vec<u32> = (0..load.patients).collect();
    let mut row = vec![0.0f32; plan.width()];
    let (mut per_row, mut per_scan) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        shuffle(&mut order, &mut random);
        let started = Instant::now();
        for repeat in 0..20 {
            for slot in &order {
                ward.row(Slot(*slot), &plan, t_us + repeat + run as i64, &mut row);
                black_box(&row);
            }
        }
        per_row.push(started.elapsed().as_nanos() as f64 / (20.0 * order.len() as f64) / 1e3);
        let started = Instant::now();
        for slot in &order {
            black_box(scan(&ward, Slot(*slot), t_us));
        }
        per_scan.push(started.elapsed().as_nanos() as f64 / order.len() as f64 / 1e3);
    }
    figure(load, "window", "an observation with 3 windows", "ns", &per_observation);
    figure(load, "row", "a 150-feature row", "us", &per_row);
    let best = |runs: &[f64]| runs.iter().copied().fold(f64::INFINITY, f64::min);
    let (observation_best, row_best) = (best(&per_observation), best(&per_row));
    let (row_us, scan_us) = (median(per_row), median(per_scan));
    println!("{} ({} patients x {} signals):", load.name, load.patients, load.signals);
    println!("  observation  {:7.0} ns (best run {observation_best:.0})", median(per_observation));
    println!("  150-feature row {row_us:6.2} us (best run {row_best:.2})");
    if windows != Windows::Cells {
        println!("  two passes over the raw samples {scan_us:.2} us, {:.1} times as long", scan_us / row_us);
    }
    println!("  memory {:.1} kB a patient", ward.bytes() as f64 / f64::from(load.patients) / 1e3);
}

/// A line for `make bench`; see tests/bench/figures.py.
fn figure(load: &Load, key: &str, what: &str, unit: &str, runs: &[f64]) {
    let keys = load.patients * u32::from(load.signals);
    let line = serde_json::json!({
        "key": format!("{key}.{}", load.key), "what": format!("{what}: {}, {keys} keys in random order", load.name),
        "who": "nightlamp", "version": env!("CARGO_PKG_VERSION"), "ours": true, "unit": unit, "better": "lower",
        "included": "in Rust, one thread", "runs": runs,
    });
    println!("FIGURE {line}");
}

fn write(ward: &mut Ward, load: &Load, round: i64, random: &mut Random) {
    for observation in observations(load, round, random) {
        ward.apply_observation(&observation, observation.observed_at_us);
    }
}

/// One observation of every key in random order, jittered by up to a fifth of the interval.
fn observations(load: &Load, round: i64, random: &mut Random) -> Vec<Observation> {
    let mut keys: Vec<u32> = (0..load.patients * u32::from(load.signals)).collect();
    shuffle(&mut keys, random);
    let jitter = (load.every_us / 5) as u64;
    let one = |key: u32| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&u64::from(key / u32::from(load.signals)).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
        Observation {
            subject: Subject::Patient(PatientId(id)),
            signal: SignalId((key % u32::from(load.signals)) as u16),
            value: 60.0 + (random.next() % 600) as f64 / 10.0,
            observed_at_us: T0_US + round * load.every_us + (random.next() % jitter) as i64,
            status: Status::Final,
            ordinal: 0,
        }
    };
    keys.into_iter().map(one).collect()
}

/// What a row costs without sums: mean and deviation, extremes and slope of each window from its raw samples.
fn scan(ward: &Ward, slot: Slot, t_us: i64) -> f64 {
    let Some(patient) = ward.patient(slot) else { return 0.0 };
    let mut total = 0.0;
    for signal in 0..7 {
        for hours in [1, 6, 24] {
            let held = patient.vitals().series(SignalId(signal)).map_or(&[][..], |series| series.held());
            let seen = &held[held.partition_point(|s| s.at_us <= t_us - hours * HOUR_US)..];
            let n = seen.len() as f64;
            let mean = seen.iter().map(|s| s.value).sum::<f64>() / n;
            let mean_t = seen.iter().map(|s| (s.at_us - t_us) as f64).sum::<f64>() / n;
            for s in seen {
                let (dx, dt) = (s.value - mean, (s.at_us - t_us) as f64 - mean_t);
                total += dx * dx + dx * dt + dt * dt + s.value.min(mean) + s.value.max(mean);
            }
        }
    }
    total
}

fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn shuffle(keys: &mut [u32], random: &mut Random) {
    for at in (1..keys.len()).rev() {
        keys.swap(at, (random.next() % (at as u64 + 1)) as usize);
    }
}

/// xorshift64*, seeded: the same order in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }
}

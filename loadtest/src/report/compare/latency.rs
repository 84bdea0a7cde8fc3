//! Latencies of two runs: p50, p99 and p99.9 judged, the longest shown.
//!
//! A percentile is judged where both runs have ten samples beyond it (p99.9: 10,000 samples). The band of p99 and p99.9 comes from the
//! seconds' p99, that of p50 from the seconds' p50.

use super::figure::{Figure, Rule, steady};
use super::noise;
use crate::report::levels::Unit;
use crate::result::{Latency, Percentiles, Run};

/// Latency below which a change says nothing, milliseconds; a quarter of the stage's resolution comes on top.
const FLOOR_MS: f64 = 0.1;

type Percentile = fn(&Percentiles) -> u64;

/// Figures of every stage that one of the two measured.
pub fn figures(old: &Run, new: &Run, tolerance: f64) -> Vec<Figure> {
    let mut figures = Vec::new();
    for stage in &new.stages {
        let before = old.stages.iter().find(|before| before.name == stage.name);
        let name = stage.name.as_str();
        let p50 = band(old, new, name, |latency| latency.p50_us, tolerance);
        let p99 = band(old, new, name, |latency| latency.p99_us, tolerance);
        let judged: [(&str, Percentile, u64, f64); 3] =
            [("p50", |p| p.p50_us, 20, p50), ("p99", |p| p.p99_us, 1_000, p99), ("p99.9", |p| p.p999_us, 10_000, p99)];
        for (statistic, of, samples, band) in judged {
            let value = |p: &Percentiles| (p.count >= samples).then(|| of(p) as f64 / 1e3);
            let (then, now) = (before.and_then(|before| value(&before.percentiles)), value(&stage.percentiles));
            if then.is_none() && now.is_none() {
                continue;
            }
            let floor = FLOOR_MS + stage.resolution_us as f64 / 4e3;
            let rule = Rule { rising: false, band, floor };
            figures.push(Figure::judged(&format!("{name}, {statistic}"), Unit::Milliseconds, then, now, rule));
        }
        let longest = |p: &Percentiles| (p.count > 0).then(|| p.max_us as f64 / 1e3);
        let then = before.and_then(|before| longest(&before.percentiles));
        figures.push(Figure::shown(&format!("{name}, longest"), Unit::Milliseconds, then, longest(&stage.percentiles)));
    }
    figures
}

fn band(old: &Run, new: &Run, name: &str, of: fn(&Latency) -> u64, tolerance: f64) -> f64 {
    let by_second = |run: &Run| -> Vec<f64> {
        let latencies = steady(run).filter_map(|second| second.latency.get(name));
        latencies.filter(|latency| latency.count > 0).map(|latency| of(latency) as f64).collect()
    };
    noise::band(tolerance, &by_second(old), &by_second(new))
}

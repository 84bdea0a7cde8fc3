//! Latencies as they are written: every distinct value with its count, so that two files can be merged and redrawn.
//!
//! Values are microseconds, to three significant digits; at most some 20,000 pairs from 1 us to 1 h.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Latency, Percentiles};

/// Longest latency that is told apart: an hour, microseconds.
pub const LONGEST_US: u64 = 3_600_000_000;

/// A histogram at rest: (microseconds, count), ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies(pub Vec<(u64, u64)>);

impl Latencies {
    /// Of a histogram in memory.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        Self(histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_since_last_iteration())).collect())
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The smallest recorded value that `share` (0 to 1) of all are at or below; 0 where there is none.
    pub fn at(&self, share: f64) -> u64 {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (value, count) in &self.0 {
            seen += count;
            if seen >= wanted {
                return *value;
            }
        }
        self.0.last().map_or(0, |(value, _)| *value)
    }

    /// Both together.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let mut counts = std::collections::BTreeMap::new();
        for (value, count) in self.0.iter().chain(&other.0) {
            *counts.entry(*value).or_insert(0) += count;
        }
        Self(counts.into_iter().collect())
    }

    /// The usual percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let count = self.count();
        if count == 0 {
            return Percentiles::default();
        }
        let sum: f64 = self.0.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
        Percentiles {
            count,
            mean_us: sum / count as f64,
            min_us: self.0.first().map_or(0, |(value, _)| *value),
            p50_us: self.at(0.5),
            p90_us: self.at(0.9),
            p95_us: self.at(0.95),
            p99_us: self.at(0.99),
            p999_us: self.at(0.999),
            p9999_us: self.at(0.9999),
            max_us: self.0.last().map_or(0, |(value, _)| *value),
        }
    }
}

impl Latency {
    /// Of a histogram in memory.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |share| histogram.value_at_quantile(share);
        Self {
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            max_us: if histogram.is_empty() { 0 } else { histogram.max() },
        }
    }
}

//! Sufficient statistics of a run of samples, and how they add up without drift.
//!
//! A block keeps its sums about a centre and an origin of its own (its first sample), so that nothing is ever subtracted from a
//! running total: a window is the sum of whole blocks and of the raw samples at its edges. The error does not grow with time;
//! cancellation in `std` and `slope` is bounded by the number of samples in the window (2e-16 n, relative).

use serde::{Deserialize, Serialize};

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// In the signal's canonical unit.
    pub value: f64,
}

/// Microseconds in an hour.
pub const HOUR_US: i64 = 3_600_000_000;

/// A span in hours, the unit of ages and of slopes.
#[inline]
pub fn hours(span_us: i64) -> f64 {
    span_us as f64 / HOUR_US as f64
}

/// Sums over some samples: x is value minus `centre`, t is hours after `origin_us`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Block {
    centre: f64,
    origin_us: i64,
    n: f64,
    x: f64,
    xx: f64,
    t: f64,
    tt: f64,
    xt: f64,
    min: f64,
    max: f64,
}

impl Block {
    /// No samples yet; sums will be about this sample.
    #[inline]
    pub fn about(sample: Sample) -> Self {
        Self {
            centre: sample.value,
            origin_us: sample.at_us,
            n: 0.0,
            x: 0.0,
            xx: 0.0,
            t: 0.0,
            tt: 0.0,
            xt: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    /// The sums over a run of samples, about its first.
    pub fn of(samples: &[Sample]) -> Self {
        let first = samples.first().copied().unwrap_or(Sample { at_us: 0, value: 0.0 });
        let mut block = Self::about(first);
        block.add_samples(samples);
        block
    }

    /// The sums over several blocks, about the first one's centre.
    pub fn merged(blocks: &[Block]) -> Self {
        let first = blocks.first().map_or(Sample { at_us: 0, value: 0.0 }, |b| Sample { at_us: b.origin_us, value: b.centre });
        let mut whole = Self::about(first);
        for block in blocks {
            whole.add(block);
        }
        whole
    }

    /// Adds raw samples.
    #[inline]
    pub fn add_samples(&mut self, samples: &[Sample]) {
        let (mut x, mut xx, mut t, mut tt, mut xt) = (self.x, self.xx, self.t, self.tt, self.xt);
        let (mut min, mut max) = (self.min, self.max);
        for sample in samples {
            let dx = sample.value - self.centre;
            let dt = sample.at_us.wrapping_sub(self.origin_us) as f64 * (1.0 / HOUR_US as f64);
            x += dx;
            xx += dx * dx;
            t += dt;
            tt += dt * dt;
            xt += dx * dt;
            min = if sample.value < min { sample.value } else { min };
            max = if sample.value > max { sample.value } else { max };
        }
        *self = Self { n: self.n + samples.len() as f64, x, xx, t, tt, xt, min, max, ..*self };
    }

    /// Adds another block, moved to this one's centre and origin.
    #[inline]
    pub fn add(&mut self, other: &Block) {
        let dc = other.centre - self.centre;
        let dt = other.origin_us.wrapping_sub(self.origin_us) as f64 * (1.0 / HOUR_US as f64);
        let n = other.n;
        self.n += n;
        self.x += other.x + n * dc;
        self.xx += other.xx + dc * (2.0 * other.x + n * dc);
        self.t += other.t + n * dt;
        self.tt += other.tt + dt * (2.0 * other.t + n * dt);
        self.xt += other.xt + dc * (other.t + n * dt) + dt * other.x;
        self.min = if other.min < self.min { other.min } else { self.min };
        self.max = if other.max > self.max { other.max } else { self.max };
    }

    /// Number of samples.
    pub fn count(&self) -> f64 {
        self.n
    }

    /// Smallest value; NaN of none.
    pub fn min(&self) -> f64 {
        if self.n > 0.0 { self.min } else { f64::NAN }
    }

    /// Largest value; NaN of none.
    pub fn max(&self) -> f64 {
        if self.n > 0.0 { self.max } else { f64::NAN }
    }

    /// True if every value lies within the closed range.
    pub fn within(&self, low: f64, high: f64) -> bool {
        self.min >= low && self.max <= high
    }

    /// Arithmetic mean; NaN of none.
    pub fn mean(&self) -> f64 {
        self.centre + self.x / self.n
    }

    /// Sample standard deviation (ddof 1); NaN below two samples, exactly 0 where all are equal.
    pub fn std(&self) -> f64 {
        if self.n < 2.0 {
            f64::NAN
        } else if self.min == self.max {
            0.0
        } else {
            ((self.xx - self.x * self.x / self.n).max(0.0) / (self.n - 1.0)).sqrt()
        }
    }

    /// Least-squares slope per hour; NaN below two samples, exactly 0 where all are equal.
    pub fn slope(&self) -> f64 {
        if self.n < 2.0 {
            f64::NAN
        } else if self.min == self.max {
            0.0
        } else {
            let inverse = 1.0 / self.n;
            (self.xt - self.x * self.t * inverse) / (self.tt - self.t * self.t * inverse)
        }
    }
}

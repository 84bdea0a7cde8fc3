//! Cells: stretches of time whose observations count as one, so that a monitor that speaks every second and a chart kept by the
//! hour give the same statistics. The definition stands in the module doc of `window`.
//!
//! The means of a signal's cells are a series of their own and are walked like raw samples: a day at 1 Hz is 24 of them. A mean
//! is the sum over the cell's observations in time order about the first of them, so it depends on what was observed, not on
//! the order of arrival; of one observation it is the observation. A corrected, late or withdrawn observation makes its cell
//! again from the raw samples and from the folded part of the one cell that is partly folded; cells before that are fixed.
//! Means fold like raw samples (into the stay), but never before all raw samples of their cells have.
//!
//! Limits: a cell is 60 s to 24 h wide, a window has at most 1,440; 16 bytes a cell, 200 a signal and width.

use serde::{Deserialize, Serialize};

use super::block::Sample;
use super::series::{BLOCK, Series};
use super::union::{CellRetention, Retention};
use super::walk::Walk;

/// Narrowest cell, seconds.
pub const CELL_S_MIN: i64 = 60;
/// Widest cell, seconds.
pub const CELL_S_MAX: i64 = 86_400;

/// The number of the cell (k width, (k + 1) width] a time lies in.
#[inline]
fn index_of(at_us: i64, width_us: i64) -> i64 {
    at_us.saturating_sub(1).div_euclid(width_us)
}

/// The sum over some observations of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CellSum {
    index: i64,
    n: u64,
    /// Value of the first.
    centre: f64,
    /// Sum of value minus centre.
    x: f64,
    /// Sum of microseconds after the cell's beginning.
    t_us: i64,
}

impl CellSum {
    fn of(index: i64) -> Self {
        Self { index, ..Self::default() }
    }

    #[inline]
    fn add(&mut self, sample: Sample, width_us: i64) {
        if self.n == 0 {
            self.centre = sample.value;
        }
        self.n += 1;
        self.x += sample.value - self.centre;
        self.t_us = self.t_us.saturating_add(sample.at_us - self.index.saturating_mul(width_us));
    }

    /// Adds a sample, beginning anew where it lies in a newer cell; one of an older cell is left out.
    pub fn enter(&mut self, sample: Sample, width_us: i64) {
        let index = index_of(sample.at_us, width_us);
        if self.n == 0 || index > self.index {
            *self = Self::of(index);
        }
        if index == self.index {
            self.add(sample, width_us);
        }
    }

    /// Takes in the sum of another patient's part of a cell; of two cells the newer is kept.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 || (self.n > 0 && self.index > other.index) {
            return;
        }
        if self.n == 0 || self.index < other.index {
            *self = *other;
            return;
        }
        self.x += other.x + other.n as f64 * (other.centre - self.centre);
        self.n += other.n;
        self.t_us = self.t_us.saturating_add(other.t_us);
    }

    /// Mean value at the mean time (whole microseconds, rounded down); None of nothing.
    fn mean(&self, width_us: i64) -> Option<Sample> {
        let n = i64::try_from(self.n).ok().filter(|n| *n > 0)?;
        let after_us = if n == 1 { self.t_us } else { self.t_us.div_euclid(n) }; // a division is dear, one value the rule
        let at_us = self.index.saturating_mul(width_us).saturating_add(after_us);
        Some(Sample { at_us, value: self.centre + self.x / self.n as f64 })
    }
}

/// The cells of one width of one signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cells {
    width_us: i64,
    /// The newest cell; never older than the newest raw sample's.
    open: CellSum,
    means: Series,
}

impl Cells {
    /// From the raw samples there are; what is folded is not known by cell.
    pub fn of(raw: &Series, width_us: i64) -> Self {
        let mut cells = Self { width_us, open: CellSum::of(i64::MIN / width_us.max(1)), means: Series::default() };
        for sample in raw.held() {
            cells.append(*sample, raw, 0);
        }
        cells
    }

    pub fn width_us(&self) -> i64 {
        self.width_us
    }

    /// The newest raw sample was added. `at` is the place of this width in the retention.
    #[inline]
    pub fn append(&mut self, sample: Sample, raw: &Series, at: usize) {
        let index = index_of(sample.at_us, self.width_us);
        if index < self.open.index {
            self.revise(sample.at_us, raw, at); // what was newer has been withdrawn
            return;
        }
        if index > self.open.index {
            self.open = CellSum::of(index);
        }
        self.open.add(sample, self.width_us);
        self.write(self.open);
    }

    /// A raw sample of this time was added, replaced or withdrawn, and nothing was folded since.
    pub fn revise(&mut self, at_us: i64, raw: &Series, at: usize) {
        let index = index_of(at_us, self.width_us);
        let sum = self.sum(index, i64::MAX, raw, at);
        if index >= self.open.index || raw.held().last().is_none_or(|s| s.at_us <= at_us) {
            self.open = sum;
        }
        self.write(sum);
    }

    fn write(&mut self, sum: CellSum) {
        let after_us = sum.index.saturating_mul(self.width_us);
        self.means.put(after_us, after_us.saturating_add(self.width_us), sum.mean(self.width_us));
    }

    /// The sum over a cell's observations at or before `until_us`.
    fn sum(&self, index: i64, until_us: i64, raw: &Series, at: usize) -> CellSum {
        let folded = raw.folded().cells.get(at).filter(|part| part.index == index && part.n > 0);
        let mut sum = folded.copied().unwrap_or(CellSum::of(index));
        let after_us = index.saturating_mul(self.width_us);
        let until_us = until_us.min(after_us.saturating_add(self.width_us));
        let held = raw.held();
        let from = held.partition_point(|s| s.at_us <= after_us);
        for sample in held.iter().skip(from).take_while(|s| s.at_us <= until_us) {
            sum.add(*sample, self.width_us);
        }
        sum
    }

    /// Folds the means of cells that are old enough and can no longer change.
    pub fn fold(&mut self, clock_us: i64, raw: &Series, keep: &Retention, samples_max: usize) {
        if self.means.held().len() < 2 * BLOCK {
            return;
        }
        let fixed_us = raw.held().first().map_or(i64::MAX, |s| index_of(s.at_us, self.width_us) * self.width_us);
        self.means.fold(clock_us.saturating_sub(keep.raw_us).min(fixed_us), clock_us, keep, samples_max);
    }

    /// The cells as they were at a time: those that ended before it, and of the one it lies in what was observed by then.
    /// `end_us` is the end of that cell.
    pub fn walk<'a>(&'a self, raw: &Series, keep: &'a Retention, at: usize, t_us: i64, end_us: i64) -> Walk<'a> {
        if raw.held().last().is_none_or(|newest| newest.at_us <= t_us) {
            return Walk::new(&self.means, keep, end_us);
        }
        let index = index_of(t_us, self.width_us);
        let tail = self.sum(index, t_us, raw, at).mean(self.width_us);
        Walk::with_tail(&self.means, keep, index.saturating_mul(self.width_us), end_us, tail)
    }

    /// Cells of a merged patient. `raw` holds the samples of both already. A cell that is raw no longer is the own one if there
    /// is one, as a value of the same time would be.
    pub fn absorb(&mut self, other: &Cells, raw: &Series, at: usize, keep: &CellRetention) {
        let width_us = self.width_us;
        self.means.absorb(&other.means, other.means.held(), &keep.means, |sample| index_of(sample.at_us, width_us));
        self.open = if other.open.index > self.open.index { other.open } else { self.open };
        let mut done = None;
        for at_us in raw.folded().last.iter().chain(raw.held()).map(|s| s.at_us) {
            let index = index_of(at_us, width_us);
            if done != Some(index) {
                self.revise(at_us, raw, at);
            }
            done = Some(index);
        }
    }

    /// Other plans: ranges keep what is known of them.
    pub fn replan(&mut self, old: &Retention, new: &Retention) {
        self.means.replan(old, new);
    }

    /// Heap and own bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() - size_of::<Series>() + self.means.bytes()
    }
}

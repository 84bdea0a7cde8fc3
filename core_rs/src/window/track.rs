//! A signal of a patient: its raw samples, and its cells where a plan asks for them.

use serde::{Deserialize, Serialize};

use super::block::Sample;
use super::cell::Cells;
use super::compile::SignalFeatures;
use super::series::{Change, Series};
use super::union::Retention;
use super::walk::Walk;

/// Raw samples and the cells made of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    raw: Series,
    /// One a cell width of the retention, in its order.
    cells: Vec<Cells>,
}

impl Track {
    pub fn of(keep: &Retention) -> Self {
        let raw = Series::default();
        let cells = keep.cells.iter().map(|cell| Cells::of(&raw, cell.width_us)).collect();
        Self { raw, cells }
    }

    /// Adds, replaces or withdraws the value of one time. `clock_us` is the patient's newest receipt.
    #[inline]
    pub fn apply(&mut self, sample: Sample, withdrawn: bool, clock_us: i64, keep: &Retention, samples_max: usize) -> Change {
        let (change, newest) = self.raw.write(sample, withdrawn);
        if !self.cells.is_empty() && matches!(change, Change::Added | Change::Replaced | Change::Withdrawn) {
            for (at, cells) in self.cells.iter_mut().enumerate() {
                if newest {
                    cells.append(sample, &self.raw, at);
                } else {
                    cells.revise(sample.at_us, &self.raw, at);
                }
            }
        }
        if change == Change::Added {
            self.raw.fold(clock_us.saturating_sub(keep.raw_us), clock_us, keep, samples_max);
            for (cells, keep) in self.cells.iter_mut().zip(&keep.cells) {
                cells.fold(clock_us, &self.raw, &keep.means, samples_max);
            }
        }
        change
    }

    /// The raw samples.
    #[inline]
    pub fn raw(&self) -> &Series {
        &self.raw
    }

    /// Walks what these features are of, raw samples or cells, backwards from a time; `end_us` is what `compile::end_us` says of
    /// it. None where no loaded plan has such cells.
    #[inline]
    pub fn walk<'a>(&'a self, features: &SignalFeatures, keep: &'a Retention, t_us: i64, end_us: i64) -> Option<Walk<'a>> {
        if features.cell_us == 0 {
            return Some(Walk::new(&self.raw, keep, t_us));
        }
        let at = self.cells.iter().position(|cells| cells.width_us() == features.cell_us)?;
        Some(self.cells.get(at)?.walk(&self.raw, &keep.cells.get(at)?.means, at, t_us, end_us))
    }

    /// Takes in another patient's samples of the same signal; own values win at the same time.
    pub fn absorb(&mut self, other: &Track, keep: &Retention) {
        self.raw.absorb(&other.raw, keep, |sample| sample.at_us);
        for (at, ((mine, theirs), keep)) in self.cells.iter_mut().zip(&other.cells).zip(&keep.cells).enumerate() {
            mine.absorb(theirs, &self.raw, at, keep);
        }
    }

    /// Another set of plans. Cells of a width no plan had before begin with the raw samples that are held.
    pub fn replan(&mut self, old: &Retention, new: &Retention) {
        self.raw.replan(old, new);
        let known = std::mem::take(&mut self.cells);
        let again = |width_us: i64| {
            let at = old.cells.iter().position(|cell| cell.width_us == width_us)?;
            Some((known.get(at)?.clone(), &old.cells.get(at)?.means))
        };
        self.cells = new
            .cells
            .iter()
            .map(|cell| match again(cell.width_us) {
                Some((mut cells, before)) => {
                    cells.replan(before, &cell.means);
                    cells
                }
                None => Cells::of(&self.raw, cell.width_us),
            })
            .collect();
    }

    /// Heap and own bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() - size_of::<Series>() + self.raw.bytes() + self.cells.iter().map(Cells::bytes).sum::<usize>()
    }
}

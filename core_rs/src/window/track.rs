//! A signal of a patient: its raw samples, its cells where a plan asks for them, and which times a correction has settled.
//!
//! Limit: the newest `SETTLED_MAX` times settled are remembered, those folded are forgotten (a frame that names one is `Expired`).

use serde::{Deserialize, Serialize};

use super::block::Sample;
use super::cell::Cells;
use super::compile::SignalFeatures;
use super::series::{Change, Said, Series};
use super::union::Retention;
use super::walk::Walk;

/// Most times of one signal that corrections and withdrawals are remembered for.
pub const SETTLED_MAX: usize = 4_096;

/// Raw samples and the cells made of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    raw: Series,
    /// One a cell width of the retention, in its order.
    cells: Vec<Cells>,
    /// Times that were corrected or withdrawn, ascending: what is told of them later, or came late, is superseded.
    settled: Vec<i64>,
}

impl Track {
    pub fn of(keep: &Retention) -> Self {
        let raw = Series::default();
        let cells = keep.cells.iter().map(|cell| Cells::of(&raw, cell.width_us)).collect();
        Self { raw, cells, settled: Vec::new() }
    }

    /// Adds, replaces or withdraws the value of one time. `clock_us` is the patient's newest receipt.
    #[inline]
    pub fn apply(&mut self, sample: Sample, said: Said, clock_us: i64, keep: &Retention, samples_max: usize) -> Change {
        let settled = !self.settled.is_empty() && self.settled.binary_search(&sample.at_us).is_ok();
        if settled && let Some(change) = self.settled_already(sample, said) {
            return change;
        }
        let withdrawn = said == Said::Withdrawn || (said == Said::Effective && sample.value.is_nan());
        let (change, newest) = self.raw.write(sample, withdrawn);
        if !settled && matches!(said, Said::Corrected | Said::Withdrawn) && change != Change::Expired {
            self.settle(sample.at_us);
        }
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
            self.raw.fold(clock_us.saturating_sub(keep.kept_us()), clock_us, keep, samples_max);
            for (cells, keep) in self.cells.iter_mut().zip(&keep.cells) {
                cells.fold(clock_us, &self.raw, &keep.means, samples_max);
            }
            self.forget_folded();
        }
        change
    }

    /// What becomes of another word about a settled time; None where it takes effect.
    fn settled_already(&self, sample: Sample, said: Said) -> Option<Change> {
        let held = self.raw.at(sample.at_us);
        match said {
            Said::Told if held.is_some_and(|held| held.value == sample.value) => Some(Change::Duplicate),
            Said::Told => Some(Change::Superseded),
            Said::Withdrawn if held.is_none() => Some(Change::Duplicate),
            Said::Corrected | Said::Withdrawn | Said::Effective => None,
        }
    }

    fn settle(&mut self, at_us: i64) {
        if let Err(place) = self.settled.binary_search(&at_us) {
            self.settled.insert(place, at_us);
        }
        if self.settled.len() > SETTLED_MAX {
            self.settled.remove(0);
        }
    }

    /// A time that is folded can no longer change anyway.
    fn forget_folded(&mut self) {
        if let (Some(edge), Some(first)) = (self.raw.folded().last, self.settled.first())
            && *first <= edge.at_us
        {
            self.settled.drain(..self.settled.partition_point(|at_us| *at_us <= edge.at_us));
        }
    }

    /// Whether nothing was ever held.
    pub fn is_blank(&self) -> bool {
        self.raw.held().is_empty() && self.raw.folded().last.is_none()
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

    /// Takes in another patient's samples of the same signal; at the same time the own word holds, be it a value or that there
    /// is none.
    pub fn absorb(&mut self, other: &Track, keep: &Retention) {
        let nothing = |at_us: i64| self.settled.binary_search(&at_us).is_ok() && self.raw.at(at_us).is_none();
        let theirs: Vec<Sample> = other.raw.held().iter().filter(|sample| !nothing(sample.at_us)).copied().collect();
        self.raw.absorb(&other.raw, &theirs, keep, |sample| sample.at_us);
        for at_us in &other.settled {
            self.settle(*at_us);
        }
        self.forget_folded();
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
        size_of::<Self>() - size_of::<Series>()
            + self.raw.bytes()
            + self.cells.iter().map(Cells::bytes).sum::<usize>()
            + self.settled.capacity() * size_of::<i64>()
    }
}

//! What remains of samples that are no longer raw: the stay's count, ends and sums, the newest abnormal times, panes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::block::{Block, Sample};
use super::cell::CellSum;
use super::pane::Panes;
use super::union::Retention;

/// What remains of folded samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Folded {
    pub count: u64,
    pub first: Option<Sample>,
    pub last: Option<Sample>,
    /// Sums over all of them, for statistics of the stay.
    pub sums: Option<Block>,
    /// Newest abnormal time for each normal range of the retention; `i64::MIN` for none.
    pub abnormal_us: SmallVec<[i64; 1]>,
    pub panes: Panes,
    /// For each cell width of the retention, the folded part of the cell that holds the newest folded sample.
    pub cells: Vec<CellSum>,
}

impl Folded {
    /// Takes in samples in time order, not older than what was taken before.
    pub fn take(&mut self, samples: &[Sample], keep: &Retention) {
        if samples.is_empty() {
            return;
        }
        self.count += samples.len() as u64;
        self.first = self.first.or(samples.first().copied());
        self.last = samples.last().copied();
        let block = Block::of(samples);
        match &mut self.sums {
            Some(sums) => sums.add(&block),
            None => self.sums = Some(block),
        }
        self.abnormal_us.resize(keep.normals.len(), i64::MIN);
        for (newest, (low, high)) in self.abnormal_us.iter_mut().zip(&keep.normals) {
            if let Some(s) = samples.iter().rev().find(|s| !(s.value >= *low && s.value <= *high)) {
                *newest = s.at_us.max(*newest);
            }
        }
        self.cells.resize(keep.cells.len(), CellSum::default());
        for (sum, cell) in self.cells.iter_mut().zip(&keep.cells) {
            for sample in samples {
                sum.enter(*sample, cell.width_us);
            }
        }
        if keep.pane_us > 0 {
            for sample in samples {
                self.panes.add(*sample, keep.pane_us);
            }
        }
    }

    /// Takes in what is folded of another series of the same signal, then samples of both that are not newer than either's end.
    pub fn absorb(&mut self, other: &Folded, samples: &[Sample], keep: &Retention) {
        let oldest = |a: Sample, b: Sample| if b.at_us < a.at_us { b } else { a };
        let newest = |a: Sample, b: Sample| if b.at_us > a.at_us { b } else { a };
        let (first, last) = (either(self.first, other.first, oldest), either(self.last, other.last, newest));
        self.count += other.count;
        self.sums = either(self.sums, other.sums, |mut a, b| {
            a.add(&b);
            a
        });
        self.abnormal_us.resize(keep.normals.len(), i64::MIN);
        for (mine, theirs) in self.abnormal_us.iter_mut().zip(&other.abnormal_us) {
            *mine = (*mine).max(*theirs);
        }
        self.cells.resize(keep.cells.len(), CellSum::default());
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine.merge(theirs);
        }
        self.panes.absorb(&other.panes);
        self.take(samples, keep);
        self.first = either(first, samples.first().copied(), oldest);
        self.last = either(last, samples.last().copied(), newest);
    }

    /// Another set of plans: ranges keep what is known of them; panes and cells of another width start anew.
    pub fn replan(&mut self, old: &Retention, new: &Retention) {
        let known = std::mem::take(&mut self.abnormal_us);
        let newest = |range: &(f64, f64)| {
            let at = old.normals.iter().position(|r| r == range)?;
            known.get(at).copied()
        };
        self.abnormal_us = new.normals.iter().map(|range| newest(range).unwrap_or(i64::MIN)).collect();
        let known = std::mem::take(&mut self.cells);
        let part = |width_us: i64| {
            let at = old.cells.iter().position(|cell| cell.width_us == width_us)?;
            known.get(at).copied()
        };
        self.cells = new.cells.iter().map(|cell| part(cell.width_us).unwrap_or_default()).collect();
        if old.pane_us != new.pane_us {
            self.panes = Panes::default();
        }
    }
}

fn either<T: Copy>(a: Option<T>, b: Option<T>, both: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(both(a, b)),
        (a, b) => a.or(b),
    }
}

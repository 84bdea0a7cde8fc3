//! A signal of a patient: its raw samples, its cells where a plan asks for them, and which times a correction has settled.
//!
//! Limit: the newest `SETTLED_MAX` times settled are remembered, those folded are forgotten (a frame that names one is `Expired`).

use serde::{Deserialize, Serialize};

use super::block::Sample;
use super::cell::Cells;
use super::compile::{SignalFeatures, Window};
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
    /// What is folded and the alert policy still looks back on: apart, so that no rule changes what plans read.
    past: Option<Box<Series>>,
}

/// The least and the largest value of a time, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// Infinite of none.
    pub least: f64,
    /// Likewise.
    pub largest: f64,
    /// Values.
    pub count: usize,
    /// None of that time has been forgotten.
    pub whole: bool,
}

impl Track {
    pub fn of(keep: &Retention) -> Self {
        let raw = Series::default();
        let cells = keep.cells.iter().map(|cell| Cells::of(&raw, cell.width_us)).collect();
        Self { raw, cells, settled: Vec::new(), past: None }
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
            self.fold(clock_us, keep, samples_max);
            for (cells, keep) in self.cells.iter_mut().zip(&keep.cells) {
                cells.fold(clock_us, &self.raw, &keep.means, samples_max);
            }
            self.forget_folded();
        }
        change
    }

    /// Folds what plans need no more, by the clock. What the policy looks back on is counted from the newest value instead: a monitor
    /// that hands in hours at once is looked at as if it had been there.
    fn fold(&mut self, clock_us: i64, keep: &Retention, samples_max: usize) {
        let (raw, past) = (&mut self.raw, &mut self.past);
        let lost = raw.folded().last;
        raw.fold_into(clock_us.saturating_sub(keep.raw_us), clock_us, keep, samples_max, |gone| {
            if keep.asked_us > 0 {
                let past = past.get_or_insert_with(|| Box::new(Series::after(lost)));
                for sample in gone {
                    past.write(*sample, false);
                }
            }
        });
        let newest = raw.last(clock_us).filter(|_| keep.asked_us > 0);
        match (past.as_mut(), newest) {
            (Some(past), Some(newest)) => {
                let edge_us = newest.at_us.min(clock_us).saturating_sub(keep.asked_us);
                past.fold(edge_us, clock_us, &Retention::default(), samples_max);
            }
            (Some(_), None) => *past = None,
            (None, _) => {}
        }
    }

    /// The extremes of the values in (`t_us` - `width_us`, `t_us`].
    pub fn extremes(&self, t_us: i64, width_us: i64) -> Extremes {
        let (from_us, keep) = (t_us.saturating_sub(width_us), Retention::default());
        let reaches_past = self.raw.folded().last.is_some_and(|edge| edge.at_us > from_us);
        let past = self.past.as_deref().filter(|_| reaches_past);
        let lost = past.map_or(self.raw.folded().last, |past| past.folded().last);
        let mut found = Extremes {
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            count: 0,
            whole: lost.is_none_or(|lost| lost.at_us <= from_us),
        };
        for series in past.into_iter().chain([&self.raw]) {
            let window = Window { width_us, pane_us: 0, cell_us: 0 };
            if let Some(sums) = Walk::new(series, &keep, t_us).window(window, true).sums {
                (found.least, found.largest) = (found.least.min(sums.min()), found.largest.max(sums.max()));
                found.count += sums.count() as usize;
            }
        }
        found
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
        self.absorb_past(other, &theirs, keep);
        self.raw.absorb(&other.raw, &theirs, keep, |sample| sample.at_us);
        for at_us in &other.settled {
            self.settle(*at_us);
        }
        self.forget_folded();
        for (at, ((mine, theirs), keep)) in self.cells.iter_mut().zip(&other.cells).zip(&keep.cells).enumerate() {
            mine.absorb(theirs, &self.raw, at, keep);
        }
    }

    /// What both no longer hold raw once they are one, as far as it is known. Before `raw` takes the other in.
    fn absorb_past(&mut self, other: &Track, theirs: &[Sample], keep: &Retention) {
        if keep.asked_us == 0 {
            return self.past = None;
        }
        let past = |track: &Track| track.past.clone().unwrap_or_else(|| Box::new(Series::after(track.raw.folded().last)));
        let edge_us = [&self.raw, &other.raw].iter().filter_map(|raw| raw.folded().last).map(|edge| edge.at_us).max();
        let (mut mine, theirs_past) = (past(self), past(other));
        mine.absorb(&theirs_past, theirs_past.held(), &Retention::default(), |sample| sample.at_us);
        let gone = theirs.iter().chain(self.raw.held()).filter(|sample| edge_us.is_some_and(|edge_us| sample.at_us <= edge_us));
        for sample in gone {
            mine.write(*sample, false);
        }
        self.past = edge_us.map(|_| mine);
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
            + self.past.as_ref().map_or(0, |past| past.bytes())
    }
}

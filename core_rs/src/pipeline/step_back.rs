//! When the clock is set back. Receipts are what the operating system's clock says, so they go back with it; the stages wait by them
//! (a lock-out, a minute until the next row, a model's interval, an hour of raw samples), and a wait begun under a clock that was
//! three hours ahead would last three hours longer. A tick from before the last sweep of the ward (a minute ago at most) shows it:
//! then no wait ends later than if it began now. A step back of less than a minute makes a wait longer by as much, no more.
//!
//! Set forward, the clock needs no help: values grow old at once, which is what the clock says; lock-outs end early; raw samples
//! older than the windows by the new clock are folded, so that a window is short of them until it has filled again.
//!
//! A function of the frames alone: replays repeat it.

use super::board::{Board, Triggers};
use super::{At, Pipeline, Step, add};

impl Pipeline {
    /// Looks whether this tick came before the last sweep.
    pub(super) fn notice_step_back(&mut self, at: At<'_>) {
        if self.state.ward.is_set_back(at.at_us) {
            add(&self.counters.clock_set_back, 1);
            self.state.ward.set_back(at.at_us);
            self.state.triggers.set_back(at.at_us);
            self.state.watch.set_back(at.at_us);
            self.trials.iter_mut().for_each(|trials| trials.set_back(at.at_us));
            // What alert remembers follows in its turn.
            self.later(at, Step::SetBack);
        }
    }
}

impl Triggers {
    /// Nothing was asked later than now.
    fn set_back(&mut self, now_us: i64) {
        let times = self.patients.values_mut().flatten().flatten();
        times.for_each(|at_us| *at_us = (*at_us).min(now_us));
    }
}

impl Board {
    /// No row was given later than now.
    pub(super) fn set_back(&mut self, now_us: i64) {
        for newest in self.entries_mut().flat_map(|entry| &mut entry.scores) {
            newest.recorded_at_us = newest.recorded_at_us.map(|at_us| at_us.min(now_us));
        }
    }
}

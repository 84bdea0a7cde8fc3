//! One signal of one patient: a ring of raw samples in time order, with the sums of every 16, 256 and 4,096 of them.
//!
//! Limits: 16 bytes a sample and 5 bytes of sums; at least the newest 16 samples are kept whatever their age, at most
//! `signal_observations_max`. Appending touches the newest sample, and every sixteenth time one block. Reading changes nothing,
//! so a row depends on what was written only, never on when earlier rows were read.
//!
//! Folding: after a write, while 32 samples or more are held and the oldest 16 are all older than the retention (counted back
//! from the patient's newest receipt), those 16 are folded: into panes where the plan has panes, and always into the stay's
//! count, first value and newest abnormal time. What is folded can no longer be corrected: a frame that tries is `Expired`.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::block::{Block, Sample};
use super::pane::Panes;
use super::union::Retention;

/// Samples in a block of the first level; each level holds 16 of the one below.
pub const BLOCK: usize = 16;
const LEVELS: usize = 3;
/// Samples in a block of each level.
pub(super) const SPAN: [usize; LEVELS] = [BLOCK, BLOCK * BLOCK, BLOCK * BLOCK * BLOCK];

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new time.
    Added,
    /// A known time with another value.
    Replaced,
    /// A known time with the same value: nothing changed.
    Duplicate,
    /// The value of that time is gone.
    Withdrawn,
    /// A withdrawal of a time that holds no value.
    NoMatch,
    /// The time is already folded; nothing changed.
    Expired,
}

/// What remains of folded samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Folded {
    pub count: u64,
    pub first: Option<Sample>,
    pub last: Option<Sample>,
    /// Newest abnormal time for each normal range of the retention; `i64::MIN` for none.
    pub abnormal_us: SmallVec<[i64; 1]>,
    pub panes: Panes,
}

/// The ring. Serialises raw samples only: the sums are made again on restore, with the same bits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Series {
    samples: Vec<Sample>,
    /// Samples at the front that are folded and wait for compaction; a multiple of 16.
    start: usize,
    levels: [Vec<Block>; LEVELS],
    folded: Folded,
    /// Samples folded because of the cap, not of their age.
    folded_early: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    start: u32,
    held: Vec<Sample>,
    folded: Folded,
    folded_early: u64,
}

impl From<Series> for Stored {
    fn from(series: Series) -> Self {
        let held = series.held().to_vec();
        Self { start: series.start as u32, held, folded: series.folded, folded_early: series.folded_early }
    }
}

impl From<Stored> for Series {
    fn from(stored: Stored) -> Self {
        // The gap keeps every held sample in the block it was in; what it holds is never read.
        let filler = stored.held.first().copied().unwrap_or(Sample { at_us: 0, value: 0.0 });
        let start = stored.start as usize / BLOCK * BLOCK;
        let mut samples = Vec::with_capacity(start + stored.held.len());
        samples.resize(start, filler);
        samples.extend_from_slice(&stored.held);
        let mut series =
            Self { samples, start, levels: Default::default(), folded: stored.folded, folded_early: stored.folded_early };
        series.sum_from(0);
        series
    }
}

impl Series {
    /// Adds, replaces or withdraws the value of one time. `clock_us` is the patient's newest receipt.
    #[inline]
    pub fn apply(&mut self, sample: Sample, withdrawn: bool, clock_us: i64, keep: &Retention, samples_max: usize) -> Change {
        let newest = self.samples.last().map_or(i64::MIN, |s| s.at_us);
        if sample.at_us > newest && !withdrawn && self.folded.last.is_none_or(|f| sample.at_us > f.at_us) {
            self.push(sample);
            if self.held().len() >= 2 * BLOCK {
                self.fold(clock_us, keep, samples_max);
            }
            return Change::Added;
        }
        let change = self.revise(sample, withdrawn);
        if change == Change::Added {
            self.fold(clock_us, keep, samples_max);
        }
        change
    }

    #[inline]
    fn push(&mut self, sample: Sample) {
        let len = self.samples.len();
        if len == self.samples.capacity() {
            self.samples.reserve_exact(if len < BLOCK { len.max(4) } else { (len / 4).max(BLOCK) });
        }
        self.samples.push(sample);
        if self.samples.len().is_multiple_of(BLOCK) {
            self.sum_from(len);
        }
    }

    /// Late, duplicate, corrected, withdrawn: the slow path, linear in the samples newer than the one touched.
    fn revise(&mut self, sample: Sample, withdrawn: bool) -> Change {
        if self.folded.last.is_some_and(|f| sample.at_us <= f.at_us) {
            return Change::Expired;
        }
        let at = self.start + self.held().partition_point(|s| s.at_us < sample.at_us);
        let found = self.samples.get_mut(at).filter(|s| s.at_us == sample.at_us);
        let change = match (found, withdrawn) {
            (None, true) => return Change::NoMatch,
            (Some(same), false) if same.value == sample.value => return Change::Duplicate,
            (Some(other), false) => {
                other.value = sample.value;
                Change::Replaced
            }
            (Some(_), true) => {
                self.samples.remove(at);
                Change::Withdrawn
            }
            (None, false) => {
                self.samples.insert(at, sample);
                Change::Added
            }
        };
        self.sum_from(at);
        change
    }

    /// Makes the sums again of every block that holds sample `at` or a later one.
    fn sum_from(&mut self, at: usize) {
        let [first, second, third] = &mut self.levels;
        first.truncate(at / SPAN[0]);
        let from = (first.len() * BLOCK).min(self.samples.len());
        first.extend(self.samples[from..].chunks_exact(BLOCK).map(Block::of));
        second.truncate(at / SPAN[1]);
        let from = (second.len() * BLOCK).min(first.len());
        second.extend(first[from..].chunks_exact(BLOCK).map(Block::merged));
        third.truncate(at / SPAN[2]);
        let from = (third.len() * BLOCK).min(second.len());
        third.extend(second[from..].chunks_exact(BLOCK).map(Block::merged));
    }

    fn fold(&mut self, clock_us: i64, keep: &Retention, samples_max: usize) {
        let edge_us = clock_us.saturating_sub(keep.raw_us);
        let cap = samples_max.max(2 * BLOCK);
        let mut folds = false;
        while self.held().len() >= 2 * BLOCK {
            let old = self.held().get(BLOCK - 1).is_some_and(|s| s.at_us <= edge_us);
            if !old && self.held().len() <= cap {
                break;
            }
            self.folded_early += if old { 0 } else { BLOCK as u64 };
            self.fold_block(keep);
            folds = true;
        }
        if folds {
            self.folded.panes.drop_before(clock_us.saturating_sub(keep.panes_us), keep.pane_us);
            self.compact();
        }
    }

    fn fold_block(&mut self, keep: &Retention) {
        let end = (self.start + BLOCK).min(self.samples.len());
        let block = &self.samples[self.start..end];
        self.folded.count += block.len() as u64;
        self.folded.first = self.folded.first.or(block.first().copied());
        self.folded.last = block.last().copied().or(self.folded.last);
        self.folded.abnormal_us.resize(keep.normals.len(), i64::MIN);
        for (newest, (low, high)) in self.folded.abnormal_us.iter_mut().zip(&keep.normals) {
            if let Some(s) = block.iter().rev().find(|s| !(s.value >= *low && s.value <= *high)) {
                *newest = s.at_us;
            }
        }
        if keep.pane_us > 0 {
            for sample in block {
                self.folded.panes.add(*sample, keep.pane_us);
            }
        }
        self.start = end;
    }

    /// Gives the folded front back once it is a quarter of the ring: a constant cost a write over time.
    fn compact(&mut self) {
        if self.start * 4 < self.samples.len() {
            return;
        }
        self.samples.drain(..self.start);
        self.start = 0;
        self.levels = Default::default();
        self.sum_from(0);
    }

    /// Raw samples, oldest first.
    #[inline]
    pub fn held(&self) -> &[Sample] {
        self.samples.get(self.start..).unwrap_or(&[])
    }

    /// The newest value at or before `t_us`, folded ones included.
    #[inline]
    pub fn last(&self, t_us: i64) -> Option<Sample> {
        self.held().get(..self.seen(t_us)).and_then(|seen| seen.last().copied()).or(self.folded.last)
    }

    /// How many held samples were observed at or before `t_us`.
    #[inline]
    pub fn seen(&self, t_us: i64) -> usize {
        let held = self.held();
        match held.last() {
            None => 0,
            Some(newest) if newest.at_us <= t_us => held.len(),
            Some(_) => held.partition_point(|s| s.at_us <= t_us),
        }
    }

    /// Samples folded because the cap was reached: windows that reach back to them are short of them.
    pub fn folded_early(&self) -> u64 {
        self.folded_early
    }

    /// Heap and own bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.samples.capacity() * size_of::<Sample>()
            + self.levels.iter().map(|level| level.capacity() * size_of::<Block>()).sum::<usize>()
            + self.folded.panes.bytes()
    }

    /// Takes in the samples of another series of the same signal (patients merged); this one's value wins at the same time.
    pub(super) fn absorb(&mut self, other: &Series, keep: &Retention) {
        let mut all: Vec<Sample> = self.held().iter().chain(other.held()).copied().collect();
        all.sort_by_key(|s| s.at_us); // stable: own samples first
        all.dedup_by_key(|s| s.at_us);
        self.folded.absorb(&other.folded);
        // One folded edge for both: what is held behind it would never be corrected nor folded in order again.
        let edge_us = self.folded.last.map_or(i64::MIN, |s| s.at_us);
        let split = all.partition_point(|s| s.at_us <= edge_us);
        for sample in &all[..split] {
            self.folded.count += 1;
            if self.folded.first.is_none_or(|f| sample.at_us < f.at_us) {
                self.folded.first = Some(*sample);
            }
            for (newest, (low, high)) in self.folded.abnormal_us.iter_mut().zip(&keep.normals) {
                if !(sample.value >= *low && sample.value <= *high) {
                    *newest = sample.at_us.max(*newest);
                }
            }
            if keep.pane_us > 0 {
                self.folded.panes.add(*sample, keep.pane_us);
            }
        }
        all.drain(..split);
        self.samples = all;
        self.start = 0;
        self.folded_early += other.folded_early;
        self.levels = Default::default();
        self.sum_from(0);
    }

    /// Another set of plans: ranges keep what is known of them, panes of another width start anew.
    pub(super) fn replan(&mut self, old: &Retention, new: &Retention) {
        let known = std::mem::take(&mut self.folded.abnormal_us);
        let newest = |range: &(f64, f64)| {
            let at = old.normals.iter().position(|r| r == range)?;
            known.get(at).copied()
        };
        self.folded.abnormal_us = new.normals.iter().map(|range| newest(range).unwrap_or(i64::MIN)).collect();
        if old.pane_us != new.pane_us {
            self.folded.panes = Panes::default();
        }
    }

    pub(super) fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Held samples by index into `held`, and the whole ring for the walk.
    pub(super) fn ring(&self) -> (&[Sample], usize, &[Vec<Block>; LEVELS]) {
        (&self.samples, self.start, &self.levels)
    }
}

impl Folded {
    fn absorb(&mut self, other: &Folded) {
        self.count += other.count;
        let oldest = |a: Sample, b: Sample| if b.at_us < a.at_us { b } else { a };
        let newest = |a: Sample, b: Sample| if b.at_us > a.at_us { b } else { a };
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(oldest(a, b)),
            (a, b) => a.or(b),
        };
        self.last = match (self.last, other.last) {
            (Some(a), Some(b)) => Some(newest(a, b)),
            (a, b) => a.or(b),
        };
        self.abnormal_us.resize(self.abnormal_us.len().max(other.abnormal_us.len()), i64::MIN);
        for (mine, theirs) in self.abnormal_us.iter_mut().zip(&other.abnormal_us) {
            *mine = (*mine).max(*theirs);
        }
        self.panes.absorb(&other.panes);
    }
}

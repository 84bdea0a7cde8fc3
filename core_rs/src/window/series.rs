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

use super::block::{Block, Sample};
use super::folded::Folded;
use super::packed;
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
    /// A withdrawal of a time that holds no value: one that comes later for it will be superseded.
    NoMatch,
    /// A value of a time that was corrected or withdrawn before it came; nothing changed.
    Superseded,
    /// The time is already folded; nothing changed.
    Expired,
}

/// How a value is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// For the first time, as far as its sender says: it replaces another of its kind, never a correction.
    Told,
    /// As a correction: it stands against whatever else is told of its time, before or after.
    Corrected,
    /// As wrong: there is no value of its time, whatever else is told of it, until a correction.
    Withdrawn,
    /// By a recording that holds only what took effect: it replaces or, not being a number, removes.
    Effective,
}

/// The ring. Serialises raw samples only: the sums are made again on restore, with the same bits.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Stored")]
pub struct Series {
    samples: Vec<Sample>,
    /// Samples at the front that are folded and wait for compaction; a multiple of 16.
    start: usize,
    /// As many more before them, of which a restart keeps the number alone; a multiple of 4,096.
    lead: usize,
    levels: [Vec<Block>; LEVELS],
    folded: Folded,
    /// Samples folded because of the cap, not of their age.
    folded_early: u64,
}

/// As a snapshot holds it.
#[derive(Deserialize)]
struct Stored {
    start: u32,
    #[serde(deserialize_with = "packed::deserialize")]
    held: Vec<Sample>,
    folded: Folded,
    folded_early: u64,
}

/// The same, to be written without a copy.
#[derive(Serialize)]
struct Storing<'a> {
    start: u32,
    #[serde(serialize_with = "packed::serialize")]
    held: &'a [Sample],
    folded: &'a Folded,
    folded_early: u64,
}

impl Serialize for Series {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { start, lead, folded, folded_early, .. } = self;
        Storing { start: (lead + start) as u32, held: self.held(), folded, folded_early: *folded_early }.serialize(serializer)
    }
}

impl From<Stored> for Series {
    fn from(stored: Stored) -> Self {
        // The gap keeps every held sample in the block it was in; what it holds is never read. Whole blocks of the last level are
        // not made again, so that what a snapshot claims costs 64 KiB and no more.
        let filler = stored.held.first().copied().unwrap_or(Sample { at_us: 0, value: 0.0 });
        let folded = stored.start as usize / BLOCK * BLOCK;
        let start = folded % SPAN[LEVELS - 1];
        let lead = folded - start;
        let mut samples = Vec::with_capacity(start + stored.held.len());
        samples.resize(start, filler);
        samples.extend_from_slice(&stored.held);
        let mut series =
            Self { samples, start, lead, levels: Default::default(), folded: stored.folded, folded_early: stored.folded_early };
        series.sum_from(0);
        series
    }
}

impl Series {
    /// Nothing held yet; what came up to this sample is not known.
    pub(super) fn after(lost: Option<Sample>) -> Self {
        Self { folded: Folded { last: lost, ..Folded::default() }, ..Self::default() }
    }

    /// Adds, replaces or withdraws the value of one time, and says whether a sample newer than all others was added. Folds
    /// nothing: `fold` follows.
    #[inline]
    pub(super) fn write(&mut self, sample: Sample, withdrawn: bool) -> (Change, bool) {
        let newest = self.samples.last().map_or(i64::MIN, |s| s.at_us);
        if sample.at_us > newest && !withdrawn && self.folded.last.is_none_or(|f| sample.at_us > f.at_us) {
            self.push(sample);
            return (Change::Added, true);
        }
        (self.revise(sample, withdrawn), false)
    }

    /// Sets, replaces or removes the one sample in (`after_us`, `until_us`]: how cells are written. What is folded stays.
    #[inline]
    pub(super) fn put(&mut self, after_us: i64, until_us: i64, mean: Option<Sample>) {
        if self.folded.last.is_some_and(|f| f.at_us > after_us) {
            return;
        }
        let held = self.held();
        let at = match held.last() {
            Some(newest) if newest.at_us <= after_us => held.len(),
            _ => held.partition_point(|s| s.at_us <= after_us),
        };
        let at = self.start + at;
        match (self.samples.get_mut(at), mean) {
            (Some(known), Some(mean)) if known.at_us <= until_us => *known = mean,
            (Some(known), None) if known.at_us <= until_us => drop(self.samples.remove(at)),
            (_, None) => return,
            (Some(_), Some(mean)) => self.samples.insert(at, mean),
            (None, Some(mean)) => return self.push(mean),
        }
        self.sum_from(at);
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

    /// Folds the oldest samples, sixteen at a time, as long as they are not newer than `edge_us` or there are too many.
    pub(super) fn fold(&mut self, edge_us: i64, clock_us: i64, keep: &Retention, samples_max: usize) {
        self.fold_into(edge_us, clock_us, keep, samples_max, |_| ());
    }

    /// As `fold`; `gone` sees what is folded, sixteen samples at a time.
    pub(super) fn fold_into(
        &mut self,
        edge_us: i64,
        clock_us: i64,
        keep: &Retention,
        samples_max: usize,
        mut gone: impl FnMut(&[Sample]),
    ) {
        if self.held().len() < 2 * BLOCK {
            return;
        }
        let cap = samples_max.max(2 * BLOCK);
        let mut folds = false;
        while self.held().len() >= 2 * BLOCK {
            let old = self.held().get(BLOCK - 1).is_some_and(|s| s.at_us <= edge_us);
            if !old && self.held().len() <= cap {
                break;
            }
            self.folded_early += if old { 0 } else { BLOCK as u64 };
            let end = (self.start + BLOCK).min(self.samples.len());
            self.folded.take(&self.samples[self.start..end], keep);
            gone(&self.samples[self.start..end]);
            self.start = end;
            folds = true;
        }
        if folds {
            self.folded.panes.drop_before(clock_us.saturating_sub(keep.panes_us), keep.pane_us);
            self.compact();
        }
    }

    /// Gives the folded front back once it is a quarter of the ring: a constant cost a write over time.
    fn compact(&mut self) {
        if (self.lead + self.start) * 4 < self.lead + self.samples.len() {
            return;
        }
        self.samples.drain(..self.start);
        (self.start, self.lead) = (0, 0);
        self.levels = Default::default();
        self.sum_from(0);
    }

    /// Raw samples, oldest first.
    #[inline]
    pub fn held(&self) -> &[Sample] {
        self.samples.get(self.start..).unwrap_or(&[])
    }

    /// The held sample of exactly this time.
    pub fn at(&self, at_us: i64) -> Option<Sample> {
        let held = self.held();
        held.binary_search_by_key(&at_us, |sample| sample.at_us).ok().and_then(|at| held.get(at)).copied()
    }

    /// The newest value at or before `t_us`, folded ones included.
    #[inline]
    pub fn last(&self, t_us: i64) -> Option<Sample> {
        self.held().get(..self.seen(t_us)).and_then(|seen| seen.last().copied()).or(self.folded.last)
    }

    /// The newest value, folded ones included.
    #[inline]
    pub(super) fn newest(&self) -> Option<Sample> {
        self.held().last().copied().or(self.folded.last)
    }

    /// The oldest value of the stay if it was observed at or before `t_us`, folded ones included.
    #[inline]
    pub fn first(&self, t_us: i64) -> Option<Sample> {
        let held = self.held().first().copied();
        let oldest = match (self.folded.first, held) {
            (Some(a), Some(b)) => Some(if b.at_us < a.at_us { b } else { a }),
            (a, b) => a.or(b),
        };
        oldest.filter(|s| s.at_us <= t_us)
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

    /// Takes in another series of the same signal (patients merged), of its held samples `theirs`; of two samples with the same
    /// key this one's is kept.
    pub(super) fn absorb(&mut self, other: &Series, theirs: &[Sample], keep: &Retention, key: impl Fn(&Sample) -> i64) {
        let mut all: Vec<Sample> = self.held().iter().chain(theirs).copied().collect();
        all.sort_by_key(|s| key(s)); // stable: own samples first
        all.dedup_by_key(|s| key(s));
        // One folded edge for both: what is held behind it would never be corrected nor folded in order again.
        let newest = |series: &Series| series.folded.last.map_or(i64::MIN, |s| s.at_us);
        let edge_us = newest(self).max(newest(other));
        let split = all.partition_point(|s| s.at_us <= edge_us);
        self.folded.absorb(&other.folded, &all[..split], keep);
        all.drain(..split);
        self.samples = all;
        (self.start, self.lead) = (0, 0);
        self.folded_early += other.folded_early;
        self.levels = Default::default();
        self.sum_from(0);
    }

    pub(super) fn replan(&mut self, old: &Retention, new: &Retention) {
        self.folded.replan(old, new);
    }

    pub(super) fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Held samples by index into `held`, and the whole ring for the walk.
    pub(super) fn ring(&self) -> (&[Sample], usize, &[Vec<Block>; LEVELS]) {
        (&self.samples, self.start, &self.levels)
    }
}

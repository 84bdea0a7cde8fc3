//! Panes: sufficient statistics of one stretch of time, for windows too long for raw samples.
//!
//! Pane k of width p covers (k p, (k + 1) p]; a group sums 16 panes, so that a window of 288 panes is read in about 40 steps.
//! Only folded samples are in panes; what is still raw is read raw, so a window in panes is exact but for its lower edge, which
//! is the pane edge at or before `t - w`. 112 bytes a pane and 7 for its group.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::block::{Block, Sample};

/// Panes in a group.
const GROUP: i64 = 16;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pane {
    index: i64,
    first: Sample,
    block: Block,
}

/// Panes of one width, oldest first; empty ones are not stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Row {
    panes: VecDeque<Pane>,
}

/// The panes of one signal and their groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Panes {
    panes: Row,
    groups: Row,
}

/// How far back a walk over panes has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reached {
    /// Every pane from this index on is already in the sums; None at the start.
    below: Option<i64>,
    /// The oldest sample among them.
    pub first: Option<Sample>,
}

impl Panes {
    /// Adds a folded sample.
    pub fn add(&mut self, sample: Sample, pane_us: i64) {
        let index = (sample.at_us - 1).div_euclid(pane_us);
        let block = Block::of(&[sample]);
        self.panes.add(index, sample, &block);
        self.groups.add(index.div_euclid(GROUP), sample, &block);
    }

    /// Forgets panes that end at or before `edge_us`, and groups whose panes are all gone.
    pub fn drop_before(&mut self, edge_us: i64, pane_us: i64) {
        self.panes.drop_before(edge_us, pane_us);
        self.groups.drop_before(edge_us, pane_us.saturating_mul(GROUP));
    }

    /// Adds the panes that begin at or after `edge_us` (a pane edge) and are older than what was reached before.
    pub fn add_since(&self, edge_us: i64, pane_us: i64, reached: &mut Reached, sums: &mut Block) {
        if pane_us <= 0 {
            return;
        }
        let from = edge_us.div_euclid(pane_us);
        let mut below = reached.below.unwrap_or(i64::MAX);
        while let Some(pane) = self.panes.newest_below(below).filter(|pane| pane.index >= from) {
            let group = pane.index.div_euclid(GROUP);
            let whole = below > group.saturating_mul(GROUP) + GROUP - 1 && group * GROUP >= from;
            match self.groups.newest_below(group + 1).filter(|found| whole && found.index == group) {
                Some(found) => {
                    sums.add(&found.block);
                    reached.first = Some(found.first);
                    below = group * GROUP;
                }
                None => {
                    sums.add(&pane.block);
                    reached.first = Some(pane.first);
                    below = pane.index;
                }
            }
        }
        reached.below = Some(below);
    }

    /// The panes of a merged patient.
    pub fn absorb(&mut self, other: &Panes) {
        for (mine, theirs) in [(&mut self.panes, &other.panes), (&mut self.groups, &other.groups)] {
            for pane in &theirs.panes {
                mine.add(pane.index, pane.first, &pane.block);
            }
        }
    }

    /// Heap bytes.
    pub fn bytes(&self) -> usize {
        (self.panes.panes.capacity() + self.groups.panes.capacity()) * size_of::<Pane>()
    }
}

impl Row {
    fn add(&mut self, index: i64, first: Sample, block: &Block) {
        let at = match self.panes.back() {
            Some(newest) if newest.index == index => self.panes.len() - 1,
            Some(newest) if newest.index > index => self.panes.partition_point(|p| p.index < index),
            _ => self.panes.len(),
        };
        match self.panes.get_mut(at) {
            Some(pane) if pane.index == index => {
                pane.block.add(block);
                if first.at_us < pane.first.at_us {
                    pane.first = first;
                }
            }
            _ => {
                if self.panes.len() == self.panes.capacity() {
                    self.panes.reserve_exact((self.panes.len() / 4).max(4));
                }
                self.panes.insert(at, Pane { index, first, block: *block });
            }
        }
    }

    fn drop_before(&mut self, edge_us: i64, width_us: i64) {
        while self.panes.front().is_some_and(|p| (p.index + 1).saturating_mul(width_us) <= edge_us) {
            self.panes.pop_front();
        }
    }

    /// The newest pane with an index below. Panes are mostly without gaps: counted back from the newest, else searched.
    #[inline]
    fn newest_below(&self, below: i64) -> Option<&Pane> {
        let newest = self.panes.back()?;
        if newest.index < below {
            return Some(newest);
        }
        let back = usize::try_from(newest.index - below).ok()?;
        let guess = self.panes.len().checked_sub(back + 2).and_then(|at| self.panes.get(at));
        if let Some(found) = guess.filter(|p| p.index == below - 1) {
            return Some(found);
        }
        let at = self.panes.partition_point(|p| p.index < below);
        at.checked_sub(1).and_then(|at| self.panes.get(at))
    }
}

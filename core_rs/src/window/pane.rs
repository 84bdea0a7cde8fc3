//! Panes: sufficient statistics of one stretch of time, for windows too long for raw samples.
//!
//! Pane k of width p covers (k p, (k + 1) p]. Only folded samples are in panes; what is still raw is read raw, so a window in
//! panes is exact but for its lower edge, which is the pane edge at or before `t - w`. 112 bytes a pane.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::block::{Block, Sample};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pane {
    index: i64,
    first: Sample,
    block: Block,
}

/// The panes of one signal, oldest first; empty ones are not stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Panes {
    panes: VecDeque<Pane>,
}

impl Panes {
    /// Adds a folded sample.
    pub fn add(&mut self, sample: Sample, pane_us: i64) {
        let index = (sample.at_us - 1).div_euclid(pane_us);
        let at = match self.panes.back() {
            Some(newest) if newest.index == index => self.panes.len() - 1,
            Some(newest) if newest.index > index => self.panes.partition_point(|p| p.index < index),
            _ => self.panes.len(),
        };
        match self.panes.get_mut(at) {
            Some(pane) if pane.index == index => {
                pane.block.add_samples(&[sample]);
                if sample.at_us < pane.first.at_us {
                    pane.first = sample;
                }
            }
            _ => {
                if self.panes.len() == self.panes.capacity() {
                    self.panes.reserve_exact((self.panes.len() / 4).max(4));
                }
                self.panes.insert(at, Pane { index, first: sample, block: Block::of(&[sample]) });
            }
        }
    }

    /// Forgets panes that end at or before `edge_us`.
    pub fn drop_before(&mut self, edge_us: i64, pane_us: i64) {
        while self.panes.front().is_some_and(|p| (p.index + 1).saturating_mul(pane_us) <= edge_us) {
            self.panes.pop_front();
        }
    }

    /// Adds all panes that begin at or after `edge_us` to the sums; the oldest sample among them. `edge_us` is a pane edge.
    pub fn add_since(&self, edge_us: i64, pane_us: i64, sums: &mut Block) -> Option<Sample> {
        if pane_us <= 0 {
            return None;
        }
        let from = edge_us.div_euclid(pane_us);
        let mut first = None;
        for pane in self.panes.iter().rev().take_while(|p| p.index >= from) {
            sums.add(&pane.block);
            first = Some(pane.first);
        }
        first
    }

    /// The panes of a merged patient.
    pub fn absorb(&mut self, other: &Panes, pane_us: i64) {
        if pane_us <= 0 {
            return;
        }
        for theirs in &other.panes {
            let at = self.panes.partition_point(|p| p.index < theirs.index);
            match self.panes.get_mut(at) {
                Some(mine) if mine.index == theirs.index => {
                    mine.block.add(&theirs.block);
                    if theirs.first.at_us < mine.first.at_us {
                        mine.first = theirs.first;
                    }
                }
                _ => self.panes.insert(at, theirs.clone()),
            }
        }
    }

    /// Heap bytes.
    pub fn bytes(&self) -> usize {
        self.panes.capacity() * size_of::<Pane>()
    }
}

//! One decision tree, checked, with LightGBM's decision as the plain definition the fast paths are tested against.
//!
//! Rows are f32. A threshold is a f64; `x <= t` for a f32 `x` is the same as `x <= floor32(t)`, the largest f32 not above t,
//! so comparing in f32 is exact. Values within 1e-35 of zero are zero, as LightGBM's own prediction buffer makes them.

use super::text::{DEPTH_MAX, ModelRefused, malformed};

/// LightGBM's `kZeroThreshold`: closer to zero than this is zero.
pub const ZERO: f32 = 1e-35;

/// Missing type 0: NaN counts as zero.
pub const MISSING_NONE: u8 = 0;
/// Missing type 1: zero and NaN go the default way.
pub const MISSING_ZERO: u8 = 1;
/// Missing type 2: NaN goes the default way.
#[cfg_attr(not(test), allow(dead_code))]
pub const MISSING_NAN: u8 = 2;

/// An inner node: rows go left when the value is at most the threshold, or among the categories.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Column of the row.
    pub feature: u32,
    /// Upper bound (inclusive) of what goes left; for a categorical split an index that is no longer needed.
    pub threshold: f64,
    /// The bitset of categories that go left, 32 a word; None for a numerical split.
    pub categories: Option<Vec<u32>>,
    /// Where missing values go.
    pub default_left: bool,
    /// `MISSING_NONE`, `MISSING_ZERO` or `MISSING_NAN`.
    pub missing: u8,
    /// The left child: a node when >= 0, leaf `!child` when negative.
    pub left: i32,
    /// The right child, alike.
    pub right: i32,
}

/// A tree whose children were checked: every node and leaf is reached from the root exactly once.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Inner nodes, root first; empty when the tree is a single leaf.
    pub splits: Vec<Split>,
    /// One more than there are splits.
    pub leaf_values: Vec<f64>,
    /// Training rows per leaf; empty when the model does not say.
    pub leaf_counts: Vec<f64>,
    /// Training rows per inner node; empty when the model does not say.
    pub node_counts: Vec<f64>,
    /// Splits on the longest way from the root to a leaf.
    pub depth: usize,
}

impl Tree {
    pub(super) fn new(
        splits: Vec<Split>,
        leaf_values: Vec<f64>,
        leaf_counts: Vec<f64>,
        node_counts: Vec<f64>,
    ) -> Result<Self, ModelRefused> {
        let mut tree = Self { splits, leaf_values, leaf_counts, node_counts, depth: 0 };
        tree.depth = tree.checked_depth()?;
        Ok(tree)
    }

    fn checked_depth(&self) -> Result<usize, ModelRefused> {
        if self.splits.is_empty() {
            return Ok(0);
        }
        let mut node_seen = vec![false; self.splits.len()];
        let mut leaf_seen = vec![false; self.leaf_values.len()];
        let mut waiting = vec![(0i32, 0usize)];
        let mut deepest = 0;
        while let Some((at, depth)) = waiting.pop() {
            deepest = deepest.max(depth);
            if depth > DEPTH_MAX {
                return malformed(format!("a leaf is more than {DEPTH_MAX} splits deep"));
            }
            let seen = if at >= 0 { node_seen.get_mut(at as usize) } else { leaf_seen.get_mut(!at as usize) };
            match seen {
                Some(seen) if !*seen => *seen = true,
                Some(_) => return malformed("a node is the child of two"),
                None => return malformed("a child is out of range"),
            }
            if let (true, Some(split)) = (at >= 0, self.splits.get(at as usize)) {
                waiting.push((split.right, depth + 1));
                waiting.push((split.left, depth + 1));
            }
        }
        if node_seen.iter().chain(&leaf_seen).all(|seen| *seen) { Ok(deepest) } else { malformed("a node is never reached") }
    }

    /// Leaves from left to right, as LightGBM numbers them.
    pub fn leaves_in_order(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.leaf_values.len());
        let mut waiting = vec![if self.splits.is_empty() { !0 } else { 0i32 }];
        while let Some(at) = waiting.pop() {
            match self.splits.get(at as usize) {
                Some(split) if at >= 0 => waiting.extend([split.right, split.left]),
                _ => order.push(!at as u32),
            }
        }
        order
    }

    #[cfg(test)]
    /// The leaf a row falls into, by LightGBM's definition, one node after the other.
    pub fn leaf(&self, row: &[f32]) -> usize {
        let mut at = if self.splits.is_empty() { !0 } else { 0i32 };
        while let Some(split) = usize::try_from(at).ok().and_then(|node| self.splits.get(node)) {
            let value = row.get(split.feature as usize).copied().unwrap_or(f32::NAN);
            at = if split.goes_left(value) { split.left } else { split.right };
        }
        !at as usize
    }
}

impl Split {
    #[cfg(test)]
    /// LightGBM's decision for one value.
    pub fn goes_left(&self, value: f32) -> bool {
        if let Some(set) = &self.categories {
            return in_set(set, value);
        }
        let mut x = f64::from(value);
        if x.abs() <= f64::from(ZERO) || (x.is_nan() && self.missing != MISSING_NAN) {
            x = 0.0;
        }
        match self.missing {
            MISSING_ZERO if x == 0.0 => self.default_left,
            MISSING_NAN if x.is_nan() => self.default_left,
            _ => x <= self.threshold,
        }
    }
}

/// Whether a category (truncated towards zero; negative, NaN and unknown ones are in no set) is in a bitset.
pub fn in_set(set: &[u32], value: f32) -> bool {
    if value.is_nan() || value <= -1.0 {
        return false;
    }
    let category = value as u32;
    set.get((category >> 5) as usize).is_some_and(|word| word >> (category & 31) & 1 == 1)
}

/// The largest f32 that is not above `t`.
pub fn floor32(t: f64) -> f32 {
    let near = t as f32;
    if f64::from(near) <= t { near } else { near.next_down() }
}

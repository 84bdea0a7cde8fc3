//! Trees of at most 64 leaves as bit vectors: no branches, 32 rows at a time.
//!
//! A tree's leaves are bits, the leftmost leaf the highest. Every split whose row goes right clears the leaves under its left
//! child; the highest bit that remains is the exit leaf (QuickScorer, Lucchese et al., SIGIR 2015; its vector form, SIGIR
//! 2016). Here the splits stay in the order of their tree, so a tree's 32 bit vectors never leave the registers.
//! Leaf values are added in the order of the model: every instruction set gives the same bits as LightGBM.

use super::columns::{Columns, Cut};
use super::text::{ModelRefused, malformed};
use super::tree::Tree;

/// Rows in a block.
pub(super) const LANES: usize = 32;
/// Most leaves of a tree that fits.
pub(super) const LEAVES_MAX: usize = 64;

/// A split as the kernels read it.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Node {
    /// Where the column's lanes start in the block.
    pub at: u32,
    pub threshold: f32,
    /// The leaves that stay when the row goes right: 0 to 31, 32 to 63.
    pub keep: [u32; 2],
}

/// One tree's splits: `start..nan_right` send NaN left, `nan_right..end` send it right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub start: u32,
    pub nan_right: u32,
    pub end: u32,
}

/// The compiled forest.
#[derive(Debug, Clone)]
pub(super) struct BitForest {
    pub nodes: Vec<Node>,
    pub spans: Vec<Span>,
    /// Bit-vector words a tree needs: 1 or 2.
    pub words: usize,
    /// `32 * words` a tree, from the leftmost leaf on, padded with zero.
    pub values: Vec<f64>,
    /// LightGBM's number of each of those leaves.
    pub numbers: Vec<u8>,
    columns: usize,
}

impl BitForest {
    /// None when some tree has more than 64 leaves.
    pub fn new(trees: &[Tree], columns: &mut Columns) -> Result<Option<Self>, ModelRefused> {
        let leaves = trees.iter().map(|t| t.leaf_values.len()).max().unwrap_or(1);
        if leaves > LEAVES_MAX {
            return Ok(None);
        }
        let words = leaves.div_ceil(32);
        let mut forest =
            Self { nodes: Vec::new(), spans: Vec::new(), words, values: Vec::new(), numbers: Vec::new(), columns: 0 };
        for tree in trees {
            forest.push(tree, columns)?;
        }
        forest.columns = columns.len();
        Ok(Some(forest))
    }

    fn push(&mut self, tree: &Tree, columns: &mut Columns) -> Result<(), ModelRefused> {
        let mut cuts: Vec<(Cut, u64)> = Vec::with_capacity(tree.splits.len());
        let mut ranges = vec![(0u32, 0u32); tree.splits.len()];
        let order = tree.leaves_in_order();
        let mut place = vec![0u32; tree.leaf_values.len()];
        for (at, leaf) in order.iter().enumerate() {
            place[*leaf as usize] = at as u32;
        }
        let range = |child: i32, ranges: &[(u32, u32)]| match usize::try_from(child) {
            Ok(node) => ranges[node],
            Err(_) => (place[!child as usize], place[!child as usize] + 1),
        };
        for node in children_first(tree) {
            let split = &tree.splits[node];
            let (left, right) = (range(split.left, &ranges), range(split.right, &ranges));
            if left.1 != right.0 {
                return malformed("leaves are out of order");
            }
            ranges[node] = (left.0, right.1);
            let cleared = (left.0..left.1).fold(0u64, |bits, leaf| bits | 1 << (63 - leaf));
            cuts.push((columns.cut(split), !cleared));
        }
        cuts.sort_by_key(|(cut, _)| (cut.nan_right, cut.column));
        let start = self.nodes.len();
        let nan_right = start + cuts.iter().filter(|(cut, _)| !cut.nan_right).count();
        self.nodes.extend(cuts.iter().map(|(cut, keep)| Node {
            at: cut.column * LANES as u32,
            threshold: cut.threshold,
            keep: [(keep >> 32) as u32, *keep as u32],
        }));
        self.spans.push(Span { start: start as u32, nan_right: nan_right as u32, end: self.nodes.len() as u32 });
        let stride = 32 * self.words;
        self.values.extend(order.iter().map(|leaf| tree.leaf_values[*leaf as usize]));
        self.numbers.extend(order.iter().map(|leaf| *leaf as u8));
        self.values.resize(self.spans.len() * stride, 0.0);
        self.numbers.resize(self.spans.len() * stride, 0);
        Ok(())
    }

    /// Whether a block of columns has the size the nodes were compiled for: the kernels' precondition.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub fn fits(&self, block: &[f32]) -> bool {
        block.len() >= self.columns * LANES
    }
}

fn children_first(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.splits.len());
    let mut waiting = vec![0i32];
    while let Some(at) = waiting.pop() {
        if let (true, Some(split)) = (at >= 0, tree.splits.get(at as usize)) {
            order.push(at as usize);
            waiting.extend([split.left, split.right]);
        }
    }
    order.reverse();
    order
}

/// Goes through the trees with the exit leaf (from the left, 0 first) of each lane.
#[inline(always)]
pub(super) fn exit_leaves<const WORDS: usize, const WIDE: bool>(
    forest: &BitForest,
    block: &[f32],
    mut visit: impl FnMut(usize, &[u32; LANES]),
) {
    for (tree, span) in forest.spans.iter().enumerate() {
        let mut kept = [[!0u32; LANES]; WORDS];
        let (start, middle, end) = (span.start as usize, span.nan_right as usize, span.end as usize);
        for node in &forest.nodes[start..middle] {
            if let Some(lanes) = block[node.at as usize..].first_chunk::<LANES>() {
                for (kept, keep) in kept.iter_mut().zip(node.keep) {
                    clear::<WIDE>(kept, lanes, keep, |x| x > node.threshold);
                }
            }
        }
        for node in &forest.nodes[middle..end] {
            if let Some(lanes) = block[node.at as usize..].first_chunk::<LANES>() {
                for (kept, keep) in kept.iter_mut().zip(node.keep) {
                    clear::<WIDE>(kept, lanes, keep, |x| x.is_nan() | (x > node.threshold));
                }
            }
        }
        let mut exits = [0u32; LANES];
        for lane in 0..LANES {
            let first = highest(kept[0][lane]);
            exits[lane] = if WORDS == 1 || kept[0][lane] != 0 { first } else { 32 + highest(kept[WORDS - 1][lane]) };
        }
        visit(tree, &exits);
    }
}

/// Clears the leaves under the left child in the lanes that go right. Two ways to write it, because compilers make good
/// vectors of the whole block only where registers are wide (`WIDE`: AVX2), and of fours elsewhere.
#[inline(always)]
fn clear<const WIDE: bool>(kept: &mut [u32; LANES], lanes: &[f32; LANES], keep: u32, right: impl Fn(f32) -> bool) {
    if WIDE {
        for (kept, x) in kept.iter_mut().zip(lanes) {
            *kept &= keep | u32::from(right(*x)).wrapping_sub(1);
        }
        return;
    }
    let (kept, _) = kept.as_chunks_mut::<4>();
    let (lanes, _) = lanes.as_chunks::<4>();
    for (kept, x) in kept.iter_mut().zip(lanes) {
        let stay = x.map(|x| if right(x) { keep } else { !0 });
        *kept = [kept[0] & stay[0], kept[1] & stay[1], kept[2] & stay[2], kept[3] & stay[3]];
    }
}

/// Leading zeros of a non-zero word, in steps every vector unit has: with the bit under the highest cleared, the conversion
/// to float cannot round up into the next power of two, so the exponent names the highest bit.
#[inline(always)]
fn highest(word: u32) -> u32 {
    let alone = word & !(word >> 1);
    158u32.wrapping_sub((alone as f32).to_bits() >> 23) & 31
}

/// The sums of all trees for the 32 rows of a block; plain Rust.
#[inline(always)]
pub(super) fn sums<const WORDS: usize, const WIDE: bool>(forest: &BitForest, block: &[f32], out: &mut [f64; LANES]) {
    out.fill(0.0);
    exit_leaves::<WORDS, WIDE>(forest, block, |tree, exits| {
        let values = &forest.values[tree * 32 * WORDS..(tree + 1) * 32 * WORDS];
        for (sum, exit) in out.iter_mut().zip(exits) {
            *sum += values[*exit as usize & (32 * WORDS - 1)];
        }
    });
}

//! Exact path-dependent TreeSHAP (Lundberg, Erion, Lee, arXiv:1802.03888), by quadrature.
//!
//! For one leaf of value v, whose path looks at d different features, the game is a product: with o_j in {0, 1} (does the row
//! follow the path on feature j) and z_j (share of training rows that do), f(S) = v * prod(S: o_j) * prod(not S: z_j). The
//! Shapley value of i is the integral of its multilinear extension (Owen 1972):
//!     phi_i = v (o_i - z_i) * integral 0..1 of prod_{j != i} (z_j (1 - t) + o_j t) dt,
//! a polynomial of degree d - 1, which Gauss-Legendre with at least d/2 points integrates exactly. All terms of the product
//! are positive, so nothing cancels: the result equals LightGBM's `pred_contrib` within 1e-9 (in practice 1e-14 relative).
//! With w points a tree of L leaves costs O(L w): products down the tree, sums back up, no path is unwound.

use super::Isa;
use super::columns::Columns;
use super::tree::Tree;

/// Points side by side: one AVX-512 register. Deeper trees use several of these.
const POINTS: usize = 8;
type Points = [f64; POINTS];

/// A split, its children in `edges` at `2 * index` and `2 * index + 1` (left, right).
#[derive(Debug, Clone, Copy)]
struct Fork {
    column: u32,
    feature: u32,
    threshold: f32,
    nan_right: bool,
    /// The edge leading here; `NONE` for a root.
    above: u32,
    /// The nearest edge above that decides on the same feature; `NONE` where there is none.
    same: u32,
}

/// The way from a fork to a child.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// Share of the fork's training rows that go this way.
    ratio: f64,
    /// Product of the ratios of this feature from the root to here: z.
    zero: f64,
    /// The leaf's value; 0 for edges into forks.
    value: f64,
}

const NONE: u32 = u32::MAX;

/// One tree's share of the arrays, parents before children.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    /// Registers of points this tree needs.
    blocks: u32,
}

/// The forest as TreeSHAP reads it.
#[derive(Debug, Clone)]
pub(super) struct Explainer {
    forks: Vec<Fork>,
    edges: Vec<Edge>,
    spans: Vec<Span>,
    /// Expected raw score, LightGBM's way: leaf values weighted by training counts, tree after tree.
    expected: f64,
    /// Nodes and weights for 1, 2, ... blocks, each (1 - t, t, weight, 1 / (1 - t)).
    rules: Vec<Vec<[Points; 4]>>,
    forks_max: usize,
    features: usize,
}

/// Memory for one explanation after the other.
#[derive(Debug)]
pub(super) struct Work {
    /// Product of the factors from the root to each edge.
    product: Vec<Points>,
    /// Does the row follow the feature's whole path to here.
    follows: Vec<bool>,
    /// Weighted sums of the leaves below.
    below: Vec<Points>,
    shares: Vec<Points>,
}

impl Explainer {
    pub fn new(trees: &[Tree], columns: &mut Columns, features: usize) -> Result<Self, &'static str> {
        let mut made = Self {
            forks: Vec::new(),
            edges: Vec::new(),
            spans: Vec::new(),
            expected: 0.0,
            rules: Vec::new(),
            forks_max: 0,
            features,
        };
        for tree in trees {
            made.push(tree, columns)?;
        }
        let blocks_max = made.spans.iter().map(|s| s.blocks as usize).max().unwrap_or(1);
        made.rules = (1..=blocks_max).map(|blocks| gauss_legendre(blocks * POINTS)).collect();
        Ok(made)
    }

    fn push(&mut self, tree: &Tree, columns: &mut Columns) -> Result<(), &'static str> {
        if tree.splits.is_empty() {
            self.expected += tree.leaf_values.first().copied().unwrap_or(0.0);
            return Ok(());
        }
        if tree.node_counts.len() != tree.splits.len() || tree.leaf_counts.len() != tree.leaf_values.len() {
            return Err("its text has no training counts (leaf_count, internal_count)");
        }
        if tree.node_counts.iter().any(|count| *count <= 0.0) {
            return Err("its training counts are zero somewhere");
        }
        let total = tree.node_counts[0];
        self.expected += tree.leaf_values.iter().zip(&tree.leaf_counts).map(|(v, c)| c / total * v).sum::<f64>();
        let start = self.forks.len();
        let deepest = self.lay_out(tree, columns, start);
        let blocks = deepest.div_ceil(2).div_ceil(POINTS).max(1);
        self.forks_max = self.forks_max.max(self.forks.len() - start);
        self.spans.push(Span { start: start as u32, end: self.forks.len() as u32, blocks: blocks as u32 });
        Ok(())
    }

    /// Appends a tree, parents first; gives the most different features on any path. Edge numbers count from the tree's start.
    fn lay_out(&mut self, tree: &Tree, columns: &mut Columns, start: usize) -> usize {
        let mut waiting = vec![(0usize, NONE, 0usize)];
        let mut deepest = 0;
        while let Some((node, above, distinct)) = waiting.pop() {
            let split = &tree.splits[node];
            let here = self.forks.len() - start;
            let cut = columns.cut(split);
            let mut same = above;
            while same != NONE && self.forks[start + same as usize / 2].feature != split.feature {
                same = self.forks[start + same as usize / 2].above;
            }
            let distinct = distinct + usize::from(same == NONE);
            deepest = deepest.max(distinct);
            let zero_above = if same == NONE { 1.0 } else { self.edges[2 * start + same as usize].zero };
            self.forks.push(Fork {
                column: cut.column,
                feature: split.feature,
                threshold: cut.threshold,
                nan_right: cut.nan_right,
                above,
                same,
            });
            for (side, child) in [split.left, split.right].into_iter().enumerate() {
                let (count, value) = match usize::try_from(child) {
                    Ok(node) => (tree.node_counts[node], 0.0),
                    Err(_) => (tree.leaf_counts[!child as usize], tree.leaf_values[!child as usize]),
                };
                let ratio = count / tree.node_counts[node];
                self.edges.push(Edge { ratio, zero: zero_above * ratio, value });
                if let Ok(child) = usize::try_from(child) {
                    waiting.push((child, (2 * here + side) as u32, distinct));
                }
            }
        }
        deepest
    }

    /// Expected raw score.
    pub fn expected(&self) -> f64 {
        self.expected
    }

    /// Fresh memory for `explain`.
    pub fn work(&self) -> Work {
        Work {
            product: vec![[0.0; POINTS]; 2 * self.forks_max],
            follows: vec![false; 2 * self.forks_max],
            below: vec![[0.0; POINTS]; 2 * self.forks_max],
            shares: vec![[0.0; POINTS]; self.features],
        }
    }

    /// Shares of one row, given by its columns: `features + 1` places, the last one the expected score.
    pub fn explain(&self, isa: Isa, columns: &[f32], work: &mut Work, out: &mut [f64]) {
        work.shares.fill([0.0; POINTS]);
        match isa {
            // Compiled for AVX-512 the same loops take 2.7 times as long, so its processors use AVX2 here.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: `isa` is only ever set to what the processor was found to have; AVX-512 F includes AVX2.
            Isa::Avx512 | Isa::Avx2 => unsafe { self.all_trees_avx2(columns, work) },
            _ => self.all_trees(columns, work),
        }
        if let Some((expected, shares)) = out.split_last_mut() {
            *expected = self.expected;
            for (out, share) in shares.iter_mut().zip(&work.shares) {
                *out = share.iter().sum();
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn all_trees_avx2(&self, columns: &[f32], work: &mut Work) {
        self.all_trees(columns, work);
    }

    #[inline(always)]
    fn all_trees(&self, columns: &[f32], work: &mut Work) {
        for span in &self.spans {
            let (start, end) = (span.start as usize, span.end as usize);
            let (forks, edges) = (&self.forks[start..end], &self.edges[2 * start..2 * end]);
            for rule in &self.rules[span.blocks as usize - 1] {
                down(forks, edges, columns, rule, work);
                up(forks, edges, rule, work);
            }
        }
    }
}

/// Products of the factors from the root to every edge.
#[inline(always)]
fn down(forks: &[Fork], edges: &[Edge], columns: &[f32], [one_minus_t, t, weight, _]: &[Points; 4], work: &mut Work) {
    for (index, fork) in forks.iter().enumerate() {
        let x = columns[fork.column as usize];
        let right = (x > fork.threshold) | (x.is_nan() & fork.nan_right);
        let above = if fork.above == NONE { [1.0; POINTS] } else { work.product[fork.above as usize] };
        let followed = fork.same == NONE || work.follows[fork.same as usize];
        let base = if fork.same != NONE && followed {
            // The feature's factor so far is replaced, not multiplied.
            let zero = edges[fork.same as usize].zero;
            std::array::from_fn(|k| above[k] / (one_minus_t[k] * zero + t[k]))
        } else {
            above
        };
        for side in 0..2 {
            let at = 2 * index + side;
            let follows = followed & ((side == 1) == right);
            work.follows[at] = follows;
            let edge = &edges[at];
            work.product[at] = if followed {
                // Which way the row goes is not predictable: it is a factor, not a branch.
                let one = f64::from(u8::from(follows));
                std::array::from_fn(|k| base[k] * (one_minus_t[k] * edge.zero + t[k] * one))
            } else {
                // The feature already left the path: its factor z (1 - t) only shrinks.
                std::array::from_fn(|k| base[k] * edge.ratio)
            };
            // A leaf's weighted value; an inner edge has the value 0 and gets its sum on the way up.
            let product = work.product[at];
            work.below[at] = std::array::from_fn(|k| product[k] * weight[k] * edge.value);
        }
    }
}

/// Sums from the leaves to the root; every fork adds what its feature owns of the leaves below it.
#[inline(always)]
fn up(forks: &[Fork], edges: &[Edge], [one_minus_t, t, _, inverse]: &[Points; 4], work: &mut Work) {
    for (index, fork) in forks.iter().enumerate().rev() {
        let sums = [work.below[2 * index], work.below[2 * index + 1]];
        if fork.above != NONE {
            work.below[fork.above as usize] = std::array::from_fn(|k| sums[0][k] + sums[1][k]);
        }
        if fork.same != NONE && !work.follows[fork.same as usize] {
            // Off the path since above: both children own what the edge above already took.
            continue;
        }
        let hot = usize::from(work.follows[2 * index + 1]);
        let (on, off) = (&work.below[2 * index + hot], &work.below[2 * index + 1 - hot]);
        let zero = edges[2 * index + hot].zero;
        let mut share: Points =
            std::array::from_fn(|k| on[k] * (1.0 - zero) / (one_minus_t[k] * zero + t[k]) - off[k] * inverse[k]);
        if fork.same != NONE {
            let zero = edges[fork.same as usize].zero;
            for k in 0..POINTS {
                share[k] -= (sums[0][k] + sums[1][k]) * (1.0 - zero) / (one_minus_t[k] * zero + t[k]);
            }
        }
        let place = &mut work.shares[fork.feature as usize];
        for k in 0..POINTS {
            place[k] += share[k];
        }
    }
}

/// Gauss-Legendre on 0..1: roots of the Legendre polynomial by Newton's method, in blocks of (1 - t, t, weight, 1 / (1 - t)).
fn gauss_legendre(n: usize) -> Vec<[Points; 4]> {
    let mut blocks = vec![[[0.0; POINTS]; 4]; n / POINTS];
    for k in 0..n {
        let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            let (mut p, mut before) = (1.0, 0.0);
            for j in 1..=n {
                let j = j as f64;
                (p, before) = (((2.0 * j - 1.0) * x * p - (j - 1.0) * before) / j, p);
            }
            slope = n as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        let place = &mut blocks[k / POINTS];
        place[0][k % POINTS] = (1.0 - x) / 2.0;
        place[1][k % POINTS] = (1.0 + x) / 2.0;
        place[2][k % POINTS] = 1.0 / ((1.0 - x * x) * slope * slope);
        place[3][k % POINTS] = 2.0 / (1.0 - x);
    }
    blocks
}

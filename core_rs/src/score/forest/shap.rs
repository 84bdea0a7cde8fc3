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

/// Points side by side: two AVX2 registers. Deeper trees use several of these.
const POINTS: usize = 8;

/// One value at each point. One register of AVX-512 takes a third longer: what is stored here is loaded again at once.
#[derive(Debug, Clone, Copy)]
struct Points([f64; POINTS]);

impl Points {
    const ZERO: Self = Self([0.0; POINTS]);

    #[inline(always)]
    fn scaled(self, by: f64) -> Self {
        Self(std::array::from_fn(|k| self.0[k] * by))
    }
}

macro_rules! pointwise {
    ($($operator:ident $name:ident $op:tt;)*) => {$(
        impl std::ops::$operator for Points {
            type Output = Self;
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                Self(std::array::from_fn(|k| self.0[k] $op other.0[k]))
            }
        }
    )*};
}

pointwise! { Add add +; Sub sub -; Mul mul *; Div div /; }

/// Points of a quadrature on 0..1: 1 - t, t, weight, 1 / (1 - t).
type Rule = [Points; 4];

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
    /// The leaf's value; 1 for edges into forks.
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
    /// For 1, 2, ... blocks of points; empty where no tree needs so many.
    rules: Vec<Vec<Rule>>,
    forks_max: usize,
    features: usize,
}

/// Memory for one explanation after the other.
#[derive(Debug)]
pub(super) struct Work {
    /// On the way down the product of weight and factors from the root to each edge, at a leaf's edge times its value; on the
    /// way up the sum of that over the leaves below the edge.
    sums: Vec<Points>,
    /// Does the row follow the feature's whole path to here.
    follows: Vec<bool>,
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
        let mut needed = vec![false; blocks_max];
        for span in &made.spans {
            needed[span.blocks as usize - 1] = true;
        }
        let rule = |(blocks, needed)| if needed { gauss_legendre(blocks * POINTS) } else { Vec::new() };
        made.rules = (1..).zip(needed).map(rule).collect();
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
                    Ok(node) => (tree.node_counts[node], 1.0),
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
            sums: vec![Points::ZERO; 2 * self.forks_max],
            follows: vec![false; 2 * self.forks_max],
            shares: vec![Points::ZERO; self.features],
        }
    }

    /// Shares of one row, given by its columns: `features + 1` places, the last one the expected score.
    pub fn explain(&self, isa: Isa, columns: &[f32], work: &mut Work, out: &mut [f64]) {
        work.shares.fill(Points::ZERO);
        match isa {
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: `isa` is only ever set to what the processor was found to have; AVX-512 F includes AVX2.
            Isa::Avx512 | Isa::Avx2 => unsafe { self.all_trees_avx2(columns, work) },
            _ => self.all_trees(columns, work),
        }
        if let Some((expected, shares)) = out.split_last_mut() {
            *expected = self.expected;
            for (out, share) in shares.iter_mut().zip(&work.shares) {
                *out = share.0.iter().sum();
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

/// What a feature contributes to the product at each point: z (1 - t) + o t.
#[inline(always)]
fn factor(off: Points, on: Points, zero: f64, one: f64) -> Points {
    off.scaled(zero) + on.scaled(one)
}

/// Products of the points' weights and the factors from the root to every edge, at leaves times their values.
#[inline(always)]
fn down(forks: &[Fork], edges: &[Edge], columns: &[f32], &[off, on, weight, _]: &Rule, work: &mut Work) {
    let (pairs, _) = edges.as_chunks::<2>();
    for (index, (fork, pair)) in forks.iter().zip(pairs).enumerate() {
        let x = columns[fork.column as usize];
        let right = (x > fork.threshold) | (x.is_nan() & fork.nan_right);
        let mut base = if fork.above == NONE { weight } else { work.sums[fork.above as usize] };
        let followed = fork.same == NONE || work.follows[fork.same as usize];
        if fork.same != NONE && followed {
            // The feature's factor so far is replaced, not multiplied.
            base = base / factor(off, on, edges[fork.same as usize].zero, 1.0);
        }
        for (side, edge) in pair.iter().enumerate() {
            let at = 2 * index + side;
            let follows = followed & ((side == 1) == right);
            work.follows[at] = follows;
            work.sums[at] = if followed {
                // Which way the row goes is not predictable: it is a factor, not a branch.
                base * factor(off, on, edge.zero * edge.value, edge.value * f64::from(u8::from(follows)))
            } else {
                // The feature already left the path: its factor z (1 - t) only shrinks.
                base.scaled(edge.ratio * edge.value)
            };
        }
    }
}

/// Sums from the leaves to the root; every fork adds what its feature owns of the leaves below it.
#[inline(always)]
fn up(forks: &[Fork], edges: &[Edge], &[off, on, _, inverse]: &Rule, work: &mut Work) {
    for (index, fork) in forks.iter().enumerate().rev() {
        // The child the row goes to, and the other one: again a place, not a branch.
        let right = usize::from(work.follows[2 * index + 1]);
        let (hot, cold) = (work.sums[2 * index + right], work.sums[2 * index + 1 - right]);
        let both = hot + cold;
        if fork.above != NONE {
            work.sums[fork.above as usize] = both;
        }
        if fork.same != NONE && !work.follows[fork.same as usize] {
            // Off the path since above: both children own what the edge above already took.
            continue;
        }
        let zero = edges[2 * index + right].zero;
        let mut share = hot.scaled(1.0 - zero) / factor(off, on, zero, 1.0) - cold * inverse;
        if fork.same != NONE {
            let zero = edges[fork.same as usize].zero;
            share = share - both.scaled(1.0 - zero) / factor(off, on, zero, 1.0);
        }
        let place = &mut work.shares[fork.feature as usize];
        *place = *place + share;
    }
}

/// Gauss-Legendre on 0..1: roots of the Legendre polynomial by Newton's method, in blocks of (1 - t, t, weight, 1 / (1 - t)).
fn gauss_legendre(n: usize) -> Vec<Rule> {
    let mut blocks = vec![[Points::ZERO; 4]; n / POINTS];
    for k in 0..n {
        let mut x = libm::cos(std::f64::consts::PI * (k as f64 + 0.75) / (n as f64 + 0.5));
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
        place[0].0[k % POINTS] = (1.0 - x) / 2.0;
        place[1].0[k % POINTS] = (1.0 + x) / 2.0;
        place[2].0[k % POINTS] = 1.0 / ((1.0 - x * x) * slope * slope);
        place[3].0[k % POINTS] = 2.0 / (1.0 - x);
    }
    blocks
}

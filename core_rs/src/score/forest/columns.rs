//! A row as the fast paths want it: one column for each way some split looks at a feature.
//!
//! After this step every split is `x > threshold goes right` in f32, with one bit for where NaN goes:
//! missing type none sends NaN where zero goes; missing type zero looks at a copy of the column whose zeros became NaN (only
//! where the default way is not the way zero would go anyway); a categorical split looks at a column that is 1 where the
//! category is not in its set and 0 where it is.

use indexmap::IndexSet;

use super::tree::{MISSING_NONE, MISSING_ZERO, Split, ZERO, floor32, in_set};

/// How a column is made from its feature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    /// The value; within 1e-35 of zero is zero.
    Plain,
    /// The value; zero becomes NaN.
    ZeroIsMissing,
    /// 0 in the set, 1 outside.
    Outside(Vec<u32>),
}

/// All columns the splits of a forest look at, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    distinct: IndexSet<(u32, Source)>,
}

/// A split on a column: right when `x > threshold`, or when x is NaN and `nan_right`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub column: u32,
    pub threshold: f32,
    pub nan_right: bool,
}

impl Columns {
    /// The cut that decides as the split does, and its column.
    pub fn cut(&mut self, split: &Split) -> Cut {
        if let Some(set) = &split.categories {
            let column = self.index(split.feature, Source::Outside(set.clone()));
            return Cut { column, threshold: 0.5, nan_right: true };
        }
        let threshold = floor32(split.threshold);
        let zero_left = 0.0 <= split.threshold;
        let (source, nan_right) = match split.missing {
            MISSING_NONE => (Source::Plain, !zero_left),
            MISSING_ZERO if zero_left != split.default_left => (Source::ZeroIsMissing, !split.default_left),
            _ => (Source::Plain, !split.default_left),
        };
        Cut { column: self.index(split.feature, source), threshold, nan_right }
    }

    fn index(&mut self, feature: u32, source: Source) -> u32 {
        self.distinct.insert_full((feature, source)).0 as u32
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// The columns of up to `LANES` rows (row-major, `n_features` wide), each column's lanes side by side; lanes without a
    /// row are zero. `out` has `len() * LANES` places.
    pub fn fill<const LANES: usize>(&self, rows: &[f32], n_features: usize, out: &mut [f32]) {
        for ((feature, source), lanes) in self.distinct.iter().zip(out.chunks_exact_mut(LANES)) {
            let values = rows.iter().skip(*feature as usize).step_by(n_features.max(1));
            let mut filled = 0;
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane = *value;
                filled += 1;
            }
            lanes[filled..].fill(0.0);
            match source {
                Source::Plain => lanes.iter_mut().for_each(|x| *x = plain(*x)),
                Source::ZeroIsMissing => lanes.iter_mut().for_each(|x| *x = zero_is_missing(*x)),
                Source::Outside(set) => lanes.iter_mut().for_each(|x| *x = outside(set, *x)),
            }
        }
    }

    /// The columns of one row; `out` has `len()` places.
    pub fn fill_row(&self, row: &[f32], out: &mut [f32]) {
        for ((feature, source), out) in self.distinct.iter().zip(out) {
            let x = row.get(*feature as usize).copied().unwrap_or(f32::NAN);
            *out = match source {
                Source::Plain => plain(x),
                Source::ZeroIsMissing => zero_is_missing(x),
                Source::Outside(set) => outside(set, x),
            };
        }
    }
}

fn plain(x: f32) -> f32 {
    if x.abs() <= ZERO { 0.0 } else { x }
}

fn zero_is_missing(x: f32) -> f32 {
    if x.abs() <= ZERO { f32::NAN } else { x }
}

fn outside(set: &[u32], x: f32) -> f32 {
    if in_set(set, x) { 0.0 } else { 1.0 }
}

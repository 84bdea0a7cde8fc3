//! A native evaluator of LightGBM's binary models.
//!
//! Promise: raw scores equal LightGBM's to the last bit wherever LightGBM adds in tree order (parity tests hold 1e-12), the
//! leaves are the same, for NaN, zero-as-missing and categorical splits too; AVX-512, AVX2 and portable code agree to the last
//! bit; what cannot be evaluated is refused at load with the reason. Rows are f32, row-major; NaN is missing.
//!
//! Batches of trees with at most 64 leaves go through bit vectors (`bits`), up to five rows of trees with at most 32 through `ranked`, the
//! rest through `walk`.

mod bits;
mod columns;
mod ranked;
mod shap;
mod text;
mod tree;
mod walk;
#[cfg(target_arch = "x86_64")]
mod x86;

use bits::{BitForest, LANES};
use columns::Columns;
use ranked::Ranked;
use shap::Explainer;
pub use text::{FEATURES_MAX, LEAVES_MAX, MODEL_BYTES_MAX, ModelRefused, TREES_MAX};
use walk::Walker;

use super::calibration::logistic;

/// So many rows go one by one: a block of 32 would be mostly air.
const ROWS_WALKED_MAX: usize = 5;

/// The rows or the output do not have the shape the model needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Another width.
    #[error("rows have {given} features, the model has {expected}")]
    Width {
        /// Features a row was said to have.
        given: usize,
        /// Features of the model.
        expected: usize,
    },
    /// The row buffer is not whole rows, or the output does not match it.
    #[error("{values} values are not {rows} rows of {features} features")]
    Length {
        /// Values in the row buffer.
        values: usize,
        /// Rows the output asks for.
        rows: usize,
        /// Features of the model.
        features: usize,
    },
}

/// Which instructions evaluate batches. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust.
    Portable,
    /// Plain Rust compiled for AVX2.
    Avx2,
    /// AVX-512 F and CD.
    Avx512,
}

impl Isa {
    /// Every instruction set this processor has, best first.
    pub fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512cd") {
                found.push(Isa::Avx512);
            }
            let has_bits = is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2");
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("lzcnt") && has_bits {
                found.push(Isa::Avx2);
            }
        }
        found.push(Isa::Portable);
        found
    }
}

/// A loaded model, ready to score. Immutable; share it by reference between threads.
#[derive(Debug, Clone)]
pub struct Forest {
    feature_names: Vec<String>,
    sigmoid: f64,
    trees_averaged: Option<usize>,
    columns: Columns,
    bits: Option<BitForest>,
    ranked: Option<Ranked>,
    walker: Walker,
    values: Vec<Vec<f64>>,
    explainer: Result<Explainer, &'static str>,
    isa: Isa,
}

impl Forest {
    /// Reads a LightGBM text model (bytes of `model.txt`).
    pub fn from_text(text: &[u8]) -> Result<Self, ModelRefused> {
        let model = text::parse(text)?;
        let mut columns = Columns::default();
        let walker = Walker::new(&model.trees, &mut columns);
        let bits = BitForest::new(&model.trees, &mut columns)?;
        let isa = Isa::available().first().copied().unwrap_or(Isa::Portable);
        Ok(Self {
            explainer: Explainer::new(&model.trees, &mut columns, model.feature_names.len()),
            trees_averaged: model.average_output.then_some(model.trees.len()),
            values: model.trees.into_iter().map(|tree| tree.leaf_values).collect(),
            ranked: bits.as_ref().and_then(Ranked::of),
            feature_names: model.feature_names,
            sigmoid: model.sigmoid,
            columns,
            bits,
            walker,
            isa,
        })
    }

    /// The same forest on another instruction set (for tests and benchmarks); the portable one where the processor lacks it.
    pub fn on(mut self, isa: Isa) -> Self {
        self.isa = if Isa::available().contains(&isa) { isa } else { Isa::Portable };
        self
    }

    /// Which instructions evaluate batches.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The model's feature names, in column order.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Width of a row.
    pub fn n_features(&self) -> usize {
        self.feature_names.len()
    }

    /// How many trees.
    pub fn n_trees(&self) -> usize {
        self.values.len()
    }

    /// The model's own probability for a raw score: the logistic function of raw times the sigmoid factor (of the mean of the
    /// trees in a random forest). Calibration may replace it.
    pub fn probability(&self, raw: f64) -> f64 {
        let raw = self.trees_averaged.map_or(raw, |n| raw / n as f64);
        logistic(self.sigmoid * raw)
    }

    /// Raw scores (sum of the trees; log-odds over the sigmoid factor) of `out.len()` rows, row-major f32, NaN missing.
    pub fn predict_raw(&self, rows: &[f32], n_features: usize, out: &mut [f64]) -> Result<(), ShapeError> {
        self.check_shape(rows, n_features, out.len())?;
        match (&self.bits, &self.ranked) {
            (Some(bits), _) if out.len() > ROWS_WALKED_MAX => {
                let mut block = vec![0.0; self.columns.len() * LANES];
                let mut sums = [0.0; LANES];
                for (rows, out) in rows.chunks(n_features * LANES).zip(out.chunks_mut(LANES)) {
                    self.columns.fill::<LANES>(rows, n_features, &mut block);
                    self.sum_block(bits, &block, &mut sums);
                    out.copy_from_slice(&sums[..out.len()]);
                }
            }
            (Some(bits), Some(ranked)) => {
                let (mut columns, mut kept) = (vec![0.0; self.columns.len()], Vec::new());
                for (row, out) in rows.chunks_exact(n_features).zip(out) {
                    self.columns.fill_row(row, &mut columns);
                    *out = ranked.sum(bits, &columns, &mut kept);
                }
            }
            _ => self.walk(rows, n_features, |row, leaves| {
                out[row] = self.values.iter().zip(leaves).fold(0.0, |sum, (values, leaf)| sum + values[*leaf as usize]);
            }),
        }
        Ok(())
    }

    /// The leaf of each tree as LightGBM numbers it: `rows x n_trees`, row-major.
    pub fn predict_leaf(&self, rows: &[f32], n_features: usize, out: &mut [u32]) -> Result<(), ShapeError> {
        let n = out.len() / self.n_trees();
        if n * self.n_trees() != out.len() {
            return Err(ShapeError::Length { values: out.len(), rows: n, features: self.n_trees() });
        }
        self.check_shape(rows, n_features, n)?;
        let trees = self.n_trees();
        match &self.bits {
            Some(bits) if n > ROWS_WALKED_MAX => {
                let mut block = vec![0.0; self.columns.len() * LANES];
                for (rows, out) in rows.chunks(n_features * LANES).zip(out.chunks_mut(trees * LANES)) {
                    self.columns.fill::<LANES>(rows, n_features, &mut block);
                    let mut visit = |tree: usize, exits: &[u32; LANES]| {
                        for (row, exit) in out.chunks_exact_mut(trees).zip(exits) {
                            row[tree] = u32::from(bits.numbers[tree * 32 * bits.words + *exit as usize]);
                        }
                    };
                    match bits.words {
                        1 => bits::exit_leaves::<1, false>(bits, &block, &mut visit),
                        _ => bits::exit_leaves::<2, false>(bits, &block, &mut visit),
                    }
                }
            }
            _ => self.walk(rows, n_features, |row, leaves| out[row * trees..(row + 1) * trees].copy_from_slice(leaves)),
        }
        Ok(())
    }

    /// Exact path-dependent TreeSHAP of each row (Lundberg et al. 2018), `rows x (n_features + 1)`, row-major; the last column
    /// is the expected raw score. A row's shares sum to its raw score.
    pub fn shap(&self, rows: &[f32], n_features: usize, out: &mut [f64]) -> Result<(), ExplainError> {
        let width = self.n_features() + 1;
        let n = out.len() / width;
        if n * width != out.len() {
            return Err(ShapeError::Length { values: out.len(), rows: n, features: width }.into());
        }
        self.check_shape(rows, n_features, n)?;
        let explainer = self.explainer.as_ref().map_err(|why| ExplainError::NoCounts(why))?;
        let mut columns = vec![0.0; self.columns.len()];
        let mut work = explainer.work();
        for (row, out) in rows.chunks_exact(n_features).zip(out.chunks_exact_mut(width)) {
            self.columns.fill_row(row, &mut columns);
            explainer.explain(self.isa, &columns, &mut work, out);
        }
        Ok(())
    }

    /// The expected raw score: what TreeSHAP's shares are added to; None where the model cannot be explained.
    pub fn expected_raw(&self) -> Option<f64> {
        self.explainer.as_ref().ok().map(Explainer::expected)
    }

    fn check_shape(&self, rows: &[f32], n_features: usize, n: usize) -> Result<(), ShapeError> {
        let features = self.n_features();
        if n_features != features {
            return Err(ShapeError::Width { given: n_features, expected: features });
        }
        if rows.len() != n * features {
            return Err(ShapeError::Length { values: rows.len(), rows: n, features });
        }
        Ok(())
    }

    fn walk(&self, rows: &[f32], n_features: usize, mut visit: impl FnMut(usize, &[u32])) {
        let mut columns = vec![0.0; self.columns.len()];
        let mut leaves = vec![0; self.n_trees()];
        for (row, values) in rows.chunks_exact(n_features).enumerate() {
            self.columns.fill_row(values, &mut columns);
            self.walker.leaves(&columns, &mut leaves);
            visit(row, &leaves);
        }
    }

    fn sum_block(&self, bits: &BitForest, block: &[f32], sums: &mut [f64; LANES]) {
        match (self.isa, bits.words) {
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: `isa` is only ever set to what the processor was found to have.
            (Isa::Avx512, _) => unsafe { x86::sums_avx512(bits, block, sums) },
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            // SAFETY: as above.
            (Isa::Avx2, _) => unsafe { x86::sums_avx2(bits, block, sums) },
            (_, 1) => bits::sums::<1, false>(bits, block, sums),
            _ => bits::sums::<2, false>(bits, block, sums),
        }
    }
}

/// Why a row could not be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Rows or output of another shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The model's text lacks the training counts that TreeSHAP weighs by.
    #[error("the model cannot be explained: {0}")]
    NoCounts(&'static str),
}

#[cfg(test)]
mod tests;

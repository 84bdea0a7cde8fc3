//! What Python sees of bundles: loaded and checked as the engine loads them, and their probabilities of feature rows
//! (evaluation, tests of what training wrote).

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::engine::CoreError;
use super::explain::{self, GivenInput};
use super::score::{read_rows, refuse};
use crate::alert::{Policy, PolicyError};
use crate::score;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scorers>()
}

/// The rules and the given bundles. See `_core.pyi`.
#[pyclass(frozen, module = "nightlamp._core")]
pub(super) struct Scorers {
    pub(super) inner: Arc<score::Scorers>,
}

#[pymethods]
impl Scorers {
    #[new]
    fn new(py: Python<'_>, bundle_folders: Vec<PathBuf>) -> PyResult<Self> {
        Ok(Self { inner: Arc::new(py.detach(|| score::Scorers::load(&bundle_folders)).map_err(refuse)?) })
    }

    fn listing<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.listing().to_string().as_bytes())
    }

    /// Reads an alert policy with these scores; its notes.
    fn check_policy(&self, py: Python<'_>, text: &str) -> PyResult<Vec<String>> {
        let read = py.detach(|| Policy::parse(text, &self.inner.names()));
        let refused = |error: PolicyError| CoreError::new_err(("policy_refused", 422, error.message, error.line));
        Ok(read.map_err(refused)?.notes)
    }

    /// float64 bytes: the calibrated probability of each row of the bundle of this name.
    fn probabilities<'py>(&self, name: &str, rows: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = rows.py();
        let named = |bundle: &&score::Bundle| bundle.manifest().name == name;
        let Some(bundle) = self.inner.bundles().iter().find(named) else {
            return Err(PyValueError::new_err(format!("no bundle is named {name}")));
        };
        let (rows, width) = (read_rows(rows)?, bundle.plan().width());
        if !rows.len().is_multiple_of(width) {
            return Err(PyValueError::new_err(format!("{} values are not rows of {width} features", rows.len())));
        }
        let out = py.detach(|| {
            let mut out = Vec::new();
            bundle.predict_raw(&rows, &mut out);
            out.iter().flat_map(|raw| bundle.finish(*raw).to_ne_bytes()).collect::<Vec<u8>>()
        });
        Ok(PyBytes::new(py, &out))
    }

    /// The reasons of one score: list of dict with about, share, direction, missing, words.
    fn explain<'py>(&self, name: &str, features: &Bound<'py, PyAny>, inputs: Vec<GivenInput>) -> PyResult<Bound<'py, PyList>> {
        // An empty array.array has no buffer to read.
        let row = if features.len()? == 0 { Vec::new() } else { read_rows(features)? };
        explain::reasons(features.py(), &self.inner, name, row, inputs)
    }

    /// Each input in words.
    fn tell_inputs(&self, inputs: Vec<GivenInput>) -> PyResult<Vec<String>> {
        explain::inputs_in_words(inputs)
    }

    /// Raw score that a bundle expects before it knows anything: what the shares are added to.
    fn expected_raw(&self, name: &str) -> PyResult<f64> {
        let found = self.inner.bundles().iter().find(|bundle| bundle.manifest().name == name);
        let bundle = found.ok_or_else(|| PyValueError::new_err(format!("no bundle is named {name}")))?;
        bundle.forest().expected_raw().ok_or_else(|| PyValueError::new_err("the model cannot be explained"))
    }
}

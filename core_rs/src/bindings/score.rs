//! What Python sees of score: the forest (parity tests, evaluation, explanations on demand).

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::score::forest;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Forest>()
}

/// A LightGBM text model in the native evaluator.
#[pyclass(frozen, module = "nightlamp._core")]
struct Forest {
    inner: forest::Forest,
}

#[pymethods]
impl Forest {
    #[new]
    #[pyo3(signature = (model_text, isa=None))]
    fn new(py: Python<'_>, model_text: &[u8], isa: Option<&str>) -> PyResult<Self> {
        let inner = py.detach(|| forest::Forest::from_text(model_text)).map_err(refuse)?;
        let inner = match isa {
            None => inner,
            Some("portable") => inner.on(forest::Isa::Portable),
            Some("avx2") => inner.on(forest::Isa::Avx2),
            Some("avx512") => inner.on(forest::Isa::Avx512),
            Some(_) => return Err(PyValueError::new_err("isa is one of portable, avx2, avx512")),
        };
        Ok(Self { inner })
    }

    /// Why a model text cannot be served; None when it can.
    #[staticmethod]
    fn why_unsupported(py: Python<'_>, model_text: &[u8]) -> Option<String> {
        py.detach(|| forest::Forest::from_text(model_text)).err().map(|why| why.to_string())
    }

    #[getter]
    fn isa(&self) -> &'static str {
        match self.inner.isa() {
            forest::Isa::Portable => "portable",
            forest::Isa::Avx2 => "avx2",
            forest::Isa::Avx512 => "avx512",
        }
    }

    #[getter]
    fn n_trees(&self) -> usize {
        self.inner.n_trees()
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.inner.n_features()
    }

    #[getter]
    fn feature_names(&self) -> Vec<String> {
        self.inner.feature_names().to_vec()
    }

    fn probability(&self, raw: f64) -> f64 {
        self.inner.probability(raw)
    }

    fn predict_raw<'py>(&self, rows: &Bound<'py, PyAny>, n_features: usize) -> PyResult<Bound<'py, PyBytes>> {
        let py = rows.py();
        let rows = read_rows(rows)?;
        let mut out = vec![0.0; rows.len() / n_features.max(1)];
        py.detach(|| self.inner.predict_raw(&rows, n_features, &mut out)).map_err(refuse)?;
        Ok(PyBytes::new(py, &out.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>()))
    }

    fn predict_leaf<'py>(&self, rows: &Bound<'py, PyAny>, n_features: usize) -> PyResult<Bound<'py, PyBytes>> {
        let py = rows.py();
        let rows = read_rows(rows)?;
        let mut out = vec![0; rows.len() / n_features.max(1) * self.inner.n_trees()];
        py.detach(|| self.inner.predict_leaf(&rows, n_features, &mut out)).map_err(refuse)?;
        Ok(PyBytes::new(py, &out.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>()))
    }

    fn shap<'py>(&self, rows: &Bound<'py, PyAny>, n_features: usize) -> PyResult<Bound<'py, PyBytes>> {
        let py = rows.py();
        let rows = read_rows(rows)?;
        let mut out = vec![0.0; rows.len() / n_features.max(1) * (self.inner.n_features() + 1)];
        py.detach(|| self.inner.shap(&rows, n_features, &mut out)).map_err(refuse)?;
        Ok(PyBytes::new(py, &out.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>()))
    }
}

pub(super) fn refuse(why: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(why.to_string())
}

/// A C-contiguous buffer of f32, or of f64 that is rounded to f32.
pub(super) fn read_rows(rows: &Bound<'_, PyAny>) -> PyResult<Vec<f32>> {
    if let Ok(buffer) = PyBuffer::<f32>::get(rows) {
        return contiguous(&buffer)?.to_vec(rows.py());
    }
    let buffer =
        PyBuffer::<f64>::get(rows).map_err(|_| PyValueError::new_err("rows must be a buffer of float32 or float64"))?;
    Ok(contiguous(&buffer)?.to_vec(rows.py())?.into_iter().map(|v| v as f32).collect())
}

fn contiguous<T: pyo3::buffer::Element>(buffer: &PyBuffer<T>) -> PyResult<&PyBuffer<T>> {
    if buffer.is_c_contiguous() { Ok(buffer) } else { Err(PyValueError::new_err("rows must be C-contiguous")) }
}

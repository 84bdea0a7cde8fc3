//! For copies: how far a journal may be copied, whether a copy can be read, what a table's stream holds.

use std::path::Path;

use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::Snapshots;
use crate::journal::{check_segment, extent, mark_bytes};
use crate::pipeline::Read;
use crate::store::CopyDigest;

/// The last frame, then name and bytes of each segment.
type PyExtent = (u64, Vec<(String, u64)>);

/// The frame that would come next, frames read, offset and frame of each damaged place.
type PyChecked = (u64, u64, Vec<(u64, u64)>);

#[pyfunction]
fn journal_extent(py: Python<'_>, folder: &str, written_to: bool) -> PyResult<Option<PyExtent>> {
    let found = py.detach(|| extent(Path::new(folder), written_to));
    let found = found.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    Ok(found.map(|extent| (extent.last_seq, extent.segments)))
}

#[pyfunction]
fn journal_check(py: Python<'_>, folder: &str, segment: &str) -> PyResult<PyChecked> {
    let checked = py.detach(|| check_segment(Path::new(folder), segment));
    let checked = checked.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let damage = checked.damage.iter().map(|place| (place.offset, place.seq)).collect();
    Ok((checked.next_seq, checked.frames, damage))
}

#[pyfunction]
fn journal_mark<'py>(py: Python<'py>, durable_seq: u64) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &mark_bytes(durable_seq))
}

#[pyfunction]
fn snapshot_reads(py: Python<'_>, folder: &str, seq: u64) -> bool {
    py.detach(|| Snapshots::look(Path::new(folder)).read::<Read>(seq).is_some())
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "CopyDigest", module = "nightlamp._core")]
struct PyCopyDigest(Mutex<CopyDigest>);

#[pymethods]
impl PyCopyDigest {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn update(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.lock().update(data)).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    #[getter]
    fn rows(&self) -> u64 {
        self.0.lock().rows()
    }

    fn finish(&self) -> PyResult<(u64, String)> {
        self.0.lock().finish().map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyCopyDigest>()?;
    module.add_function(wrap_pyfunction!(journal_extent, module)?)?;
    module.add_function(wrap_pyfunction!(journal_check, module)?)?;
    module.add_function(wrap_pyfunction!(journal_mark, module)?)?;
    module.add_function(wrap_pyfunction!(snapshot_reads, module)?)
}

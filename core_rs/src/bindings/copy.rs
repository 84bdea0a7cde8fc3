//! COPY streams on their way to PostgreSQL.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::store::in_index_order;

/// See `_core.pyi`.
#[pyfunction]
fn copy_in_index_order<'py>(
    py: Python<'py>,
    table: &str,
    streams: Vec<PyBackedBytes>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let sorted = py.detach(|| {
        let streams: Vec<&[u8]> = streams.iter().map(AsRef::as_ref).collect();
        in_index_order(table, &streams)
    });
    let sorted = sorted.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(sorted.map(|bytes| PyBytes::new(py, &bytes)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(copy_in_index_order, module)?)
}

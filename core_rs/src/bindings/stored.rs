//! What the store was given, once more, from a data folder: for the adapter that trains on the journal.

use std::path::Path;

use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::engine::not_started;
use crate::engine::{EngineConfig, History, StoredRows};

/// Tables with their COPY streams.
type Streams<'py> = Vec<(&'static str, Bound<'py, PyBytes>)>;

/// The rows of a journal. See `_core.pyi`.
#[pyclass(frozen, name = "StoredRows", module = "nightlamp._core")]
struct PyStoredRows {
    rows: Mutex<StoredRows>,
    recorded_time: bool,
}

#[pymethods]
impl PyStoredRows {
    #[new]
    fn new(py: Python<'_>, data_dir: &str, config: &[u8]) -> PyResult<Self> {
        let config: EngineConfig =
            serde_json::from_slice(config).map_err(|error| PyValueError::new_err(format!("engine settings: {error}")))?;
        let history = py.detach(|| History::open(Path::new(data_dir), &config)).map_err(not_started)?;
        let rows = py.detach(|| history.stored()).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(Self { rows: Mutex::new(rows), recorded_time: history.is_recorded_time() })
    }

    #[getter]
    fn recorded_time(&self) -> bool {
        self.recorded_time
    }

    #[getter]
    fn progress(&self) -> (u64, u64) {
        self.rows.lock().progress()
    }

    fn next_batch<'py>(&self, py: Python<'py>) -> PyResult<Option<Streams<'py>>> {
        let tables =
            py.detach(|| self.rows.lock().next_tables()).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(tables.map(|tables| tables.iter().map(|table| (table.table, PyBytes::new(py, &table.bytes))).collect()))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyStoredRows>()
}

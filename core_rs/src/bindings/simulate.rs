//! Policies on recorded time for Python: what is tried as JSON in, alerts and stays as JSON out, or a `CoreError`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use serde::Deserialize;

use super::engine::not_started;
use super::replay::{NICE, refused};
use super::window::column;
use crate::engine::simulate::Recordings;
use crate::engine::{Course, Engine, EngineConfig, History, ReplayError, Trial};
use crate::score::Scorers;

/// What Python asks; see `Trial`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    policies: Vec<Option<String>>,
    #[serde(default)]
    from_us: Option<i64>,
    #[serde(default)]
    to_us: Option<i64>,
    time_ms_max: u64,
}

/// How far a simulation is. See `_core.pyi`.
#[pyclass(frozen, name = "Course", module = "nightlamp._core")]
#[derive(Debug, Default)]
pub struct PyCourse {
    course: Arc<Course>,
}

#[pymethods]
impl PyCourse {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[getter]
    fn progress(&self) -> (u64, u64) {
        self.course.progress()
    }

    fn stop(&self) {
        self.course.stop();
    }
}

fn asked(json: &[u8]) -> PyResult<Trial> {
    let Asked { policies, from_us, to_us, time_ms_max } =
        serde_json::from_slice(json).map_err(|error| PyValueError::new_err(format!("trial: {error}")))?;
    Ok(Trial { policies, from_us, to_us, time_max: Duration::from_millis(time_ms_max) })
}

/// Runs without the GIL, on a thread of its own; `nice` lets the route go first.
fn answer<'py>(
    py: Python<'py>,
    nice: bool,
    work: impl FnOnce() -> Result<String, ReplayError> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let outcome = py.detach(|| {
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                if nice {
                    // Without the right to be nicer it is merely as quick as the rest.
                    let _ = rustix::process::nice(NICE);
                }
                work()
            });
            work.join()
        })
    });
    match outcome {
        Ok(Ok(json)) => Ok(PyBytes::new(py, json.as_bytes())),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(PyRuntimeError::new_err("the simulation panicked")),
    }
}

/// On the journal of a running engine.
pub(super) fn in_engine<'py>(
    py: Python<'py>,
    engine: &Engine,
    trial: &[u8],
    course: &PyCourse,
) -> PyResult<Bound<'py, PyBytes>> {
    let (trial, course) = (asked(trial)?, Arc::clone(&course.course));
    answer(py, true, || engine.simulate(&trial, &course).map(|found| found.json().to_string()))
}

/// On the data folder of a stopped server, or a copy of one.
#[pyfunction]
fn simulate_folder<'py>(
    py: Python<'py>,
    data_dir: &str,
    config: &[u8],
    trial: &[u8],
    course: &PyCourse,
) -> PyResult<Bound<'py, PyBytes>> {
    let config: EngineConfig =
        serde_json::from_slice(config).map_err(|error| PyValueError::new_err(format!("engine settings: {error}")))?;
    let (trial, course) = (asked(trial)?, Arc::clone(&course.course));
    let history = py.detach(|| History::open(Path::new(data_dir), &config)).map_err(not_started)?;
    answer(py, false, || history.simulate(&trial, &course, &|| false).map(|found| found.json().to_string()))
}

/// On recorded patients.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one column each, by keyword in Python")]
#[pyo3(signature = (
    trial, course, *, bundles, patient, signal, at_us, value, authority, identifiers, admissions, discharges, threads
))]
fn simulate_recordings<'py>(
    py: Python<'py>,
    trial: &[u8],
    course: &PyCourse,
    bundles: Vec<PathBuf>,
    patient: &Bound<'py, PyAny>,
    signal: &Bound<'py, PyAny>,
    at_us: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
    authority: &str,
    identifiers: Vec<String>,
    admissions: Vec<PyBackedBytes>,
    discharges: Vec<PyBackedBytes>,
    threads: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let (trial, course) = (asked(trial)?, Arc::clone(&course.course));
    let patient = column::<i64>(patient, "patient", "int64")?;
    let signal = column::<u16>(signal, "signal", "uint16")?;
    let at_us = column::<i64>(at_us, "at_us", "int64")?;
    let value = column::<f64>(value, "value", "float64")?;
    let owned = |messages: Vec<PyBackedBytes>| messages.iter().map(|one| Bytes::copy_from_slice(one)).collect::<Vec<_>>();
    let (admissions, discharges) = (owned(admissions), owned(discharges));
    let scorers = py.detach(|| Scorers::load(&bundles)).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let scorers = Arc::new(scorers);
    answer(py, false, || {
        let recordings = Recordings {
            patient: &patient,
            signal: &signal,
            at_us: &at_us,
            value: &value,
            identifiers: &identifiers,
            authority,
            admissions: &admissions,
            discharges: &discharges,
        };
        recordings.play(&scorers, &trial, threads, &course, &|| false).map(|played| played.json().to_string())
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyCourse>()?;
    module.add_function(wrap_pyfunction!(simulate_folder, module)?)?;
    module.add_function(wrap_pyfunction!(simulate_recordings, module)?)
}

//! "As it was" for Python: a question as JSON in, a past as JSON out, or a `CoreError`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;

use super::engine::{CoreError, not_started};
use crate::decode::PatientId;
use crate::engine::{Asked, EngineConfig, History, ReplayError, Replayed, Until};

/// How much nicer than the route a replay is.
pub(super) const NICE: i32 = 10;

/// What Python asks; see `Asked`. Exactly one of `at_us` and `seq`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// 32 hexadecimal digits.
    patient: String,
    at_us: Option<i64>,
    seq: Option<u64>,
    time_ms_max: u64,
    #[serde(default)]
    bundles: Vec<PathBuf>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    history: bool,
}

/// The question, checked.
pub(super) fn asked(json: &[u8]) -> PyResult<Asked> {
    let wrong = |text: String| PyValueError::new_err(format!("question: {text}"));
    let question: Question = serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
    let digits = u128::from_str_radix(&question.patient, 16).ok().filter(|_| question.patient.len() == 32);
    let patient = PatientId(digits.ok_or_else(|| wrong("patient: 32 hexadecimal digits".to_owned()))?.to_be_bytes());
    let until = match (question.at_us, question.seq) {
        (Some(at_us), None) => Until::Time(at_us),
        (None, Some(seq)) => Until::Frame(seq),
        _ => return Err(wrong("one of at_us and seq".to_owned())),
    };
    let Question { time_ms_max, bundles, models, history, .. } = question;
    Ok(Asked { patient, until, time_max: Duration::from_millis(time_ms_max), bundles, models, history })
}

/// Runs a replay without the GIL, on a thread of its own that yields to the route.
pub(super) fn answer<'py>(
    py: Python<'py>,
    replay: impl FnOnce() -> Result<Replayed, ReplayError> + Send,
) -> PyResult<Bound<'py, PyBytes>> {
    let outcome = py.detach(|| {
        std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                // Without the right to be nicer it is merely as quick as the rest.
                let _ = rustix::process::nice(NICE);
                replay().map(|replayed| replayed.json().to_string())
            });
            work.join()
        })
    });
    match outcome {
        Ok(Ok(json)) => Ok(PyBytes::new(py, json.as_bytes())),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(PyRuntimeError::new_err("the replay panicked")),
    }
}

/// args: code, HTTP status, detail, and of `replay_gone` the oldest time that can be shown (microseconds, None without any).
pub(super) fn refused(error: &ReplayError) -> PyErr {
    let (code, status) = match error {
        ReplayError::Gone { .. } => ("replay_gone", 410),
        ReplayError::Before | ReplayError::NoFrame(_) | ReplayError::NotKnown => ("not_known_then", 404),
        ReplayError::TooLong { .. } => ("replay_too_long", 503),
        ReplayError::Stopped => ("overloaded", 503),
        ReplayError::Recording(_) => ("invalid_request", 422),
        ReplayError::Journal(_) | ReplayError::State(_) | ReplayError::Bundle(_) => ("internal", 500),
    };
    let oldest_us = match error {
        ReplayError::Gone { oldest_us } if *oldest_us != i64::MAX => Some(*oldest_us),
        _ => None,
    };
    CoreError::new_err((code, status, error.to_string(), oldest_us))
}

/// A past from the data folder of a stopped server.
#[pyfunction]
fn replay_folder<'py>(py: Python<'py>, data_dir: &str, config: &[u8], question: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let config: EngineConfig =
        serde_json::from_slice(config).map_err(|error| PyValueError::new_err(format!("engine settings: {error}")))?;
    let asked = asked(question)?;
    let history = py.detach(|| History::open(Path::new(data_dir), &config)).map_err(not_started)?;
    answer(py, || history.as_of(&asked, &|| false))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(replay_folder, module)?)
}

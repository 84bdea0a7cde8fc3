//! What Python sees of the engine: bytes in, batches out, the GIL released wherever a call may wait.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::bundle::Scorers;
use super::deliveries::Deliveries;
use crate::engine::{Engine, EngineConfig, EngineError};
use crate::error::{Code, Refusal};
use crate::pipeline::Batch;

use crate::receive::Source;

create_exception!(_core, CoreError, PyException, "A refusal: args are (code, HTTP status, detail).");

/// Turns a refusal into the one exception of this module.
pub(super) fn refused(refusal: &Refusal) -> PyErr {
    CoreError::new_err((refusal.code.name(), refusal.code.http_status(), refusal.detail.clone()))
}

pub(super) fn not_started(error: EngineError) -> PyErr {
    match error {
        EngineError::Config(_) | EngineError::State(_) => PyValueError::new_err(error.to_string()),
        _ => PyRuntimeError::new_err(error.to_string()),
    }
}

/// A row set and the messages of consecutive frames; see `pipeline::Batch`.
#[pyclass(name = "Batch", module = "nightlamp._core", frozen)]
#[derive(Debug)]
pub struct PyBatch {
    #[pyo3(get)]
    first_seq: u64,
    #[pyo3(get)]
    last_seq: u64,
    #[pyo3(get)]
    frames: u64,
    #[pyo3(get)]
    tables: Vec<(String, u32, Py<PyBytes>)>,
    #[pyo3(get)]
    messages: Vec<(&'static str, String, String, u64, Py<PyBytes>)>,
}

impl PyBatch {
    fn new(py: Python<'_>, batch: Batch) -> Self {
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes).unbind();
        Self {
            first_seq: batch.first_seq,
            last_seq: batch.last_seq,
            frames: batch.frames,
            tables: batch.tables.iter().map(|table| (table.table.to_owned(), table.rows, bytes(&table.bytes))).collect(),
            messages: batch
                .messages
                .into_iter()
                .map(|m| {
                    let patient = m.patient.map_or_else(String::new, |patient| patient.to_string());
                    (m.kind.name(), m.unit, patient, m.cursor, bytes(&m.json))
                })
                .collect(),
        }
    }
}

/// The running Rust half.
#[pyclass(name = "Engine", module = "nightlamp._core", frozen)]
#[derive(Debug)]
pub struct PyEngine {
    engine: Engine,
}

impl PyEngine {
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// A journalled frame: source, principal, context, received_at_us, payload.
type PyFrame<'py> = (u8, String, String, i64, Bound<'py, PyBytes>);

#[pymethods]
impl PyEngine {
    #[new]
    fn new(py: Python<'_>, data_dir: &str, config: &[u8]) -> PyResult<Self> {
        let config: EngineConfig =
            serde_json::from_slice(config).map_err(|error| PyValueError::new_err(format!("engine settings: {error}")))?;
        let engine = py.detach(|| Engine::open(Path::new(data_dir), config)).map_err(not_started)?;
        Ok(Self { engine })
    }

    fn start(&self, py: Python<'_>, cursor: u64) -> PyResult<()> {
        py.detach(|| self.engine.start(cursor)).map_err(not_started)
    }

    fn submit(&self, source: u8, principal: &str, context: &str, payload: &[u8]) -> PyResult<u64> {
        let source = Source::from_u8(source).ok_or_else(|| PyValueError::new_err(format!("source {source} is not known")))?;
        let receipt = self.engine.submit(source, principal, context, payload).map_err(|refusal| refused(&refusal))?;
        Ok(receipt.seq)
    }

    fn deliveries(&self) -> Deliveries {
        Deliveries::new(self.engine.deliveries(), self.engine.limits().message_ids_max)
    }

    fn durable_fd(&self) -> i32 {
        self.engine.durable_fd().as_raw_fd()
    }

    fn durable_seq(&self) -> u64 {
        self.engine.durable_seq()
    }

    fn journal_failed(&self) -> Option<String> {
        self.engine.journal_failed()
    }

    fn journal_withheld(&self) -> Option<(&'static str, u16, String)> {
        let refusal = self.engine.journal_withheld()?;
        Some((refusal.code.name(), refusal.code.http_status(), refusal.detail))
    }

    fn batches_fd(&self) -> i32 {
        self.engine.batches_fd().as_raw_fd()
    }

    fn next_batch(&self, py: Python<'_>, timeout_ms: u64) -> PyResult<Option<PyBatch>> {
        match py.detach(|| self.engine.next_batch(Duration::from_millis(timeout_ms))) {
            Some(batch) => Ok(Some(PyBatch::new(py, batch))),
            None => match self.engine.pipeline_failed() {
                Some(reason) => Err(PyRuntimeError::new_err(format!("the pipeline has stopped: {reason}"))),
                None => Ok(None),
            },
        }
    }

    fn stored(&self, seq: u64) {
        self.engine.stored(seq);
    }

    fn read_frame<'py>(&self, py: Python<'py>, seq: u64) -> PyResult<Option<PyFrame<'py>>> {
        let frame = py.detach(|| self.engine.read_frame(seq)).map_err(|refusal| refused(&refusal))?;
        Ok(frame.map(|f| {
            let payload = PyBytes::new(py, &f.payload);
            (f.source as u8, f.principal.to_string(), f.context.to_string(), f.received_at_us, payload)
        }))
    }

    fn replay_frame(&self, py: Python<'_>, seq: u64) -> PyResult<u64> {
        let receipt = py.detach(|| self.engine.replay_frame(seq)).map_err(|refusal| refused(&refusal))?;
        Ok(receipt.seq)
    }

    fn alert_unit(&self, alert_id: u64) -> Option<String> {
        self.engine.alert_unit(alert_id).map(String::from)
    }

    fn policy<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        Some(PyBytes::new(py, self.engine.policy()?.json().to_string().as_bytes()))
    }

    fn as_of<'py>(&self, py: Python<'py>, question: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let asked = super::replay::asked(question)?;
        super::replay::answer(py, || self.engine.as_of(&asked))
    }

    fn simulate<'py>(
        &self,
        py: Python<'py>,
        trial: &[u8],
        course: &super::simulate::PyCourse,
    ) -> PyResult<Bound<'py, PyBytes>> {
        super::simulate::in_engine(py, &self.engine, trial, course)
    }

    fn set_credentials(&self, credentials: &[u8]) -> PyResult<()> {
        let text =
            std::str::from_utf8(credentials).map_err(|_| refused(&Refusal::new(Code::BadCharset, "credentials: UTF-8")))?;
        self.engine.set_credentials(text).map_err(PyValueError::new_err)
    }

    fn mqtt_port(&self) -> Option<u16> {
        self.engine.mqtt_port()
    }

    fn loaded_scorers(&self) -> Scorers {
        Scorers { inner: Arc::clone(self.engine.scorers()) }
    }

    fn scorers<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.engine.scorers().listing().to_string().as_bytes())
    }

    fn stats<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let stats = py.detach(|| self.engine.stats().to_string());
        PyBytes::new(py, stats.as_bytes())
    }

    fn feeds<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.engine.feeds().to_string().as_bytes())
    }

    fn supervise<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.engine.supervise().to_string().as_bytes())
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.engine.stop());
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CoreError", module.py().get_type::<CoreError>())?;
    module.add_class::<PyBatch>()?;
    module.add_class::<PyEngine>()
}

//! What Python sees of decode: screening and answers for the HTTP doors, decoding for tests and tools, the tables for docs.

mod columns;
pub(super) mod screen;
mod tables;

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::decode::hl7::ack::{self, Outcome};
use crate::decode::{Decoded, Decoder};
use crate::engine::panics::quietly;
use crate::error::{Code, Refusal};
use crate::receive::{Frame, Source};

use super::deliveries::Deliveries;
use screen::{Asked, Screened};

/// A refusal: its entry in the error table, which field, what was expected. Safe to log.
#[pyclass(frozen, get_all, name = "Refusal", module = "nightlamp._core")]
#[derive(Debug)]
pub struct PyRefusal {
    code: &'static str,
    http_status: u16,
    hl7_code: u16,
    text: &'static str,
    detail: String,
    location: String,
}

impl From<&Refusal> for PyRefusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.name(),
            http_status: refusal.code.http_status(),
            hl7_code: refusal.code.hl7_code(),
            text: refusal.code.text(),
            detail: refusal.detail.clone(),
            location: refusal.location.clone(),
        }
    }
}

#[pymethods]
impl PyRefusal {
    fn __repr__(&self) -> String {
        format!("Refusal({}: {})", self.code, self.detail)
    }
}

/// One HL7 message of a payload, screened.
#[pyclass(frozen, name = "HL7Message", module = "nightlamp._core")]
#[derive(Debug)]
pub struct Hl7Message {
    payload: Vec<u8>,
    charset: String,
    refusal: Option<Refusal>,
    warnings: Vec<Refusal>,
    #[pyo3(get)]
    message_id: Option<(u64, u64)>,
    decoder: Py<PyDecoder>,
}

impl Hl7Message {
    fn answer(&self, now_us: i64, refusal: Option<(String, String)>) -> PyResult<Vec<u8>> {
        let given = refusal.map(|(code, detail)| named(&code, detail)).transpose()?;
        let outcome = match given.as_ref().or(self.refusal.as_ref()) {
            Some(refusal) => Outcome::Refused(refusal),
            None => Outcome::Accepted(&self.warnings),
        };
        Ok(ack::acknowledge(self.decoder.get().decoder.digest(), &self.payload, &self.charset, outcome, now_us))
    }
}

#[pymethods]
impl Hl7Message {
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.payload)
    }

    #[getter]
    fn refusal(&self) -> Option<PyRefusal> {
        self.refusal.as_ref().map(PyRefusal::from)
    }

    #[getter]
    fn warnings(&self) -> Vec<PyRefusal> {
        self.warnings.iter().map(PyRefusal::from).collect()
    }

    #[pyo3(signature = (now_us, refusal=None))]
    fn ack<'py>(&self, py: Python<'py>, now_us: i64, refusal: Option<(String, String)>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.answer(now_us, refusal)?))
    }
}

/// What screening says of an HL7 payload.
#[pyclass(frozen, name = "HL7Screening", module = "nightlamp._core")]
#[derive(Debug)]
pub struct Hl7Screening {
    #[pyo3(get)]
    batch: bool,
    refusal: Option<Refusal>,
    #[pyo3(get)]
    messages: Vec<Py<Hl7Message>>,
    payload: Vec<u8>,
    charset: String,
    decoder: Py<PyDecoder>,
}

#[pymethods]
impl Hl7Screening {
    #[getter]
    fn refusal(&self) -> Option<PyRefusal> {
        self.refusal.as_ref().map(PyRefusal::from)
    }

    #[pyo3(signature = (now_us, refusals=None))]
    fn ack<'py>(
        &self,
        py: Python<'py>,
        now_us: i64,
        refusals: Option<Vec<Option<(String, String)>>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(refusal) = &self.refusal {
            let digest = self.decoder.get().decoder.digest();
            let answer = ack::acknowledge(digest, &self.payload, &self.charset, Outcome::Refused(refusal), now_us);
            return Ok(PyBytes::new(py, &answer));
        }
        let refusals = refusals.unwrap_or_else(|| vec![None; self.messages.len()]);
        if refusals.len() != self.messages.len() {
            return Err(PyValueError::new_err("refusals: one entry for each message"));
        }
        let answers = self.messages.iter().zip(refusals).map(|(message, refusal)| message.get().answer(now_us, refusal));
        let answers = answers.collect::<PyResult<Vec<_>>>()?;
        let answer = if self.batch { ack::batch(&answers, now_us) } else { answers.concat() };
        Ok(PyBytes::new(py, &answer))
    }
}

/// What screening says of a device JSON body.
#[pyclass(frozen, name = "JsonScreening", module = "nightlamp._core")]
#[derive(Debug)]
pub struct JsonScreening {
    refusal: Option<Refusal>,
    #[pyo3(get)]
    observations: usize,
    #[pyo3(get)]
    rejected: Vec<(u32, &'static str, String)>,
    #[pyo3(get)]
    message_id: Option<(u64, u64)>,
    #[pyo3(get)]
    first_seq: Option<u64>,
}

#[pymethods]
impl JsonScreening {
    #[getter]
    fn refusal(&self) -> Option<PyRefusal> {
        self.refusal.as_ref().map(PyRefusal::from)
    }
}

/// The decode stage of a site.
#[pyclass(frozen, name = "Decoder", module = "nightlamp._core")]
#[derive(Debug)]
pub struct PyDecoder {
    decoder: Decoder,
}

impl PyDecoder {
    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

#[pymethods]
impl PyDecoder {
    #[new]
    fn new(config_json: &Bound<'_, PyAny>) -> PyResult<Self> {
        let config = match config_json.cast::<PyString>() {
            Ok(text) => serde_json::from_str(text.to_str()?),
            Err(_) => serde_json::from_slice(config_json.extract::<&[u8]>()?),
        };
        let config = config.map_err(|error| PyValueError::new_err(format!("decoder settings: {error}")))?;
        Ok(Self { decoder: Decoder::new(config).map_err(PyValueError::new_err)? })
    }

    #[pyo3(signature = (payload, charset="", received_at_us=None, principal="", deliveries=None))]
    fn screen_hl7(
        slf: &Bound<'_, Self>,
        payload: &[u8],
        charset: &str,
        received_at_us: Option<i64>,
        principal: &str,
        deliveries: Option<&Bound<'_, Deliveries>>,
    ) -> PyResult<Hl7Screening> {
        let py = slf.py();
        let decoder = &slf.get().decoder;
        let deliveries = deliveries.map(Bound::get);
        let asked = Asked { payload, context: charset, principal, received_at_us, deliveries };
        let screened = py.detach(|| quietly(|| screen::hl7(decoder, &asked)));
        let (batch, messages, refusal) = match screened {
            Ok((batch, messages)) => (batch, messages, None),
            Err(refusal) => (false, Vec::new(), Some(refusal)),
        };
        let messages = messages
            .into_iter()
            .map(|Screened { payload, refusal, warnings, message_id }| {
                let (payload, decoder) = (payload.to_vec(), slf.clone().unbind());
                Py::new(py, Hl7Message { payload, charset: charset.to_owned(), refusal, warnings, message_id, decoder })
            })
            .collect::<PyResult<Vec<_>>>()?;
        // The start of the payload is enough to answer whoever sent what cannot be cut into messages.
        let start = payload.get(..4096).unwrap_or(payload).to_vec();
        Ok(Hl7Screening {
            batch,
            refusal,
            messages,
            payload: start,
            charset: charset.to_owned(),
            decoder: slf.clone().unbind(),
        })
    }

    #[pyo3(signature = (payload, received_at_us=None, principal="", key="", deliveries=None))]
    fn screen_json(
        &self,
        py: Python<'_>,
        payload: &[u8],
        received_at_us: Option<i64>,
        principal: &str,
        key: &str,
        deliveries: Option<&Bound<'_, Deliveries>>,
    ) -> JsonScreening {
        let deliveries = deliveries.map(Bound::get);
        let asked = Asked { payload, context: key, principal, received_at_us, deliveries };
        let (refusal, (observations, prospect)) = match py.detach(|| quietly(|| screen::json(&self.decoder, &asked))) {
            Ok(screened) => (None, screened),
            Err(refusal) => (Some(refusal), Default::default()),
        };
        let row = |rejected: crate::decode::Rejected| (rejected.ordinal, rejected.refusal.code.name(), rejected.refusal.detail);
        let rejected = prospect.rejected.into_iter().map(row).collect();
        let (message_id, first_seq) = (prospect.message_id, prospect.first_seq);
        JsonScreening { refusal, observations, rejected, message_id, first_seq }
    }

    #[pyo3(signature = (source, context, received_at_us, payload, principal=""))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        source: u8,
        context: &str,
        received_at_us: i64,
        payload: &[u8],
        principal: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let source = Source::from_u8(source).ok_or_else(|| PyValueError::new_err("no source with this number"))?;
        let out =
            py.detach(|| quietly(|| decode_frame(&self.decoder, &frame(source, principal, context, received_at_us, payload))));
        tables::decoded(py, &out)
    }

    #[pyo3(signature = (payloads, source=1, context="", received_at_us=0))]
    fn decode_batch(
        &self,
        py: Python<'_>,
        payloads: Vec<Vec<u8>>,
        source: u8,
        context: &str,
        received_at_us: i64,
    ) -> PyResult<Vec<(usize, usize, u32)>> {
        let source = Source::from_u8(source).ok_or_else(|| PyValueError::new_err("no source with this number"))?;
        Ok(py.detach(|| {
            let mut out = Decoded::default();
            let counts = payloads.into_iter().map(|payload| {
                let mut frame = frame(source, "", context, received_at_us, &[]);
                frame.payload = Bytes::from(payload);
                self.decoder.decode(&frame, &mut out);
                (out.events.len(), out.rejected.len(), out.skipped)
            });
            counts.collect()
        }))
    }

    #[pyo3(signature = (codes, units, code_of_row, unit_of_row, values, words=None, word_of_row=None, principal=""))]
    #[expect(clippy::too_many_arguments, reason = "one column each, by keyword in Python")]
    fn recorded<'py>(
        &self,
        py: Python<'py>,
        codes: Vec<(String, String)>,
        units: Vec<String>,
        code_of_row: &Bound<'py, PyAny>,
        unit_of_row: &Bound<'py, PyAny>,
        values: &Bound<'py, PyAny>,
        words: Option<Vec<String>>,
        word_of_row: Option<&Bound<'py, PyAny>>,
        principal: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let words = words.unwrap_or_default();
        let rows = columns::Columns { codes, units, words, code_of_row, unit_of_row, word_of_row, values };
        columns::recorded(py, &self.decoder, principal, rows)
    }
}

fn frame(source: Source, principal: &str, context: &str, received_at_us: i64, payload: &[u8]) -> Frame {
    let payload = Bytes::copy_from_slice(payload);
    Frame { source, principal: principal.into(), context: context.into(), received_at_us, payload }
}

fn decode_frame(decoder: &Decoder, frame: &Frame) -> Decoded {
    let mut out = Decoded::default();
    decoder.decode(frame, &mut out);
    out
}

pub(super) fn named(code: &str, detail: String) -> PyResult<Refusal> {
    let found = Code::ALL.iter().find(|known| known.name() == code);
    found
        .map(|code| Refusal::new(*code, detail))
        .ok_or_else(|| PyValueError::new_err("no code with this name in the error table"))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyRefusal>()?;
    module.add_class::<Hl7Message>()?;
    module.add_class::<Hl7Screening>()?;
    module.add_class::<JsonScreening>()?;
    module.add_class::<PyDecoder>()?;
    module.add_function(wrap_pyfunction!(tables::signals, module)?)?;
    module.add_function(wrap_pyfunction!(tables::error_codes, module)?)?;
    module.add_function(wrap_pyfunction!(tables::scan_hl7, module)?)
}

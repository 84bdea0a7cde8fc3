//! `POST /v1/hl7v2` in two calls a body, whatever is in it: `take` screens its messages and hands them to the journal, `ack`
//! answers once they are durable. Nothing of the body is copied on the way to the journal's own buffer.
//!
//! The GIL is kept for bodies of at most `GIL_BYTES_MAX`: such a call takes microseconds, and giving the GIL up may cost its
//! caller a wait of milliseconds.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::decode::screen::{self, Asked, Screened};
use super::decode::{PyDecoder, named};
use super::deliveries::Deliveries;
use super::engine::PyEngine;
use crate::decode::Decoder;
use crate::decode::hl7::ack::{self, Outcome};
use crate::engine::Engine;
use crate::engine::panics::quietly;
use crate::error::Refusal;
use crate::receive::{Source, now_us};

/// Largest body that is looked at without giving up the GIL.
const GIL_BYTES_MAX: usize = 16 << 10;
/// The start of a payload that is enough to answer whoever sent what cannot be cut into messages.
const UNCUT_BYTES_MAX: usize = 4096;

/// The HL7 door's way to the journal.
#[pyclass(frozen, name = "HL7Door", module = "nightlamp._core")]
#[derive(Debug)]
pub struct Hl7Door {
    engine: Py<PyEngine>,
    decoder: Py<PyDecoder>,
    deliveries: Py<Deliveries>,
}

/// One message of a body: where it stands, and why it was not taken, or what of it will end as dead letters.
#[derive(Debug)]
struct Message {
    place: Range<usize>,
    refusal: Option<Refusal>,
    warnings: Vec<Refusal>,
}

/// What became of a body.
#[derive(Debug)]
struct Outcomes {
    is_batch: bool,
    messages: Vec<Message>,
    last_seq: u64,
}

/// A body that was looked at; what was not refused is on its way to the disk.
#[pyclass(frozen, name = "HL7Taken", module = "nightlamp._core")]
#[derive(Debug)]
pub struct Hl7Taken {
    payload: Py<PyBytes>,
    charset: String,
    decoder: Py<PyDecoder>,
    outcomes: Result<Outcomes, Refusal>,
}

#[pymethods]
impl Hl7Door {
    #[new]
    fn new(engine: Py<PyEngine>, decoder: Py<PyDecoder>, deliveries: Py<Deliveries>) -> Self {
        Self { engine, decoder, deliveries }
    }

    fn take(&self, payload: &Bound<'_, PyBytes>, charset: &str, principal: &str) -> Hl7Taken {
        let (py, bytes) = (payload.py(), payload.as_bytes());
        let (engine, decoder, deliveries) = (self.engine.get().engine(), self.decoder.get().decoder(), self.deliveries.get());
        let asked =
            Asked { payload: bytes, context: charset, principal, received_at_us: Some(now_us()), deliveries: Some(deliveries) };
        let work = || quietly(|| take(engine, decoder, &asked));
        let outcomes = if bytes.len() > GIL_BYTES_MAX { py.detach(work) } else { work() };
        let (payload, decoder) = (payload.clone().unbind(), self.decoder.clone_ref(py));
        Hl7Taken { payload, charset: charset.to_owned(), decoder, outcomes }
    }
}

/// Screens a body and submits what is not refused, in order.
fn take(engine: &Engine, decoder: &Decoder, asked: &Asked<'_>) -> Result<Outcomes, Refusal> {
    let (is_batch, screened) = screen::hl7(decoder, asked)?;
    let base = asked.payload.as_ptr().addr();
    let mut last_seq = 0;
    let mut messages = Vec::with_capacity(screened.len());
    for Screened { payload, mut refusal, warnings, message_id } in screened {
        if refusal.is_none() {
            match engine.submit(Source::Hl7Http, asked.principal, asked.context, payload) {
                Ok(receipt) => {
                    last_seq = receipt.seq;
                    if let (Some(message), Some(at_us), Some(deliveries)) = (message_id, asked.received_at_us, asked.deliveries)
                    {
                        deliveries.note_message(message, receipt.seq, at_us);
                    }
                }
                Err(refused) => refusal = Some(refused),
            }
        }
        let start = payload.as_ptr().addr().saturating_sub(base);
        messages.push(Message { place: start..start + payload.len(), refusal, warnings });
    }
    Ok(Outcomes { is_batch, messages, last_seq })
}

#[pymethods]
impl Hl7Taken {
    /// The frame of the last message taken; 0 where none was.
    #[getter]
    fn last_seq(&self) -> u64 {
        self.outcomes.as_ref().map_or(0, |outcomes| outcomes.last_seq)
    }

    /// How many messages, taken or refused; a body that cannot be cut counts as one.
    #[getter]
    fn messages(&self) -> usize {
        self.outcomes.as_ref().map_or(1, |outcomes| outcomes.messages.len())
    }

    /// (code, HTTP status, detail) of each that was refused.
    #[getter]
    fn refused(&self) -> Vec<(&'static str, u16, String)> {
        let told = |refusal: &Refusal| (refusal.code.name(), refusal.code.http_status(), refusal.detail.clone());
        match &self.outcomes {
            Ok(outcomes) => outcomes.messages.iter().filter_map(|message| message.refusal.as_ref()).map(told).collect(),
            Err(refusal) => vec![told(refusal)],
        }
    }

    /// The answer; `late` is why what was taken is not acknowledged all the same.
    #[pyo3(signature = (now_us, late=None))]
    fn ack<'py>(&self, py: Python<'py>, now_us: i64, late: Option<(String, String)>) -> PyResult<Bound<'py, PyBytes>> {
        let late = late.map(|(code, detail)| named(&code, detail)).transpose()?;
        let (bytes, digest) = (self.payload.bind(py).as_bytes(), self.decoder.get().decoder().digest());
        let answer = |payload: &[u8], outcome: Outcome<'_>| ack::acknowledge(digest, payload, &self.charset, outcome, now_us);
        let outcomes = match &self.outcomes {
            Ok(outcomes) => outcomes,
            Err(refusal) => {
                let start = bytes.get(..UNCUT_BYTES_MAX).unwrap_or(bytes);
                return Ok(PyBytes::new(py, &answer(start, Outcome::Refused(refusal))));
            }
        };
        let answers: Vec<Vec<u8>> = (outcomes.messages.iter())
            .map(|Message { place, refusal, warnings }| {
                let outcome = match refusal.as_ref().or(late.as_ref()) {
                    Some(refusal) => Outcome::Refused(refusal),
                    None => Outcome::Accepted(warnings),
                };
                answer(bytes.get(place.clone()).unwrap_or_default(), outcome)
            })
            .collect();
        Ok(PyBytes::new(py, &if outcomes.is_batch { ack::batch(&answers, now_us) } else { answers.concat() }))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Hl7Door>()?;
    module.add_class::<Hl7Taken>()
}

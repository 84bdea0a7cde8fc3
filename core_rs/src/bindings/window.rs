//! What Python sees of window: the engine that makes training rows, the same that serves.

use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::decode::PyDecoder;
use crate::decode::{DecodeConfig, Decoder, encounters};
use crate::limits::Limits;
use crate::window::{FeaturePlan, PlanSpec, Recording};

/// A compiled feature plan. See `_core.pyi`.
#[pyclass(frozen, module = "nightlamp._core")]
struct FeatureEngine {
    plan: FeaturePlan,
    /// As of a site without settings.
    decoder: Decoder,
}

#[pymethods]
impl FeatureEngine {
    #[new]
    fn new(plan: &[u8]) -> PyResult<Self> {
        let spec = PlanSpec::parse(plan).map_err(|e| PyValueError::new_err(e.to_string()))?;
        let plan = crate::score::compile(&spec).map_err(|e| PyValueError::new_err(e.to_string()))?;
        Ok(Self { plan, decoder: Decoder::new(DecodeConfig::default()).map_err(PyValueError::new_err)? })
    }

    fn feature_names(&self) -> Vec<String> {
        self.plan.names().to_vec()
    }

    fn fingerprint(&self) -> &str {
        self.plan.fingerprint()
    }

    fn categorical(&self) -> Vec<&str> {
        self.plan.categorical()
    }

    #[pyo3(signature = (
        patient, signal, observed_at_us, value, row_patient, row_at_us, encounter_patient=None, encounters=None, decoder=None,
        known_at_us=None, told_at_us=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "one column each, by keyword in Python")]
    fn rows<'py>(
        &self,
        py: Python<'py>,
        patient: &Bound<'py, PyAny>,
        signal: &Bound<'py, PyAny>,
        observed_at_us: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        row_patient: &Bound<'py, PyAny>,
        row_at_us: &Bound<'py, PyAny>,
        encounter_patient: Option<&Bound<'py, PyAny>>,
        encounters: Option<Vec<PyBackedBytes>>,
        decoder: Option<PyRef<'py, PyDecoder>>,
        known_at_us: Option<&Bound<'py, PyAny>>,
        told_at_us: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let patient = column::<i64>(patient, "patient", "int64")?;
        let signal = column::<u16>(signal, "signal", "uint16")?;
        let at_us = column::<i64>(observed_at_us, "observed_at_us", "int64")?;
        let value = column::<f64>(value, "value", "float64")?;
        let row_patient = column::<i64>(row_patient, "row_patient", "int64")?;
        let row_at_us = column::<i64>(row_at_us, "row_at_us", "int64")?;
        let encounter_patient =
            encounter_patient.map_or(Ok(Vec::new()), |given| column::<i64>(given, "encounter_patient", "int64"))?;
        let known_at_us = known_at_us.map_or(Ok(Vec::new()), |given| column::<i64>(given, "known_at_us", "int64"))?;
        let told_at_us = told_at_us.map_or(Ok(Vec::new()), |given| column::<i64>(given, "told_at_us", "int64"))?;
        let payloads = encounters.unwrap_or_default();
        let decoder = decoder.as_ref().map_or(&self.decoder, |decoder| decoder.decoder());
        let encounters = py.detach(|| encounters::decode(decoder, &payloads)).map_err(PyValueError::new_err)?;
        let row_bytes = self.plan.width() * size_of::<f32>();
        let total = row_patient.len().checked_mul(row_bytes).ok_or_else(|| PyValueError::new_err("too many rows"))?;
        PyBytes::new_with(py, total, |out| {
            py.detach(|| {
                let recording = Recording {
                    patient: &patient,
                    signal: &signal,
                    at_us: &at_us,
                    value: &value,
                    row_patient: &row_patient,
                    row_at_us: &row_at_us,
                    encounter_patient: &encounter_patient,
                    encounters: &encounters,
                    known_at_us: &known_at_us,
                    told_at_us: &told_at_us,
                };
                recording.rows(&self.plan, Limits::default().signal_observations_max, |at, row| {
                    let place = out.get_mut(at * row_bytes..(at + 1) * row_bytes).unwrap_or_default();
                    for (bytes, value) in place.chunks_exact_mut(size_of::<f32>()).zip(row) {
                        bytes.copy_from_slice(&value.to_ne_bytes());
                    }
                })
            })
            .map_err(|e| PyValueError::new_err(e.to_string()))
            .and_then(|refused| match refused {
                0 => Ok(()),
                n => Err(PyValueError::new_err(format!("{n} observations have no finite value or no catalogue signal"))),
            })
        })
    }
}

/// A column, copied: the GIL is released while it is read, and nobody may change it then.
pub(super) fn column<T: Element>(object: &Bound<'_, PyAny>, name: &str, kind: &str) -> PyResult<Vec<T>> {
    let empty = |buffer: PyUntypedBuffer| buffer.item_count() == 0;
    if PyUntypedBuffer::get(object).is_ok_and(empty) {
        return Ok(Vec::new()); // the address of an empty array may be anything, also unaligned
    }
    PyBuffer::<T>::get(object)
        .and_then(|buffer| buffer.to_vec(object.py()))
        .map_err(|e| PyBufferError::new_err(format!("{name} must be a C-contiguous buffer of {kind}: {e}")))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<FeatureEngine>()
}

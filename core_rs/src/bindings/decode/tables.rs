//! Decoded events, the catalogue and the error table as Python values: for tests, tools and documentation, not for the route.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::decode::hl7::leaves;
use crate::decode::{Decoded, EncounterEvent, Event, Observation, PatientId, Subject, catalogue};
use crate::error::{Ack, Code};

/// One leaf: segment, line from 0, field, repetition, component, subcomponent from 1, text.
type Leaf = (String, usize, usize, usize, usize, usize, String);

/// The signals with their codes, units and ranges, by number.
#[pyfunction(name = "catalogue")]
pub fn signals(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for row in catalogue::listing() {
        let dict = PyDict::new(py);
        dict.set_item("number", row.number)?;
        dict.set_item("name", row.name)?;
        dict.set_item("title", row.title)?;
        dict.set_item("unit", row.unit)?;
        dict.set_item("kind", row.kind)?;
        dict.set_item("low", row.low)?;
        dict.set_item("high", row.high)?;
        dict.set_item("loinc", row.loinc)?;
        dict.set_item("mdc", row.mdc)?;
        dict.set_item("snomed", row.snomed)?;
        dict.set_item("units", row.units)?;
        list.append(dict)?;
    }
    Ok(list)
}

/// The error table, in its order.
#[pyfunction]
pub fn error_codes(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for code in Code::ALL {
        let dict = PyDict::new(py);
        dict.set_item("name", code.name())?;
        dict.set_item("http", code.http_status())?;
        let ack = match code.ack() {
            Ack::Aa => "AA",
            Ack::Ae => "AE",
            Ack::Ar => "AR",
        };
        dict.set_item("ack", ack)?;
        dict.set_item("hl7", code.hl7_code())?;
        dict.set_item("text", code.text())?;
        list.append(dict)?;
    }
    Ok(list)
}

/// Every leaf of one HL7 message, as the scanner sees it.
#[pyfunction]
#[pyo3(signature = (payload, charset=""))]
pub fn scan_hl7(payload: &[u8], charset: &str) -> PyResult<Vec<Leaf>> {
    let all = leaves::leaves(payload, charset).map_err(|refusal| PyValueError::new_err(refusal.to_string()))?;
    let flat = |leaf: leaves::Leaf| {
        let [field, repetition, component, subcomponent] = leaf.place;
        (leaf.segment, leaf.line, field, repetition, component, subcomponent, leaf.text)
    };
    Ok(all.into_iter().map(flat).collect())
}

fn hex(patient: &PatientId) -> String {
    patient.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All that one frame says.
pub fn decoded<'py>(py: Python<'py>, out: &Decoded) -> PyResult<Bound<'py, PyDict>> {
    let events = PyList::empty(py);
    for event in &out.events {
        events.append(match event {
            Event::Observation(observation) => observation_dict(py, observation)?,
            Event::Encounter(encounter) => encounter_dict(py, encounter)?,
        })?;
    }
    let rejected = PyList::empty(py);
    for row in &out.rejected {
        let dict = PyDict::new(py);
        dict.set_item("ordinal", row.ordinal)?;
        dict.set_item("code", row.refusal.code.name())?;
        dict.set_item("detail", &row.refusal.detail)?;
        dict.set_item("location", &row.refusal.location)?;
        rejected.append(dict)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("message_id", out.message_id.map(|id| (id.id, id.content)))?;
    dict.set_item("events", events)?;
    dict.set_item("rejected", rejected)?;
    dict.set_item("skipped", out.skipped)?;
    Ok(dict)
}

fn observation_dict<'py>(py: Python<'py>, row: &Observation) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("type", "observation")?;
    let (patient, bed) = match &row.subject {
        Subject::Patient(patient) => (Some(hex(patient)), None),
        Subject::Bed(bed) => (None, Some((bed.unit.as_str(), bed.bed.as_str()))),
    };
    dict.set_item("patient", patient)?;
    dict.set_item("bed", bed)?;
    dict.set_item("signal", catalogue::signal(row.signal).map(|signal| signal.name))?;
    dict.set_item("value", row.value)?;
    dict.set_item("observed_at_us", row.observed_at_us)?;
    dict.set_item("status", format!("{:?}", row.status).to_ascii_lowercase())?;
    dict.set_item("ordinal", row.ordinal)?;
    Ok(dict)
}

fn encounter_dict<'py>(py: Python<'py>, row: &EncounterEvent) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("type", "encounter")?;
    dict.set_item("kind", format!("{:?}", row.kind).to_ascii_lowercase())?;
    dict.set_item("patient", hex(&row.patient))?;
    dict.set_item("authority", row.identity.authority.as_str())?;
    dict.set_item("identifier", row.identity.identifier.as_str())?;
    dict.set_item("family", row.identity.family.as_str())?;
    dict.set_item("given", row.identity.given.as_str())?;
    dict.set_item("birth_day", row.birth_day)?;
    dict.set_item("sex", row.sex)?;
    dict.set_item("visit", row.visit.as_str())?;
    dict.set_item("class", row.class.as_str())?;
    dict.set_item("bed", row.bed.as_ref().map(|bed| (bed.unit.as_str(), bed.bed.as_str())))?;
    dict.set_item("admitted_at_us", row.admitted_at_us)?;
    dict.set_item("occurred_at_us", row.occurred_at_us)?;
    dict.set_item("ordinal", row.ordinal)?;
    Ok(dict)
}

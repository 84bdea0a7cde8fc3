//! What Python sees of explanations: the reasons of one score in words, on demand and in replay.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::decode::{PatientId, catalogue};
use crate::score::{Input, Reason, Score, Scorers, explain};

/// Signal, value, age in seconds, points.
pub(super) type GivenInput = (String, Option<f64>, Option<f32>, Option<u8>);

/// Why the scorer of this name made what it did of a row and inputs: a list of dict, most important first.
pub(super) fn reasons<'py>(
    py: Python<'py>,
    scorers: &Scorers,
    name: &str,
    features: Vec<f32>,
    inputs: Vec<GivenInput>,
) -> PyResult<Bound<'py, PyList>> {
    let Some(scorer) = scorers.names().iter().position(|known| known == name).and_then(|at| u16::try_from(at).ok()) else {
        return Err(PyValueError::new_err(format!("no scorer is named {name}")));
    };
    let bundle = scorers.bundles().iter().find(|bundle| bundle.scorer() == scorer);
    let width = bundle.map_or(0, |bundle| bundle.plan().width());
    if features.len() != width {
        return Err(PyValueError::new_err(format!("{} values are not a row of {width} features", features.len())));
    }
    let score = score(scorer, features, inputs)?;
    let why = py.detach(|| scorers.why(&score));
    PyList::new(py, why.reasons.iter().map(|reason| told(py, reason)).collect::<PyResult<Vec<_>>>()?)
}

/// As much of a score as explaining it needs.
fn score(scorer: u16, features: Vec<f32>, inputs: Vec<GivenInput>) -> PyResult<Score> {
    Ok(Score {
        seq: 0,
        ordinal: 0,
        patient: PatientId([0; 16]),
        scorer,
        at_us: 0,
        raw: f64::NAN,
        value: f64::NAN,
        present: 0,
        expected: 0,
        band: 0,
        inputs: inputs.into_iter().map(input).collect::<PyResult<_>>()?,
        features,
    })
}

fn input((name, value, age_s, points): GivenInput) -> PyResult<Input> {
    let signal = catalogue::by_name(&name).ok_or_else(|| PyValueError::new_err(format!("no signal is named {name}")))?;
    Ok(Input { signal, value, age_s, points })
}

/// Each input in words, also that it is missing.
pub(super) fn inputs_in_words(inputs: Vec<GivenInput>) -> PyResult<Vec<String>> {
    inputs.into_iter().map(|given| Ok(explain::input(&input(given)?))).collect()
}

fn told<'py>(py: Python<'py>, reason: &Reason) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    told.set_item("about", reason.about.as_str())?;
    told.set_item("share", reason.share)?;
    told.set_item("direction", reason.direction.name())?;
    told.set_item("missing", reason.missing)?;
    told.set_item("words", &reason.words)?;
    Ok(told)
}

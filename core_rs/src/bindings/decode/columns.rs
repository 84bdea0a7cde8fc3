//! Recorded values as Python sees them: columns in, columns out, the GIL released between.

use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::bindings::window::column;
use crate::decode::{Decoder, Recorded, Understood};

/// Distinct texts and one index a row, as `_core.pyi` has them.
pub(super) struct Columns<'a, 'py> {
    pub codes: Vec<(String, String)>,
    pub units: Vec<String>,
    pub words: Vec<String>,
    pub code_of_row: &'a Bound<'py, PyAny>,
    pub unit_of_row: &'a Bound<'py, PyAny>,
    pub word_of_row: Option<&'a Bound<'py, PyAny>>,
    pub values: &'a Bound<'py, PyAny>,
}

/// The columns understood by a decoder.
pub(super) fn recorded<'py>(
    py: Python<'py>,
    decoder: &Decoder,
    principal: &str,
    columns: Columns<'_, 'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let Columns { codes, units, words, .. } = columns;
    let code_of_row = column::<u32>(columns.code_of_row, "code_of_row", "uint32")?;
    let unit_of_row = column::<u32>(columns.unit_of_row, "unit_of_row", "uint32")?;
    let values = column::<f64>(columns.values, "values", "float64")?;
    let word_of_row = columns.word_of_row.map_or(Ok(Vec::new()), |given| column::<u32>(given, "word_of_row", "uint32"))?;
    let understood = py.detach(|| {
        let rows = Recorded {
            codes: &codes,
            units: &units,
            words: &words,
            code_of_row: &code_of_row,
            unit_of_row: &unit_of_row,
            word_of_row: &word_of_row,
            values: &values,
        };
        decoder.recorded(principal, rows)
    });
    shown(py, &understood.map_err(PyValueError::new_err)?)
}

fn shown<'py>(py: Python<'py>, out: &Understood) -> PyResult<Bound<'py, PyDict>> {
    let dropped = PyList::empty(py);
    for row in &out.dropped {
        let dict = PyDict::new(py);
        dict.set_item("code", row.code)?;
        dict.set_item("unit", row.unit)?;
        dict.set_item("reason", row.refusal.code.name())?;
        dict.set_item("detail", &row.refusal.detail)?;
        dict.set_item("first_row", row.first_row)?;
        dict.set_item("rows", row.rows)?;
        dropped.append(dict)?;
    }
    let answer = PyDict::new(py);
    answer.set_item("signal", bytes(py, &out.signal, |value| value.to_ne_bytes())?)?;
    answer.set_item("value", bytes(py, &out.value, |value| value.to_ne_bytes())?)?;
    answer.set_item("reason", bytes(py, &out.reason, |value| value.to_ne_bytes())?)?;
    answer.set_item("dropped", dropped)?;
    Ok(answer)
}

/// A column as the bytes of its numbers, in the machine's order.
fn bytes<'py, T: Copy + Sync, const N: usize>(
    py: Python<'py>,
    column: &[T],
    each: impl Fn(T) -> [u8; N] + Sync,
) -> PyResult<Bound<'py, PyBytes>> {
    let total = column.len().checked_mul(N).ok_or_else(|| PyBufferError::new_err("too many rows"))?;
    PyBytes::new_with(py, total, |out| {
        py.detach(|| {
            for (place, value) in out.chunks_exact_mut(N).zip(column) {
                place.copy_from_slice(&each(*value));
            }
        });
        Ok(())
    })
}

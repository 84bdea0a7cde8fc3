//! The only files that import pyo3. A panic is caught by pyo3 here and becomes an exception; errors are turned into Python once.

use pyo3::prelude::*;

mod backup;
mod bundle;
mod copy;
mod decode;
mod deliveries;
mod engine;
mod explain;
mod hl7_door;
mod replay;
mod score;
mod simulate;
mod stored;
mod window;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    engine::register(module)?;
    replay::register(module)?;
    simulate::register(module)?;
    stored::register(module)?;
    decode::register(module)?;
    deliveries::register(module)?;
    hl7_door::register(module)?;
    window::register(module)?;
    score::register(module)?;
    bundle::register(module)?;
    copy::register(module)?;
    backup::register(module)
}

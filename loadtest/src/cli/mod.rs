//! The command line.

pub mod interrupt;
pub mod list;
pub mod plain;
pub mod run;
pub mod search;
pub mod target;

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Writes a result as JSON; `-` is standard output.
pub fn write_json(path: &Path, result: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(result)?;
    if path == Path::new("-") {
        println!("{text}");
        return Ok(());
    }
    std::fs::write(path, text).with_context(|| format!("{}", path.display()))
}

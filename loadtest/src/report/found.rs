//! A result read from a file: of a run or of a search.

use std::path::Path;

use anyhow::{Context, bail};

use crate::result::{Run, SCHEMA, Search};

/// Bytes of a result's file, at most.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What a file holds.
#[derive(Debug)]
pub enum Found {
    /// One run.
    Run(Box<Run>),
    /// A search for the highest rate.
    Search(Box<Search>),
}

impl Found {
    /// Reads a result; errors name the file, and the schema where it is another one.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("{name}"))?.len();
        if size > FILE_BYTES_MAX {
            bail!("{name} has {size} bytes, more than {FILE_BYTES_MAX}: no result of a run");
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("{name}"))?;
        Self::parse(&text).with_context(|| format!("{name} is no result of nightlamp-loadtest"))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        if schema != Some(u64::from(SCHEMA)) {
            let told = schema.map_or_else(|| "no schema".to_owned(), |schema| format!("schema {schema}"));
            bail!("it has {told}, this program reads schema {SCHEMA}");
        }
        if value.get("steps").is_some() {
            return Ok(Self::Search(serde_json::from_value(value)?));
        }
        Ok(Self::Run(serde_json::from_value(value)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_schema_or_of_something_else_is_refused_with_the_reason() {
        let why = |text: &str| Found::parse(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(why("{\"schema\": 99}"), format!("it has schema 99, this program reads schema {SCHEMA}"));
        assert!(why("{}").contains("no schema") && why("[]").contains("no schema"));
        assert!(why(&format!("{{\"schema\": {SCHEMA}}}")).contains("missing field"));
    }
}

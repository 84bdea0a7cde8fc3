//! Where the result of a run or of a search goes: JSON, a page, or both.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::command::tolerance;
use super::found::Found;
use super::{TOLERANCE, page};
use crate::cli::write_json;
use crate::result::{Run, Search};

/// Options of what is written at the end.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Write the result as JSON here; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the report here: one HTML page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// An earlier result of the same scenario, to compare with in the report.
    #[arg(long, value_name = "OLD.json", requires = "html")]
    pub against: Option<PathBuf>,
    /// Share of change that the comparison counts as noise, 0 to 10.
    #[arg(long, default_value_t = TOLERANCE, value_parser = tolerance)]
    pub tolerance: f64,
}

impl OutputArgs {
    /// The earlier result, read before the run begins so that a wrong name costs no run.
    pub fn earlier(&self) -> anyhow::Result<Option<Found>> {
        self.against.as_deref().map(Found::read).transpose()
    }

    /// Writes a run.
    pub fn run(&self, run: &Run, earlier: Option<&Found>) -> anyhow::Result<()> {
        if let Some(path) = &self.out {
            write_json(path, run)?;
        }
        let Some(path) = &self.html else { return Ok(()) };
        match earlier {
            None => write_page(path, &page::run(run, None, self.tolerance)),
            Some(Found::Run(old)) => write_page(path, &page::run(run, Some(old), self.tolerance)),
            Some(Found::Search(_)) => bail!("--against is the result of a search, this was a run"),
        }
    }

    /// Writes a search.
    pub fn search(&self, search: &Search, earlier: Option<&Found>) -> anyhow::Result<()> {
        if let Some(path) = &self.out {
            write_json(path, search)?;
        }
        let Some(path) = &self.html else { return Ok(()) };
        match earlier {
            None => write_page(path, &page::search(search, None, self.tolerance)),
            Some(Found::Search(old)) => write_page(path, &page::search(search, Some(old), self.tolerance)),
            Some(Found::Run(_)) => bail!("--against is the result of a run, this was a search"),
        }
    }
}

/// Writes a page beside its place first, so that an interrupted write leaves no half page.
pub fn write_page(path: &Path, page: &str) -> anyhow::Result<()> {
    let mut name = path.file_name().context("--html must name a file")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, page).with_context(|| format!("{}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("{}", path.display()))
}

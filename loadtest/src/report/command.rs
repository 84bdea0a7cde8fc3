//! The subcommands `report` and `compare`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::compare::{self, Comparison};
use super::found::Found;
use super::output::write_page;
use super::{TOLERANCE, page, summary};

/// `nightlamp-loadtest report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The result of a run or of a search, as JSON.
    pub result: PathBuf,
    /// An earlier result of the same scenario to compare with.
    #[arg(long, value_name = "OLD.json")]
    pub against: Option<PathBuf>,
    /// Where to write the page; without it the summary is printed alone.
    #[arg(long, value_name = "OUT.html")]
    pub html: Option<PathBuf>,
    /// Share of change that counts as noise, 0 to 10.
    #[arg(long, default_value_t = TOLERANCE, value_parser = tolerance)]
    pub tolerance: f64,
}

/// `nightlamp-loadtest compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The earlier result.
    pub old: PathBuf,
    /// The result to judge.
    pub new: PathBuf,
    /// Share of change that counts as noise, 0 to 10.
    #[arg(long, default_value_t = TOLERANCE, value_parser = tolerance)]
    pub tolerance: f64,
}

/// A share from the command line.
pub fn tolerance(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "expected a share such as 0.1".to_owned())?;
    if (0.0..=10.0).contains(&share) {
        Ok(share)
    } else {
        Err("expected a share between 0 and 10, such as 0.1 for 10 %".to_owned())
    }
}

impl ReportArgs {
    /// Draws the page again and prints the summary. Errors: a file that cannot be read, is no result, or cannot be written.
    pub fn execute(&self) -> anyhow::Result<()> {
        let old = self.against.as_deref().map(Found::read).transpose()?;
        let (page, summary) = match (Found::read(&self.result)?, old) {
            (Found::Run(new), None) => (page::run(&new, None, self.tolerance), summary::run(&new)),
            (Found::Run(new), Some(Found::Run(old))) => (page::run(&new, Some(&old), self.tolerance), summary::run(&new)),
            (Found::Search(new), None) => (page::search(&new, None, self.tolerance), summary::search(&new)),
            (Found::Search(new), Some(Found::Search(old))) => {
                (page::search(&new, Some(&old), self.tolerance), summary::search(&new))
            }
            _ => bail!("one of the two is of a run, the other of a search"),
        };
        if let Some(path) = &self.html {
            write_page(path, &page)?;
        }
        print!("{summary}");
        Ok(())
    }
}

impl CompareArgs {
    /// Prints the table. Returns 1 where a figure became worse beyond the noise, else 0.
    pub fn execute(&self) -> anyhow::Result<u8> {
        let comparison = match (Found::read(&self.old)?, Found::read(&self.new)?) {
            (Found::Run(old), Found::Run(new)) => compare::runs(&old, &new, self.tolerance),
            (Found::Search(old), Found::Search(new)) => compare::search(&old, &new, self.tolerance),
            _ => bail!("one of the two is of a run, the other of a search"),
        };
        print!("{}", compare::table(&comparison));
        Ok(exit_code(&comparison))
    }
}

fn exit_code(comparison: &Comparison) -> u8 {
    u8::from(comparison.regressions() > 0)
}

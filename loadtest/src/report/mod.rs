//! What a run found, for people: one self-contained HTML page, a summary for the terminal, and a comparison with an earlier run.
//!
//! Everything is drawn from the run's JSON (`result`), so that an old run can be drawn again. A page fetches nothing, needs no
//! script to be read (a little one shows values under the pointer) and says every colour in words or signs too. A column of a
//! chart holds several seconds above 600 of them; a page stays under a megabyte however long the run.

mod against;
mod chart;
mod columns;
mod command;
mod compare;
mod counts;
mod curve;
pub mod figures;
mod found;
mod html;
mod levels;
mod output;
pub mod page;
mod ran;
mod scale;
mod stages;
pub mod summary;
mod sweep;
mod timeline;
mod verdict;

pub use command::{CompareArgs, ReportArgs};
pub use output::OutputArgs;

/// Share of change that counts as noise where nothing else is said.
pub const TOLERANCE: f64 = 0.10;

#[cfg(test)]
pub mod example;
#[cfg(test)]
mod tests;
